"""The scalar environment as Gymnasium's users meet it."""

from __future__ import annotations

import copy
import json
import pickle
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.envs.registration import EnvSpec
from gymnasium.error import ResetNeeded
from gymnasium.utils.env_checker import check_env

from cwm_gym.core.records import COMPONENT_NAMES
from cwm_gym.envs.scalar import CloudEnv
from tests.documents import ENV_ID, service, with_database

VARIANTS: dict[str, dict[str, Any]] = {
    "default": {},
    "continuous": {"action_mode": "continuous", "autoscaler": "on"},
    "multi_discrete": {"action_mode": "multi_discrete", "autoscaler": "on"},
    "dict": {"observation_mode": "dict"},
    "faults": {"faults": [{"type": "instance_kill", "startTime": 3}], "reward": "dollars"},
    "dollars": {"reward": "dollars", "quantiles": "all"},
    "rates": {"traffic": [1500.0, 3000, 2500.5]},
    "bare": {"simulation": service(minInstances=0, instances=1)},
    "randomized": {"randomize": {"pool.0.boot_s": [10, 100]}},
}


def make(**kwargs: Any) -> CloudEnv:
    env = gym.make(ENV_ID, **kwargs).unwrapped
    assert isinstance(env, CloudEnv)
    return env


@pytest.mark.parametrize("kwargs", VARIANTS.values(), ids=VARIANTS)
def test_gymnasium_finds_nothing_wrong(kwargs: dict[str, Any]) -> None:
    # Warnings are errors in this suite.
    check_env(make(**kwargs), skip_render_check=True)


@pytest.mark.parametrize("kwargs", VARIANTS.values(), ids=VARIANTS)
def test_a_spec_survives_json(kwargs: dict[str, Any]) -> None:
    env = gym.make(ENV_ID, max_episode_steps=17, **kwargs)
    assert env.spec is not None
    again = gym.make(EnvSpec.from_json(env.spec.to_json()))
    assert again.spec is not None
    assert again.spec.kwargs == env.spec.kwargs
    assert again.spec.max_episode_steps == 17
    first, _ = env.reset(seed=1)
    second, _ = again.reset(seed=1)
    np.testing.assert_equal(first, second)
    action = env.action_space.sample()
    np.testing.assert_equal(env.step(action), again.step(action))


def test_a_scenario_by_path_dictionary_and_document_is_the_same(tmp_path: Path) -> None:
    from cwm_gym import Simulation

    path = tmp_path / "service.json"
    path.write_text(json.dumps(service()))
    forms = [service(), Simulation.model_validate(service()), path, str(path)]
    marks = {int(make(simulation=form).program.params["fingerprint"]) for form in forms}
    assert len(marks) == 1


@pytest.mark.parametrize("quantiles", ["p95", "all"])
@pytest.mark.parametrize("database", [False, True])
def test_info_holds_what_it_promises(quantiles: str, database: bool) -> None:
    document = with_database(service()) if database else service()
    env = make(simulation=document, quantiles=quantiles)
    env.reset(seed=0)
    *_, info = env.step(1)
    metrics = info["metrics"]
    names = {"cost_usd_hr", "latency_mean", "latency_p95", "error_rate", "uptime"}
    names |= {"throughput_rps", "sla_violations"}
    if quantiles == "all":
        names |= {"latency_p50", "latency_p99"}
        assert metrics["latency_p50"] < metrics["latency_p95"] < metrics["latency_p99"]
    if database:
        names |= {"connection_pressure"}
    assert set(metrics) == names
    assert metrics["uptime"] == 1 - metrics["error_rate"]
    assert set(info["reward_components"]) == set(COMPONENT_NAMES[: 5 if database else 4])
    assert 0 <= info["cost"] <= 1
    assert env.action_space.sample(mask=info["action_mask"]) in env.action_space
    assert np.array_equal(env.action_masks(), info["action_mask"] == 1)
    assert [event["kind"] for event in info["events"]] == ["scale_out", "instances_ready"]
    assert info["events"][1] == {
        "time_s": 45.0,
        "kind": "instances_ready",
        "resource": "web",
        "value": 1.0,
        "instances": 1,
        "ready": 3,
    }
    json.dumps({k: v for k, v in info.items() if k != "action_mask"})


def test_info_is_never_a_view_of_what_the_next_step_overwrites() -> None:
    env = make()
    env.reset(seed=0)
    observation, _, _, _, info = env.step(1)
    kept = copy.deepcopy((observation, info))
    env.step(4)
    np.testing.assert_equal((observation, info), kept)


def test_events_are_reported_once() -> None:
    env = make(simulation=service())
    env.reset(seed=0)
    assert env.step(1)[4]["events"]
    assert env.step(0)[4]["events"] == []


