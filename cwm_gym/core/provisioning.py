"""Fleets: launches that become ready at their exact second, warm-up, draining, losses.

``desired`` = ready + launching + lost (taken by a fault that still lasts). Growing launches
instances; shrinking first forgets lost ones, then cancels the youngest launches, then drains ready
instances: a draining instance takes no new work, finishes what it has, and is paid for until it
leaves.
"""

from __future__ import annotations

import math
from typing import Any

from cwm_gym.core.jit import jit
from cwm_gym.core.records.world import MAX_BATCHES


@jit
def pool_rps(p: Any) -> float:
    """Capacity of one instance.

    Args:
        p: ``POOL_PARAMS`` record.

    Returns:
        Requests per second at utilisation 1.
    """
    return p.vcpus / p.cpu_s_per_request


@jit
def batch_count(batches: Any) -> float:
    """Count the instances in all batches.

    Args:
        batches: ``BATCH[MAX_BATCHES]``.

    Returns:
        Number of instances.
    """
    total = 0.0
    for i in range(MAX_BATCHES):
        if batches[i].count == 0.0:
            break
        total += batches[i].count
    return total


@jit
def _append(batches: Any, at_s: float, count: float) -> None:
    """Add a batch behind the others; when all slots are taken the two closest merge.

    Merging happens beyond MAX_BATCHES changes within one boot, warm-up or drain time; the merged
    batch takes the later time, so capacity is never counted early.
    """
    used = 0
    while used < MAX_BATCHES and batches[used].count > 0.0:
        used += 1
    if used > 0 and batches[used - 1].at_s >= at_s:
        batches[used - 1].count += count
        return
    if used == MAX_BATCHES:
        best = 0
        for i in range(1, MAX_BATCHES - 1):
            gap = batches[i + 1].at_s - batches[i].at_s
            if gap < batches[best + 1].at_s - batches[best].at_s:
                best = i
        batches[best].at_s = batches[best + 1].at_s
        batches[best].count += batches[best + 1].count
        for i in range(best + 1, MAX_BATCHES - 1):
            batches[i].at_s = batches[i + 1].at_s
            batches[i].count = batches[i + 1].count
        used = MAX_BATCHES - 1
    batches[used].at_s = at_s
    batches[used].count = count


@jit
def _drop_first(batches: Any) -> None:
    for i in range(MAX_BATCHES - 1):
        batches[i].at_s = batches[i + 1].at_s
        batches[i].count = batches[i + 1].count
    batches[MAX_BATCHES - 1].at_s = 0.0
    batches[MAX_BATCHES - 1].count = 0.0


@jit
def _make_ready(p: Any, pool: Any, at_s: float, count: float) -> None:
    pool.ready += int(count)
    if p.warmup_s > 0.0 and p.warmup_speed < 1.0:
        _append(pool.warming, at_s, count)


@jit
def _forget_warming(pool: Any) -> None:
    """Let the youngest leave first: no more instances warm up than are ready."""
    excess = batch_count(pool.warming) - pool.ready
    for k in range(MAX_BATCHES):
        if excess <= 0.0:
            return
        i = MAX_BATCHES - 1 - k
        taken = min(excess, pool.warming[i].count)
        pool.warming[i].count -= taken
        excess -= taken


@jit
def all_zones_out(p: Any, pool: Any) -> bool:
    """Tell whether there is no zone left that an instance could start in."""
    return pool.zones_out > 0 and pool.zones_out == (1 << p.zones) - 1


@jit
def take_away(pool: Any, count: int) -> float:
    """Lose ready instances together with their share of the requests in service.

    Args:
        pool: ``POOL`` record.
        count: Instances, at most the ready ones.

    Returns:
        Requests in service that are lost.
    """
    if count <= 0:
        return 0.0
    aborted = pool.queue.in_service * count / pool.ready
    pool.queue.in_service -= aborted
    pool.servers *= 1.0 - count / pool.ready
    pool.ready -= count
    pool.lost += count
    pool.notified = min(pool.notified, pool.ready)
    _forget_warming(pool)
    return aborted


@jit
def lose_launches(pool: Any) -> int:
    """Take all launching instances as lost; returns their number."""
    count = int(batch_count(pool.launching))
    for i in range(MAX_BATCHES):
        pool.launching[i].at_s = 0.0
        pool.launching[i].count = 0.0
    pool.lost += count
    return count


@jit
def launch_again(p: Any, pool: Any, now_s: float, count: int) -> None:
    """Start lost instances anew, as far as they are still wanted.

    Args:
        p: ``POOL_PARAMS`` record.
        pool: ``POOL`` record.
        now_s: Time, s.
        count: Instances.
    """
    count = min(count, pool.lost)
    if count > 0:
        pool.lost -= count
        if p.boot_s > 0.0:
            _append(pool.launching, now_s + p.boot_s, float(count))
        else:
            _make_ready(p, pool, now_s, float(count))


@jit
def restart_all(p: Any, pool: Any, now_s: float) -> None:
    """Let all ready instances warm up anew, as after a rolling restart."""
    if p.warmup_s > 0.0 and p.warmup_speed < 1.0 and pool.ready > 0:
        for i in range(MAX_BATCHES):
            pool.warming[i].at_s = 0.0
            pool.warming[i].count = 0.0
        _append(pool.warming, now_s, float(pool.ready))


