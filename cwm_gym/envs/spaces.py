"""Spaces of the environments, and actions between their three forms: space, record, document."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from cwm_gym.core.actions import (
    ACTION_KINDS,
    CONTINUOUS,
    CPU_CHANGE,
    CPU_HIGHEST,
    CPU_LOWEST,
    CPU_SMALLEST,
    SET_FLEET,
)
from cwm_gym.core.records import ACTION, DISCRETE_ACTIONS, OBSERVATION
from cwm_gym.spec import Action, AdjustThresholdParams, ScaleParams
from cwm_gym.spec.errors import ErrorCode, SpecError, invalid

ACTION_MODES = ("discrete", "continuous")
OBSERVATION_MODES = ("vector", "dict")
_ROUNDING = 1e-5  # of a CPU target, in units of CPU_CHANGE

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


def record_from_document(document: Action, pools: tuple[str, ...]) -> NDArray[Any]:
    """Turn any Action document into a record.

    Args:
        document: The action.
        pools: Names of the compute pools.

    Returns:
        ``ACTION[1]``.

    Raises:
        SpecError: INVALID_REQUEST for types that are not simulated yet, or an unknown target.
    """
    record = blank_actions(1)
    record["tick_s"] = document.tick_seconds or 0.0
    given = document.parameters
    if document.type == "no_op":
        return record
    if isinstance(given, ScaleParams):
        record["kind"] = ACTION_KINDS.index(document.type)
        record["amount"] = given.instance_count
        record["pool"] = _pool(given.resource_id, pools)
        if given.node_pool is not None:
            raise _not_expressed("node pools are not simulated yet", "/parameters/nodePool")
        return record
    if isinstance(given, AdjustThresholdParams):
        record["kind"] = ACTION_KINDS.index(document.type)
        record["pool"] = _pool(given.resource_id, pools)
        for name, value, factor in (
            ("cpu", given.cpu_threshold, 100.0),
            ("throughput", given.throughput_threshold, 100.0),
            ("latency_s", given.latency_threshold, 1000.0),
        ):
            if value is not None:
                record[name] = value / factor
        return record
    raise _not_expressed(f"'{document.type}' is not simulated yet", "/type")


def _pool(name: str | None, pools: tuple[str, ...]) -> int:
    if name is None:
        return -1
    if name not in pools:
        raise _not_expressed(
            f"there is no compute resource '{name}' (there are: {', '.join(pools)})",
            "/parameters/resourceId",
        )
    return pools.index(name)


def _not_expressed(why: str, pointer: str = "") -> SpecError:
    return invalid(
        pointer,
        f"The action cannot be carried out: {why}",
        "See the action space of the environment.",
        ErrorCode.INVALID_REQUEST,
    )


def discrete_from_document(document: Action) -> int:
    """Find the discrete action that a document describes.

    Args:
        document: The action.

    Returns:
        Its index.

    Raises:
        SpecError: INVALID_REQUEST where no entry of the table says the same.
    """
    given = document.parameters
    entry: Any = None
    if document.type == "no_op":
        entry = ("no_op", 0)
    elif isinstance(given, ScaleParams) and given.resource_id is None and given.node_pool is None:
        entry = (document.type, given.instance_count)
    elif (
        isinstance(given, AdjustThresholdParams)
        and given.cpu_threshold is not None
        and given.throughput_threshold is None
        and given.latency_threshold is None
        and given.resource_id is None
    ):
        entry = (document.type, given.cpu_threshold)
    if entry not in DISCRETE_ACTIONS or document.tick_seconds is not None:
        raise _not_expressed("it is not in the table of discrete actions")
    return DISCRETE_ACTIONS.index(entry)


def document_from_discrete(action: int) -> Action:
    """Describe a discrete action.

    Args:
        action: Its index.

    Returns:
        The document.
    """
    kind, value = DISCRETE_ACTIONS[action]
    names = {"no_op": None, "adjust_threshold": "cpuThreshold"}
    name = names.get(kind, "instanceCount")
    return Action.model_validate(
        {"type": kind, "parameters": {} if name is None else {name: value}}
    )


def continuous_from_document(
    document: Action, reach: int, cpu_threshold: float
) -> NDArray[np.float32]:
    """Find the continuous action that a document describes.

    Args:
        document: The action.
        reach: Instances that an action of 1 adds.
        cpu_threshold: The autoscaler's threshold now, a fraction.

    Returns:
        float32[2].

    Raises:
        SpecError: INVALID_REQUEST where the mode cannot express it.
    """
    given = document.parameters
    if document.tick_seconds is not None:
        raise _not_expressed("the length of a step is not part of a continuous action")
    if document.type == "no_op":
        return np.zeros(2, np.float32)
    if isinstance(given, ScaleParams) and given.resource_id is None and given.node_pool is None:
        sign = 1.0 if document.type == "scale_out" else -1.0
        if given.instance_count > reach:
            raise _not_expressed(f"a continuous action moves at most {reach} instances")
        return np.array([sign * given.instance_count / reach, 0.0], np.float32)
    if isinstance(given, AdjustThresholdParams) and given.cpu_threshold is not None:
        wanted = given.cpu_threshold / 100.0
        change = (wanted - cpu_threshold) / CPU_CHANGE
        only = given.throughput_threshold is None and given.latency_threshold is None
        only = only and given.resource_id is None
        reached = CPU_LOWEST <= wanted <= CPU_HIGHEST and abs(change) <= 1.0 + _ROUNDING
        if wanted in (CPU_LOWEST, CPU_HIGHEST):
            # Both directions end at the bound, however close it is.
            change = 1.0 if wanted == CPU_HIGHEST else -1.0
        if only and reached and abs(change) >= CPU_SMALLEST - _ROUNDING:
            smallest = math.copysign(max(abs(change), CPU_SMALLEST + _ROUNDING), change)
            return np.array([0.0, min(max(smallest, -1.0), 1.0)], np.float32)
    raise _not_expressed("a continuous action holds a change of the fleet or of the CPU target")


def document_from_continuous(action: Any, reach: int, cpu_threshold: float) -> Action:
    """Describe a continuous action.

    Args:
        action: Two numbers in [-1, 1].
        reach: Instances that an action of 1 adds.
        cpu_threshold: The autoscaler's threshold now, a fraction.

    Returns:
        The document.

    Raises:
        SpecError: INVALID_REQUEST for an action that changes fleet and CPU target at once.
    """
    fleet, target = (min(max(float(x), -1.0), 1.0) for x in action)
    change = int(np.rint(fleet * reach))
    moves_target = abs(target) >= CPU_SMALLEST
    if change != 0 and moves_target:
        raise _not_expressed("it changes fleet and CPU target at once, a document only one of them")
    if change != 0:
        kind = "scale_out" if change > 0 else "scale_in"
        return Action.model_validate({"type": kind, "parameters": {"instanceCount": abs(change)}})
    if moves_target:
        cpu = min(max(cpu_threshold + target * CPU_CHANGE, CPU_LOWEST), CPU_HIGHEST)
        # A float32 action holds no more than this.
        percent = round(100.0 * cpu, 4)
        return Action.model_validate(
            {"type": "adjust_threshold", "parameters": {"cpuThreshold": percent}}
        )
    return Action.model_validate({"type": "no_op"})


def continuous_reach(maximum: int, minimum: int) -> int:
    """Instances that a continuous fleet action of 1 adds, as the kernel has it.

    Args:
        maximum: Largest fleet.
        minimum: Smallest fleet.

    Returns:
        Half of the range, at least 1.
    """
    return max(1, (maximum - minimum + 1) // 2)


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
