"""The info dictionaries: what they hold and how they are built without dominating the step."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from cwm_gym.core.events import EVENT_KINDS
from cwm_gym.core.records import COMPONENT_NAMES, MAX_EVENTS, METRIC_NAMES

_ALWAYS = METRIC_NAMES[:7]
_PRESSURE = METRIC_NAMES[7:8]
_QUANTILES = METRIC_NAMES[8:]


def metric_names(quantiles: str, database: bool) -> tuple[tuple[str, int], ...]:
    """List the metrics that an environment reports.

    Args:
        quantiles: ``p95`` or ``all``.
        database: Whether there is a database.

    Returns:
        (name, column of ``OUT.metrics``) pairs.
    """
    names = _ALWAYS + (_PRESSURE if database else ()) + (_QUANTILES if quantiles == "all" else ())
    return tuple((name, METRIC_NAMES.index(name)) for name in names)


def component_names(database: bool) -> tuple[str, ...]:
    """List the components of the reward.

    Args:
        database: Whether there is a database; without one there is no connection pressure.

    Returns:
        Names in the order of ``OUT.components``.
    """
    return COMPONENT_NAMES if database else COMPONENT_NAMES[:-1]


def human_time(seconds: float) -> str:
    """Write a simulated time as the specification does.

    Args:
        seconds: Time, s.

    Returns:
        ``Xs``, ``Xm Ys`` or ``Xh Ym``.
    """
    whole = int(seconds)
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m {whole % 60}s"
    return f"{whole // 3600}h {whole % 3600 // 60}m"


def events_between(ring: NDArray[Any], first: int, last: int) -> list[dict[str, Any]]:
    """Read events out of a world's ring.

    Args:
        ring: ``EVENT[MAX_EVENTS]`` of the world.
        first: Number of the first event wanted.
        last: Number of events recorded so far.

    Returns:
        Newest last; of more than ``MAX_EVENTS`` only the newest.
    """
    found = []
    for number in range(max(first, last - MAX_EVENTS), last):
        time_s, kind, _, value = ring[number % MAX_EVENTS].item()
        found.append({"time_s": time_s, "kind": EVENT_KINDS[kind], "value": value})
    return found


def events_since(world: Any, count: int) -> list[dict[str, Any]]:
    """Read the events of a world that are newer than a count.

    Args:
        world: ``WORLD`` record.
        count: Events that have been read already.

    Returns:
        As :func:`events_between`.
    """
    return events_between(world["event"], count, int(world["n_events"]))


def vector_info(
    out: NDArray[Any], names: tuple[tuple[str, int], ...], components: tuple[str, ...]
) -> dict[str, Any]:
    """Build the info of a vector environment from fresh copies.

    Args:
        out: ``OUT[N]``.
        names: Metrics to report.
        components: Reward components to report.

    Returns:
        Arrays over the environments, with Gymnasium's ``_key`` masks.
    """
    everyone = np.ones(len(out), np.bool_)
    metrics = np.array(out["metrics"].T)
    parts = np.array(out["components"].T)
    info: dict[str, Any] = {
        "metrics": {name: metrics[column] for name, column in names},
        "reward_components": dict(zip(components, parts, strict=False)),
        "cost": out["cost"].copy(),
        "action_mask": out["mask"].copy(),
        "sim_time_seconds": out["time_s"].copy(),
    }
    info["metrics"].update({f"_{name}": everyone for name, _ in names})
    info["reward_components"].update({f"_{name}": everyone for name in components})
    info.update({f"_{key}": everyone for key in tuple(info)})
    return info
