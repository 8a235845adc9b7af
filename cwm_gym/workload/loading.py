"""The one door through which a ``traffic`` argument becomes a trace, read or generated."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal, TypeGuard

import numpy as np
from annotated_types import Ge, Le

from cwm_gym.spec.base import Document
from cwm_gym.spec.errors import ErrorCode, Problem, SpecError, closest, invalid
from cwm_gym.spec.problems import pointer, read_number
from cwm_gym.spec.quantities import Number, Positive, Whole
from cwm_gym.workload.csv_reader import read_csv
from cwm_gym.workload.generators import DAYS, MOST_DAYS, generate, generated_noise
from cwm_gym.workload.noise import Noise
from cwm_gym.workload.prometheus import read_prometheus
from cwm_gym.workload.trace import DEFAULT_SHARE, PEAK_QUANTILE, Trace, positive

_KEYS = ("trace", "column", "time_column", "unit", "step_s", "max_gap_s", "share")


class GeneratedTraffic(Document):
    """A ``traffic`` argument that asks for generated demand."""

    generator: Literal["diurnal", "flash_crowd", "heavy_tailed_burst"]
    """Kind of demand, one of :data:`cwm_gym.workload.KINDS`."""
    mean_rps: Positive | None = None
    """Mean rate of the curve, rps; None scales the curve to the fleet by ``share``."""
    share: Positive | None = None
    """Share of the largest fleet's capacity at the curve's p99; 0.8 if absent, as for traces."""
    days: Annotated[Number, Ge(1), Le(MOST_DAYS)] = DAYS
    """Length of the curve, days."""
    seed: Whole = 0
    """Seed of the curve; not that of the environment, which draws where an episode begins."""

    @classmethod
    def _conflicts(cls, node: object) -> Iterable[Problem]:
        if read_number(node, "meanRps") is not None and read_number(node, "share") is not None:
            yield Problem(
                ErrorCode.INVALID_FIELD,
                pointer("share"),
                "share and meanRps both say how high the demand is",
                "Give one of them.",
            )


def is_generated(value: object) -> TypeGuard[Mapping[str, object] | GeneratedTraffic]:
    """Whether a ``traffic`` argument asks for generated demand.

    Args:
        value: The argument.

    Returns:
        True for a :class:`GeneratedTraffic` and for a mapping with the key ``generator``.
    """
    if isinstance(value, GeneratedTraffic):
        return True
    return isinstance(value, Mapping) and "generator" in value


def load_generated(
    spec: Mapping[str, object] | GeneratedTraffic, *, split: str, capacity_rps: float
) -> tuple[Trace, Noise]:
    """Generate the demand that a ``traffic`` argument asks for, and fit it to a fleet.

    Args:
        spec: A mapping with ``generator`` and optionally ``meanRps`` or ``share``, ``days`` and
            ``seed``, in camelCase or snake_case; or the same as a document.
        split: ``"train"`` or ``"test"``.
        capacity_rps: What the largest allowed fleet can serve, in requests per second.

    Returns:
        The curve at steps of one minute, all of which belongs to the split, and its noise.

    Raises:
        SpecError: If the argument is unusable; lists every problem.
    """
    try:
        wanted = GeneratedTraffic.model_validate(spec)
    except SpecError as error:
        raise error.under("/traffic") from None
    kind, seed = wanted.generator, wanted.seed
    curve = generate(
        kind, split=split, seed=seed, days=wanted.days, mean_rps=wanted.mean_rps or 1.0
    )
    if wanted.mean_rps is None:
        # The curve belongs to one split, so its p99 is that of the whole.
        target = (wanted.share or DEFAULT_SHARE) * positive(
            capacity_rps, "/traffic/capacity_rps", "capacity_rps"
        )
        curve = replace(curve, rps=curve.rps * (target / np.quantile(curve.rps, PEAK_QUANTILE)))
    return curve, generated_noise(kind, split=split, seed=seed)


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
