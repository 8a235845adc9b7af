"""Confidence intervals without a statistics library."""

from __future__ import annotations

import functools
import math

import numpy as np
from numpy.typing import NDArray


def t_coverage(t: float, degrees: int) -> float:
    """Probability that Student's t lies in [-t, t].

    The finite series for whole degrees of freedom (Abramowitz and Stegun 26.7.3 and 26.7.4),
    exact to rounding.

    Args:
        t: Half width, >= 0.
        degrees: Degrees of freedom, >= 1.

    Returns:
        Probability, 0..1.
    """
    theta = math.atan(t / math.sqrt(degrees))
    square = math.cos(theta) ** 2
    if degrees % 2 == 0:
        k = np.arange(2, degrees, 2, dtype=np.float64)
        terms = np.cumprod((k - 1.0) / k * square)
        return math.sin(theta) * (1.0 + float(terms.sum()))
    k = np.arange(3, degrees, 2, dtype=np.float64)
    terms = np.cumprod((k - 1.0) / k * square)
    series = 1.0 + float(terms.sum()) if degrees > 1 else 0.0
    return 2.0 / math.pi * (theta + math.sin(theta) * math.cos(theta) * series)


@functools.cache
def t_quantile(coverage: float, degrees: int) -> float:
    """Half width of the interval that Student's t lies in with a probability.

    Args:
        coverage: The probability, between 0 and 1, both excluded.
        degrees: Degrees of freedom, >= 1.

    Returns:
        The t with P(-t <= T <= t) = coverage, to twelve digits.
    """
    low, high = 0.0, 1.0
    while t_coverage(high, degrees) < coverage:
        high *= 2.0
    for _ in range(100):
        middle = 0.5 * (low + high)
        if t_coverage(middle, degrees) < coverage:
            low = middle
        else:
            high = middle
        if high - low < 1e-13 * high:
            break
    return 0.5 * (low + high)


def mean_interval(values: NDArray[np.float64], coverage: float = 0.95) -> tuple[float, float]:
    """Confidence interval of a mean by Student's t.

    Args:
        values: Independent values.
        coverage: Its confidence.

    Returns:
        Lower and upper end; infinite for a single value, which says nothing about the spread.
    """
    n = len(values)
    mean = float(np.mean(values))
    if n < 2:
        return (-math.inf, math.inf)
    half = t_quantile(coverage, n - 1) * float(np.std(values, ddof=1)) / math.sqrt(n)
    return (mean - half, mean + half)
