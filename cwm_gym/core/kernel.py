"""Entry points: the functions that Python calls, each a loop over records.

The scalar environment is the batch of one. A slice of a batch may run in a thread of its own with
a workspace of its own: worlds are independent and every entry point releases the GIL.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from cwm_gym.core.actions import apply_action
from cwm_gym.core.demand import curve_rps
from cwm_gym.core.episode import draw_episode, start_world
from cwm_gym.core.jit import entry_point, jit, lend, prefetch
from cwm_gym.core.records.step import OUT
from cwm_gym.core.records.world import HOT_PARTS, MAX_EVENTS, MAX_SAMPLES, SAMPLE
from cwm_gym.core.rng import seed_stream
from cwm_gym.core.step import (
    advance,
    begin_tick,
    end_tick,
    look,
    step,
)

Records = NDArray[Any]
# Offsets of the cache lines that a step touches.
_HOT = np.concatenate([np.arange(start, start + size + 63, 64) for start, size in HOT_PARTS])
_N_HOT = len(_HOT)
_SAMPLE_LINES = SAMPLE.itemsize // 64 + 1
_OUT_LINES = OUT.itemsize // 64 + 1
_U = np.uint64


@jit
def write_draws(
    base: Any, w: Any, flat_floats: NDArray[np.float64], flat_integers: NDArray[np.int64]
) -> None:
    """Put a world's draws in the place of the parameters that they replace.

    Args:
        base: ``PARAMS`` record of the world's scenario, which lists what is drawn.
        w: ``WORLD`` record.
        flat_floats: All parameters as float64[P, fields].
        flat_integers: The same memory as int64[P, fields].
    """
    for k in range(base.draw.count):
        if base.draw.integer[k] == 1:
            flat_integers[w.row, base.draw.offset[k]] = int(w.draw[k])
        else:
            flat_floats[w.row, base.draw.offset[k]] = w.draw[k]


@jit
def _fetch_ahead(following: Any, later: Any, out: Any) -> None:
    """Have the memory of the next worlds brought near while this one is computed."""
    for line in range(_N_HOT):
        prefetch(later, _HOT[line])
    newest = following.sample[following.n_samples % MAX_SAMPLES]
    last = following.sample[(following.n_samples + MAX_SAMPLES - 1) % MAX_SAMPLES]
    for line in range(_SAMPLE_LINES):
        prefetch(newest, 64 * line)
        prefetch(last, 64 * line)
    prefetch(following.event[following.n_events % MAX_EVENTS], 0)
    for line in range(_OUT_LINES):
        prefetch(out, 64 * line)


@entry_point
def step_batch(
    params: Records,
    tables: NDArray[np.float64],
    worlds: Records,
    actions: Records,
    workspace: Records,
    out: Records,
    skip_done: bool,
) -> None:
    """Step every world by one tick.

    Args:
        params: ``PARAMS[P]``; world i runs on ``params[worlds[i].row]``.
        tables: float64[M], samples of all traces.
        worlds: ``WORLD[N]``, advanced in place.
        actions: ``ACTION[N]``.
        workspace: ``WORKSPACE[>=1]``; the first is used.
        out: ``OUT[N]``, overwritten.
        skip_done: Leave worlds whose episode has ended as they are.
    """
    lent = lend(tables)
    last = worlds.shape[0] - 1
    for i in range(worlds.shape[0]):
        w = worlds[i]
        _fetch_ahead(worlds[min(i + 1, last)], worlds[min(i + 2, last)], out[min(i + 1, last)])
        if not (skip_done and w.done == 1):
            step(params[w.row], lent, w, actions[i], workspace[0], out[i])


@entry_point
def seed_batch(worlds: Records, seeds: NDArray[np.uint64], chosen: NDArray[np.bool_]) -> None:
    """Start the random streams of the chosen worlds.

    Args:
        worlds: ``WORLD[N]``.
        seeds: uint64[N], already mixed with the split.
        chosen: bool[N].
    """
    for i in range(worlds.shape[0]):
        if chosen[i]:
            seed_stream(worlds[i].rng, seeds[i], _U(0))
            seed_stream(worlds[i].noise_rng, seeds[i], _U(1))
            seed_stream(worlds[i].fault_rng, seeds[i], _U(2))


@entry_point
def reset_batch(
    scenarios: Records,
    params: Records,
    flat_floats: NDArray[np.float64],
    flat_integers: NDArray[np.int64],
    tables: NDArray[np.float64],
    worlds: Records,
    starts: Records,
    out: Records,
    chosen: NDArray[np.bool_],
) -> None:
    """Start a new episode in the chosen worlds, continuing their random streams.

    Args:
        scenarios: ``PARAMS[S]`` as compiled.
        params: ``PARAMS[P]``; differs from ``scenarios`` only where parameters are randomised,
            in which case every world has a row of its own that the draws are written to.
        flat_floats: ``params`` as float64[P, fields].
        flat_integers: ``params`` as int64[P, fields], the same memory.
        tables: float64[M], samples of all traces.
        worlds: ``WORLD[N]``.
        starts: ``START[N]``, wishes for the start of the episode.
        out: ``OUT[N]``; observation and mask are written, the flags cleared.
        chosen: bool[N].
    """
    lent = lend(tables)
    for i in range(worlds.shape[0]):
        if not chosen[i]:
            continue
        w = worlds[i]
        base = scenarios[w.scenario]
        draw_episode(base, w)
        write_draws(base, w, flat_floats, flat_integers)
        p = params[w.row]
        start_world(p, lent, w, starts[i])
        out[i].reward = 0.0
        out[i].terminated = False
        out[i].truncated = False
        look(p, w, out[i])


@entry_point
def redraw_batch(
    scenarios: Records,
    flat_floats: NDArray[np.float64],
    flat_integers: NDArray[np.int64],
    worlds: Records,
) -> None:
    """Write the draws of restored worlds into their rows of parameters.

    Args:
        scenarios: ``PARAMS[S]`` as compiled.
        flat_floats: All parameters as float64[P, fields].
        flat_integers: The same memory as int64[P, fields].
        worlds: ``WORLD[N]``.
    """
    for i in range(worlds.shape[0]):
        write_draws(scenarios[worlds[i].scenario], worlds[i], flat_floats, flat_integers)


@entry_point
def look_batch(params: Records, worlds: Records, out: Records) -> None:
    """Write the observation and the mask of worlds as they stand.

    Args:
        params: ``PARAMS[P]``.
        worlds: ``WORLD[N]``.
        out: ``OUT[N]``.
    """
    for i in range(worlds.shape[0]):
        look(params[worlds[i].row], worlds[i], out[i])


@entry_point
def begin_batch(params: Records, worlds: Records, actions: Records, workspace: Records) -> None:
    """Open a tick in every world; see :func:`advance_batch`.

    Args:
        params: ``PARAMS[P]``.
        worlds: ``WORLD[N]``.
        actions: ``ACTION[N]``.
        workspace: ``WORKSPACE[N]``, one for each world.
    """
    for i in range(worlds.shape[0]):
        begin_tick(params[worlds[i].row], worlds[i], workspace[i], actions[i])


@entry_point
def advance_batch(
    params: Records,
    tables: NDArray[np.float64],
    worlds: Records,
    workspace: Records,
    seconds: float,
) -> None:
    """Advance every world inside its open tick, for policies that act more often than the agent.

    Args:
        params: ``PARAMS[P]``.
        tables: float64[M], samples of all traces.
        worlds: ``WORLD[N]``.
        workspace: ``WORKSPACE[N]``, one for each world.
        seconds: How far, s.
    """
    lent = lend(tables)
    for i in range(worlds.shape[0]):
        w = worlds[i]
        advance(params[w.row], lent, w, workspace[i], w.time_s + seconds)


@entry_point
def act_batch(params: Records, worlds: Records, actions: Records) -> None:
    """Carry out an action inside an open tick.

    Args:
        params: ``PARAMS[P]``.
        worlds: ``WORLD[N]``.
        actions: ``ACTION[N]``.
    """
    for i in range(worlds.shape[0]):
        apply_action(params[worlds[i].row], worlds[i], actions[i])


@entry_point
def end_batch(params: Records, worlds: Records, workspace: Records, out: Records) -> None:
    """Close the open tick of every world.

    Args:
        params: ``PARAMS[P]``.
        worlds: ``WORLD[N]``.
        workspace: ``WORKSPACE[N]``, one for each world.
        out: ``OUT[N]``.
    """
    for i in range(worlds.shape[0]):
        end_tick(params[worlds[i].row], worlds[i], workspace[i], out[i])


@entry_point
def demand_curve(
    params: Records,
    tables: NDArray[np.float64],
    row: int,
    times_s: NDArray[np.float64],
    rates_rps: NDArray[np.float64],
) -> None:
    """Evaluate the noise-free demand curve.

    Args:
        params: ``PARAMS[P]``.
        tables: float64[M], samples of all traces.
        row: Row of the parameters.
        times_s: float64[K], times on the curve (offset + episode time), s.
        rates_rps: float64[K], overwritten.
    """
    for k in range(times_s.shape[0]):
        rates_rps[k] = curve_rps(params[row].demand, tables, times_s[k])
