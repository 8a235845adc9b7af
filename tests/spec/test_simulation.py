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
            "faults": [{"type": "database_crash", "startTime": 30, "targetResourceId": "db"}],
            "faultSampling": {"ratesPerHour": {"instance_kill": 2}},
            "spares": [{**WEB, "id": "extra"}],
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
    assert simulation.faults[0].kind == "database_crash"
    assert simulation.fault_sampling is not None
    assert simulation.fault_sampling.rates()["instance_kill"] == 2
    assert [spare.id for spare in simulation.spares] == ["extra"]
    assert Simulation.model_validate(simulation.to_document()) == simulation
    assert hash(simulation) == hash(Simulation.model_validate(simulation.to_document()))
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


CHAIN = [{**WEB, "id": name} for name in "abcd"]


def joined(*edges: str) -> dict[str, Any]:
    connections = [{"sourceId": edge[0], "targetId": edge[1]} for edge in edges]
    return {"name": "x", "resources": CHAIN[:3], "spares": CHAIN[3:], "connections": connections}


def test_a_cycle_of_connections_is_named() -> None:
    code, where, text = failure(joined("ab", "bc", "ac", "ca"))
    assert (code, where) == (ErrorCode.INVALID_FIELD, "/connections/3")
    assert text.startswith("The connections form a cycle: a -> b -> c -> a. ")
    assert "cycle: b -> d -> b." in failure(joined("ab", "db", "bd"))[2]


def test_parallel_paths_are_no_cycle() -> None:
    simulation = Simulation.model_validate(joined("ab", "ac", "bd", "cd", "ab"))
    assert len(simulation.connections) == 5


def test_a_self_loop_and_an_unknown_end_are_not_called_cycles() -> None:
    assert failure(joined("aa"))[1] == "/connections/0/targetId"
    with pytest.raises(SpecError) as caught:
        Simulation.model_validate(joined("ax", "xa"))
    assert [p.pointer for p in caught.value.problems] == [
        "/connections/0/targetId",
        "/connections/1/sourceId",
    ]


def test_spares_have_ids_of_their_own() -> None:
    _, where, text = failure(SHOP | {"spares": [WEB]})
    assert where == "/spares/0/id"
    assert "'web' is already used by resource 0" in text
    extra = {**WEB, "id": "extra"}
    _, where, text = failure(SHOP | {"spares": [extra, extra]})
    assert where == "/spares/1/id"
    assert "'extra' is already used by spare 0" in text


@pytest.mark.parametrize(
    ("fault", "where"),
    [
        ({"type": "cpu_spike", "targetResourceId": "wbe"}, "targetResourceId"),
        ({"type": "kill_instance", "targetId": "wbe"}, "targetId"),
        ({"type": "az_outage", "targetResourceId": "wbe"}, "targetResourceId"),
    ],
)
def test_faults_hit_resources_that_exist(fault: dict[str, Any], where: str) -> None:
    _, found, text = failure(SHOP | {"faults": [fault | {"startTime": 0}]})
    assert found == f"/faults/0/{where}"
    assert text == "Unknown resource 'wbe'. Known resources: web, db."


@pytest.mark.parametrize(
    "fault",
    [
        {"type": "network_partition", "targetId": "nyc3-sfo3-link"},
        {"type": "kill_zone", "targetId": "nyc3"},
        {"type": "cpu_spike", "targetId": "extra"},
        {"type": "traffic_spike"},
    ],
)
def test_links_zones_and_spares_may_be_hit(fault: dict[str, Any]) -> None:
    spares = [{**WEB, "id": "extra"}]
    document = SHOP | {"spares": spares, "faults": [fault | {"startTime": 0}]}
    assert len(Simulation.model_validate(document).faults) == 1


def test_fault_ids_are_unique() -> None:
    fault = {"id": "f", "type": "cpu_spike", "startTime": 0}
    assert failure(SHOP | {"faults": [fault, fault]})[1] == "/faults/1/id"
    unnamed = {"type": "cpu_spike", "startTime": 0}
    assert len(Simulation.model_validate(SHOP | {"faults": [unnamed, unnamed]}).faults) == 2


@pytest.mark.parametrize("end", [5, None, [], {}])
def test_wrong_ends_of_connections_are_refused(end: object) -> None:
    connections = [{"sourceId": "web", "targetId": end}]
    assert failure(SHOP | {"connections": connections})[1] == "/connections/0/targetId"
