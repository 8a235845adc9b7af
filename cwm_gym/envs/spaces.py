"""Spaces of the environments, and actions as the kernel's records."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from cwm_gym.core.actions import (
    ACTION_KINDS,
    CONTINUOUS,
    SET_FLEET,
)
from cwm_gym.core.records import (
    ACTION,
    DISCRETE_ACTIONS,
    MULTI_CPU_PERCENT,
    MULTI_INSTANCES,
    MULTI_KINDS,
    MULTI_POLICIES,
    MULTI_SIZES,
    OBSERVATION,
)
from cwm_gym.envs.observations import dict_space
from cwm_gym.spec.errors import ErrorCode, SpecError, invalid

OBSERVATION_MODES = ("vector", "dict")


def observation_space(mode: str) -> spaces.Box | spaces.Dict:
    """Build the observation space of one environment.

    Args:
        mode: ``vector`` or ``dict``.

    Returns:
        Box of float32, or a Dict of float32 boxes in raw units.
    """
    if mode == "vector":
        low = np.array([c.low for c in OBSERVATION], dtype=np.float32)
        high = np.array([c.high for c in OBSERVATION], dtype=np.float32)
        return spaces.Box(low, high, dtype=np.float32)
    return dict_space()


def action_space(mode: str) -> spaces.Discrete | spaces.Box | spaces.MultiDiscrete:
    """Build the action space of one environment.

    Args:
        mode: ``discrete``, ``continuous`` or ``multi_discrete``.

    Returns:
        Discrete over the action table, a Box of two numbers in [-1, 1], or kind x target x
        magnitude.
    """
    if mode == "discrete":
        return spaces.Discrete(len(DISCRETE_ACTIONS))
    if mode == "multi_discrete":
        return spaces.MultiDiscrete(np.array(MULTI_SIZES, np.int64))
    return spaces.Box(-1.0, 1.0, (2,), np.float32)


def blank_actions(size: int) -> NDArray[Any]:
    """Make no-ops.

    Args:
        size: How many.

    Returns:
        ``ACTION[size]``.
    """
    actions = np.zeros(size, ACTION)
    actions["target"] = -1
    actions["cpu"] = actions["throughput"] = actions["latency_s"] = np.nan
    return actions


def discrete_table() -> NDArray[Any]:
    """Make the record of every discrete action.

    Returns:
        ``ACTION[A]``, to be indexed by the action.
    """
    table = blank_actions(len(DISCRETE_ACTIONS))
    for record, (kind, value) in zip(table, DISCRETE_ACTIONS, strict=True):
        record["kind"] = ACTION_KINDS.index(kind)
        if kind == "adjust_threshold":
            record["cpu"] = value / 100.0
        else:
            record["amount"] = value
    return table


def continuous_actions(pairs: NDArray[np.float64], records: NDArray[Any]) -> NDArray[Any]:
    """Write continuous actions into records.

    Args:
        pairs: float64[N, 2].
        records: ``ACTION[N]``, overwritten.

    Returns:
        ``records``.
    """
    records["kind"] = CONTINUOUS
    records["amount"] = pairs[:, 0]
    records["cpu"] = pairs[:, 1]
    return records


def multi_tables() -> tuple[NDArray[Any], NDArray[Any]]:
    """Make what the parts of a ``multi_discrete`` action stand for.

    Returns:
        ``ACTION[magnitudes]`` with every figure that a magnitude can mean, and int64[kinds], the
        kernel's number of every kind.
    """
    magnitudes = blank_actions(len(MULTI_INSTANCES))
    magnitudes["amount"] = MULTI_INSTANCES
    magnitudes["cpu"] = np.array(MULTI_CPU_PERCENT) / 100.0
    policies = np.array(MULTI_POLICIES, dtype=np.float64)
    magnitudes["critical_cpu"] = policies[:, 0] / 100.0
    magnitudes["warning_cpu"] = policies[:, 1] / 100.0
    magnitudes["critical_steps"] = magnitudes["warning_steps"] = policies[:, 2]
    return magnitudes, np.array([ACTION_KINDS.index(kind) for kind in MULTI_KINDS])


def multi_actions(
    triples: NDArray[np.intp], tables: tuple[NDArray[Any], NDArray[Any]]
) -> NDArray[Any]:
    """Make the records of ``multi_discrete`` actions.

    Args:
        triples: intp[N, 3], checked.
        tables: From :func:`multi_tables`.

    Returns:
        ``ACTION[N]``.
    """
    magnitudes, kinds = tables
    records: NDArray[Any] = magnitudes[triples[:, 2]]
    records["kind"] = kinds[triples[:, 0]]
    records["target"] = triples[:, 1]
    return records


def check_multi(actions: Any, size: int) -> NDArray[np.intp]:
    """Check a batch of ``multi_discrete`` actions.

    Args:
        actions: Integers of shape (size, 3).
        size: Number of environments.

    Returns:
        intp[size, 3].

    Raises:
        SpecError: For a wrong shape, type or range.
    """
    array = np.asarray(actions)
    if array.shape != (size, 3) or array.dtype.kind not in "iu":
        raise bad_action(
            f"an integer array of shape ({size}, 3)", f"shape {array.shape} of {array.dtype}"
        )
    if (array < 0).any() or (array >= np.array(MULTI_SIZES)).any():
        largest = ", ".join(str(size - 1) for size in MULTI_SIZES)
        raise bad_action(f"values from 0 to ({largest})", f"{array.tolist()}")
    return array.astype(np.intp, copy=False)


def fleet_actions(instances: Any, size: int) -> NDArray[Any]:
    """Make actions that set the size of the scaled pool.

    Args:
        instances: One number a world.
        size: Number of worlds.

    Returns:
        ``ACTION[size]``.
    """
    records = blank_actions(size)
    records["kind"] = SET_FLEET
    records["amount"] = instances
    return records


def check_discrete(actions: Any, size: int) -> NDArray[np.intp]:
    """Check a batch of discrete actions.

    Args:
        actions: Integers, one an environment.
        size: Number of environments.

    Returns:
        intp[size].

    Raises:
        SpecError: For a wrong shape, type or range.
    """
    array = np.asarray(actions)
    if array.shape != (size,) or array.dtype.kind not in "iu":
        raise bad_action(
            f"an integer array of shape ({size},)", f"shape {array.shape} of {array.dtype}"
        )
    if size and (array.min() < 0 or array.max() >= len(DISCRETE_ACTIONS)):
        raise bad_action(
            f"values 0..{len(DISCRETE_ACTIONS) - 1}", f"values {array.min()}..{array.max()}"
        )
    return array.astype(np.intp, copy=False)


def check_continuous(actions: Any, size: int) -> NDArray[np.float64]:
    """Check a batch of continuous actions.

    Args:
        actions: Numbers of shape (size, 2).
        size: Number of environments.

    Returns:
        float64[size, 2].

    Raises:
        SpecError: For a wrong shape or type, or NaN.
    """
    array = np.asarray(actions)
    if array.shape != (size, 2) or array.dtype.kind not in "fiu":
        raise bad_action(
            f"a float array of shape ({size}, 2)", f"shape {array.shape} of {array.dtype}"
        )
    array = array.astype(np.float64, copy=False)
    if not math.isfinite(array.sum()):
        raise bad_action("finite numbers", "NaN or infinity")
    return array


def check_pair(action: Any) -> NDArray[np.float64]:
    """Check one continuous action.

    Args:
        action: Two numbers.

    Returns:
        float64[1, 2].

    Raises:
        SpecError: For a wrong shape or type, or NaN.
    """
    array = np.asarray(action)
    if array.shape != (2,):
        raise bad_action("a float array of shape (2,)", f"shape {array.shape} of {array.dtype}")
    return check_continuous(array[np.newaxis], 1)


def bad_action(wanted: str, got: str) -> SpecError:
    """Build the error for an action of the wrong form.

    Args:
        wanted: What the action space takes.
        got: What came.

    Returns:
        The error.
    """
    return invalid(
        "/action",
        f"The action must be {wanted}; got {got}",
        "See env.action_space.",
        ErrorCode.INVALID_REQUEST,
    )
