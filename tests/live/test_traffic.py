from __future__ import annotations

import math

import pytest

from cwm_gym import LiveSimulation, SpecError
from tests.live.running import live, offered


def rates(simulation: LiveSimulation, steps: int) -> list[float]:
    found = []
    for _ in range(steps):
        simulation.step()
        found.append(offered(simulation))
    return found


def test_a_pattern_without_a_start_starts_now() -> None:
    simulation = live()
    simulation.step(7)
    name = simulation.add_pattern({"type": "sine", "amplitude": 0.4, "period": 24})
    expected = [200 * (1 + 0.4 * math.sin(2 * math.pi * (k + 0.5) / 24)) for k in range(6)]
    assert rates(simulation, 6) == pytest.approx(expected)
    assert simulation.patterns() == [
        {"id": name, "type": "sine", "amplitude": 0.4, "period": 24, "startTime": 7}
    ]


def test_a_stated_start_is_a_step_of_the_clock() -> None:
    simulation = LiveSimulation("aws-web-app")
    simulation.remove_pattern("pattern-1")
    simulation.step(3)
    step = {"type": "step", "startTime": 5, "parameters": {"levels": [10, 20], "duration": 4}}
    simulation.add_pattern(step)
    simulation.step(4)
    history = simulation.history()["offered_rps"]
    assert history[4] > 1000 > history[5]


def test_patterns_are_changed_and_removed() -> None:
    simulation = live(workload={"patterns": [{"type": "constant", "amplitude": 0.5}]})
    assert rates(simulation, 1) == pytest.approx([300])
    assert simulation.patch_pattern("pattern-1", {"amplitude": 1.0})["amplitude"] == 1.0
    assert rates(simulation, 1) == pytest.approx([400])
    simulation.patch_pattern("pattern-1", {"isActive": False})
    assert rates(simulation, 1) == pytest.approx([200])
    simulation.patch_pattern("pattern-1", {"isActive": True, "type": "burst", "amplitude": 2})
    assert rates(simulation, 1) == pytest.approx([600])
    simulation.remove_pattern("pattern-1")
    assert rates(simulation, 1) == pytest.approx([200])
    assert simulation.patterns() == []


def test_a_new_amplitude_replaces_what_says_the_same() -> None:
    simulation = LiveSimulation("aws-web-app")
    assert "peakToTrough" in simulation.patterns()[0]["parameters"]
    found = simulation.patch_pattern("pattern-1", {"amplitude": 0.2, "period": 30})
    assert found == {"id": "pattern-1", "type": "wave", "amplitude": 0.2, "period": 30}
    ramp = {"startTraffic": 100, "endTraffic": 300, "duration": 10}
    simulation.add_pattern({"type": "ramp", "id": "up", "parameters": ramp})
    found = simulation.patch_pattern("up", {"period": 5, "amplitude": 1})
    assert found["parameters"] == {"startTraffic": 100}


def test_ids() -> None:
    simulation = live()
    assert simulation.add_pattern({"type": "constant", "id": "pattern-2"}) == "pattern-2"
    assert simulation.add_pattern({"type": "constant"}) == "pattern-1"
    assert simulation.add_pattern({"type": "constant"}) == "pattern-3"


def test_a_surge_lasts() -> None:
    simulation = live()
    simulation.step(2)
    event = simulation.inject_traffic(3)
    assert event["severity"] == "warning"
    assert event["message"] == "Traffic spike injected: 200 → 600 RPS"
    assert rates(simulation, 3) == pytest.approx([600] * 3)
    assert simulation.document()["traffic"] == 600
    simulation.patch({"traffic": 250})
    assert rates(simulation, 1) == pytest.approx([250])


def test_a_surge_multiplies_what_patterns_make_of_the_base() -> None:
    simulation = live(workload={"patterns": [{"type": "burst", "amplitude": 0.5}]})
    simulation.step(2)
    assert simulation.inject_traffic(2)["message"] == "Traffic spike injected: 300 → 600 RPS"
    assert rates(simulation, 2) == pytest.approx([600] * 2)


def test_a_pattern_with_a_level_of_its_own_moves_a_surge_back() -> None:
    levels = {"type": "step", "parameters": {"levels": [100, 120], "duration": 20}}
    burst = {"type": "burst", "amplitude": 1.0, "parameters": {"duration": 50}}
    simulation = live(workload={"patterns": [levels, burst]})
    simulation.step(4)
    assert simulation.inject_traffic(4)["message"] == "Traffic spike injected: 200 → 800 RPS"
    assert len(simulation.patterns()) == 2
    assert rates(simulation, 2) == pytest.approx([800, 200])
    simulation.inject_traffic(2)
    simulation.patch_pattern("pattern-1", {"isActive": True})
    assert rates(simulation, 2) == pytest.approx([400, 200])


def test_drawn_factors_come_from_the_seed() -> None:
    drawn = [
        [simulation.inject_traffic()["metadata"]["multiplier"] for _ in range(3)]
        for simulation in (live(1), live(1), live(2))
    ]
    assert drawn[0] == drawn[1] != drawn[2]
    assert len(set(drawn[0])) == 3
    assert all(2 <= one <= 5 for found in drawn for one in found)


def test_nothing_to_multiply() -> None:
    with pytest.raises(SpecError, match="no traffic to multiply"):
        live(traffic=0).inject_traffic(2)
