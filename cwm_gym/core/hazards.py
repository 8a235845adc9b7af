"""Chance: when random faults come and what they hit, and when the market takes spot capacity.

Both are Poisson processes on a stream of random numbers that no action advances, and every event
draws the same amount from it whatever the service looks like: two policies meet the same faults.
"""

from __future__ import annotations

import math
from typing import Any

from cwm_gym.core.jit import jit
from cwm_gym.core.queueing.records import BACKEND
from cwm_gym.core.records.params import (
    AZ_OUTAGE,
    DATABASE,
    DATABASE_CRASH,
    DATABASE_SLOWDOWN,
    INSTANCE_KILL,
    MAX_FAULTS,
    N_FAULT_KINDS,
    SPOT_INTERRUPTION,
    TRAFFIC_SPIKE,
)
from cwm_gym.core.records.world import FREE, OVER, TO_COME
from cwm_gym.core.rng import uniform


@jit
def exponential(state: Any, mean: float) -> float:
    """Draw from an exponential law.

    Args:
        state: uint64[4], advanced.
        mean: Its mean; may be infinite.

    Returns:
        A number >= 0.
    """
    return -math.log(1.0 - uniform(state)) * mean


@jit
def enter_fault(
    w: Any,
    fault: Any,
    kind: int,
    target: int,
    zone: int,
    start_s: float,
    end_s: float,
    severity: float,
    amount: float,
) -> None:
    """Write a fault that is still to come into a slot.

    Args:
        w: ``WORLD`` record, which counts it.
        fault: ``FAULT`` record, overwritten.
        kind: Index into ``FAULT_KINDS``.
        target: Tier; -1 = none in particular.
        zone: Zone; -1 = none in particular.
        start_s: Time at which it begins, s.
        end_s: Time at which it ends, s.
        severity: 0..1.
        amount: Size in the kind's own unit; NaN = follows from the severity.
    """
    w.n_faults += 1
    fault.state = TO_COME
    fault.kind = kind
    fault.target = target
    fault.zone = zone
    fault.region = -1
    fault.other_region = -1
    fault.start_s = start_s
    fault.end_s = end_s
    fault.severity = severity
    fault.amount = amount
    fault.errors = math.nan
    fault.notice_s = -1.0
    fault.next_s = start_s
    fault.phase = 0
    fault.id = w.n_faults
    for i in range(fault.taken.shape[0]):
        fault.taken[i] = 0


@jit
def _free_slot(w: Any) -> int:
    """Find a slot that no fault needs any more; -1 when all are taken."""
    for f in range(MAX_FAULTS):
        if w.fault[f].state == FREE or w.fault[f].state == OVER:
            return f
    return -1


@jit
def mean_gap_s(sampling: Any) -> float:
    """Mean time between two random faults of whatever kind.

    Args:
        sampling: ``SAMPLING_PARAMS`` record.

    Returns:
        Seconds; infinite where there are none.
    """
    total = 0.0
    if sampling.on == 1:
        for kind in range(N_FAULT_KINDS):
            total += sampling.rate_per_hour[kind]
    return 3600.0 / total if total > 0.0 else math.inf


@jit
def sample_fault(params: Any, w: Any) -> None:
    """Draw the random fault that begins now, and when the next one will.

    A fault of a kind that nothing here can suffer does not happen, nor does one for which no slot
    is free.

    Args:
        params: ``PARAMS`` record.
        w: ``WORLD`` record; its fault stream advances by five draws.
    """
    sampling = params.sampling
    at = w.next_sampled_s
    gap = mean_gap_s(sampling)
    left = uniform(w.fault_rng) * 3600.0 / gap
    kind = 0
    while kind < N_FAULT_KINDS - 1 and left >= sampling.rate_per_hour[kind]:
        left -= sampling.rate_per_hour[kind]
        kind += 1
    lasting = exponential(w.fault_rng, 1.0)
    span = sampling.severity_high - sampling.severity_low
    severity = sampling.severity_low + uniform(w.fault_rng) * span
    place = uniform(w.fault_rng)
    w.next_sampled_s = at + exponential(w.fault_rng, gap)
    duration = lasting * sampling.duration_s[kind]
    target = -1
    zone = -1
    possible = True
    if kind == AZ_OUTAGE:
        zone = int(place * sampling.n_zones)
    elif DATABASE_SLOWDOWN <= kind <= DATABASE_CRASH:
        target = _pick_database(params, place)
        possible = target >= 0
    elif kind != TRAFFIC_SPIKE:
        target = pick_pool(params, kind, place)
        possible = target >= 0
    if kind == SPOT_INTERRUPTION and possible and sampling.duration_s[kind] == 0.0:
        duration = params.pool[target].notice_s + lasting * params.pool[target].return_s
    slot = _free_slot(w)
    if possible and slot >= 0:
        amount = 1.0 if kind == INSTANCE_KILL else math.nan
        enter_fault(w, w.fault[slot], kind, target, zone, at, at + duration, severity, amount)


