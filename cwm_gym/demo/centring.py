"""Rewards around zero for Stable-Baselines3."""

from __future__ import annotations

from typing import Any

import numpy as np
from stable_baselines3.common.vec_env import VecEnvWrapper


class CentredReward(VecEnvWrapper):  # type: ignore[misc]  # untyped base
    """Subtracts the running mean of the reward, which no action changes by much.

    A constant in the reward adds a constant to every return. It teaches nothing, but the value
    function has to learn it first, and meanwhile the policy settles on what costs no changes.

    Args:
        venv: The environments.
        memory: Steps over which the mean is taken once that many have passed.
    """

    def __init__(self, venv: Any, memory: int = 2000) -> None:
        super().__init__(venv)
        self.mean = 0.0
        self._memory = memory
        self._steps = 0

    def reset(self) -> Any:
        """Start episodes.

        Returns:
            Observations.
        """
        return self.venv.reset()

    def step_wait(self) -> Any:
        """Run one tick.

        Returns:
            Observations, centred rewards (float32), ends of episodes, infos.
        """
        observations, rewards, dones, infos = self.venv.step_wait()
        self._steps += 1
        self.mean += (float(rewards.mean()) - self.mean) / min(self._steps, self._memory)
        return observations, (rewards - self.mean).astype(np.float32), dones, infos
