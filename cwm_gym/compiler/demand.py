"""Demand to parameters: patterns, forecasts, arrays and traces become patterns and tables."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from cwm_gym.core.demand import (
    BURST,
    CONSTANT,
    RAMP,
    SAMPLES,
    SPIKE,
    STAIRCASE,
    WAVE,
    cell_seconds,
)
from cwm_gym.core.records import MAX_PATTERNS
from cwm_gym.spec import EpisodeConfig, Shape, Simulation, TrafficForecast, TrafficPattern, Workload
from cwm_gym.spec.errors import ErrorCode, Problem, SpecError, invalid
from cwm_gym.workload import (
    GeneratedTraffic,
    from_array,
    is_generated,
    is_trace,
    load_generated,
    load_trace,
)

Traffic = (
    str
    | Path
    | Mapping[str, Any]
    | TrafficPattern
    | TrafficForecast
    | GeneratedTraffic
    | Sequence[TrafficPattern | Mapping[str, Any] | float]
    | NDArray[np.floating[Any]]
)

_KINDS = {
    "constant": CONSTANT,
    "ramp": RAMP,
    "staircase": STAIRCASE,
    "samples": SAMPLES,
    "wave": WAVE,
    "burst": BURST,
    "spike": SPIKE,
}
_MAX_SAMPLES = 1_000_000
# A second of the longest tick.
_FINEST_PART = 3600

_Document = TypeVar("_Document", TrafficForecast, TrafficPattern)


def write_demand(
    record: Any,
    simulation: Simulation,
    episode: EpisodeConfig,
    traffic: Traffic | None,
    *,
    max_steps: int,
    split: str,
    capacity_rps: float,
) -> NDArray[np.float64]:
    """Fill the parameters of demand.

    Precedence: ``traffic``, then the episode's pattern where it is set, then the simulation's
    workload. A bare pattern name takes the parameters of the simulation's own pattern of that
    type where it has one.

    Args:
        record: ``DEMAND_PARAMS`` record, overwritten.
        simulation: The document.
        episode: The episode in force.
        traffic: The environment's ``traffic`` argument.
        max_steps: Length of the episode, for the windows of a trace.
        split: ``train`` or ``test``: which part of a trace, which curves of a generator.
        capacity_rps: Capacity of the largest fleet, to which a trace or a curve is scaled.

    Returns:
        float64[M], the samples that the patterns refer to (at least one element).

    Raises:
        SpecError: For a traffic argument of the wrong form, or more patterns than fit.
    """
    workload = simulation.workload or Workload()
    tick_s = float(episode.tick_seconds)
    base = episode.initial_traffic if episode.is_set("initial_traffic") else simulation.traffic
    record["level_rps"] = base
    record["noise_sigma"] = workload.noise.sigma
    record["noise_correlation_s"] = workload.noise.correlation_seconds
    record["day_s"] = workload.day_length_seconds
    record["day_start_s"] = workload.day_start_seconds
    if is_generated(traffic):
        return _write_generated(record, traffic, max_steps * tick_s, split, capacity_rps)
    if is_trace(traffic):
        return _write_trace(record, traffic, max_steps, split, capacity_rps, tick_s)
    if _is_array(traffic):
        return _write_array(record, np.asarray(traffic), tick_s)
    placed: list[tuple[str, Shape]] = []
    for where, pattern in _patterns(simulation, workload, episode, traffic):
        try:
            placed.extend((where, shape) for shape in pattern.shapes(base))
        except SpecError as error:
            raise error.under(where) from None
    if len(placed) > MAX_PATTERNS:
        raise invalid(
            "/workload/patterns" if traffic is None else "/traffic",
            f"The demand curve has {len(placed)} elements; at most {MAX_PATTERNS} fit",
            "Merge patterns, or give the curve as a custom pattern.",
        )
    tables = [np.zeros(1)]
    size = 1
    for entry, (where, shape) in zip(record["pattern"], placed, strict=False):
        samples = _write_shape(entry, shape, tick_s, size, where)
        tables.append(samples)
        size += len(samples)
    record["n_patterns"] = len(placed)
    low, high = workload.start_offset.low * tick_s, workload.start_offset.high * tick_s
    own = traffic is None and not episode.is_set("target_traffic_pattern")
    if not own and high == 0.0:
        high = max((shape.period for _, shape in placed), default=0.0) * tick_s
    record["offset_low_s"], record["offset_high_s"] = low, high
    return np.concatenate(tables)


def _patterns(
    simulation: Simulation, workload: Workload, episode: EpisodeConfig, traffic: Any
) -> list[tuple[str, TrafficPattern]]:
    """The patterns in force, each with a pointer to where it stands."""
    own = [(f"/workload/patterns/{k}", one) for k, one in enumerate(workload.patterns)]
    if workload.forecast is not None:
        own.insert(0, ("/workload/forecast", _forecast_pattern(workload.forecast)))
    where = "/traffic"
    if traffic is None:
        if not episode.is_set("target_traffic_pattern"):
            return own
        traffic, where = episode.target_traffic_pattern, "/episode/targetTrafficPattern"
    if isinstance(traffic, Mapping) and ("dataPoints" in traffic or "data_points" in traffic):
        traffic = _read(TrafficForecast, traffic, where)
    if isinstance(traffic, TrafficForecast):
        return [(where, _forecast_pattern(traffic))]
    if isinstance(traffic, TrafficPattern | Mapping):
        return [(where, _read(TrafficPattern, traffic, where))]
    if isinstance(traffic, str):
        same = [(place, one) for place, one in own if _same_kind(one.type, traffic)]
        return same or [(where, _named(traffic, where))]
    if isinstance(traffic, Sequence) and not isinstance(traffic, bytes):
        if not traffic:
            raise invalid("/traffic", "The list of traffic patterns is empty", "Give at least one.")
        return _listed(traffic)
    raise invalid(
        "/traffic",
        f"Cannot use {type(traffic).__name__} as traffic",
        "Give a pattern name, TrafficPattern documents, a TrafficForecast, an array of rps per "
        'tick, a trace as pathlib.Path or {"trace": path}, or {"generator": kind}.',
        ErrorCode.INVALID_REQUEST,
    )


def _read(kind: type[_Document], traffic: Any, where: str) -> _Document:
    try:
        return kind.model_validate(traffic)
    except SpecError as error:
        raise error.under(where) from None


def _named(name: str, where: str) -> TrafficPattern:
    try:
        return TrafficPattern.named(name)
    except SpecError as error:
        raise error.under(where) from None


def _listed(traffic: Sequence[Any]) -> list[tuple[str, TrafficPattern]]:
    """Patterns of a list; what is wrong with all of them is one error."""
    found: list[tuple[str, TrafficPattern]] = []
    problems: list[Problem] = []
    for k, one in enumerate(traffic):
        where = f"/traffic/{k}"
        try:
            found.append((where, _read(TrafficPattern, one, where)))
        except SpecError as error:
            problems.extend(error.problems)
    if problems:
        raise SpecError(problems)
    return found


def _is_array(traffic: object) -> bool:
    """Whether traffic is an array of rates, or a list of numbers: the same in JSON."""
    if isinstance(traffic, list | tuple):
        numbers = int | float | np.integer | np.floating
        return bool(traffic) and all(
            isinstance(one, numbers) and not isinstance(one, bool) for one in traffic
        )
    return isinstance(traffic, np.ndarray)


def _same_kind(one: str, other: str) -> bool:
    return {"sine": "wave"}.get(one, one) == {"sine": "wave"}.get(other, other)


def _forecast_pattern(forecast: TrafficForecast) -> TrafficPattern:
    points = [{"timestamp": p.timestamp, "rps": p.rps} for p in forecast.data_points]
    return TrafficPattern.model_validate(
        {"type": "custom", "name": forecast.name, "parameters": {"points": points}}
    )


def _write_shape(
    entry: Any, shape: Shape, tick_s: float, start: int, where: str
) -> NDArray[np.float64]:
    entry["kind"] = _KINDS[shape.kind]
    entry["start_s"] = shape.start * tick_s
    entry["end_s"] = shape.end * tick_s
    entry["from_rps"] = shape.from_rps
    entry["to_rps"] = shape.to_rps
    entry["duration_s"] = shape.duration * tick_s
    entry["period_s"] = shape.period * tick_s
    entry["amplitude"] = shape.amplitude
    entry["steps"] = shape.jumps
    if shape.kind != "samples":
        return np.zeros(0)
    samples, step = _even(shape, where)
    entry["table_start"] = start
    entry["table_size"] = len(samples)
    entry["table_step_s"] = step * tick_s
    entry["hold"] = int(shape.hold)
    entry["scale"] = 1.0
    return samples


def _even(shape: Shape, where: str) -> tuple[NDArray[np.float64], float]:
    """Put points on an even grid that contains all of them.

    Times that are no multiples of a sixtieth of a step are rounded to 1/3600 of one, or to the
    finest part of a step that the number of samples allows.
    """
    times = np.array([t for t, _ in shape.points], dtype=np.float64)
    rates = np.array([r for _, r in shape.points], dtype=np.float64)
    part = next((p for p in (1, 60) if np.allclose(times * p, np.rint(times * p), 0, 1e-6)), 0)
    part = part or int(np.clip((_MAX_SAMPLES - 1) // times[-1], 1, _FINEST_PART))
    ticks = np.rint(times * part)
    gaps = np.diff(ticks, prepend=0.0)
    # Beyond 2**53 neighbouring whole numbers are one float.
    exact = ticks[-1] < 2.0**53
    whole = np.gcd.reduce(gaps[gaps > 0].astype(np.int64)) if exact and gaps.any() else 1
    count = ticks[-1] / whole + 1
    if count > _MAX_SAMPLES:
        raise invalid(
            where,
            f"The points span {times[-1]:g} steps at a distance of {whole / part:g}: "
            "too many samples",
            f"At most {_MAX_SAMPLES} samples fit; thin the points out.",
        )
    times, step, count = ticks / part, float(whole / part), round(count)
    grid = np.arange(count) * step
    if shape.hold:
        index = np.clip(np.searchsorted(times, grid + 1e-9, side="right") - 1, 0, None)
        return rates[index], step
    return np.interp(grid, times, rates), step


def _write_samples(record: Any, samples: NDArray[np.float64], step_s: float) -> NDArray[np.float64]:
    entry = record["pattern"][0]
    entry["kind"] = SAMPLES
    entry["end_s"] = math.inf
    entry["table_start"] = 1
    entry["table_size"] = len(samples)
    entry["table_step_s"] = step_s
    entry["hold"] = 1
    entry["scale"] = 1.0
    record["n_patterns"] = 1
    record["noise_sigma"] = 0.0
    return np.concatenate([np.zeros(1), samples])


def _write_array(record: Any, rates: NDArray[Any], tick_s: float) -> NDArray[np.float64]:
    if rates.ndim != 1 or rates.size == 0 or rates.dtype.kind not in "fiu":
        raise invalid(
            "/traffic",
            f"A traffic array has one number a tick, not shape {rates.shape} of {rates.dtype}",
            "Give a one-dimensional array of requests per second.",
        )
    try:
        # A trace has two samples at least, an array may have one.
        samples = from_array(np.append(rates, 0.0), tick_s).rps[:-1]
        return _write_samples(record, samples, tick_s)
    except SpecError as error:
        raise SpecError(replace(one, pointer="/traffic") for one in error.problems) from None


def _write_generated(
    record: Any,
    traffic: Mapping[str, Any] | GeneratedTraffic,
    episode_s: float,
    split: str,
    capacity_rps: float,
) -> NDArray[np.float64]:
    curve, noise = load_generated(traffic, split=split, capacity_rps=capacity_rps)
    if episode_s > curve.duration_s:
        raise invalid(
            "/traffic/days",
            f"The curve lasts {curve.duration_s / 86400:g} days, an episode "
            f"{episode_s / 86400:.4g}.",
            f"Set days to {math.ceil(episode_s / 86400)} or more, or shorten the episode.",
            ErrorCode.INVALID_REQUEST,
        )
    record["offset_low_s"] = 0.0
    record["offset_high_s"] = curve.duration_s - episode_s
    record["day_s"] = 86400.0
    record["day_start_s"] = 0.0
    tables = _write_samples(record, curve.rps, curve.step_s)
    record["noise_sigma"] = noise.sigma
    record["noise_correlation_s"] = noise.correlation_s
    return tables


def _write_trace(
    record: Any,
    traffic: Path | Mapping[str, Any],
    max_steps: int,
    split: str,
    capacity_rps: float,
    tick_s: float,
) -> NDArray[np.float64]:
    cell_s = cell_seconds.py_func(tick_s)
    trace = load_trace(traffic, cell_s, capacity_rps=capacity_rps)
    per_tick = round(tick_s / cell_s)
    starts = trace.windows(split, max_steps * per_tick)
    record["offset_low_s"] = starts.start * cell_s
    record["offset_high_s"] = (starts.stop - 1) * cell_s
    record["day_s"] = 86400.0
    record["day_start_s"] = trace.second_of_day
    return _write_samples(record, trace.rps, cell_s)
