"""Serverless tiers: an instance starts when a request finds none free, and goes when idle.

Requests go to the instance that was used last and has a place free. With one request per instance
the instances are then a stack, and the number that is up is *exactly* the most requests that have
been inside at any time of the last keep-alive period; a cold start is a new record of that number.
With c places per instance the same holds for groups of c. All figures follow from the records of
an M/G/inf system with load ``a = rate * service time``:

* Level n + 1 is first reached after ``m(n) = sum_{k<=n} 1/B(k, a)`` arrivals on average, with
  Erlang's loss probability B: overflows of k servers are 1/B(k, a) arrivals apart, and the passage
  from k to k + 1 requests is such an interval (Riordan 1962, Stochastic Service Systems, ch. 4).
* Rare levels are hit after an exponential time (Keilson 1979, Markov Chain Models: Rarity and
  Exponentiality): after y arrivals ``E[instances] = sum_n (1 - exp(-y / m(n)))``. Where m grows
  by a constant factor ``exp(1/b)`` per instance, the sum is ``b Ein(z) + (1 - exp(-z)) / 2 + ...``
  by Euler and Maclaurin; far from its lower end it is the mean of a Gumbel distribution.
* An instance stays for the keep-alive time T after its last use. Hence the number that is up is
  that after ``rate * (T + S)`` arrivals; for the first instance this is the exact probability
  ``1 - exp(-rate (T + S))``. The number of instances is the state: it tells how many arrivals
  at the present rate it stands for, and the segment adds its own.
* After a fall of the load the surplus stays for T and goes at once. Remembered are the time since
  all instances were needed, the most that were needed since then, and the time since those were.

The routing is that of Mahmoudi and Khazaei 2020, Performance Modeling of Serverless Computing
Platforms (the warm instance used last first); which warm instance is taken hardly matters.
"""

from __future__ import annotations

import math
from typing import Any

from cwm_gym.core.jit import jit
from cwm_gym.core.queueing.special import inverse_erlang_b

_EULER = 0.5772156649015329
# Below this factor between levels the sum over them is two terms rather than an integral.
_SPARSE = 0.1
_LARGEST = 1e200
_NOTHING = 1e-12
_FOREVER = 1e9
_OVERLAP = 0.3


@jit
def reach(servers: float, load: float) -> tuple[float, float, float]:
    """Arrivals until an empty system first has more requests than servers.

    The sum of ``1/B(k, a)`` over k is taken as geometric with the ratio r of its last two terms,
    which the recursion of Erlang's formula gives: ``r = a / n (1 - B(n, a))``. Exact for n = 0, 1.

    Args:
        servers: Level n >= 0; any real number, between 0 and 1 interpolated.
        load: Offered load a, erlangs, above 0.

    Returns:
        Mean number of arrivals, the ratio r, and 1/B(n, a).
    """
    inverse = 1.0 + servers / load
    if servers < 1.0:
        return inverse, 0.0, inverse
    inverse = min(inverse_erlang_b(servers, load / servers), _LARGEST)
    ratio = min(load / servers * (1.0 - 1.0 / inverse), 1.0 - 1e-9)
    terms = (1.0 - ratio ** (servers + 1.0)) / (1.0 - ratio)
    return inverse * terms, ratio, inverse


@jit
def spacing(level: float, load: float, places: float) -> tuple[float, float]:
    """Arrivals until an instance more than ``level`` is needed, over those for one more again.

    Args:
        level: Instances.
        load: Offered load, erlangs, above 0.
        places: Requests that an instance serves at once.

    Returns:
        The mean number of arrivals, and the ratio, below 1.
    """
    mean = above = 0.0
    for k in range(2):
        mean = above
        above, _, _ = reach((level + k) * places, load)
    return mean, min(max(mean / above, 1e-100), 1.0 - 1e-9)


