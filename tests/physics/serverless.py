"""Exact discrete-event simulation of a serverless tier.

Requests arrive as a Poisson process whose rate is constant within a tick. An instance serves up to
``concurrency`` requests at once, each as if it were alone. A request goes to

1. the warm instance with a free place that was used last (a request came to it or left it);
2. if there is none, a free place on an instance that is starting (no other starts until its
   places are taken); the request waits until it is ready, and stays with it even if a warm
   instance has a place sooner;
3. if there is none, a new instance, which is ready ``cold_start_s`` later.

When ``limit`` requests are inside, waiting ones included, an arrival is throttled: an error. An
instance on which no request has been for ``keep_alive_s`` is reclaimed. There is no instance at
the start. Every outcome is counted in the tick in which it happens.

Inputs (``T`` ticks):

=========================== ====== ================================================================
key                         unit
=========================== ====== ================================================================
``dt``                      s      length of a tick
``arrival_rate[T]``         1/s
``mean_service``            s
``service_dist, cs2``              ``exp`` (cs2 = 1), ``gamma`` or ``lognormal``; squared
                                   coefficient of variation of the service time
``concurrency``                    requests that an instance serves at once
``limit``                          most requests inside at once; ``None``: unlimited
``cold_start_s``            s      time that an instance takes to start, always the same
``keep_alive_s``            s      time that an idle instance is kept; ``None``: for ever
=========================== ====== ================================================================

Figures, float64 ``[T]``:

=========================== ====== ================================================================
``arrivals, throughput``    1/s    requests that arrive; that are completed
``latency_mean``            s      arrival to completion, of requests completed in the tick
``p50, p95, p99``           s      the same, pooled over the replications
``error_rate``              0..1   throttled / (throttled + completed) in the tick
``throttled_per_s``         1/s
``cold_start_share``        0..1   of the requests let in, those that started an instance
``cold_wait_share``         0..1   of the requests let in, those that waited for a starting one
``warm_instances``                 time average of the instances that are ready, busy or idle
``starting_instances``             time average of the instances that are starting
``busy``                           time average of the requests in service
``held``                           time average of the requests that wait for a starting instance
=========================== ====== ================================================================
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numba
import numpy as np

from tests.physics.estimate import estimate, latencies, ratio
from tests.physics.events import (
    BINS,
    EVENT,
    Floats,
    draw_service,
    latency_bin,
    law_of,
    schedule,
    take_first,
)

#: The place of an instance in the table; ``present`` is 0 where there is none.
INSTANCE = np.dtype(
    [
        ("present", np.int64),
        ("ready", np.float64),  # s
        ("used", np.float64),  # s, when a request last came to it or left it
        ("requests", np.int64),  # on it, in service or waiting for its start
    ]
)

#: Sums over replications of what happens in each tick.
EVENTS = np.dtype(
    [(n, np.float64) for n in ("arrived", "throttled", "started", "held", "completed", "latency")]
)
# Integrals over each tick.
WARM, STARTING, BUSY, HELD = range(4)


@numba.njit
def _spread(integrals: Floats, what: int, dt: float, begin: float, end: float) -> None:
    """Add an interval of time to the ticks over which it extends."""
    tick = int(begin / dt)
    while tick < len(integrals) and tick * dt < end:
        integrals[tick, what] += max(min(end, (tick + 1) * dt) - max(begin, tick * dt), 0.0)
        tick += 1


@numba.njit
def _find_place(instances: Any, concurrency: int, time: float) -> int:
    """Instance that takes a request; -1 where a new one has to start."""
    warm = starting = -1
    for i in range(len(instances)):
        if instances[i].present == 0 or instances[i].requests >= concurrency:
            continue
        if instances[i].ready <= time:
            if warm < 0 or instances[i].used > instances[warm].used:
                warm = i
        else:
            starting = i
    return warm if warm >= 0 else starting


@numba.njit
def _reclaim(instances: Any, integrals: Floats, dt: float, keep_alive: float, time: float) -> float:
    """Take away the instances whose time has come; when to look again."""
    look = np.inf
    for i in range(len(instances)):
        if instances[i].present == 1 and instances[i].requests == 0:
            expiry = instances[i].used + keep_alive
            if expiry <= time:
                instances[i].present = 0
                _spread(integrals, WARM, dt, instances[i].ready, expiry)
            else:
                look = min(look, expiry)
    return look


@numba.njit(nogil=True)
def _replicate(
    dt: float,
    rate: Floats,
    law: int,
    mean: float,
    cs2: float,
    concurrency: int,
    limit: int,
    cold_start: float,
    keep_alive: float,
    rng: Any,
    events: Any,
    integrals: Floats,
    histogram: Floats,
) -> None:
    """Run the tier once from empty, to the end of the last tick; add to the sums."""
    ticks = len(rate)
    instances = np.zeros(1, INSTANCE)
    calendar = np.empty(1, EVENT)  # the end of each request's service
    inside = 0
    look = np.inf  # when an idle instance may have to be reclaimed
    for tick in range(ticks):
        begin, end = tick * dt, (tick + 1) * dt
        # A Poisson process has no memory: the next arrival may be drawn afresh in every tick.
        arrival = np.inf
        if rate[tick] > 0.0:
            arrival = begin + rng.standard_exponential() / rate[tick]
        while True:
            completion = calendar[0].time if inside > 0 else np.inf
            time = min(arrival, completion, look)
            if time >= end:
                break
            if time == arrival:
                arrival = time + rng.standard_exponential() / rate[tick]
                events[tick].arrived += 1
                if inside >= limit:
                    events[tick].throttled += 1
                    continue
                chosen = _find_place(instances, concurrency, time)
                if chosen < 0:
                    chosen = 0
                    while chosen < len(instances) and instances[chosen].present == 1:
                        chosen += 1
                    if chosen == len(instances):
                        instances = np.concatenate((instances, np.zeros(chosen, INSTANCE)))
                    instances[chosen].present = 1
                    instances[chosen].ready = time + cold_start
                    instances[chosen].requests = 0
                    events[tick].started += 1
                    _spread(integrals, STARTING, dt, time, time + cold_start)
                instance = instances[chosen]
                instance.used = time
                instance.requests += 1
                served = max(time, instance.ready)
                if served > time:
                    events[tick].held += 1
                    _spread(integrals, HELD, dt, time, served)
                done = served + draw_service(rng, law, mean, cs2)
                _spread(integrals, BUSY, dt, served, done)
                if inside == len(calendar):
                    calendar = np.concatenate((calendar, np.empty(inside, EVENT)))
                schedule(calendar, inside, done, chosen)
                inside += 1
                at = int(done / dt)
                if at < ticks:
                    events[at].completed += 1
                    events[at].latency += done - time
                    histogram[at, latency_bin(done - time)] += 1
            elif time == completion:
                instance = instances[take_first(calendar, inside)]
                inside -= 1
                instance.used = time
                instance.requests -= 1
                if instance.requests == 0:
                    look = min(look, time + keep_alive)
            else:
                look = _reclaim(instances, integrals, dt, keep_alive, time)
    for i in range(len(instances)):
        if instances[i].present == 1:
            _spread(integrals, WARM, dt, instances[i].ready, ticks * dt)


def simulate_serverless(
    inputs: Mapping[str, Any], replications: int, seed: int
) -> tuple[dict[str, Floats], dict[str, Floats]]:
    """Simulate a serverless tier.

    Args:
        inputs: See the module.
        replications: Independent runs from empty; a multiple of ``estimate.GROUPS``.
        seed: Equal seeds give equal figures.

    Returns:
        The figures listed in the module, and the half-widths of their 95 % confidence intervals.

    Raises:
        ValueError: If the service law is unknown.
    """
    dt = float(inputs["dt"])
    rate = np.asarray(inputs["arrival_rate"], dtype=np.float64)
    law = law_of(inputs["service_dist"], inputs["cs2"])
    limit = np.iinfo(np.int64).max if inputs["limit"] is None else inputs["limit"]
    keep_alive = np.inf if inputs["keep_alive_s"] is None else float(inputs["keep_alive_s"])
    given = (
        *(dt, rate, law, float(inputs["mean_service"]), float(inputs["cs2"])),
        *(inputs["concurrency"], limit, float(inputs["cold_start_s"]), keep_alive),
    )

    def run(rng: np.random.Generator, runs: int) -> tuple[Floats, ...]:
        events = np.zeros(len(rate), EVENTS)
        integrals = np.zeros((len(rate), 4))
        histogram = np.zeros((len(rate), BINS))
        for _ in range(runs):
            _replicate(*given, rng, events, integrals, histogram)
        return events.view(np.float64), integrals, histogram

    def figures(sums: tuple[Floats, ...], runs: int) -> dict[str, Floats]:
        seconds = runs * dt
        events = sums[0].view(EVENTS)
        warm, starting, busy, held = sums[1].T / seconds
        admitted = events["arrived"] - events["throttled"]
        throttled, completed = events["throttled"], events["completed"]
        return {
            "arrivals": events["arrived"] / seconds,
            "throughput": completed / seconds,
            **latencies(sums[2], events["latency"], completed),
            "error_rate": ratio(throttled, throttled + completed),
            "throttled_per_s": throttled / seconds,
            "cold_start_share": ratio(events["started"], admitted),
            "cold_wait_share": ratio(events["held"], admitted),
            "warm_instances": warm,
            "starting_instances": starting,
            "busy": busy,
            "held": held,
        }

    return estimate(run, figures, replications, seed)
