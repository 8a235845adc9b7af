from __future__ import annotations

import copy
import pickle
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

import cwm_gym
from cwm_gym import LiveSimulation, SpecError
from tests.live.running import live, offered

WAVE = {"type": "wave", "amplitude": 0.5, "period": 12}
RAMP = {"type": "ramp", "parameters": {"startTraffic": 100, "endTraffic": 500, "duration": 15}}
FAULTS = [
    {"type": "instance_kill", "startTime": 4, "endTime": 9},
    {"type": "cpu_spike", "startTime": 7.5, "duration": 5, "severity": "severe"},
    {"type": "memory_leak", "startTime": 12},
]
BUSY: dict[str, dict[str, Any]] = {
    "ramp": {"workload": {"patterns": [RAMP]}},
    "wave": {"workload": {"patterns": [WAVE], "noise": {"sigma": 0.2, "correlationSeconds": 300}}},
    "faults": {"faults": FAULTS},
    "everything": {
        "workload": {"patterns": [RAMP, WAVE], "noise": {"sigma": 0.1}},
        "faults": FAULTS,
        "pool": {"autoscaling": True, "market": "spot", "interruptionsPerHour": 2.0},
        "tick_seconds": 90,
        "database": True,
    },
}


@pytest.mark.parametrize("fields", BUSY.values(), ids=BUSY)
def test_n_times_one_is_one_times_n(fields: dict[str, Any]) -> None:
    one, other = live(3, **copy.deepcopy(fields)), live(3, **copy.deepcopy(fields))
    for _ in range(30):
        last = one.step()
    assert other.step(30) == last
    assert one.state.tobytes() == other.state.tobytes()
    assert one.events() == other.events()
    for name, column in one.history().columns.items():
        np.testing.assert_array_equal(column, other.history()[name], name)


def test_changes_on_the_way_do_not_depend_on_how_it_is_driven() -> None:
    found = []
    for pieces in ((1, 1, 1, 1, 1, 1), (6,), (2, 4)):
        simulation = live(2, database=True)
        simulation.step(3)
        simulation.add_fault({"type": "database_slowdown", "startTime": 5, "duration": 3})
        simulation.add_pattern({"type": "ramp", "amplitude": 0.5, "period": 5})
        simulation.inject_failure()
        for piece in pieces:
            simulation.step(piece)
        found.append(simulation.state.tobytes())
    assert found[0] == found[1] == found[2]


def test_it_is_the_environment_s_world() -> None:
    document = cwm_gym.load_scenario("aws-web-app")
    simulation = LiveSimulation(document, seed=5)
    env = gym.make(
        "CloudAutoscale-v0",
        simulation=document,
        autoscaler="on",
        quantiles="all",
    )
    env.reset(seed=5, options={"traffic_offset_s": 0.0})
    simulation.step(20)
    for _ in range(20):
        env.step(0)
    world, other = simulation.state.copy(), env.unwrapped.get_state()
    other["fingerprint"] = world["fingerprint"]
    assert world.tobytes() == other.tobytes()


def test_it_never_ends() -> None:
    simulation = live(episode={"maxSteps": 3, "terminateOnOutage": 1}, traffic=5000)
    simulation.step(500)
    simulation.step(500)
    assert simulation.current_step == 1000
    assert simulation.state["done"] == 0
    assert simulation.document()["currentTime"] == 1000


def test_run_until() -> None:
    one, other = live(), live()
    assert one.run_until(600) == (other.step(500), other.step(100))[1]
    assert one.state.tobytes() == other.state.tobytes()
    before = one.metrics()
    assert one.run_until(600) == before
    with pytest.raises(SpecError) as caught:
        one.run_until(599)
    assert caught.value.problems[0].pointer == "/step"


def test_seeds_and_splits() -> None:
    noisy: dict[str, Any] = {"workload": {"noise": {"sigma": 0.3}}}
    rates = []
    for seed in (1, 1, 2):
        simulation = live(seed, **noisy)
        simulation.step(5)
        rates.append(offered(simulation))
    assert rates[0] == rates[1] != rates[2]
    trained, tested = (LiveSimulation("aws-web-app", 1, split=split) for split in ("train", "test"))
    assert trained.step() != tested.step()


