"""Events as dictionaries and as documents."""

from __future__ import annotations

import json

import gymnasium as gym
import numpy as np
import pytest

from cwm_gym.core.events import EVENT_KINDS, EVENT_VALUES
from cwm_gym.core.records import EVENT, MAX_EVENTS, WORLD
from cwm_gym.envs.events import event_document, events_between, events_since
from tests.documents import ENV_ID, service
from tests.envs.landscape import FAULTS, landscape

TARGETS = ("web", *[""] * 15)


def ring(count: int) -> np.ndarray:
    found = np.zeros(MAX_EVENTS, EVENT)
    for number in range(count):
        found[number % MAX_EVENTS] = (number, 0, 0, number, 2, 0)
    return found


@pytest.mark.parametrize("last", [0, 1, 31, 32, 33, 50, 64, 65])
@pytest.mark.parametrize("new", [0, 1, 5, 31, 32, 40, 100])
def test_the_ring_is_read_in_order(last: int, new: int) -> None:
    first = max(0, last - new)
    found = events_between(ring(last), first, last, TARGETS)
    assert [event["value"] for event in found] == list(range(max(first, last - MAX_EVENTS), last))


def test_a_world_tells_its_events() -> None:
    world = np.zeros((), WORLD)
    world["event"] = ring(40)
    world["n_events"] = 40
    assert [event["instances"] for event in events_since(world, 37, TARGETS)] == [37, 38, 39]


@pytest.mark.parametrize("kind", EVENT_KINDS)
def test_every_kind_reads_and_is_a_document(kind: str) -> None:
    one = np.zeros(MAX_EVENTS, EVENT)
    one[0] = (60.0, EVENT_KINDS.index(kind), 0, 1.0, 2.0, 3.0)
    (event,) = events_between(one, 0, 1, TARGETS)
    assert (event["time_s"], event["kind"], event["resource"], event["value"]) == (
        60.0,
        kind,
        "web",
        1.0,
    )
    named = {name for name in EVENT_VALUES[kind] if name}
    assert set(event) == {"time_s", "kind", "resource", "value", *named}
    document = json.loads(json.dumps(event_document(event)))
    assert document["type"] == kind
    assert document["timestamp"] == 60.0
    assert document["severity"] in ("info", "warning", "error", "success")
    assert document["message"].startswith("web: ")
    assert "{" not in document["message"]


def test_numbers_that_stand_for_names_are_names() -> None:
    one = np.zeros(MAX_EVENTS, EVENT)
    one[0] = (0, EVENT_KINDS.index("health_changed"), -1, 3, 0.5, 1)
    one[1] = (0, EVENT_KINDS.index("fault_started"), 0, 6, 0.5, 2)
    one[2] = (0, EVENT_KINDS.index("action_ignored"), -1, 2, 0, 0)
    health, fault, ignored = events_between(one, 0, 3, TARGETS)
    assert (health["status"], health["before"], health["resource"]) == ("offline", "warning", None)
    assert (fault["fault_kind"], fault["severity"], fault["fault"]) == ("database_crash", 0.5, 2)
    assert ignored["action_kind"] == "scale_in"


def test_exhausted_connections_are_written_as_the_specification_does() -> None:
    one = np.zeros(MAX_EVENTS, EVENT)
    one[0] = (0, EVENT_KINDS.index("connections_exhausted"), 8, 1.5, 96, 100)
    (event,) = events_between(one, 0, 1, ("",) * 8 + ("db",) + ("",) * 7)
    assert event_document(event)["metadata"] == {
        "activeConnections": 96,
        "maxConnections": 100,
        "connectionUtilizationPct": 96.0,
        "pressure": 1.5,
    }


def test_info_names_the_resources() -> None:
    reclaim = {"type": "spot_interruption", "startTime": 26}
    env = gym.make(ENV_ID, simulation=landscape(), faults=[*FAULTS, reclaim])
    env.reset(seed=1)
    seen: dict[str, set[str | None]] = {}
    for _ in range(35):
        for event in env.step(0)[4]["events"]:
            seen.setdefault(event["kind"], set()).add(event["resource"])
    assert {"web", "worker"} <= seen["instances_lost"]
    assert "db" in seen["failover"]
    assert "cluster/green" in seen["interruption_notice"]
    assert None in seen["fault_started"]


def test_a_plain_step_still_tells_the_fleets_size() -> None:
    env = gym.make(ENV_ID, simulation=service())
    env.reset(seed=0)
    first, second = env.step(2)[4]["events"][:2]
    assert (first["kind"], first["instances"], first["desired"]) == ("scale_out", 2, 4)
    assert (second["kind"], second["instances"], second["ready"]) == ("instances_ready", 2, 4)
