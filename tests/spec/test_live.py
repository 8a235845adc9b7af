from __future__ import annotations

import math
from typing import Any

import pytest

from cwm_gym.spec import (
    AdvanceRequest,
    AnalysisRequest,
    Annotation,
    BulkResize,
    Document,
    Fault,
    FaultPatch,
    HybridAdvanceRequest,
    InjectTraffic,
    PatternPatch,
    Simulation,
    SimulationPatch,
    SpecError,
    TrafficPattern,
    TroubleshootRequest,
)

WEB = {"id": "web", "type": "compute", "name": "Web", "provider": "aws"}


def test_defaults_are_the_specification_s() -> None:
    assert AdvanceRequest().steps == 1
    hybrid = HybridAdvanceRequest()
    assert (hybrid.steps, hybrid.config.ml_weight, hybrid.config.confidence_threshold) == (
        1,
        0.6,
        0.5,
    )
    assert InjectTraffic().multiplier is None
    assert Annotation(message="x").severity == "info"
    assert not AnalysisRequest().beginner_mode


def test_limits_themselves_are_allowed() -> None:
    assert AdvanceRequest(steps=500).steps == 500
    assert InjectTraffic(multiplier=2).multiplier == 2
    assert InjectTraffic(multiplier=5, resource="web").multiplier == 5


def test_a_size_may_be_called_size() -> None:
    assert BulkResize.model_validate({"size": "s-4vcpu-8gb"}) == BulkResize.model_validate(
        {"dropletSize": "s-4vcpu-8gb"}
    )


@pytest.mark.parametrize("moment", ["2024-01-15T10:01:15Z", "2026-05-01T12:00:00.5+02:00"])
def test_a_moment_is_kept_as_it_was_written(moment: str) -> None:
    event = Annotation.model_validate({"message": "x", "timestamp": moment, "resource": None})
    assert event.to_document() == {"message": "x", "timestamp": moment}


@pytest.mark.parametrize(
    ("cls", "document", "where"),
    [
        (AdvanceRequest, {"steps": 0}, "/steps"),
        (AdvanceRequest, {"steps": 501}, "/steps"),
        (AdvanceRequest, {"steps": 1.5}, "/steps"),
        (AdvanceRequest, {"config": {}}, "/config"),
        (HybridAdvanceRequest, {"config": {"mlWeight": 1.1}}, "/config/mlWeight"),
        (InjectTraffic, {"multiplier": 1.9}, "/multiplier"),
        (InjectTraffic, {"multiplier": 5.1}, "/multiplier"),
        (Annotation, {}, "/message"),
        (Annotation, {"message": ""}, "/message"),
        (Annotation, {"message": "x", "severity": "critical"}, "/severity"),
        (Annotation, {"message": "x", "timestamp": "yesterday"}, "/timestamp"),
        (Annotation, {"message": "x", "timestamp": "2024-01-15T10:01:15"}, "/timestamp"),
        (Annotation, {"message": "x", "timestamp": 5}, "/timestamp"),
        (BulkResize, {}, "/dropletSize"),
        (BulkResize, {"size": "a", "dropletSize": "b"}, "/size"),
        (TroubleshootRequest, {}, "/issue"),
        (SimulationPatch, {"traffic": -1}, "/traffic"),
        (SimulationPatch, {"resources": [{**WEB, "type": "vm"}]}, "/resources/0/type"),
        (SimulationPatch, {"connections": []}, "/connections"),
        (PatternPatch, {"type": "square"}, "/type"),
        (PatternPatch, {"amplitude": -2}, "/amplitude"),
        (FaultPatch, {"endTime": -1}, "/endTime"),
        (FaultPatch, {"type": "cpu_spike"}, "/type"),
    ],
)
def test_wrong_requests_are_refused(
    cls: type[Document], document: dict[str, Any], where: str
) -> None:
    with pytest.raises(SpecError) as caught:
        cls.model_validate(document)
    assert [problem.pointer for problem in caught.value.problems] == [where]


def test_patches_change_what_they_set() -> None:
    simulation = Simulation.model_validate({"name": "Shop", "traffic": 5, "resources": [WEB]})
    patch = SimulationPatch.model_validate({"resources": [{**WEB, "id": "new"}], "traffic": 8})
    changed = simulation.patched(patch.changes())
    assert [resource.id for resource in changed.resources] == ["web", "new"]
    assert (changed.name, changed.traffic) == ("Shop", 8)
    assert simulation.patched(SimulationPatch().changes()) == simulation
    pattern = TrafficPattern.model_validate({"type": "sine", "amplitude": 0.4, "period": 24})
    calmer = pattern.patched(PatternPatch(amplitude=0.2, is_active=False).changes())
    assert (calmer.amplitude, calmer.period, calmer.is_active) == (0.2, 24, False)


def test_a_null_end_makes_a_fault_permanent_and_no_end_leaves_it() -> None:
    fault = Fault.model_validate({"type": "cpu_spike", "startTime": 5, "endTime": 9})
    assert fault.patched(FaultPatch(name="x").changes()).end_step == 9
    permanent = FaultPatch.model_validate({"endTime": None})
    assert permanent.changes() == {"endTime": None}
    assert fault.patched(permanent.changes()).end_step == math.inf
