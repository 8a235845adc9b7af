"""Faults: the documents of failures that are scheduled or injected.

Times are counted in steps of the episode's base ``tick_seconds``; a fault acts where it is
active and start <= t < end. The specification writes a fault in two shapes, which may be mixed:

- A, ``/simulations/{id}/failures``: ``{name, type, startTime, endTime, targetResourceId,
  targetZone, isActive}``, in one example also ``severity`` as a word and ``parameters``;
- B, ``ChaosInjectionConfig``: ``{type, targetId, injectionTime, duration, severity}``.

**Severity** is a number from 0 (no effect) to 1 (as bad as the kind gets), or a word:

======== ====
low      0.25
moderate 0.5
severe   0.8
critical 1.0
======== ====

**Default severity.** 1.0 where something is lost or works (``instance_kill``, ``az_outage``,
``network_partition``, ``database_crash``, ``spot_interruption``), 0.5 where something works worse
(all others). Both tables are assumptions: the specification has the word ``severe`` and numbers
in examples, but no scale.

**Parameters** state one effect in its own unit, in place of what the severity would make of it:

================= ==================================================================
errorRateIncrease all but ``instance_kill``, ``database_crash``, ``spot_interruption``,
                  ``traffic_spike``
latencyMs         ``network_latency``, ``dependency_timeout``
slowdown          ``database_slowdown``, ``database_overload``, ``cpu_spike``,
                  ``memory_pressure``, ``memory_leak``, ``bad_deployment``
multiplier        ``traffic_spike``
instances         ``instance_kill``, ``spot_interruption``
noticeSeconds     ``spot_interruption``
================= ==================================================================
"""

from __future__ import annotations

import math
import numbers
from collections.abc import Collection, Iterable, Mapping
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import AliasChoices, BeforeValidator, Field

from cwm_gym.spec.base import Document
from cwm_gym.spec.errors import ErrorCode, Problem, closest, invalid
from cwm_gym.spec.problems import fold, pointer, read, read_number, shown
from cwm_gym.spec.quantities import Count, Flag, Fraction, NonNegative, Number, Positive, Text

FaultKind = Literal[
    "instance_kill",
    "az_outage",
    "network_latency",
    "network_partition",
    "database_slowdown",
    "database_overload",
    "database_crash",
    "cpu_spike",
    "memory_pressure",
    "memory_leak",
    "bad_deployment",
    "dependency_timeout",
    "spot_interruption",
    "traffic_spike",
]
FaultType = Literal[FaultKind, "kill_instance", "kill_zone", "network_delay"]
SeverityWord = Literal["low", "moderate", "severe", "critical"]

FAULT_KINDS: tuple[FaultKind, ...] = get_args(FaultKind)
"""All kinds by their canonical names."""

FAULT_ALIASES: dict[str, FaultKind] = {
    "kill_instance": "instance_kill",
    "kill_zone": "az_outage",
    "network_delay": "network_latency",
}
"""Names of shape B that say the same as a canonical name."""

SEVERITY_WORDS: dict[str, float] = {"low": 0.25, "moderate": 0.5, "severe": 0.8, "critical": 1.0}
"""Severity that each word stands for."""

_LOSSES = ("instance_kill", "az_outage", "network_partition", "database_crash", "spot_interruption")
DEFAULT_SEVERITY: dict[FaultKind, float] = {
    kind: 1.0 if kind in _LOSSES else 0.5 for kind in FAULT_KINDS
}
"""Severity of a fault that states none."""

# They take instances away at one moment; what comes back is the pool's business.
_MOMENTARY = ("instance_kill", "spot_interruption")
# Their target may be a link between resources or regions.
_LINKS = ("network_latency", "network_partition")

_SLOWING = (
    "database_slowdown",
    "database_overload",
    "cpu_spike",
    "memory_pressure",
    "memory_leak",
    "bad_deployment",
)
_FAILING = (*_SLOWING, "az_outage", *_LINKS, "dependency_timeout")
_USED: dict[str, tuple[str, ...]] = {
    "errorRateIncrease": _FAILING,
    "latencyMs": ("network_latency", "dependency_timeout"),
    "slowdown": _SLOWING,
    "multiplier": ("traffic_spike",),
    "instances": _MOMENTARY,
    "noticeSeconds": ("spot_interruption",),
}


