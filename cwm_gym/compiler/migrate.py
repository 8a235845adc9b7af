"""Worlds that go on under another program: resources added, removed or resized while they run."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cwm_gym.compiler.program import Program
from cwm_gym.core.queueing.records import BACKEND, MAX_POOLS, MAX_TIERS
from cwm_gym.core.records import MAX_BATCHES
from cwm_gym.core.records.world import HEALTHY
from cwm_gym.core.tiers import NEVER_S

_OVER = 3  # state of a fault that has nothing left to act on


def migrate(old: Program, worlds: NDArray[Any], new: Program) -> NDArray[Any]:
    """Carry running worlds over to another program.

    Tiers are matched by name. What is kept keeps its state, cut to its new bounds; what is new
    begins as if it had just been asked for; what is gone takes its requests with it. Clock,
    demand, random streams and totals go on. Faults in progress keep their schedule and lose
    targets that are gone; faults that only the new program schedules are not entered.

    Args:
        old: Program that the worlds run on.
        worlds: ``WORLD`` records; left alone.
        new: Program that they shall run on.

    Returns:
        Records for the new program, with its fingerprint.
    """
    moved = worlds.copy()
    tiers = _renumbering(old.targets, new.targets)
    zones = _renumbering(old.zones, new.zones)
    regions = _renumbering(old.regions, new.regions)
    for before, after in zip(np.atleast_1d(worlds), np.atleast_1d(moved), strict=True):
        for index in range(MAX_POOLS):
            _move_pool(old, before, new, after, index, tiers, zones)
        for index in range(MAX_TIERS - BACKEND):
            _move_backend(old, before, new, after, index, tiers)
        _move_effects(before, after, tiers)
        for fault in after["fault"]:
            _move_fault(fault, tiers, zones, regions)
        for event in after["event"]:
            event["target"] = tiers.get(int(event["target"]), -1)
        _move_draws(old, before, new, after)
        _adopt(old.params["autoscaler"], new.params["autoscaler"], after["autoscaler"])
        after["fingerprint"] = new.params["fingerprint"]
    return moved


def _renumbering(old: tuple[str, ...], new: tuple[str, ...]) -> dict[int, int]:
    """Old number -> new number of every name that both have."""
    places = {name: index for index, name in enumerate(new) if name}
    return {index: places[name] for index, name in enumerate(old) if name in places}


def _origin(tier: int, tiers: Mapping[int, int]) -> int:
    """Old number of a new tier; -1 for one that is new."""
    return next((before for before, after in tiers.items() if after == tier), -1)


def _move_pool(
    old: Program,
    before: Any,
    new: Program,
    after: Any,
    index: int,
    tiers: Mapping[int, int],
    zones: Mapping[int, int],
) -> None:
    fleets = after["pool"]
    if index >= new.params["n_pools"]:
        fleets[index] = np.zeros((), fleets.dtype)
        return
    p = new.params["pool"][index]
    origin = _origin(index, tiers)
    known = 0 <= origin < BACKEND
    if not known or (before["pool"][origin]["present"] == 0 and p["spare"] == 0):
        fleets[index] = np.zeros((), fleets.dtype)
        _begin_pool(p, fleets[index], after)
        return
    fleets[index] = before["pool"][origin]
    fleet = fleets[index]
    q = old.params["pool"][origin]
    fleet["zones_out"] = _zones_out(int(fleet["zones_out"]), q, p, zones)
    if p["interruptions_per_hour"] != q["interruptions_per_hour"]:
        fleet["next_interruption_s"] = _next_interruption_s(p, after)
    if p["policy"] != q["policy"]:
        fleet["health"]["policy"] = p["policy"]
    if fleet["present"] == 1:
        _shrink(fleet, int(p["maximum"]))
        missing = int(p["minimum"]) - int(fleet["desired"])
        if missing > 0:
            _launch(p, fleet, missing, float(after["time_s"]))
    if p["vcpus"] != q["vcpus"] or fleet["ready"] != before["pool"][origin]["ready"]:
        fleet["servers"] = fleet["ready"] * p["vcpus"]


def _begin_pool(p: Any, fleet: Any, world: Any) -> None:
    """Let an empty pool begin with launches, or with nothing where it is a spare."""
    fleet["acted_at_s"] = fleet["scaled_at_s"] = NEVER_S
    fleet["health"]["status"] = HEALTHY
    fleet["health"]["policy"] = p["policy"]
    fleet["next_interruption_s"] = _next_interruption_s(p, world)
    if p["spare"] == 0:
        fleet["present"] = 1
        _launch(p, fleet, int(p["initial"]), float(world["time_s"]))


def _launch(p: Any, fleet: Any, count: int, now_s: float) -> None:
    fleet["desired"] += count
    if p["boot_s"] == 0.0:
        fleet["ready"] += count
        fleet["servers"] = fleet["ready"] * p["vcpus"]
        return
    used = int(np.count_nonzero(fleet["launching"]["count"]))
    slot = min(used, MAX_BATCHES - 1)
    batch = fleet["launching"][slot]
    batch["at_s"] = max(float(batch["at_s"]), now_s + float(p["boot_s"]))
    batch["count"] += count


def _shrink(fleet: Any, most: int) -> None:
    """Cut a fleet to its new maximum: launches first, the youngest before the others."""
    excess = int(fleet["desired"]) - most
    if excess <= 0:
        return
    fleet["desired"] = most
    for batch in fleet["launching"][::-1]:
        taken = min(float(excess), float(batch["count"]))
        batch["count"] -= taken
        if batch["count"] == 0.0:
            batch["at_s"] = 0.0
        excess -= int(taken)
    for name in ("ready", "lost"):
        taken = min(float(excess), float(fleet[name]))
        fleet[name] -= int(taken)
        excess -= int(taken)
    surplus = float(fleet["warming"]["count"].sum()) - float(fleet["ready"])
    for batch in fleet["warming"][::-1]:
        taken = min(max(surplus, 0.0), float(batch["count"]))
        batch["count"] -= taken
        if batch["count"] == 0.0:
            batch["at_s"] = 0.0
        surplus -= taken


def _next_interruption_s(p: Any, world: Any) -> float:
    """When the market takes something next: after the mean time, which needs no random number."""
    events = float(p["interruptions_per_hour"]) * float(p["zones"])
    return float(world["time_s"]) + 3600.0 / events if events > 0.0 else math.inf


def _zones_out(bits: int, q: Any, p: Any, zones: Mapping[int, int]) -> int:
    """Carry the marks of zones that are out over to a pool's new list of zones."""
    out = [zones.get(int(q["zone"][k]), -1) for k in range(int(q["zones"])) if bits >> k & 1]
    return sum(1 << k for k in range(int(p["zones"])) if int(p["zone"][k]) in out)


