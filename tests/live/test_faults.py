from __future__ import annotations

from typing import Any

import pytest

from cwm_gym import SpecError
from cwm_gym.core.records import MAX_FAULTS
from tests.live.running import kinds, live, ready

DOWN = {"type": "az_outage", "targetZone": "us-east-1a", "startTime": 2, "endTime": 6}


def states(simulation: Any) -> list[str]:
    return [one["state"] for one in simulation.faults()]


def test_the_life_of_a_fault() -> None:
    simulation = live(pool={"instances": 6})
    name = simulation.add_fault({**DOWN, "id": "zone"})
    assert name == "zone"
    seen = [(states(simulation)[0], ready(simulation))]
    for _ in range(8):
        simulation.step()
        seen.append((states(simulation)[0], ready(simulation)))
    assert [state for state, _ in seen] == [
        *["scheduled"] * 2,
        *["active"] * 4,
        *["over"] * 3,
    ]
    assert [count for _, count in seen] == [6, 6, 6, 4, 4, 4, 4, 6, 6]
    started = [event for event in simulation.events() if event["type"] == "fault_started"]
    assert [event["timestamp"] for event in started] == [120.0]
    assert started[0]["metadata"]["faultId"] == "zone"


def test_faults_of_the_document_are_listed() -> None:
    simulation = live(faults=[DOWN, {**DOWN, "isActive": False}, {**DOWN, "id": "later"}])
    assert [one["id"] for one in simulation.faults()] == ["fault-1", "fault-2", "later"]
    assert states(simulation) == ["scheduled", "over", "scheduled"]
    simulation.step(3)
    assert states(simulation) == ["active", "over", "active"]
    assert [one["id"] for one in simulation.document()["faults"]] == ["fault-1", "fault-2", "later"]
    simulation.patch_fault("fault-2", {"isActive": True})
    assert states(simulation) == ["active"] * 3
    simulation.remove_fault("later")
    assert [one["id"] for one in simulation.faults()] == ["fault-1", "fault-2"]


def test_switching_off_brings_back_what_was_taken() -> None:
    simulation = live(pool={"instances": 6})
    name = simulation.add_fault({**DOWN, "endTime": None})
    simulation.step(20)
    assert (states(simulation), ready(simulation)) == (["active"], 4)
    found = simulation.patch_fault(name, {"isActive": False})
    assert (found["state"], found["isActive"]) == ("over", False)
    assert kinds(simulation)[-1] == "fault_ended"
    # They boot for 45 s.
    assert ready(simulation) == 4
    simulation.step()
    assert ready(simulation) == 6
    assert simulation.patch_fault(name, {"isActive": True})["state"] == "active"
    assert ready(simulation) == 4
    simulation.remove_fault(name)
    simulation.step()
    assert (simulation.faults(), ready(simulation)) == ([], 6)


def test_a_fault_that_is_to_come_is_called_off() -> None:
    simulation = live(pool={"instances": 6})
    simulation.remove_fault(simulation.add_fault(DOWN))
    simulation.patch_fault(simulation.add_fault(DOWN), {"isActive": False})
    simulation.step(4)
    assert "fault_started" not in kinds(simulation)


def test_ends_move() -> None:
    simulation = live(pool={"instances": 6})
    name = simulation.add_fault(DOWN)
    simulation.step(3)
    assert simulation.patch_fault(name, {"endTime": 10})["state"] == "active"
    simulation.step(6)
    assert states(simulation) == ["active"]
    simulation.step(1)
    assert states(simulation) == ["over"]
    # At that very moment it may still be prolonged.
    assert simulation.patch_fault(name, {"endTime": 11})["state"] == "active"
    simulation.step(2)
    assert states(simulation) == ["over"]
    assert kinds(simulation).count("fault_started") == 1
    # It acts again when its end moves beyond now, and for ever without one.
    assert simulation.patch_fault(name, {"endTime": None})["state"] == "active"
    simulation.step(30)
    assert (states(simulation), ready(simulation)) == (["active"], 4)
    assert simulation.patch_fault(name, {"endTime": 5})["state"] == "over"
    simulation.step()
    assert ready(simulation) == 6
    assert simulation.patch_fault(name, {"name": "x"})["state"] == "over"


@pytest.mark.parametrize("end", [1, 5, 20])
def test_a_notice_runs_its_course_whatever_the_end(end: int) -> None:
    simulation = live(pool={"instances": 4, "market": "spot", "interruptionsPerHour": 0.0})
    parameters = {"instances": 2, "noticeSeconds": 180}
    name = simulation.add_fault(
        {"type": "spot_interruption", "startTime": 0, "endTime": 3, "parameters": parameters}
    )
    simulation.step()
    simulation.patch_fault(name, {"endTime": end})
    counts = []
    for _ in range(21):
        simulation.step()
        counts.append(ready(simulation))
    # They are gone from step 3 on and boot for 45 s when it is over.
    back = max(end, 3) - 1
    assert counts[:2] == [4, 4]
    assert counts[2:back] == [2] * (back - 2)
    assert counts[back:] == [4] * (21 - back)


