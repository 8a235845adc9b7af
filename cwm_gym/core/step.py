"""One tick of one world: begin (action), advance (time), end (percentiles, reward, observation).

An agent's step is the three in a row. A policy that acts more often than the agent, such as an
autoscaler with a 15 s period, advances in smaller pieces between the same begin and end.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from cwm_gym.core import events
from cwm_gym.core.actions import apply_action, write_mask, write_multi_mask
from cwm_gym.core.autoscaler import autoscale
from cwm_gym.core.demand import cell_seconds, enter_cell
from cwm_gym.core.faults import run_faults
from cwm_gym.core.health import update_health
from cwm_gym.core.jit import jit
from cwm_gym.core.observe import take_sample, visible_sample, write_observation
from cwm_gym.core.provisioning import deliver, next_change_s, pool_rps
from cwm_gym.core.queueing.records import BACKEND
from cwm_gym.core.queueing.segment import begin_mixture, mixture_mean, mixture_quantile
from cwm_gym.core.records.params import CACHE, DATABASE, NODES, REPLICAS, STORAGE
from cwm_gym.core.records.world import MAX_SAMPLES, OFFLINE
from cwm_gym.core.reward import write_reward
from cwm_gym.core.service import MAX_PRESSURE, clear_extras, clear_meter, run_segment
from cwm_gym.core.tiers import clear_gauge
from cwm_gym.core.units import adapt_units

_TINY_S = 1e-9
STORAGE_WARNING_SHARE = 0.8
COST_SPIKE = 1.5  # a cost per hour that exceeds the last one by half is reported


@jit
def begin_tick(params: Any, w: Any, ws: Any, action: Any) -> None:
    """Open a tick and carry out the action.

    Args:
        params: ``PARAMS`` record in force.
        w: ``WORLD`` record.
        ws: ``WORKSPACE`` record, which keeps the tick's latencies until :func:`end_tick`.
        action: ``ACTION`` record.
    """
    w.tick_s = action.tick_s if action.tick_s > 0.0 else params.episode.tick_s
    w.changes = 0
    w.reversals = 0
    w.config_changes = 0
    clear_meter(w.meter)
    if params.extras == 1:
        clear_extras(w.meter)
    for i in range(params.n_pools):
        fleet = w.pool[i]
        fleet.busy_tick_s = 0.0
        fleet.server_tick_s = 0.0
        fleet.arrived_tick = 0.0
        fleet.failed_tick = 0.0
    for k in range(params.n_backends):
        state = w.backend[k]
        state.busy_tick_s = 0.0
        state.server_tick_s = 0.0
        state.visits = 0.0
        state.failed_tick = 0.0
        state.active = 0.0
    begin_mixture(ws)
    apply_action(params, w, action)
    w.meter.seconds = 0.0


@jit
def _evaluate_autoscaler(params: Any, w: Any, ws: Any) -> None:
    """Run the built-in autoscaler on the cell that has ended, in every pool that it owns."""
    latency = 0.0
    if w.autoscaler.out_latency_s > 0.0:
        latency = mixture_quantile(ws, 0.95)
    for i in range(params.n_pools):
        p = params.pool[i]
        fleet = w.pool[i]
        if p.autoscaled == 0 or fleet.present == 0:
            continue
        busy = fleet.busy_s - ws.seen_busy_s[i]
        available = fleet.server_s - ws.seen_server_s[i]
        seconds = fleet.gauge_s - ws.seen_gauge_s[i]
        arrived = fleet.arrived - ws.seen_arrived[i]
        ws.seen_busy_s[i] = fleet.busy_s
        ws.seen_server_s[i] = fleet.server_s
        ws.seen_gauge_s[i] = fleet.gauge_s
        ws.seen_arrived[i] = fleet.arrived
        cpu = busy / available if available > 0.0 else 1.0
        rate = arrived / seconds if seconds > 0.0 else 0.0
        autoscale(params, w, i, cpu, rate / (max(fleet.ready, 1) * pool_rps(p)), latency)


@jit
def advance(params: Any, tables: NDArray[np.float64], w: Any, ws: Any, until_s: float) -> None:
    """Run the world up to a time inside the tick.

    Time is split where something changes: at the border of a demand cell, when launched instances
    become ready, when drained ones leave.

    Args:
        params: ``PARAMS`` record in force.
        tables: float64[M], samples of all traces.
        w: ``WORLD`` record.
        ws: ``WORKSPACE`` record.
        until_s: Time to stop at, s.
    """
    cell_s = cell_seconds(params.episode.tick_s)
    for i in range(params.n_pools):
        clear_gauge(w.pool[i])
        ws.seen_busy_s[i] = 0.0
        ws.seen_server_s[i] = 0.0
        ws.seen_gauge_s[i] = 0.0
        ws.seen_arrived[i] = 0.0
    while w.time_s < until_s - _TINY_S:
        if w.next_fault_s <= w.time_s + _TINY_S:
            run_faults(params, w)
        cell = int(w.time_s / cell_s + _TINY_S)
        if cell != w.cell:
            enter_cell(params.demand, tables, w, cell, cell_s)
        border = (cell + 1) * cell_s
        end = min(until_s, border, w.next_fault_s)
        if params.episode.average_capacity == 0:
            for i in range(params.n_pools):
                end = min(end, next_change_s(w.pool[i]))
            end = max(end, w.time_s)
        start = w.time_s
        if end > start:
            run_segment(params, w, ws, end)
            w.meter.seconds += end - start
        for i in range(params.n_pools):
            ready = deliver(params.pool[i], w.pool[i], w.time_s)
            if ready > 0.0:
                events.record(w, events.INSTANCES_READY, i, ready, float(w.pool[i].ready), 0.0)
        if w.time_s >= border - _TINY_S:
            if w.time_s >= w.units_at_s - _TINY_S:
                adapt_units(params, w)
            if params.autoscaler.on == 1:
                _evaluate_autoscaler(params, w, ws)


@jit
def _finish_backend(params: Any, w: Any, k: int) -> None:
    m = w.meter
    kind = params.backend[k].kind
    state = w.backend[k]
    m.backlog += state.queue.waiting
    if kind <= REPLICAS:
        used = state.busy_tick_s / state.server_tick_s if state.server_tick_s > 0.0 else 0.0
        m.database_utilisation = max(m.database_utilisation, used)
        pressure = min(state.active / m.seconds, MAX_PRESSURE)
        m.connection_pressure = max(m.connection_pressure, pressure)


@jit
def _finish_extras(params: Any, w: Any) -> None:
    """Finish what only caches, volumes, queues, clusters and serverless instances have."""
    m = w.meter
    m.queue_depth /= m.seconds
    # Some of those that waited for a cold start may have failed later on.
    m.cold_share = min(m.cold_share / m.served, 1.0) if m.served > 0.0 else 0.0
    m.edge_share = min(m.edge_share / m.served, 1.0) if m.served > 0.0 else 0.0
    busy = 0.0
    servers = 0.0
    for i in range(params.n_pools):
        if params.pool[i].kind == NODES:
            busy += w.pool[i].busy_tick_s
            servers += w.pool[i].server_tick_s
    if servers > 0.0:
        m.node_utilisation = busy / servers
    hits = 0.0
    lookups = 0.0
    for k in range(params.n_backends):
        d = params.backend[k]
        state = w.backend[k]
        if d.kind == CACHE:
            lookups += state.visits
            hits += max(0.0, state.visits - state.failed_tick) * d.hit_rate
        elif d.kind == STORAGE and state.server_tick_s > 0.0:
            used = state.busy_tick_s / state.server_tick_s
            before = w.sample[(w.n_samples + MAX_SAMPLES - 1) % MAX_SAMPLES].storage_utilisation
            if used > STORAGE_WARNING_SHARE >= max(before, m.storage_utilisation):
                events.record(w, events.STORAGE_WARNING, BACKEND + k, used, 0.0, 0.0)
            m.storage_utilisation = max(m.storage_utilisation, used)
    if lookups > 0.0:
        m.cache_hit_rate = hits / lookups


@jit
def _finish_meter(params: Any, w: Any, ws: Any) -> None:
    m = w.meter
    per_second = 1.0 / m.seconds
    errors = m.timed_out + m.rejected + m.failed
    outcomes = errors + m.served
    m.offered_rps = m.arrived * per_second
    m.throughput_rps = m.served * per_second
    m.capacity_rps *= per_second
    m.waiting *= per_second
    m.ready *= per_second
    m.primary_rps *= per_second
    m.database_active *= per_second
    m.database_waiting *= per_second
    m.error_rate = errors / outcomes if outcomes > 0.0 else 0.0
    primary = w.pool[params.episode.primary]
    m.utilisation = 0.0
    if primary.server_tick_s > 0.0:
        m.utilisation = primary.busy_tick_s / primary.server_tick_s
    m.backlog = 0.0
    m.lost = 0.0
    for i in range(params.n_pools):
        m.backlog += w.pool[i].queue.waiting
        m.lost += w.pool[i].lost
    for k in range(params.n_backends):
        if w.backend[k].present == 1:
            _finish_backend(params, w, k)
    if params.extras == 1:
        _finish_extras(params, w)
    m.cost_usd_per_hour = m.usd * per_second * 3600.0
    m.latency_mean_s = mixture_mean(ws)
    m.latency_p95_s = mixture_quantile(ws, 0.95)
    if params.episode.all_quantiles == 1:
        # Each is solved to its own tolerance; near a point mass they could cross.
        m.latency_p50_s = min(mixture_quantile(ws, 0.50), m.latency_p95_s)
        m.latency_p99_s = max(mixture_quantile(ws, 0.99), m.latency_p95_s)
    if m.served <= 0.0 and (errors > 0.0 or m.backlog > 0.0):
        # Nobody was answered: what clients saw, or will see, is their own timeout.
        limit = min(params.pool[params.episode.primary].timeout_s, 60.0)
        m.latency_mean_s = limit
        m.latency_p50_s = limit
        m.latency_p95_s = limit
        m.latency_p99_s = limit


@jit
def _judge(params: Any, w: Any) -> None:
    """Compare the tick with the SLA and set the health of the primary pool."""
    m = w.meter
    episode = params.episode
    was = m.sla_violations
    slow = 1.0 if m.latency_p95_s > episode.latency_limit_s else 0.0
    failing = 1.0 if m.error_rate > episode.error_limit else 0.0
    m.sla_violations = slow + failing
    if m.sla_violations > 0.0 and was == 0.0:
        events.record(
            w, events.SLA_VIOLATED, events.WHOLE_SERVICE, m.latency_p95_s, m.error_rate, 0.0
        )
    elif m.sla_violations == 0.0 and was > 0.0:
        events.record(
            w, events.SLA_RESTORED, events.WHOLE_SERVICE, m.latency_p95_s, m.error_rate, 0.0
        )
    before = w.sample[(w.n_samples + MAX_SAMPLES - 1) % MAX_SAMPLES]
    if m.connection_pressure > 1.0 and before.connection_pressure <= 1.0:
        _report_exhaustion(params, w)
    if m.cost_usd_per_hour > COST_SPIKE * before.cost_usd_per_hour and w.n_samples > 1:
        events.record(
            w,
            events.COST_SPIKE,
            events.WHOLE_SERVICE,
            m.cost_usd_per_hour,
            before.cost_usd_per_hour,
            0.0,
        )
    down = m.served <= 0.0 and m.arrived > 0.0
    if down:
        w.outage_steps += 1
        if w.outage_steps == 1:
            events.record(w, events.OUTAGE, events.WHOLE_SERVICE, m.arrived, 0.0, 0.0)
    else:
        w.outage_steps = 0
    update_health(params, w)
    m.health = float(w.pool[episode.primary].health.status)
    if down:
        m.health = float(OFFLINE)


@jit
def _report_exhaustion(params: Any, w: Any) -> None:
    """Report the database whose connections are exhausted most."""
    worst = -1
    for k in range(params.n_backends):
        if w.backend[k].present == 1 and (
            worst < 0 or w.backend[k].active > w.backend[worst].active
        ):
            worst = k
    limit = params.backend[worst].connections
    pressure = w.backend[worst].active / w.meter.seconds
    active = min(pressure, 1.0) * limit
    events.record(w, events.CONNECTIONS_EXHAUSTED, BACKEND + worst, pressure, active, limit)


@jit
def _add_totals(params: Any, w: Any) -> None:
    m = w.meter
    t = w.totals
    t.steps += 1
    t.seconds += m.seconds
    t.reward += m.reward
    t.usd += m.usd
    t.arrived += m.arrived
    t.served += m.served
    t.failed += m.timed_out + m.rejected + m.failed
    t.violation_s += m.seconds if m.sla_violations > 0.0 else 0.0
    t.latency_p95_s += m.latency_p95_s
    t.scaling_actions += w.changes
    t.config_actions += w.config_changes
    if params.extras == 1:
        t.messages += m.messages
        t.processed += m.processed


@jit
def count_pressure_steps(params: Any, w: Any) -> None:
    """Count the steps for which there has been a database: its penalty comes in gradually."""
    there = 0
    for k in range(params.n_backends):
        if params.backend[k].kind == DATABASE and w.backend[k].present == 1:
            there = 1
    w.pressure_steps = w.pressure_steps + 1 if there == 1 else 0


@jit
def end_tick(params: Any, w: Any, ws: Any, out: Any) -> None:
    """Close a tick: percentiles, health, reward, observation, end of the episode.

    Args:
        params: ``PARAMS`` record in force.
        w: ``WORLD`` record.
        ws: ``WORKSPACE`` record.
        out: ``OUT`` record, overwritten.
    """
    _finish_meter(params, w, ws)
    _judge(params, w)
    count_pressure_steps(params, w)
    write_reward(params, w)
    w.step += 1
    take_sample(params, w)
    _add_totals(params, w)
    limit = params.episode.terminate_on_outage
    terminated = limit > 0 and w.outage_steps >= limit
    truncated = w.step >= params.episode.max_steps
    w.done = 1 if terminated or truncated else 0
    out.reward = w.meter.reward
    out.terminated = terminated
    out.truncated = truncated
    look(params, w, out)


@jit
def look(params: Any, w: Any, out: Any) -> None:
    """Write observation, action mask and metrics.

    Args:
        params: ``PARAMS`` record in force.
        w: ``WORLD`` record.
        out: ``OUT`` record.
    """
    m = w.meter
    out.cost = m.safe_cost
    out.time_s = w.time_s
    out.n_events = w.n_events
    out.sample = visible_sample(params, w)
    out.metrics[0] = m.cost_usd_per_hour
    out.metrics[1] = 1e3 * m.latency_mean_s
    out.metrics[2] = 1e3 * m.latency_p95_s
    out.metrics[3] = m.error_rate
    out.metrics[4] = 1.0 - m.error_rate
    out.metrics[5] = m.throughput_rps
    out.metrics[6] = m.sla_violations
    out.metrics[7] = m.connection_pressure
    out.metrics[8] = m.cache_hit_rate
    out.metrics[9] = m.queue_depth
    out.metrics[10] = m.queue_age_s
    out.metrics[11] = m.node_utilisation
    out.metrics[12] = m.storage_utilisation
    out.metrics[13] = m.cold_share
    out.metrics[14] = 1e3 * m.latency_p50_s
    out.metrics[15] = 1e3 * m.latency_p99_s
    out.components[0] = m.performance
    out.components[1] = m.cost
    out.components[2] = m.stability
    out.components[3] = m.sla
    out.components[4] = m.pressure_penalty
    write_observation(params, w, w.sample[out.sample], out.observation)
    write_mask(params, w, out.mask)
    if params.episode.all_targets == 1:
        write_multi_mask(params, w, out.multi_mask)


@jit(inline="always")
def step(params: Any, tables: NDArray[np.float64], w: Any, action: Any, ws: Any, out: Any) -> None:
    """Run one whole tick of one world.

    Args:
        params: ``PARAMS`` record in force.
        tables: float64[M], samples of all traces.
        w: ``WORLD`` record.
        action: ``ACTION`` record.
        ws: ``WORKSPACE`` record.
        out: ``OUT`` record, overwritten.
    """
    begin_tick(params, w, ws, action)
    advance(params, tables, w, ws, w.time_s + w.tick_s)
    end_tick(params, w, ws, out)
