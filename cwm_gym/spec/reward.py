"""Reward configuration: every weight and constant of the reward."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self, get_args

from pydantic import Field, model_validator

from cwm_gym.spec.base import Document
from cwm_gym.spec.errors import closest, invalid
from cwm_gym.spec.quantities import Fraction, NonNegative, NonPositive, Number, Positive, Whole

RewardPreset = Literal["documented", "dollars"]


class RewardConfig(Document):
    """Weights and constants of the reward; in a document a preset's name may stand for it.

    ``documented`` is the weighted sum of performance, cost, stability and SLA terms plus
    connection pressure. With p95 latency l, error rate e, run rate c, limits L and E, budget B:

    - performance = ``latencyShare`` f(l/L) + (1 - ``latencyShare``) g(e/E), where
      f(x) = 1 - x^2/2 up to 1, then 1/(2 x^2), and g(x) = 1 - x/2 up to 1, then 1/(2 x);
    - cost = 1 - ``costSlope`` c/B up to c = B, then (1 - ``costSlope``) (B/c)^2;
    - stability = -(``scalingPenalty`` per scaling action + ``configPenalty`` per change of
      configuration + ``reversalPenalty`` per reversal inside the cooldown), not below
      ``stabilityFloor``;
    - sla = -``violationPenalty`` per violated dimension (latency, errors);
    - connection_pressure = 0 up to a pressure of 1, falling with ``pressureSlope`` up to
      ``pressureKnee`` and with ``pressureSlopeBeyond`` above, not below ``pressureFloor``.

    ``dollars`` is -``dollarScale`` (infrastructure $ + ``kappa`` u requests in violating minutes
    + ``phi`` u failed requests + price of ``sigma`` instance-minutes per scaling action), where
    u is the price of one request when the fleet runs at ``referenceLoad``.
    """

    kind: RewardPreset = "documented"
    """Which of the two forms."""

    performance_weight: Number = 0.35
    """Weight of performance."""
    cost_weight: Number = 0.25
    """Weight of cost."""
    stability_weight: Number = 0.20
    """Weight of stability."""
    sla_weight: Number = 0.20
    """Weight of the SLA term."""
    connection_pressure_weight: Number = 1.0
    """Weight of connection pressure."""

    latency_share: Fraction = 0.7
    """Share of latency in performance; errors have the rest."""
    cost_slope: Fraction = 0.25
    """Fall of the cost term from no cost to the full budget."""
    scaling_penalty: NonNegative = 0.1
    """Loss of stability per scaling action."""
    config_penalty: NonNegative = 0.05
    """Loss of stability per change of configuration."""
    reversal_penalty: NonNegative = 0.2
    """Further loss when a scaling action reverses the last one inside the cooldown."""
    stability_floor: NonPositive = -1.0
    """Lowest stability term."""
    violation_penalty: NonNegative = 0.5
    """Loss of the SLA term per violated dimension."""
    pressure_slope: NonNegative = 1.0
    """Loss per unit of connection pressure from 1 to the knee."""
    pressure_knee: Annotated[Positive, Field(ge=1)] = 1.5
    """Connection pressure at which the loss steepens, at least 1."""
    pressure_slope_beyond: NonNegative = 2.0
    """Loss per unit of connection pressure beyond the knee."""
    pressure_floor: NonPositive = -1.0
    """Lowest connection-pressure term."""
    pressure_ramp_steps: Whole = 5
    """Steps over which the term grows in when a database first appears in an episode."""

    kappa: NonNegative = 2.0
    """Dollars: price of a request in a violating minute, in u."""
    phi: NonNegative = 10.0
    """Dollars: price of a failed request, in u."""
    sigma: NonNegative = 0.25
    """Dollars: instance-minutes charged per scaling action."""
    reference_load: Annotated[Fraction, Field(gt=0)] = 0.7
    """Dollars: utilisation at which u, the price of one request, is taken."""
    dollar_scale: Positive = 1.0
    """Dollars: reward per dollar."""

    @classmethod
    def preset(cls, name: str) -> Self:
        """Build a ready-made configuration.

        Args:
            name: ``documented`` or ``dollars``.

        Returns:
            The configuration.

        Raises:
            SpecError: For an unknown name.
        """
        known = get_args(RewardPreset)
        if name not in known:
            raise invalid(
                "",
                f"Unknown reward preset '{name}'; valid names are {', '.join(known)}",
                f"Did you mean '{closest(name, known, 1)[0]}'?",
            )
        return cls.model_validate({"kind": name})

    @model_validator(mode="before")
    @classmethod
    def _from_name(cls, data: Any) -> Any:
        return cls.preset(data).to_document() if isinstance(data, str) else data
