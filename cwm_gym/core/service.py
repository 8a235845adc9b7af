"""One segment of time: demand meets the tiers, the meter counts what became of it.

A segment is a stretch in which the arrival rate and the fleets are constant. Requests enter at
the compute pools in proportion to their capacity; a share of them goes on to the database.
"""

from __future__ import annotations

from typing import Any

from cwm_gym.core.billing import run_rate_usd_per_hour, traffic_usd
from cwm_gym.core.jit import jit
from cwm_gym.core.observe import pool_rps
from cwm_gym.core.provisioning import averaged_launches, effective_instances
from cwm_gym.core.queueing.records import DATABASE
from cwm_gym.core.queueing.segment import serve_segment

MAX_PRESSURE = 3.0


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
def clear_meter(m: Any) -> None:
    """Restart the sums of a tick.

    Args:
        m: ``METER`` record.
    """
    m.arrived = 0.0
    m.served = 0.0
    m.timed_out = 0.0
    m.rejected = 0.0
    m.failed = 0.0
    m.backlog_change = 0.0
    m.waiting = 0.0
    m.capacity_rps = 0.0
    m.utilisation = 0.0
    m.database_utilisation = 0.0
    m.database_active = 0.0
    m.database_waiting = 0.0
    m.connection_pressure = 0.0
    m.usd = 0.0
    m.ready = 0.0


@jit
def _copy_queue(source: Any, target: Any) -> None:
    target.waiting = source.waiting
    target.waiting_sq = source.waiting_sq
    target.wait_rate = source.wait_rate
    target.in_service = source.in_service


@jit
def _inside(queue: Any) -> float:
    return queue.waiting + queue.in_service


@jit
def _prepare_pool(p: Any, fleet: Any, tier: Any, instances: float, rate_rps: float) -> None:
    service = tier.service
    service.arrival_rps = rate_rps
    service.servers = instances * p.vcpus
    service.service_rate = 1.0 / p.cpu_s_per_request
    service.cs2 = p.cs2
    service.lognormal = p.lognormal
    service.balancing = p.balancing
    service.queues = float(max(fleet.ready, 1)) if p.balancing != 0 else 1.0
    service.room = p.room + p.room_per_instance * max(fleet.ready, 1)
    service.timeout_s = p.timeout_s
    service.aborted = 0.0
    service.extra_mean_s = p.base_latency_s
    service.extra_var_s2 = p.jitter_s2
    if p.kill_in_flight == 1 and service.servers < fleet.servers:
        # Instances were taken away with what they were serving: their share of it is lost.
        service.aborted = fleet.queue.in_service * (1.0 - service.servers / fleet.servers)
    _copy_queue(fleet.queue, tier.queue)


@jit
def _prepare_database(params: Any, w: Any, tier: Any, visits_rps: float) -> float:
    """Set up the database tier.

    Every ready instance holds idle connections; queries need connections on top. When together
    they want more than there are, the surplus share of visits is refused at once, which is how
    a shared limit shows in measurements: as errors first (failed share = 1 - limit/wanted).

    Returns:
        Connections held idle.
    """
    d = params.database
    held = 0.0
    for i in range(params.n_pools):
        held += d.idle_per_instance * w.pool[i].ready
    service = tier.service
    service.service_rate = 1.0 / d.service_s
    service.servers = min(d.servers, d.connections)
    service.cs2 = d.cs2
    service.lognormal = d.lognormal
    service.balancing = 0
    service.queues = 1.0
    service.timeout_s = d.timeout_s
    service.aborted = 0.0
    service.extra_mean_s = 0.0
    service.extra_var_s2 = 0.0
    service.connections = d.connections
    service.room = d.room
    service.refused_share = 0.0
    if d.refuse_when_full == 1:
        wanted = held + visits_rps * d.service_s
        if wanted > d.connections:
            service.refused_share = 1.0 - d.connections / wanted
        service.room = max(0.0, d.connections - held - service.servers)
    _copy_queue(w.database.queue, tier.queue)
    return held


