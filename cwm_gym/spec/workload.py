"""The demand that a simulation brings along: patterns, a forecast to replay, noise."""

from __future__ import annotations

from collections.abc import Iterable

from cwm_gym.spec.base import Document
from cwm_gym.spec.errors import Problem
from cwm_gym.spec.forecast import TrafficForecast
from cwm_gym.spec.problems import range_problems
from cwm_gym.spec.quantities import NonNegative, Positive
from cwm_gym.spec.traffic import TrafficPattern


class Noise(Document):
    """Multiplicative noise on demand: exp(x - sigma^2/2), x a Gaussian AR(1) process.

    Its mean is 1, so it does not change the mean of demand.
    """

    sigma: NonNegative = 0.0
    """Standard deviation of x, the logarithm of demand; 0 switches noise off."""
    correlation_seconds: NonNegative = 0.0
    """Time over which the autocorrelation of x falls to 1/e, s; 0 is white noise."""


class StartOffset(Document):
    """Where on the demand curve an episode starts, drawn uniformly between two bounds."""

    low: NonNegative = 0.0
    """Earliest start, steps."""
    high: NonNegative = 0.0
    """Latest start, steps."""

    @classmethod
    def _conflicts(cls, node: object) -> Iterable[Problem]:
        return range_problems(node, "low", "high")


class Workload(Document):
    """Demand of a simulation (extension); :mod:`cwm_gym.spec.traffic` says how it composes."""

    patterns: tuple[TrafficPattern, ...] = ()
    """Patterns, in the order in which they apply."""
    forecast: TrafficForecast | None = None
    """Replayed as a ``custom`` pattern that starts at 0 and stands before all patterns."""
    noise: Noise = Noise()
    """Noise on the curve."""
    start_offset: StartOffset = StartOffset()
    """Random start on the curve: what makes onsets differ from episode to episode."""
    day_length_seconds: Positive = 86400.0
    """Length of the cycle to which the observed phase of the day refers, s."""
    day_start_seconds: NonNegative = 0.0
    """Time of day at the start of the curve, s."""
