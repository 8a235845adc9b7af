"""From timed samples, as files hold them, to a trace: units, spacing, order, gaps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from cwm_gym.spec.errors import ErrorCode, SpecError, closest, invalid
from cwm_gym.workload.trace import MAX_RPS, POINTER, Trace, positive

UNITS = {
    "rps": "requests per second",
    "rpm": "requests per minute",
    "requests": "requests counted in the sample's own interval",
}
"""What a value may count, by the name used for ``unit``."""

MAX_GAP_S = 900.0
"""Longest stretch without data, in seconds, that is filled by default.

Within a quarter of an hour the daily profile of a site moves less than its noise does.
"""

MAX_GAP_SAMPLES = 3
"""So many missing samples in a row are filled even where they last longer than ``MAX_GAP_S``."""


@dataclass(frozen=True)
class Samples:
    """Values with their times, in file order.

    Attributes:
        times: Seconds, float64 of shape ``(n,)``: since the epoch if ``dated``.
        values: In the unit of the file, float64 of shape ``(n,)``.
        dated: Whether the times are those of a calendar.
        where: Says where sample ``k`` stands, for messages: ``"line 17"``.
        source: Name of the trace.
    """

    times: NDArray[np.float64]
    values: NDArray[np.float64]
    dated: bool
    where: Callable[[int], str]
    source: str


def check_unit(unit: str) -> str:
    """Return a unit's name if it is known.

    Args:
        unit: One of :data:`UNITS`.

    Returns:
        The same name.

    Raises:
        SpecError: If it is unknown.
    """
    if unit not in UNITS:
        known = "; ".join(f"{name} ({meaning})" for name, meaning in UNITS.items())
        raise invalid(
            "/traffic/unit",
            f"Unknown unit {unit!r}.",
            f"Did you mean {closest(str(unit), list(UNITS))[0]!r}? Known: {known}.",
        )
    return unit


def to_trace(
    samples: Samples, *, unit: str, step_s: float | None = None, max_gap_s: float | None = None
) -> Trace:
    """Put samples on a regular grid and turn them into rates.

    The interval is the median spacing of the times, taken as a whole number of seconds where it is
    within 1 % of one. Every sample goes to the nearest interval. Missing intervals are filled by
    linear interpolation between their neighbours, up to the longer of ``max_gap_s`` and three
    samples, and listed in :attr:`Trace.filled`.

    Args:
        samples: What was read.
        unit: One of :data:`UNITS`.
        step_s: Expected interval in seconds; an error if the times disagree by more than 1 %.
        max_gap_s: Longest gap to fill in seconds; ``None`` is ``MAX_GAP_S``.

    Returns:
        The trace.

    Raises:
        SpecError: For an unknown unit, a bad value, times that do not increase or are irregular, a
            longer gap, or fewer than two samples.
    """
    check_unit(unit)
    longest = MAX_GAP_S if max_gap_s is None else positive(max_gap_s, "/traffic/max_gap_s", "it")
    if samples.times.size < 2:
        raise invalid(POINTER, f"{samples.source} has fewer than 2 samples.", "Give a longer file.")
    _check_order(samples)
    _check_values(samples)
    step = _interval(samples, step_s)
    index = np.rint((samples.times - samples.times[0]) / step).astype(np.int64)
    _check_spacing(samples, index, step)
    filled = _gaps(samples, index, step, longest)
    grid = np.arange(index[-1] + 1)
    values = np.interp(grid, index, samples.values)
    rps = values / {"rps": 1.0, "rpm": 60.0, "requests": step}[unit]
    return Trace(rps, step, start=_label(samples), source=samples.source, filled=filled)


def _check_order(samples: Samples) -> None:
    wrong = np.flatnonzero(~(np.diff(samples.times) > 0.0))
    if not wrong.size:
        return
    k = int(wrong[0]) + 1
    fault = "repeats" if samples.times[k] == samples.times[k - 1] else "is earlier than"
    raise invalid(
        POINTER,
        f"{samples.source}, {samples.where(k)}: the time {fault} the one before it"
        f"{_more(wrong.size)}.",
        "Sort the samples by time and keep one per time.",
    )


def _check_values(samples: Samples) -> None:
    bad = np.flatnonzero(~((samples.values >= 0.0) & (samples.values <= MAX_RPS)))
    if bad.size:
        k = int(bad[0])
        raise invalid(
            POINTER,
            f"{samples.source}, {samples.where(k)}: the value is {samples.values[k]:g}"
            f"{_more(bad.size)}.",
            f"Values must be numbers from 0 to {MAX_RPS:g}; leave a missing one out, "
            "and the gap is interpolated.",
        )


def _interval(samples: Samples, expected: float | None) -> float:
    median = float(np.median(np.diff(samples.times)))
    whole = round(median)
    step = float(whole) if whole and abs(median - whole) <= 0.01 * whole else median
    if expected is None:
        return step
    given = positive(expected, "/traffic/step_s", "step_s")
    if abs(step - given) > 0.01 * given:
        raise invalid(
            "/traffic/step_s",
            f"step_s is {given:g}, but the samples of {samples.source} are {step:g} s apart.",
            "Leave step_s out; the trace is resampled to the tick afterwards.",
        )
    return given


def _check_spacing(samples: Samples, index: NDArray[np.int64], step: float) -> None:
    crowded = np.flatnonzero(np.diff(index) < 1)
    if crowded.size:
        k = int(crowded[0]) + 1
        raise invalid(
            POINTER,
            f"{samples.source}, {samples.where(k)}: two samples fall into one interval of "
            f"{step:g} s{_more(crowded.size)}; the times are irregular.",
            "Aggregate the data to equal intervals first.",
        )


def _gaps(
    samples: Samples, index: NDArray[np.int64], step: float, longest: float
) -> tuple[tuple[float, float], ...]:
    missing = np.diff(index) - 1
    before = np.flatnonzero(missing)
    # A rounded-off interval must not turn a gap of exactly the limit into a longer one.
    allowed = max(longest * (1 + 1e-9), MAX_GAP_SAMPLES * step)
    wide = before[missing[before] * step > allowed]
    if wide.size:
        k = int(wide[0])
        raise invalid(
            POINTER,
            f"{samples.source}, after {samples.where(k)}: {int(missing[k])} samples of {step:g} s "
            f"are missing{_more(wide.size)}; gaps up to {max(longest, MAX_GAP_SAMPLES * step):g} s "
            "are filled.",
            "Cut the trace at the gap, or set max_gap_s to interpolate over it.",
        )
    return tuple((float(index[k] + 1) * step, float(index[k + 1]) * step) for k in before)


def _label(samples: Samples) -> str:
    if not samples.dated:
        return ""
    moment = datetime.fromtimestamp(float(samples.times[0]), UTC)
    return moment.replace(tzinfo=None).isoformat()


def _more(count: int) -> str:
    return f" ({count - 1} more like it)" if count > 1 else ""


def unreadable(name: str, reason: str, suggestion: str = "") -> SpecError:
    """Build the error for a file that cannot be used at all.

    Args:
        name: Name of the file.
        reason: What is wrong with it.
        suggestion: How to mend it.

    Returns:
        The error, ready to be raised.
    """
    return invalid(POINTER, f"{name} {reason}.", suggestion, ErrorCode.INVALID_REQUEST)
