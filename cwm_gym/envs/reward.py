"""Rewards that a user's function computes in place of the kernel's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cwm_gym.spec.errors import invalid

RewardFunction = Callable[[dict[str, NDArray[np.float64]]], Any]


def call_reward(
    function: RewardFunction, metrics: dict[str, NDArray[np.float64]], size: int
) -> NDArray[np.float64]:
    """Ask a reward function.

    Args:
        function: Maps metrics to one number an environment.
        metrics: Name -> float64[N].
        size: Number of environments N.

    Returns:
        float64[N], the rewards.

    Raises:
        SpecError: If the function returns another shape.
    """
    rewards = np.asarray(function(metrics), dtype=np.float64)
    if rewards.shape != (size,):
        raise invalid(
            "/reward",
            f"The reward function returned shape {rewards.shape}",
            f"Return one number an environment: shape ({size},).",
        )
    return rewards
