"""Policies of one line: random, static, and the provider's threshold autoscaler."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cwm_gym.policies.base import Policy, bad_parameter, episode_seeds


class Idle(Policy):
    """Does nothing, ever: the scenario's own fleet for the whole episode."""

    name = "idle"

    def reset(self, venv: Any, mask: NDArray[np.bool_], seed: int | Sequence[int]) -> None:
        """Make the no-ops; see :meth:`Policy.reset`."""
        # In every action mode the action that does nothing is all zeros.
        self._nothing = np.zeros(venv.action_space.shape, venv.action_space.dtype)

    def act(self, obs: Any, info: dict[str, Any], world: NDArray[Any]) -> Any:
        """Do nothing; see :meth:`Policy.act`."""
        return self._nothing


class Static(Idle):
    """Holds a fleet of one size from the first second of the episode to the last.

    Args:
        n: Instances, inside the bounds of the pool.
    """

    def __init__(self, n: int) -> None:
        if isinstance(n, bool) or not isinstance(n, int | np.integer) or n < 0:
            raise bad_parameter("n", n, "a whole number of instances, 0 or more")
        self.n = int(n)
        self.name = f"static({self.n})"
        self.reset_options = MappingProxyType({"fleet": self.n})


class Threshold(Idle):
    """The built-in autoscaler with the provider's defaults, left alone.

    The rule is `cwm_gym.core.autoscaler`'s: above the CPU threshold it adds instances, below the
    lower one it removes one, each after the trigger has held for some evaluations in a row and
    the cooldown is over. The scenario's ``autoscaling`` section changes the thresholds.
    """

    name = "threshold"
    env_kwargs: Mapping[str, Any] = MappingProxyType({"autoscaler": "on"})


class Random(Policy):
    """Draws uniformly from the actions that are possible.

    Every environment has a stream of its own, so that the draws of an episode do not depend on
    how many run beside it.
    """

    name = "random"
    # Keeps the policy's stream apart from the world's, which starts from the same seed.
    _KEY = 0x52616E64

    def reset(self, venv: Any, mask: NDArray[np.bool_], seed: int | Sequence[int]) -> None:
        """Start the streams of the environments that begin; see :meth:`Policy.reset`."""
        if getattr(self, "_venv", None) is not venv:
            self._venv = venv
            self._spaces = [copy.deepcopy(venv.single_action_space) for _ in range(venv.num_envs)]
        seeds = episode_seeds(seed, venv.num_envs)
        for i in np.flatnonzero(mask):
            mixed = np.random.SeedSequence([self._KEY, seeds[i]]).generate_state(1)[0]
            self._spaces[i].seed(int(mixed))

    def act(self, obs: Any, info: dict[str, Any], world: NDArray[Any]) -> Any:
        """Draw actions; see :meth:`Policy.act`."""
        masks = info.get("action_mask")
        drawn = [
            space.sample() if masks is None else space.sample(mask=_of_one(masks, i))
            for i, space in enumerate(self._spaces)
        ]
        return np.stack(drawn).astype(self._venv.action_space.dtype)


def _of_one(masks: Any, index: int) -> Any:
    """Mask of one environment; a multi-discrete mask is a tuple with one array a choice."""
    if isinstance(masks, tuple):
        return tuple(mask[index] for mask in masks)
    return masks[index]
