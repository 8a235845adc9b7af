"""How much real demand jitters around its trend, as parameters of a first-order log process.

The model: log demand = log trend + x, with x Gaussian, standard deviation ``sigma`` and
autocorrelation ``exp(-dt / correlation_s)``, which is an AR(1) process at every fixed step.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from itertools import accumulate
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from cwm_gym.spec.errors import invalid
from cwm_gym.workload.trace import POINTER, Trace

TREND_S = 3600.0
"""Width in seconds of the moving average that counts as trend."""

_MIN_WINDOW = 10  # samples in a trend window below which it would follow the noise itself


@dataclass(frozen=True)
class Noise:
    """Multiplicative demand noise.

    Attributes:
        sigma: Standard deviation of log demand around its trend.
        correlation_s: Time in seconds after which the autocorrelation falls to 1/e; 0 is white.
        step_s: Interval in seconds at which it was measured; longer intervals show less noise.
        source: Where the figures come from.
    """

    sigma: float
    correlation_s: float
    step_s: float
    source: str


NOISE_PRESETS = MappingProxyType(
    {
        "worldcup98": Noise(
            sigma=0.19,
            correlation_s=-60.0 / math.log(0.62),
            step_s=60.0,
            source="1998 World Cup web site, requests per minute "
            "(github.com/nimamahmoudi/worldcup98-dataset @ 8246021): sigma 0.19, "
            "lag-1-minute autocorrelation 0.62",
        ),
        "aws_elb": Noise(
            sigma=0.98,
            correlation_s=0.0,
            step_s=300.0,
            source="one AWS load balancer, requests per 5 min "
            "(github.com/numenta/NAB @ ea702d7, elb_request_count): sigma 0.98, no lag-1 "
            "autocorrelation",
        ),
    }
)
"""Noise of two public traces: a large site, and a small one with about one request in 5 s."""


def estimate_noise(trace: Trace) -> Noise:
    """Measure the noise of a trace around its hourly trend.

    The trend is the centred moving average of log demand over one hour, which follows both the day
    and one-off events (a mean day alone leaves match days of the World Cup as "noise" of sigma
    1.3). The average contains the sample itself, so sigma comes out low by a few percent. Samples
    without demand have no logarithm and are left out, as are those interpolated over gaps.

    Args:
        trace: The trace, at 360 s per sample or less.

    Returns:
        The noise; a negative autocorrelation counts as white.

    Raises:
        SpecError: If the samples are too long or too few.
    """
    window = round(TREND_S / trace.step_s)
    if window < _MIN_WINDOW:
        raise invalid(
            POINTER,
            f"Samples of {trace.step_s:g} s are too long to tell noise from trend.",
            f"Use samples of at most {TREND_S / _MIN_WINDOW:g} s.",
        )
    window |= 1
    known = _recorded(trace) & (trace.rps > 0.0)
    log = np.zeros(len(trace))
    log[known] = np.log(trace.rps[known])
    if len(trace) >= 2 * window:
        kernel = np.ones(window)
        inside = slice(window // 2, len(trace) - window // 2)
        weight = np.convolve(known, kernel, "valid")
        trend = np.convolve(log, kernel, "valid") / np.maximum(weight, 1.0)
        residual, known = log[inside] - trend, known[inside]
        pairs = known[1:] & known[:-1]
    if len(trace) < 2 * window or np.count_nonzero(pairs) < window:
        raise invalid(
            POINTER,
            "The trace has too little demand to measure its noise.",
            f"Use at least {2 * window} samples (two hours), mostly above zero.",
        )
    sigma = float(np.std(residual[known]))
    if sigma < 1e-9:  # a trace without noise leaves only rounding, whose correlation says nothing
        return Noise(0.0, 0.0, trace.step_s, trace.source)
    lag = float(np.corrcoef(residual[1:][pairs], residual[:-1][pairs])[0, 1])
    correlation = -trace.step_s / math.log(lag) if 0.0 < lag < 1.0 else 0.0
    return Noise(sigma, correlation, trace.step_s, trace.source)


def with_noise(trace: Trace, noise: Noise, rng: np.random.Generator) -> Trace:
    """Multiply a trace by noise, as an environment does with a curve.

    log noise x' = r x + sigma sqrt(1 - r^2) z with r = exp(-step/correlation time), from its
    stationary law on; the factor exp(x - sigma^2/2) has the mean 1.

    Args:
        trace: The curve.
        noise: Parameters of the noise.
        rng: Where the noise is drawn from.

    Returns:
        One realisation.
    """
    kept = math.exp(-trace.step_s / noise.correlation_s) if noise.correlation_s > 0.0 else 0.0
    fresh = rng.normal(0.0, noise.sigma, len(trace))
    fresh[1:] *= math.sqrt(1.0 - kept * kept)
    x = np.array(list(accumulate(fresh.tolist(), lambda old, new: kept * old + new)))
    return replace(trace, rps=trace.rps * np.exp(x - 0.5 * noise.sigma**2))


def hour_profile(trace: Trace) -> NDArray[np.float64]:
    """Mean demand of each hour of the day (UTC) relative to the overall mean.

    Args:
        trace: At least one day long, with samples of at most one hour.

    Returns:
        24 factors; each sample counts for the hour in which it begins.

    Raises:
        SpecError: If the trace is too short, its samples too long, or it holds no demand.
    """
    if trace.duration_s < 86400.0 or trace.step_s > 3600.0:
        raise invalid(
            POINTER,
            f"A daily profile needs a day of samples of at most 1 h; this trace has "
            f"{trace.duration_s / 3600:.3g} h of {trace.step_s:g} s.",
        )
    mean = float(trace.rps.mean())
    if mean == 0.0:
        raise invalid(POINTER, "A trace without any demand has no daily profile.")
    second = trace.second_of_day + np.arange(len(trace)) * trace.step_s
    hour = (second // 3600.0).astype(np.int64) % 24
    sums = np.bincount(hour, weights=trace.rps, minlength=24)
    profile: NDArray[np.float64] = sums / np.bincount(hour, minlength=24) / mean
    return profile


def _recorded(trace: Trace) -> NDArray[np.bool_]:
    recorded = np.ones(len(trace), dtype=np.bool_)
    for begin, end in trace.filled:
        recorded[math.floor(begin / trace.step_s) : math.ceil(end / trace.step_s)] = False
    return recorded
