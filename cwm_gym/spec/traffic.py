r"""Traffic patterns: the documents of the demand curve lambda(t).

Time t is counted in steps of the episode's base ``tick_seconds``, from the start of the curve;
rates are requests per second. b is the base traffic (the episode's ``initialTraffic``, else the
simulation's ``traffic``). A pattern acts where it is active and startTime <= t < endTime.

**Composition.** ``constant``, ``ramp``, ``step`` and ``custom`` set the level; ``wave``
(``sine``), ``burst`` and ``spike`` multiply it. In the order of the list, the last level-setting
pattern that acts at t sets the level (b where none acts), and the factors of all acting
multiplying patterns apply to it::

    lambda(t) = max(0, level(t) * product of factor(t))

**Formulas**, with s = t - startTime and the parameters as :meth:`TrafficPattern.shapes`
resolves them:

========== =========================================================================
constant   level = from (1 + a)
ramp       level = from + (to - from) min(s/D, 1); with ``hold`` H it falls back from
           s = D + H on over R = ``returnDuration`` (D if absent) and then stays
step       level = from + (to - from) min(floor((n + 1) s/D), n)/n: n equal jumps, each
           of the n + 1 levels lasting D/(n + 1); or each of ``levels`` for D/len(levels)
custom     level = ``points``, interpolated linearly (or held), constant beyond the ends
wave, sine factor = 1 + a sin(2 pi s/P), with a between -1 and 1
burst      factor = max(0, 1 + a) while (s mod P) < D, else 1; s mod P is s without P
spike      factor = max(0, 1 + a exp(-(s mod P)/D))
========== =========================================================================

**Parameters.** a is ``amplitude``. ``startTraffic`` is *from* (b if absent). ``endTraffic`` is
*to*; if absent, to = from (1 + a). A multiplying pattern with ``startTraffic`` also sets the
level: the middle of ``startTraffic`` and ``endTraffic`` for a wave (which then swings between the
two), ``startTraffic`` itself for burst and spike, where a = endTraffic/startTraffic - 1. With
``endTraffic`` alone a = endTraffic/b - 1. ``multiplier`` m gives a = m - 1, and ``peakToTrough``
r gives a wave a = (r - 1)/(r + 1). The specification's ``period`` is P for wave, burst and spike,
the length D of a ramp, and the duration of each level of a step.

**Defaults** are the specification's own examples: a = 0.4, P = 24 for waves; a = 1.5, D = 20
for ramps; a = 0.3, 20 steps a level for steps; for burst and spike its injected spike
1000 -> 4200 rps, so a = 3.2, and the 15 steps of its viral post for D. A constant has a = 0.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Literal, Self, get_args

from pydantic import Field

from cwm_gym.spec.base import Document
from cwm_gym.spec.errors import ErrorCode, Problem, closest, invalid
from cwm_gym.spec.forecast import TrafficForecastPoint, order_problems
from cwm_gym.spec.problems import pointer, read, read_items, read_number
from cwm_gym.spec.quantities import Count, Flag, NonNegative, Number, Positive, Text

PatternType = Literal["constant", "ramp", "burst", "step", "wave", "sine", "spike", "custom"]
Interpolation = Literal["linear", "previous"]
ShapeKind = Literal["constant", "ramp", "staircase", "samples", "wave", "burst", "spike"]

_AMPLITUDE = {"ramp": 1.5, "step": 0.3, "wave": 0.4, "sine": 0.4, "burst": 3.2, "spike": 3.2}
_WAVE_PERIOD = 24.0
_RAMP_STEPS = 20.0
_LEVEL_STEPS = 20.0
_BURST_STEPS = 15.0


@dataclass(frozen=True)
class Shape:
    """One element of the demand curve with every parameter resolved; times in steps.

    Attributes:
        kind: Which formula applies (``staircase`` is a step, ``samples`` are points).
        start: First step in which it acts.
        end: Step from which on it no longer acts; infinity where it never ends.
        from_rps: Level at the start (constant, ramp, staircase), rps.
        to_rps: Level at the end (ramp, staircase), rps.
        duration: Of a ramp, a whole staircase, one burst; decay time of a spike; steps.
        period: Of a wave, or between bursts and spikes; 0 = once; steps.
        amplitude: Relative excess a of wave, burst and spike.
        jumps: Equal jumps of a staircase.
        points: (step since ``start``, rps) of samples, in increasing order of time.
        hold: Samples hold their value until the next one instead of interpolating.
    """

    kind: ShapeKind
    start: float
    end: float = math.inf
    from_rps: float = 0.0
    to_rps: float = 0.0
    duration: float = 0.0
    period: float = 0.0
    amplitude: float = 0.0
    jumps: int = 0
    points: tuple[tuple[float, float], ...] = ()
    hold: bool = False


class PatternParameters(Document):
    """Parameters of a pattern, under ``parameters``; see the module for the formulas."""

    start_traffic: NonNegative | None = None
    """Level at the start, rps."""
    end_traffic: NonNegative | None = None
    """Level at the end or at the peak, rps."""
    duration: Positive | None = None
    """Length of a ramp, of a whole step sequence or of one burst; decay of a spike; steps."""
    amplitude: Annotated[Number, Field(ge=-1)] | None = None
    """Relative excess: 0.5 is +-50 % for a wave, +50 % for the others."""
    period: Positive | None = None
    """Cycle of a wave, distance of bursts and spikes; steps."""
    multiplier: NonNegative | None = None
    """Another way to write the amplitude: 1 + amplitude."""
    peak_to_trough: Annotated[Number, Field(ge=1)] | None = None
    """Wave: another way to write the amplitude, as peak rate over lowest rate."""
    hold: NonNegative | None = None
    """Ramp: how long the end level lasts before traffic returns, steps; None = for ever."""
    return_duration: Positive | None = None
    """Ramp: length of the way back, steps."""
    steps: Count | None = None
    """Step: number of equal jumps; 1 if absent."""
    levels: Annotated[tuple[NonNegative, ...], Field(min_length=1)] | None = None
    """Step: levels in order, rps."""
    points: Annotated[tuple[TrafficForecastPoint, ...], Field(min_length=1)] | None = None
    """Custom: the curve; timestamps in steps since ``startTime``."""
    interpolation: Interpolation | None = None
    """Custom: ``linear`` (default) between points, or ``previous`` holds each value."""

    @classmethod
    def _conflicts(cls, node: object) -> Iterable[Problem]:
        yield from _several(node, ("amplitude", "multiplier", "peakToTrough", "endTraffic"))
        yield from order_problems(read_items(node, "points"), "Traffic pattern", "points")
        if read_items(node, "levels"):
            for name in ("startTraffic", "endTraffic", "steps"):
                yield from _several(node, ("levels", name))


# Parameters that mean something to each type, besides amplitude and multiplier.
_USED: dict[str, frozenset[str]] = {
    "constant": frozenset({"start_traffic"}),
    "ramp": frozenset(
        {"start_traffic", "end_traffic", "duration", "period", "hold", "return_duration"}
    ),
    "step": frozenset({"start_traffic", "end_traffic", "duration", "period", "steps", "levels"}),
    "wave": frozenset({"start_traffic", "end_traffic", "period", "peak_to_trough"}),
    "burst": frozenset({"start_traffic", "end_traffic", "duration", "period"}),
    "spike": frozenset({"start_traffic", "end_traffic", "duration", "period"}),
    "custom": frozenset({"points", "interpolation"}),
}
_USED["sine"] = _USED["wave"]


class TrafficPattern(Document):
    """One pattern of demand, in either shape that the specification uses.

    Shape A is ``{type, amplitude, period, isActive}``, shape B ``{name, type, startTime,
    parameters}``; they may be mixed. ``wave`` and ``sine`` are the same.
    """

    type: PatternType
    """Form of the curve."""
    id: Text | None = None
    """Identifier."""
    simulation_id: Text | None = None
    """Simulation to which it belongs; only carried along."""
    name: str | None = None
    """For people."""
    amplitude: Annotated[Number, Field(ge=-1)] | None = None
    """As in :class:`PatternParameters`."""
    period: Positive | None = None
    """As in :class:`PatternParameters`; steps."""
    is_active: Flag = True
    """False switches the pattern off."""
    start_time: NonNegative = 0.0
    """First step in which it acts."""
    end_time: NonNegative | None = None
    """Step from which on it no longer acts; None = never ends (extension)."""
    parameters: PatternParameters | None = None
    """Everything else."""

    @classmethod
    def named(cls, name: str) -> Self:
        """Build the pattern behind a bare name, with that type's defaults.

        Args:
            name: A :data:`PatternType` other than ``custom``, which needs points.

        Returns:
            The pattern.

        Raises:
            SpecError: For an unknown name or ``custom``.
        """
        known = [kind for kind in get_args(PatternType) if kind != "custom"]
        if name == "custom":
            raise invalid("", "Pattern 'custom' needs points", "Give a TrafficPattern document.")
        if name not in known:
            raise invalid(
                "",
                f"Unknown traffic pattern '{name}'; valid names are {', '.join(known)}",
                f"Did you mean '{closest(name, known, 1)[0]}'?",
            )
        return cls.model_validate({"type": name})

    def shapes(self, base_rps: float) -> tuple[Shape, ...]:
        """Resolve the pattern to elements of the demand curve.

        Args:
            base_rps: Base traffic b, rps.

        Returns:
            The elements in the order in which they apply; none if the pattern is inactive.

        Raises:
            SpecError: If a multiplying pattern is to reach ``endTraffic`` from no traffic at all,
                or a wave would make demand negative.
        """
        if not self.is_active:
            return ()
        end = math.inf if self.end_time is None else self.end_time
        given = self.parameters or PatternParameters()
        if self.type in ("wave", "sine", "burst", "spike"):
            return self._factor(given, base_rps, end)
        return self._level(given, base_rps, end)

    def _level(self, given: PatternParameters, base_rps: float, end: float) -> tuple[Shape, ...]:
        start, period = self.start_time, self._either("period", given)
        if self.type == "custom":
            assert given.points is not None
            points = tuple((p.timestamp, p.rps) for p in given.points)
            return (
                Shape("samples", start, end, points=points, hold=given.interpolation == "previous"),
            )
        low = base_rps if given.start_traffic is None else given.start_traffic
        high = given.end_traffic
        if high is None:
            high = low * (1.0 + self._amplitude(given))
        if self.type == "constant":
            return (Shape("constant", start, end, from_rps=high),)
        if self.type == "step":
            if given.levels is not None:
                each = period or (given.duration or _LEVEL_STEPS * len(given.levels)) / len(
                    given.levels
                )
                points = tuple((i * each, level) for i, level in enumerate(given.levels))
                return (Shape("samples", start, end, points=points, hold=True),)
            jumps = given.steps or 1
            whole = given.duration or (period or _LEVEL_STEPS) * (jumps + 1)
            return (Shape("staircase", start, end, low, high, whole, jumps=jumps),)
        rise = given.duration or period or _RAMP_STEPS
        ramp = Shape("ramp", start, end, low, high, rise)
        if given.hold is None:
            return (ramp,)
        turn = start + rise + given.hold
        back = Shape("ramp", turn, end, high, low, given.return_duration or rise)
        return (ramp, back) if turn < end else (ramp,)

    def _factor(self, given: PatternParameters, base_rps: float, end: float) -> tuple[Shape, ...]:
        low, high = given.start_traffic, given.end_traffic
        wave = self.type in ("wave", "sine")
        amplitude = self._amplitude(given)
        if high is not None:
            reference = base_rps if low is None else low
            if wave and low is not None:
                reference = 0.5 * (low + high)
            if reference <= 0.0:
                raise invalid(
                    "/parameters/endTraffic",
                    f"A {self.type} multiplies traffic, and there is none to multiply",
                    "Give startTraffic, or a positive base traffic.",
                )
            amplitude = high / reference - 1.0
            low = reference if low is not None else None
        if wave and abs(amplitude) > 1.0:
            place = "amplitude" if self.amplitude is not None else "parameters"
            raise invalid(
                pointer(place),
                f"A wave of amplitude {amplitude:g} would make demand negative",
                "Give an amplitude between -1 and 1.",
            )
        period = self._either("period", given) or (_WAVE_PERIOD if wave else 0.0)
        duration = 0.0 if wave else given.duration or _BURST_STEPS
        kind: ShapeKind = "wave" if wave else "burst" if self.type == "burst" else "spike"
        factor = Shape(
            kind,
            self.start_time,
            end,
            duration=duration,
            period=period,
            amplitude=amplitude,
        )
        if low is None:
            return (factor,)
        return (Shape("constant", self.start_time, end, from_rps=low), factor)

    def _amplitude(self, given: PatternParameters) -> float:
        if given.multiplier is not None:
            return given.multiplier - 1.0
        if given.peak_to_trough is not None:
            return (given.peak_to_trough - 1.0) / (given.peak_to_trough + 1.0)
        amplitude = self._either("amplitude", given)
        return _AMPLITUDE.get(self.type, 0.0) if amplitude is None else amplitude

    def _either(self, name: str, given: PatternParameters) -> float | None:
        value: float | None = getattr(given, name)
        own: float | None = getattr(self, name)
        return own if value is None else value

    @classmethod
    def _conflicts(cls, node: object) -> Iterable[Problem]:
        start, end = read_number(node, "startTime") or 0.0, read_number(node, "endTime")
        if end is not None and end <= start:
            yield Problem(
                ErrorCode.INVALID_FIELD,
                pointer("endTime"),
                f"endTime ({end:g}) must be after startTime ({start:g})",
                "Raise endTime, or leave it out for a pattern that never ends.",
            )
        given = read(node, "parameters")
        yield from _twice(node, given)
        kind = read(node, "type")
        if not isinstance(kind, str) or kind not in _USED:
            return
        yield from _unused(given, kind)
        if kind == "custom" and not read_items(given, "points"):
            yield Problem(
                ErrorCode.MISSING_REQUIRED,
                pointer("parameters", "points"),
                "A custom pattern needs 'points'",
                'Add "points": [{"timestamp": 0, "rps": 1000}, ...].',
            )
        if kind in ("burst", "spike") and read_number(given, "startTraffic") == 0:
            yield Problem(
                ErrorCode.INVALID_FIELD,
                pointer("parameters", "startTraffic"),
                f"startTraffic 0 leaves a {kind} nothing to multiply",
                "Use a ramp, a step or a custom pattern, or give a positive level.",
            )
        if kind in ("ramp", "step") and read_number(given, "duration") is not None:
            for place in (pointer("period"), pointer("parameters", "period")):
                holder = node if place == "/period" else given
                if read_number(holder, "period") is not None:
                    yield Problem(
                        ErrorCode.INVALID_FIELD,
                        place,
                        f"period says the same as duration in a {kind} pattern",
                        "Give one of them.",
                    )


def _several(node: object, names: tuple[str, ...]) -> Iterable[Problem]:
    present = [name for name in names if read(node, name) is not None]
    for name in present[1:]:
        yield Problem(
            ErrorCode.INVALID_FIELD,
            pointer(name),
            f"{name} says the same as {present[0]}",
            "Give one of them.",
        )


def _twice(node: object, given: object) -> Iterable[Problem]:
    own_size = read_number(node, "amplitude") is not None
    for name in ("amplitude", "multiplier", "peakToTrough", "endTraffic", "period"):
        own = read_number(node, "period") is not None if name == "period" else own_size
        if own and read_number(given, name) is not None:
            above = "period" if name == "period" else "amplitude"
            yield Problem(
                ErrorCode.INVALID_FIELD,
                pointer("parameters", name),
                f"parameters/{name} says the same as {above} of the pattern",
                "Give one of them.",
            )


def _unused(given: object, kind: str) -> Iterable[Problem]:
    scaling = {"amplitude", "multiplier"} if kind != "custom" else set()
    for name, field in PatternParameters.model_fields.items():
        if name in _USED[kind] | scaling or read(given, name) is None:
            continue
        yield Problem(
            ErrorCode.INVALID_FIELD,
            pointer("parameters", field.alias or name),
            f"{field.alias or name} means nothing to a {kind} pattern",
            "Remove it or choose another type.",
        )
