"""The vector environment: equal to the scalar one bit by bit, and Gymnasium's timelines."""

from __future__ import annotations

import threading
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.error import ResetNeeded
from gymnasium.vector import AutoresetMode, SyncVectorEnv

from cwm_gym.envs.vector import CloudVectorEnv
from cwm_gym.spec import SpecError
from cwm_gym.testing.checkers import (
    Trajectory,
    assert_same,
    check_vector_equals_scalar,
    random_actions,
    scalar_trajectory,
    vector_trajectory,
)
from tests.documents import ENV_ID, service, with_database, with_episode

LONG = {"episode": {"maxSteps": 90}, "quantiles": "all", "metric_delay_s": 60.0}
STEPS = 10_000


def make(num_envs: int, **kwargs: Any) -> CloudVectorEnv:
    env = gym.make_vec(ENV_ID, num_envs=num_envs, **kwargs)
    assert isinstance(env.unwrapped, CloudVectorEnv)
    return env.unwrapped


def outage() -> dict[str, Any]:
    """A service that terminates: no instance needs to be kept, and nobody waits for long."""
    document = service(minInstances=0, timeoutSeconds=1, maxInstances=3)
    return with_episode(document, terminateOnOutage=2, maxSteps=30)


@pytest.fixture(scope="module")
def long_run() -> tuple[np.ndarray[Any, Any], Trajectory]:
    actions = random_actions(ENV_ID, LONG, 64, STEPS, seed=11)
    return actions, scalar_trajectory(ENV_ID, LONG, actions, seed=11)


@pytest.mark.parametrize(("num_envs", "threads"), [(1, 1), (3, 1), (3, 2), (64, 1), (64, 2)])
def test_ten_thousand_steps_equal_the_scalar_environment(
    long_run: tuple[np.ndarray[Any, Any], Trajectory], num_envs: int, threads: int
) -> None:
    actions, scalar = long_run
    vector = vector_trajectory(ENV_ID, LONG, actions[:, :num_envs], seed=11, threads=threads)
    part = Trajectory(
        scalar.observations[:, :num_envs],
        scalar.rewards[:, :num_envs],
        scalar.terminated[:, :num_envs],
        scalar.truncated[:, :num_envs],
        scalar.states[:num_envs],
    )
    assert_same(part, vector, f"{num_envs} environments in {threads} thread(s)")
    assert vector.truncated.sum() >= num_envs * (STEPS // 91)


@pytest.mark.parametrize(
    "kwargs",
    [
        {"simulation": outage()},
        {"action_mode": "continuous", "autoscaler": "on"},
        {"observation_mode": "dict", "reward": "dollars", "action_cooldown_s": 180},
        {
            "simulation": with_database(service(), refuseWhenFull=False, maxConnections=3),
            "randomize": {"pool.0.boot_s": (1, 200), "pool.0.initial": (1, 8)},
            "episode": {"maxSteps": 25},
        },
        {"traffic": np.linspace(1000, 20000, 50), "episode": {"maxSteps": 60}},
        {"episode": {"tick_seconds": 300, "maxSteps": 20}, "split": "test"},
        {"reward": lambda m: 1.0 - m["latency_p95"] / 100.0 - m["error_rate"]},
        {"action_mode": "multi_discrete", "autoscaler": "on", "episode": {"maxSteps": 30}},
    ],
    ids=[
        "outage",
        "continuous",
        "dict",
        "randomized",
        "array",
        "long-ticks",
        "function",
        "multi_discrete",
    ],
)
def test_every_kind_of_environment_equals_its_scalar_form(kwargs: dict[str, Any]) -> None:
    run = check_vector_equals_scalar(ENV_ID, kwargs, num_envs=5, steps=400, seed=3)
    assert (run.terminated | run.truncated).any()


def test_the_outage_service_really_terminates() -> None:
    run = check_vector_equals_scalar(ENV_ID, {"simulation": outage()}, num_envs=8, steps=300)
    assert run.terminated.any()
    assert run.truncated.any()


@pytest.mark.parametrize("threads", [1, 2])
def test_worlds_do_not_depend_on_their_neighbours(threads: int) -> None:
    wide, narrow = make(65, threads=threads), make(2)
    wide.reset(seed=0)
    narrow.reset(seed=[40, 64])
    actions = np.random.default_rng(0).integers(0, 13, (50, 65))
    for row in actions:
        seen, rewards, *_ = wide.step(row)
        same, few, *_ = narrow.step(row[[40, 64]])
        assert np.array_equal(seen[[40, 64]], same)
        assert np.array_equal(rewards[[40, 64]], few)
    wide.close()


MODES = [AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP]


@pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.value)
@pytest.mark.parametrize("observation_mode", ["vector", "dict"])
def test_autoreset_is_that_of_gymnasium(mode: AutoresetMode, observation_mode: str) -> None:
    kwargs = {"simulation": outage(), "observation_mode": observation_mode}
    theirs = SyncVectorEnv([lambda: gym.make(ENV_ID, **kwargs)] * 4, autoreset_mode=mode)  # type: ignore[arg-type]
    ours = make(4, autoreset_mode=mode, **kwargs)
    assert ours.metadata["autoreset_mode"] is mode
    theirs.reset(seed=7)
    ours.reset(seed=7)
    actions = np.random.default_rng(5).integers(0, 9, (200, 4))
    ends = 0
    for action in actions:
        their_obs, their_reward, *their_flags, their_info = theirs.step(action)
        our_obs, our_reward, *our_flags, our_info = ours.step(action)
        assert_equal(our_obs, their_obs)
        assert np.array_equal(our_reward, their_reward)
        assert np.array_equal(our_flags, their_flags)
        done = np.logical_or(*our_flags)
        ends += int(done.sum())
        if mode is AutoresetMode.SAME_STEP and done.any():
            assert np.array_equal(our_info["_final_obs"], their_info["_final_obs"])
            assert np.array_equal(our_info["_final_info"], their_info["_final_info"])
            for i in np.flatnonzero(done):
                assert_equal(our_info["final_obs"][i], their_info["final_obs"][i])
                for name, values in our_info["final_info"]["metrics"].items():
                    assert values[i] == their_info["final_info"]["metrics"][name][i]
        else:
            assert "final_obs" not in our_info
        for name in ("latency_p95", "cost_usd_hr"):
            assert np.array_equal(our_info["metrics"][name], their_info["metrics"][name])
        assert np.array_equal(our_info["cost"], their_info["cost"])
        assert np.array_equal(our_info["sim_time_seconds"], their_info["sim_time_seconds"])
    assert ends > 10
    theirs.close()


