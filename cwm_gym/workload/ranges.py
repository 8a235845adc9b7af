"""What generated demand varies in, and how training and test keep apart.

Every generated curve draws its shape parameters anew. A parameter's range is cut into nine equal
strips: training draws from the 1st, 5th and 9th, the test from the 3rd and 7th, and the strips
between them belong to neither. So no value occurs in both, no test value lies within a ninth of
the range of a training one, both splits have the same mean (the middle of the range, which is
where the calibration stands), and the test asks for interpolation, not for extrapolation.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from cwm_gym.spec.errors import closest, invalid

STRIPS = 9
"""Equal parts into which every range is cut."""

OWNED = MappingProxyType({"train": (0, 4, 8), "test": (2, 6)})
"""Strips from which each split draws."""

_STREAMS = MappingProxyType({"train": 1, "test": 2})


@dataclass(frozen=True)
class Range:
    """Where a shape parameter may lie.

    Attributes:
        low: Lower end of the first strip.
        high: Upper end of the last strip.
        meaning: What it is, with its unit.
    """

    low: float
    high: float
    meaning: str

    def strips(self, split: str) -> tuple[tuple[float, float], ...]:
        """Intervals from which a split draws.

        Args:
            split: ``"train"`` or ``"test"``.

        Returns:
            (low, high) of each, in increasing order.
        """
        width = (self.high - self.low) / STRIPS
        return tuple((self.low + k * width, self.low + (k + 1) * width) for k in OWNED[split])


_NOISE = {
    "noise_sigma": Range(0.14, 0.24, "standard deviation of the log noise; World Cup 0.19"),
    "noise_lag1": Range(0.52, 0.72, "its autocorrelation after one minute; World Cup 0.62"),
}
_SITE = {
    "trough": Range(0.4, 0.6, "lowest hour relative to the mean; World Cup 0.5"),
    "peak": Range(1.85, 2.35, "highest hour relative to the mean; World Cup 2.1"),
    "trough_hour": Range(6.5, 8.5, "time of the trough, h; World Cup in the hour from 07"),
    "peak_hour": Range(17.5, 19.5, "time of the peak, h; World Cup in the hour from 18"),
    "weekend": Range(
        0.5, 0.76, "Saturday and Sunday relative to other days; World Cup before its matches 0.63"
    ),
    "day_sigma": Range(
        0.08, 0.18, "standard deviation of the log level of days; World Cup before its matches 0.13"
    ),
}

RANGES: Mapping[str, Mapping[str, Range]] = MappingProxyType(
    {
        "diurnal": MappingProxyType({**_SITE, **_NOISE}),
        "flash_crowd": MappingProxyType(
            {
                **_SITE,
                **_NOISE,
                "crowds_per_day": Range(0.2, 0.6, "mean number of crowds a day"),
                "crowd": Range(20.0, 32.0, "largest crowd relative to the mean without crowds"),
                "rise_min": Range(10.0, 80.0, "from onset to plateau, min"),
                "plateau_min": Range(60.0, 240.0, "length of the plateau, min"),
                "decay_min": Range(15.0, 60.0, "time constant of the decay, min"),
                "decay_power": Range(1.5, 2.5, "exponent of the decay"),
            }
        ),
        "heavy_tailed_burst": MappingProxyType(
            {
                "trough": Range(0.58, 0.78, "lowest hour relative to the mean; load balancer 0.68"),
                "peak": Range(1.38, 1.68, "highest hour relative to the mean; load balancer 1.53"),
                "trough_hour": Range(5.5, 7.5, "time of the trough, h; load balancer from 06"),
                "peak_hour": Range(16.5, 18.5, "time of the peak, h; load balancer from 17"),
                "weekend": Range(
                    0.72, 0.92, "Saturday and Sunday relative to other days; load balancer 0.82"
                ),
                "day_sigma": Range(
                    0.13, 0.23, "standard deviation of the log level of days; load balancer 0.18"
                ),
                "floor": Range(0.05, 0.11, "share of demand that does not come in bursts"),
                "gap_min": Range(2.3, 3.2, "median time between the starts of bursts, min"),
                "gap_sigma": Range(0.7, 0.9, "standard deviation of the log of that time"),
                "burst_min": Range(1.0, 2.0, "length of a burst, min"),
                "tail": Range(3.0, 3.8, "exponent of the Pareto law of burst sizes"),
            }
        ),
    }
)
"""Ranges of the shape parameters of every kind of generated demand."""

KINDS = tuple(RANGES)
"""Kinds of generated demand."""


def stream(kind: str, split: str, seed: int, purpose: int) -> np.random.Generator:
    """Random numbers of one generated curve.

    The split and the kind are part of the spawn key, so equal seeds in training and test, or for
    two kinds, are unrelated.

    Args:
        kind: One of :data:`KINDS`.
        split: ``"train"`` or ``"test"``.
        seed: Seed of the curve, 0 or more.
        purpose: 0 for the parameters, 1 for the curve, 2 for noise.

    Returns:
        A fresh generator.

    Raises:
        SpecError: For an unknown kind or split, or a seed that is no integer of 0 or more.
    """
    _known(kind, split)
    whole = isinstance(seed, int | np.integer) and not isinstance(seed, bool)
    if not whole or not 0 <= seed < 2**63:
        raise invalid(
            "/traffic/seed", f"The seed is {seed!r}.", "Give an integer from 0 to 2**63 - 1."
        )
    key = (_STREAMS[split], KINDS.index(kind), purpose)
    return np.random.default_rng(np.random.SeedSequence(int(seed), spawn_key=key))


def draw_shape(kind: str, *, split: str = "train", seed: int = 0) -> dict[str, float]:
    """Draw the shape parameters of one generated curve.

    Args:
        kind: One of :data:`KINDS`.
        split: ``"train"`` or ``"test"``.
        seed: Seed of the curve, 0 or more.

    Returns:
        Name -> value, in the order and with the units of :data:`RANGES`.

    Raises:
        SpecError: For an unknown kind or split, or a bad seed.
    """
    rng = stream(kind, split, seed, 0)
    shape = {}
    for name, one in RANGES[kind].items():
        strips = one.strips(split)
        shape[name] = float(rng.uniform(*strips[rng.integers(len(strips))]))
    return shape


def _known(kind: object, split: object) -> None:
    for value, names, pointer, label in (
        (kind, KINDS, "/traffic/generator", "generator"),
        (split, tuple(OWNED), "/split", "split of generated demand"),
    ):
        if not isinstance(value, str) or value not in names:
            raise invalid(
                pointer,
                f"Unknown {label} {value!r}.",
                f"Did you mean {closest(str(value), names)[0]!r}? Known: {', '.join(names)}.",
            )
