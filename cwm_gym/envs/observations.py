"""Observations in raw units: what ``observation_mode="dict"`` shows, by name."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from cwm_gym.core import events
from cwm_gym.core.queueing.records import MAX_BACKENDS, MAX_POOLS, MAX_TIERS
from cwm_gym.core.records import EVENT, MAX_EVENTS

SCALING_ROWS = 8
"""Scaling events that the observation shows."""
EVENT_ROWS = 16
"""Events that the observation shows."""

_LARGEST = float(np.finfo(np.float32).max)
_AT, _KIND, _TARGET, _VALUE, _SECOND = (
    (EVENT.names or ()).index(name) for name in ("at_s", "kind", "target", "value", "second")
)
# By kind of event: 1 where a fleet grows, -1 where it shrinks, 0 for the others.
_DIRECTION = np.zeros(len(events.EVENT_KINDS))
_DIRECTION[[events.SCALE_OUT, events.AUTOSCALE_OUT]] = 1.0
_DIRECTION[[events.SCALE_IN, events.AUTOSCALE_IN]] = -1.0

# Name -> largest value of a single number; fractions end at 1.
_NUMBERS: dict[str, float] = {
    "rps": _LARGEST,
    "cpu_util": 1.0,
    "instances": _LARGEST,
    "traffic": _LARGEST,
    "currentTime": _LARGEST,
    "tick_seconds": 3600.0,
    "cost_usd_hr": _LARGEST,
    "latency_p95": _LARGEST,
    "error_rate": 1.0,
    "uptime": 1.0,
    "sla_violations": 2.0,
    "connection_pressure": 3.0,
    "cache_hit_rate": 1.0,
    "queue_depth": _LARGEST,
    "queue_age_s": _LARGEST,
    "k8s_node_utilization": 1.0,
    "storage_iops_utilization": 1.0,
    "cold_start_share": 1.0,
}
_UPPER = np.array(list(_NUMBERS.values()))
_L = _LARGEST
# Name -> (shape, lowest and largest value of each column).
_ARRAYS: dict[str, tuple[tuple[int, ...], tuple[float, ...], tuple[float, ...]]] = {
    "autoscaling_config": ((5,), (0, 0, 0, 0, 0), (1, 1, _L, _L, _L)),
    "scaling_history": ((SCALING_ROWS, 4), (0, -_L, 0, 0), (_L, _L, _L, 1)),
    "recent_events": (
        (EVENT_ROWS, 4),
        (0, -1, 0, -_L),
        (_L, len(events.EVENT_KINDS) - 1, MAX_TIERS, _L),
    ),
    "recovery_policies": ((MAX_TIERS, 4), (0, 0, 0, 0), (1, _L, 1, _L)),
    "health_status": ((MAX_TIERS,), (0,), (3,)),
    "resource_present": ((MAX_TIERS,), (0,), (1,)),
}
DICT_OBSERVATION: tuple[str, ...] = (*_NUMBERS, *_ARRAYS)
"""Names of a dict observation, in order."""


def dict_space() -> spaces.Dict:
    """Build the space of dict observations.

    Returns:
        Float32 boxes in raw units: one number each, and arrays over tiers and events.
    """
    boxes: dict[str, spaces.Space[Any]] = {
        name: spaces.Box(0.0, high, (1,), np.float32) for name, high in _NUMBERS.items()
    }
    for name, (shape, *bounds) in _ARRAYS.items():
        low, high = (np.broadcast_to(np.array(bound, np.float32), shape).copy() for bound in bounds)
        boxes[name] = spaces.Box(low, high, dtype=np.float32)
    return spaces.Dict(boxes)


def dict_observation(params: Any, worlds: Any, seen: NDArray[Any]) -> dict[str, NDArray[Any]]:
    """Read raw observations out of worlds.

    Args:
        params: ``PARAMS[P]``; world i runs on ``params[worlds[i].row]``.
        worlds: ``WORLD[N]``.
        seen: int64[N], which of its samples each world shows.

    Returns:
        Name -> float32[N, ...] in the shapes of :func:`dict_space`. Fractions are fractions,
        latency is in ms, ``currentTime`` in steps. By row: ``autoscaling_config`` holds scale-out
        and scale-in CPU, smallest and largest fleet, cooldown (s); ``scaling_history`` time (s),
        signed change, size asked for, cause (0 agent, 1 autoscaler), newest first, then zeros;
        ``recent_events`` time (s), index into ``EVENT_KINDS``, tier + 1 (0 = the whole service),
        first value, newest first, then rows of (0, -1, 0, 0); ``recovery_policies`` critical CPU,
        its steps, warning CPU, its steps, for each tier; ``health_status`` 0 healthy to 3 offline
        and ``resource_present`` 0 or 1 for each tier.
    """
    every, row = np.arange(len(worlds)), worlds["row"]
    samples, tuned = worlds["sample"][every, seen], worlds["autoscaler"]
    primary = params["episode"]["primary"][row]
    ready = worlds["pool"]["ready"][every, primary]
    bounds = params["pool"]
    columns = (
        samples["throughput_rps"],
        samples["utilisation"],
        ready,
        samples["offered_rps"],
        worlds["step"],
        worlds["tick_s"],
        samples["cost_usd_per_hour"],
        1e3 * samples["latency_p95_s"],
        samples["error_rate"],
        1.0 - samples["error_rate"],
        samples["sla_violations"],
        samples["connection_pressure"],
        samples["cache_hit_rate"],
        samples["queue_depth"],
        samples["queue_age_s"],
        samples["node_utilisation"],
        samples["storage_utilisation"],
        samples["cold_share"],
    )
    numbers = np.clip(np.stack(columns, axis=1), 0.0, _UPPER).astype(np.float32)
    found = {name: numbers[:, k : k + 1] for k, name in enumerate(_NUMBERS)}
    config = (
        tuned["out_cpu"],
        tuned["in_cpu"],
        bounds["minimum"][row, primary],
        bounds["maximum"][row, primary],
        bounds["cooldown_s"][row, primary],
    )
    present, status, policies = _tiers(params, worlds)
    ring = _newest_first(worlds)
    arrays = (
        np.stack(config, axis=1),
        _scaling_history(*ring),
        _recent_events(*ring),
        policies,
        status,
        present,
    )
    for name, array in zip(_ARRAYS, arrays, strict=True):
        found[name] = array.astype(np.float32)
    return found


def _tiers(params: Any, worlds: Any) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Presence, status and recovery policy of every tier; zero where nothing stands."""
    row = worlds["row"]
    slots = [
        np.arange(most) < params[count][row][:, np.newaxis]
        for most, count in ((MAX_POOLS, "n_pools"), (MAX_BACKENDS, "n_backends"))
    ]
    parts = [worlds["pool"], worlds["backend"]]
    present = [part["present"] == 1 for part in parts]
    there = np.concatenate(slots, axis=1) & np.concatenate(present, axis=1)
    health = [part["health"] for part in parts]
    status = np.concatenate([one["status"] for one in health], axis=1) * there
    names = ("critical_cpu", "critical_steps", "warning_cpu", "warning_steps")
    policies = [np.concatenate([one["policy"][name] for one in health], axis=1) for name in names]
    return there, status, np.stack(policies, axis=2) * there[:, :, np.newaxis]