def assert_equal(one: Any, other: Any) -> None:
    if isinstance(one, dict):
        assert one.keys() == other.keys()
        for name in one:
            assert np.array_equal(one[name], other[name])
            assert one[name].dtype == other[name].dtype
    else:
        assert np.array_equal(one, other)
        assert one.dtype == other.dtype


def test_next_step_ignores_the_action_after_the_end() -> None:
    kwargs: dict[str, Any] = {"simulation": with_episode(service(), maxSteps=2)}
    one, other = make(1, **kwargs), make(1, **kwargs)
    for env, action in ((one, 4), (other, 0)):
        env.reset(seed=0)
        env.step(np.array([0]))
        *_, truncated, _ = env.step(np.array([0]))
        assert truncated[0]
        _, reward, terminated, truncated, info = env.step(np.array([action]))
        assert (reward[0], terminated[0], truncated[0]) == (0.0, False, False)
        assert info["sim_time_seconds"][0] == 0.0
    assert np.array_equal(one.get_state(), other.get_state())
    assert one.get_state()["step"][0] == 0


def test_disabled_waits_for_a_reset_of_the_masked_environments() -> None:
    simulation = with_episode({**service(), "workload": {"noise": {"sigma": 0.3}}}, maxSteps=3)
    env = make(3, simulation=simulation, autoreset_mode=AutoresetMode.DISABLED)
    env.reset(seed=0)
    for _ in range(3):
        seen, _, _, truncated, _ = env.step(np.zeros(3, int))
    assert truncated.all()
    before = env.get_state()
    again, reward, _, truncated, _ = env.step(np.full(3, 4))
    assert np.array_equal(seen, again)
    assert (reward == 0).all()
    assert truncated.all()
    assert np.array_equal(before, env.get_state())
    mask = np.array([True, False, True])
    fresh, _ = env.reset(options={"reset_mask": mask})
    assert np.array_equal(fresh[1], seen[1])
    assert not np.array_equal(fresh[0], seen[0])
    assert np.array_equal(env.worlds["step"], [0, 3, 0])
    _, reward, _, truncated, _ = env.step(np.zeros(3, int))
    assert np.array_equal(truncated, [False, True, False])
    assert np.array_equal(reward != 0, mask)


