"""The built-in autoscaler: triggers, sustain, cooldown, bounds, tuning."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from cwm_gym.envs.scalar import CloudEnv
from tests.documents import ENV_ID, service, with_episode

ONE_RPS = 200.0


def make(
    traffic: Any, rules: dict[str, Any] | None = None, tick: int = 60, **compute: Any
) -> CloudEnv:
    document = with_episode(service(bootSeconds=0, drainSeconds=0, **compute), tick_seconds=tick)
    document["autoscaling"] = {
        "scaleOutCpuThreshold": 70,
        "scaleInCpuThreshold": 30,
        "cooldownSeconds": 0,
        "sustainSteps": 1,
        **(rules or {}),
    }
    rates = np.atleast_1d(np.asarray(traffic, dtype=np.float64))
    env = gym.make(ENV_ID, simulation=document, autoscaler="on", traffic=rates).unwrapped
    assert isinstance(env, CloudEnv)
    env.reset(seed=0)
    return env


def fleets(env: CloudEnv, steps: int) -> list[int]:
    found = []
    for _ in range(steps):
        env.step(0)
        found.append(int(env.get_state()["pool"]["desired"][0]))
    return found


def test_it_grows_to_where_the_threshold_holds_and_shrinks_one_by_one() -> None:
    # 5 instances' worth of load: ceil(2 * 1 / 0.7) = 3, then on until CPU is below 70 %.
    growing = fleets(make(5 * ONE_RPS * 0.69), 8)
    assert growing[0] == 3
    assert growing == sorted(growing)
    assert 5 <= growing[-1] <= 6  # the backlog of the first minutes may call for one more
    assert fleets(make(0.25 * ONE_RPS, instances=5), 6) == [4, 3, 2, 1, 1, 1]


def test_it_leaves_a_load_between_the_thresholds_alone() -> None:
    assert fleets(make(2 * ONE_RPS * 0.5), 5) == [2] * 5


def test_a_trigger_has_to_last() -> None:
    assert fleets(make(2 * ONE_RPS * 0.9, {"sustainSteps": 3}), 4) == [2, 2, 3, 3]
    # Two breaches, a pause, two breaches: never three in a row.
    load = np.array([0.9, 0.9, 0.5, 0.9, 0.9, 0.5]) * 2 * ONE_RPS
    assert fleets(make(load, {"sustainSteps": 3}), 6) == [2] * 6


def test_it_rests_for_the_cooldown() -> None:
    found = fleets(make(0.1, {"cooldownSeconds": 180}, instances=6), 8)
    assert found == [5, 5, 5, 4, 4, 4, 3, 3]


def test_it_acts_inside_a_long_tick() -> None:
    env = make(0.1, tick=600, instances=8)
    env.step(0)
    assert env.get_state()["pool"]["desired"][0] == 1
    assert env.get_state()["changes"] == 7


def test_throughput_and_latency_trigger_too() -> None:
    quiet = {"scaleOutCpuThreshold": 100, "scaleInCpuThreshold": 0}
    assert fleets(make(2 * ONE_RPS * 0.6, quiet), 2) == [2, 2]
    assert fleets(make(2 * ONE_RPS * 0.6, {**quiet, "scaleOutThroughputThreshold": 50}), 1) == [3]
    assert fleets(make(2 * ONE_RPS * 0.6, {**quiet, "scaleOutLatencyThreshold": 5}), 1) == [3]
    assert fleets(make(2 * ONE_RPS * 0.6, {**quiet, "scaleOutLatencyThreshold": 5000}), 1) == [2]


def test_it_stays_inside_the_bounds() -> None:
    assert max(fleets(make(1e6), 10)) == 8
    assert min(fleets(make(0.0, instances=4, minInstances=3), 5)) == 3


def test_an_agent_tunes_it() -> None:
    env = make(2 * ONE_RPS * 0.6)
    assert env.action_masks()[9:13].all()
    *_, info = env.step(9)  # 50 %
    state = env.get_state()
    assert state["autoscaler"]["out_cpu"] == 0.5
    assert state["pool"]["desired"][0] == 3
    assert info["reward_components"]["stability"] == pytest.approx(-0.05 - 0.1)
    kinds = [event["kind"] for event in info["events"]]
    assert kinds == ["threshold_changed", "threshold_crossed", "autoscale_out"]


def test_it_is_off_unless_asked_for() -> None:
    document = service()
    document["autoscaling"] = {"scaleOutCpuThreshold": 1, "sustainSteps": 1}
    env = gym.make(ENV_ID, simulation=document).unwrapped
    assert isinstance(env, CloudEnv)
    env.reset(seed=0)
    for _ in range(5):
        env.step(0)
    assert env.get_state()["pool"]["desired"][0] == 2
    assert not env.action_masks()[9:].any()