def _newest_first(worlds: Any) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[Any]]:
    """Events of every world in order, as floats and as integers, and which entries are events."""
    ages = np.arange(MAX_EVENTS)
    count = worlds["n_events"][:, np.newaxis]
    # Plain numbers are picked several times faster than records.
    plain = worlds["event"].view(np.float64).reshape(len(worlds), MAX_EVENTS, -1)
    ring = plain[np.arange(len(worlds))[:, np.newaxis], (count - 1 - ages) % MAX_EVENTS]
    return ring, ring.view(np.int64), ages < count


def _recent_events(
    floats: NDArray[np.float64], integers: NDArray[np.int64], real: NDArray[np.bool_]
) -> NDArray[np.float64]:
    there = real[:, :EVENT_ROWS]
    rows, whole = floats[:, :EVENT_ROWS], integers[:, :EVENT_ROWS]
    table = np.zeros((len(rows), EVENT_ROWS, 4))
    np.copyto(table[:, :, 0], rows[:, :, _AT], where=there)
    table[:, :, 1] = np.where(there, whole[:, :, _KIND], -1)
    np.copyto(table[:, :, 2], whole[:, :, _TARGET] + 1, where=there)
    value = np.minimum(np.maximum(rows[:, :, _VALUE], -_LARGEST), _LARGEST)
    np.copyto(table[:, :, 3], value, where=there)
    return table


def _scaling_history(
    floats: NDArray[np.float64], integers: NDArray[np.int64], real: NDArray[np.bool_]
) -> NDArray[np.float64]:
    table = np.zeros((len(floats), SCALING_ROWS, 4))
    kinds = integers[:, :, _KIND]
    scaling = real & (_DIRECTION[kinds] != 0.0)
    place = scaling.cumsum(axis=1) - 1
    world, entry = np.nonzero(scaling & (place < SCALING_ROWS))
    event, kind = floats[world, entry], kinds[world, entry]
    row = table[world, place[world, entry]]
    row[:, 0] = event[:, _AT]
    row[:, 1] = _DIRECTION[kind] * event[:, _VALUE]
    row[:, 2] = event[:, _SECOND]
    row[:, 3] = kind >= events.AUTOSCALE_OUT
    table[world, place[world, entry]] = row
    return table
