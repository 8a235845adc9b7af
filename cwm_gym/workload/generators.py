"""Demand that no file holds: generators calibrated to two public traces.

Three kinds, each a curve by the minute without noise, of mean 1 before it is scaled:

``diurnal``
    A site's day: factors from trough to peak, weekends, days of unequal level.
``flash_crowd``
    The same plus rare crowds: a steep rise, a plateau, a power-law decay.
``heavy_tailed_burst``
    A small service: log-normal gaps between bursts of Pareto size, on a mild day.

The curve is one thing and the noise upon it another. Noise belongs to the environment, which
draws it from a stream of its own, so that two policies compared under one seed meet the same
demand; :func:`generated_noise` gives the calibrated parameters, which the compiler sets. The bursts
of ``heavy_tailed_burst`` are the curve: they are the noise that was measured on the load balancer,
and nothing is added to them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from cwm_gym.spec.errors import invalid
from cwm_gym.workload.noise import Noise
from cwm_gym.workload.ranges import draw_shape, stream
from cwm_gym.workload.trace import Trace, positive

NATIVE_STEP_S = 60.0
"""Interval in seconds at which curves are made; that of the World Cup trace."""

DAYS = 14.0
"""Length of a generated curve by default, in days; that of the load balancer's trace."""

MOST_DAYS = 366.0
"""Longest curve that is generated, in days."""

_DAY_MIN = 1440

_SHARPNESS = 3
"""With it the factors 0.5 at the trough and 2.1 at the peak have the mean 1 they must have.

The mean of ((1 + cos x)/2)^3 over a cycle is 5/16, and 0.5 + (2.1 - 0.5) 5/16 = 1.
"""

_MEAN_OF_CYCLE = 5.0 / 16.0

_SMALLEST_CROWD = 1.0 / 3.0
"""Size of the smallest crowd relative to the largest possible one; log-uniform between."""


def generate(
    kind: str,
    *,
    split: str = "train",
    seed: int = 0,
    days: float = DAYS,
    step_s: float = NATIVE_STEP_S,
    mean_rps: float = 1.0,
) -> Trace:
    """Generate a demand curve without noise.

    The curve begins at midnight of a Monday. It is made by the minute and then resampled, so one
    seed is one curve at every step. Its shape parameters depend on kind, split and seed alone.

    Args:
        kind: One of :data:`cwm_gym.workload.KINDS`.
        split: ``"train"`` or ``"test"``: no parameter value and no random stream is shared.
        seed: Seed of the curve, 0 or more.
        days: Length in days, 1 to 366.
        step_s: Interval of the samples in seconds.
        mean_rps: Mean rate of the whole curve, requests per second.

    Returns:
        The curve, all of which belongs to the split.

    Raises:
        SpecError: For an unknown kind or split, or a number out of its range.
    """
    shape = draw_shape(kind, split=split, seed=seed)
    mean = positive(mean_rps, "/traffic/meanRps", "meanRps")
    length = positive(days, "/traffic/days", "days")
    if not 1.0 <= length <= MOST_DAYS:
        raise invalid(
            "/traffic/days", f"days is {days!r}.", f"Give a number from 1 to {MOST_DAYS:g}."
        )
    rng = stream(kind, split, seed, 1)
    count = round(length * _DAY_MIN)
    curve = _site(shape, count, rng)
    if kind == "flash_crowd":
        curve += _crowds(shape, count, rng)
    elif kind == "heavy_tailed_burst":
        curve *= shape["floor"] + (1.0 - shape["floor"]) * _bursts(shape, count, rng)
    curve *= mean / curve.mean()
    source = f"generated {kind}, {split}, seed {seed}"
    return Trace(curve, NATIVE_STEP_S, source=source).resample(step_s)


def generated_noise(kind: str, *, split: str = "train", seed: int = 0) -> Noise:
    """Noise that belongs on a generated curve.

    Args:
        kind: One of :data:`cwm_gym.workload.KINDS`.
        split: ``"train"`` or ``"test"``.
        seed: Seed of the curve.

    Returns:
        Its parameters at one-minute steps; sigma 0 for bursts, which are noise themselves.

    Raises:
        SpecError: For an unknown kind or split, or a bad seed.
    """
    shape = draw_shape(kind, split=split, seed=seed)
    source = f"generated {kind}, {split}, seed {seed}"
    if "noise_sigma" not in shape:
        return Noise(0.0, 0.0, NATIVE_STEP_S, source)
    correlation = -NATIVE_STEP_S / math.log(shape["noise_lag1"])
    return Noise(shape["noise_sigma"], correlation, NATIVE_STEP_S, source)


