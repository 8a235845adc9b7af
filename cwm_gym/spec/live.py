"""Documents of live control: what may be asked of a simulation while it runs."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, AliasChoices, Field

from cwm_gym.spec.base import Document
from cwm_gym.spec.errors import invalid
from cwm_gym.spec.problems import shown
from cwm_gym.spec.quantities import Count, Flag, Fraction, NonNegative, Number, Positive, Text
from cwm_gym.spec.resource import Resource
from cwm_gym.spec.traffic import PatternType

EventSeverity = Literal["info", "warning", "error", "success"]


def _moment(text: str) -> str:
    """Check a moment and keep it as it was written."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise invalid(
            "",
            f"timestamp must be a date and time with its offset from UTC, not {shown(text)}",
            "Write it like 2024-01-15T10:01:15Z.",
        )
    return text


class AdvanceRequest(Document):
    """Advancing a simulation without an agent (the body of ``/simulations/{id}/step``)."""

    steps: Annotated[Count, Field(le=500)] = 1
    """Steps to advance; N steps at once are the same as N requests of one."""


class HybridConfig(Document):
    """How a learnt prediction and the rules are blended."""

    ml_weight: Fraction = 0.6
    """Weight of the prediction: 0 = rules alone, 1 = prediction alone."""
    confidence_threshold: Fraction = 0.5
    """Confidence below which the rules stand alone."""


class HybridAdvanceRequest(AdvanceRequest):
    """Advancing a simulation with a blended engine (``/simulations/{id}/step-hybrid``)."""

    config: HybridConfig = HybridConfig()
    """How the engine blends."""


class InjectTraffic(Document):
    """A sudden surge: the current traffic is multiplied until patterns move it back."""

    multiplier: Annotated[Number, Field(ge=2, le=5)] | None = None
    """Factor, 2 to 5; None = drawn uniformly between them."""
    resource: Text | None = None
    """Only carried along: a surge meets the whole simulation."""


class Annotation(Document):
    """An event that a person writes into the log, for example a deployment marker."""

    id: Text | None = None
    """Identifier."""
    simulation_id: Text | None = None
    """Simulation to which it belongs; only carried along."""
    message: Text
    """What happened."""
    severity: EventSeverity = "info"
    """How serious it is."""
    resource: Text | None = None
    """Name of the resource that it concerns."""
    timestamp: Annotated[Text, AfterValidator(_moment)] | None = None
    """When, as ISO 8601 with an offset; None = now."""


class BulkResize(Document):
    """One size for every compute resource."""

    droplet_size: Text = Field(
        validation_alias=AliasChoices("dropletSize", "droplet_size", "size"),
        serialization_alias="dropletSize",
    )
    """Size that all compute resources get; ``size`` is accepted too."""


class AnalysisRequest(Document):
    """A question about a simulation: explain, optimise, bottlenecks, autoscaling."""

    beginner_mode: Flag = False
    """Answer without jargon."""


class TroubleshootRequest(Document):
    """A problem to investigate."""

    issue: Text
    """The problem in plain text."""


class Patch(Document):
    """Changes to a document; only the fields that were set count, null among them."""

    def changes(self) -> dict[str, Any]:
        """List the changes.

        Returns:
            Field -> new value, for the ``patched`` method of the document that changes; None
            resets a field to its default.
        """
        written = self._names()
        return {
            written[name]: getattr(self, name)
            for name in type(self).model_fields
            if name in self.model_fields_set
        }


class SimulationPatch(Patch):
    """Changes to a running simulation; resources of a known id replace, others are appended."""

    name: Text | None = None
    """For people."""
    description: str | None = None
    """For people."""
    traffic: NonNegative | None = None
    """Base traffic, requests per second."""
    resources: tuple[Resource, ...] | None = None
    """Resources to replace or to append."""


class PatternPatch(Patch):
    """Changes to a traffic pattern."""

    type: PatternType | None = None
    """Form of the curve."""
    amplitude: Annotated[Number, Field(ge=-1)] | None = None
    """Relative excess; :class:`~cwm_gym.spec.traffic.PatternParameters`."""
    period: Positive | None = None
    """Period, steps."""
    is_active: Flag | None = None
    """False switches the pattern off."""


class FaultPatch(Patch):
    """Changes to a scheduled fault."""

    name: str | None = None
    """For people."""
    is_active: Flag | None = None
    """False ends the fault early."""
    end_time: NonNegative | None = None
    """Step from which on it no longer acts; null makes it permanent."""
