"""Rewrites the golden trajectories: ``python -m tests.golden.regenerate``.

Do so in the commit that means to change them, and say there why they changed.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np

import cwm_gym
from cwm_gym.registration import ENVIRONMENTS

FILE = Path(__file__).with_name("trajectories.json")
STEPS, SEED = 24, 2024


def trajectory(env_id: str, scenario: str) -> dict[str, Any]:
    """Run one scenario under fixed actions: scale out and in by every amount, with pauses.

    Args:
        env_id: Registered id.
        scenario: Name of the scenario.

    Returns:
        Observations and rewards, rounded to nine digits.
    """
    env = gym.make(env_id, scenario=scenario)
    actions = np.random.default_rng(SEED).integers(0, 9, STEPS)
    seen, _ = env.reset(seed=SEED)
    observations, rewards = [seen], []
    for action in actions:
        seen, reward, *_ = env.step(int(action))
        observations.append(seen)
        rewards.append(float(reward))
    return {
        "rewards": [float(f"{reward:.9g}") for reward in rewards],
        "observations": [[float(f"{x:.9g}") for x in row] for row in observations[:: STEPS // 4]],
    }


def trajectories() -> dict[str, Any]:
    """Run every id on every scenario.

    Returns:
        ``id/scenario`` -> trajectory.
    """
    return {
        f"{env_id}/{scenario}": trajectory(env_id, scenario)
        for env_id in ENVIRONMENTS
        for scenario in cwm_gym.scenarios()
    }


if __name__ == "__main__":
    FILE.write_text(json.dumps(trajectories(), indent=1) + "\n")
    print(f"{FILE.name}: {FILE.stat().st_size} bytes")