@jit
def _count_database(
    params: Any, w: Any, tier: Any, completed: float, held: float, dt: float
) -> float:
    """Enter the database's flows into the meter; returns the requests answered in the end."""
    m = w.meter
    d = params.database
    flow = tier.flow
    before = _inside(w.database.queue)
    _copy_queue(tier.queue, w.database.queue)
    m.backlog_change += _inside(w.database.queue) - before
    m.timed_out += flow.timed_out
    m.rejected += flow.rejected
    refused = completed * d.visit * tier.service.refused_share
    m.failed += refused
    m.database_utilisation += flow.utilisation * dt
    m.database_active += flow.active_connections * dt
    m.database_waiting += flow.queue_mean * dt
    # Little's law on everything that was asked of the database, served or not.
    wait_s = flow.queue_mean * dt / flow.served if flow.served > 0.0 else 0.0
    wanted = completed * d.visit / dt * (d.service_s + wait_s)
    m.connection_pressure += min((held + wanted) / d.connections, MAX_PRESSURE) * dt
    return completed * (1.0 - d.visit) + flow.completed


@jit(inline="always")
def run_segment(params: Any, w: Any, ws: Any, to_s: float) -> None:
    """Let the service run at constant rate and fleets, and count.

    Args:
        params: ``PARAMS`` record.
        w: ``WORLD`` record; the clock stands at the start of the segment and is moved to its end.
        ws: ``WORKSPACE`` record.
        to_s: End of the segment, s.
    """
    m = w.meter
    dt = to_s - w.time_s
    capacity = 0.0
    for i in range(params.n_pools):
        instances = effective_instances(params.pool[i], w.pool[i], w.time_s, to_s)
        if params.episode.average_capacity == 1:
            instances += averaged_launches(w.pool[i], w.time_s, to_s)
        ws.tier[i].service.servers = instances
        capacity += instances * pool_rps(params.pool[i])
    visits = 0.0
    for i in range(params.n_pools):
        p = params.pool[i]
        instances = ws.tier[i].service.servers
        share = 1.0 / params.n_pools
        if capacity > 0.0:
            share = instances * pool_rps(p) / capacity
        _prepare_pool(p, w.pool[i], ws.tier[i], instances, w.rate_rps * share)
        ws.tier[i].service.visit = params.database.visit
        visits += min(w.rate_rps * share, instances * pool_rps(p))
    held = 0.0
    database = ws.tier[DATABASE]
    if params.database.present == 1:
        held = _prepare_database(params, w, database, visits * params.database.visit)
    serve_segment(ws, params.n_pools, params.database.present, dt)

    arrived = w.rate_rps * dt
    served = 0.0
    for i in range(params.n_pools):
        flow = ws.tier[i].flow
        fleet = w.pool[i]
        before = _inside(fleet.queue)
        _copy_queue(ws.tier[i].queue, fleet.queue)
        m.backlog_change += _inside(fleet.queue) - before
        m.timed_out += flow.timed_out
        m.rejected += flow.rejected
        m.failed += flow.aborted
        m.waiting += flow.queue_mean * dt
        served += flow.completed
        fleet.servers = ws.tier[i].service.servers
        fleet.busy = flow.busy
        fleet.busy_tick_s += flow.busy * dt
        fleet.server_tick_s += fleet.servers * dt
        fleet.busy_s += flow.busy * dt
        fleet.server_s += fleet.servers * dt
        fleet.ready_s += fleet.ready * dt
        fleet.arrived += ws.tier[i].service.arrival_rps * dt
        fleet.gauge_s += dt
        m.ready += fleet.ready * dt
        w.totals.instance_s += fleet.ready * dt
    m.arrived += arrived
    m.capacity_rps += capacity * dt
    if params.database.present == 1:
        served = _count_database(params, w, database, served, held, dt)
    m.served += served
    m.usd += run_rate_usd_per_hour(params, w) * dt / 3600.0
    m.usd += traffic_usd(params, arrived, served, dt)
    w.time_s = to_s
