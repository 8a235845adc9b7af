from __future__ import annotations

from typing import Any

import pytest

from cwm_gym.spec import EpisodeConfig, ErrorCode, RewardConfig, Simulation, SpecError

WEB = {"id": "web", "type": "compute", "name": "Web", "provider": "aws"}
DB = {"id": "db", "type": "database", "name": "DB", "provider": "aws"}
SHOP: dict[str, Any] = {
    "name": "Shop",
    "resources": [WEB, DB],
    "connections": [{"sourceId": "web", "targetId": "db"}],
}


def failure(data: dict[str, Any]) -> tuple[ErrorCode, str, str]:
    with pytest.raises(SpecError) as caught:
        Simulation.model_validate(data)
    (problem,) = caught.value.problems
    return problem.code, problem.pointer, f"{problem.message}. {problem.suggestion}"


def test_a_scenario_is_one_document() -> None:
    simulation = Simulation.model_validate(
        SHOP
        | {
            "description": "A shop",
            "category": "web",
            "provider": "aws",
            "difficulty": "Traffic doubles faster than machines boot.",
            "traffic": 5000,
            "autoscaling": {"scaleOutCpuThreshold": 70},
            "workload": {
                "noise": {"sigma": 0.19, "correlationSeconds": 125},
                "patterns": [{"type": "sine", "amplitude": 0.4, "period": 24}],
                "forecast": {"name": "f", "dataPoints": [{"timestamp": 0, "rps": 5}]},
                "startOffset": {"low": 0, "high": 30},
            },
            "episode": {"maxSteps": 240},
            "reward": {"kind": "dollars", "kappa": 3},
        }
    )
    assert simulation.episode == EpisodeConfig(max_steps=240)
    assert simulation.reward == RewardConfig(kind="dollars", kappa=3)
    assert simulation.workload is not None
    assert simulation.workload.noise.sigma == 0.19
    assert simulation.workload.patterns[0].period == 24
    assert simulation.traffic == 5000
    assert Simulation.model_validate(SHOP).traffic == 1000


def test_no_resources_are_an_invalid_request() -> None:
    code, where, text = failure({"name": "x", "resources": []})
    assert (code, where) == (ErrorCode.INVALID_REQUEST, "/resources")
    assert "at least one resource" in text


@pytest.mark.parametrize("field", ["name", "resources"])
def test_required_fields(field: str) -> None:
    code, where, _ = failure({k: v for k, v in SHOP.items() if k != field and k != "connections"})
    assert (code, where) == (ErrorCode.MISSING_REQUIRED, f"/{field}")


def test_ids_are_unique_and_connections_lead_somewhere() -> None:
    code, where, text = failure(SHOP | {"resources": [WEB, DB, WEB]})
    assert (code, where) == (ErrorCode.INVALID_FIELD, "/resources/2/id")
    assert "'web' is already used by resource 0" in text
    connections = [{"sourceId": "web", "targetId": "bd"}]
    code, where, text = failure(SHOP | {"connections": connections})
    assert (code, where) == (ErrorCode.INVALID_FIELD, "/connections/0/targetId")
    assert text == "Unknown resource 'bd'. Known resources: db, web."


@pytest.mark.parametrize("traffic", [-1, True, "1000"])
def test_traffic_is_a_rate(traffic: object) -> None:
    assert failure(SHOP | {"traffic": traffic})[1] == "/traffic"


def test_crossed_offsets_are_refused() -> None:
    workload = {"startOffset": {"low": 5, "high": 4}}
    assert failure(SHOP | {"workload": workload})[1] == "/workload/startOffset/low"


def test_patching_appends_and_replaces_resources() -> None:
    simulation = Simulation.model_validate(SHOP)
    grown = simulation.patched({"resources": [{**WEB, "id": "web-2"}, {**WEB, "name": "New"}]})
    assert [(r.id, r.name) for r in grown.resources] == [
        ("web", "New"),
        ("db", "DB"),
        ("web-2", "Web"),
    ]
    assert grown.connections == simulation.connections
    assert simulation.patched({"traffic": 12000}).traffic == 12000
    twice = [{**WEB, "id": "new"}, {**WEB, "id": "new"}]
    with pytest.raises(SpecError, match="already used"):
        simulation.patched({"resources": twice})
    with pytest.raises(SpecError, match="/resources/2"):
        simulation.patched({"resources": [5]})
