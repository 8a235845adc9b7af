"""Per-episode draws: which parameters change from episode to episode, and how far."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from cwm_gym.core.queueing.records import BACKEND
from cwm_gym.core.records import MAX_DRAWS, parameter_offsets
from cwm_gym.core.records.params import DATABASE
from cwm_gym.spec.errors import ErrorCode, closest, invalid

# The clock's grid belongs to all episodes alike, and routes follow from the graph.
_NEVER_DRAWN = ("episode.tick_s", "draw.", "route.", "fingerprint")
_SLOTS = {"pool": "n_pools", "backend": "n_backends", "front": "n_fronts", "fault": "n_faults"}


def write_draws(
    params: Any, randomize: Mapping[str, tuple[float, float]], targets: Sequence[str]
) -> tuple[str, ...]:
    """Fill in the parameters that are drawn for every episode.

    Args:
        params: ``PARAMS`` record, complete but for ``draw``.
        randomize: Name -> (low, high). A name is dotted as in :func:`parameter_offsets`
            (``pool.0.boot_s``), or begins with a resource (``web.boot_s``), or with ``database``
            for the first database.
        targets: Names of the tiers.

    Returns:
        The names, in the order of the draws.

    Raises:
        SpecError: For unknown names, bad ranges, and more draws than fit.
    """
    record = params["draw"]
    compiled = params.reshape(1).view(np.float64)
    known = drawable(params, targets)
    if len(randomize) > MAX_DRAWS:
        raise invalid(
            "/randomize",
            f"{len(randomize)} parameters are randomised; at most {MAX_DRAWS} can be",
            "Leave some out.",
        )
    for index, (name, bounds) in enumerate(randomize.items()):
        if name not in known:
            raise invalid(
                f"/randomize/{name}",
                f"Unknown parameter '{name}'",
                f"Did you mean {', '.join(closest(name, list(known), 3))}?",
            )
        low, high = _range(name, bounds)
        positive = not known[name][1] and compiled[known[name][0]] > 0.0
        if low < 0.0 or (positive and low == 0.0):
            raise invalid(
                f"/randomize/{name}",
                f"The range of '{name}' starts at {low:g}",
                "Give a positive lower bound." if positive else "Give a lower bound of 0 or more.",
            )
        record["offset"][index], record["integer"][index] = known[name]
        record["low"][index], record["high"][index] = low, high
    record["count"] = len(randomize)
    return tuple(randomize)


def drawable(params: Any, targets: Sequence[str]) -> dict[str, tuple[int, bool]]:
    """List every parameter that can be drawn, under all its names.

    Args:
        params: ``PARAMS`` record.
        targets: Names of the tiers.

    Returns:
        Name -> (offset in eight-byte fields, whether it is an integer).
    """
    places = {
        name: place
        for name, place in parameter_offsets().items()
        if (name.endswith(".initial") or not place[1])
        and not name.startswith(_NEVER_DRAWN)
        and _used(params, name)
    }
    owners = {}
    kinds = params["backend"]["kind"][: int(params["n_backends"])]
    for slot in np.flatnonzero(kinds == DATABASE)[:1]:
        owners["database"] = f"backend.{slot}."
    for tier, target in enumerate(targets):
        if target:
            slot = tier if tier < BACKEND else tier - BACKEND
            owners[target] = f"{'pool' if tier < BACKEND else 'backend'}.{slot}."
    aliases = {
        f"{owner}.{name.removeprefix(prefix)}": place
        for owner, prefix in owners.items()
        for name, place in places.items()
        if name.startswith(prefix)
    }
    return {**aliases, **places}


def _used(params: Any, name: str) -> bool:
    """Whether a parameter belongs to a slot that the scenario fills."""
    group, _, rest = name.partition(".")
    if group not in _SLOTS:
        return True
    return int(rest.partition(".")[0]) < int(params[_SLOTS[group]])


def _range(name: str, bounds: Any) -> tuple[float, float]:
    try:
        low, high = (float(bound) for bound in bounds)
    except (TypeError, ValueError):
        low, high = float("nan"), float("nan")
    if not (abs(low) < float("inf") and abs(high) < float("inf") and low <= high):
        raise invalid(
            f"/randomize/{name}",
            f"The range of '{name}' is {bounds!r}",
            "Give (low, high), both finite, low <= high.",
            ErrorCode.INVALID_FIELD,
        )
    return low, high
