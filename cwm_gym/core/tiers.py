"""Tiers at rest: a pool or a backend as it stands before anything has happened to it."""

from __future__ import annotations

from typing import Any

from cwm_gym.core.health import start_health
from cwm_gym.core.jit import jit
from cwm_gym.core.records.world import MAX_BATCHES

NEVER_S = -1e9


@jit
def clear_gauge(fleet: Any) -> None:
    """Restart the sums that a policy on its own period reads.

    Args:
        fleet: ``POOL`` record.
    """
    fleet.busy_s = 0.0
    fleet.server_s = 0.0
    fleet.ready_s = 0.0
    fleet.arrived = 0.0
    fleet.gauge_s = 0.0


@jit
def clear_queue(queue: Any) -> None:
    """Empty a ``QUEUE`` record."""
    queue.waiting = 0.0
    queue.waiting_sq = 0.0
    queue.wait_rate = 0.0
    queue.in_service = 0.0


@jit
def start_pool(p: Any, fleet: Any, instances: int) -> None:
    """Put a pool into operation with ready, warm and idle instances.

    Faults keep what they have taken of it: its zones stay out while they are, and its own stream
    of interruptions goes on.

    Args:
        p: ``POOL_PARAMS`` record.
        fleet: ``POOL`` record, overwritten.
        instances: Instances, all ready.
    """
    fleet.desired = instances
    fleet.lost = 0
    fleet.ready = instances
    for i in range(MAX_BATCHES):
        fleet.launching[i].at_s = 0.0
        fleet.launching[i].count = 0.0
        fleet.warming[i].at_s = 0.0
        fleet.warming[i].count = 0.0
        fleet.draining[i].at_s = 0.0
        fleet.draining[i].count = 0.0
    clear_queue(fleet.queue)
    fleet.busy = 0.0
    fleet.servers = instances * p.vcpus
    fleet.acted_at_s = NEVER_S
    fleet.scaled_at_s = NEVER_S
    fleet.scaled_by = 0
    fleet.warm = float(instances)
    fleet.idle_s = 0.0
    fleet.needed = 0.0
    fleet.needed_s = 0.0
    fleet.breaches_out = 0
    fleet.breaches_in = 0
    fleet.notified = 0
    fleet.busy_tick_s = 0.0
    fleet.server_tick_s = 0.0
    fleet.arrived_tick = 0.0
    fleet.failed_tick = 0.0
    start_health(p.status, p.policy, fleet.health)
    clear_gauge(fleet)


@jit
def start_backend(p: Any, state: Any) -> None:
    """Put a backend into operation, empty. Faults that keep it down still do.

    Args:
        p: ``BACKEND_PARAMS`` record.
        state: ``BACKEND`` record, overwritten.
    """
    clear_queue(state.queue)
    state.busy_tick_s = 0.0
    state.server_tick_s = 0.0
    state.visits = 0.0
    state.failed_tick = 0.0
    state.active = 0.0
    state.units = p.units_min
    state.breaches = 0
    state.busy_s = 0.0
    state.server_s = 0.0
    state.pressure = 0.0
    start_health(p.status, p.policy, state.health)
