"""What an action does, and which ones are possible.

An impossible action is a no-op that is counted (``totals.ignored_actions``), never an exception.
A scale-out that asks for more than the bound allows goes to the bound, as a provider's scaling
policy does; at the bound it is impossible.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from cwm_gym.core import events
from cwm_gym.core.jit import jit
from cwm_gym.core.provisioning import set_desired
from cwm_gym.core.records.step import DISCRETE_ACTIONS, MASK_SIZE

ACTION_KINDS = ("no_op", "scale_out", "scale_in", "adjust_threshold", "set_fleet", "continuous")
NO_OP, SCALE_OUT, SCALE_IN, ADJUST_THRESHOLD, SET_FLEET, CONTINUOUS = range(len(ACTION_KINDS))
CPU_CHANGE = 0.10  # what a continuous action of 1 adds to the CPU threshold
CPU_SMALLEST = 0.05  # smaller second numbers of a continuous action change nothing
CPU_LOWEST, CPU_HIGHEST = 0.10, 0.95

_TABLE_KIND = np.array([ACTION_KINDS.index(kind) for kind, _ in DISCRETE_ACTIONS])


@jit
def continuous_reach(maximum: int, minimum: int) -> int:
    """Count the instances that a continuous fleet action of 1 adds.

    Args:
        maximum: Largest fleet.
        minimum: Smallest fleet.

    Returns:
        Half of the range, at least 1.
    """
    return max(1, (maximum - minimum + 1) // 2)


@jit
def in_cooldown(episode: Any, w: Any, pool: int) -> bool:
    """Tell whether scaling is paused after the last scaling action of the agent.

    Args:
        episode: ``EPISODE_PARAMS`` record.
        w: ``WORLD`` record.
        pool: Pool number.

    Returns:
        True while ``action_cooldown_s`` has not passed.
    """
    return w.time_s - w.pool[pool].acted_at_s < episode.action_cooldown_s


@jit
def scale_to(params: Any, w: Any, pool: int, desired: int, by: int) -> None:
    """Change a fleet and keep the books of scaling: count, direction, reversal.

    Args:
        params: ``PARAMS`` record.
        w: ``WORLD`` record.
        pool: Pool number.
        desired: New size, inside the bounds, not the present one.
        by: Event kind for growing; the kind after it is for shrinking.
    """
    p = params.pool[pool]
    fleet = w.pool[pool]
    change = desired - fleet.desired
    if fleet.scaled_by * change < 0 and w.time_s - fleet.scaled_at_s < p.cooldown_s:
        w.reversals += 1
    w.changes += 1
    w.meter.usd += set_desired(p, fleet, w.time_s, desired)
    fleet.scaled_by = change
    fleet.scaled_at_s = w.time_s
    events.record(w, by if change > 0 else by + 1, pool, float(abs(change)))


@jit
def _ignore(w: Any, kind: int) -> None:
    w.totals.ignored_actions += 1
    events.record(w, events.ACTION_IGNORED, events.WHOLE_SERVICE, float(kind))


@jit
def _adjust(params: Any, w: Any, cpu: float, throughput: float, latency_s: float) -> bool:
    """Set the thresholds that are numbers; False when there is nothing to tune."""
    if params.autoscaler.on == 0:
        return False
    tuned = w.autoscaler
    given = not (math.isnan(cpu) and math.isnan(throughput) and math.isnan(latency_s))
    if not given:
        return False
    if not math.isnan(cpu):
        tuned.out_cpu = cpu
        tuned.in_cpu = min(tuned.in_cpu, cpu)
    if not math.isnan(throughput):
        tuned.out_throughput = throughput
        tuned.in_throughput = min(tuned.in_throughput, throughput)
    if not math.isnan(latency_s):
        tuned.out_latency_s = latency_s
    w.config_changes += 1
    events.record(w, events.THRESHOLD_CHANGED, events.WHOLE_SERVICE, tuned.out_cpu)
    return True


@jit
def _scale_by(params: Any, w: Any, pool: int, change: int) -> bool:
    """Grow or shrink within bounds; False when nothing can change."""
    p = params.pool[pool]
    fleet = w.pool[pool]
    desired = min(max(fleet.desired + change, p.minimum), p.maximum)
    if desired == fleet.desired or in_cooldown(params.episode, w, pool):
        return False
    scale_to(params, w, pool, desired, events.SCALE_OUT)
    fleet.acted_at_s = w.time_s
    return True


@jit
def apply_action(params: Any, w: Any, action: Any) -> None:
    """Carry out one action at the current time.

    Args:
        params: ``PARAMS`` record.
        w: ``WORLD`` record.
        action: ``ACTION`` record.
    """
    kind = action.kind
    pool = action.pool if action.pool >= 0 else params.episode.primary
    if kind == NO_OP:
        return
    if pool >= params.n_pools:
        _ignore(w, kind)
        return
    done = True
    if kind == SCALE_OUT:
        done = _scale_by(params, w, pool, int(action.amount))
    elif kind == SCALE_IN:
        done = _scale_by(params, w, pool, -int(action.amount))
    elif kind == SET_FLEET:
        wanted = int(action.amount)
        if wanted != w.pool[pool].desired:
            done = _scale_by(params, w, pool, wanted - w.pool[pool].desired)
    elif kind == ADJUST_THRESHOLD:
        done = _adjust(params, w, action.cpu, action.throughput, action.latency_s)
    else:
        p = params.pool[pool]
        share = min(max(action.amount, -1.0), 1.0)
        change = int(np.rint(share * continuous_reach(p.maximum, p.minimum)))
        if change != 0:
            done = _scale_by(params, w, pool, change)
        step = min(max(action.cpu, -1.0), 1.0)
        if params.autoscaler.on == 1 and abs(step) >= CPU_SMALLEST:
            cpu = w.autoscaler.out_cpu + step * CPU_CHANGE
            cpu = min(max(cpu, CPU_LOWEST), CPU_HIGHEST)
            _adjust(params, w, cpu, math.nan, math.nan)
    if not done:
        _ignore(w, kind)


@jit
def write_mask(params: Any, w: Any, mask: Any) -> None:
    """Mark which discrete actions are possible now.

    Args:
        params: ``PARAMS`` record.
        w: ``WORLD`` record.
        mask: int8[MASK_SIZE], overwritten; 1 = possible.
    """
    primary = params.episode.primary
    p = params.pool[primary]
    fleet = w.pool[primary]
    free = not in_cooldown(params.episode, w, primary)
    out = 1 if free and fleet.desired < p.maximum else 0
    back = 1 if free and fleet.desired > p.minimum else 0
    tune = 1 if params.autoscaler.on == 1 else 0
    for i in range(MASK_SIZE):
        kind = _TABLE_KIND[i]
        if kind == SCALE_OUT:
            mask[i] = out
        elif kind == SCALE_IN:
            mask[i] = back
        elif kind == ADJUST_THRESHOLD:
            mask[i] = tune
        else:
            mask[i] = 1
