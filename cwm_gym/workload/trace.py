"""A demand trace: mean requests per second over equal intervals, and what may be done with it."""

from __future__ import annotations

import math
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cwm_gym.spec.errors import ErrorCode, SpecError, closest, invalid

POINTER = "/traffic/trace"

SPLITS = ("train", "test", "all")

DEFAULT_SHARE = 0.8
"""Share of the largest fleet's capacity that the p99 of a rescaled trace uses.

At 80 % load an M/M/1 queue already takes five times the bare service time, 1 / (1 - 0.8): the
busiest percent of the time needs the whole fleet, and only what exceeds p99 / 0.8 overloads it.
"""

PEAK_QUANTILE = 0.99
"""Quantile that stands for the peak: the maximum of a trace is often one flash crowd."""

MAX_RPS = 1e12
"""Rates above this are taken for a mistake; sums over a trace stay exact enough below it."""


@dataclass(frozen=True, eq=False)
class Trace:
    """Recorded demand on a regular time grid.

    Sample ``k`` is the mean rate over ``[k * step_s, (k + 1) * step_s)``. The array is copied and
    made read-only.

    Attributes:
        rps: Mean request rate of each interval, float64 of shape ``(n,)``, ``n >= 2``, finite,
            ``0 <= rps <= 1e12``.
        step_s: Length of an interval in seconds.
        start: UTC time of the first sample as ``YYYY-MM-DDTHH:MM:SS``; empty when unknown.
        source: Where the trace comes from: a file name, ``"prometheus"`` or ``"array"``.
        filled: Stretches that were not recorded but interpolated, as (begin, end) in seconds from
            the first sample.
        part: ``"all"`` for a whole trace, else the split that was cut out of it.

    Raises:
        SpecError: If the samples or the step are unusable; the first bad sample is named.
    """

    rps: NDArray[np.float64]
    step_s: float
    start: str = ""
    source: str = "array"
    filled: tuple[tuple[float, float], ...] = ()
    part: str = "all"

    def __post_init__(self) -> None:
        object.__setattr__(self, "rps", _checked_rates(self.rps))
        object.__setattr__(self, "step_s", positive(self.step_s, "/traffic/step_s", "step_s"))
        if self.start:
            try:
                datetime.fromisoformat(self.start)
            except (TypeError, ValueError):
                raise invalid(
                    POINTER,
                    f"The start {self.start!r} is not an ISO time.",
                    "Write it as YYYY-MM-DDTHH:MM:SS in UTC.",
                ) from None

    def __len__(self) -> int:
        return int(self.rps.size)

    @property
    def duration_s(self) -> float:
        """Length of the trace in seconds."""
        return len(self) * self.step_s

    @property
    def second_of_day(self) -> float:
        """Seconds since midnight UTC at the first sample; 0 when the start is unknown."""
        if not self.start:
            return 0.0
        moment = datetime.fromisoformat(self.start)
        midnight = moment.replace(hour=0, minute=0, second=0, microsecond=0)
        return (moment - midnight).total_seconds()

    @property
    def peak_rps(self) -> float:
        """The 99th percentile of the training part of the trace, in requests per second.

        A part that was cut out by :meth:`split` is taken as it is.
        """
        training = self.rps if self.part != "all" else self.rps[_range(self.span("train"))]
        return float(np.quantile(training, PEAK_QUANTILE))

    def resample(self, step_s: float) -> Trace:
        """Bring the trace to another interval length, keeping the number of requests.

        The recorded rate counts as constant inside its interval, so every new sample is the exact
        mean over its own interval and lies within the range of the recorded ones. Going to shorter
        intervals gives steps: nothing is invented between two measurements. A remainder shorter
        than one new interval at the end is dropped.

        Args:
            step_s: New interval length in seconds.

        Returns:
            The resampled trace (the same object if the length does not change).

        Raises:
            SpecError: If the step is not positive, or fewer than two intervals would be left.
        """
        step = positive(step_s, "/traffic/step_s", "step_s")
        if math.isclose(step, self.step_s, rel_tol=1e-12):
            return self
        count = math.floor(self.duration_s / step * (1 + 1e-12))
        if count < 2:
            raise invalid(
                POINTER,
                f"The trace lasts {self.duration_s:g} s, less than two ticks of {step:g} s.",
                f"Use ticks of at most {self.duration_s / 2:g} s, or a longer trace.",
                ErrorCode.INVALID_REQUEST,
            )
        requests = np.concatenate(([0.0], np.cumsum(self.rps)))
        edges = np.minimum(np.arange(count + 1) * (step / self.step_s), len(self))
        rps = np.diff(np.interp(edges, np.arange(len(self) + 1), requests)) * (self.step_s / step)
        # Differences of a running sum carry its rounding; means cannot leave the recorded range.
        np.clip(rps, self.rps.min(), self.rps.max(), out=rps)
        return replace(self, rps=rps, step_s=step, filled=_clipped(self.filled, 0.0, count * step))

    def rescale(self, capacity_rps: float, share: float = DEFAULT_SHARE) -> Trace:
        """Scale the demand to a fleet: the trace's p99 becomes a share of its full capacity.

        The p99 is that of the training part alone, so that nothing about the test part leaks into
        what an agent trains on; both parts get the same factor. It depends on the interval length:
        resample first.

        Args:
            capacity_rps: What the largest allowed fleet can serve, in requests per second.
            share: Share of that capacity at the p99; above 1 the fleet cannot keep up.

        Returns:
            The scaled trace.

        Raises:
            SpecError: If an argument is not positive, the training part's p99 is zero, or this
                trace is already a part of a split one.
        """
        capacity = positive(capacity_rps, "/traffic/capacity_rps", "capacity_rps")
        target = capacity * positive(share, "/traffic/share", "share")
        if self.part != "all":
            raise invalid(
                POINTER,
                f"The {self.part} part alone cannot be rescaled: both parts share one factor.",
                "Rescale the whole trace, then split it.",
                ErrorCode.INVALID_REQUEST,
            )
        peak = self.peak_rps
        if peak == 0.0:
            raise invalid(
                POINTER,
                "The 99th percentile of the trace's training part (its first 70 %) is zero, so it "
                "cannot be scaled to a fleet.",
                "Set share to null to use the recorded rates, or cut the silent start off.",
                ErrorCode.INVALID_REQUEST,
            )
        # The factor overflows for a vanishing peak; the check of the new rates reports it.
        with np.errstate(over="ignore", invalid="ignore"):
            return replace(self, rps=self.rps * (target / peak))

    def span(self, split: str) -> range:
        """Sample numbers that belong to a split.

        Train is the first 70 % of the time axis and test the last 20 %; the 10 % between belong to
        neither, so that what is remembered from the end of training says little about the test.

        Args:
            split: ``"train"``, ``"test"`` or ``"all"``.

        Returns:
            The samples of that split, in order.

        Raises:
            SpecError: If the name is unknown.
        """
        n = len(self)
        parts = {"train": range(7 * n // 10), "test": range(n - n // 5, n), "all": range(n)}
        if split not in parts:
            raise invalid(
                "/split",
                f"Unknown split {split!r}.",
                f"Did you mean {closest(str(split), SPLITS)[0]!r}? Known: {', '.join(SPLITS)}.",
            )
        if self.part != "all" and split != "all":
            raise invalid(
                "/split", f"This trace is already the {self.part} part.", "Split the whole trace."
            )
        return parts[split]

    def split(self, split: str) -> Trace:
        """Cut a split out as a trace of its own (``"all"`` returns this trace).

        Args:
            split: ``"train"``, ``"test"`` or ``"all"``.

        Returns:
            The part, with start time and interpolated stretches moved accordingly.

        Raises:
            SpecError: If the name is unknown or the part has fewer than two samples.
        """
        if split == "all":
            return self
        span = self.span(split)
        if len(span) < 2:
            raise _too_short(self, split, 2)
        begin, end = span.start * self.step_s, span.stop * self.step_s
        start = self.start
        if start:
            moment = datetime.fromisoformat(start) + timedelta(seconds=begin)
            start = moment.isoformat()
        filled = _clipped(self.filled, begin, end)
        return replace(self, rps=self.rps[_range(span)], start=start, filled=filled, part=split)

    def windows(self, split: str, length: int) -> range:
        """Where an episode may start so that it never leaves its split.

        Every start ``s`` in the returned range uses samples ``s .. s + length - 1`` of this trace.

        Args:
            split: ``"train"``, ``"test"`` or ``"all"``.
            length: Samples that an episode uses.

        Returns:
            The valid starts, never empty.

        Raises:
            SpecError: If the split is unknown, or shorter than an episode.
        """
        if length < 1:
            raise invalid(
                "/maxSteps",
                f"An episode of {length} steps has no window.",
                "Use at least one step.",
            )
        span = self.span(split)
        if len(span) < length:
            raise _too_short(self, split, length)
        return range(span.start, span.stop - length + 1)


def from_array(rps: ArrayLike, step_s: float, *, start: str = "", source: str = "array") -> Trace:
    """Make a trace of an array of rates.

    Args:
        rps: Requests per second in each interval, shape ``(n,)``, ``n >= 2``.
        step_s: Length of an interval in seconds.
        start: UTC time of the first sample as ``YYYY-MM-DDTHH:MM:SS``; empty when unknown.
        source: Name under which the trace appears in messages.

    Returns:
        The trace; it holds a copy of the array.

    Raises:
        SpecError: If the samples or the step are unusable; the first bad sample is named.
    """
    return Trace(_checked_rates(rps), step_s, start=start, source=source)


def positive(value: object, pointer: str, name: str) -> float:
    """Return a number as a float, or say that it is not a positive one.

    Args:
        value: What was given.
        pointer: JSON pointer for the error.
        name: Name for the error.

    Returns:
        The value, finite and above zero.

    Raises:
        SpecError: If it is anything else.
    """
    if isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool):
        with suppress(OverflowError):  # an int beyond the range of floats
            number = float(value)
            if 0.0 < number < math.inf:
                return number
    raise invalid(pointer, f"{name} is {value!r}.", "Give a positive, finite number.")


def _checked_rates(rps: ArrayLike) -> NDArray[np.float64]:
    try:
        rates = np.array(rps, dtype=np.float64, order="C")
    except (TypeError, ValueError):
        raise invalid(
            POINTER, "The rates are not an array of numbers.", "Give one number an interval."
        ) from None
    if rates.ndim != 1:
        raise invalid(
            POINTER,
            f"The rates have shape {rates.shape}; one rate per interval is expected.",
            "Give a one-dimensional array.",
        )
    if rates.size < 2:
        raise invalid(
            POINTER,
            f"The trace has {rates.size} sample(s); at least 2 are needed.",
            "Give a longer trace.",
        )
    bad = np.flatnonzero(~((rates >= 0.0) & (rates <= MAX_RPS)))
    if bad.size:
        more = f" ({bad.size - 1} more are bad)" if bad.size > 1 else ""
        raise invalid(
            POINTER,
            f"Sample {bad[0]} is {rates[bad[0]]:g} requests per second{more}.",
            f"Rates must be numbers from 0 to {MAX_RPS:g}.",
        )
    rates.setflags(write=False)
    return rates


def _too_short(trace: Trace, split: str, length: int) -> SpecError:
    have = len(trace.span(split))
    need = {"train": -(-10 * length // 7), "test": 5 * length, "all": length}[split]
    shorten = f"Shorten the episode to {have} step(s) or fewer, or use" if have else "Use"
    return invalid(
        POINTER,
        f"The {split} part of the trace has {have} step(s) of {trace.step_s:g} s; "
        f"{length} are needed.",
        f"{shorten} a trace of at least {need} steps ({need * trace.step_s / 3600:.3g} h).",
        ErrorCode.INVALID_REQUEST,
    )


def _range(span: range) -> slice:
    return slice(span.start, span.stop)


def _clipped(
    stretches: tuple[tuple[float, float], ...], begin: float, end: float
) -> tuple[tuple[float, float], ...]:
    inside = ((max(a, begin) - begin, min(b, end) - begin) for a, b in stretches)
    return tuple((a, b) for a, b in inside if a < b)
