"""PPO on a cloud service with Stable-Baselines3: the settings of the demo."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

DEFAULT_TIMESTEPS = 5_000_000
"""About two minutes on two cores."""

N_ENVS = 64

# Found on training seeds: wide batches and a learning rate annealed to zero suit an environment
# that steps in a microsecond; the reward is centred and scaled by the spread of returns.
PPO_SETTINGS: dict[str, Any] = {
    "n_steps": 64,
    "batch_size": 1024,
    "n_epochs": 4,
    "gamma": 0.98,
    "gae_lambda": 0.95,
    "ent_coef": 0.005,
    "policy_kwargs": {"net_arch": [64, 64]},
}
LEARNING_RATE = 1e-3
CHECKS = 20


@dataclass
class LearningCurve:
    """Mean return on validation episodes of the training split, by training steps.

    Attributes:
        timesteps: Steps trained.
        returns: Mean return of an episode.
    """

    timesteps: list[int] = field(default_factory=list)
    returns: list[float] = field(default_factory=list)


def train_ppo(
    env_kwargs: dict[str, Any],
    *,
    timesteps: int,
    seed: int,
    validate: Callable[[Any], float],
    progress: Callable[[int], None],
) -> tuple[Any, LearningCurve]:
    """Train an agent.

    Args:
        env_kwargs: Arguments of the environment; the training split is used.
        timesteps: Environment steps to train for.
        seed: Of environments and network.
        validate: Mean return of a model on episodes that are neither trained nor reported on.
        progress: Called with the number of steps trained so far.

    Returns:
        The model and its learning curve.
    """
    import torch
    from stable_baselines3 import PPO
    from stable_baselines3.common.callbacks import BaseCallback
    from stable_baselines3.common.vec_env import VecNormalize

    from cwm_gym.demo.centring import CentredReward
    from cwm_gym.integrations.sb3 import make_vec_env

    curve = LearningCurve()

    class Watch(BaseCallback):  # type: ignore[misc]  # untyped base
        """Reports progress after every rollout and validates now and then."""

        def _on_step(self) -> bool:
            return True

        def _on_rollout_start(self) -> None:
            progress(self.num_timesteps)
            if self.num_timesteps >= len(curve.timesteps) * timesteps / CHECKS:
                curve.timesteps.append(self.num_timesteps)
                curve.returns.append(validate(self.model))

        def _on_training_end(self) -> None:
            progress(self.num_timesteps)
            curve.timesteps.append(self.num_timesteps)
            curve.returns.append(validate(self.model))

    before = torch.get_num_threads()
    # Networks this small lose more to thread hand-over than they gain.
    torch.set_num_threads(1)
    try:
        kwargs = {**env_kwargs, "split": "train"}
        environment = VecNormalize(
            CentredReward(make_vec_env("CloudAutoscale-v0", N_ENVS, seed=seed, **kwargs)),
            norm_obs=False,
            gamma=PPO_SETTINGS["gamma"],
        )
        model = PPO(
            "MlpPolicy",
            environment,
            learning_rate=lambda left: LEARNING_RATE * left,
            seed=seed,
            device="cpu",
            **PPO_SETTINGS,
        )
        model.learn(timesteps, callback=Watch())
    finally:
        torch.set_num_threads(before)
    return model, curve
