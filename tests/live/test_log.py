from __future__ import annotations

import pytest

from cwm_gym import LiveSimulation, SpecError
from tests.live.running import kinds, live


def test_annotations_stand_where_they_were_written() -> None:
    simulation = live()
    simulation.annotate({"message": "before"})
    simulation.act({"type": "scale_out"})
    simulation.step()
    note = simulation.annotate(
        {"id": "note", "message": "after", "severity": "success", "resource": "web",
         "timestamp": "2024-01-15T10:01:15Z"}
    )  # fmt: skip
    assert note == {
        "id": "note",
        "timestamp": 60.0,
        "type": "manual",
        "severity": "success",
        "message": "after",
        "resource": "web",
        "metadata": {"timestamp": "2024-01-15T10:01:15Z"},
    }
    assert kinds(simulation) == ["manual", "scale_out", "instances_ready", "manual"]
    assert simulation.events(1) == [note]
    assert simulation.events(0) == []
    assert len(simulation.events(99)) == 4
    with pytest.raises(SpecError, match="already"):
        simulation.annotate({"id": "note", "message": "again"})


def test_clearing_forgets_and_numbers_go_on() -> None:
    simulation = live()
    simulation.act({"type": "scale_out"})
    simulation.annotate({"id": "event-2", "message": "x"})
    simulation.clear_events()
    assert simulation.events() == []
    simulation.act({"type": "scale_in"})
    assert [event["id"] for event in simulation.events()] == ["event-3"]
    assert [event["kind"] for event in simulation.history().events] == ["scale_out", "scale_in"]


def test_no_event_is_lost_over_many_steps() -> None:
    one, other = (LiveSimulation("aws-web-app", 1) for _ in range(2))
    one.step(400)
    for _ in range(400):
        other.step()
    assert len(one.events()) == int(one.state["n_events"]) > 32
    assert one.events() == other.events()


def test_events_beyond_the_ring_are_counted() -> None:
    simulation = live(tick_seconds=3600, traffic=3000, pool={"autoscaling": True})
    simulation.step(3)
    for _ in range(40):
        simulation.act({"type": "no_op"})
    kept = [event for event in simulation.events() if event["type"] != "events_dropped"]
    told = simulation.events()
    dropped = sum(int(one["message"].split()[0]) for one in told if one not in kept)
    assert len(kept) + dropped == simulation.state["n_events"]


def test_what_is_shown_is_a_copy() -> None:
    simulation = live(faults=[{"type": "cpu_spike", "startTime": 1}])
    simulation.act({"type": "scale_out"})
    for read in (
        simulation.events,
        simulation.resources,
        simulation.faults,
        lambda: [simulation.document()],
        lambda: [simulation.metrics()],
    ):
        before = read()
        read()[0].clear()
        assert read() == before
    simulation.inject_traffic()["metadata"].clear()
    simulation.annotate({"message": "x", "timestamp": "2024-01-15T10:01:15Z"})["metadata"].clear()
    assert all(event["metadata"] for event in simulation.events())
    simulation.events()[0]["metadata"].clear()
    assert simulation.events()[0]["metadata"]
    simulation.state["step"] = 99
    assert simulation.current_step == 0
