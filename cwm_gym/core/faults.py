"""Faults: what they take away, when, and how the service gets it back.

A fault acts from its start to its end. Some take instances (``instance_kill``, ``az_outage``,
``bad_deployment``, ``spot_interruption``) or a database (``database_crash``, ``az_outage``); what
they took starts anew when they end, with the delays that starting has. A database with a standby
is back after the failover, without one when the fault ends. The others are effects on the tiers
they touch, see :mod:`cwm_gym.core.effects`; :mod:`cwm_gym.core.hazards` draws random ones.

Where a document leaves the target open, an ``instance_kill`` hits a random pool and an
``az_outage`` a random zone of its resource, or of the pool that the agent scales.
"""

from __future__ import annotations

import math
from typing import Any

from cwm_gym.core import events
from cwm_gym.core.effects import add_up, reaches
from cwm_gym.core.hazards import (
    enter_fault,
    exponential,
    interrupt,
    mean_gap_s,
    mean_interruption_gap_s,
    pick_pool,
    sample_fault,
    zone_instances,
)
from cwm_gym.core.jit import jit
from cwm_gym.core.provisioning import (
    all_zones_out,
    launch_again,
    lose_launches,
    restart_all,
    take_away,
)
from cwm_gym.core.queueing.records import BACKEND
from cwm_gym.core.records.params import (
    AZ_OUTAGE,
    BAD_DEPLOYMENT,
    DATABASE_CRASH,
    INSTANCE_KILL,
    MAX_FAULTS,
    MEMORY_LEAK,
    SERVERLESS,
    SPOT_INTERRUPTION,
)
from cwm_gym.core.records.world import ACTING, FREE, OVER, TO_COME
from cwm_gym.core.rng import uniform

LEAK_STEP_S = 30.0  # how often a growing effect is worked out anew
_TINY_S = 1e-9


@jit
def start_faults(params: Any, w: Any) -> None:
    """Put the faults of an episode at its start.

    Args:
        params: ``PARAMS`` record in force.
        w: ``WORLD`` record whose pools and backends are set up; its fault stream advances.
    """
    w.n_faults = 0
    for f in range(MAX_FAULTS):
        fault = w.fault[f]
        fault.state = FREE
        if f < params.n_faults:
            p = params.fault[f]
            enter_fault(
                w, fault, p.kind, p.target, p.zone, p.start_s, p.end_s, p.severity, p.amount
            )
            fault.errors = p.errors
            fault.notice_s = p.notice_s
            fault.region = p.region
            fault.other_region = p.other_region
    w.next_sampled_s = exponential(w.fault_rng, mean_gap_s(params.sampling))
    for i in range(params.n_pools):
        w.pool[i].next_interruption_s = math.inf
        if params.pool[i].interruptions_per_hour > 0.0:
            mean = mean_interruption_gap_s(params.pool[i])
            w.pool[i].next_interruption_s = exponential(w.fault_rng, mean)
    add_up(params, w)
    schedule(params, w)


@jit
def _take(params: Any, w: Any, f: int, i: int, count: int) -> None:
    """Let a fault take running instances; their work is lost, or goes back to a durable queue.

    Serverless instances are not held back: the platform starts others as requests need them.
    """
    fleet = w.pool[i]
    fault = w.fault[f]
    queue = fleet.queue
    if params.pool[i].kind == SERVERLESS:
        share = min(count / max(fleet.warm, 1.0), 1.0)
        aborted = queue.in_service * share
        queue.in_service -= aborted
        fleet.warm *= 1.0 - share
    else:
        count = min(max(count, 0), fleet.ready)
        aborted = take_away(fleet, count)
        fault.taken[i] += count
    if count == 0:
        return
    if params.pool[i].queued == 1 and params.pool[i].kind != SERVERLESS:
        queue.waiting_sq += aborted * (aborted + 2.0 * queue.waiting)
        queue.waiting += aborted
    elif params.pool[i].detached == 1:
        w.meter.messages_lost += aborted
        w.meter.messages_change -= aborted
    else:
        w.meter.failed += aborted
        w.meter.backlog_change -= aborted
        fleet.failed_tick += aborted
    events.record(w, events.INSTANCES_LOST, i, float(count), float(fault.zone), float(fault.id))


@jit
def _give_notice(params: Any, w: Any, f: int, i: int) -> float:
    """Choose the spot instances that a fault will take; returns the warning that they get, s."""
    p = params.pool[i]
    fleet = w.pool[i]
    fault = w.fault[f]
    whole = fleet.ready - fleet.notified
    if fault.zone >= 0:
        there = zone_instances(p, fleet.zones_out, fleet.ready, fault.zone)
        for g in range(MAX_FAULTS):
            other = w.fault[g]
            if _notified_only(other) and other.zone == fault.zone:
                there -= other.taken[i]
        whole = min(whole, max(there, 0))
    count = _share(fault.amount, fault.severity, whole)
    notice = fault.notice_s if fault.notice_s >= 0.0 else p.notice_s
    fault.taken[i] = count
    fleet.notified += count
    if count > 0:
        events.record(w, events.INTERRUPTION_NOTICE, i, float(count), notice, float(fault.id))
    return notice