@jit
def levels_reached(v: float, width: float) -> tuple[float, float]:
    """Expected number of levels reached, of infinitely many in geometric progression.

    ``sum_{k>=0} (1 - exp(-z exp(-k/b)))`` by the formula of Euler and Maclaurin, with the
    exponential integral Ein of Abramowitz and Stegun 5.1.53 and 5.1.54.

    Args:
        v: Logarithm of z, the arrivals in units of what the first level takes.
        width: b, levels per factor of e; at least 0.4.

    Returns:
        The number, and its derivative with respect to v.
    """
    if v > 4.0:
        return width * (_EULER + v) + 0.5, width
    z = math.exp(v)
    rest = math.exp(-z)
    if z < 1.0:
        ein = 0.05519968 + z * (z * 0.00107857 - 0.00976004)
        ein = z * (0.99999193 + z * (z * ein - 0.24991055))
    else:
        ein = (z * z + 2.334733 * z + 0.250621) / (z * z + 3.330657 * z + 1.681534)
        ein = _EULER + v + ein * rest / z
    edge = z * rest
    correction = 1.0 / (12.0 * width)
    number = width * ein + 0.5 * (1.0 - rest) + correction * edge
    return number, width * (1.0 - rest) + edge * (0.5 + correction * (1.0 - z))


@jit
def instances_after(
    arrivals: float, load: float, places: float, floor: float
) -> tuple[float, float]:
    """Expected number of instances after a number of arrivals without any reclaim.

    Args:
        arrivals: Number y > 0, from an empty system.
        load: Offered load, erlangs, above 0.
        places: Requests that an instance serves at once.
        floor: Instances that are always up.

    Returns:
        E[instances], and its increase per arrival.
    """
    # Newton's iteration for m(n) = y, from the filling of the system and the normal approximation.
    target = math.log(min(arrivals, _LARGEST))
    spread = 2.0 * math.log(1.0 + arrivals / load)
    n = load * (1.0 - math.exp(-arrivals / load)) + math.sqrt(load * spread) + spread / 6.0
    # While the system fills, levels are reached at fixed times rather than at exponential ones.
    most = max((n + math.sqrt(load / max(spread, 1.0))) / places, floor) + 1.0
    for _ in range(3):
        n = max(n, 1.0)
        mean, ratio, _ = reach(n, load)
        n += (target - math.log(mean)) / max(-math.log(ratio), 1.0 / n)
    level = max(math.floor(max(n, 0.0) / places), floor)
    mean, step = spacing(level, load, places)
    t = arrivals / mean
    if step < _SPARSE:
        first = math.exp(-t)
        second = math.exp(-t * step)
        return level + 2.0 - first - second, (first + step * second) / mean
    width = -1.0 / math.log(step)
    number, slope = levels_reached(math.log(t) + (level - floor) / width, width)
    return min(floor + number, max(most, level)), slope / arrivals


@jit
def arrivals_for(instances: float, load: float, places: float, floor: float) -> tuple[float, float]:
    """Inverse of :func:`instances_after`.

    Args:
        instances: E[instances], at least ``floor``.
        load: Offered load, erlangs, above 0.
        places: Requests that an instance serves at once.
        floor: Instances that are always up.

    Returns:
        The arrivals that the number stands for, and its increase per arrival.
    """
    # Just above a whole number it may still be the instance before that is missing.
    level = max(math.floor(instances - _OVERLAP), floor)
    mean, step = spacing(level, load, places)
    if mean >= _LARGEST:
        return mean, 0.0
    part = instances - level
    if step < _SPARSE:
        # From below, as Newton's iteration converges on a concave function.
        most = -math.log(step)
        if part < 1.0:
            most = min(most, -math.log(1.0 - part))
        t = max(-math.log(2.0 - part) / step, 0.0)
        rest = 1.0 - part + step * most
        if rest > 0.0:
            t = max(t, -math.log(rest))
        for _ in range(3):
            first = math.exp(-t)
            second = math.exp(-t * step)
            t += (part - 2.0 + first + second) / (first + step * second)
        t = max(t, 0.0)
        return t * mean, (math.exp(-t) + step * math.exp(-t * step)) / mean
    width = -1.0 / math.log(step)
    number = max(instances - floor, 1e-12)
    v = math.log(number / (width + 0.5 + 1.0 / (12.0 * width)))
    v = max(v, (number - 0.5) / width - _EULER)
    slope = width
    for _ in range(4):
        found, slope = levels_reached(v, width)
        v += (number - found) / slope
    arrivals = math.exp(min(v - (level - floor) / width, 300.0)) * mean
    return arrivals, slope / max(arrivals, 1e-300)


