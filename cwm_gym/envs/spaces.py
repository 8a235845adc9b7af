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
from cwm_gym.core.records import ACTION, DISCRETE_ACTIONS, OBSERVATION
from cwm_gym.spec.errors import ErrorCode, SpecError, invalid

ACTION_MODES = ("discrete", "continuous")
OBSERVATION_MODES = ("vector", "dict")

# Raw observations: name -> (field of the world's sample or a count, factor). Names are those of
# the specification's RLObs and RLMetrics.
DICT_OBSERVATION: tuple[str, ...] = (
    "rps",
    "cpu_util",
    "instances",
    "traffic",
    "currentTime",
    "tick_seconds",
    "cost_usd_hr",
    "latency_p95",
    "error_rate",
    "uptime",
    "sla_violations",
    "connection_pressure",
)
_UPPER = {"cpu_util": 1.0, "error_rate": 1.0, "uptime": 1.0, "sla_violations": 2.0,
          "connection_pressure": 3.0, "tick_seconds": 3600.0}  # fmt: skip
_LARGEST = float(np.finfo(np.float32).max)


def observation_space(mode: str) -> spaces.Box | spaces.Dict:
    """Build the observation space of one environment.

    Args:
        mode: ``vector`` or ``dict``.

    Returns:
        Box of float32, or a Dict of one-element float32 boxes in raw units.
    """
    if mode == "vector":
        low = np.array([c.low for c in OBSERVATION], dtype=np.float32)
        high = np.array([c.high for c in OBSERVATION], dtype=np.float32)
        return spaces.Box(low, high, dtype=np.float32)
    return spaces.Dict(
        {
            name: spaces.Box(0.0, _UPPER.get(name, _LARGEST), (1,), np.float32)
            for name in DICT_OBSERVATION
        }
    )


def action_space(mode: str) -> spaces.Discrete | spaces.Box:
    """Build the action space of one environment.

    Args:
        mode: ``discrete`` or ``continuous``.

    Returns:
        Discrete over the action table, or a Box of two numbers in [-1, 1].
    """
    if mode == "discrete":
        return spaces.Discrete(len(DISCRETE_ACTIONS))
    return spaces.Box(-1.0, 1.0, (2,), np.float32)


def dict_observation(worlds: Any, samples: Any, pool: Any) -> dict[str, NDArray[np.float32]]:
    """Read raw observations out of worlds.

    Args:
        worlds: ``WORLD[N]``.
        samples: ``SAMPLE[N]``, the visible sample of each.
        pool: ``POOL[N]``, the scaled pool of each.

    Returns:
        Name -> float32[N, 1]; fractions are fractions, latency is in ms, ``currentTime`` in steps.
    """
    columns = (
        samples["throughput_rps"],
        samples["utilisation"],
        pool["ready"],
        samples["offered_rps"],
        worlds["step"],
        worlds["tick_s"],
        samples["cost_usd_per_hour"],
        1e3 * samples["latency_p95_s"],
        samples["error_rate"],
        1.0 - samples["error_rate"],
        samples["sla_violations"],
        samples["connection_pressure"],
    )
    return {
        name: np.minimum(column, _LARGEST).astype(np.float32).reshape(-1, 1)
        for name, column in zip(DICT_OBSERVATION, columns, strict=True)
    }


def blank_actions(size: int) -> NDArray[Any]:
    """Make no-ops.

    Args:
        size: How many.

    Returns:
        ``ACTION[size]``.
    """
    actions = np.zeros(size, ACTION)
    actions["pool"] = -1
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
