"""Trained models as policies."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cwm_gym.policies.base import FleetPolicy, Policy
from cwm_gym.policies.registry import make
from cwm_gym.spec.errors import ErrorCode, SpecError, invalid


class ModelPolicy(Policy):
    """Anything with Stable-Baselines3's ``predict(obs, state, episode_start, deterministic)``.

    A model whose ``predict`` takes ``action_masks`` (sb3-contrib's MaskablePPO) is given them.

    Args:
        model: The model.
        deterministic: Whether it acts without exploring.
    """

    def __init__(self, model: Any, deterministic: bool = True) -> None:
        self.model = model
        self.deterministic = deterministic
        self.name = getattr(model, "name", None) or type(model).__name__
        self._wants_masks = "action_masks" in inspect.signature(model.predict).parameters

    def reset(self, venv: Any, mask: NDArray[np.bool_], seed: int | Sequence[int]) -> None:
        """Tell a recurrent model where episodes begin; see :meth:`Policy.reset`."""
        if getattr(self, "_venv", None) is not venv:
            self._venv, self._state = venv, None
            self._starts = np.zeros(venv.num_envs, np.bool_)
        if mask.all():
            self._state = None
        self._starts = self._starts | mask

    def act(self, obs: Any, info: dict[str, Any], world: NDArray[Any]) -> Any:
        """Ask the model; see :meth:`Policy.act`."""
        masks = {"action_masks": self._venv.action_masks()} if self._wants_masks else {}
        actions, self._state = self.model.predict(
            obs,
            state=self._state,
            episode_start=self._starts,
            deterministic=self.deterministic,
            **masks,
        )
        self._starts = np.zeros_like(self._starts)
        return actions


def as_policy(policy: Any) -> Policy | FleetPolicy:
    """Accept whatever can be evaluated.

    Args:
        policy: A :class:`Policy`, a :class:`FleetPolicy`, an object with the methods of either,
            a trained model with ``predict``, or the name of a policy that needs no parameters.

    Returns:
        A policy.

    Raises:
        SpecError: For anything else.
    """
    if isinstance(policy, type):
        raise _no_policy(f"the class {policy.__name__}", "Give an instance.")
    if isinstance(policy, str):
        return make(policy)
    for methods in (("act", "reset"), ("desired", "begin", "period_s")):
        if all(hasattr(policy, method) for method in methods):
            return policy  # type: ignore[no-any-return]
    if callable(getattr(policy, "predict", None)):
        return ModelPolicy(policy)
    raise _no_policy(
        type(policy).__name__,
        "Give a policy of cwm_gym.policies.make(name), its name, an object with reset and act, "
        "or a model with predict.",
    )


def _no_policy(what: str, suggestion: str) -> SpecError:
    return invalid("/policy", f"{what} is no policy", suggestion, ErrorCode.INVALID_REQUEST)
