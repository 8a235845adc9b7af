"""Episode configuration: length, traffic, service level, budget."""

from __future__ import annotations

from typing import Annotated

from pydantic import AliasChoices, Field

from cwm_gym.spec.base import Document
from cwm_gym.spec.quantities import (
    Count,
    Flag,
    NonNegative,
    Percent,
    Positive,
    Text,
    TickSeconds,
    Whole,
)
from cwm_gym.spec.traffic import PatternType


class TargetSLA(Document):
    """Service-level targets."""

    max_latency_p95: Positive
    """Highest tolerated 95th percentile of latency, ms."""
    max_error_rate: Annotated[Percent, Field(gt=0)]
    """Highest tolerated share of failed requests, percent."""


class EpisodeConfig(Document):
    """One episode's length, traffic, targets and budget.

    The specification requires ``maxSteps`` and ``targetSLA``. Here they have defaults (the
    specification's examples), so that an episode may change one thing and leave the rest;
    :meth:`~cwm_gym.spec.base.Document.is_set` tells a set field from a default. Precedence: the
    environment's ``traffic`` argument, then the fields set here, then the simulation.
    """

    max_steps: Count = 300
    """Steps after which the episode is truncated."""
    target_traffic_pattern: PatternType = "constant"
    """Form of the demand curve. Where set, the named pattern with its defaults replaces the
    patterns and the forecast of the simulation's workload; ``custom`` keeps them."""
    initial_traffic: NonNegative = 1000.0
    """Base traffic, requests per second."""
    target_sla: TargetSLA = Field(
        default=TargetSLA(max_latency_p95=200.0, max_error_rate=1.0), alias="targetSLA"
    )
    """What latency and errors must not exceed."""
    cost_budget_per_hour: Positive = 10.0
    """Budget, USD/h."""
    enable_failures: Flag = False
    """Whether random failures happen (:class:`~cwm_gym.spec.fault_sampling.FaultSampling`)."""
    tick_seconds: TickSeconds = Field(
        default=60,
        validation_alias=AliasChoices("tick_seconds", "tickSeconds"),
        serialization_alias="tick_seconds",
    )
    """Simulated seconds per step, 1 to 3600; also the unit of every duration in steps."""
    compute_type: Text | None = None
    """Size that replaces the size of the scaled compute pool for this episode."""
    terminate_on_outage: Whole = 0
    """End the episode after this many steps in a row without one success; 0 never (extension)."""
