"""Reads demand from CSV files."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cwm_gym.spec.errors import ErrorCode, SpecError, closest, invalid
from cwm_gym.workload.files import read_text
from cwm_gym.workload.samples import UNITS, Samples, check_unit, to_trace, unreadable
from cwm_gym.workload.trace import POINTER, Trace, positive

TIME_NAMES = frozenset(
    ("time", "timestamp", "ts", "t", "date", "datetime", "period", "epoch", "unix", "seconds")
)
"""Headings under which plain numbers are times."""

UNIT_OF_NAME = {
    "rps": "rps",
    "qps": "rps",
    "requests_per_second": "rps",
    "rpm": "rpm",
    "requests_per_minute": "rpm",
    "count": "requests",
    "requests": "requests",
    "request_count": "requests",
}
"""Headings that say what their column counts."""

EPOCH_SCALES = ((1e17, 1e9), (1e14, 1e6), (1e11, 1e3), (1e8, 1.0))
"""From which number on a time counts ns, us, ms or s since 1970; below, seconds from the start.

The bounds keep the four apart for dates between March 1973 and November 5138.
"""

LAST_SECOND = 253402300799.0  # 9999-12-31T23:59:59Z, the end of the calendar of datetime

_PEEK = 10  # rows looked at to tell the kind of a column


def read_csv(
    path: str | Path,
    *,
    time_column: str | None = None,
    column: str | None = None,
    unit: str | None = None,
    step_s: float | None = None,
    max_gap_s: float | None = None,
) -> Trace:
    """Read a trace from a CSV file with a header line.

    Separators are comma, semicolon or tab. Times are ISO 8601 (``2014-04-10 00:04:00``, also with
    ``T``, fractions and an offset; UTC without one), numbers since 1970 in s, ms, us or ns, or
    plain seconds. What is not named is inferred where only one reading is possible: the time is
    the first column of ISO times, else the first numeric one under a usual heading (``time``,
    ``timestamp``, ``epoch``, ...); the value is the only other numeric column; the unit follows
    from a heading such as ``count``, ``requests``, ``rps`` or ``rpm``.

    Args:
        path: The file, UTF-8.
        time_column: Heading of the times.
        column: Heading of the values.
        unit: ``"rps"``, ``"rpm"`` or ``"requests"`` (requests counted in the row's interval).
        step_s: Interval in seconds of a file without times; with times, an expected value.
        max_gap_s: Longest gap in seconds to fill; see :func:`cwm_gym.workload.samples.to_trace`.

    Returns:
        The trace, at the interval of the file.

    Raises:
        SpecError: If the file, a column, a row or the unit is unusable; rows are named by their
            line in the file (the header is line 1).
    """
    path = Path(path).expanduser()
    if unit is not None:
        check_unit(unit)
    header, columns, lines = _table(path)
    data = dict(zip(header, columns, strict=True))
    time_name = _time_column(header, data, time_column, step_s)
    value_name = _value_column(header, data, time_name, column)
    if unit is None:
        unit = _inferred_unit(value_name)
    if time_name is None:
        step = positive(step_s, "/traffic/step_s", "step_s")
        times, dated = np.arange(len(lines), dtype=np.float64) * step, False
    else:
        times, dated = _times(path.name, time_name, data[time_name], lines)
    values = _numbers(path.name, value_name, data[value_name], lines)
    samples = Samples(times, values, dated, lambda k: f"line {lines[k]}", path.name)
    return to_trace(samples, unit=unit, step_s=step_s, max_gap_s=max_gap_s)


def _table(path: Path) -> tuple[list[str], list[tuple[str, ...]], list[int]]:
    """Header, columns and the line number of every row."""
    text = read_text(path)
    first = text.lstrip().split("\n", 1)[0]
    if not first:
        raise unreadable(path.name, "is empty", "It needs a header line and at least two rows.")
    reader = csv.reader(io.StringIO(text), delimiter=max(",;\t", key=first.count))
    try:
        numbered = [(reader.line_num, row) for row in reader if row]
    except csv.Error as error:
        raise unreadable(path.name, f"is not CSV at line {reader.line_num}: {error}") from None
    header = [name.strip() for name in numbered[0][1]]
    if any(_is_number(name) for name in header):
        raise unreadable(
            path.name, "has no header", "Its first line must name the columns, e.g. time,count."
        )
    if len(set(header)) < len(header):
        raise unreadable(path.name, "has two columns of the same name", "Rename one of them.")
    lines = [line for line, _ in numbered[1:]]
    rows = [row for _, row in numbered[1:]]
    for line, row in zip(lines, rows, strict=True):
        if len(row) != len(header):
            raise unreadable(
                path.name, f"has {len(row)} values in line {line}, but {len(header)} columns"
            )
    if len(rows) < 2:
        raise unreadable(path.name, "has fewer than 2 rows of data", "Give a longer file.")
    return header, list(zip(*rows, strict=True)), lines


def _time_column(
    header: Sequence[str],
    data: dict[str, tuple[str, ...]],
    name: str | None,
    step_s: float | None,
) -> str | None:
    if name is not None:
        return _known(name, header, "time_column")
    for candidate in header:
        if _is_iso(data[candidate][0]):
            return candidate
    for candidate in header:
        if candidate.casefold() in TIME_NAMES and _is_number(data[candidate][0]):
            return candidate
    if step_s is None:
        raise invalid(
            "/traffic/time_column",
            f"None of the columns {', '.join(header)} looks like a time.",
            "Name it with time_column, or give the interval of the rows as step_s.",
            ErrorCode.MISSING_REQUIRED,
        )
    return None


def _value_column(
    header: Sequence[str],
    data: dict[str, tuple[str, ...]],
    time_name: str | None,
    name: str | None,
) -> str:
    if name is not None:
        return _known(name, header, "column")
    others = [candidate for candidate in header if candidate != time_name]
    numeric = [c for c in others if any(_is_number(cell) for cell in data[c][:_PEEK])]
    if len(numeric) == 1:
        return numeric[0]
    if not numeric:
        raise invalid(
            "/traffic/column",
            f"No column of numbers among {', '.join(header)}.",
            "The file needs one column of rates or counts beside the time.",
        )
    raise invalid(
        "/traffic/column",
        f"Several columns hold numbers: {', '.join(numeric)}.",
        "Name the one with the demand with column.",
        ErrorCode.MISSING_REQUIRED,
    )


def _known(name: str, header: Sequence[str], field: str) -> str:
    if name in header:
        return name
    raise invalid(
        f"/traffic/{field}",
        f"There is no column {name!r}.",
        f"The closest are: {', '.join(closest(str(name), header))}.",
    )


def _inferred_unit(column: str) -> str:
    unit = UNIT_OF_NAME.get(column.casefold().replace(" ", "_"))
    if unit is None:
        meanings = "; ".join(f"{name} ({meaning})" for name, meaning in UNITS.items())
        raise invalid(
            "/traffic/unit",
            f"The heading {column!r} does not say what the column counts.",
            f"Set unit to one of: {meanings}.",
            ErrorCode.MISSING_REQUIRED,
        )
    return unit


def _times(
    source: str, name: str, cells: Sequence[str], lines: Sequence[int]
) -> tuple[NDArray[np.float64], bool]:
    """Seconds of every row, and whether they are calendar times."""
    if _is_number(cells[0]):
        numbers = _numbers(source, name, cells, lines)
        bad = np.flatnonzero(~np.isfinite(numbers))
        if bad.size:
            raise _bad_time(source, name, cells, lines, int(bad[0]))
        scale = next((scale for low, scale in EPOCH_SCALES if numbers[0] >= low), None)
        if scale is None:
            return numbers, False
        late = np.flatnonzero(numbers / scale > LAST_SECOND)
        if late.size:
            raise _bad_time(source, name, cells, lines, int(late[0]))
        return numbers / scale, True
    seconds = np.empty(len(cells))
    for k, cell in enumerate(cells):
        try:
            moment = datetime.fromisoformat(cell.strip())
        except ValueError:
            raise _bad_time(source, name, cells, lines, k) from None
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        seconds[k] = moment.timestamp()
    return seconds, True


def _bad_time(
    source: str, name: str, cells: Sequence[str], lines: Sequence[int], k: int
) -> SpecError:
    return invalid(
        POINTER,
        f"{source}, line {lines[k]}: {cells[k]!r} in column {name!r} is not a time.",
        "Use YYYY-MM-DD HH:MM:SS, ISO 8601, seconds or milliseconds since 1970, or plain seconds; "
        "one kind in the whole column.",
    )


def _numbers(
    source: str, name: str, cells: Sequence[str], lines: Sequence[int]
) -> NDArray[np.float64]:
    try:
        return np.fromiter(map(float, cells), np.float64, len(cells))
    except ValueError:
        k = next(k for k, cell in enumerate(cells) if not _is_number(cell))
    raise invalid(
        POINTER,
        f"{source}, line {lines[k]}: {cells[k]!r} in column {name!r} is not a number.",
        "Leave the row of a missing value out, and the gap is interpolated.",
    )


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _is_iso(cell: str) -> bool:
    if _is_number(cell):
        return False  # fromisoformat would read 20140410 as a date
    try:
        datetime.fromisoformat(cell.strip())
    except ValueError:
        return False
    return True
