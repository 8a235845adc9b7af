"""Reads demand from the JSON that Prometheus returns for a range query.

The format is that of ``/api/v1/query_range``: ``{"status": "success", "data": {"resultType":
"matrix", "result": [{"metric": {...}, "values": [[seconds, "value"], ...]}, ...]}}``
(https://prometheus.io/docs/prometheus/latest/querying/api).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cwm_gym.spec.errors import SpecError
from cwm_gym.workload.files import read_text
from cwm_gym.workload.samples import Samples, to_trace, unreadable
from cwm_gym.workload.trace import Trace


def read_prometheus(
    source: str | Path | Mapping[str, object],
    *,
    unit: str = "rps",
    step_s: float | None = None,
    max_gap_s: float | None = None,
) -> Trace:
    """Read a trace from a Prometheus range-query result.

    Several series (one per pod, say) are summed; a series that has no sample at a time where
    another has one counts as zero there. Times at which no series has a sample are gaps.

    Args:
        source: Path of the JSON file, or the parsed answer: whole, or its ``data`` alone.
        unit: What the values count; ``rate(...)`` gives ``"rps"``, ``increase(...[step])`` gives
            ``"requests"``.
        step_s: The query's step in seconds, if it shall be checked.
        max_gap_s: Longest gap in seconds to fill; see :func:`cwm_gym.workload.samples.to_trace`.

    Returns:
        The trace, at the step of the query.

    Raises:
        SpecError: If the document is not a successful matrix result, or a sample is unusable.
    """
    if isinstance(source, Mapping):
        name, document = "prometheus", source
    else:
        path = Path(source).expanduser()
        name, document = path.name, _parsed(path)
    series = _series(name, document)
    every = np.concatenate([times for times, _ in series])
    times, place = np.unique(every, return_inverse=True)
    values = np.zeros(times.size)
    np.add.at(values, place, np.concatenate([values for _, values in series]))
    samples = Samples(times, values, True, lambda k: f"time {times[k]:.15g}", name)
    return to_trace(samples, unit=unit, step_s=step_s, max_gap_s=max_gap_s)


def _parsed(path: Path) -> Mapping[str, object]:
    try:
        document = json.loads(read_text(path))
    except json.JSONDecodeError as error:
        raise unreadable(path.name, f"is not JSON at line {error.lineno}: {error.msg}") from None
    if not isinstance(document, Mapping):
        raise _not_a_matrix(path.name)
    return document


def _series(
    name: str, document: Mapping[str, object]
) -> list[tuple[NDArray[np.float64], NDArray[np.float64]]]:
    if document.get("status", "success") != "success":
        reason = document.get("error", "no reason given")
        raise unreadable(name, f"is a failed Prometheus query ({reason})", "Repeat the query.")
    data = document.get("data", document)
    if not isinstance(data, Mapping) or data.get("resultType") != "matrix":
        raise _not_a_matrix(name)
    result = data.get("result")
    if not isinstance(result, list):
        raise _not_a_matrix(name)
    if not result:
        raise unreadable(name, "holds no series", "Check the query's selector and time range.")
    return [_samples(name, number, entry) for number, entry in enumerate(result)]


def _samples(
    name: str, number: int, entry: object
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    pairs = entry.get("values") if isinstance(entry, Mapping) else None
    try:
        # Prometheus writes values as strings ("0.5", "NaN", "+Inf"); float reads them all.
        table = np.array([(float(t), float(v)) for t, v in pairs], dtype=np.float64)  # type: ignore[union-attr]
    except (TypeError, ValueError):
        raise unreadable(
            name,
            f"has no [time, value] pairs in series {number}",
            "Histogram samples need a query that makes numbers of them.",
        ) from None
    if not table.size:
        raise unreadable(name, f"has no samples in series {number}")
    times, values = table[:, 0], table[:, 1]
    wrong = np.flatnonzero(~(np.diff(times, prepend=-np.inf) > 0.0))
    if wrong.size:
        raise unreadable(name, f"does not increase in time at sample {wrong[0]} of series {number}")
    bad = np.flatnonzero(~((values >= 0.0) & (values < np.inf)))
    if bad.size:
        raise unreadable(
            name,
            f"has the value {values[bad[0]]:g} at sample {bad[0]} of series {number}",
            "Demand is finite and not negative; a sample that is left out is interpolated.",
        )
    return times, values


def _not_a_matrix(name: str) -> SpecError:
    return unreadable(
        name,
        "is not a Prometheus range-query result",
        'Save the answer of /api/v1/query_range (resultType "matrix").',
    )
