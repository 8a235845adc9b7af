"""Gymnasium's own checkers and wrappers, on every id; also run under the version RLlib requires."""

from __future__ import annotations

import importlib.util
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import AutoresetMode
from gymnasium.wrappers import NormalizeObservation, RecordEpisodeStatistics
from gymnasium.wrappers import vector as vector_wrappers

from cwm_gym.registration import ENVIRONMENTS

MODES = [(a, o) for a in ("discrete", "continuous", "multi_discrete") for o in ("vector", "dict")]
SHORT = {"maxSteps": 6}


@pytest.mark.parametrize("env_id", ENVIRONMENTS)
@pytest.mark.parametrize(("action_mode", "observation_mode"), MODES)
def test_scalar_passes_the_checker(
    env_id: str, action_mode: str, observation_mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")  # the checker renders in every mode
    env = gym.make(env_id, action_mode=action_mode, observation_mode=observation_mode)
    drawable = all(importlib.util.find_spec(name) for name in ("PIL", "pygame"))
    check_env(env.unwrapped, skip_render_check=not drawable)


@pytest.mark.parametrize("env_id", ENVIRONMENTS)
@pytest.mark.parametrize(("action_mode", "observation_mode"), MODES)
@pytest.mark.parametrize("mode", AutoresetMode)
def test_vector_returns_what_its_spaces_say(
    env_id: str, action_mode: str, observation_mode: str, mode: AutoresetMode
) -> None:
    env = gym.make_vec(
        env_id,
        num_envs=3,
        autoreset_mode=mode,
        episode=SHORT,
        action_mode=action_mode,
        observation_mode=observation_mode,
    )
    assert env.metadata["autoreset_mode"] is mode
    env.action_space.seed(0)
    observations, _ = env.reset(seed=0)
    assert observations in env.observation_space
    for step in range(1, 9):
        observations, rewards, terminations, truncations, _ = env.step(env.action_space.sample())
        assert observations in env.observation_space
        assert rewards.shape == terminations.shape == truncations.shape == (3,)
        if mode is AutoresetMode.DISABLED and truncations.any():
            env.reset(options={"reset_mask": truncations})
        assert truncations.all() == (step == 6)


def test_records_episode_statistics() -> None:
    env = RecordEpisodeStatistics(gym.make("CloudAutoscale-v0", episode=SHORT))
    env.reset(seed=4)
    rewards = []
    truncated = False
    while not truncated:
        _, reward, _, truncated, info = env.step(0)
        rewards.append(reward)
    assert info["episode"]["l"] == 6
    assert info["episode"]["r"] == pytest.approx(sum(rewards), rel=1e-6)


@pytest.mark.parametrize("mode", [AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP])
def test_vector_records_episode_statistics(mode: AutoresetMode) -> None:
    env = vector_wrappers.RecordEpisodeStatistics(
        gym.make_vec("CloudAutoscale-v0", num_envs=2, autoreset_mode=mode, episode=SHORT)
    )
    env.reset(seed=4)
    still = np.zeros(2, np.int64)
    rewards = []
    for _ in range(6):
        _, reward, _, _, infos = env.step(still)
        rewards.append(reward)
    statistics: dict[str, Any] = infos["episode"]
    assert statistics["l"].tolist() == [6, 6]
    np.testing.assert_allclose(statistics["r"], np.sum(rewards, axis=0), rtol=1e-6)


def test_normalises_observations() -> None:
    scalar = NormalizeObservation(gym.make("CloudAutoscale-v0", episode=SHORT))
    batch = vector_wrappers.NormalizeObservation(
        gym.make_vec("CloudAutoscale-v0", num_envs=8, episode=SHORT)
    )
    for env, action in ((scalar, 0), (batch, np.zeros(8, np.int64))):
        observations, _ = env.reset(seed=0)
        for _ in range(20):
            result = env.step(action)
            if result[3] is True:
                env.reset()
        assert result[0].shape == observations.shape
        assert np.isfinite(result[0]).all()
        assert np.abs(result[0]).max() < 20.0


def test_other_vector_wrappers() -> None:
    env: Any = gym.make_vec(
        "CloudAutoscale-v0", num_envs=4, action_mode="continuous", episode=SHORT
    )
    env = vector_wrappers.RescaleAction(env, np.float32(0.0), np.float32(1.0))
    env = vector_wrappers.NormalizeReward(env)
    env = vector_wrappers.DictInfoToList(env)
    env.reset(seed=0)
    for _ in range(8):
        _, rewards, _, _, infos = env.step(np.full((4, 2), 0.5, np.float32))
    assert np.isfinite(rewards).all()
    assert [info["metrics"].keys() == infos[0]["metrics"].keys() for info in infos] == [True] * 4
    assert isinstance(infos[0]["cost"], float)