@jit
def set_desired(p: Any, pool: Any, now_s: float, desired: int) -> float:
    """Ask for a fleet size.

    Args:
        p: ``POOL_PARAMS`` record.
        pool: ``POOL`` record.
        now_s: Time of the request, s.
        desired: Instances wanted; the caller keeps it within the pool's bounds.

    Returns:
        Dollars owed at once: what the provider's minimum billing time adds for launches that are
        cancelled before it has passed.
    """
    change = desired - pool.desired
    owed = 0.0
    if change > 0:
        if all_zones_out(p, pool):
            pool.lost += change
        elif p.boot_s > 0.0:
            _append(pool.launching, now_s + p.boot_s, float(change))
        else:
            _make_ready(p, pool, now_s, float(change))
    elif change < 0:
        left = float(-change)
        # What a fault has taken is not asked for again.
        taken = min(left, float(pool.lost))
        pool.lost -= int(taken)
        left -= taken
        for k in range(MAX_BATCHES):
            i = MAX_BATCHES - 1 - k
            taken = min(left, pool.launching[i].count)
            if taken > 0.0:
                age = now_s - (pool.launching[i].at_s - p.boot_s)
                owed += taken * max(0.0, p.billing_minimum_s - age) * p.usd_per_hour / 3600.0
                pool.launching[i].count -= taken
                left -= taken
        if left > 0.0:
            pool.ready -= int(left)
            # Spot instances under notice go first.
            pool.notified = max(0, pool.notified - int(left))
            _forget_warming(pool)
            if p.drain_s > 0.0:
                _append(pool.draining, now_s + p.drain_s, left)
    pool.desired = desired
    return owed


@jit
def deliver(p: Any, pool: Any, now_s: float) -> float:
    """Carry out what is due: launches become ready, drained instances leave.

    Args:
        p: ``POOL_PARAMS`` record.
        pool: ``POOL`` record.
        now_s: Time, s.

    Returns:
        Number of instances that became ready.
    """
    arrived = 0.0
    while pool.launching[0].count > 0.0 and pool.launching[0].at_s <= now_s:
        arrived += pool.launching[0].count
        _make_ready(p, pool, pool.launching[0].at_s, pool.launching[0].count)
        _drop_first(pool.launching)
    while pool.draining[0].count > 0.0 and pool.draining[0].at_s <= now_s:
        _drop_first(pool.draining)
    while pool.warming[0].count > 0.0 and pool.warming[0].at_s + p.warmup_s <= now_s:
        _drop_first(pool.warming)
    return arrived


@jit
def next_change_s(pool: Any) -> float:
    """Find when a fleet changes next by itself.

    Args:
        pool: ``POOL`` record.

    Returns:
        Time of the next launch to become ready or drain to end, s; infinity for none.
    """
    t = math.inf
    if pool.launching[0].count > 0.0:
        t = pool.launching[0].at_s
    if pool.draining[0].count > 0.0:
        t = min(t, pool.draining[0].at_s)
    return t


@jit
def effective_instances(p: Any, pool: Any, from_s: float, to_s: float) -> float:
    """Average the serving speed of a pool over a time in which nobody joins or leaves.

    A new instance rises linearly from ``warmup_speed`` to 1 in ``warmup_s``.

    Args:
        p: ``POOL_PARAMS`` record.
        pool: ``POOL`` record.
        from_s: Start, s.
        to_s: End, s.

    Returns:
        Instances at full speed that serve as fast as the pool does, 0..ready.
    """
    total = float(pool.ready)
    if pool.warming[0].count == 0.0:
        return total
    for i in range(MAX_BATCHES):
        batch = pool.warming[i]
        if batch.count == 0.0:
            break
        # Time average of what is missing of 1: it falls linearly to 0, maybe before the end.
        begin = min(max(1.0 - (from_s - batch.at_s) / p.warmup_s, 0.0), 1.0)
        end = min(max(1.0 - (to_s - batch.at_s) / p.warmup_s, 0.0), 1.0)
        missing = 0.5 * (begin * begin - end * end) * p.warmup_s / (to_s - from_s)
        total -= batch.count * missing * (1.0 - p.warmup_speed)
    return max(total, 0.0)


@jit
def averaged_launches(pool: Any, from_s: float, to_s: float) -> float:
    """Average what launches contribute to a time in which they become ready.

    Args:
        pool: ``POOL`` record.
        from_s: Start, s.
        to_s: End, s.

    Returns:
        Instances: each counted for the share of the time that it is ready.
    """
    total = 0.0
    for i in range(MAX_BATCHES):
        batch = pool.launching[i]
        if batch.count == 0.0 or batch.at_s >= to_s:
            break
        total += batch.count * (to_s - batch.at_s) / (to_s - from_s)
    return total


@jit
def billed_instances(pool: Any) -> float:
    """Count what is paid for: ready, launching and draining instances.

    Args:
        pool: ``POOL`` record.

    Returns:
        Number of instances.
    """
    return float(pool.ready) + batch_count(pool.launching) + batch_count(pool.draining)