def _site(shape: Mapping[str, float], count: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """The daily profile times the level of the day, at the middle of every minute.

    The profile runs from trough to peak and back in two half cosines raised to a power: half a
    cycle from the trough's hour to the peak's, the other half from there to the next trough.
    The log level of a day holds at noon and is linear between two noons, so nothing jumps at
    midnight.
    """
    minute = np.arange(count) + 0.5
    hour = minute / 60.0 % 24.0
    rise = shape["peak_hour"] - shape["trough_hour"]
    since = (hour - shape["trough_hour"]) % 24.0
    cycle = np.where(since < rise, since / rise - 1.0, (since - rise) / (24.0 - rise)) * math.pi
    bell = (0.5 + 0.5 * np.cos(cycle)) ** _SHARPNESS
    profile = shape["trough"] + (shape["peak"] - shape["trough"]) * bell
    days = np.arange(-1, count // _DAY_MIN + 2)
    level = rng.normal(0.0, shape["day_sigma"], days.size)
    level[days % 7 >= 5] += math.log(shape["weekend"])
    smooth = np.exp(np.interp(minute / _DAY_MIN, days + 0.5, level))
    site: NDArray[np.float64] = profile * smooth
    site /= site.mean()
    return site


def _crowds(
    shape: Mapping[str, float], count: int, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Sum of all crowds: rise along a squared sine, plateau, decay (1 + t/decay)^-power.

    Their number is Poisson, but never 0: a flash crowd without a crowd would be a plain day.
    """
    minute = np.arange(count) + 0.5
    number = max(1, int(rng.poisson(shape["crowds_per_day"] * count / _DAY_MIN)))
    onset = rng.uniform(0.0, count, number)
    size = shape["crowd"] * _SMALLEST_CROWD ** rng.uniform(0.0, 1.0, number)
    total = np.zeros(count)
    for begin, height in zip(onset, size, strict=True):
        since = minute - begin
        rising = np.sin(0.5 * math.pi * np.clip(since / shape["rise_min"], 0.0, 1.0)) ** 2
        after = np.maximum(since - shape["rise_min"] - shape["plateau_min"], 0.0)
        falling = (1.0 + after / shape["decay_min"]) ** -shape["decay_power"]
        total += height * rising * falling
    return total


def _bursts(
    shape: Mapping[str, float], count: int, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Bursts alone, as exact means over minutes, with mean 1.

    A burst begins after a log-normal gap, lasts a fixed time at a constant rate, and has a size
    with P(size > x) = x^-tail for x >= 1.
    """
    mean_gap = shape["gap_min"] * math.exp(0.5 * shape["gap_sigma"] ** 2)
    starts = np.zeros(1)
    while starts[-1] < count:
        more = shape["gap_min"] * np.exp(
            shape["gap_sigma"] * rng.standard_normal(math.ceil(count / mean_gap) + 10)
        )
        starts = np.concatenate([starts, starts[-1] + np.cumsum(more)])
    starts = starts[1:][starts[1:] < count]
    sizes = (1.0 - rng.random(starts.size)) ** (-1.0 / shape["tail"])
    # Requests so far are linear between the moments at which some burst begins or ends.
    moments = np.concatenate([starts, starts + shape["burst_min"]])
    changes = np.concatenate([sizes, -sizes]) / shape["burst_min"]
    order = np.argsort(moments, kind="stable")
    moments, rate = moments[order], np.cumsum(changes[order])
    so_far = np.concatenate([[0.0], np.cumsum(rate[:-1] * np.diff(moments))])
    requests = np.diff(np.interp(np.arange(count + 1), moments, so_far))
    bursts: NDArray[np.float64] = np.maximum(requests, 0.0)  # sums of differences round
    bursts /= bursts.mean()
    return bursts