@pytest.mark.parametrize("mask", [np.zeros(3, bool), np.ones(2, bool), np.ones(3, int)])
def test_a_wrong_reset_mask_is_an_error(mask: Any) -> None:
    with pytest.raises(SpecError) as caught:
        make(3).reset(seed=0, options={"reset_mask": mask})
    assert caught.value.problems[0].pointer == "/options/reset_mask"


def test_a_partly_reset_batch_still_has_random_streams_everywhere() -> None:
    env = make(2)
    env.reset(seed=1, options={"reset_mask": np.array([True, False])})
    env.reset()
    assert env.worlds["rng"].any(axis=1).all()
    assert (env.worlds["offset_s"] > 0).all()


def test_a_step_before_the_first_reset_is_refused() -> None:
    with pytest.raises(ResetNeeded):
        make(2).step(np.zeros(2, int))


def test_a_list_of_scenarios_is_dealt_out_in_turn() -> None:
    documents = [service(instances=1), service(instances=2), with_database(service(instances=3))]
    env = make(5, simulation=documents)
    _, info = env.reset(seed=0)
    assert info["scenario"].tolist() == [0, 1, 2, 0, 1]
    assert env.worlds["pool"]["ready"][:, 0].tolist() == [1, 2, 3, 1, 2]
    for i in range(5):
        single = gym.make(ENV_ID, simulation=documents[i % 3])
        single.reset(seed=i)
        expected = [single.step(1)[1] for _ in range(3)]
        env.reset(seed=0)
        found = [env.step(np.ones(5, int))[1][i] for _ in range(3)]
        assert found == expected
    assert "connection_pressure" in env.step(np.ones(5, int))[4]["metrics"]
    one_kind = make(2, simulation=documents[:1])
    assert "scenario" not in one_kind.reset(seed=0)[1]


def test_equal_scenarios_keep_their_number_through_a_saved_state() -> None:
    env = make(2, simulation=[service(), service()])
    _, before = env.reset(seed=0)
    env.set_state(env.get_state())
    assert env.step(np.zeros(2, int))[4]["scenario"].tolist() in ([0, 1], [0, 0])
    assert before["scenario"].tolist() == [0, 1]


@pytest.mark.parametrize("copy", [True, False])
def test_observations_alias_a_buffer_only_when_asked_to(copy: bool) -> None:
    env = make(3, copy=copy)
    first, _ = env.reset(seed=0)
    kept = first.copy()
    second, *_ = env.step(np.full(3, 4))
    assert np.shares_memory(first, second) is not copy
    assert np.array_equal(first, kept) is copy


def test_results_are_the_callers_own() -> None:
    env = make(3)
    env.reset(seed=0)
    _, reward, terminated, truncated, info = env.step(np.zeros(3, int))
    held = [reward, terminated, truncated, info["cost"], info["action_mask"]]
    held += [info["metrics"]["latency_p95"], info["reward_components"]["cost"]]
    before = [one.copy() for one in held]
    env.step(np.full(3, 4))
    assert all(np.array_equal(a, b) for a, b in zip(held, before, strict=True))


def test_two_python_threads_do_not_disturb_each_other() -> None:
    actions = np.random.default_rng(0).integers(0, 13, (300, 40))
    results: dict[int, Any] = {}

    def run(seed: int) -> None:
        env = make(40)
        env.reset(seed=seed)
        results[seed] = np.stack([env.step(row)[1] for row in actions])

    workers = [threading.Thread(target=run, args=(seed,)) for seed in (0, 1000)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    together = dict(results)
    for seed in (0, 1000):
        run(seed)
        assert np.array_equal(results[seed], together[seed])


@pytest.mark.parametrize(
    ("kwargs", "pointer"),
    [
        ({"num_envs": 0}, "/num_envs"),
        ({"num_envs": 2.5}, "/num_envs"),
        ({"num_envs": 2, "threads": 0}, "/threads"),
        ({"num_envs": 2, "autoreset_mode": "sometimes"}, "/autoreset_mode"),
        ({"num_envs": 2, "render_mode": "human"}, "/render_mode"),
    ],
)
def test_wrong_arguments(kwargs: dict[str, Any], pointer: str) -> None:
    with pytest.raises(SpecError) as caught:
        CloudVectorEnv(**kwargs)
    (problem,) = caught.value.problems
    assert problem.pointer == pointer
    assert problem.suggestion


@pytest.mark.parametrize("seed", [-1.5, "a", [1], [1, -2], [1, 2.5]])
def test_wrong_seeds(seed: Any) -> None:
    with pytest.raises(SpecError) as caught:
        make(2).reset(seed=seed)
    assert caught.value.problems[0].pointer.startswith("/seed")
