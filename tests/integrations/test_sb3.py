"""The contract of the SB3 adapter, held against SB3's own DummyVecEnv over scalar environments."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from cwm_gym.registration import ENVIRONMENTS
from cwm_gym.spec import SpecError

pytest.importorskip("stable_baselines3")

from stable_baselines3.common.env_checker import check_env
from stable_baselines3.common.evaluation import evaluate_policy
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.vec_env import DummyVecEnv, VecCheckNan, VecMonitor, VecNormalize

from cwm_gym.integrations import sb3
from cwm_gym.integrations.sb3 import CwmVecEnv, make_vec_env

ENV_ID = "CloudAutoscale-v0"
SHORT = {"maxSteps": 6}
MODES = [(a, o) for a in ("discrete", "continuous", "multi_discrete") for o in ("vector", "dict")]


def short_env(n_envs: int = 3, seed: int | None = 11, **kwargs: Any) -> CwmVecEnv:
    return make_vec_env(ENV_ID, n_envs, seed, **{"episode": SHORT, **kwargs})


def reference_env(n_envs: int = 3, seed: int = 11, **kwargs: Any) -> DummyVecEnv:
    kwargs = {"episode": SHORT, **kwargs}
    env = DummyVecEnv([lambda: Monitor(gym.make(ENV_ID, **kwargs)) for _ in range(n_envs)])
    env.seed(seed)
    return env


def some_actions(env: Any, count: int) -> Iterator[Any]:
    rng = np.random.default_rng(3)
    for _ in range(count):
        if isinstance(env.action_space, gym.spaces.Discrete):
            yield rng.integers(env.action_space.n, size=env.num_envs)
        elif isinstance(env.action_space, gym.spaces.MultiDiscrete):
            yield rng.integers(env.action_space.nvec, size=(env.num_envs, 3))
        else:
            yield rng.uniform(-1, 1, (env.num_envs, *env.action_space.shape)).astype(np.float32)


def assert_same(one: Any, other: Any) -> None:
    """Compare nested observations and infos bit for bit, types of arrays included."""
    if isinstance(one, dict):
        assert one.keys() == other.keys()
        for key in one:
            assert_same(one[key], other[key])
    elif isinstance(one, tuple):
        for part, same in zip(one, other, strict=True):
            assert_same(part, same)
    elif isinstance(one, np.ndarray):
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(one, other)
    else:
        assert one == other


# Histories and tables of tiers are matrices; SB3 flattens them.
@pytest.mark.filterwarnings("ignore:Your observation .* has an unconventional shape")
@pytest.mark.parametrize("env_id", ENVIRONMENTS)
@pytest.mark.parametrize(("action_mode", "observation_mode"), MODES)
def test_scalar_passes_sb3_checker(env_id: str, action_mode: str, observation_mode: str) -> None:
    check_env(gym.make(env_id, action_mode=action_mode, observation_mode=observation_mode))


@pytest.mark.parametrize(("action_mode", "observation_mode"), MODES)
def test_equals_dummy_vec_env(action_mode: str, observation_mode: str) -> None:
    modes = {"action_mode": action_mode, "observation_mode": observation_mode}
    env, reference = short_env(**modes), reference_env(**modes)
    assert env.observation_space == reference.observation_space
    assert env.action_space == reference.action_space
    assert_same(env.reset(), reference.reset())
    assert_same(env.reset_infos[2], reference.reset_infos[2])
    ended = 0
    for actions in some_actions(env, 20):
        begun = list(env.reset_infos)
        observations, rewards, dones, infos = env.step(actions)
        expected = reference.step(actions)
        assert_same(observations, expected[0])
        assert_same(rewards, expected[1])
        assert_same(dones, expected[2])
        for i, info in enumerate(infos):
            if not dones[i]:
                assert info == {}
                continue
            ended += 1
            assert info["episode"].pop("t") >= 0.0
            del expected[3][i]["episode"]["t"]
            assert_same(info, expected[3][i])
            assert_same(env.reset_infos[i], reference.reset_infos[i])
            assert env.reset_infos[i] is not begun[i]
    assert ended == 9


@pytest.mark.parametrize("n_envs", [1, 4])
@pytest.mark.parametrize("observation_mode", ["vector", "dict"])
def test_returned_arrays_stay_unchanged(n_envs: int, observation_mode: str) -> None:
    env = short_env(n_envs, observation_mode=observation_mode)

    def arrays(observations: Any) -> list[Any]:
        return list(observations.values()) if isinstance(observations, dict) else [observations]

    held = arrays(env.reset())
    copies = [array.copy() for array in held]
    for actions in some_actions(env, 10):
        observations, rewards, dones, infos = env.step(actions)
        new = [*arrays(observations), rewards, dones]
        new += [x for info in infos if info for x in arrays(info["terminal_observation"])]
        held += new
        copies += [array.copy() for array in new]
    for array, copy in zip(held, copies, strict=True):
        np.testing.assert_array_equal(array, copy)
    assert all(array.dtype in (np.float32, np.bool_) for array in held)


def test_termination_is_not_truncation() -> None:
    document = {
        "name": "down",
        "traffic": 10,
        "resources": [
            {
                "id": "web",
                "type": "compute",
                "name": "web",
                "provider": "aws",
                "characteristics": {
                    "size": "m5.large",
                    "region": "us-east-1",
                    "instances": 1,
                    "minInstances": 0,
                    "maxInstances": 2,
                    "drainSeconds": 0,
                },
            }
        ],
        "episode": {"maxSteps": 50, "terminateOnOutage": 2},
    }
    env = make_vec_env(ENV_ID, 2, seed=0, simulation=document)
    env.reset()
    stop_first = np.array([5, 0])
    terminated = 0
    for _ in range(49):
        _, _, dones, infos = env.step(stop_first)
        if dones[0]:
            terminated += 1
            assert infos[0]["TimeLimit.truncated"] is False
            assert infos[0]["episode"]["l"] < 50
        assert not dones[1]
    assert terminated > 0
    _, _, dones, infos = env.step(np.zeros(2, np.int64))
    assert dones[1]
    assert infos[1]["TimeLimit.truncated"] is True
    assert infos[1]["episode"]["l"] == 50


def test_info_keys_on_every_step() -> None:
    keys = ("latency_p95", "cost", "action_mask", "sim_time_seconds", "reward_components.*")
    env, reference = short_env(info_keys=keys), reference_env()
    env.reset()
    reference.reset()
    for actions in some_actions(env, 8):
        _, _, dones, infos = env.step(actions)
        _, _, _, expected = reference.step(actions)
        for i, info in enumerate(infos):
            full = expected[i]
            parts = {f"reward_components.{k}": v for k, v in full["reward_components"].items()}
            wanted = {key: full[key] for key in ("cost", "action_mask", "sim_time_seconds")}
            wanted |= {"latency_p95": full["metrics"]["latency_p95"], **parts}
            assert_same({key: info[key] for key in wanted}, wanted)
            assert bool(set(info) - set(wanted)) == dones[i]


def test_masks_in_infos_stay_unchanged() -> None:
    env = short_env(info_keys=["action_mask"])
    env.set_options([{"fleet": 1}, {"fleet": 5}, {"fleet": 12}])
    env.reset()
    held = [info["action_mask"] for info in env.step(np.array([0, 0, 4]))[3]]
    copies = [mask.copy() for mask in held]
    assert not np.array_equal(held[0], held[2])
    for actions in some_actions(env, 10):
        env.step(actions)
    np.testing.assert_array_equal(held, copies)


def test_masks_of_all_targets_are_the_scalar_environments() -> None:
    env = short_env(info_keys=["action_mask"], action_mode="multi_discrete")
    reference = reference_env(action_mode="multi_discrete")
    env.reset()
    reference.reset()
    for actions in some_actions(env, 5):
        masks = env.env_method("action_masks")
        assert np.stack(masks).shape == (3, 27)
        np.testing.assert_array_equal(masks, reference.env_method("action_masks"))
        ours, theirs = env.step(actions)[3], reference.step(actions)[3]
        for mine, other in zip(ours, theirs, strict=True):
            assert_same(mine["action_mask"], other["action_mask"])


def test_faults_reach_the_adapter() -> None:
    kill = {"type": "instance_kill", "startTime": 2, "endTime": 5}
    env, reference = short_env(faults=kill), reference_env(faults=kill)
    env.reset()
    reference.reset()
    for actions in some_actions(env, 6):
        observations, rewards, *_ = env.step(actions)
        expected = reference.step(actions)
        assert_same(observations, expected[0])
        assert_same(rewards, expected[1])
        told = [event["kind"] for info in expected[3] for event in info["events"]]
        assert ("fault_started" in told) == (env.native.worlds["step"][0] == 3)
    assert env.native.worlds["n_faults"].tolist() == [1, 1, 1]
    env.set_options({"fault": [kill, kill]})
    env.reset()
    assert env.native.worlds["n_faults"].tolist() == [3, 3, 3]


def test_one_info_key_may_stand_alone() -> None:
    env = short_env(info_keys="reward_components.sla")
    env.reset()
    assert env.step(np.zeros(3, np.int64))[3][0].keys() == {"reward_components.sla"}


@pytest.mark.parametrize("key", ["latency_p59", "action_mask", "reward_components.slo"])
def test_unknown_info_key(key: str) -> None:
    with pytest.raises(SpecError, match="Did you mean"):
        short_env(info_keys=["cost", key], action_mode="continuous")


def test_empty_infos_are_reused_until_written() -> None:
    env = short_env(2)
    env.reset()
    still = np.zeros(2, np.int64)
    first = env.step(still)[3]
    second = env.step(still)[3]
    assert first is not second
    assert first[0] is second[0]
    assert first[0] is not first[1]
    second[0]["mine"] = 1
    third = env.step(still)[3]
    assert third == [{}, {}]
    assert second[0] == {"mine": 1}


def test_custom_reward() -> None:
    calls: list[dict[str, Any]] = []

    def reward(metrics: dict[str, Any]) -> Any:
        calls.append(metrics)
        return -metrics["cost_usd_hr"] - metrics["error_rate"]

    env = short_env(reward=reward)
    env.reset()
    returns = np.zeros(3)
    for count, actions in enumerate(some_actions(env, 6), start=1):
        _, rewards, _, infos = env.step(actions)
        wanted = -calls[-1]["cost_usd_hr"] - calls[-1]["error_rate"]
        np.testing.assert_array_equal(rewards, wanted.astype(np.float32))
        returns += wanted
        assert len(calls) == count
    assert [info["episode"]["r"] for info in infos] == [round(r, 6) for r in returns.tolist()]
    kept = calls[0]["cost_usd_hr"].copy()
    env.step(np.full(3, 4))
    np.testing.assert_array_equal(calls[0]["cost_usd_hr"], kept)


def test_custom_reward_of_the_wrong_shape() -> None:
    env = short_env(reward=lambda metrics: 0.0)
    env.reset()
    with pytest.raises(SpecError, match="shape"):
        env.step(np.zeros(3, np.int64))


def test_seeds_are_used_once() -> None:
    env = short_env(seed=5)
    first = env.reset()
    second = env.reset()
    assert not np.array_equal(first, second)
    assert env.seed(5) == [5, 6, 7]
    np.testing.assert_array_equal(env.reset(), first)
    np.testing.assert_array_equal(env.reset(), second)
    unseeded = [short_env(seed=None).reset() for _ in range(2)]
    assert not np.array_equal(*unseeded)


def test_options_are_used_once() -> None:
    env = short_env()
    fleets = [{"fleet": 2, "traffic_offset_s": 0.0}, {"fleet": 9, "traffic_offset_s": 0.0}, {}]
    env.set_options(fleets)
    env.reset()
    state = env.env_method("get_state")
    ready = [int(world["pool"][0]["ready"]) for world in state]
    initial = int(env.get_attr("program")[0].primary["initial"])
    assert ready == [2, 9, initial]
    assert [float(world["offset_s"]) for world in state[:2]] == [0.0, 0.0]
    env.reset()
    assert all(int(w["pool"][0]["ready"]) == initial for w in env.env_method("get_state"))
    env.set_options({"fleet": 3})
    env.reset()
    assert all(int(w["pool"][0]["ready"]) == 3 for w in env.env_method("get_state"))


def test_attributes_and_methods() -> None:
    env = short_env(render_mode="ansi")
    env.reset()
    assert env.render_mode == "ansi"
    assert env.get_attr("render_mode") == ["ansi"] * 3
    assert env.get_attr("spec", 0)[0].id == ENV_ID
    masks = env.env_method("action_masks")
    assert np.stack(masks).shape == (3, 13)
    assert np.stack(masks).dtype == np.bool_
    np.testing.assert_array_equal(env.env_method("action_masks", indices=[2])[0], masks[2])
    env.set_attr("label", "b", indices=1)
    assert env.get_attr("label", 1) == ["b"]
    assert env.has_attr("action_masks")
    assert not env.has_attr("label")  # not in every environment
    with pytest.raises(AttributeError):
        env.get_attr("unheard_of")
    env.step(np.zeros(3, np.int64))
    assert all("rps" in text for text in env.env_method("render"))
    assert env.env_is_wrapped(Monitor) == [True] * 3
    assert env.env_is_wrapped(gym.wrappers.TimeLimit, indices=[0]) == [False]
    env.close()


def test_state_of_one_environment() -> None:
    env = short_env()
    env.reset()
    env.step(np.array([3, 0, 0]))
    state = env.env_method("get_state", indices=[0])[0]
    after = env.step(np.array([1, 0, 0]))[0]
    env.env_method("set_state", state, indices=[0])
    np.testing.assert_array_equal(env.step(np.array([1, 0, 0]))[0][0], after[0])


def test_pictures() -> None:
    pytest.importorskip("PIL")
    env = short_env(2, render_mode="rgb_array")
    env.reset()
    before = env.render()
    for _ in range(3):
        env.step(np.zeros(2, np.int64))
    after = env.render()
    assert after.shape == (540 * 2, 960, 3)
    assert not np.array_equal(before, after)


def test_scenarios_of_a_list() -> None:
    other = {"name": "other", **_simulation_without_database()}
    env = short_env(4, simulation=[gym.make(ENV_ID).unwrapped.program.simulation, other])
    env.reset()
    for actions in some_actions(env, 6):
        infos = env.step(actions)[3]
    assert [info["scenario"] for info in infos] == [0, 1, 0, 1]
    assert [program.simulation.name for program in env.get_attr("program")][1::2] == ["other"] * 2


def _simulation_without_database() -> dict[str, Any]:
    return {
        "traffic": 100,
        "resources": [
            {
                "id": "web",
                "type": "compute",
                "name": "web",
                "provider": "aws",
                "characteristics": {"size": "m5.large", "region": "us-east-1", "instances": 2},
            }
        ],
    }


def test_threads_change_nothing() -> None:
    one, two = short_env(64), short_env(64, threads=2)
    np.testing.assert_array_equal(one.reset(), two.reset())
    for actions in some_actions(one, 8):
        for a, b in zip(one.step(actions)[:3], two.step(actions)[:3], strict=True):
            np.testing.assert_array_equal(a, b)
    two.close()


def test_wrappers_of_sb3() -> None:
    env = VecNormalize(VecCheckNan(short_env(), raise_exception=True))
    env.reset()
    for actions in some_actions(env, 14):
        observations, rewards, dones, infos = env.step(actions)
        assert np.abs(observations).max() <= 10.0
        assert np.isfinite(rewards).all()
        if dones.any():
            assert np.abs(infos[0]["terminal_observation"]).max() <= 10.0
    restored = env.unnormalize_obs(observations)
    free = env.obs_rms.var > 1e-4  # what hardly varies is cut off at 10 standard deviations
    np.testing.assert_allclose(
        restored[:, free], env.get_original_obs()[:, free], rtol=1e-4, atol=1e-4
    )
    with pytest.warns(UserWarning, match="already wrapped with a `Monitor`"):
        VecMonitor(short_env())


def test_evaluate_policy_counts_our_episodes() -> None:
    class Still:
        def predict(self, observations: Any, **_: Any) -> tuple[Any, None]:
            return np.zeros(len(observations), np.int64), None

    returns, lengths = evaluate_policy(
        Still(),
        short_env(),
        n_eval_episodes=6,
        return_episode_rewards=True,
    )
    assert lengths == [6] * 6
    env = short_env()
    env.reset()
    first = np.sum([env.step(np.zeros(3, np.int64))[1] for _ in range(6)], axis=0)
    np.testing.assert_allclose(sorted(returns[:3]), sorted(first), rtol=1e-5)


def test_other_libraries_are_refused() -> None:
    with pytest.raises(SpecError, match="not an environment of cwm_gym"):
        make_vec_env("CartPole-v1")


def test_id_with_its_module() -> None:
    assert make_vec_env(f"cwm_gym:{ENV_ID}", 2).num_envs == 2


def test_import_without_sb3_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "stable_baselines3.common.monitor", None)
    spec = importlib.util.spec_from_file_location("without_sb3", str(sb3.__file__))
    assert spec is not None
    assert spec.loader is not None
    with pytest.raises(ImportError, match=r"cwm-gym\[sb3\]"):
        spec.loader.exec_module(importlib.util.module_from_spec(spec))


def test_package_import_is_lazy() -> None:
    code = (
        "import sys, cwm_gym; cwm_gym.integrations; "
        "assert not {'stable_baselines3', 'torch', 'numba'} & set(sys.modules); "
        "cwm_gym.integrations.sb3.make_vec_env"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
