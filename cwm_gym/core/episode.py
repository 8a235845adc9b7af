"""The start of an episode: what is drawn, and the world as the agent first sees it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cwm_gym.core.autoscaler import start_autoscaler
from cwm_gym.core.billing import run_rate_usd_per_hour
from cwm_gym.core.demand import start_demand
from cwm_gym.core.faults import start_faults
from cwm_gym.core.jit import jit
from cwm_gym.core.observe import take_sample
from cwm_gym.core.provisioning import pool_rps
from cwm_gym.core.records.params import DATABASE
from cwm_gym.core.records.world import LAYOUT_VERSION
from cwm_gym.core.rng import uniform
from cwm_gym.core.service import clear_extras, clear_meter
from cwm_gym.core.tiers import start_backend, start_pool
from cwm_gym.core.units import LOOK_S


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
    t.messages = 0.0
    t.processed = 0.0


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
        p = params.pool[i]
        instances = p.initial
        if i == episode.primary and wish.fleet >= 0:
            instances = wish.fleet
        instances = min(max(instances, p.minimum), p.maximum)
        if p.spare == 1:
            instances = 0
        start_pool(p, w.pool[i], instances)
        w.pool[i].present = 1 - p.spare
        w.pool[i].zones_out = 0
    w.pressure_steps = 0
    w.units_at_s = math.inf
    for k in range(params.n_backends):
        start_backend(params.backend[k], w.backend[k])
        w.backend[k].down = 0
        w.backend[k].present = 1 - params.backend[k].spare
        if params.backend[k].units_max > 0.0:
            w.units_at_s = LOOK_S
        if params.backend[k].spare == 0 and params.backend[k].kind == DATABASE:
            # A database that is there from the start is nothing new: its penalty counts in full.
            w.pressure_steps = max(1, math.ceil(params.reward.pressure_ramp_steps))
    w.faulty = 0
    start_faults(params, w)
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
    clear_extras(m)
    capacity = 0.0
    for i in range(params.n_pools):
        own = w.pool[i].ready * pool_rps(params.pool[i])
        if params.pool[i].entry == 1 and w.pool[i].present == 1:
            capacity += own
        if i == params.episode.primary:
            m.primary_rps = own
        m.ready += w.pool[i].ready
    cost = run_rate_usd_per_hour(params, w)
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
    m.lost = 0.0
    m.reward = 0.0
    m.performance = 0.0
    m.cost = 0.0
    m.stability = 0.0
    m.sla = 0.0
    m.pressure_penalty = 0.0
    m.safe_cost = 0.0
    w.smooth_rps = w.rate_rps
    take_sample(params, w)
