"""Every request example of the specification for running simulations runs here, and shows."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from cwm_gym import LiveSimulation
from tests.live.running import kinds, offered, ready

SIMULATION = "/simulations/{simulationId}"


@pytest.fixture(scope="module")
def openapi(shared: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((shared / "spec" / "000_07ec958b9ea4cb61.txt").read_text())
    return found


def bodies(openapi: dict[str, Any], path: str, method: str) -> list[Any]:
    content = openapi["paths"][path][method]["requestBody"]["content"]["application/json"]
    return [example["value"] for example in content.get("examples", {}).values()]


def sampled(openapi: dict[str, Any], path: str, method: str) -> list[Any]:
    """Bodies that the code samples in curl send."""
    samples = openapi["paths"][path][method].get("x-codeSamples", [])
    sources = [sample["source"] for sample in samples if sample["lang"].lower() == "curl"]
    found = [re.search(r"-d '(.*)'", source, re.DOTALL) for source in sources]
    return [json.loads(one.group(1)) for one in found if one is not None]


def started(openapi: dict[str, Any], index: int = 0) -> LiveSimulation:
    return LiveSimulation(bodies(openapi, "/simulations", "post")[index], seed=1)


def test_all_examples_are_run(openapi: dict[str, Any]) -> None:
    """The paths below, with how many examples and sample bodies each has."""
    counted = {
        (path, method): (len(bodies(openapi, path, method)), len(sampled(openapi, path, method)))
        for path, method in (
            (SIMULATION, "patch"),
            (f"{SIMULATION}/step", "post"),
            (f"{SIMULATION}/patterns", "post"),
            ("/patterns/{patternId}", "patch"),
            (f"{SIMULATION}/failures", "post"),
            ("/failures/{failureId}", "patch"),
            (f"{SIMULATION}/events", "post"),
            (f"{SIMULATION}/bulk-resize", "post"),
        )
    }
    assert list(counted.values()) == [
        (2, 0), (0, 0), (2, 1), (2, 1), (2, 1), (2, 1), (2, 1), (2, 1),
    ]  # fmt: skip
    for path in (f"{SIMULATION}/inject-traffic", f"{SIMULATION}/inject-failure"):
        assert "requestBody" not in openapi["paths"][path]["post"]


def test_simulations_run(openapi: dict[str, Any]) -> None:
    examples = bodies(openapi, "/simulations", "post")
    assert len(examples) == 3
    for index in range(len(examples)):
        simulation = started(openapi, index)
        assert simulation.step(5)["throughput"] > 0
    # The droplets are scaled out within a few steps of the surge, as the example says.
    assert "autoscale_out" in kinds(simulation)
    assert ready(simulation, "r2") > 1


def test_patches(openapi: dict[str, Any]) -> None:
    traffic, resources = bodies(openapi, SIMULATION, "patch")
    simulation = started(openapi)
    simulation.step(2)
    assert offered(simulation) == pytest.approx(5000)
    assert simulation.patch(traffic)["name"] == traffic["name"]
    simulation.step()
    assert offered(simulation) == pytest.approx(12000)
    simulation.patch(resources)
    simulation.step(3)
    assert ready(simulation, "r5") >= 2
    assert simulation.state["pool"]["arrived_tick"][1] > 0


def test_advancing(openapi: dict[str, Any]) -> None:
    schema = openapi["paths"][f"{SIMULATION}/step"]["post"]["requestBody"]["content"]
    steps = schema["application/json"]["schema"]["properties"]["steps"]
    simulation = started(openapi)
    simulation.step(n=steps["example"])
    assert simulation.current_step == steps["example"] == 5
    declared = openapi["paths"][f"{SIMULATION}/metrics"]["get"]["responses"]["200"]["content"]
    names = declared["application/json"]["schema"]["items"]["properties"].keys()
    assert simulation.metrics().keys() <= names


def test_surges(openapi: dict[str, Any]) -> None:
    simulation = started(openapi)
    simulation.step()
    event = simulation.inject_traffic()
    assert event["severity"] == "warning"
    after = re.fullmatch(r"Traffic spike injected: 5000 → (\d+) RPS", event["message"])
    assert after is not None
    simulation.step()
    assert offered(simulation) == pytest.approx(int(after.group(1)), abs=1)
    assert 10_000 <= offered(simulation) <= 25_000


def test_failures_of_one_node(openapi: dict[str, Any]) -> None:
    simulation = started(openapi)
    simulation.step()
    before = ready(simulation, "r2")
    simulation.inject_failure()
    assert ready(simulation, "r2") == before - 1
    assert "instances_lost" in kinds(simulation)


def test_patterns(openapi: dict[str, Any]) -> None:
    wave, ramp = bodies(openapi, f"{SIMULATION}/patterns", "post")
    calm, smaller = bodies(openapi, "/patterns/{patternId}", "patch")
    assert sampled(openapi, f"{SIMULATION}/patterns", "post") == [wave]
    assert sampled(openapi, "/patterns/{patternId}", "patch") == [calm]
    simulation = started(openapi)
    name = simulation.add_pattern(wave)
    simulation.step(6)
    assert offered(simulation) == pytest.approx(7000, rel=0.01)
    assert simulation.patch_pattern(name, smaller)["amplitude"] == 0.2
    simulation.step()
    assert offered(simulation) == pytest.approx(6000, rel=0.02)
    assert simulation.patch_pattern(name, calm)["isActive"] is False
    simulation.step()
    assert offered(simulation) == pytest.approx(5000)
    simulation.add_pattern(ramp)
    simulation.step(21)
    assert offered(simulation) == pytest.approx(12500)


def test_scheduled_failures(openapi: dict[str, Any]) -> None:
    zone, overload = bodies(openapi, f"{SIMULATION}/failures", "post")
    off, longer = bodies(openapi, "/failures/{failureId}", "patch")
    assert sampled(openapi, f"{SIMULATION}/failures", "post") == [zone]
    assert sampled(openapi, "/failures/{failureId}", "patch") == [off]
    simulation = started(openapi)
    names = [simulation.add_fault(one) for one in (zone, overload)]
    simulation.step(5)
    before = ready(simulation, "r2")
    simulation.step()
    assert ready(simulation, "r2") < before
    simulation.patch_fault(names[0], longer)
    simulation.step(30)
    assert [one["state"] for one in simulation.faults()] == ["active", "active"]
    simulation.step(5)
    assert [one["state"] for one in simulation.faults()] == ["over", "active"]
    assert simulation.state["effect"]["held"].max() > 0
    assert simulation.patch_fault(names[1], off)["state"] == "over"
    assert simulation.state["effect"]["held"].max() == 0
    kinds_of = [
        e["metadata"]["fault_kind"] for e in simulation.events() if e["type"] == "fault_started"
    ]
    assert kinds_of == ["az_outage", "database_overload"]


def test_annotations(openapi: dict[str, Any]) -> None:
    simulation = started(openapi)
    examples = bodies(openapi, f"{SIMULATION}/events", "post")
    for body in (*examples, *sampled(openapi, f"{SIMULATION}/events", "post")):
        simulation.annotate(body)
        simulation.step()
        found = [event for event in simulation.events() if event["type"] == "manual"][-1]
        assert {key: found[key] for key in body} == body
    response = openapi["paths"][f"{SIMULATION}/events"]["get"]["responses"]["200"]["content"]
    fields = response["application/json"]["schema"]["items"]["properties"]
    assert fields.keys() - {"simulationId"} <= simulation.events()[0].keys()
    simulation.clear_events()
    assert simulation.events() == []


def test_resizing(openapi: dict[str, Any]) -> None:
    up, down = bodies(openapi, f"{SIMULATION}/bulk-resize", "post")
    assert sampled(openapi, f"{SIMULATION}/bulk-resize", "post") == [up]
    simulation = started(openapi, 2)
    costs = [simulation.step(3)["costPerHour"]]
    capacities = [simulation.program.capacity_rps]
    for body in (up, down):
        assert simulation.bulk_resize(body["dropletSize"]) == {"resizedCount": 1}
        capacities.append(simulation.program.capacity_rps)
        costs.append(simulation.step()["costPerHour"])
    assert capacities[0] == capacities[2] < capacities[1]
    assert costs[1] > costs[2]