@jit
def throttled(rate: float, mean_s: float, limit: float, inside: float, dt: float) -> float:
    """Share of the arrivals that find the limit reached.

    Erlang's loss formula, from the time on at which the system has filled from what is inside;
    where more is inside than a lowered limit allows, nobody enters until that has drained.

    Args:
        rate: Arrivals per second.
        mean_s: Time that a request stays.
        limit: Most requests inside.
        inside: Requests inside at the start.
        dt: Length of the segment, s.

    Returns:
        Between 0 and 1.
    """
    load = rate * mean_s
    if not load > 0.0:
        return 0.0
    if limit > load + 40.0 * math.sqrt(load) + 40.0 and inside <= limit:
        return 0.0
    _, _, inverse = reach(limit, load)
    drained = 0.0
    if inside > limit:
        drained = min(mean_s * math.log(inside / max(limit, 0.5)), dt)
    gap = max(min(load, limit) - inside, 0.0)
    filled = mean_s * math.log(1.0 + gap / (max(load - limit, 0.0) + math.sqrt(load)))
    closed = drained / dt
    return closed + max(1.0 - closed - filled / dt, 0.0) / inverse


@jit
def cold_wait(
    servers: float, rate: float, load: float, places: float, cold_s: float
) -> tuple[float, float, float]:
    """Requests that wait for one starting instance.

    Another arrival joins the instance when it finds the warm places taken: surely at once after
    the first, with Erlang's probability later. The excess decays within the length of one spell
    of overflow, in which ``r / (1 - r)`` requests come, r being the ratio of :func:`reach`.

    Args:
        servers: Places on warm instances.
        rate: Arrivals per second.
        load: Offered load, erlangs, above 0.
        places: Requests that an instance serves at once.
        cold_s: Time that an instance takes to start.

    Returns:
        Their number (the first included), and the sums of their waits and of the squares.
    """
    if places <= 1.0 or not cold_s > 0.0:
        return 1.0, cold_s, cold_s * cold_s
    _, ratio, inverse = reach(servers, load)
    spell = ratio / (1.0 - ratio) / rate
    ever = rate * cold_s / inverse
    soon = rate * spell * (1.0 - 1.0 / inverse) * (1.0 - math.exp(-cold_s / max(spell, 1e-12)))
    joining = max(ever + soon, 1e-300)
    after = (0.5 * cold_s * ever + min(spell, 0.5 * cold_s) * soon) / joining
    joined = min(joining, places - 1.0)
    after *= joined / joining
    wait = cold_s - after
    return (
        1.0 + joined,
        cold_s + joined * wait,
        cold_s * cold_s + joined * (wait * wait + after * after / 3.0),
    )


