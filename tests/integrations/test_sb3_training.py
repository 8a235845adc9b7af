"""SB3's algorithms learn on the adapter, in seconds, where learning is easy."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("stable_baselines3")

import torch
from stable_baselines3 import DQN, PPO
from stable_baselines3.common.evaluation import evaluate_policy

from cwm_gym.integrations.sb3 import CwmVecEnv, make_vec_env

ENV_ID = "CloudAutoscale-v0"
SCALE_IN_8 = 8
# Returns lie between about -4 (all but the smallest fleet given up) and 16 (a fleet that fits).
CLEAR = 4.0


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Small networks learn fastest on one thread."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def easy_env(n_envs: int, seed: int, **kwargs: Any) -> CwmVecEnv:
    """Constant demand that the initial fleet suits: wandering off is what costs."""
    episode = {"maxSteps": 40, "initialTraffic": 4000}
    return make_vec_env(ENV_ID, n_envs, seed, traffic="constant", episode=episode, **kwargs)


def mean_return(model: Any, **kwargs: Any) -> float:
    mean, _ = evaluate_policy(model, easy_env(32, seed=1000, **kwargs), n_eval_episodes=32)
    return float(mean)


def new_ppo(env: CwmVecEnv, policy: str = "MlpPolicy") -> PPO:
    return PPO(
        policy,
        env,
        n_steps=40,
        batch_size=320,
        n_epochs=4,
        gamma=0.95,
        learning_rate=1e-3,
        seed=0,
        device="cpu",
    )


def test_ppo_learns() -> None:
    model = new_ppo(easy_env(64, seed=0))
    with torch.no_grad():
        model.policy.action_net.bias[SCALE_IN_8] = 3.0  # begin with a bad habit
    before = mean_return(model)
    model.learn(64 * 40 * 15)
    assert mean_return(model) > before + CLEAR
    assert len(model.ep_info_buffer) == 100
    assert model.ep_info_buffer[-1]["l"] == 40


def test_dqn_learns() -> None:
    model = DQN(
        "MlpPolicy",
        easy_env(16, seed=0),
        learning_rate=1e-3,
        buffer_size=20_000,
        learning_starts=1_000,
        batch_size=256,
        train_freq=4,
        gradient_steps=8,
        gamma=0.9,
        target_update_interval=500,
        exploration_fraction=0.5,
        seed=0,
        device="cpu",
    )
    with torch.no_grad():
        for network in (model.q_net, model.q_net_target):
            network.q_net[-1].bias[SCALE_IN_8] = 1.0  # begin with a bad habit
    before = mean_return(model)
    model.learn(16 * 600)
    assert mean_return(model) > before + CLEAR


def test_dict_observations_and_continuous_actions_train() -> None:
    modes = {"observation_mode": "dict", "action_mode": "continuous"}
    model = new_ppo(easy_env(8, seed=0, **modes), "MultiInputPolicy")
    model.learn(8 * 40)
    assert np.isfinite(mean_return(model, **modes))


def test_actions_on_every_resource_train_under_faults() -> None:
    kwargs = {
        "action_mode": "multi_discrete",
        "faults": {"ratesPerHour": {"instance_kill": 4, "database_slowdown": 2}},
    }
    model = new_ppo(easy_env(8, seed=0, **kwargs))
    model.learn(8 * 40)
    assert np.isfinite(mean_return(model, **kwargs))
    actions, _ = model.predict(model.get_env().reset())
    assert actions.shape == (8, 3)


def test_model_survives_saving(tmp_path: Path) -> None:
    model = new_ppo(easy_env(8, seed=0)).learn(8 * 40)
    model.save(tmp_path / "model")
    env = easy_env(8, seed=3)
    loaded = PPO.load(tmp_path / "model", env=env, device="cpu")
    observations = env.reset()
    actions, _ = loaded.predict(observations, deterministic=True)
    np.testing.assert_array_equal(actions, model.predict(observations, deterministic=True)[0])
    assert loaded.learn(8 * 40, reset_num_timesteps=False).num_timesteps == 2 * 8 * 40


def test_training_is_reproducible() -> None:
    def weights() -> list[Any]:
        model = new_ppo(easy_env(8, seed=0)).learn(8 * 40)
        return [parameter.detach().numpy() for parameter in model.policy.parameters()]

    for one, other in zip(weights(), weights(), strict=True):
        np.testing.assert_array_equal(one, other)
