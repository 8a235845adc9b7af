"""The start of an episode: what is drawn, and the world as the agent first sees it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cwm_gym.core.autoscaler import start_autoscaler
from cwm_gym.core.demand import start_demand
from cwm_gym.core.jit import jit
from cwm_gym.core.observe import pool_rps, take_sample
from cwm_gym.core.records.world import LAYOUT_VERSION, MAX_BATCHES
from cwm_gym.core.rng import uniform
from cwm_gym.core.service import clear_gauge, clear_meter

NEVER_S = -1e9


@jit
def _clear_pool(p: Any, fleet: Any, instances: int) -> None:
    fleet.desired = instances
    fleet.ready = instances
    for i in range(MAX_BATCHES):
        fleet.launching[i].at_s = 0.0
        fleet.launching[i].count = 0.0
        fleet.warming[i].at_s = 0.0
        fleet.warming[i].count = 0.0
        fleet.draining[i].at_s = 0.0
        fleet.draining[i].count = 0.0
    _clear_queue(fleet.queue)
    fleet.busy = 0.0
    fleet.servers = instances * p.vcpus
    fleet.acted_at_s = NEVER_S
    fleet.scaled_at_s = NEVER_S
    fleet.scaled_by = 0
    clear_gauge(fleet)


@jit
def _clear_queue(queue: Any) -> None:
    queue.waiting = 0.0
    queue.waiting_sq = 0.0
    queue.wait_rate = 0.0
    queue.in_service = 0.0


@jit
def _clear_totals(t: Any) -> None:
    t.steps = 0
    t.seconds = 0.0
    t.reward = 0.0
    t.usd = 0.0
    t.arrived = 0.0
    t.served = 0.0
    t.failed = 0.0
    t.violation_s = 0.0
    t.latency_p95_s = 0.0
    t.scaling_actions = 0
    t.config_actions = 0
    t.ignored_actions = 0
    t.instance_s = 0.0


@jit
def draw_episode(params: Any, w: Any) -> None:
    """Draw what changes from episode to episode: the offset, and randomised parameters.

    The same numbers are drawn whatever is randomised later, so that adding a randomised
    parameter at the end of the list leaves the earlier draws alone.

    Args:
        params: ``PARAMS`` record of the scenario.
        w: ``WORLD`` record; its episode stream advances.
    """
    w.offset_s = uniform(w.rng)
    for i in range(params.draw.count):
        low = params.draw.low[i]
        high = params.draw.high[i]
        if params.draw.integer[i] == 1:
            w.draw[i] = min(math.floor(low + uniform(w.rng) * (high - low + 1.0)), high)
        else:
            w.draw[i] = low + uniform(w.rng) * (high - low)


@jit
def start_world(params: Any, tables: NDArray[np.float64], w: Any, wish: Any) -> None:
    """Put a world at the start of an episode, after :func:`draw_episode`.

    Args:
        params: ``PARAMS`` record in force (with this episode's draws applied).
        tables: float64[M], samples of all traces.
        w: ``WORLD`` record.
        wish: ``START`` record: offset and fleet where the caller asks for particular ones.
    """
    episode = params.episode
    demand = params.demand
    w.version = LAYOUT_VERSION
    w.fingerprint = params.fingerprint
    w.time_s = 0.0
    w.step = 0
    w.tick_s = episode.tick_s
    w.done = 0
    w.outage_steps = 0
    w.offset_s = demand.offset_low_s + w.offset_s * (demand.offset_high_s - demand.offset_low_s)
    if not math.isnan(wish.offset_s):
        w.offset_s = wish.offset_s
    start_demand(demand, tables, w, episode.tick_s)
    for i in range(params.n_pools):
        instances = params.pool[i].initial
        if i == episode.primary and wish.fleet >= 0:
            instances = wish.fleet
        instances = min(max(instances, params.pool[i].minimum), params.pool[i].maximum)
        _clear_pool(params.pool[i], w.pool[i], instances)
    _clear_queue(w.database.queue)
    # A database that is there from the start is nothing new: its penalty counts in full.
    w.database.seen_steps = math.ceil(params.reward.pressure_ramp_steps)
    start_autoscaler(params, w)
    w.changes = 0
    w.reversals = 0
    w.config_changes = 0
    w.n_samples = 0
    w.n_events = 0
    _clear_totals(w.totals)
    first_look(params, w)


@jit
def first_look(params: Any, w: Any) -> None:
    """Fill meter and sample before the first tick.

    The agent sees the demand of the tick before and an idle service; nothing has been measured
    yet, so latency and errors are zero.

    Args:
        params: ``PARAMS`` record in force.
        w: ``WORLD`` record.
    """
    m = w.meter
    clear_meter(m)
    capacity = 0.0
    cost = params.fixed.usd_per_hour
    for i in range(params.n_pools):
        capacity += w.pool[i].ready * pool_rps(params.pool[i])
        cost += w.pool[i].ready * params.pool[i].usd_per_hour
        m.ready += w.pool[i].ready
    if params.database.present == 1:
        cost += params.database.usd_per_hour
    m.offered_rps = w.rate_rps
    m.throughput_rps = 0.0
    m.capacity_rps = capacity
    m.latency_mean_s = 0.0
    m.latency_p50_s = 0.0
    m.latency_p95_s = 0.0
    m.latency_p99_s = 0.0
    m.error_rate = 0.0
    m.backlog = 0.0
    m.cost_usd_per_hour = cost
    m.seconds = 0.0
    m.sla_violations = 0.0
    m.health = 0.0
    m.reward = 0.0
    m.performance = 0.0
    m.cost = 0.0
    m.stability = 0.0
    m.sla = 0.0
    m.pressure_penalty = 0.0
    m.safe_cost = 0.0
    w.smooth_rps = w.rate_rps
    take_sample(params, w)
