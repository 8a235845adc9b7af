"""Other libraries: what is particular to each lives here, and loads when it is first used.

- **Stable-Baselines3** (``pip install "cwm-gym[sb3]"``): :mod:`cwm_gym.integrations.sb3` puts the
  native batch behind SB3's ``VecEnv``::

      from stable_baselines3 import PPO
      from cwm_gym.integrations.sb3 import make_vec_env

      model = PPO("MlpPolicy", make_vec_env("CloudAutoscale-v0", n_envs=64, seed=0), n_steps=64)

- **RLlib** needs no adapter. It takes the native batch through Gymnasium's ``make_vec``, in the
  NEXT_STEP mode that it assumes and that is the default here. The module in front of the id lets
  every worker register it::

      from ray.rllib.algorithms.ppo import PPOConfig

      config = (
          PPOConfig()
          .environment("cwm_gym:CloudAutoscale-v0", env_config={"scenario": "aws-web-app"})
          .env_runners(gym_env_vectorize_mode="vector_entry_point", num_envs_per_env_runner=64)
      )

  Keep ``autoreset_mode`` as it is: with SAME_STEP, RLlib records the first observation of the next
  episode as the last one of an episode, without a warning. RLlib 2.60 requires Gymnasium 1.2.2.
- **Gymnasium's own wrappers** work on both classes; its ``VectorObservationWrapper`` refuses
  SAME_STEP.
"""

from __future__ import annotations

import importlib
from typing import Any

_MODULES = ("sb3",)


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_MODULES})
