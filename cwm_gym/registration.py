"""The table of environment ids."""

from __future__ import annotations

import gymnasium as gym

# id -> (scalar class, vector class)
ENVIRONMENTS: dict[str, tuple[str, str]] = {
    "CloudAutoscale-v0": (
        "cwm_gym.envs.autoscale:CloudAutoscaleEnv",
        "cwm_gym.envs.autoscale:CloudAutoscaleVectorEnv",
    ),
}


def register_environments() -> None:
    """Register every id of the table with Gymnasium; ids that are there already are left alone."""
    for name, (scalar, vector) in ENVIRONMENTS.items():
        if name not in gym.registry:
            gym.register(name, entry_point=scalar, vector_entry_point=vector)
