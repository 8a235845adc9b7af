"""What a running simulation has measured so far, step by step."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cwm_gym.core.records import COMPONENT_NAMES, METRIC_NAMES
from cwm_gym.envs.info import metric_names, optional_metrics
from cwm_gym.evaluation.resources import Columns, ResourceRecorder
from cwm_gym.live.engine import Engine

_METER = (
    "offered_rps",
    "capacity_rps",
    "utilisation",
    "backlog",
    "arrived",
    "served",
    "timed_out",
    "rejected",
    "failed",
    "usd",
    "database_utilisation",
    "health",
)
_FLEET = ("ready", "pending", "desired")


class Recorder:
    """Rows that become the columns of a :class:`cwm_gym.evaluation.History`."""

    def __init__(self) -> None:
        self._rows: list[tuple[int, float, Any, Any, Any, tuple[int, int, int]]] = []
        self._known: list[tuple[str, ...]] = []
        # One for each set of resources that there has been: their names, where it began.
        self._spans: list[tuple[tuple[str, ...], int, ResourceRecorder]] = []

    def take(self, engine: Engine) -> None:
        """Add the step that has just ended.

        Args:
            engine: The world.
        """
        world, out = engine.world, engine.batch.out[0]
        pool = world["pool"][int(engine.params["episode"]["primary"])]
        pending = round(float(pool["launching"]["count"].sum()))
        fleet = (int(pool["ready"]), pending, int(pool["desired"]))
        targets = engine.program.targets
        if not self._spans or self._spans[-1][0] != targets:
            self._spans.append((targets, len(self._rows), ResourceRecorder(targets)))
        self._spans[-1][2].push(world)
        names = metric_names("all", optional_metrics(engine.batch.params))
        self._known.append(tuple(name for name, _ in names))
        self._rows.append(
            (
                int(world["step"]),
                float(world["time_s"]),
                world["meter"].copy(),
                out["metrics"].copy(),
                np.append(out["components"], out["reward"]),
                fleet,
            )
        )

    def columns(self) -> dict[str, NDArray[Any]]:
        """Build the columns.

        Returns:
            Name -> array[T]; a metric is NaN while what it measures was not there.
        """
        rows = self._rows
        found: dict[str, NDArray[Any]] = {
            "step": np.array([row[0] for row in rows], np.int64),
            "time_s": np.array([row[1] for row in rows], np.float64),
        }
        for name in _METER:
            found[name] = np.array([float(row[2][name]) for row in rows], np.float64)
        known = {name for names in self._known for name in names}
        for column, name in enumerate(METRIC_NAMES):
            if name in known or not rows:
                found[name] = np.array(
                    [
                        row[3][column] if name in names else math.nan
                        for row, names in zip(rows, self._known, strict=True)
                    ],
                    np.float64,
                )
        for place, name in enumerate(_FLEET):
            found[name] = np.array([row[5][place] for row in rows], np.int64)
        found["reward"] = np.array([row[4][-1] for row in rows], np.float64)
        for place, name in enumerate(COMPONENT_NAMES):
            if name in known or name != "connection_pressure":
                column_of = [row[4][place] for row in rows]
                found[f"reward_{name}"] = np.array(column_of, np.float64)
        return found

    def resources(self) -> dict[str, Columns]:
        """Build the columns of every resource that there has been.

        Returns:
            As :meth:`cwm_gym.evaluation.resources.ResourceRecorder.columns`, over all steps; 0
            where a resource was not there.
        """
        found: dict[str, dict[str, NDArray[Any]]] = {}
        for _, first, recorder in self._spans:
            for name, columns in recorder.columns().items():
                for field, values in columns.items():
                    blank = np.zeros(len(self._rows), values.dtype)
                    whole = found.setdefault(name, {}).setdefault(field, blank)
                    whole[first : first + len(values)] = values
        return dict(found)
