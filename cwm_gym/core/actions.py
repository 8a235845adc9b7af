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
from cwm_gym.core.faults import forget_taken
from cwm_gym.core.jit import jit
from cwm_gym.core.provisioning import set_desired
from cwm_gym.core.queueing.records import BACKEND, MAX_TIERS
from cwm_gym.core.records.step import DISCRETE_ACTIONS, MASK_SIZE, MULTI_KINDS
from cwm_gym.core.tiers import start_backend, start_pool

ACTION_KINDS = (
    "no_op",
    "scale_out",
    "scale_in",
    "adjust_threshold",
    "set_fleet",
    "continuous",
    "add_resource",
    "remove_resource",
    "set_recovery_policy",
)
(
    NO_OP,
    SCALE_OUT,
    SCALE_IN,
    ADJUST_THRESHOLD,
    SET_FLEET,
    CONTINUOUS,
    ADD_RESOURCE,
    REMOVE_RESOURCE,
    SET_RECOVERY_POLICY,
) = range(len(ACTION_KINDS))
CPU_CHANGE = 0.10  # what a continuous action of 1 adds to the CPU threshold
CPU_SMALLEST = 0.05  # smaller second numbers of a continuous action change nothing
CPU_LOWEST, CPU_HIGHEST = 0.10, 0.95

_N_KINDS = len(MULTI_KINDS)
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
    if change < 0 and w.faulty == 1:
        forget_taken(w, pool)
    fleet.scaled_by = change
    fleet.scaled_at_s = w.time_s
    cpu = fleet.busy / fleet.servers if fleet.servers > 0.0 else 0.0
    kind = by if change > 0 else by + 1
    events.record(w, kind, pool, float(abs(change)), float(desired), cpu)


@jit
def _ignore(w: Any, kind: int) -> None:
    w.totals.ignored_actions += 1
    events.record(w, events.ACTION_IGNORED, events.WHOLE_SERVICE, float(kind), 0.0, 0.0)


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
    events.record(
        w,
        events.THRESHOLD_CHANGED,
        events.WHOLE_SERVICE,
        tuned.out_cpu,
        tuned.out_throughput,
        tuned.out_latency_s,
    )
    return True


@jit
def _scale_by(params: Any, w: Any, pool: int, change: int) -> bool:
    """Grow or shrink within bounds; False when nothing can change."""
    if pool >= params.n_pools or w.pool[pool].present == 0:
        return False
    p = params.pool[pool]
    fleet = w.pool[pool]
    desired = min(max(fleet.desired + change, p.minimum), p.maximum)
    if desired == fleet.desired or in_cooldown(params.episode, w, pool):
        return False
    scale_to(params, w, pool, desired, events.SCALE_OUT)
    fleet.acted_at_s = w.time_s
    return True


@jit
def is_there(params: Any, w: Any, tier: int) -> bool:
    """Tell whether a tier stands for a resource that is there."""
    if tier < BACKEND:
        return tier < params.n_pools and w.pool[tier].present == 1
    return tier - BACKEND < params.n_backends and w.backend[tier - BACKEND].present == 1


@jit
def can_add(params: Any, w: Any, tier: int) -> bool:
    """Tell whether a tier stands for a spare resource that is not there."""
    if tier < BACKEND:
        return tier < params.n_pools and w.pool[tier].present == 0
    return tier - BACKEND < params.n_backends and w.backend[tier - BACKEND].present == 0


@jit
def can_remove(params: Any, w: Any, tier: int) -> bool:
    """Tell whether a resource may go: the pool that the agent scales and what others need stay."""
    return tier != params.episode.primary and is_there(params, w, tier)


@jit
def _add(params: Any, w: Any, tier: int) -> bool:
    if not can_add(params, w, tier):
        return False
    count = 1
    if tier < BACKEND:
        p = params.pool[tier]
        start_pool(p, w.pool[tier], 0)
        w.pool[tier].present = 1
        count = p.initial
        w.meter.usd += set_desired(p, w.pool[tier], w.time_s, count)
    else:
        start_backend(params.backend[tier - BACKEND], w.backend[tier - BACKEND])
        w.backend[tier - BACKEND].present = 1
    events.record(w, events.RESOURCE_ADDED, tier, float(count), 0.0, 0.0)
    return True


