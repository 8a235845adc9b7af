from __future__ import annotations

from typing import Any

import pytest

from cwm_gym.spec import (
    PARAMS,
    Action,
    AddResourceParams,
    AdjustThresholdParams,
    BatchStepRequest,
    Document,
    ErrorCode,
    NoParams,
    RecoveryPolicy,
    RemoveResourceParams,
    ScaleParams,
    SetRecoveryPolicyParams,
    SpecError,
    StepRequest,
)

POLICY = {
    "criticalCpuThreshold": 90,
    "criticalSteps": 2,
    "warningCpuThreshold": 75,
    "warningSteps": 2,
}
WEB = {"id": "web", "type": "compute", "name": "Web", "provider": "aws"}


@pytest.mark.parametrize(
    ("kind", "parameters", "expected"),
    [
        ("no_op", {}, NoParams()),
        ("scale_out", {"instanceCount": 2}, ScaleParams(instance_count=2)),
        ("scale_out", {}, ScaleParams(instance_count=1)),
        ("scale_out", None, ScaleParams(instance_count=1)),
        ("scale_in", {"resourceId": "web"}, ScaleParams(resource_id="web")),
        ("adjust_threshold", {"cpuThreshold": 65}, AdjustThresholdParams(cpu_threshold=65)),
        ("adjust_threshold", {}, AdjustThresholdParams()),
        (
            "add_resource",
            {"resourceType": "security", "provider": "aws", "regionKey": "use1"},
            AddResourceParams(resource_type="security", provider="aws", region_key="use1"),
        ),
        ("remove_resource", {"resourceId": "web"}, RemoveResourceParams(resource_id="web")),
        (
            "set_recovery_policy",
            {"resourceId": "web", "recoveryPolicy": POLICY},
            SetRecoveryPolicyParams(
                resource_id="web", recovery_policy=RecoveryPolicy.model_validate(POLICY)
            ),
        ),
    ],
)
def test_the_type_decides_how_parameters_are_read(
    kind: str, parameters: dict[str, Any] | None, expected: Document
) -> None:
    document = {"type": kind} | ({} if parameters is None else {"parameters": parameters})
    action = Action.model_validate(document)
    assert action.parameters == expected
    assert type(action.parameters) is PARAMS[kind]
    assert Action.model_validate(action.to_document()) == action
    assert Action.model_validate(action.model_dump(by_alias=True, exclude_none=True)) == action


@pytest.mark.parametrize(
    ("document", "code", "where"),
    [
        ({}, ErrorCode.MISSING_REQUIRED, "/type"),
        ({"type": "scale_ot"}, ErrorCode.INVALID_FIELD, "/type"),
        ({"type": "no_op", "tick_seconds": 0}, ErrorCode.INVALID_FIELD, "/tick_seconds"),
        ({"type": "no_op", "parameters": 3}, ErrorCode.INVALID_FIELD, "/parameters"),
        (
            {"type": "scale_out", "parameters": {"instanceCount": 0}},
            ErrorCode.INVALID_FIELD,
            "/parameters/instanceCount",
        ),
        (
            {"type": "scale_out", "parameters": {"instance_count": True}},
            ErrorCode.INVALID_FIELD,
            "/parameters/instance_count",
        ),
        (
            {"type": "scale_in", "parameters": {"cpuThreshold": 50}},
            ErrorCode.INVALID_FIELD,
            "/parameters/cpuThreshold",
        ),
        (
            {"type": "adjust_threshold", "parameters": {"cpuThreshold": 101}},
            ErrorCode.INVALID_FIELD,
            "/parameters/cpuThreshold",
        ),
        (
            {"type": "remove_resource", "parameters": {}},
            ErrorCode.MISSING_REQUIRED,
            "/parameters/resourceId",
        ),
        (
            {"type": "add_resource", "parameters": {"resourceType": "compute"}},
            ErrorCode.MISSING_REQUIRED,
            "/parameters/provider",
        ),
        (
            {"type": "add_resource", "parameters": {"resource": WEB, "targetSize": "m5.large"}},
            ErrorCode.INVALID_FIELD,
            "/parameters/targetSize",
        ),
        (
            {"type": "add_resource", "parameters": {"resourceType": "compute", "provider": "gce"}},
            ErrorCode.UNKNOWN_PROVIDER,
            "/parameters/provider",
        ),
        (
            {
                "type": "set_recovery_policy",
                "parameters": {
                    "resourceId": "web",
                    "recoveryPolicy": {k: v for k, v in POLICY.items() if k != "warningSteps"},
                },
            },
            ErrorCode.MISSING_REQUIRED,
            "/parameters/recoveryPolicy/warningSteps",
        ),
    ],
)
def test_wrong_actions_are_refused(document: dict[str, Any], code: ErrorCode, where: str) -> None:
    with pytest.raises(SpecError) as caught:
        Action.model_validate(document)
    assert [(p.code, p.pointer) for p in caught.value.problems] == [(code, where)]


def test_built_in_python() -> None:
    assert Action(type="scale_out") == Action(type="scale_out", parameters=ScaleParams())
    assert Action(type="no_op").parameters == NoParams()
    with pytest.raises(SpecError, match="/parameters"):
        Action(type="scale_out", parameters=RemoveResourceParams(resource_id="web"))


def test_the_step_request_brings_its_own_tick() -> None:
    request = {"action": {"type": "scale_out", "parameters": {}}, "tick_seconds": 300}
    action = Action.from_document(request)
    assert action == Action(type="scale_out", tick_seconds=300)
    assert Action.from_document(action) is action
    assert Action.from_document(request["action"]).tick_seconds is None  # type: ignore[arg-type]
    with pytest.raises(SpecError, match="/action/type"):
        Action.from_document({"action": {"type": "x"}})
    assert StepRequest.model_validate(request).tick_seconds == 300


def test_a_batch_holds_one_to_thirty_steps() -> None:
    step = {"action": {"type": "no_op", "parameters": {}}}
    assert len(BatchStepRequest.model_validate({"steps": [step] * 30}).steps) == 30
    for count in (0, 31):
        with pytest.raises(SpecError, match="/steps"):
            BatchStepRequest.model_validate({"steps": [step] * count})


def test_a_recovery_policy_s_thresholds_are_in_order() -> None:
    policy = POLICY | {"warningCpuThreshold": 91}
    with pytest.raises(SpecError) as caught:
        SetRecoveryPolicyParams.model_validate({"resourceId": "web", "recoveryPolicy": policy})
    (problem,) = caught.value.problems
    assert problem.pointer == "/recoveryPolicy/warningCpuThreshold"
    assert "is above criticalCpuThreshold (90)" in problem.message
