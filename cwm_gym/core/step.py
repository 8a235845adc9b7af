"""One tick of one world: begin (action), advance (time), end (percentiles, reward, observation).

An agent's step is the three in a row. A policy that acts more often than the agent, such as an
autoscaler with a 15 s period, advances in smaller pieces between the same begin and end.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from cwm_gym.core import events
from cwm_gym.core.actions import apply_action, write_mask
from cwm_gym.core.autoscaler import autoscale
from cwm_gym.core.demand import cell_seconds, enter_cell
from cwm_gym.core.jit import jit
from cwm_gym.core.observe import pool_rps, take_sample, visible_sample, write_observation
from cwm_gym.core.provisioning import deliver, next_change_s
from cwm_gym.core.queueing.segment import begin_mixture, mixture_mean, mixture_quantile
from cwm_gym.core.records.world import MAX_SAMPLES
from cwm_gym.core.reward import write_reward
from cwm_gym.core.service import clear_gauge, clear_meter, run_segment

_TINY_S = 1e-9


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
    for i in range(params.n_pools):
        w.pool[i].busy_tick_s = 0.0
        w.pool[i].server_tick_s = 0.0
    begin_mixture(ws)
    apply_action(params, w, action)
    w.meter.seconds = 0.0


@jit
def _evaluate_autoscaler(params: Any, w: Any, ws: Any, busy_s: float, server_s: float) -> None:
    """Run the built-in autoscaler on the cell in which the pool worked these server-seconds."""
    fleet = w.pool[params.episode.primary]
    p = params.pool[params.episode.primary]
    cpu = busy_s / server_s if server_s > 0.0 else 1.0
    throughput = w.rate_rps / (max(fleet.ready, 1) * pool_rps(p))
    latency = 0.0
    if w.autoscaler.out_latency_s > 0.0:
        latency = mixture_quantile(ws, 0.95)
    autoscale(params, w, cpu, throughput, latency)


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
    primary = w.pool[params.episode.primary]
    busy_s = 0.0
    server_s = 0.0
    while w.time_s < until_s - _TINY_S:
        cell = int(w.time_s / cell_s + _TINY_S)
        if cell != w.cell:
            enter_cell(params.demand, tables, w, cell, cell_s)
        border = (cell + 1) * cell_s
        end = min(until_s, border)
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
                events.record(w, events.INSTANCES_READY, i, ready)
        if params.autoscaler.on == 1 and w.time_s >= border - _TINY_S:
            _evaluate_autoscaler(
                params, w, ws, primary.busy_s - busy_s, primary.server_s - server_s
            )
            busy_s = primary.busy_s
            server_s = primary.server_s


@jit
def _finish_meter(params: Any, w: Any, ws: Any) -> None:
    m = w.meter
    seconds = m.seconds
    errors = m.timed_out + m.rejected + m.failed
    outcomes = errors + m.served
    m.offered_rps = m.arrived / seconds
    m.throughput_rps = m.served / seconds
    m.capacity_rps /= seconds
    m.waiting /= seconds
    m.ready /= seconds
    m.database_utilisation /= seconds
    m.database_active /= seconds
    m.database_waiting /= seconds
    m.connection_pressure /= seconds
    m.error_rate = errors / outcomes if outcomes > 0.0 else 0.0
    primary = w.pool[params.episode.primary]
    m.utilisation = 0.0
    if primary.server_tick_s > 0.0:
        m.utilisation = primary.busy_tick_s / primary.server_tick_s
    m.backlog = w.database.queue.waiting
    for i in range(params.n_pools):
        m.backlog += w.pool[i].queue.waiting
    m.cost_usd_per_hour = m.usd / seconds * 3600.0
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
        events.record(w, events.SLA_VIOLATED, events.WHOLE_SERVICE, m.latency_p95_s)
    elif m.sla_violations == 0.0 and was > 0.0:
        events.record(w, events.SLA_RESTORED, events.WHOLE_SERVICE, m.latency_p95_s)
    before = w.sample[(w.n_samples + MAX_SAMPLES - 1) % MAX_SAMPLES].connection_pressure
    if m.connection_pressure > 1.0 and before <= 1.0:
        events.record(w, events.CONNECTIONS_EXHAUSTED, events.WHOLE_SERVICE, m.connection_pressure)
    down = m.served <= 0.0 and m.arrived > 0.0
    if down:
        w.outage_steps += 1
        if w.outage_steps == 1:
            events.record(w, events.OUTAGE, events.WHOLE_SERVICE, m.arrived)
    else:
        w.outage_steps = 0
    if down or w.pool[episode.primary].ready == 0:
        m.health = 3.0
    elif m.utilisation > 0.9 or failing > 0.0:
        m.health = 2.0
    elif m.utilisation > 0.7:
        m.health = 1.0
    else:
        m.health = 0.0


@jit
def _add_totals(w: Any) -> None:
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
    if params.database.present == 1:
        w.database.seen_steps += 1
    write_reward(params, w)
    w.step += 1
    take_sample(params, w)
    _add_totals(w)
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
    out.metrics[8] = 1e3 * m.latency_p50_s
    out.metrics[9] = 1e3 * m.latency_p99_s
    out.components[0] = m.performance
    out.components[1] = m.cost
    out.components[2] = m.stability
    out.components[3] = m.sla
    out.components[4] = m.pressure_penalty
    write_observation(params, w, w.sample[out.sample], out.observation)
    write_mask(params, w, out.mask)


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
