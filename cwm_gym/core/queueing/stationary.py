"""Stationary wait in a multi-server queue with impatient requests and a finite waiting room."""

from __future__ import annotations

import math
from typing import Any

from cwm_gym.core.jit import jit
from cwm_gym.core.queueing.special import (
    gamma_below,
    inverse_erlang_b,
    truncated_exponential,
)


@jit
def wait_scale(servers: float, load: float, ca2: float, cs2: float, lognormal: bool) -> float:
    """Mean conditional wait relative to M/M/c: ``E[W | W>0] = scale / (capacity (1 - load))``.

    Poisson arrivals: between a light-traffic value J and the heavy-traffic limit (1 + cs2)/2, as
    Tijms, van Hoorn and Federgruen (1981) do. Theirs is J = c int (1 - F_e)^c / E[S] with F_e the
    residual service time (Burman and Smith 1983) and a weight linear in the load. Here
    ``J = 1 + (cs2 - 1)/2 * c^-a`` and the weight ``load^(0.75 c^0.4)`` with the exponent a set
    by simulation of c = 2..32 and loads of 0.3 to 0.95, where the mean wait is then within 5 %
    (8 % for lognormal service with cs2 = 4).

    Other arrivals: the (ca2 + cs2)/(1 + cs2) of Allen and Cunneen with the corrections of Whitt
    (1993, section 2) for arrivals more regular than Poisson.

    Args:
        servers: Number of servers.
        load: Utilisation; beyond 1 it counts as 1.
        ca2: Squared coefficient of variation of the time between arrivals.
        cs2: The same of the service time.
        lognormal: Law of the service time: lognormal or gamma.

    Returns:
        The scale s.
    """
    scale = 1.0
    if cs2 != 1.0:
        heavy = 0.5 * (cs2 - 1.0)
        if servers > 1.0:
            if lognormal:
                power = 1.5 if cs2 > 1.0 else 0.08
            else:
                power = 0.19
            size = math.log(servers)
            light = math.exp(-power * size)
            weight = min(load, 1.0) ** (0.75 * math.exp(0.4 * size))
            heavy *= light + (1.0 - light) * weight
        scale += heavy
    if ca2 == 1.0:
        return scale
    result: float = scale * (ca2 + cs2) / (1.0 + cs2) * _regularity(servers, load, ca2, cs2)
    return result


@jit
def _regularity(servers: float, load: float, ca2: float, cs2: float) -> float:
    """Whitt's (1993) correction for arrivals more regular than Poisson, relative to Poisson."""
    if ca2 > 1.0:
        return 1.0
    r = min(max(load, 0.05), 1.0)
    gain = (1.0 - r) * (servers - 1.0) * (math.sqrt(4.0 + 5.0 * servers) - 2.0)
    gain = min(0.24, gain / (16.0 * r * servers))
    third = (1.0 - 4.0 * gain) * math.exp(-2.0 * (1.0 - r) / (3.0 * r))
    middle = 0.5 * (ca2 + cs2)
    other = 1.0
    if middle < 1.0:
        other = min(1.0, 0.5 * (1.0 + gain + third)) ** (2.0 * (1.0 - middle))
    weight = max(0.0, cs2 - ca2) / (2.0 * (ca2 + cs2))
    return weight * third + (1.0 - weight) * other


@jit
def wait_skew(load: float, cs2: float, lognormal: bool) -> float:
    """Squared coefficient of variation of the wait, given that there is one (Whitt 1993).

    Args:
        load: Utilisation.
        cs2: Squared coefficient of variation of the service time.
        lognormal: Law of the service time: lognormal or gamma.

    Returns:
        The value for an unlimited queue, 1 for exponential service; clamped to [0.3, 4].
    """
    if load >= 1.0:
        return 1.0
    third = (1.0 + cs2) * (1.0 + cs2) if lognormal else 1.0 + 2.0 * cs2
    return min(4.0, max(0.3, 2.0 * load - 1.0 + 4.0 * (1.0 - load) * third / (3.0 * (1.0 + cs2))))


@jit
def _regular_wait(load: float, ca2: float) -> float:
    """Conditional wait of GI/M/c with Erlang arrivals, ``(1 - load) / (1 - sigma)``.

    sigma is the root in (0, 1) of ``sigma = (n r / (n r + 1 - sigma))^n``, the transform of n
    stages between arrivals (Kleinrock 1975, section 6.4).

    Args:
        load: Utilisation, below 1.
        ca2: 1/n.

    Returns:
        The wait relative to that of Poisson arrivals.
    """
    stages = 1.0 / ca2
    rate = stages * load
    sigma = load * load
    for _ in range(8):
        sigma = (rate / (rate + 1.0 - sigma)) ** stages
    return (1.0 - load) / (1.0 - sigma)


