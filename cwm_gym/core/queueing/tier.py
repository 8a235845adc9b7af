"""One queue over one phase: where it ends, and what became of the requests."""

from __future__ import annotations

from typing import Any

from cwm_gym.core.jit import jit
from cwm_gym.core.queueing.phase import old_lost
from cwm_gym.core.queueing.profile import FELT, backlog_wait, memory
from cwm_gym.core.queueing.transient import overshoot, reflected


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

    old = p.gone if p.clear <= span else old_lost(p, span)
    # Where more wait than the room holds, nobody is let in until that is gone.
    shut = arrival * min(span, p.full) if not patient else 0.0
    late = 0.0
    refused = 0.0
    if p.clear > span:
        waiting = max(0.0, p.backlog + (arrival - p.capacity) * span - old)
        noise = p.variance + (p.ca2 * arrival + p.capacity * p.cs2) * span
        if not patient:
            refused = _turned_away(p)
        elif arrival > p.capacity:
            refused = _refused(p)
        waiting = max(0.0, waiting - refused - shut)
        waiting_sq = waiting * waiting + noise
        head = min(p.patience, p.head_wait + (p.clear - p.head_wait) * span / p.clear)
        if waiting > 0.0 and head > 0.0:
            rate = waiting / head
    else:
        mean, second, above = backlog_wait(p, span)
        waiting = arrival * mean
        waiting_sq = arrival * arrival * second + p.ca2 * waiting
        calm = 0.0
        if p.load < 1.0:
            # Who arrives from now on can lose patience no sooner than one patience later.
            calm = (1.0 - above) * arrival * p.loss * (span - p.patience if patient else span)
            calm = max(0.0, calm)
        if patient:
            # Those that lose patience need no server: the line they leave is that much shorter.
            reached = min(p.clear, (p.backlog - p.gone) / p.capacity)
            cut = overshoot(p.barrier - reached, -p.drift, p.diffusion, span - p.clear - p.lag)
            late = max(arrival * cut, calm)
            if arrival * p.patience > p.room and arrival > p.capacity:
                refused = _refused(p)
                slope = max(-p.drift * span, 1e-12)
                late = (max(p.capacity, p.room / p.patience) - p.capacity) * span
                late *= min(1.0, cut / slope)
        else:
            refused = max(calm, _turned_away(p))
            if p.load > 1.0:
                # Without the limit all arrivals would wait; those turned away do not.
                start = p.clear + p.drift * p.age
                time = max(0.0, span - p.clear - p.lag) + p.age
                free, _, _ = reflected(start, p.drift, p.diffusion, time, p.busy, 1.0, 1.0)
                waiting = max(0.0, min(p.room, arrival * free - refused - shut))
                spread = p.capacity * p.capacity * (second - mean * mean)
                waiting_sq = waiting * waiting + spread
            elif waiting > p.room:
                waiting = p.room
            rate = max(rate - (refused + shut) / span, p.capacity) if arrival > p.capacity else rate
        if p.far_rate > 0.0:
            x = p.far_rate * (span - p.clear)
            keep = memory(p, span)
            waiting = p.queue + keep * (waiting - p.queue)
            waiting_sq = p.queue_sq + keep * (waiting_sq - p.queue_sq)
            keep = (FELT + 1.0 - keep) / x if x > FELT else 1.0
            steady_late, steady_refused = _stationary_losses(p, span - p.clear)
            steady_late *= max(0.0, span - p.patience) / span
            late = steady_late + keep * (late - steady_late)
            refused = steady_refused + keep * (refused - steady_refused)
    most = p.room if p.full < span else max(p.room, p.backlog)
    if waiting > most:
        waiting = most
        waiting_sq = waiting * waiting
    after += weight * waiting
    square += weight * waiting_sq
    timed_out += weight * (old + late)
    rejected += weight * min(refused + shut, arrival * span)
    return after, square, timed_out, rejected, rate


@jit
def _refused(p: Any) -> float:
    """Rejections of an overloaded queue whose room is smaller than arrivals in one patience."""
    full = max(0.0, (p.room - p.backlog) / (p.arrival - p.capacity))
    result: float = max(0.0, p.arrival - max(p.capacity, p.room / p.patience)) * max(
        0.0, p.span - full
    )
    return result


@jit
def _turned_away(p: Any) -> float:
    """Rejections where the room binds before patience: the regulator of the number waiting."""
    drift = p.arrival - p.capacity
    noise = p.ca2 * p.arrival + p.capacity * p.cs2
    free = max(0.0, p.room - p.backlog)
    result: float = overshoot(free, drift, noise, p.span - p.full)
    return result
