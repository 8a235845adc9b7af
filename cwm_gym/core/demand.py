"""Demand: the noise-free curve lambda(t) and the noise upon it.

The curve is a pure function of the parameters and of the time on the curve (episode time plus
the episode's offset), so forecasts and oracles can look ahead. Patterns that set a level apply
in order, the last active one wins; patterns that multiply compose by multiplication.

Demand is constant inside a *cell*: the base tick, or an equal part of it of at most 60 s. The
cell's rate is the curve at its middle times noise. Cells lie on a fixed grid from the start of
the episode, so neither actions nor the length of single ticks change the demand that is met.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cwm_gym.core.jit import jit
from cwm_gym.core.rng import normal

CONSTANT, RAMP, STAIRCASE, SAMPLES, WAVE, BURST, SPIKE = range(7)
LONGEST_CELL_S = 60.0


@jit
def cell_seconds(tick_s: float) -> float:
    """Length of a demand cell.

    Args:
        tick_s: Base tick of the episode, s.

    Returns:
        The tick divided into the fewest equal parts of at most 60 s, in s.
    """
    return tick_s / math.ceil(tick_s / LONGEST_CELL_S)


@jit
def _sample(pattern: Any, tables: NDArray[np.float64], since_s: float) -> float:
    position = since_s / pattern.table_step_s
    last = pattern.table_size - 1
    if position <= 0.0:
        return pattern.scale * tables[pattern.table_start]
    if position >= last:
        return pattern.scale * tables[pattern.table_start + last]
    index = int(position)
    value = tables[pattern.table_start + index]
    if pattern.hold == 0:
        value += (position - index) * (tables[pattern.table_start + index + 1] - value)
    return pattern.scale * value


@jit
def curve_rps(demand: Any, tables: NDArray[np.float64], t: float) -> float:
    """Noise-free demand lambda(t).

    With s = t - start of the pattern, D its duration, P its period, a its amplitude:
    ramp from + (to - from) min(s/D, 1); staircase the same in ``steps`` equal jumps; wave
    1 + a sin(2 pi s / P); burst 1 + a while (s mod P) < D; spike 1 + a exp(-s/D).

    Args:
        demand: ``DEMAND_PARAMS`` record.
        tables: float64[M], samples of all traces.
        t: Time on the curve, s.

    Returns:
        Requests per second, >= 0.
    """
    level = demand.level_rps
    factor = 1.0
    for i in range(demand.n_patterns):
        p = demand.pattern[i]
        if t < p.start_s or t >= p.end_s:
            continue
        since = t - p.start_s
        if p.kind == CONSTANT:
            level = p.from_rps
        elif p.kind == RAMP:
            level = p.from_rps + (p.to_rps - p.from_rps) * min(since / p.duration_s, 1.0)
        elif p.kind == STAIRCASE:
            done = min(math.floor(since / p.duration_s * (p.steps + 1.0)), p.steps)
            level = p.from_rps + (p.to_rps - p.from_rps) * done / p.steps
        elif p.kind == SAMPLES:
            level = _sample(p, tables, since)
        elif p.kind == WAVE:
            factor *= max(0.0, 1.0 + p.amplitude * math.sin(2.0 * math.pi * since / p.period_s))
        elif p.kind == BURST:
            phase = since % p.period_s if p.period_s > 0.0 else since
            if phase < p.duration_s:
                factor *= max(0.0, 1.0 + p.amplitude)
        else:
            phase = since % p.period_s if p.period_s > 0.0 else since
            factor *= max(0.0, 1.0 + p.amplitude * math.exp(-phase / p.duration_s))
    return max(0.0, level * factor)


@jit
def start_demand(demand: Any, tables: NDArray[np.float64], w: Any, tick_s: float) -> None:
    """Put demand into the cell before the episode, with noise from its stationary law.

    Args:
        demand: ``DEMAND_PARAMS`` record.
        tables: float64[M], samples of all traces.
        w: ``WORLD`` record; its noise stream advances.
        tick_s: Base tick of the episode, s.
    """
    w.cell = -1
    w.noise = demand.noise_sigma * normal(w.noise_rng)
    _set_rate(demand, tables, w, cell_seconds(tick_s))


@jit
def _set_rate(demand: Any, tables: NDArray[np.float64], w: Any, cell_s: float) -> None:
    rate = curve_rps(demand, tables, w.offset_s + (w.cell + 0.5) * cell_s)
    sigma = demand.noise_sigma
    if sigma > 0.0:
        rate *= math.exp(w.noise - 0.5 * sigma * sigma)
    w.rate_rps = rate


@jit
def enter_cell(demand: Any, tables: NDArray[np.float64], w: Any, cell: int, cell_s: float) -> None:
    """Advance demand to a cell: noise by one AR(1) step a cell, then the rate.

    log noise x' = r x + sigma sqrt(1 - r^2) z with r = exp(-cell/correlation time); demand is
    the curve times exp(x - sigma^2/2), whose mean is the curve.

    Args:
        demand: ``DEMAND_PARAMS`` record.
        tables: float64[M], samples of all traces.
        w: ``WORLD`` record.
        cell: Cell to enter, not before the current one.
        cell_s: Length of a cell, s.
    """
    sigma = demand.noise_sigma
    if sigma > 0.0:
        kept = 0.0
        if demand.noise_correlation_s > 0.0:
            kept = math.exp(-cell_s / demand.noise_correlation_s)
        fresh = sigma * math.sqrt(1.0 - kept * kept)
        for _ in range(w.cell, cell):
            w.noise = kept * w.noise + fresh * normal(w.noise_rng)
    w.cell = cell
    _set_rate(demand, tables, w, cell_s)
