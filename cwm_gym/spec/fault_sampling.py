"""Random faults: how often each kind happens, for how long, how badly.

Faults of a kind begin at the epochs of a Poisson process of the simulation as a whole (not of
each instance), last an exponential time and have a severity drawn uniformly.

The default figures are assumptions. No measurement stands behind them: they are chosen so that
an episode of a few hours meets one or two faults, mostly mild ones, and rarely a large outage.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, ClassVar

from pydantic import AliasChoices, AliasGenerator, ConfigDict, Field
from pydantic.alias_generators import to_camel

from cwm_gym.spec.base import Document
from cwm_gym.spec.errors import Problem
from cwm_gym.spec.fault import FAULT_ALIASES, FAULT_KINDS, FaultKind
from cwm_gym.spec.problems import range_problems
from cwm_gym.spec.quantities import Fraction, NonNegative, Positive


def _spellings(name: str) -> AliasChoices:
    aliases = (alias for alias, kind in FAULT_ALIASES.items() if kind == name)
    return AliasChoices(name, to_camel(name), *aliases)


class _PerKind(Document):
    """One figure for each kind; the keys are written as the kinds are."""

    model_config: ClassVar[ConfigDict] = ConfigDict(
        alias_generator=AliasGenerator(
            validation_alias=_spellings, serialization_alias=lambda name: name
        )
    )


class FaultRates(_PerKind):
    """How often each kind happens, per hour of simulated time; a kind left out never does."""

    instance_kill: NonNegative = 0.0
    """Loss of one instance, 1/h."""
    az_outage: NonNegative = 0.0
    """Loss of a zone, 1/h."""
    network_latency: NonNegative = 0.0
    """Slow network, 1/h."""
    network_partition: NonNegative = 0.0
    """Broken network, 1/h."""
    database_slowdown: NonNegative = 0.0
    """Slow queries, 1/h."""
    database_overload: NonNegative = 0.0
    """Database flooded from elsewhere, 1/h."""
    database_crash: NonNegative = 0.0
    """Loss of the database's primary, 1/h."""
    cpu_spike: NonNegative = 0.0
    """CPU taken by something else, 1/h."""
    memory_pressure: NonNegative = 0.0
    """Memory taken by something else, 1/h."""
    memory_leak: NonNegative = 0.0
    """Memory that fills with time, 1/h."""
    bad_deployment: NonNegative = 0.0
    """Release that does not work, 1/h."""
    dependency_timeout: NonNegative = 0.0
    """Third party that does not answer, 1/h."""
    spot_interruption: NonNegative = 0.0
    """Spot instances taken back, 1/h, beyond the spot market's own hazard."""
    traffic_spike: NonNegative = 0.0
    """Surge of demand, 1/h."""


class FaultDurations(_PerKind):
    """How long each kind lasts in the mean, s; a kind left out keeps its default."""

    instance_kill: Positive | None = None
    """None = it happens once, and the pool may replace the instance at once."""
    az_outage: Positive = 1200.0
    """s."""
    network_latency: Positive = 300.0
    """s."""
    network_partition: Positive = 300.0
    """s."""
    database_slowdown: Positive = 600.0
    """s."""
    database_overload: Positive = 600.0
    """s."""
    database_crash: Positive = 300.0
    """Time until the crashed primary could start again, s; a standby takes over sooner."""
    cpu_spike: Positive = 300.0
    """s."""
    memory_pressure: Positive = 600.0
    """s."""
    memory_leak: Positive = 1200.0
    """s."""
    bad_deployment: Positive = 600.0
    """s."""
    dependency_timeout: Positive = 300.0
    """s."""
    spot_interruption: Positive | None = None
    """None = it happens once, and the market's own return time applies."""
    traffic_spike: Positive = 600.0
    """s."""


class SeverityRange(Document):
    """Severity of random faults, drawn uniformly between two bounds."""

    low: Fraction = 0.25
    """Mildest."""
    high: Annotated[Fraction, Field(gt=0)] = 1.0
    """Worst."""

    @classmethod
    def _conflicts(cls, node: object) -> Iterable[Problem]:
        return range_problems(node, "low", "high")


DEFAULT_RATES = FaultRates(
    instance_kill=0.5,
    az_outage=0.02,
    network_latency=0.2,
    network_partition=0.02,
    database_slowdown=0.2,
    database_overload=0.1,
    database_crash=0.02,
    cpu_spike=0.2,
    memory_pressure=0.1,
    memory_leak=0.05,
    bad_deployment=0.05,
    dependency_timeout=0.1,
)
"""Rates where ``enableFailures`` is true and no table is given (assumptions). Spot markets have a
hazard of their own, and surges of demand belong to the workload: neither is among them."""


class FaultSampling(Document):
    """Random faults of an episode (extension).

    They happen where the episode's ``enableFailures`` is true; a simulation without this document
    then has its defaults.
    """

    rates_per_hour: FaultRates = DEFAULT_RATES
    """How often. A table that is given stands for itself: kinds it leaves out never happen."""
    mean_duration_seconds: FaultDurations = FaultDurations()
    """How long; kinds left out keep their defaults."""
    severity: SeverityRange = SeverityRange()
    """How badly."""

    def rates(self) -> dict[FaultKind, float]:
        """Resolve the rates.

        Returns:
            Faults per hour of simulated time, for every kind in the order of ``FAULT_KINDS``.
        """
        return {kind: float(getattr(self.rates_per_hour, kind)) for kind in FAULT_KINDS}

    def durations(self) -> dict[FaultKind, float]:
        """Resolve the mean durations.

        Returns:
            Seconds, for every kind in the order of ``FAULT_KINDS``; 0 for what happens once.
        """
        return {
            kind: float(getattr(self.mean_duration_seconds, kind) or 0.0) for kind in FAULT_KINDS
        }