def test_episodes_are_truncated_at_their_length() -> None:
    env = make(simulation=service(), episode={"maxSteps": 3})
    env.reset(seed=0)
    assert [env.step(0)[2:4] for _ in range(3)] == [(False, False), (False, False), (False, True)]
    shorter = make(simulation=service(), episode={"maxSteps": 3})
    assert shorter.program.params["episode"]["max_steps"] == 3
    vector = gym.make_vec(ENV_ID, num_envs=1, max_episode_steps=2, episode={"maxSteps": 3})
    vector.reset(seed=0)
    vector.step(np.zeros(1, int))
    assert vector.step(np.zeros(1, int))[3].all()


def test_an_outage_ends_the_episode_only_when_asked_to() -> None:
    lost = service(minInstances=0, instances=1, timeoutSeconds=1)
    for limit, expected in ((0, False), (2, True)):
        env = make(simulation=lost, episode={"terminateOnOutage": limit})
        env.reset(seed=0)
        ended = [env.step(5 if step == 0 else 0)[2] for step in range(5)]
        assert any(ended) is expected
        if expected:
            # The requests in service when the last instance leaves are still answered.
            assert ended.index(True) in (1, 2)


def test_a_service_that_answers_nobody_is_not_a_fast_one() -> None:
    # Everyone waits and nobody has given up yet: that must not read as a latency of zero.
    env = make(
        simulation=service(
            minInstances=0, instances=1, timeoutSeconds=600, queueCapacity=10**6, bootSeconds=900
        )
    )
    env.reset(seed=0)
    env.step(5)
    *_, info = env.step(0)
    assert info["metrics"]["throughput_rps"] == 0.0
    assert info["metrics"]["error_rate"] == 0.0
    assert info["metrics"]["latency_p95"] > 1000
    assert info["metrics"]["sla_violations"] >= 1


def test_a_reward_function_replaces_the_reward() -> None:
    seen = []

    def reward(metrics: dict[str, Any]) -> Any:
        seen.append({name: np.shape(value) for name, value in metrics.items()})
        return -metrics["cost_usd_hr"]

    env = make(reward=reward)
    env.reset(seed=0)
    _, value, *_, info = env.step(0)
    assert value == -info["metrics"]["cost_usd_hr"]
    assert set(seen[0].values()) == {(1,)}


def test_a_thousand_environments_share_nothing_mutable() -> None:
    envs = [make() for _ in range(1024)]
    for seed, env in enumerate(envs):
        env.reset(seed=seed)
    before = [env.get_state().tobytes() for env in envs]
    views = [env._batch for env in envs[:50]]
    for name in ("params", "worlds", "out", "tables", "scenarios"):
        arrays = [getattr(batch, name) for batch in views]
        assert not any(np.shares_memory(arrays[0], other) for other in arrays[1:])
    envs[512].step(4)
    envs[512].reset(seed=9)
    after = [env.get_state().tobytes() for env in envs]
    assert [i for i in range(1024) if before[i] != after[i]] == [512]


@pytest.mark.parametrize("kwargs", VARIANTS.values(), ids=VARIANTS)
@pytest.mark.parametrize("how", ["deepcopy", "pickle"])
def test_a_copy_continues_on_its_own(kwargs: dict[str, Any], how: str) -> None:
    env = make(**kwargs)
    env.reset(seed=3)
    env.action_space.seed(0)
    env.step(env.action_space.sample())
    twin = copy.deepcopy(env) if how == "deepcopy" else pickle.loads(pickle.dumps(env))
    actions = [env.action_space.sample() for _ in range(20)]
    ours = [env.step(action) for action in actions]
    theirs = [twin.step(action) for action in actions]
    np.testing.assert_equal(ours, theirs)
    env.reset()
    twin.reset()
    assert env.get_state().tobytes() == twin.get_state().tobytes()


@pytest.mark.parametrize("how", ["deepcopy", "pickle"])
def test_a_copy_of_a_vector_environment_continues_on_its_own(how: str) -> None:
    env = gym.make_vec(ENV_ID, num_envs=64, threads=2, randomize={"pool.0.boot_s": (10, 90)})
    env.reset(seed=0)
    env.step(np.ones(64, int))
    twin = copy.deepcopy(env) if how == "deepcopy" else pickle.loads(pickle.dumps(env))
    for _ in range(5):
        np.testing.assert_equal(env.step(np.full(64, 2)), twin.step(np.full(64, 2)))
    env.close()
    twin.close()


def test_a_step_before_the_first_reset_is_refused() -> None:
    env = make()
    with pytest.raises(ResetNeeded):
        env.step(0)
    with pytest.raises(ResetNeeded):
        env.step_document({"type": "no_op"})
    started = make()
    started.reset(seed=0)
    env.set_state(started.get_state())
    assert env.step(0)[1] == started.step(0)[1]
