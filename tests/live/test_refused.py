"""A refused call leaves the simulation exactly as it was."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from cwm_gym import LiveSimulation, SpecError
from tests.live.running import everything, live

WEB = {"id": "web", "type": "compute", "name": "w", "provider": "aws"}
EIGHT = [{"type": "wave", "amplitude": 0.1, "period": 9}] * 8
Call = Callable[[LiveSimulation], Any]


def busy() -> LiveSimulation:
    """A simulation with two pools, a database, patterns and faults, in the middle of things."""
    faults = [
        {"type": "cpu_spike", "startTime": 1, "endTime": 50, "severity": 0.2},
        {"type": "az_outage", "startTime": 90, "targetZone": "us-east-1a", "id": "zone"},
    ]
    simulation = live(3, database=True, workload={"patterns": EIGHT[:7]}, faults=faults)
    simulation.add_pattern({**EIGHT[0], "id": "last"})
    simulation.step(4)
    simulation.annotate({"id": "note", "message": "x"})
    # A tick is open: what happens between steps has begun.
    simulation.act({"type": "scale_out", "parameters": {"instanceCount": 2}})
    simulation.inject_failure()
    return simulation


def act(kind: str, **parameters: Any) -> Call:
    return lambda simulation: simulation.act({"type": kind, "parameters": parameters})


REFUSED: dict[str, tuple[Call, str]] = {
    "no step": (lambda s: s.step(0), "/steps"),
    "too many steps": (lambda s: s.step(501), "/steps"),
    "half a step": (lambda s: s.step(1.5), "/steps"),
    "the past": (lambda s: s.run_until(2), "/step"),
    "weak surge": (lambda s: s.inject_traffic(1.9), "/multiplier"),
    "strong surge": (lambda s: s.inject_traffic(5.1), "/multiplier"),
    "wrong failure": (lambda s: s.inject_failure({"type": "meteor"}), "/type"),
    "failure of nothing": (
        lambda s: s.inject_failure({"type": "cpu_spike", "targetId": "wbe"}),
        "/targetId",
    ),
    "ninth pattern": (lambda s: s.add_pattern(EIGHT[0]), ""),
    "wrong pattern": (lambda s: s.add_pattern({"type": "square"}), "/type"),
    "taken pattern": (lambda s: s.add_pattern({"type": "wave", "id": "last"}), "/id"),
    "past pattern": (lambda s: s.add_pattern({"type": "wave", "endTime": 3}), "/endTime"),
    "unknown pattern": (lambda s: s.patch_pattern("lats", {"period": 3}), "/patterns/lats"),
    "wrong patch": (lambda s: s.patch_pattern("last", {"period": 0}), "/period"),
    "unfit patch": (
        lambda s: s.patch_pattern("last", {"type": "custom"}),
        "/parameters/points",
    ),
    "remove unknown pattern": (lambda s: s.remove_pattern("pattern-99"), "/patterns/pattern-99"),
    "wrong fault": (lambda s: s.add_fault({"type": "cpu_spike"}), "/startTime"),
    "past fault": (
        lambda s: s.add_fault({"type": "cpu_spike", "startTime": 1, "endTime": 2}),
        "/endTime",
    ),
    "taken fault": (
        lambda s: s.add_fault({"type": "cpu_spike", "startTime": 1, "id": "zone"}),
        "/id",
    ),
    "unknown target": (
        lambda s: s.add_fault({"type": "cpu_spike", "startTime": 1, "targetResourceId": "x"}),
        "/targetResourceId",
    ),
    "unfit target": (
        lambda s: s.add_fault({"type": "database_crash", "startTime": 1, "targetId": "web"}),
        "/targetId",
    ),
    "unfit target, switched off": (
        lambda s: s.add_fault(
            {"type": "database_crash", "startTime": 1, "targetId": "web", "isActive": False}
        ),
        "/targetId",
    ),
    "unknown zone": (
        lambda s: s.add_fault({"type": "az_outage", "startTime": 1, "targetZone": "mars-1"}),
        "/targetZone",
    ),
    "unknown fault": (lambda s: s.patch_fault("fault", {"isActive": False}), "/faults/fault"),
    "wrong end": (lambda s: s.patch_fault("zone", {"endTime": 80}), "/endTime"),
    "wrong fault patch": (lambda s: s.patch_fault("zone", {"severity": 1}), "/severity"),
    "remove unknown fault": (lambda s: s.remove_fault("zoen"), "/faults/zoen"),
    "wrong traffic": (lambda s: s.patch({"traffic": -1}), "/traffic"),
    "wrong field": (lambda s: s.patch({"connections": []}), "/connections"),
    "no name": (lambda s: s.patch({"name": None}), "/name"),
    "unknown size": (
        lambda s: s.patch({"resources": [{**WEB, "characteristics": {"size": "x"}}]}),
        "/resources/0/characteristics/size",
    ),
    "too many resources": (
        lambda s: s.patch({"resources": [{**WEB, "id": f"w{k}"} for k in range(9)]}),
        "/resources/7",
    ),
    "nothing left to scale": (
        lambda s: s.patch({"resources": [{**WEB, "type": "storage"}]}),
        "/resources",
    ),
    "taken resource": (lambda s: s.add_resource(WEB), "/id"),
    "wrong resource": (lambda s: s.add_resource({**WEB, "id": "a", "provider": "x"}), "/provider"),
    "wall of fire": (
        lambda s: s.add_resource({"resourceType": "security", "provider": "aws"}),
        "/resourceType",
    ),
    "remove unknown resource": (lambda s: s.remove_resource("wbe"), "/resources/wbe"),
    "remove the last pool": (lambda s: s.remove_resource("web"), "/resources"),
    "unknown action": (act("jump"), "/type"),
    "no instances": (act("scale_out", instanceCount=0), "/parameters/instanceCount"),
    "unknown pool": (act("scale_out", resourceId="wbe"), "/parameters/resourceId"),
    "unfit pool": (act("scale_out", resourceId="db"), "/parameters/resourceId"),
    "its own time": (lambda s: s.act({"type": "no_op", "tick_seconds": 30}), "/tick_seconds"),
    "add what is there": (act("add_resource", resource=WEB), "/parameters/resource/id"),
    "add nothing": (act("add_resource"), "/parameters/resourceType"),
    "remove what is not there": (
        act("remove_resource", resourceId="wbe"),
        "/parameters/resourceId",
    ),
    "unknown size for all": (lambda s: s.bulk_resize("s-9vcpu"), "/dropletSize"),
    "unknown resource's policy": (
        lambda s: s.set_recovery_policy(
            "wbe",
            {"criticalCpuThreshold": 80, "criticalSteps": 4, "warningCpuThreshold": 70,
             "warningSteps": 3},
        ),
        "/resources/wbe",
    ),
    "half a policy": (
        lambda s: s.set_recovery_policy("web", {"criticalSteps": 4}),
        "/criticalCpuThreshold",
    ),
    "wrong note": (lambda s: s.annotate({"severity": "info"}), "/message"),
    "taken note": (lambda s: s.annotate({"id": "note", "message": "x"}), "/id"),
    "wrong limit": (lambda s: s.events(-1), "/limit"),
    "wrong environment": (lambda s: s.make_env(quantiles="none"), "/quantiles"),
    "no environments": (lambda s: s.make_vec(0), "/num_envs"),
}  # fmt: skip


@pytest.fixture(scope="module")
def simulation() -> LiveSimulation:
    return busy()


@pytest.mark.parametrize(("call", "where"), REFUSED.values(), ids=REFUSED)
def test_nothing_changes(simulation: LiveSimulation, call: Call, where: str) -> None:
    before = everything(simulation)
    with pytest.raises(SpecError) as caught:
        call(simulation)
    assert caught.value.problems[0].pointer == where
    for one, other in zip(everything(simulation), before, strict=True):
        assert one == other


def test_what_follows_is_what_would_have_followed() -> None:
    one, other = busy(), busy()
    for call, _ in REFUSED.values():
        with pytest.raises(SpecError):
            call(one)
    for simulation in (one, other):
        simulation.inject_failure()
        simulation.patch_pattern("last", {"isActive": False})
        simulation.inject_traffic()
        simulation.step(20)
    assert one.state.tobytes() == other.state.tobytes()
    assert one.events() == other.events()
    assert one.document() == other.document()


@pytest.mark.parametrize(
    ("call", "near"),
    [
        (lambda s: s.remove_pattern("lsat"), "'last'"),
        (lambda s: s.patch_fault("zonne", {}), "'zone'"),
        (lambda s: s.remove_resource("wbe"), "'web'"),
    ],
)
def test_unknown_ids_meet_the_closest(simulation: LiveSimulation, call: Call, near: str) -> None:
    with pytest.raises(SpecError) as caught:
        call(simulation)
    assert caught.value.problems[0].suggestion.startswith(f"Did you mean {near}")


def test_a_full_list_of_faults() -> None:
    simulation = live()
    for _ in range(8):
        simulation.add_fault({"type": "cpu_spike", "startTime": 5, "severity": 0.1})
    before = everything(simulation)
    with pytest.raises(SpecError, match="No more faults"):
        simulation.inject_failure()
    assert everything(simulation) == before


def test_a_surge_without_room_is_taken_back() -> None:
    levels = {"type": "step", "parameters": {"levels": [100, 120], "duration": 20}}
    simulation = live(workload={"patterns": [levels, *EIGHT[:7]]})
    simulation.step()
    before = everything(simulation)
    with pytest.raises(SpecError, match="elements"):
        simulation.inject_traffic()
    assert everything(simulation) == before