def _known_type(value: Any) -> Any:
    """Meet an unknown kind with the closest one."""
    known = get_args(FaultType)
    if value in known:
        return value
    valid = ", ".join(known)
    if not isinstance(value, str):
        raise invalid("", f"type must be a text, not {shown(value)}", f"Use one of: {valid}")
    raise invalid(
        "",
        f"Unknown fault type '{value}'; valid types are {valid}",
        f"Did you mean '{closest(value, known, 1)[0]}'?",
    )


def _known_severity(value: Any) -> Any:
    words = ", ".join(f"'{word}'" for word in SEVERITY_WORDS)
    hint = f"Give a number from 0 to 1, or one of {words}."
    if isinstance(value, str):
        if value not in SEVERITY_WORDS:
            raise invalid("", f"Unknown severity '{value}'; valid words are {words}", hint)
        return value
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise invalid("", f"severity must be a number or a word, not {shown(value)}", hint)
    if not 0.0 <= float(value) <= 1.0:
        raise invalid("", f"severity must be from 0 to 1; got {shown(value)}", hint)
    return float(value)


class FaultParameters(Document):
    """Effects in their own units; the module says which kinds each means something to."""

    error_rate_increase: Fraction | None = None
    """Share of the requests through the target that fail in addition."""
    latency_ms: NonNegative | None = None
    """Latency added to every request through the target, ms."""
    slowdown: Annotated[Number, Field(ge=1)] | None = None
    """Service times grow by this factor, at least 1."""
    multiplier: Annotated[Number, Field(ge=1)] | None = None
    """Traffic grows by this factor, at least 1."""
    instances: Count | None = None
    """Instances that are lost; None = the severity's share, or one of a kill without a severity."""
    notice_seconds: NonNegative | None = None
    """Warning before instances are taken back, s; None = the market's."""


class Fault(Document):
    """One failure: what breaks, when, where and how badly.

    The properties give the canonical answers, whichever shape the document has.
    """

    id: Text | None = None
    """Identifier."""
    simulation_id: Text | None = None
    """Simulation to which it belongs; only carried along."""
    name: str | None = None
    """For people."""
    type: Annotated[FaultType, BeforeValidator(_known_type)]
    """What breaks; :attr:`kind` gives the canonical name."""
    start_time: NonNegative = Field(
        validation_alias=AliasChoices("startTime", "start_time", "injectionTime", "injection_time"),
        serialization_alias="startTime",
    )
    """First step in which it acts; ``injectionTime`` in shape B."""
    end_time: NonNegative | None = None
    """Shape A: step from which on it no longer acts; None = permanent, unless ``duration`` says
    otherwise."""
    duration: Positive | None = None
    """Shape B: how long it lasts, steps; None = permanent, unless ``endTime`` says otherwise."""
    target_resource_id: Text | None = None
    """Shape A: resource that it hits."""
    target_id: Text | None = None
    """Shape B: resource or link that it hits, or the zone of an ``az_outage``."""
    target_zone: Text | None = None
    """Shape A: zone of an ``az_outage``."""
    severity: Annotated[float | SeverityWord, BeforeValidator(_known_severity)] | None = None
    """From 0 to 1, or a word; None = the kind's default."""
    is_active: Flag = True
    """False switches the fault off."""
    parameters: FaultParameters | None = None
    """Effects in their own units."""

    @property
    def kind(self) -> FaultKind:
        """What breaks, by its canonical name."""
        return _canonical(self.type)

    @property
    def start_step(self) -> float:
        """First step in which it acts."""
        return self.start_time

    @property
    def end_step(self) -> float:
        """Step from which on it no longer acts.

        Infinity for a permanent fault; equal to :attr:`start_step` for an ``instance_kill`` or a
        ``spot_interruption`` without a window, which happens once.
        """
        if self.end_time is not None:
            return self.end_time
        if self.duration is not None:
            return self.start_time + self.duration
        return self.start_time if self.kind in _MOMENTARY else math.inf

    @property
    def zone(self) -> str | None:
        """Zone that an ``az_outage`` hits; None = none is named."""
        return self.target_zone or (self.target_id if self.kind == "az_outage" else None)

    @property
    def target(self) -> str | None:
        """Resource (or link, for a network fault) that it hits; None = none is named.

        An ``az_outage`` may name a resource, a zone, both or neither.
        """
        other = None if self.kind == "az_outage" else self.target_id
        return self.target_resource_id or other

    @property
    def severity_value(self) -> float:
        """Severity from 0 to 1, the kind's default where the document states none."""
        if self.severity is None:
            return DEFAULT_SEVERITY[self.kind]
        return SEVERITY_WORDS[self.severity] if isinstance(self.severity, str) else self.severity

    def patched(self, changes: Mapping[str, Any]) -> Self:
        """Replace some fields; a new ``endTime`` replaces a ``duration`` and the reverse.

        Args:
            changes: Field names in either spelling and their new values; None resets a field to
                its default, so that an ``endTime`` of None makes the fault permanent.

        Returns:
            A new, validated fault.

        Raises:
            SpecError: If the result is not a valid fault.
        """
        given = {fold(name) for name in changes}
        for one, other in (("endTime", "duration"), ("duration", "endTime")):
            if fold(one) in given and fold(other) not in given:
                changes = {**changes, other: None}
        return super().patched(changes)

    @classmethod
    def _conflicts(cls, node: object) -> Iterable[Problem]:
        yield from _window_problems(node)
        name = read(node, "type")
        if not isinstance(name, str) or name not in get_args(FaultType):
            return
        kind = _canonical(name)
        zonal = kind == "az_outage"
        yield from _contradiction(node, "targetZone" if zonal else "targetResourceId", "targetId")
        if not zonal and read(node, "targetZone") is not None:
            yield _meaningless("targetZone", pointer("targetZone"), kind)
        given = read(node, "parameters")
        for parameter, kinds in _USED.items():
            if kind not in kinds and read(given, parameter) is not None:
                yield _meaningless(parameter, pointer("parameters", parameter), kind)