@jit
def _truncated_ratio(skew: float, barrier: float, exponential: float) -> float:
    """Mean of a wait below a barrier, relative to an exponential one.

    Below its patience limit the wait in M/G/1 is the unlimited one, truncated (Cohen 1982). That
    one is taken as a gamma variable with the given squared coefficient of variation.

    Args:
        skew: Squared coefficient of variation of the unlimited conditional wait.
        barrier: Longest wait, in units of the mean of the unlimited one.
        exponential: Mean of an exponential wait below that barrier, in the same units.

    Returns:
        Factor for the mean.
    """
    below, part = gamma_below(skew, barrier)
    if below < 0.05:
        return 1.0
    ratio: float = part / (below * exponential)
    return min(1.5, max(0.5, ratio))


@jit
def solve_stationary(p: Any) -> None:
    """Fill the stationary figures of a phase.

    The wait of arriving requests has an atom A at 0 and the density ``A g exp(-eta x)`` on
    (0, B), where B is the longest wait that patience or room allow; requests that would wait
    longer are lost. For exponential service this is exact (M/M/c with deterministic patience,
    Baccelli and Hebuterne 1981), and g follows from Erlang's loss formula; other laws enter
    through the wait scale. It exists at any load.

    Args:
        p: ``PHASE`` record with arrival, servers, capacity, ca2, cs2, room, patience, barrier and
            load set.
    """
    load = p.load
    scale = wait_scale(p.servers, load, p.ca2, p.cs2, p.lognormal != 0)
    gain = p.capacity / ((inverse_erlang_b(p.servers, load) - 1.0) * scale)
    decay = p.capacity * (1.0 - load) / scale
    if p.ca2 < 1.0 and load < 1.0:
        # Regular arrivals wait more rarely, but then longer.
        longer = max(1.0, _regular_wait(load, p.ca2) * 2.0 / (1.0 + p.ca2))
        longer /= _regularity(p.servers, load, p.ca2, 1.0)
        busy = gain / (gain + decay) / longer
        decay /= longer
        gain = busy * decay / max(1.0 - busy, 1e-12)
    arrival = max(p.arrival, 1e-9)
    p.gain = gain
    p.drift = (1.0 - load) / max(load, 1e-9)
    p.diffusion = 2.0 * scale / (arrival * max(load, 1.0))

    unit, edge, zeroth, first, second = truncated_exponential(decay, p.barrier)
    # The scale in front keeps the balance served + lost = offered at any variability.
    edge *= gain * scale / p.capacity
    atom = 1.0 / (unit + gain * zeroth + edge)
    lost = atom * edge
    kept = max(1.0 - lost, 1e-12)
    if edge > 0.0 and load < 1.0 and abs(p.skew - 1.0) > 0.05:
        ratio = _truncated_ratio(p.skew, decay * p.barrier, first / zeroth * decay)
        first *= ratio
        second *= ratio * ratio
    mean = atom * gain * first
    square = atom * gain * second
    p.loss = lost
    p.busy = min(1.0, atom * gain * zeroth / kept)
    p.wait = mean / kept
    p.wait_sq = square / kept
    p.shrink = 1.0
    p.shrink_sq = 1.0
    p.settled = 1
    if load < 1.0:
        free = gain / (gain + decay) / decay
        if edge > 0.0 and free > 0.0:
            p.shrink = min(1.0, mean / free)
            p.shrink_sq = min(1.0, square * decay / (2.0 * free))
    elif p.barrier * p.capacity > 1e7:
        p.settled = 0
    # Little's law; requests that lose patience have waited for all of it, rejected ones not at all.
    rest = lost * p.barrier
    rest_sq = rest * p.barrier
    if p.patience <= p.barrier:
        p.queue = p.arrival * (mean + rest)
        p.queue_sq = p.arrival * p.arrival * (square + rest_sq) + p.ca2 * p.queue
        if p.queue > p.room:
            p.queue = p.room
            p.queue_sq = p.room * p.room * (1.0 + 1e-9)
    elif load < 1.0:
        p.queue = p.arrival * mean
        p.queue_sq = p.arrival * p.arrival * (square + rest_sq) + p.ca2 * p.queue
    else:
        # In a full room the next wait tells the number waiting: Q = capacity * wait.
        p.queue = p.capacity * (mean + rest)
        p.queue_sq = p.capacity * p.capacity * (square + rest_sq)
