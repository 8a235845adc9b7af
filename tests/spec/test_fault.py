from __future__ import annotations

import math
from typing import Any, get_args

import numpy as np
import pytest

from cwm_gym.spec import (
    DEFAULT_SEVERITY,
    FAULT_ALIASES,
    FAULT_KINDS,
    Fault,
    FaultKind,
    FaultParameters,
    FaultType,
    SpecError,
)

SPIKE: dict[str, Any] = {"type": "cpu_spike", "startTime": 5}


def fault(document: dict[str, Any]) -> Fault:
    found = Fault.model_validate(document)
    again = Fault.model_validate(found.to_document())
    assert again == found
    assert hash(again) == hash(found)
    return found


def failures(document: dict[str, Any]) -> dict[str, str]:
    with pytest.raises(SpecError) as caught:
        Fault.model_validate(document)
    return {p.pointer: f"{p.message}. {p.suggestion}" for p in caught.value.problems}


def test_shape_a_has_canonical_answers() -> None:
    found = fault(
        {
            "id": "fail-1",
            "simulationId": "sim-1",
            "name": "AZ Outage",
            "type": "az_outage",
            "startTime": 5,
            "endTime": 25,
            "targetResourceId": None,
            "targetZone": "us-east-1a",
            "isActive": True,
        }
    )
    assert (found.kind, found.start_step, found.end_step) == ("az_outage", 5, 25)
    assert (found.target, found.zone) == (None, "us-east-1a")
    assert found.severity_value == 1.0
    assert found.is_active


def test_shape_b_says_the_same_in_other_words() -> None:
    found = fault(
        {
            "type": "kill_zone",
            "targetId": "nyc3",
            "injectionTime": 15,
            "duration": 120,
            "severity": 0.8,
        }
    )
    assert (found.kind, found.start_step, found.end_step) == ("az_outage", 15, 135)
    assert (found.target, found.zone, found.severity_value) == (None, "nyc3", 0.8)
    killed = fault({"type": "kill_instance", "targetId": "web-1", "injectionTime": 1})
    assert (killed.kind, killed.target, killed.zone) == ("instance_kill", "web-1", None)
    delayed = fault({"type": "network_delay", "targetId": "a-b-link", "injectionTime": 1})
    assert (delayed.kind, delayed.target) == ("network_latency", "a-b-link")


def test_the_walkthrough_s_shape_has_a_word_and_parameters() -> None:
    found = fault(
        {
            "name": "us-east-1a outage",
            "type": "az_outage",
            "targetResourceId": "web-1",
            "severity": "severe",
            "startTime": 0,
            "parameters": {"errorRateIncrease": 0.4},
        }
    )
    assert (found.target, found.zone, found.severity_value) == ("web-1", None, 0.8)
    assert found.end_step == math.inf
    assert found.parameters == FaultParameters(error_rate_increase=0.4)


@pytest.mark.parametrize("end", [{}, {"endTime": None}, {"duration": None}])
def test_a_fault_without_an_end_is_permanent_unless_it_happens_once(end: dict[str, Any]) -> None:
    for kind in FAULT_KINDS:
        once = kind in ("instance_kill", "spot_interruption")
        found = fault({"type": kind, "startTime": 5} | end)
        assert found.end_step == (5 if once else math.inf)


def test_an_instance_kill_with_a_window_lasts() -> None:
    assert fault({"type": "instance_kill", "startTime": 5, "endTime": 9}).end_step == 9
    assert fault({"type": "instance_kill", "startTime": 5, "duration": 9}).end_step == 14


@pytest.mark.parametrize(
    ("severity", "value"),
    [("low", 0.25), ("moderate", 0.5), ("severe", 0.8), ("critical", 1.0), (0, 0.0), (1, 1.0)],
)
def test_severity_is_a_number_or_a_word(severity: object, value: float) -> None:
    assert fault(SPIKE | {"severity": severity}).severity_value == value
    assert fault(SPIKE | {"severity": np.float64(0.5)}).severity == 0.5


def test_every_kind_has_a_default_severity() -> None:
    assert tuple(DEFAULT_SEVERITY) == FAULT_KINDS == get_args(FaultKind)
    losses = {kind for kind, value in DEFAULT_SEVERITY.items() if value == 1.0}
    assert losses == {
        "instance_kill",
        "az_outage",
        "network_partition",
        "database_crash",
        "spot_interruption",
    }
    assert fault(SPIKE).severity_value == 0.5
    assert set(get_args(FaultType)) == {*FAULT_KINDS, *FAULT_ALIASES}