@jit
def pick_pool(params: Any, kind: int, place: float) -> int:
    """Choose a pool that is there from the start; of spot instances for their interruption.

    Args:
        params: ``PARAMS`` record.
        kind: Kind of the fault.
        place: Random number in [0, 1).

    Returns:
        Pool; -1 if there is none.
    """
    count = 0
    for i in range(params.n_pools):
        p = params.pool[i]
        if p.spare == 0 and (kind != SPOT_INTERRUPTION or p.notice_s > 0.0):
            count += 1
    chosen = int(place * count)
    for i in range(params.n_pools):
        p = params.pool[i]
        if p.spare == 0 and (kind != SPOT_INTERRUPTION or p.notice_s > 0.0):
            if chosen == 0:
                return i
            chosen -= 1
    return -1


@jit
def _pick_database(params: Any, place: float) -> int:
    count = 0
    for k in range(params.n_backends):
        if params.backend[k].spare == 0 and params.backend[k].kind == DATABASE:
            count += 1
    chosen = int(place * count)
    for k in range(params.n_backends):
        if params.backend[k].spare == 0 and params.backend[k].kind == DATABASE:
            if chosen == 0:
                return BACKEND + k
            chosen -= 1
    return -1


@jit
def mean_interruption_gap_s(p: Any) -> float:
    """Mean time between two events of the spot market in the zones of a pool.

    Args:
        p: ``POOL_PARAMS`` record.

    Returns:
        Seconds; infinite for a pool that is not of spot instances.
    """
    rate = p.interruptions_per_hour * p.zones
    return 3600.0 / rate if rate > 0.0 else math.inf


@jit
def interrupt(params: Any, w: Any, i: int) -> None:
    """Let the market take spot instances: a block of those in one zone, or a single one.

    Single events come at the rate of the largest fleet and strike a place in it; an event that
    strikes an empty place takes nothing, so every instance runs the same risk.

    Args:
        params: ``PARAMS`` record.
        w: ``WORLD`` record; its fault stream advances by three draws.
        i: Pool.
    """
    p = params.pool[i]
    fleet = w.pool[i]
    at = fleet.next_interruption_s
    place = uniform(w.fault_rng)
    back = exponential(w.fault_rng, p.return_s)
    fleet.next_interruption_s = at + exponential(w.fault_rng, mean_interruption_gap_s(p))
    zone = -1
    amount = 1.0
    if p.block_share > 0.0:
        zone = p.zone[int(place * p.zones)]
        amount = math.nan
        struck = zone_instances(p, fleet.zones_out, fleet.ready, zone) > 0
    else:
        struck = place * p.maximum < fleet.ready
    slot = _free_slot(w)
    if struck and slot >= 0:
        end = at + p.notice_s + back
        fault = w.fault[slot]
        enter_fault(w, fault, SPOT_INTERRUPTION, i, zone, at, end, p.block_share, amount)


@jit
def zone_instances(p: Any, zones_out: int, instances: int, zone: int) -> int:
    """Count the instances in a zone: they are spread evenly over the zones that are up.

    Args:
        p: ``POOL_PARAMS`` record.
        zones_out: Bits of its zones that are out.
        instances: In all zones.
        zone: Zone number.

    Returns:
        Instances; 0 where the pool does not use the zone or it is out already.
    """
    rank = -1
    up = 0
    for j in range(p.zones):
        if (zones_out >> j) & 1 == 0:
            if p.zone[j] == zone:
                rank = up
            up += 1
    if rank < 0:
        return 0
    return int((instances + up - 1 - rank) // up)
