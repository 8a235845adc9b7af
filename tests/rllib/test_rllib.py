"""RLlib over the native batch: what it records is what happened, and it trains."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import ray
from ray.rllib.algorithms.ppo import PPOConfig
from ray.rllib.env.single_agent_env_runner import SingleAgentEnvRunner

ENV_ID = "cwm_gym:CloudAutoscale-v0"
STEPS = 6
EPISODE = {"maxSteps": STEPS}

pytestmark = pytest.mark.filterwarnings("ignore")  # RLlib warns of itself


def config(num_envs: int, num_env_runners: int = 0) -> Any:
    return (
        PPOConfig()
        .environment(ENV_ID, env_config={"episode": EPISODE})
        .env_runners(
            num_env_runners=num_env_runners,
            gym_env_vectorize_mode="vector_entry_point",
            num_envs_per_env_runner=num_envs,
            rollout_fragment_length=STEPS,
        )
        .training(train_batch_size=STEPS * num_envs, minibatch_size=STEPS * num_envs, num_epochs=1)
        .debugging(seed=42, log_level="ERROR")
    )


@pytest.fixture(scope="module")
def cluster() -> Iterator[None]:
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    yield
    ray.shutdown()


@pytest.mark.parametrize("num_envs", [1, 3])
def test_recorded_episodes_are_ours(num_envs: int) -> None:
    """Play the recorded actions again and compare every observation, the last ones above all."""
    runner = SingleAgentEnvRunner(config=config(num_envs))
    native = runner.env.unwrapped
    assert type(native).__name__ == "CloudAutoscaleVectorEnv"
    recorded = [
        episode
        for _ in range(4)
        for episode in runner.sample(
            num_episodes=None, num_timesteps=STEPS * num_envs, random_actions=True
        )
    ]
    whole = [episode for episode in recorded if len(episode) == STEPS]
    assert len(whole) >= 3 * num_envs
    replayed = 0
    for i in range(num_envs):
        env = gym.make(ENV_ID, episode=EPISODE)
        seed = runner._seed + i
        for _ in range(len(whole) // num_envs):
            first, _ = env.reset(seed=seed)
            seed = None  # the stream continues
            episode = next(e for e in whole if np.array_equal(e.get_observations(0), first))
            for k, action in enumerate(episode.get_actions()):
                observation, reward, terminated, truncated, _ = env.step(action)
                np.testing.assert_array_equal(episode.get_observations(k + 1), observation)
                assert episode.get_rewards(k) == reward
            assert (truncated, terminated) == (True, False)
            assert (episode.is_truncated, episode.is_terminated) == (True, False)
            replayed += 1
    assert replayed == len(whole)
    runner.stop()


def test_ppo_trains_with_a_worker(cluster: None) -> None:
    algorithm = config(num_envs=8, num_env_runners=1).build_algo()
    for _ in range(2):
        result = algorithm.train()
    assert result["env_runners"]["num_env_steps_sampled_lifetime"] >= 2 * 8 * STEPS
    assert np.isfinite(result["env_runners"]["episode_return_mean"])
    assert result["env_runners"]["episode_len_mean"] == STEPS
    algorithm.stop()
