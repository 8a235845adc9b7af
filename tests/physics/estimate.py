"""Expected values and confidence intervals from independent groups of replications."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from tests.physics.events import BIN_START, BIN_WIDTH, Floats

GROUPS = 10
#: 0.975 quantile of Student's t with ``GROUPS - 1`` degrees of freedom.
STUDENT = 2.2621571628


def quantile(histogram: Floats, level: float) -> Floats:
    """Quantile of latencies counted in bins, interpolated geometrically inside a bin.

    Args:
        histogram: ``[ticks, BINS]`` counts.
        level: Between 0 and 1.

    Returns:
        ``[ticks]`` in s; NaN where nothing was counted.
    """
    found = np.full(len(histogram), np.nan)
    for tick, counts in enumerate(histogram):
        below = np.cumsum(counts)
        if below[-1] > 0:
            target = level * below[-1]
            place = int(np.searchsorted(below, target))
            inside = 1.0 - (below[place] - target) / counts[place]
            found[tick] = np.exp(BIN_START + (place + inside) * BIN_WIDTH)
    return found


def ratio(part: Floats, whole: Floats) -> Floats:
    """``part / whole``; NaN where ``whole`` is zero."""
    result = np.full(np.broadcast_shapes(part.shape, whole.shape), np.nan)
    np.divide(part, whole, out=result, where=whole > 0)
    return result


def latencies(histogram: Floats, total_s: Floats, completed: Floats) -> dict[str, Floats]:
    """Mean and percentiles in s of the requests completed in each tick.

    Args:
        histogram: ``[ticks, BINS]`` counts of latencies.
        total_s: ``[ticks]`` sum of the latencies.
        completed: ``[ticks]`` number of them.

    Returns:
        ``latency_mean``, ``p50``, ``p95`` and ``p99``, each ``[ticks]``.
    """
    return {
        "latency_mean": ratio(total_s, completed),
        "p50": quantile(histogram, 0.50),
        "p95": quantile(histogram, 0.95),
        "p99": quantile(histogram, 0.99),
    }


def estimate(
    run: Callable[[np.random.Generator, int], tuple[Floats, ...]],
    figures: Callable[[tuple[Floats, ...], int], dict[str, Floats]],
    replications: int,
    seed: int,
) -> tuple[dict[str, Floats], dict[str, Floats]]:
    """Run ``GROUPS`` independent groups; pool them for the value, compare them for its interval.

    Args:
        run: Runs a number of replications and returns their sums as a tuple of arrays.
        figures: Turns such sums, and the number of replications in them, into figures.
        replications: In all; a multiple of ``GROUPS``.
        seed: Group ``g`` draws from the stream ``(seed, g)``.

    Returns:
        The figures of all replications together, and the half-widths of their 95 % confidence
        intervals (NaN where fewer than two groups have a value).

    Raises:
        ValueError: If ``replications`` is not a positive multiple of ``GROUPS``.
    """
    if replications < GROUPS or replications % GROUPS:
        raise ValueError(f"replications must be a positive multiple of {GROUPS}")
    each = replications // GROUPS
    sums = [run(np.random.default_rng([seed, group]), each) for group in range(GROUPS)]
    together = tuple(np.sum(parts, axis=0) for parts in zip(*sums, strict=True))
    expected = figures(together, replications)
    separate = [figures(part, each) for part in sums]
    return expected, {key: _half_width(np.array([s[key] for s in separate])) for key in expected}


def _half_width(values: Floats) -> Floats:
    present = np.isfinite(values)
    number = present.sum(axis=0).astype(np.float64)
    mean = ratio(np.where(present, values, 0.0).sum(axis=0), number)
    squares = np.where(present, (values - mean) ** 2, 0.0).sum(axis=0)
    return STUDENT * np.sqrt(ratio(squares, np.where(number > 1, number - 1.0, 0.0)) / GROUPS)


def as_json(figures: Mapping[str, Floats], digits: int = 6) -> dict[str, Any]:
    """Figures as nested lists of numbers of a few significant digits; NaN becomes ``None``."""

    def plain(value: Any) -> Any:
        if isinstance(value, list):
            return [plain(v) for v in value]
        return float(f"{value:.{digits}g}") if np.isfinite(value) else None

    return {key: plain(values.tolist()) for key, values in figures.items()}
