"""End-to-end latency as a mixture of two-moment components, and its quantiles.

A component is a sum of independent service and waiting times of which mean and variance are
known. It is taken as a gamma variable in the cube-root-normal form of Wilson and Hilferty (1931),
``(x/m)^(1/3) ~ N(1 - 1/(9k), 1/(9k))`` with ``k = m^2/v``, or as a lognormal one.
"""

from __future__ import annotations

import math
from typing import Any

from cwm_gym.core.jit import jit
from cwm_gym.core.queueing.records import MIXTURE_CAPACITY
from cwm_gym.core.queueing.special import inverse_cube_root

_COARSEN_AT = MIXTURE_CAPACITY * 3 // 4
_INV_SQRT_2PI = 1.0 / math.sqrt(2.0 * math.pi)


@jit
def clear_mixture(mixture: Any) -> None:
    """Forget all components."""
    mixture.count = 0
    mixture.ready = 0
    mixture.lognormals = 0
    mixture.total = 0.0
    mixture.first = 0.0
    mixture.second = 0.0


@jit
def add_component(
    mixture: Any, weight: float, mean: float, variance: float, lognormal: bool
) -> None:
    """Add requests whose latency has a given mean and variance.

    A mixture that is three quarters full is coarsened first: neighbours in latency are merged
    with their total weight, mean and variance kept, so weight is never lost.

    Args:
        mixture: ``MIXTURE`` record.
        weight: Number of requests; nothing happens unless it is positive.
        mean: Mean latency, s, > 0.
        variance: Variance, s^2, >= 0.
        lognormal: Law of the component: lognormal or gamma.
    """
    if not weight > 0.0:
        return
    if mixture.count >= _COARSEN_AT:
        coarsen(mixture)
    variance = max(variance, 1e-8 * mean * mean)
    k = mixture.count
    mixture.weight[k] = weight
    mixture.mean[k] = mean
    mixture.variance[k] = variance
    mixture.lognormal[k] = 1.0 if lognormal else 0.0
    mixture.count = k + 1
    mixture.total += weight
    mixture.first += weight * mean
    mixture.second += weight * (variance + mean * mean)


@jit
def coarsen(mixture: Any) -> None:
    """Halve a mixture by merging components of the same law that are next in mean latency."""
    n = mixture.count
    gap = n // 2
    # Shell sort in place by law, then mean.
    while gap > 0:
        for i in range(gap, n):
            w = mixture.weight[i]
            m = mixture.mean[i]
            v = mixture.variance[i]
            law = mixture.lognormal[i]
            j = i
            while j >= gap and (
                mixture.lognormal[j - gap] > law
                or (mixture.lognormal[j - gap] == law and mixture.mean[j - gap] > m)
            ):
                _move(mixture, j - gap, j)
                j -= gap
            mixture.weight[j] = w
            mixture.mean[j] = m
            mixture.variance[j] = v
            mixture.lognormal[j] = law
        gap //= 2
    k = 0
    i = 0
    while i < n:
        _move(mixture, i, k)
        if i + 1 < n and mixture.lognormal[i + 1] == mixture.lognormal[i]:
            a = mixture.weight[k]
            b = mixture.weight[i + 1]
            apart = mixture.mean[i + 1] - mixture.mean[k]
            part = b / (a + b)
            mixture.variance[k] += part * (mixture.variance[i + 1] - mixture.variance[k])
            mixture.variance[k] += part * (1.0 - part) * apart * apart
            mixture.mean[k] += part * apart
            mixture.weight[k] = a + b
            i += 1
        k += 1
        i += 1
    mixture.count = k
    mixture.ready = 0
    mixture.lognormals = 0


@jit
def _move(mixture: Any, source: int, target: int) -> None:
    mixture.weight[target] = mixture.weight[source]
    mixture.mean[target] = mixture.mean[source]
    mixture.variance[target] = mixture.variance[source]
    mixture.lognormal[target] = mixture.lognormal[source]


@jit
def mean_latency(mixture: Any) -> float:
    """Mean latency of all requests in the mixture, s; 0 when there is none."""
    return mixture.first / mixture.total if mixture.total > 0.0 else 0.0


