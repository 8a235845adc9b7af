"""Parts that the event-driven simulators share: calendar, service laws, latency bins.

A calendar is an array of events that is kept as a binary heap, the earliest first; the caller
knows how many it holds.
"""

from __future__ import annotations

import math
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

#: An event: when it happens (s), and the number of whomever it concerns.
EVENT = np.dtype([("time", np.float64), ("who", np.int64)])

#: Service laws by name. A squared coefficient of variation (cs2) of zero means a constant.
CONSTANT, EXPONENTIAL, GAMMA, LOGNORMAL = range(4)
LAWS = {"exp": EXPONENTIAL, "gamma": GAMMA, "lognormal": LOGNORMAL}

#: Latencies are counted in bins of 0.1 %, from 10 us on to 10,000 s.
BIN_START = math.log(1e-5)
BIN_WIDTH = 0.001
BINS = 20_800


def law_of(name: str, cs2: float) -> int:
    """Number of a service law.

    Args:
        name: ``exp``, ``gamma`` or ``lognormal``.
        cs2: Squared coefficient of variation; an exponential law has 1.

    Returns:
        ``CONSTANT``, ``EXPONENTIAL``, ``GAMMA`` or ``LOGNORMAL``.

    Raises:
        ValueError: If there is no such law.
    """
    if name not in LAWS or cs2 < 0.0 or (name == "exp" and cs2 != 1.0):
        raise ValueError(f"no service law {name!r} with cs2 = {cs2}")
    return CONSTANT if cs2 == 0.0 else LAWS[name]


@numba.njit
def schedule(calendar: Any, size: int, time: float, who: int) -> None:
    """Add an event to a calendar (``EVENT[n]``) that holds ``size`` of them."""
    place = size
    while place > 0:
        parent = (place - 1) // 2
        if calendar[parent].time <= time:
            break
        calendar[place] = calendar[parent]
        place = parent
    calendar[place].time = time
    calendar[place].who = who


@numba.njit
def take_first(calendar: Any, size: int) -> int:
    """Remove the earliest event of a calendar that holds ``size`` of them; whom it concerned."""
    first: int = calendar[0].who
    last = size - 1
    time, who = calendar[last].time, calendar[last].who
    place = 0
    while True:
        child = 2 * place + 1
        if child >= last:
            break
        if child + 1 < last and calendar[child + 1].time < calendar[child].time:
            child += 1
        if calendar[child].time >= time:
            break
        calendar[place] = calendar[child]
        place = child
    calendar[place].time = time
    calendar[place].who = who
    return first


@numba.njit
def draw_service(rng: Any, law: int, mean: float, cs2: float) -> float:
    """Draw a service time in s, of given mean and squared coefficient of variation."""
    time: float = mean
    if law == EXPONENTIAL:
        time = mean * rng.standard_exponential()
    elif law == GAMMA:
        time = mean * cs2 * rng.standard_gamma(1.0 / cs2)
    elif law == LOGNORMAL:
        variance = math.log(1.0 + cs2)
        time = mean * math.exp(math.sqrt(variance) * rng.standard_normal() - 0.5 * variance)
    return time


@numba.njit
def latency_bin(latency: float) -> int:
    """Bin of a latency in s; what lies beyond the first or last bin is counted there."""
    number = int((math.log(max(latency, 1e-12)) - BIN_START) / BIN_WIDTH)
    return min(max(number, 0), BINS - 1)