def test_a_leak_ends_at_its_new_end() -> None:
    calm = live().step(10)["latencyP50"]
    simulation = live()
    name = simulation.add_fault({"type": "memory_leak", "startTime": 0, "endTime": 50})
    assert simulation.step(10)["latencyP50"] > 1.1 * calm
    simulation.patch_fault(name, {"endTime": 12})
    simulation.step(1)
    assert states(simulation) == ["active"]
    simulation.step(1)
    assert states(simulation) == ["over"]
    # Until its health has recovered, a resource serves at reduced speed.
    assert simulation.step(12)["latencyP50"] == pytest.approx(calm, rel=0.01)


def test_a_database_comes_back() -> None:
    simulation = live(database=True)
    simulation.step()
    name = simulation.add_fault({"type": "database_crash", "startTime": 0})
    assert simulation.step()["errorRate"] > 90
    assert [one["status"] for one in simulation.resources()][1] == "offline"
    simulation.patch_fault(name, {"isActive": False})
    assert simulation.step()["errorRate"] < 1


def test_windows_that_have_passed() -> None:
    simulation = live()
    simulation.step(10)
    for fault, where in (
        (DOWN, "/endTime"),
        ({"type": "cpu_spike", "injectionTime": 1, "duration": 9}, "/duration"),
    ):
        with pytest.raises(SpecError) as caught:
            simulation.add_fault(fault)
        assert caught.value.problems[0].pointer == where
    # One that is under way begins at once.
    simulation.add_fault({"type": "cpu_spike", "startTime": 1})
    assert states(simulation) == ["active"]
    assert simulation.add_fault({"type": "instance_kill", "startTime": 10}) == "fault-2"
    assert ready(simulation) == 1


def test_a_random_failure_kills_one_instance() -> None:
    simulation = live(pool={"instances": 3, "bootSeconds": 600})
    assert [simulation.inject_failure() for _ in range(3)] == ["fault-1", "fault-2", "fault-3"]
    assert ready(simulation) == 0
    assert [event["metadata"]["instances"] for event in simulation.events()
            if event["type"] == "instances_lost"] == [1, 1, 1]  # fmt: skip
    with pytest.raises(SpecError, match="no healthy instance"):
        simulation.inject_failure()
    # What was lost between steps counts in the next one.
    simulation.step(11)
    assert ready(simulation) == 3


def test_requests_that_a_failure_aborts_are_counted() -> None:
    simulation = live(traffic=380)
    simulation.step(3)
    working = float(simulation.state["pool"]["queue"]["in_service"][0])
    simulation.inject_failure()
    simulation.step()
    assert simulation.history()["failed"][-1] >= 0.5 * working > 0


def test_the_pool_of_a_random_failure_is_drawn() -> None:
    def hit(seed: int) -> list[str]:
        simulation = live(seed, pool={"instances": 8})
        simulation.patch({"resources": [{**simulation.document()["resources"][0], "id": "api"}]})
        simulation.step(3)
        for _ in range(6):
            simulation.inject_failure()
        return [one["targetResourceId"] for one in simulation.faults()]

    assert set(hit(1)) == {"web", "api"}
    assert hit(1) == hit(1)
    assert len({tuple(hit(seed)) for seed in range(5)}) > 1


def test_a_failure_of_choice_starts_now() -> None:
    simulation = live()
    simulation.step(4)
    simulation.inject_failure({"type": "cpu_spike", "duration": 2, "severity": 0.9})
    assert simulation.faults()[0]["startTime"] == 4
    assert states(simulation) == ["active"]
    assert simulation.step()["cpuUsage"] > 60
    simulation.step(2)
    assert states(simulation) == ["over"]
    simulation.inject_failure({"type": "cpu_spike", "injectionTime": 20})
    assert states(simulation) == ["over", "scheduled"]


def test_slots_are_used_again() -> None:
    simulation = live()
    for round_ in range(3):
        for _ in range(MAX_FAULTS):
            simulation.inject_failure({"type": "cpu_spike", "duration": 1, "severity": 0.1})
        with pytest.raises(SpecError, match="No more faults"):
            simulation.inject_failure({"type": "cpu_spike"})
        simulation.step(2)
        assert states(simulation) == ["over"] * MAX_FAULTS * (round_ + 1)
    assert simulation.faults()[-1]["id"] == f"fault-{3 * MAX_FAULTS}"


def test_a_zone_where_nothing_stands_is_known_later() -> None:
    simulation = live()
    simulation.add_fault(
        {"type": "az_outage", "targetZone": "us-east-1f", "startTime": 0, "endTime": None}
    )
    simulation.step()
    assert ready(simulation) == 2
    other = {**simulation.document()["resources"][0], "id": "api"}
    other["characteristics"] = {**other["characteristics"], "zones": ["us-east-1f"]}
    simulation.patch({"resources": [other]})
    simulation.add_pattern({"type": "constant"})
    simulation.step(3)
    assert ready(simulation, "web") == 2
    assert states(simulation) == ["active"]