@jit
def _notified_only(fault: Any) -> bool:
    """Whether a fault has announced what it takes and not taken it yet."""
    return fault.state == ACTING and fault.kind == SPOT_INTERRUPTION and fault.phase == 0


@jit
def _take_notified(params: Any, w: Any, f: int, i: int) -> None:
    """Take the instances whose notice is over.

    With a notice of at least the drain time they have finished what they had by then.
    """
    p = params.pool[i]
    fleet = w.pool[i]
    fault = w.fault[f]
    # Scaling in may have let some of them go already.
    count = min(fault.taken[i], fleet.notified)
    fault.taken[i] = 0
    fleet.notified -= count
    in_service = fleet.queue.in_service
    drained = w.time_s - fault.start_s >= p.drain_s - _TINY_S
    if drained:
        fleet.queue.in_service = 0.0
    _take(params, w, f, i, count)
    if drained:
        fleet.queue.in_service = in_service


@jit
def _bring_down(params: Any, w: Any, f: int, k: int) -> None:
    """Crash a backend: what it held is lost; a standby takes over after the failover."""
    state = w.backend[k]
    fault = w.fault[f]
    queue = state.queue
    lost = queue.waiting + queue.in_service
    queue.waiting = 0.0
    queue.waiting_sq = 0.0
    queue.in_service = 0.0
    w.meter.failed += lost
    w.meter.backlog_change -= lost
    state.failed_tick += lost
    state.units = params.backend[k].units_min
    state.breaches = 0
    if params.backend[k].standby == 1:
        fault.next_s = min(fault.next_s, w.time_s + params.backend[k].failover_s)


@jit
def _share(amount: float, severity: float, whole: int) -> int:
    """Instances that a fault takes: a stated number, else its severity's share, at least one."""
    if not math.isnan(amount):
        return int(min(amount, float(whole)))
    return min(whole, max(1, int(severity * whole + 0.5)))


@jit
def _choose_target(params: Any, w: Any, fault: Any) -> None:
    """Draw what a document leaves open."""
    if fault.kind == INSTANCE_KILL and fault.target < 0:
        fault.target = pick_pool(params, fault.kind, uniform(w.fault_rng))
    elif fault.kind == AZ_OUTAGE and fault.zone < 0:
        place = uniform(w.fault_rng)
        if fault.target >= BACKEND:
            fault.zone = params.backend[fault.target - BACKEND].zone
        else:
            p = params.pool[fault.target if fault.target >= 0 else params.episode.primary]
            fault.zone = p.zone[int(place * p.zones)]


@jit
def _begin(params: Any, w: Any, f: int) -> None:
    fault = w.fault[f]
    kind = fault.kind
    _choose_target(params, w, fault)
    fault.state = ACTING
    fault.start_s = w.time_s
    fault.next_s = fault.end_s
    if kind == MEMORY_LEAK:
        fault.next_s = min(fault.end_s, w.time_s + LEAK_STEP_S)
    events.record(
        w, events.FAULT_STARTED, fault.target, float(kind), fault.severity, float(fault.id)
    )
    taken_at = -1.0
    for i in range(params.n_pools):
        p = params.pool[i]
        fleet = w.pool[i]
        if not reaches(params, w, fault, i):
            continue
        running = int(fleet.warm + 0.5) if p.kind == SERVERLESS else fleet.ready
        if kind == AZ_OUTAGE:
            count = zone_instances(p, fleet.zones_out, running, fault.zone)
            _close_zones(params, w, i)
            _take(params, w, f, i, count)
            if all_zones_out(p, fleet):
                fault.taken[i] += lose_launches(fleet)
        elif kind == INSTANCE_KILL:
            _take(params, w, f, i, _share(fault.amount, fault.severity, running))
        elif kind == BAD_DEPLOYMENT and p.kind != SERVERLESS:
            _take(params, w, f, i, int(fault.severity * running + 0.5))
        elif kind == SPOT_INTERRUPTION:
            taken_at = max(taken_at, w.time_s + _give_notice(params, w, f, i))
    if taken_at >= 0.0:
        fault.next_s = taken_at
        fault.end_s = max(fault.end_s, taken_at)
    crash = kind == DATABASE_CRASH
    outage = kind == AZ_OUTAGE
    if crash or outage:
        for k in range(params.n_backends):
            if reaches(params, w, fault, BACKEND + k):
                _bring_down(params, w, f, k)


