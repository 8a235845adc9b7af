"""Recorded episodes, run again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cwm_gym.evaluation.history import EPISODE_SCHEMA, History, simulate
from cwm_gym.policies.base import Policy
from cwm_gym.spec import Simulation
from cwm_gym.spec.errors import ErrorCode, invalid


class Recorded(Policy):
    """Repeats the actions of one recorded episode.

    Attributes:
        name: Name of the policy that was recorded.
    """

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.name = str(document["policy"])
        self.reset_options = dict(document["reset_options"])
        self._actions = list(document["actions"])
        self._next = 0

    def act(self, obs: Any, info: dict[str, Any], world: NDArray[Any]) -> Any:
        """Give the next recorded action.

        Args:
            obs: Not used.
            info: Not used.
            world: Not used.

        Returns:
            Batched action of one environment.
        """
        action = self._actions[self._next]
        self._next += 1
        return np.asarray([action])


def replay(document: Mapping[str, Any]) -> History:
    """Run a recorded episode again and check that it comes out the same.

    Args:
        document: From :meth:`cwm_gym.evaluation.History.to_document`, also after JSON.

    Returns:
        The history.

    Raises:
        SpecError: INVALID_REQUEST for another schema, or if a reward differs from the recorded
            one: then the library, its catalog or the platform is not the one that recorded it.
    """
    if document.get("schema") != EPISODE_SCHEMA:
        raise invalid(
            "/schema",
            f"Not a recorded episode: the schema is {document.get('schema')!r}",
            f"Give a document of schema '{EPISODE_SCHEMA}', from History.to_document().",
            ErrorCode.INVALID_REQUEST,
        )
    kwargs = dict(document["env_kwargs"])
    steps = len(document["actions"])
    kwargs.pop("max_episode_steps", None)
    history = simulate(
        Simulation.model_validate(document["simulation"]),
        steps,
        Recorded(document),
        document["seed"],
        env_id=document["env_id"],
        env_kwargs=kwargs,
        split=document["split"],
    )
    recorded = np.asarray(document["rewards"])
    different = np.flatnonzero(history["reward"] != recorded[: len(history)])
    if len(different):
        step = int(different[0])
        raise invalid(
            f"/rewards/{step}",
            f"The episode does not repeat: reward {history['reward'][step]!r} in step {step}, "
            f"recorded was {recorded[step]!r}",
            "Use the version, catalog and platform that recorded it.",
            ErrorCode.INVALID_REQUEST,
        )
    return history
