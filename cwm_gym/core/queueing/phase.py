"""A queue at the start of a phase: what the equations need, and how its state is read.

The state of a queue is the mean and the second moment of the number waiting. At the start of a
phase it is read as a mixture: with some probability a definite backlog, which then evolves as a
reflected Brownian motion, otherwise the stationary state of the phase's own load, which does not
change at all.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from cwm_gym.core.jit import jit
from cwm_gym.core.queueing.stationary import solve_stationary, wait_skew
from cwm_gym.core.queueing.transient import overshoot

#: Stands for an infinite room, patience or load.
FAR = 1e12


@jit
def prepare(
    p: Any,
    service: Any,
    queue: Any,
    arrival_rps: float,
    arrival_cv2: float,
    begin: float,
    span: float,
) -> None:
    """Derive everything that the equations of one phase need.

    Args:
        p: ``PHASE`` record to fill.
        service: ``SERVICE`` record of the tier.
        queue: ``QUEUE`` record of the tier at the start of the phase.
        arrival_rps: Arrivals per second, whole pool.
        arrival_cv2: Squared coefficient of variation of the time between arrivals at the tier.
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
    p.ca2 = arrival_cv2 / queues if service.balancing == 2 else arrival_cv2
    room = service.room / queues
    p.room = min(FAR, np.floor(room)) if queues > 1.0 else min(FAR, room)
    p.patience = max(1e-6, min(FAR, service.timeout_s))
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
        p.load = FAR
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
                backlog = (above + weight * rest) / weight
                if backlog < 0.0:
                    # Wider than any such mixture: keep the mean.
                    weight = 1.0 - waiting / rest
                    backlog = 0.0
            if weight < 1e-3 and weight * backlog < 1e-3 * rest + 1e-9:
                p.weight = 0.0
                p.steady = 1
                return
    elif waiting > 1e-9:
        normal = waiting * waiting > 9.0 * variance
        if not normal:
            weight = min(1.0, waiting * waiting / square)
            backlog = waiting / weight
    if backlog > p.room >= waiting and weight < 1.0:
        # No room holds that: keep the mean, and give up the second moment.
        rest = p.queue if p.settled else 0.0
        weight = min(1.0, (waiting - rest) / max(p.room - rest, 1e-12)) if waiting > rest else 1.0
        backlog = p.room if weight < 1.0 and waiting > rest else waiting
    p.weight = weight
    p.backlog = backlog
    p.variance = variance if normal else 0.0
    _set_backlog(p, wait_rate)
    p.full = min(p.clear, max(0.0, backlog - p.room) / p.capacity)
    if quick and p.settled and backlog < 2e-3 * p.span * p.capacity:
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
    p.old_rate = old
    p.head_wait = head
    clear = min(backlog / p.capacity, p.patience)
    p.clear = clear
    p.gone = old_lost(p, clear)
    p.spread = max(p.variance - p.ca2 * backlog, 0.0) / (old * old)
    # Of the backlog's spread, what patience leaves of the backlog.
    kept = (backlog - p.gone) / p.capacity
    spread = p.variance * kept * kept / max(backlog * backlog, 1e-12)
    if p.drift > 0.0:
        # A backlog that lasts longer is also met later on the way down.
        spread *= (1.0 + p.drift) * (1.0 + p.drift)
    noise = clear * p.cs2 / p.capacity + spread
    age = noise / p.diffusion
    if p.drift < 0.0:
        age = min(age, -0.8 * clear / p.drift)
        p.drained = clear + (p.patience - clear) / max(-p.drift, 1e-9)
    else:
        p.drained = clear * (1.0 + 1.0 / max(p.drift, 1e-9))
    p.age = age


@jit
def old_lost(p: Any, t: float) -> float:
    """Requests of the backlog that have reached their patience at a time.

    While they leave, the wait at the head of the line grows at the rate at which they arrived,
    as it did in the overload before: this is the regulator at the patience limit.

    Args:
        p: ``PHASE`` record with capacity, backlog, old_rate and head_wait set.
        t: Seconds since the start of the phase, at most ``clear``.
    """
    growth = 1.0 - p.capacity / p.old_rate
    if growth <= 0.0 or p.backlog <= 0.0:
        return 0.0
    noise = p.diffusion * p.arrival * max(p.load, 1.0) * p.capacity / (p.old_rate * p.old_rate)
    result: float = min(
        p.old_rate * overshoot(p.patience - p.head_wait, growth, noise, t), p.backlog
    )
    return result
