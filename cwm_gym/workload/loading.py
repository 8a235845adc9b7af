"""The one door through which a ``traffic`` argument becomes a trace at the environment's tick."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TypeGuard

from cwm_gym.spec.errors import ErrorCode, closest, invalid
from cwm_gym.workload.csv_reader import read_csv
from cwm_gym.workload.prometheus import read_prometheus
from cwm_gym.workload.trace import DEFAULT_SHARE, Trace, positive

_KEYS = ("trace", "column", "time_column", "unit", "step_s", "max_gap_s", "share")


def is_trace(value: object) -> TypeGuard[Path | Mapping[str, object]]:
    """Whether a ``traffic`` argument names a trace.

    A plain string never does: it is the name of a pattern.

    Args:
        value: The argument.

    Returns:
        True for a ``pathlib.Path`` and for a mapping with the key ``trace``.
    """
    return isinstance(value, Path) or (isinstance(value, Mapping) and "trace" in value)


def load_trace(
    spec: Path | Mapping[str, object], step_s: float, *, capacity_rps: float | None = None
) -> Trace:
    """Read the trace that a ``traffic`` argument names, and fit it to an environment.

    A file ending in ``.json`` is read as a Prometheus range-query result, any other as CSV.

    Args:
        spec: The file's path, or a mapping with ``trace`` (the path) and optionally ``column``,
            ``time_column``, ``unit``, ``step_s`` (interval of the rows), ``max_gap_s`` (see
            :func:`cwm_gym.workload.read_csv`) and ``share`` (see :meth:`Trace.rescale`; ``None``
            keeps the recorded rates).
        step_s: Tick of the environment in seconds.
        capacity_rps: What the largest allowed fleet can serve, in requests per second; ``None``
            keeps the recorded rates.

    Returns:
        The whole trace, resampled to the tick and then rescaled.

    Raises:
        SpecError: If the argument or the file is unusable.
    """
    if not is_trace(spec):
        raise invalid(
            "/traffic",
            f"{spec!r} is not a trace.",
            'Give a pathlib.Path or {"trace": path}; a string is the name of a pattern.',
            ErrorCode.INVALID_REQUEST,
        )
    fields: Mapping[str, object] = spec if isinstance(spec, Mapping) else {"trace": spec}
    path = _path(fields)
    column, time_column = _text(fields, "column"), _text(fields, "time_column")
    unit = _text(fields, "unit")
    row_s, max_gap_s = _number(fields, "step_s"), _number(fields, "max_gap_s")
    share = _number({"share": DEFAULT_SHARE, **fields}, "share")
    if path.suffix.casefold() == ".json":
        for name, value in (("column", column), ("time_column", time_column)):
            if value is not None:
                raise invalid(
                    f"/traffic/{name}",
                    f"{name} is for CSV files; {path.name} is read as Prometheus JSON.",
                    "Leave it out, and select series in the query.",
                )
        trace = read_prometheus(path, unit=unit or "rps", step_s=row_s, max_gap_s=max_gap_s)
    else:
        trace = read_csv(
            path,
            time_column=time_column,
            column=column,
            unit=unit,
            step_s=row_s,
            max_gap_s=max_gap_s,
        )
    trace = trace.resample(step_s)
    if capacity_rps is None or share is None:
        return trace
    return trace.rescale(capacity_rps, share)


def _path(fields: Mapping[str, object]) -> Path:
    for name in fields:
        if name not in _KEYS:
            raise invalid(
                f"/traffic/{name}",
                f"Unknown field {name!r} of a trace.",
                f"Did you mean {closest(str(name), _KEYS)[0]!r}? Known: {', '.join(_KEYS)}.",
            )
    path = fields["trace"]
    if not isinstance(path, str | Path) or not str(path):
        raise invalid("/traffic/trace", f"{path!r} is not a path.", "Name a CSV or JSON file.")
    return Path(path).expanduser()


def _text(fields: Mapping[str, object], name: str) -> str | None:
    value = fields.get(name)
    if value is not None and not isinstance(value, str):
        raise invalid(f"/traffic/{name}", f"{name} is {value!r}.", "Give a string.")
    return value


def _number(fields: Mapping[str, object], name: str) -> float | None:
    value = fields.get(name)
    return None if value is None else positive(value, f"/traffic/{name}", name)
