"""Actions of ``multi_discrete`` and the documents that say the same."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from cwm_gym.compiler import Program
from cwm_gym.core.queueing.records import BACKEND
from cwm_gym.core.records import MULTI_CPU_PERCENT, MULTI_INSTANCES, MULTI_KINDS, MULTI_POLICIES
from cwm_gym.envs.targets import (
    find_addition,
    find_pool,
    find_tier,
    impossible,
    primary,
    resource_of,
    split_name,
)
from cwm_gym.spec import (
    Action,
    AddResourceParams,
    AdjustThresholdParams,
    RecoveryPolicy,
    RemoveResourceParams,
    ScaleParams,
    SetRecoveryPolicyParams,
)


def multi_from_document(document: Action, program: Program) -> NDArray[np.int64]:
    """Find the ``multi_discrete`` action that a document describes.

    Args:
        document: The action.
        program: The scenario.

    Returns:
        int64[3]: kind, target, magnitude. Parts that mean nothing to the kind are the scaled pool
        and 0.

    Raises:
        SpecError: INVALID_REQUEST where no combination says the same.
    """
    if document.tick_seconds is not None:
        raise impossible("the length of a step is not part of a multi_discrete action")
    given = document.parameters
    target, magnitude = primary(program), 0
    if isinstance(given, ScaleParams):
        target = find_pool(program, given.resource_id, given.node_pool)
        magnitude = _place(MULTI_INSTANCES, given.instance_count, "instanceCount")
    elif isinstance(given, AdjustThresholdParams):
        find_pool(program, given.resource_id, None)
        for name in ("throughput_threshold", "latency_threshold"):
            if getattr(given, name) is not None:
                raise impossible("a multi_discrete action holds a CPU threshold only")
        magnitude = _place(MULTI_CPU_PERCENT, given.cpu_threshold, "cpuThreshold")
    elif isinstance(given, AddResourceParams):
        target = find_addition(program, given)
    elif isinstance(given, RemoveResourceParams):
        target = find_tier(program, given.resource_id, "/parameters/resourceId")
    elif isinstance(given, SetRecoveryPolicyParams):
        target = find_tier(program, given.resource_id, "/parameters/resourceId")
        known = [_policy(*figures) for figures in MULTI_POLICIES]
        wanted = given.recovery_policy
        if wanted not in known:
            raise impossible(
                "this recovery policy is not in the table of magnitudes",
                "/parameters/recoveryPolicy",
            )
        magnitude = known.index(wanted)
    return np.array([MULTI_KINDS.index(document.type), target, magnitude], np.int64)


def document_from_multi(action: Any, program: Program) -> Action:
    """Describe a ``multi_discrete`` action.

    Args:
        action: Kind, target, magnitude.
        program: The scenario.

    Returns:
        The document. The scaled pool is meant where a scaling action names no resource.

    Raises:
        SpecError: INVALID_REQUEST for an action on a target that the scenario has not, or that the
            kind means nothing to.
    """
    number, target, magnitude = (int(part) for part in action)
    kind = MULTI_KINDS[number]
    parameters: dict[str, Any] = {}
    if kind == "adjust_threshold":
        parameters["cpuThreshold"] = MULTI_CPU_PERCENT[magnitude]
    elif kind != "no_op":
        if not program.targets[target]:
            raise impossible(f"there is no resource at target {target}")
        name = program.targets[target]
        if kind in ("scale_out", "scale_in"):
            parameters = _scaling(program, target, magnitude)
        elif kind == "add_resource":
            parameters["resource"] = resource_of(program, target).to_document()
        else:
            parameters["resourceId"] = name
        if kind == "set_recovery_policy":
            policy = _policy(*MULTI_POLICIES[magnitude])
            parameters["recoveryPolicy"] = policy.to_document()
    return Action.model_validate({"type": kind, "parameters": parameters})


def _scaling(program: Program, target: int, magnitude: int) -> dict[str, Any]:
    if target >= BACKEND:
        raise impossible(f"'{program.targets[target]}' has no fleet to scale")
    parameters: dict[str, Any] = {"instanceCount": MULTI_INSTANCES[magnitude]}
    if target != primary(program):
        parameters["resourceId"], node_pool = split_name(program, target)
        if node_pool is not None:
            parameters["nodePool"] = node_pool
    return parameters


def _policy(critical: int, warning: int, steps: int) -> RecoveryPolicy:
    return RecoveryPolicy(
        critical_cpu_threshold=critical,
        critical_steps=steps,
        warning_cpu_threshold=warning,
        warning_steps=steps,
    )


def _place(table: tuple[int, ...], value: Any, name: str) -> int:
    if value not in table:
        known = ", ".join(str(one) for one in table)
        raise impossible(
            f"{name} is {value}; a multi_discrete action knows {known}", f"/parameters/{name}"
        )
    return table.index(value)
