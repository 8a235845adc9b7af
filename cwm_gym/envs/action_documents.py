"""Action documents as records of the kernel, and discrete and continuous actions as documents."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cwm_gym.compiler import Program
from cwm_gym.core.actions import ACTION_KINDS, CPU_CHANGE, CPU_HIGHEST, CPU_LOWEST, CPU_SMALLEST
from cwm_gym.core.records import DISCRETE_ACTIONS
from cwm_gym.envs.spaces import blank_actions
from cwm_gym.envs.targets import find_addition, find_pool, find_tier, impossible
from cwm_gym.spec import (
    Action,
    AddResourceParams,
    AdjustThresholdParams,
    RemoveResourceParams,
    ScaleParams,
    SetRecoveryPolicyParams,
)

_ROUNDING = 1e-5  # of a CPU target, in units of CPU_CHANGE
# As an action holds it: a float32, which lies above the exact figure.
_SMALLEST = float(np.float32(CPU_SMALLEST))


def record_from_document(document: Action, program: Program, world: Any = None) -> NDArray[Any]:
    """Turn any Action document into a record.

    Args:
        document: The action.
        program: The scenario that it is for.
        world: ``WORLD`` record that it is for, to tell which of several like spares is not there
            yet; without it the first one is meant.

    Returns:
        ``ACTION[1]``.

    Raises:
        SpecError: INVALID_REQUEST for a resource that is unknown or does not suit the action, and
            for an added one that does not stand by under ``spares``.
    """
    record = blank_actions(1)
    record["tick_s"] = document.tick_seconds or 0.0
    record["kind"] = ACTION_KINDS.index(document.type)
    given = document.parameters
    if isinstance(given, ScaleParams):
        record["amount"] = given.instance_count
        record["target"] = find_pool(program, given.resource_id, given.node_pool)
    elif isinstance(given, AdjustThresholdParams):
        record["target"] = find_pool(program, given.resource_id, None)
        for name, value, factor in (
            ("cpu", given.cpu_threshold, 100.0),
            ("throughput", given.throughput_threshold, 100.0),
            ("latency_s", given.latency_threshold, 1000.0),
        ):
            if value is not None:
                record[name] = value / factor
    elif isinstance(given, AddResourceParams):
        record["target"] = find_addition(program, given, world)
    elif isinstance(given, RemoveResourceParams):
        record["target"] = find_tier(program, given.resource_id, "/parameters/resourceId")
    elif isinstance(given, SetRecoveryPolicyParams):
        record["target"] = find_tier(program, given.resource_id, "/parameters/resourceId")
        policy = given.recovery_policy
        record["critical_cpu"] = policy.critical_cpu_threshold / 100.0
        record["critical_steps"] = policy.critical_steps
        record["warning_cpu"] = policy.warning_cpu_threshold / 100.0
        record["warning_steps"] = policy.warning_steps
    return record


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
        raise impossible("it is not in the table of discrete actions")
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
        raise impossible("the length of a step is not part of a continuous action")
    if document.type == "no_op":
        return np.zeros(2, np.float32)
    if isinstance(given, ScaleParams) and given.resource_id is None and given.node_pool is None:
        sign = 1.0 if document.type == "scale_out" else -1.0
        if given.instance_count > reach:
            raise impossible(f"a continuous action moves at most {reach} instances")
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
            smallest = math.copysign(max(abs(change), _SMALLEST), change)
            return np.array([0.0, min(max(smallest, -1.0), 1.0)], np.float32)
    raise impossible("a continuous action holds a change of the fleet or of the CPU target")


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
        raise impossible("it changes fleet and CPU target at once, a document only one of them")
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