def target_problems(faults: Iterable[object], known: Collection[str]) -> Iterable[Problem]:
    """Check that the resources that faults name exist.

    Targets of ``network_latency`` and ``network_partition`` are left alone, because they may be
    links.

    Args:
        faults: Faults, validated or not.
        known: Ids of all resources.

    Yields:
        One problem per unknown target, with a pointer relative to the list of faults.
    """
    for index, fault in enumerate(faults):
        name = read(fault, "type")
        if not isinstance(name, str) or name not in get_args(FaultType):
            continue
        kind = _canonical(name)
        fields = [] if kind in _LINKS else ["targetResourceId"]
        if fields and kind != "az_outage":
            fields.append("targetId")
        for field in fields:
            target = read(fault, field)
            if not isinstance(target, str) or not target or target in known:
                continue
            yield Problem(
                ErrorCode.INVALID_FIELD,
                pointer(index, field),
                f"Unknown resource '{target}'",
                f"Known resources: {', '.join(closest(target, list(known)))}.",
            )


def _canonical(name: str) -> FaultKind:
    kind: FaultKind = FAULT_ALIASES.get(name, name)  # type: ignore[arg-type]
    return kind


def _window_problems(node: object) -> Iterable[Problem]:
    start, end = read_number(node, "startTime"), read_number(node, "endTime")
    if start is None:
        start = read_number(node, "injectionTime")
    if start is None or end is None:
        return
    if end <= start:
        yield Problem(
            ErrorCode.INVALID_FIELD,
            pointer("endTime"),
            f"endTime ({end:g}) must be after the start ({start:g})",
            "Raise endTime, or leave it out for a permanent fault.",
        )
        return
    duration = read_number(node, "duration")
    if duration is not None and not math.isclose(start + duration, end):
        yield Problem(
            ErrorCode.INVALID_FIELD,
            pointer("duration"),
            f"duration ({duration:g}) contradicts endTime ({end:g}): the fault starts at {start:g}",
            "Give one of them.",
        )


def _contradiction(node: object, first: str, second: str) -> Iterable[Problem]:
    one, other = read(node, first), read(node, second)
    if one is not None and other is not None and one != other:
        yield Problem(
            ErrorCode.INVALID_FIELD,
            pointer(second),
            f"{second} ({shown(other)}) contradicts {first} ({shown(one)})",
            "Give one of them.",
        )


def _meaningless(field: str, where: str, kind: str) -> Problem:
    return Problem(
        ErrorCode.INVALID_FIELD,
        where,
        f"{field} means nothing to a fault of type {kind}",
        "Remove it or choose another type.",
    )