def _move_backend(
    old: Program, before: Any, new: Program, after: Any, index: int, tiers: Mapping[int, int]
) -> None:
    states = after["backend"]
    if index >= new.params["n_backends"]:
        states[index] = np.zeros((), states.dtype)
        return
    p = new.params["backend"][index]
    origin = _origin(BACKEND + index, tiers) - BACKEND
    known = origin >= 0
    if not known or (before["backend"][origin]["present"] == 0 and p["spare"] == 0):
        states[index] = np.zeros((), states.dtype)
        state = states[index]
        state["present"] = 1 - p["spare"]
        state["units"] = p["units_min"]
        state["health"]["status"] = HEALTHY
        state["health"]["policy"] = p["policy"]
        return
    states[index] = before["backend"][origin]
    state = states[index]
    state["units"] = min(max(state["units"], p["units_min"]), p["units_max"])
    if p["policy"] != old.params["backend"][origin]["policy"]:
        state["health"]["policy"] = p["policy"]


def _move_effects(before: Any, after: Any, tiers: Mapping[int, int]) -> None:
    for tier in range(MAX_TIERS):
        origin = _origin(tier, tiers)
        effects = after["effect"]
        if origin >= 0:
            effects[tier] = before["effect"][origin]
        else:
            effects[tier] = np.zeros((), effects.dtype)
            effects["speed"][tier] = 1.0


def _move_fault(
    fault: Any,
    tiers: Mapping[int, int],
    zones: Mapping[int, int],
    regions: Mapping[int, int],
) -> None:
    lost = False
    for name, numbers in (
        ("target", tiers),
        ("zone", zones),
        ("region", regions),
        ("other_region", regions),
    ):
        if fault[name] >= 0:
            fault[name] = numbers.get(int(fault[name]), -1)
            lost = lost or fault[name] < 0
    if lost and fault["state"] != 0:
        fault["state"] = _OVER
    taken = fault["taken"].copy()
    fault["taken"] = 0
    for origin, tier in tiers.items():
        if origin < MAX_POOLS and tier < MAX_POOLS:
            fault["taken"][tier] = taken[origin]


def _move_draws(old: Program, before: Any, new: Program, after: Any) -> None:
    """Keep what was drawn for parameters that both randomise; others stand in mid-range."""
    after["draw"] = 0.0
    for index, name in enumerate(new.randomized):
        if name in old.randomized:
            after["draw"][index] = before["draw"][old.randomized.index(name)]
        else:
            draw = new.params["draw"]
            after["draw"][index] = 0.5 * (draw["low"][index] + draw["high"][index])
            if draw["integer"][index]:
                after["draw"][index] = math.floor(after["draw"][index])


def _adopt(old: Any, new: Any, state: Any) -> None:
    """Take over settings that the documents have changed; others keep what actions made them."""
    for name in state.dtype.names:
        if old[name] != new[name]:
            state[name] = new[name]