def test_arguments_replace_the_document_s() -> None:
    simulation = live(
        episode={"targetTrafficPattern": "ramp", "initialTraffic": 100, "tick_seconds": 30},
        workload={"patterns": [WAVE, RAMP]},
        tick_seconds=120,
    )
    assert simulation.tick_seconds == 120
    assert [one["type"] for one in simulation.patterns()] == ["ramp"]
    assert simulation.document()["traffic"] == 100
    simulation = LiveSimulation("aws-web-app", episode={"targetTrafficPattern": "burst"})
    assert [one["type"] for one in simulation.patterns()] == ["burst"]
    points = [{"timestamp": 0, "rps": 50}, {"timestamp": 10, "rps": 150}]
    simulation = live(workload={"forecast": {"name": "f", "dataPoints": points}})
    simulation.step(5)
    assert offered(simulation) == pytest.approx(95.0)
    simulation.remove_pattern(simulation.patterns()[0]["id"])
    simulation.step()
    assert offered(simulation) == pytest.approx(200.0)


def test_the_autoscaler_runs_where_a_pool_is_marked() -> None:
    marked, plain = live(traffic=380, pool={"autoscaling": True}), live(traffic=380)
    off = live(traffic=380, pool={"autoscaling": True}, autoscaler="off")
    for simulation in (marked, plain, off):
        simulation.step(8)
    assert marked.resources()[0]["instances"] > 2
    assert plain.resources()[0]["instances"] == off.resources()[0]["instances"] == 2


def test_metrics_name_what_exists() -> None:
    always = ["cpuUsage", "latencyP50", "latencyP95", "latencyP99", "errorRate", "throughput"]
    simulation = live()
    assert list(simulation.metrics()) == [*always, "costPerHour"]
    found = simulation.step()
    assert found["cpuUsage"] == pytest.approx(50.0, abs=0.5)
    assert found["throughput"] == pytest.approx(200.0, rel=0.01)
    assert found["latencyP50"] < found["latencyP95"] < found["latencyP99"]
    found = live(database=True).step()
    assert list(found) == [*always, "costPerHour", "connectionPressure"]
    simulation = live(traffic=2000)
    assert 50.0 < simulation.step(5)["errorRate"] <= 100.0


def test_history() -> None:
    simulation = live(workload={"patterns": [WAVE]})
    assert len(simulation.history()) == 0
    simulation.step(4)
    simulation.add_resource(
        {"id": "db", "type": "database", "name": "db", "provider": "aws",
         "characteristics": {"size": "db.m5.large"}}
    )  # fmt: skip
    simulation.step(3)
    history = simulation.history()
    assert history["step"].tolist() == [1, 2, 3, 4, 5, 6, 7]
    assert history["throughput_rps"][-1] == pytest.approx(simulation.metrics()["throughput"])
    assert np.isnan(history["connection_pressure"][:4]).all()
    assert (history["connection_pressure"][4:] > 0).all()
    assert history.resources["web"]["ready"].tolist() == [2] * 7
    assert history.resources["db"]["present"].tolist() == [0] * 4 + [1] * 3
    assert list(history.to_frame().index) == history["step"].tolist()
    assert len(history.event_documents()) == len(history.events)
    history.plot()


def test_a_copy_goes_on_alike() -> None:
    simulation = LiveSimulation("aws-web-app", 4)
    simulation.step(5)
    simulation.add_fault({"type": "cpu_spike", "startTime": 7})
    simulation.act({"type": "scale_out"})
    for other in (copy.deepcopy(simulation), pickle.loads(pickle.dumps(simulation))):
        assert other.inject_failure() == "fault-2"
        assert other.inject_traffic()["metadata"]["multiplier"] >= 2
        other.step(10)
        states = other.state.tobytes()
    simulation.inject_failure()
    simulation.inject_traffic()
    simulation.step(10)
    assert simulation.state.tobytes() == states


def test_wrong_starts() -> None:
    for arguments, where in (
        ({"seed": -1}, "/seed"),
        ({"seed": 1.5}, "/seed"),
        ({"split": "both"}, "/split"),
        ({"tick_seconds": 0}, "/tick_seconds"),
        ({"episode": {"maxSteps": 0}}, "/episode/maxSteps"),
        ({"autoscaler": "maybe"}, "/autoscaler"),
    ):
        with pytest.raises(SpecError) as caught:
            LiveSimulation("aws-web-app", **arguments)  # type: ignore[arg-type]
        assert caught.value.problems[0].pointer == where
    with pytest.raises(SpecError):
        LiveSimulation("no-such-scenario")
    twice = [{**WAVE, "id": "a"}, {**RAMP, "id": "a"}]
    with pytest.raises(SpecError) as caught:
        live(workload={"patterns": twice})
    assert caught.value.problems[0].pointer == "/workload/patterns/1/id"
