"""One queue during one segment: preparation, outcome, and the wait at any instant.

The state of a queue is the mean and the second moment of the number waiting. At the start of a
segment it is read as a mixture: with some probability a definite backlog, which then evolves as a
reflected Brownian motion, otherwise the stationary state of the segment's own load, which does
not change at all.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from cwm_gym.core.jit import jit
from cwm_gym.core.queueing.stationary import solve_stationary, wait_skew
from cwm_gym.core.queueing.transient import overshoot, reflected

_FAR = 1e12
# The far barrier matters once the motion has spread over the gap, when x = 1.2 in exp(-x).
_FELT = 1.2


@jit
def prepare(p: Any, service: Any, queue: Any, arrival_rps: float, begin: float, span: float) -> None:
    """Derive everything that the equations of one phase need.

    Args:
        p: ``PHASE`` record to fill.
        service: ``SERVICE`` record of the tier.
        queue: ``QUEUE`` record of the tier at the start of the phase.
        arrival_rps: Arrivals per second, whole pool.
        begin: Start of the phase inside the segment, s.
        span: Its length, s.
    """
    queues = max(1.0, service.queues) if service.balancing != 0 else 1.0
    p.begin = begin
    p.span = span
    p.queues = queues
    p.arrival = max(arrival_rps, 0.0) / queues
    servers = max(service.servers, 0.0) / queues
    # Less than one server is one slow server.
    p.servers = max(1.0, servers)
    p.rate = service.service_rate * min(1.0, servers)
    p.capacity = servers * service.service_rate
    p.cs2 = service.cs2
    p.lognormal = service.lognormal
    p.ca2 = 1.0 / queues if service.balancing == 2 else 1.0
    room = service.room / queues
    p.room = min(_FAR, np.floor(room)) if queues > 1.0 else min(_FAR, room)
    p.patience = min(_FAR, service.timeout_s)
    p.weight = 1.0
    p.steady = 0
    p.clear = 0.0
    p.drained = 0.0
    p.lag = 0.0
    p.far_rate = 0.0
    waiting = queue.waiting / queues
    # E[(sum of n independent queues)^2] = n E[q^2] + n (n - 1) E[q]^2
    square = queue.waiting_sq / queues - (queues - 1.0) * waiting * waiting
    if p.capacity < 1e-9 * (1.0 + p.arrival):
        p.capacity = 0.0
        p.load = _FAR
        p.backlog = waiting
        p.old_rate = max(queue.wait_rate / queues, waiting / p.patience, 1e-9)
        p.head_wait = waiting / p.old_rate
        return
    p.load = p.arrival / p.capacity
    p.barrier = min(p.patience, p.room / p.capacity)
    p.skew = wait_skew(p.load, p.cs2, service.lognormal != 0)
    solve_stationary(p)
    _split_start(
        p,
        waiting,
        max(square, waiting * waiting),
        queue.wait_rate / queues,
        max(0.0, queue.in_service - service.aborted) / queues,
    )


@jit
def _split_start(
    p: Any, waiting: float, square: float, wait_rate: float, in_service: float
) -> None:
    """Read the state as weight * (definite backlog) + (1 - weight) * (stationary or empty)."""
    relaxation = 0.125 * p.span * p.drift * p.drift
    quick = p.load < 1.0 and relaxation > p.diffusion
    if quick and square < 2e-3 * p.span * p.capacity * waiting + 1e-12:
        p.weight = 0.0
        p.steady = 1
        return
    variance = square - waiting * waiting
    weight = 1.0
    backlog = waiting
    normal = False
    if p.settled:
        rest = p.queue
        above = waiting - rest
        above_sq = square - p.queue_sq
        spread = p.queue_sq - rest * rest
        if abs(above) <= 1e-3 * rest + 1e-9 and abs(above_sq) <= 2e-3 * p.queue_sq + 1e-9:
            p.weight = 0.0
            p.steady = 1
            return
        if waiting * waiting > 9.0 * variance and abs(above) > 2.0 * (
            math.sqrt(variance) + math.sqrt(max(spread, 0.0))
        ):
            normal = True
        elif rest < 1e-12 * waiting:
            weight = waiting * waiting / square
            backlog = waiting / weight
        elif spread > 0.0:
            h = 2.0 * above * rest - above_sq
            root = math.sqrt(h * h + 4.0 * spread * above * above)
            if h >= 0.0:
                weight = (h + root) / (2.0 * spread)
            else:
                weight = 2.0 * above * above / (root - h)
            if weight >= 1.0:
                weight = 1.0
            elif weight > 1e-9:
                backlog = max(0.0, (above + weight * rest) / weight)
            if weight < 1e-3 and weight * backlog < 1e-3 * rest + 1e-9:
                p.weight = 0.0
                p.steady = 1
                return
    elif waiting > 1e-9:
        normal = waiting * waiting > 9.0 * variance
        if not normal:
            weight = min(1.0, waiting * waiting / square)
            backlog = waiting / weight
    p.weight = weight
    p.backlog = backlog
    p.variance = variance if normal else 0.0
    _set_backlog(p, wait_rate)
    if quick and p.settled and p.clear < 2e-3 * p.span:
        p.steady = 1
        return
    # Idle servers fill first: b' = arrival - rate * b, up to the noise of the number in system.
    offered = p.arrival / p.rate
    idle = min(offered, p.servers) - in_service
    if idle > 0.0:
        near = abs(offered - p.servers) + 0.5 * math.sqrt(p.servers)
        p.lag = math.log(1.0 + idle / near) / p.rate
    # The slowest mode between two barriers, felt where the drift does not keep the far one away.
    if p.settled and p.barrier * p.barrier < 100.0 * p.diffusion * p.span:
        ratio = p.drift * p.barrier / (2.0 * p.diffusion)
        slowest = 0.5 * math.pi * math.pi * p.diffusion / (p.barrier * p.barrier)
        p.far_rate = slowest * math.exp(-ratio * ratio)


@jit
def _set_backlog(p: Any, wait_rate: float) -> None:
    """Times and variances of the way from the backlog at the start to an empty queue."""
    arrival = max(p.arrival, 1e-9)
    backlog = p.backlog
    old = wait_rate if wait_rate > 1e-9 else arrival
    head = min(backlog / old, p.patience)
    if backlog > old * p.patience:
        old = backlog / p.patience
    clear = min(backlog / p.capacity, p.patience)
    p.old_rate = old
    p.head_wait = head
    p.clear = clear
    p.spread = max(p.variance - p.ca2 * backlog, 0.0) / (old * old)
    noise = clear * p.cs2 / p.capacity + p.variance / (p.capacity * p.capacity)
    age = noise / p.diffusion
    if p.drift < 0.0:
        age = min(age, -0.8 * clear / p.drift)
        p.drained = clear + (p.patience - clear) / max(-p.drift, 1e-9)
    else:
        p.drained = clear * (1.0 + 1.0 / max(p.drift, 1e-9))
    p.age = age


@jit
def _backlog_wait(p: Any, t: float) -> tuple[float, float, float]:
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
        if mean > p.patience:
            mean = p.patience
            second = mean * mean
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
def _memory(p: Any, t: float) -> float:
    """Share of the transient part that has not yet met both barriers at time t."""
    x = p.far_rate * (t - p.clear) - _FELT
    return math.exp(-x) if 0.0 < x < 40.0 else (1.0 if x <= 0.0 else 0.0)


@jit
def finish(p: Any, queue: Any, flow: Any) -> None:
    """Advance the queue by the phase and add what happened to the flow.

    Args:
        p: Prepared ``PHASE`` record.
        queue: ``QUEUE`` record, replaced by the state at the end.
        flow: ``FLOW`` record whose counts are added to.
    """
    span = p.span
    offered = p.arrival * span
    before = queue.waiting / p.queues
    if p.capacity == 0.0:
        after, square, timed_out, rejected, rate = _stalled(p)
    elif p.steady:
        after = p.queue
        square = p.queue_sq
        timed_out, rejected = _stationary_losses(p, span)
        rate = max(p.arrival, 1e-9) if p.patience <= p.barrier else p.arrival * (1.0 - p.loss)
    else:
        after, square, timed_out, rejected, rate = _transient_end(p)
    lost = timed_out + rejected
    total = before + offered
    if lost > total:
        timed_out *= total / lost
        rejected *= total / lost
        lost = total
    limit = p.capacity * span
    after = min(after, total - lost)
    if total - lost - after > limit:
        # Nothing leaves faster than it is served: what is left over waits, or finds no room.
        after = total - lost - limit
        most = max(p.room, before)
        if after > most:
            rejected += after - most
            after = most
        square = max(square, after * after)
    served = max(total - timed_out - rejected - after, 0.0)
    after = total - timed_out - rejected - served

    n = p.queues
    square = max(square, after * after)
    queue.waiting = max(after, 0.0) * n
    queue.waiting_sq = n * (square + (n - 1.0) * after * after)
    queue.wait_rate = rate * n
    flow.offered += offered * n
    flow.served += served * n
    flow.timed_out += timed_out * n
    flow.rejected += rejected * n
    flow.completed += served * n


@jit
def _stationary_losses(p: Any, time: float) -> tuple[float, float]:
    """Requests that time out and that are rejected in the stationary state."""
    lost = p.arrival * time * p.loss
    if p.patience > p.barrier:
        return 0.0, lost
    refused = max(0.0, p.arrival - max(p.capacity, p.room / p.patience)) * time
    refused = min(refused, lost)
    return lost - refused, refused


@jit
def _stalled(p: Any) -> tuple[float, float, float, float, float]:
    """Without any server everything waits until it loses patience."""
    span = p.span
    timed_out = p.old_rate * max(0.0, span - (p.patience - p.head_wait))
    timed_out = min(timed_out, p.backlog) + p.arrival * max(0.0, span - p.patience)
    after = p.backlog + p.arrival * span - timed_out
    most = max(p.room, p.backlog)
    rejected = max(0.0, after - most)
    after = min(after, most)
    head = min(p.patience, p.head_wait + span)
    rate = max(after / head, 1e-9) if head > 0.0 else p.arrival
    return after, after * after + after, timed_out, rejected, rate


@jit
def _transient_end(p: Any) -> tuple[float, float, float, float, float]:
    """State and losses at the end of a phase that is not stationary.

    Returns:
        E[waiting], E[waiting^2], timed out, rejected (all of one queue), and the rate at which
        the requests now waiting arrived.
    """
    span = p.span
    arrival = p.arrival
    patient = p.patience <= p.barrier
    rate = max(arrival, 1e-9)
    weight = p.weight
    after = 0.0
    square = 0.0
    timed_out = 0.0
    rejected = 0.0
    if weight < 1.0:
        if p.settled:
            rest = p.queue
            rest_sq = p.queue_sq
            timed_out, rejected = _stationary_losses(p, span)
        else:
            mean, second, _ = reflected(0.0, p.drift, p.diffusion, span, p.busy, 1.0, 1.0)
            rest = arrival * mean
            rest_sq = arrival * arrival * second + p.ca2 * rest
        after = (1.0 - weight) * rest
        square = (1.0 - weight) * rest_sq
        timed_out *= 1.0 - weight
        rejected *= 1.0 - weight
    if weight == 0.0:
        return after, square, timed_out, rejected, rate

    # Old requests that reach their patience before a server is free for them.
    old_lost = 0.0
    if p.backlog > p.capacity * p.patience:
        growth = 1.0 - p.capacity / p.old_rate
        start = (p.patience - p.head_wait) / growth if growth > 1e-12 else _FAR
        old_lost = max(0.0, (p.old_rate - p.capacity) * (min(p.clear, span) - max(start, 0.0)))
    late = 0.0
    refused = 0.0
    if p.clear > span:
        waiting = max(0.0, p.backlog + (arrival - p.capacity) * span - old_lost)
        noise = p.variance + (p.ca2 * arrival + p.capacity * p.cs2) * span
        if not patient:
            refused = overshoot(p.room - p.backlog, arrival - p.capacity, noise / span, span)
        elif arrival > p.capacity:
            refused = _refused(p)
        waiting = max(0.0, waiting - refused)
        waiting_sq = waiting * waiting + noise
        head = min(p.patience, p.head_wait + (p.clear - p.head_wait) * span / p.clear)
        if waiting > 0.0 and head > 0.0:
            rate = waiting / head
    else:
        mean, second, above = _backlog_wait(p, span)
        waiting = arrival * mean
        waiting_sq = arrival * arrival * second + p.ca2 * waiting
        calm = 0.0
        if p.load < 1.0:
            calm = (1.0 - above) * arrival * p.loss * span
        if patient:
            cut = overshoot(p.barrier - p.clear, -p.drift, p.diffusion, span - p.clear - p.lag)
            late = arrival * cut + calm
            if arrival * p.patience > p.room and arrival > p.capacity:
                refused = _refused(p)
                slope = max(-p.drift * span, 1e-12)
                late = (max(p.capacity, p.room / p.patience) - p.capacity) * span
                late *= min(1.0, cut / slope)
        else:
            refused = calm + overshoot(
                p.room - p.backlog,
                arrival - p.capacity,
                p.ca2 * arrival + p.capacity * p.cs2,
                span,
            )
            if waiting > p.room:
                waiting = p.room
            rate = max(rate - refused / span, p.capacity) if arrival > p.capacity else rate
        if p.far_rate > 0.0:
            x = p.far_rate * (span - p.clear)
            keep = _memory(p, span)
            waiting = p.queue + keep * (waiting - p.queue)
            waiting_sq = p.queue_sq + keep * (waiting_sq - p.queue_sq)
            keep = (_FELT + 1.0 - keep) / x if x > _FELT else 1.0
            steady_late, steady_refused = _stationary_losses(p, span - p.clear)
            late = steady_late + keep * (late - steady_late)
            refused = steady_refused + keep * (refused - steady_refused)
    most = max(p.room, p.backlog)
    if waiting > most:
        waiting = most
        waiting_sq = waiting * waiting
    after += weight * waiting
    square += weight * waiting_sq
    timed_out += weight * (old_lost + late)
    rejected += weight * refused
    return after, square, timed_out, rejected, rate


@jit
def _refused(p: Any) -> float:
    """Rejections of an overloaded queue whose room is smaller than arrivals in one patience."""
    full = max(0.0, (p.room - p.backlog) / (p.arrival - p.capacity))
    return max(0.0, p.arrival - max(p.capacity, p.room / p.patience)) * max(0.0, p.span - full)


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
            head, head_sq, above = _backlog_wait(p, t)
            old = arrival * head
            if p.far_rate > 0.0 and t > p.clear:
                keep = _memory(p, t)
                head = p.wait + keep * (head - p.wait)
                head_sq = p.wait_sq + keep * (head_sq - p.wait_sq)
                old = p.queue + keep * (old - p.queue)
            mean += weight * head
            second += weight * head_sq
            if t < p.clear:
                waiting += weight * max(0.0, p.backlog + (arrival - capacity) * t)
            else:
                waiting += weight * old
            rate += weight * above * (capacity - rate)
        profile.queue = min(waiting, max(p.room, p.backlog))
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
    else:
        profile.delay = 0.0
        profile.variance = 0.0