def test_an_unknown_kind_is_met_with_all_and_the_closest() -> None:
    found = failures({"type": "az_outag"})
    assert set(found) == {"/type", "/startTime"}
    assert found["/type"].endswith("Did you mean 'az_outage'?")
    assert all(kind in found["/type"] for kind in get_args(FaultType))
    assert "must be a text" in failures({"type": 5, "startTime": 1})["/type"]


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"endTime": 5}, "/endTime"),
        ({"endTime": 4, "duration": 2}, "/endTime"),
        ({"endTime": -1}, "/endTime"),
        ({"endTime": 9, "duration": 5}, "/duration"),
        ({"duration": 0}, "/duration"),
        ({"startTime": -1}, "/startTime"),
        ({"startTime": None}, "/startTime"),
        ({"injectionTime": 5}, "/injectionTime"),
        ({"severity": 1.01}, "/severity"),
        ({"severity": -0.01}, "/severity"),
        ({"severity": "bad"}, "/severity"),
        ({"severity": True}, "/severity"),
        ({"severity": math.nan}, "/severity"),
        ({"severity": [1]}, "/severity"),
        ({"isActive": 1}, "/isActive"),
        ({"targetZone": "us-east-1a"}, "/targetZone"),
        ({"targetResourceId": "a", "targetId": "b"}, "/targetId"),
        ({"type": "az_outage", "targetZone": "a", "targetId": "b"}, "/targetId"),
        ({"parameters": {"multiplier": 2}}, "/parameters/multiplier"),
        ({"parameters": {"latencyMs": 2}}, "/parameters/latencyMs"),
        ({"parameters": {"instances": 2}}, "/parameters/instances"),
        ({"parameters": {"noticeSeconds": 2}}, "/parameters/noticeSeconds"),
        ({"parameters": {"slowdown": 0.9}}, "/parameters/slowdown"),
        ({"parameters": {"errorRateIncrease": 40}}, "/parameters/errorRateIncrease"),
        ({"parameters": {"slow": 2}}, "/parameters/slow"),
        (
            {"type": "instance_kill", "parameters": {"errorRateIncrease": 0.4}},
            "/parameters/errorRateIncrease",
        ),
        ({"type": "traffic_spike", "parameters": {"slowdown": 2}}, "/parameters/slowdown"),
        ({"type": "traffic_spike", "parameters": {"multiplier": 0.5}}, "/parameters/multiplier"),
        ({"type": "instance_kill", "parameters": {"instances": 0}}, "/parameters/instances"),
    ],
)
def test_wrong_faults_are_refused(changes: dict[str, Any], where: str) -> None:
    assert list(failures(SPIKE | changes)) == [where]


def test_words_that_agree_may_stand_beside_each_other() -> None:
    assert fault(SPIKE | {"endTime": 9, "duration": 4}).end_step == 9
    assert fault(SPIKE | {"targetResourceId": "a", "targetId": "a"}).target == "a"
    both = {"type": "az_outage", "startTime": 0, "targetZone": "z", "targetResourceId": "a"}
    assert (fault(both).zone, fault(both).target) == ("z", "a")


@pytest.mark.parametrize(
    ("kind", "parameters"),
    [
        ("spot_interruption", {"instances": 3, "noticeSeconds": 120}),
        ("instance_kill", {"instances": 2}),
        ("traffic_spike", {"multiplier": 4}),
        ("network_delay", {"latencyMs": 80, "errorRateIncrease": 0.1}),
        ("database_slowdown", {"slowdown": 3}),
    ],
)
def test_parameters_that_mean_something_are_kept(kind: str, parameters: dict[str, Any]) -> None:
    found = fault({"type": kind, "startTime": 0, "parameters": parameters})
    assert found.parameters == FaultParameters.model_validate(parameters)


def test_a_patch_of_the_end_replaces_the_other_way_to_write_it() -> None:
    lasting = fault(SPIKE | {"duration": 4})
    assert lasting.patched({"endTime": 40}).end_step == 40
    assert lasting.patched({"end_time": None}).end_step == math.inf
    assert fault(SPIKE | {"endTime": 9}).patched({"duration": 2}).end_step == 7
    assert not lasting.patched({"isActive": False}).is_active
    assert lasting.patched({"isActive": False}).end_step == 9
    with pytest.raises(SpecError, match="/endTime"):
        lasting.patched({"endTime": 3})