@jit
def _remove(params: Any, w: Any, tier: int) -> bool:
    """Take a resource away; the requests that it still holds fail."""
    if not can_remove(params, w, tier):
        return False
    if tier < BACKEND:
        fleet = w.pool[tier]
        lost = fleet.queue.waiting + fleet.queue.in_service
        if params.pool[tier].detached == 1:
            w.meter.messages_lost += lost
            w.meter.messages_change -= lost
        else:
            w.meter.failed += lost
            w.meter.backlog_change -= lost
        start_pool(params.pool[tier], fleet, 0)
        fleet.present = 0
        forget_taken(w, tier)
    else:
        state = w.backend[tier - BACKEND]
        lost = state.queue.waiting + state.queue.in_service
        w.meter.failed += lost
        w.meter.backlog_change -= lost
        start_backend(params.backend[tier - BACKEND], state)
        state.present = 0
    events.record(w, events.RESOURCE_REMOVED, tier, lost, 0.0, 0.0)
    return True


@jit
def _set_policy(params: Any, w: Any, tier: int, action: Any) -> bool:
    if not is_there(params, w, tier) or not action.warning_cpu <= action.critical_cpu:
        return False
    health = w.pool[tier].health if tier < BACKEND else w.backend[tier - BACKEND].health
    policy = health.policy
    policy.critical_cpu = action.critical_cpu
    policy.critical_steps = int(action.critical_steps)
    policy.warning_cpu = action.warning_cpu
    policy.warning_steps = int(action.warning_steps)
    events.record(w, events.POLICY_CHANGED, tier, action.critical_cpu, action.warning_cpu, 0.0)
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
    target = action.target if action.target >= 0 else params.episode.primary
    if kind == NO_OP:
        return
    done = True
    if kind == SCALE_OUT:
        done = _scale_by(params, w, target, int(action.amount))
    elif kind == SCALE_IN:
        done = _scale_by(params, w, target, -int(action.amount))
    elif kind == SET_FLEET:
        wanted = int(action.amount)
        if target >= params.n_pools or wanted != w.pool[target].desired:
            done = target < params.n_pools and _scale_by(
                params, w, target, wanted - w.pool[target].desired
            )
    elif kind == ADJUST_THRESHOLD:
        done = _adjust(params, w, action.cpu, action.throughput, action.latency_s)
    elif kind == ADD_RESOURCE:
        done = _add(params, w, target)
        w.changes += 1 if done else 0
    elif kind == REMOVE_RESOURCE:
        done = _remove(params, w, target)
        w.changes += 1 if done else 0
    elif kind == SET_RECOVERY_POLICY:
        done = _set_policy(params, w, target, action)
        w.config_changes += 1 if done else 0
    else:
        p = params.pool[target]
        share = min(max(action.amount, -1.0), 1.0)
        change = int(np.rint(share * continuous_reach(p.maximum, p.minimum)))
        if change != 0:
            done = _scale_by(params, w, target, change)
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


@jit
def write_multi_mask(params: Any, w: Any, mask: Any) -> None:
    """Mark the values of each part of a ``multi_discrete`` action that some action can use.

    A value is masked only if nothing that contains it is possible. Kinds come first, then
    targets, then magnitudes.

    Args:
        params: ``PARAMS`` record.
        w: ``WORLD`` record.
        mask: int8[sum(MULTI_SIZES)], overwritten; 1 = possible.
    """
    for j in range(mask.shape[0]):
        mask[j] = 0
    mask[0] = 1
    tune = 1 if params.autoscaler.on == 1 else 0
    mask[3] = tune
    for tier in range(MAX_TIERS):
        there = is_there(params, w, tier)
        out = 0
        back = 0
        if tier < BACKEND and there and not in_cooldown(params.episode, w, tier):
            out = 1 if w.pool[tier].desired < params.pool[tier].maximum else 0
            back = 1 if w.pool[tier].desired > params.pool[tier].minimum else 0
        mask[1] |= out
        mask[2] |= back
        mask[4] |= 1 if can_add(params, w, tier) else 0
        mask[5] |= 1 if can_remove(params, w, tier) else 0
        mask[6] |= 1 if there else 0
        # Doing nothing is possible whatever target it names.
        mask[_N_KINDS + tier] = 1
    for j in range(_N_KINDS + MAX_TIERS, mask.shape[0]):
        mask[j] = 1
