"""The wait of a queue at any instant of a phase."""

from __future__ import annotations

import math
from typing import Any

from cwm_gym.core.jit import jit
from cwm_gym.core.queueing.phase import old_lost
from cwm_gym.core.queueing.transient import overshoot, reflected

#: The far barrier matters once the motion has spread over the gap, when x = 1.2 in exp(-x).
FELT = 1.2


@jit
def backlog_wait(p: Any, t: float) -> tuple[float, float, float]:
    """E[w], E[w^2] of the transient part at time t, and the probability that it still queues."""
    if t < p.clear:
        done = t / p.clear
        mean = min(p.patience, p.head_wait + (p.clear - p.head_wait) * done)
        bridge = 0.5 * p.diffusion * (p.clear - t) * done
        variance = p.spread + (p.diffusion * p.age - p.spread) * done + bridge
        return mean, mean * mean + variance, 1.0
    time = max(0.0, t - p.clear - p.lag) + p.age
    start = p.clear + p.drift * p.age
    mean, second, above = reflected(
        start, p.drift, p.diffusion, time, p.busy, p.shrink, p.shrink_sq
    )
    if p.load < 1.0:
        cut = overshoot(p.patience - start, -p.drift, p.diffusion, time)
        if cut > 0.0:
            # Those that lose patience shorten the line.
            variance = second - mean * mean
            mean = min(p.patience, max(min(mean, p.wait), mean - cut))
            second = mean * mean + variance
        return mean, second, above
    # Growth towards the barrier: the mirrored motion gives what the barrier cuts off.
    variance = max(second - mean * mean, 0.0)
    gap, gap_sq, free = reflected(
        max(p.barrier - start, 0.0), -p.drift, p.diffusion, time, 1.0, 1.0, 1.0
    )
    if free < 0.9999:
        mean = min(p.barrier, max(0.0, mean + (p.barrier - gap) - (start - p.drift * time)))
        variance = min(variance, max(gap_sq - gap * gap, 0.0))
    if p.barrier < p.patience:
        variance += mean * p.cs2 / p.capacity
    return mean, mean * mean + variance, above


@jit
def memory(p: Any, t: float) -> float:
    """Share of the transient part that has not yet met both barriers at time t."""
    x = p.far_rate * (t - p.clear) - FELT
    return math.exp(-x) if 0.0 < x < 40.0 else (1.0 if x <= 0.0 else 0.0)


@jit
def observe(p: Any, profile: Any, t: float) -> None:
    """Wait of the requests that leave the queue at one instant.

    Args:
        p: Prepared ``PHASE`` record.
        profile: ``PROFILE`` record to fill.
        t: Seconds since the start of the phase.
    """
    arrival = p.arrival
    capacity = p.capacity
    if capacity == 0.0:
        profile.busy = 1.0
        profile.delay = min(p.patience, p.head_wait + t)
        profile.variance = 0.0
        profile.rate = 0.0
        profile.queue = min(p.room, p.backlog + arrival * t)
        return
    rate = min(arrival, capacity)
    if p.steady:
        mean = p.wait
        second = p.wait_sq
        busy = p.busy
        profile.queue = p.queue
    else:
        mean = 0.0
        second = 0.0
        waiting = 0.0
        weight = p.weight
        if weight < 1.0:
            if p.settled:
                mean = p.wait
                second = p.wait_sq
                waiting = p.queue
            else:
                mean, second, _ = reflected(0.0, p.drift, p.diffusion, t, p.busy, 1.0, 1.0)
                waiting = arrival * mean
            mean *= 1.0 - weight
            second *= 1.0 - weight
            waiting *= 1.0 - weight
        if weight > 0.0:
            head, head_sq, above = backlog_wait(p, t)
            old = arrival * head
            if p.far_rate > 0.0 and t > p.clear:
                keep = memory(p, t)
                head = p.wait + keep * (head - p.wait)
                head_sq = p.wait_sq + keep * (head_sq - p.wait_sq)
                old = p.queue + keep * (old - p.queue)
            mean += weight * head
            second += weight * head_sq
            if t < p.clear:
                left = max(0.0, p.backlog - capacity * t - old_lost(p, t))
                waiting += weight * max(left, min(p.room, left + arrival * t))
            else:
                waiting += weight * old
            rate += weight * above * (capacity - rate)
        profile.queue = min(waiting, max(p.room, p.backlog * weight))
        y = p.gain * mean
        busy = 0.5 * (math.sqrt(y * y + 4.0 * y) - y) if y < 1e6 else 1.0
        busy = max(busy, min(1.0, mean * mean / max(second, 1e-300)))
    profile.rate = rate
    profile.busy = busy
    if busy > 1e-12:
        delay = mean / busy
        shape = min(2.0, max(0.0, second * busy / max(mean * mean, 1e-300) - 1.0))
        profile.delay = delay
        profile.variance = shape * p.skew * delay * delay
        limit_variance(p, profile)
    else:
        profile.delay = 0.0
        profile.variance = 0.0


@jit
def limit_variance(p: Any, profile: Any) -> None:
    """Keep the spread of a wait inside what the patience leaves above its mean.

    Args:
        p: ``PHASE`` record.
        profile: ``PROFILE`` record whose variance is bounded.
    """
    filled = min(1.0, profile.delay / p.patience)
    filled *= filled
    filled *= filled
    filled *= filled
    most = 0.5 * (1.0 + filled * filled) * max(0.0, p.patience - profile.delay)
    profile.variance = min(profile.variance, most * most)
