"""Health of resources: healthy, warning, critical, offline, and the policy of recovery.

A resource turns critical above 90 % CPU or while it loses more than the tolerated share of its
requests, and goes into warning above the policy's warning threshold. The way back takes calm:
``critical_steps`` steps in a row at or below the critical threshold lead to warning,
``warning_steps`` at or below the warning threshold to healthy. Killed and crashed resources are
offline; they come back as critical.
"""

from __future__ import annotations

from typing import Any

from cwm_gym.core import events
from cwm_gym.core.jit import jit
from cwm_gym.core.queueing.records import BACKEND
from cwm_gym.core.records.params import SERVERLESS
from cwm_gym.core.records.world import CRITICAL, HEALTHY, OFFLINE, WARNING

CRITICAL_ENTRY_CPU = 0.9


@jit
def start_health(status: int, policy: Any, health: Any) -> None:
    """Begin with a status, under the documented policy.

    Args:
        status: Health at the start.
        policy: ``POLICY`` record of the parameters.
        health: ``HEALTH`` record, overwritten.
    """
    health.status = status
    health.calm_steps = 0
    health.policy.critical_cpu = policy.critical_cpu
    health.policy.critical_steps = policy.critical_steps
    health.policy.warning_cpu = policy.warning_cpu
    health.policy.warning_steps = policy.warning_steps


@jit
def next_status(health: Any, cpu: float, failing: bool, offline: bool) -> int:
    """Advance the health of one resource by a tick.

    Args:
        health: ``HEALTH`` record; its count of calm steps is updated.
        cpu: Utilisation in the tick, 0..1.
        failing: Whether it lost more requests than tolerated.
        offline: Whether it does not run at all.

    Returns:
        The new status.
    """
    policy = health.policy
    status = health.status
    calm = 0
    if offline:
        status = OFFLINE
    elif cpu > CRITICAL_ENTRY_CPU or failing or status == OFFLINE:
        status = CRITICAL
    elif status == CRITICAL:
        if cpu <= policy.critical_cpu:
            calm = health.calm_steps + 1
            if calm >= policy.critical_steps:
                status = WARNING
                calm = 0
    elif cpu > policy.warning_cpu:
        status = WARNING
    elif status == WARNING:
        calm = health.calm_steps + 1
        if calm >= policy.warning_steps:
            status = HEALTHY
            calm = 0
    health.calm_steps = calm
    return status


@jit
def _set(w: Any, health: Any, tier: int, cpu: float, failing: bool, offline: bool) -> None:
    before = health.status
    status = next_status(health, cpu, failing, offline)
    if status != before:
        health.status = status
        events.record(w, events.HEALTH_CHANGED, tier, float(status), cpu, float(before))


@jit
def update_health(params: Any, w: Any) -> None:
    """Judge every resource at the end of a tick.

    Args:
        params: ``PARAMS`` record.
        w: ``WORLD`` record, whose sums of the tick are complete.
    """
    limit = params.episode.error_limit
    for i in range(params.n_pools):
        fleet = w.pool[i]
        if fleet.present == 1:
            cpu = fleet.busy_tick_s / fleet.server_tick_s if fleet.server_tick_s > 0.0 else 0.0
            failing = fleet.failed_tick > limit * fleet.arrived_tick
            if i == params.episode.primary:
                failing = failing or w.meter.error_rate > limit
            offline = fleet.ready == 0 and params.pool[i].kind != SERVERLESS
            _set(w, fleet.health, i, cpu, failing, offline)
    for k in range(params.n_backends):
        state = w.backend[k]
        if state.present == 1:
            cpu = state.busy_tick_s / state.server_tick_s if state.server_tick_s > 0.0 else 0.0
            failing = state.failed_tick > limit * state.visits
            _set(w, state.health, BACKEND + k, cpu, failing, state.down > 0)
