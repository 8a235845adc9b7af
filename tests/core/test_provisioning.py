"""Fleets: launches at their exact second, warm-up, drain, what they cost."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from cwm_gym.compiler import Program, compile_simulation
from cwm_gym.envs.batch import Batch
from cwm_gym.envs.scalar import CloudEnv
from cwm_gym.envs.spaces import fleet_actions
from cwm_gym.spec import Simulation
from tests.documents import ENV_ID, service

ONE_RPS = 200.0  # an m5.large with 10 ms of CPU a request
PRICE = 0.096  # m5.large in us-east-1, USD/h


def make(**compute: Any) -> CloudEnv:
    env = gym.make(ENV_ID, simulation=service(**compute)).unwrapped
    assert isinstance(env, CloudEnv)
    env.reset(seed=0)
    return env


def meter(env: CloudEnv) -> Any:
    return env.get_state()["meter"]


def test_a_launch_serves_from_its_exact_second_on() -> None:
    env = make(bootSeconds=45)
    env.step_document({"type": "scale_out"})
    assert meter(env)["capacity_rps"] == pytest.approx((2 + 15 / 60) * ONE_RPS, rel=1e-12)
    assert meter(env)["ready"] == pytest.approx(2.25, rel=1e-12)
    env.step(0)
    assert meter(env)["capacity_rps"] == pytest.approx(3 * ONE_RPS, rel=1e-12)


@pytest.mark.parametrize(("boot", "ready"), [(0, 3.0), (1, 2 + 59 / 60), (60, 2.0), (61.5, 2.0)])
def test_boot_delays_of_any_length(boot: float, ready: float) -> None:
    env = make(bootSeconds=boot)
    env.step_document({"type": "scale_out"})
    assert meter(env)["ready"] == pytest.approx(ready, rel=1e-12)
    env.step(0)
    expected = 3.0 if boot <= 60 else 2 + (120 - boot) / 60
    assert meter(env)["ready"] == pytest.approx(expected, rel=1e-12)


def averaged(program: Program, average: bool) -> Batch:
    program.params["episode"]["average_capacity"] = int(average)
    batch = Batch([program], 1, "train")
    batch.seed([0], np.ones(1, np.bool_))
    batch.reset(np.ones(1, np.bool_))
    return batch


def test_averaging_capacity_gives_the_same_capacity_without_splitting_the_tick() -> None:
    program = compile_simulation(Simulation.model_validate(service(bootSeconds=45)))
    capacity = []
    for average in (False, True):
        batch = averaged(program, average)
        batch.step(fleet_actions(4, 1))
        capacity.append(float(batch.worlds["meter"]["capacity_rps"][0]))
        batch.step(fleet_actions(4, 1))
        assert batch.worlds["pool"]["ready"][0, 0] == 4
        assert batch.worlds["meter"]["capacity_rps"][0] == pytest.approx(4 * ONE_RPS)
    assert capacity == pytest.approx([2.5 * ONE_RPS] * 2, rel=1e-12)


def test_warm_up_rises_linearly_from_its_starting_speed() -> None:
    env = make(bootSeconds=0, warmupSeconds=120, warmupSpeed=0.4)
    env.step_document({"type": "scale_out"})
    # The newcomer runs at 0.4 + 0.6 t/120: 0.55 on average in the first minute, 0.85 in the next.
    assert meter(env)["capacity_rps"] == pytest.approx((2 + 0.55) * ONE_RPS, rel=1e-9)
    env.step(0)
    assert meter(env)["capacity_rps"] == pytest.approx((2 + 0.85) * ONE_RPS, rel=1e-9)
    env.step(0)
    assert meter(env)["capacity_rps"] == pytest.approx(3 * ONE_RPS, rel=1e-12)


def test_a_leaving_instance_stops_at_once_and_is_paid_until_drained() -> None:
    env = make(instances=3, drainSeconds=45)
    env.step_document({"type": "scale_in"})
    assert meter(env)["capacity_rps"] == pytest.approx(2 * ONE_RPS, rel=1e-12)
    assert meter(env)["usd"] == pytest.approx(PRICE / 3600 * (2 * 60 + 45), rel=1e-12)
    env.step(0)
    assert meter(env)["usd"] == pytest.approx(PRICE / 60 * 2, rel=1e-12)


def test_a_launch_is_paid_for_from_the_start() -> None:
    env = make(bootSeconds=300)
    for _ in range(6):
        env.step_document({"type": "scale_out"})
    # Launches at 0, 60, ... 300 s; those of 0 and 60 s are ready at 360 s.
    expected = PRICE / 60 * sum(2 + k for k in range(1, 7))
    assert env.get_state()["totals"]["usd"] == pytest.approx(expected, rel=1e-12)
    assert env.get_state()["pool"]["ready"][0] == 4


def test_a_cancelled_launch_costs_the_minimum_billing_time() -> None:
    env = make(bootSeconds=300)
    env.step_document({"type": "scale_out", "tick_seconds": 10})
    minimum = float(env.program.params["pool"]["billing_minimum_s"][0])
    assert minimum > 10
    env.step_document({"type": "scale_in", "tick_seconds": 10})
    total = env.get_state()["totals"]["usd"]
    assert total == pytest.approx(PRICE / 3600 * (2 * 20 + minimum), rel=1e-12)
    assert env.get_state()["pool"]["desired"][0] == 2


def test_shrinking_cancels_the_youngest_launches_before_it_drains_anything() -> None:
    env = make(instances=3, bootSeconds=300)
    env.step_document({"type": "scale_out", "parameters": {"instanceCount": 2}})
    env.step_document({"type": "scale_out", "parameters": {"instanceCount": 3}})
    env.step_document({"type": "scale_in", "parameters": {"instanceCount": 4}})
    pool = env.get_state()["pool"][0]
    assert (pool["desired"], pool["ready"]) == (4, 3)
    assert pool["launching"]["count"].sum() == 1
    assert pool["launching"]["at_s"][0] == 300
    assert pool["draining"]["count"].sum() == 0


def test_more_launches_than_slots_keep_their_number() -> None:
    env = make(maxInstances=40, bootSeconds=5000, instances=1)
    for _ in range(20):
        env.step_document({"type": "scale_out"})
    pool = env.get_state()["pool"][0]
    assert pool["launching"]["count"].sum() == 20
    assert (np.diff(pool["launching"]["at_s"]) > 0).all()
    # Merged launches arrive with the later of two, never early.
    assert pool["launching"]["at_s"][0] >= 5000


def test_a_fleet_may_shrink_to_nothing_and_come_back() -> None:
    env = make(minInstances=0, instances=1, bootSeconds=60, timeoutSeconds=30)
    _, _, _, _, info = env.step_document({"type": "scale_in"})
    assert info["metrics"]["throughput_rps"] == pytest.approx(0.0, abs=0.1)
    seen = []
    for _ in range(3):
        _, _, _, _, info = env.step(0)
        assert env.get_state()["pool"]["ready"][0] == 0
        assert info["metrics"]["error_rate"] == 1.0
        seen += [event["kind"] for event in info["events"]]
    assert env.get_state()["outage_steps"] >= 3
    assert seen.count("outage") <= 1  # told once, when it begins
    for _ in range(6):
        _, _, _, _, info = env.step_document({"type": "scale_out"})
    assert info["metrics"]["error_rate"] == 0.0


def test_a_step_document_sets_the_length_of_its_own_step_only() -> None:
    env = make()
    *_, info = env.step_document({"action": {"type": "no_op"}, "tick_seconds": 17})
    assert (info["sim_time_seconds"], info["sim_time_human"]) == (17.0, "17s")
    assert meter(env)["seconds"] == 17.0
    *_, info = env.step(0)
    assert (info["sim_time_seconds"], info["sim_time_human"]) == (77.0, "1m 17s")
    *_, info = env.step_document({"type": "no_op", "tick_seconds": 3600})
    assert info["sim_time_human"] == "1h 1m"
    assert meter(env)["arrived"] == pytest.approx(200 * 3600, rel=1e-12)