@jit
def _make_ready(mixture: Any) -> None:
    """Bring components into the form z = slope * x^(1/3) - offset, or slope * ln x - offset."""
    for k in range(mixture.ready, mixture.count):
        mean = mixture.mean[k]
        variance = mixture.variance[k]
        if mixture.lognormal[k] > 0.0:
            log_variance = math.log(1.0 + variance / (mean * mean))
            slope = 1.0 / math.sqrt(log_variance)
            mixture.offset[k] = (math.log(mean) - 0.5 * log_variance) * slope
            mixture.slope[k] = slope
            mixture.lognormals += 1
        else:
            root = max(1.0, 3.0 * mean / math.sqrt(variance))
            mixture.slope[k] = root * inverse_cube_root(mean)
            mixture.offset[k] = root - 1.0 / root
    mixture.ready = mixture.count


@jit
def normal_quantile(q: float) -> float:
    """Standard normal quantile: exact for the usual ones, else to 4.5e-4 (A&S 26.2.23)."""
    if q == 0.95:
        return 1.6448536269514722
    if q == 0.99:
        return 2.3263478740408408
    if q == 0.5:
        return 0.0
    tail = min(q, 1.0 - q)
    t = math.sqrt(-2.0 * math.log(max(tail, 1e-300)))
    z = t - (2.515517 + t * (0.802853 + t * 0.010328)) / (
        1.0 + t * (1.432788 + t * (0.189269 + t * 0.001308))
    )
    return z if q >= 0.5 else -z


@jit
def quantile(mixture: Any, q: float) -> float:
    """Latency that a share q of the requests stays below.

    Solves log survival = log(1 - q) in y = x^(1/3) by Newton's method inside a bracket.

    Args:
        mixture: ``MIXTURE`` record.
        q: Between 0 and 1, both excluded.

    Returns:
        Seconds; 0 when no request completed.
    """
    if not mixture.total > 0.0:
        return 0.0
    if mixture.ready < mixture.count:
        _make_ready(mixture)
    n = mixture.count
    z = normal_quantile(q)
    if n == 1:
        root = (z + mixture.offset[0]) / mixture.slope[0]
        if mixture.lognormal[0] > 0.0:
            return math.exp(root)
        root = max(root, 1e-3)
        result: float = root * root * root
        return result
    target = (1.0 - q) * mixture.total
    mean = mixture.first / mixture.total
    square = mean * mean
    root = 3.0 * mean / math.sqrt(max(mixture.second / mixture.total - square, 1e-9 * square))
    guess = max(0.1, 1.0 + (z - 1.0 / root) / root)
    y = guess / inverse_cube_root(mean)
    low = 0.0
    high = 1e100
    logs = mixture.lognormals > 0
    for _ in range(60):
        survival = 0.0
        density = 0.0
        log_x = 3.0 * math.log(y) if logs else 0.0
        for k in range(n):
            slope = mixture.slope[k]
            if mixture.lognormal[k] > 0.0:
                z = slope * log_x - mixture.offset[k]
                slope *= 3.0 / y
            else:
                z = slope * y - mixture.offset[k]
            # Abramowitz and Stegun 26.2.17; the tail and the density share one exponential.
            f = _INV_SQRT_2PI * math.exp(-0.5 * z * z) * mixture.weight[k]
            t = 1.0 / (1.0 + 0.2316419 * abs(z))
            tail = (
                f
                * t
                * (
                    0.319381530
                    + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429)))
                )
            )
            survival += tail if z >= 0.0 else mixture.weight[k] - tail
            density += f * slope
        if survival > target:
            low = y
        else:
            high = y
        following = -1.0
        if survival > 1e-12 * mixture.total and density * y > 1e-9 * mixture.total:
            error = math.log(survival / target)
            following = y + error * survival / density
            if abs(error) < 0.03 and low < following < high and abs(following - y) < 0.01 * y:
                y = following
                break
        if not (low < following < high and 0.3 * y < following < 3.0 * y):
            following = 0.5 * (max(low, 0.3 * y) + min(high, 3.0 * y))
        y = following
        if high - low < 1e-4 * y:
            break
    latency: float = y * y * y
    return latency
