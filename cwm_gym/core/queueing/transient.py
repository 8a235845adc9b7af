"""Transient wait: a reflected Brownian motion of the wait at the head of the line.

While requests leave a queue at the rate C and arrived at the rate a, the wait of the request at
the head of the line changes by 1 - C/a per second. Its fluctuations make it a Brownian motion
with reflection at zero, whose first two moments from a fixed start are known in closed form
(Abate and Whitt 1987). Waits are seen where they end, so that a time-out appears one patience
after the arrivals that cause it (Liu and Whitt 2012).
"""

from __future__ import annotations

import math

from cwm_gym.core.jit import jit
from cwm_gym.core.queueing.special import mills, normal_cdf, normal_pdf

_SMALLEST_TREND = 0.02


@jit
def reflected(
    start: float,
    drift: float,
    diffusion: float,
    time: float,
    busy: float,
    shrink: float,
    shrink_sq: float,
) -> tuple[float, float, float]:
    """First two moments of a Brownian motion that is reflected at zero.

    Args:
        start: Value at time 0, >= 0.
        drift: Decrease per second, of any sign.
        diffusion: Variance per second, > 0.
        time: Seconds.
        busy: Share of the reflected mass that counts: probability of waiting of a multi-server
            queue, of which an empty one has less than 1.
        shrink: Stationary mean of the doubly limited wait over the one limited at zero only.
        shrink_sq: The same for the second moment.

    Returns:
        E[w], E[w^2], and the probability that the free motion is still above zero.
    """
    if time <= 0.0:
        return start, start * start, 1.0
    deviation = math.sqrt(diffusion * time)
    free = start - drift * time
    z = free / deviation
    if z > 8.0:
        return free, free * free + deviation * deviation, 1.0
    above = normal_cdf(z)
    density = normal_pdf(z)
    free_mean = deviation * (density + z * above)
    free_sq = deviation * deviation * ((1.0 + z * z) * above + z * density)

    # What reflection adds hardly depends on a small drift, which the closed form divides by.
    trend = drift * time / deviation
    cdf = above
    plain = free_mean
    plain_sq = free_sq
    if abs(trend) < _SMALLEST_TREND:
        trend = _SMALLEST_TREND if trend >= 0.0 else -_SMALLEST_TREND
        drift = trend * deviation / time
        z = (start - drift * time) / deviation
        cdf = normal_cdf(z)
        density = normal_pdf(z)
        plain = deviation * (density + z * cdf)
        plain_sq = deviation * deviation * ((1.0 + z * z) * cdf + z * density)
    unit = diffusion / drift
    x = start / unit
    square = trend * trend
    image = (drift * time + start) / deviation
    if image >= 0.0:
        mirrored = density * mills(image)
    else:
        mirrored = math.exp(min(2.0 * x, 700.0)) * normal_cdf(-image)
    mean = unit * (0.5 + trend * density - (square - x + 0.5) * cdf - 0.5 * mirrored)
    second = (
        unit
        * unit
        * (
            0.5
            + ((x - 1.0) * trend - square * trend) * density
            + ((square - x) * (square - x) + square - 0.5) * cdf
            + (square + x - 0.5) * mirrored
        )
    )
    extra = busy * max(mean - plain, 0.0)
    extra_sq = busy * max(second - plain_sq, 0.0)
    if shrink < 1.0 and drift > 0.0:
        limit = 0.5 * busy * unit
        extra *= 1.0 - (1.0 - shrink) * min(1.0, extra / limit)
        extra_sq *= 1.0 - (1.0 - shrink_sq) * min(1.0, extra_sq / (limit * unit))
    return free_mean + extra, free_sq + extra_sq, above


@jit
def overshoot(distance: float, rise: float, diffusion: float, time: float) -> float:
    """Mean of what a barrier above has cut off a Brownian motion: ``E[max(0, sup X - distance)]``.

    This is the regulator of the reflected motion (Harrison 1985): lost waiting time at a patience
    limit, lost requests at a full room.

    Args:
        distance: Distance of the barrier at time 0; negative counts as 0.
        rise: Mean movement towards the barrier per second, of any sign.
        diffusion: Variance per second.
        time: Seconds.

    Returns:
        Mean regulator at the given time.
    """
    if time <= 0.0:
        return 0.0
    y = max(distance, 0.0)
    deviation = math.sqrt(diffusion * time)
    if y - rise * time > 7.0 * deviation:
        return 0.0
    trend = rise * time / deviation
    if abs(trend) < _SMALLEST_TREND:
        trend = _SMALLEST_TREND if trend >= 0.0 else -_SMALLEST_TREND
        rise = trend * deviation / time
    a = y / deviation - trend
    b = -y / deviation - trend
    below = normal_cdf(-a)
    density = normal_pdf(a)
    if b < 0.0:
        image = density * mills(-b)
    else:
        image = math.exp(min(2.0 * rise * y / diffusion, 700.0)) * normal_cdf(b)
    result: float = max(
        0.0, deviation * (density - a * below) - diffusion / (2.0 * rise) * (image - below)
    )
    return result
