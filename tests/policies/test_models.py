from __future__ import annotations

import gymnasium as gym
import numpy as np

from cwm_gym.evaluation import evaluate
from cwm_gym.policies import Policy


class FakeModel:
    """Stands for a recurrent Stable-Baselines3 model: counts the steps of its episode."""

    def __init__(self) -> None:
        self.starts = []

    def predict(self, observation, state=None, episode_start=None, deterministic=False):
        assert deterministic
        assert observation.dtype == np.float32
        state = np.zeros(len(observation)) if state is None else state
        state = np.where(episode_start, 0.0, state) + 1.0
        self.starts.append(episode_start.copy())
        return np.where(state == 3.0, 1, 0), state


class MaskableModel:
    def predict(
        self, observation, state=None, episode_start=None, deterministic=False, action_masks=None
    ):
        assert action_masks.shape == (len(observation), 13)
        assert action_masks.dtype == np.bool_
        # The first possible action that does something.
        return 1 + action_masks[:, 1:].argmax(axis=1), state


class ThirdStep(Policy):
    def reset(self, venv, mask, seed):
        self.step = 0

    def act(self, obs, info, world):
        self.step += 1
        return np.full(len(world), int(self.step == 3))


def test_a_model_is_asked_with_state_and_starts():
    kwargs = {"env_kwargs": {"max_episode_steps": 6}}
    model = FakeModel()
    result = evaluate(model, episodes=4, num_envs=2, **kwargs)
    assert result.policy == "FakeModel"
    assert [starts.tolist() for starts in model.starts] == [
        [k % 6 == 0, k % 6 == 0] for k in range(12)
    ]
    assert result.scaling_actions.tolist() == [1] * 4
    assert np.array_equal(result.returns, evaluate(ThirdStep(), episodes=4, **kwargs).returns)


def test_a_maskable_model_is_given_masks():
    result = evaluate(MaskableModel(), episodes=2, env_kwargs={"max_episode_steps": 12})
    # Six instances are added one by one; at the bound only scaling in is possible.
    assert result.ignored_actions.tolist() == [0, 0]
    assert result.scaling_actions.tolist() == [12, 12]


def test_a_model_may_be_run_by_hand_too():
    from cwm_gym.policies import as_policy

    policy = as_policy(FakeModel())
    venv = gym.make_vec("CloudAutoscale-v0", num_envs=3)
    obs, info = venv.reset(seed=0)
    policy.reset(venv, np.array([True, False, True]), 0)
    assert policy.act(obs, info, venv.worlds).tolist() == [0, 0, 0]
    assert policy.model.starts[0].tolist() == [True, False, True]
    venv.close()