@jit
def serve_elastic(tier: Any, rate: float, dt: float) -> None:
    """Advance a tier whose instances come and go with the requests.

    When the warm places do not suffice, the arrivals that overflow go on starting instances until
    the first of these are ready and have taken over: a surge of ``rate B (cold_s + fill)``
    requests. Whichever gives more instances, the surge or the records of the steady load, counts.

    Args:
        tier: ``TIER`` record; reads ``service``, ``queue.in_service`` and ``warm``; writes
            ``warm``, ``idle_s``, ``needed`` and ``needed_s`` (all state), ``queue``, ``flow`` (but
            for what follows from the number in service), ``service.servers``, the first phase and
            the first profile, where busy is the share of the requests that wait for a cold start.
        rate: Arrivals per second.
        dt: Length of the segment, s.
    """
    service = tier.service
    flow = tier.flow
    queue = tier.queue
    mean_s = 1.0 / service.service_rate if service.service_rate > 0.0 else _FOREVER
    cold_s = max(service.cold_s, 0.0)
    keep_s = max(service.keep_alive_s, 0.0)
    places = max(service.concurrency, 1.0)
    floor = max(service.floor, 0.0)
    limit = max(service.limit, 0.0)
    warm = max(tier.warm, floor)
    inside = max(queue.in_service - max(service.aborted, 0.0), 0.0)
    offered = max(rate, 0.0) * dt
    lost = offered * throttled(offered / dt, mean_s, limit, inside, dt)
    arrivals = offered - lost
    load = arrivals / dt * mean_s
    now = warm
    # What the load does not need goes when it has not been needed for keep_s.
    held = min(max(keep_s - tier.idle_s, 0.0) / dt, 1.0)
    settled = floor
    all_needed = False
    starts = 0.0
    waiting = 0.0
    waits = 0.0
    squares = 0.0
    if load > _NOTHING:
        level = math.floor(warm)
        surged = 0.0
        surge = 0.0
        pace = arrivals / dt
        lasting = pace * (keep_s + mean_s)
        before, slope = arrivals_for(warm, load, places, floor)
        after = min(before + arrivals, lasting) if before < lasting else lasting
        settled, steady = instances_after(after, load, places, floor)
        if before < lasting:
            _, _, inverse = reach(warm * places, load)
            fill_s = mean_s * (mean_s + 0.5 * cold_s) / (mean_s + cold_s)
            late = max(dt - cold_s, 0.0) / fill_s
            begun = 1.0 - math.exp(-arrivals / inverse)
            surge = min(dt, cold_s) + fill_s * (1.0 - math.exp(-late))
            surge = begun * (pace * surge + 1.0) / inverse
            room = max(limit - warm * places, 0.0)
            if surge > room:
                counted = lost * min((cold_s + fill_s) / dt, 1.0)
                lost += min(max(surge - room - counted, 0.0), arrivals)
                arrivals = offered - lost
                surge = room
            surged = (surge + 0.5 * (places - 1.0) * begun / inverse) / places
            surged = min(max(surged, begun / inverse), surge)
            most = max(warm, limit / places + (1.0 if places > 1.0 else 0.0))
            now = min(max(settled, warm + surged), most)
            starts = now - warm
            all_needed = True
            if now < most:
                starts += steady * max(before + arrivals - lasting, 0.0)
        else:
            starts = (held * slope + (1.0 - held) * steady) * arrivals
        starts = min(starts, arrivals)
        more = min(surged, starts)
        for _ in range(2):
            number, wait, square = cold_wait(
                level * places, pace, load, min(places, max(limit, 1.0)), cold_s
            )
            if surge > 0.0 and more * number > surge:
                more = surge / number
            waiting += more * number
            waits += more * wait
            squares += more * square
            more = starts - min(surged, starts)
            surge = 0.0
            level = math.floor(0.5 * (warm + surged + now))

    tier.idle_s += dt
    tier.needed_s += dt
    if all_needed:
        tier.idle_s = 0.0
        tier.needed = 0.0
    else:
        if settled >= tier.needed:
            tier.needed = settled
            tier.needed_s = 0.0
        if held < 1.0:
            now = max(min(tier.needed, warm), settled)
            tier.idle_s = tier.needed_s
            tier.needed = settled
            tier.needed_s = 0.0
    tier.warm = now
    flow.offered = offered
    flow.served = arrivals
    flow.rejected = lost
    flow.timed_out = 0.0
    flow.cold_starts = starts
    queue.waiting = 0.0
    queue.waiting_sq = 0.0
    queue.wait_rate = rate
    service.servers = max(now * places, arrivals * mean_s / dt)
    p = tier.phase[0]
    p.steady = 1
    p.queues = 1.0
    p.servers = max(service.servers, 1.0)
    p.rate = service.service_rate
    p.cs2 = service.cs2
    profile = tier.profile[0]
    profile.busy = min(waiting / arrivals, 1.0) if arrivals > 0.0 else 0.0
    profile.delay = waits / waiting if waiting > 0.0 else 0.0
    profile.variance = 0.0
    if waiting > 0.0:
        profile.variance = max(squares / waiting - profile.delay * profile.delay, 0.0)
    profile.rate = arrivals / dt
    profile.queue = 0.0
