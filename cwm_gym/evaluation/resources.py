"""The state of every resource, step by step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cwm_gym.core.queueing import BACKEND

STATUS = ("healthy", "warning", "critical", "offline")
_POOL = ("present", "ready", "desired", "lost", "notified")
_BACKEND = ("present", "down", "visits", "units")

Columns = Mapping[str, NDArray[Any]]


class ResourceRecorder:
    """Collects the state of all tiers of one world.

    Args:
        targets: Names of the tiers; empty ones are left out.
    """

    def __init__(self, targets: Sequence[str]) -> None:
        self._targets = targets
        self._pools: list[NDArray[Any]] = []
        self._backends: list[NDArray[Any]] = []

    def push(self, world: Any) -> None:
        """Take down a world after a step.

        Args:
            world: ``WORLD`` record.
        """
        self._pools.append(world["pool"].copy())
        self._backends.append(world["backend"].copy())

    def columns(self) -> dict[str, Columns]:
        """Lay the states out by resource.

        Returns:
            Resource id -> name -> array[T]. Of a fleet: ``ready``, ``desired``, ``pending``,
            ``lost`` (taken by faults) and ``notified`` instances, requests ``waiting``. Of a
            database, cache or volume: ``down`` (1 = it does not run), ``visits`` in the step,
            capacity ``units``, requests ``waiting``. Of all: ``present``, ``utilisation`` in the
            step (0..1) and ``status`` (0 healthy .. 3 offline).
        """
        if not self._pools:
            return {}
        pools, backends = np.array(self._pools), np.array(self._backends)
        found: dict[str, Columns] = {}
        for tier, name in enumerate(self._targets):
            if not name:
                continue
            part = pools[:, tier] if tier < BACKEND else backends[:, tier - BACKEND]
            columns = {field: part[field] for field in (_POOL if tier < BACKEND else _BACKEND)}
            if tier < BACKEND:
                columns["pending"] = np.rint(part["launching"]["count"].sum(axis=1)).astype(int)
            columns["waiting"] = part["queue"]["waiting"]
            columns["status"] = part["health"]["status"]
            columns["utilisation"] = np.divide(
                part["busy_tick_s"],
                part["server_tick_s"],
                out=np.zeros(len(part)),
                where=part["server_tick_s"] > 0.0,
            )
            found[name] = columns
        return found
