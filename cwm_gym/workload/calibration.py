"""How near generated demand comes to the traces it was calibrated to.

``python -m cwm_gym.workload.calibration`` prints the table of ``docs/workload.md``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

import numpy as np

from cwm_gym.workload.generators import generate, generated_noise
from cwm_gym.workload.noise import estimate_noise, hour_profile, with_noise
from cwm_gym.workload.ranges import KINDS, stream
from cwm_gym.workload.trace import Trace

STEP_S = {"diurnal": 60.0, "flash_crowd": 60.0, "heavy_tailed_burst": 300.0}
"""Interval in seconds at which a kind is measured: that of the trace it follows."""

SEEDS = 100
"""Curves of each split that the printed table averages over."""


@dataclass(frozen=True)
class Figures:
    """What is measured on one trace.

    Attributes:
        trough: Mean of the hour from 07 relative to the overall mean.
        peak: Mean of the hour from 18 relative to the overall mean.
        sigma: Standard deviation of log demand around its hourly trend.
        lag1: Autocorrelation of that after one sample; 0 where there is none.
        p99_to_mean: 99th percentile over mean.
        max_to_mean: Maximum over mean.
    """

    trough: float
    peak: float
    sigma: float
    lag1: float
    p99_to_mean: float
    max_to_mean: float


def measure(trace: Trace) -> Figures:
    """Measure one trace.

    Args:
        trace: At least a day, at samples of at most six minutes, in local time.

    Returns:
        Its figures.

    Raises:
        SpecError: If the trace is too short, too coarse or without demand.
    """
    noise, hours = estimate_noise(trace), hour_profile(trace)
    mean = float(trace.rps.mean())
    return Figures(
        trough=float(hours[7]),
        peak=float(hours[18]),
        sigma=noise.sigma,
        lag1=math.exp(-trace.step_s / noise.correlation_s) if noise.correlation_s else 0.0,
        p99_to_mean=float(np.quantile(trace.rps, 0.99)) / mean,
        max_to_mean=float(trace.rps.max()) / mean,
    )


def realisation(kind: str, *, split: str, seed: int, step_s: float) -> Trace:
    """Generate a curve of the default length together with its noise.

    Args:
        kind: One of :data:`cwm_gym.workload.KINDS`.
        split: ``"train"`` or ``"test"``.
        seed: Seed of curve and noise.
        step_s: Interval in seconds to which minutes are averaged.

    Returns:
        Demand as an environment would offer it, of mean near 1.

    Raises:
        SpecError: For an unknown kind or split, or a bad seed.
    """
    curve = generate(kind, split=split, seed=seed)
    noise = generated_noise(kind, split=split, seed=seed)
    return with_noise(curve, noise, stream(kind, split, seed, 2)).resample(step_s)


def measure_kind(kind: str, *, split: str, seeds: int) -> tuple[Figures, Figures]:
    """Measure a kind over several seeds.

    Args:
        kind: One of :data:`cwm_gym.workload.KINDS`.
        split: ``"train"`` or ``"test"``.
        seeds: How many; they are 0, 1, 2, ...

    Returns:
        Means of the figures, and their standard deviations between seeds.

    Raises:
        SpecError: For an unknown kind or split.
    """
    names = [one.name for one in fields(Figures)]
    found = [
        measure(realisation(kind, split=split, seed=seed, step_s=STEP_S[kind]))
        for seed in range(seeds)
    ]
    values = np.array([[getattr(one, name) for name in names] for one in found])
    mean, spread = values.mean(axis=0), values.std(axis=0)
    return Figures(*map(float, mean)), Figures(*map(float, spread))


def main() -> None:
    """Print the figures of all kinds and splits as a Markdown table."""
    names = [one.name for one in fields(Figures)]
    print(f"| kind | split | {' | '.join(names)} |")
    print("|---" * (len(names) + 2) + "|")
    for kind in KINDS:
        for split in ("train", "test"):
            mean, spread = measure_kind(kind, split=split, seeds=SEEDS)
            cells = (f"{getattr(mean, name):.2f} ± {getattr(spread, name):.2f}" for name in names)
            print(f"| `{kind}` | {split} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