@jit
def _go_on(params: Any, w: Any, f: int) -> None:
    """Carry out what happens during a fault: failover, the end of a notice, growth of a leak."""
    fault = w.fault[f]
    kind = fault.kind
    fault.next_s = fault.end_s
    if kind == MEMORY_LEAK:
        fault.next_s = min(fault.end_s, w.time_s + LEAK_STEP_S)
    elif kind == SPOT_INTERRUPTION:
        fault.phase = 1
        for i in range(params.n_pools):
            if fault.taken[i] > 0:
                _take_notified(params, w, f, i)
    else:
        for k in range(params.n_backends):
            d = params.backend[k]
            if d.standby == 1 and reaches(params, w, fault, BACKEND + k):
                at = fault.start_s + d.failover_s
                if at > w.time_s + _TINY_S:
                    fault.next_s = min(fault.next_s, at)
                elif at > w.time_s - _TINY_S and w.backend[k].present == 1:
                    events.record(
                        w, events.FAILOVER, BACKEND + k, d.failover_s, 0.0, float(fault.id)
                    )


@jit
def _close_zones(params: Any, w: Any, i: int) -> None:
    """Mark the zones of a pool that some outage keeps out."""
    p = params.pool[i]
    out = 0
    for f in range(MAX_FAULTS):
        fault = w.fault[f]
        if fault.state == ACTING and fault.kind == AZ_OUTAGE and reaches(params, w, fault, i):
            for j in range(p.zones):
                if p.zone[j] == fault.zone:
                    out |= 1 << j
    w.pool[i].zones_out = out


@jit
def _held(w: Any, i: int) -> int:
    """Count the lost instances of a pool that some fault still keeps."""
    held = 0
    for f in range(MAX_FAULTS):
        if w.fault[f].state == ACTING and not _notified_only(w.fault[f]):
            held += w.fault[f].taken[i]
    return held


@jit
def forget_taken(w: Any, i: int) -> None:
    """Let faults keep no more instances of a pool than it misses: scaling in has given some up.

    Args:
        w: ``WORLD`` record.
        i: Pool.
    """
    excess = _held(w, i) - w.pool[i].lost
    for f in range(MAX_FAULTS):
        fault = w.fault[f]
        if excess > 0 and fault.state == ACTING and not _notified_only(fault):
            given_up = min(excess, fault.taken[i])
            fault.taken[i] -= given_up
            excess -= given_up


@jit
def end_fault(params: Any, w: Any, f: int) -> None:
    """Put an end to a fault: what it took starts anew.

    Args:
        params: ``PARAMS`` record.
        w: ``WORLD`` record.
        f: Slot of the fault.
    """
    fault = w.fault[f]
    acted = fault.state == ACTING
    announced = _notified_only(fault)
    fault.state = OVER
    fault.next_s = math.inf
    if not acted:
        return
    kind = fault.kind
    for i in range(params.n_pools):
        p = params.pool[i]
        fleet = w.pool[i]
        if announced:
            fleet.notified = max(0, fleet.notified - fault.taken[i])
        elif kind == AZ_OUTAGE and reaches(params, w, fault, i):
            _close_zones(params, w, i)
            _hand_on(params, w, fault, i)
        elif kind == MEMORY_LEAK and reaches(params, w, fault, i):
            restart_all(p, fleet, w.time_s)
        fault.taken[i] = 0
        if fleet.lost > 0 and not all_zones_out(p, fleet):
            launch_again(p, fleet, w.time_s, fleet.lost - _held(w, i))
    events.record(w, events.FAULT_ENDED, fault.target, float(kind), fault.severity, float(fault.id))


@jit
def _hand_on(params: Any, w: Any, fault: Any, i: int) -> None:
    """Leave what an outage has taken to another one that keeps the same zone out."""
    for f in range(MAX_FAULTS):
        other = w.fault[f]
        same = other.state == ACTING and other.kind == AZ_OUTAGE and other.zone == fault.zone
        if same and reaches(params, w, other, i):
            other.taken[i] += fault.taken[i]
            return


@jit
def schedule(params: Any, w: Any) -> None:
    """Find when something about a fault happens next.

    Args:
        params: ``PARAMS`` record.
        w: ``WORLD`` record.
    """
    t = w.next_sampled_s
    for i in range(params.n_pools):
        t = min(t, w.pool[i].next_interruption_s)
    for f in range(MAX_FAULTS):
        if w.fault[f].state == TO_COME or w.fault[f].state == ACTING:
            t = min(t, w.fault[f].next_s)
    w.next_fault_s = t


@jit
def run_faults(params: Any, w: Any) -> None:
    """Carry out everything about faults that is due, and work out the effects anew.

    What begins goes before what ends, so that windows without a gap act like one.

    Args:
        params: ``PARAMS`` record.
        w: ``WORLD`` record at the time.
    """
    now = w.time_s + _TINY_S
    while w.next_sampled_s <= now:
        sample_fault(params, w)
    for i in range(params.n_pools):
        while w.pool[i].next_interruption_s <= now:
            interrupt(params, w, i)
    for f in range(MAX_FAULTS):
        if w.fault[f].state == TO_COME and w.fault[f].next_s <= now:
            _begin(params, w, f)
    for f in range(MAX_FAULTS):
        fault = w.fault[f]
        if fault.state == ACTING and fault.next_s <= now:
            if fault.end_s > now or _notified_only(fault):
                _go_on(params, w, f)
            if fault.end_s <= now:
                end_fault(params, w, f)
    add_up(params, w)
    schedule(params, w)
