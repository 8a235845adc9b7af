"""One info dictionary an environment, for libraries that want a list of them at every step.

A thousand fresh dictionaries cost as much as stepping fifty worlds, so where nothing is to be
said the same empty ones are handed out again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cwm_gym.envs.events import events_since
from cwm_gym.envs.info import human_time
from cwm_gym.envs.vector import CloudVectorEnv
from cwm_gym.spec.errors import closest, invalid

Info = dict[str, Any]


class InfoLists:
    """Builds the infos of a native vector environment, environment by environment.

    Args:
        native: The vector environment.
        keys: What every step's infos hold: metrics (``"latency_p95"``), ``"cost"``,
            ``"action_mask"``, ``"sim_time_seconds"``, ``"reward_components.sla"`` and the like,
            or ``"reward_components.*"`` for all of them.

    Raises:
        SpecError: For an unknown key.
    """

    def __init__(self, native: CloudVectorEnv, keys: Sequence[str] = ()) -> None:
        self._batch = native.batch
        self._mode = native._mode
        self._several = len(native.programs) > 1
        self._metric_names = tuple(name for name, _ in native._metric_names)
        self._metric_columns = [column for _, column in native._metric_names]
        self._component_names = native._component_names
        self._fields = self._read([keys] if isinstance(keys, str) else keys)
        self._empty: list[Info] = [{} for _ in range(native.num_envs)]

    def _read(self, keys: Sequence[str]) -> dict[str, tuple[str, Any]]:
        """Find the place of every key in ``OUT``: its field, and the column there."""
        known: dict[str, tuple[str, Any]] = {
            "cost": ("cost", ...),
            "sim_time_seconds": ("time_s", ...),
        }
        if self._mode.mask_field:
            known["action_mask"] = (self._mode.mask_field, ...)
        for name, column in zip(self._metric_names, self._metric_columns, strict=True):
            known[name] = ("metrics", (..., column))
        parts = [f"reward_components.{name}" for name in self._component_names]
        known |= {part: ("components", (..., i)) for i, part in enumerate(parts)}
        wanted: list[str] = []
        for key in keys:
            if key != "reward_components.*" and key not in known:
                likely = ", ".join(closest(str(key), tuple(known), 3))
                raise invalid("/info_keys", f"Unknown key {key!r}", f"Did you mean {likely}?")
            wanted += parts if key == "reward_components.*" else [key]
        return {key: known[key] for key in wanted}

    def of_step(self) -> list[Info]:
        """Say of the last step what the keys name.

        Returns:
            One dictionary an environment, in a list of the caller's own. An empty one is the same
            at every step, until somebody writes into it.
        """
        if not self._fields:
            if any(self._empty):
                self._empty = [{} if info else info for info in self._empty]
            return self._empty.copy()
        columns = []
        for field, column in self._fields.values():
            values = self._batch.out[field][column]
            masks = field == self._mode.mask_field
            columns.append(
                [self._mode.mask_reader(row)() for row in values] if masks else values.tolist()
            )
        return [dict(zip(self._fields, row, strict=True)) for row in zip(*columns, strict=True)]

    def in_full(self, indices: NDArray[np.intp], seen_events: NDArray[np.int64]) -> list[Info]:
        """Say all that the scalar environment's info says.

        Args:
            indices: Which environments.
            seen_events: int64[N], events of every environment that have been told already.

        Returns:
            One dictionary for each of ``indices``.
        """
        out, worlds = self._batch.out[indices], self._batch.worlds
        metrics = out["metrics"][:, self._metric_columns].tolist()
        components, costs = out["components"].tolist(), out["cost"].tolist()
        times, counts = out["time_s"].tolist(), out["n_events"].tolist()
        infos: list[Info] = []
        for k, (i, seen) in enumerate(zip(indices, seen_events[indices].tolist(), strict=True)):
            info = {
                "metrics": dict(zip(self._metric_names, metrics[k], strict=True)),
                "reward_components": dict(zip(self._component_names, components[k], strict=False)),
                "cost": costs[k],
                "events": self._events(worlds[i], seen) if counts[k] != seen else [],
                "sim_time_seconds": times[k],
                "sim_time_human": human_time(times[k]),
            }
            if self._mode.mask_field:
                info["action_mask"] = self._mode.mask_reader(out[self._mode.mask_field][k])()
            if self._several:
                info["scenario"] = int(worlds["scenario"][i])
            infos.append(info)
        return infos

    def _events(self, world: Any, seen: int) -> list[dict[str, Any]]:
        program = self._batch.programs[int(world["scenario"])]
        return events_since(world, seen, program.targets)
