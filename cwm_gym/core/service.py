"""One segment of time: demand meets the tiers, the meter counts what became of it.

A segment is a stretch in which the arrival rate, the fleets and the faults are constant. Requests
come in through fronts (balancers, content delivery networks) to the entry pools, which share them
by capacity, and then pass the other tiers in topological order.
"""

from __future__ import annotations

import math
from typing import Any

from cwm_gym.core.billing import run_rate_usd_per_hour, traffic_usd
from cwm_gym.core.jit import jit
from cwm_gym.core.provisioning import (
    all_zones_out,
    averaged_launches,
    effective_instances,
    pool_rps,
)
from cwm_gym.core.queueing.latency import add_component
from cwm_gym.core.queueing.records import BACKEND, MAX_TIERS
from cwm_gym.core.queueing.segment import serve_segment
from cwm_gym.core.records.params import CACHE, DATABASE, REPLICAS, SERVERLESS
from cwm_gym.core.records.world import CRITICAL

MAX_PRESSURE = 3.0


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
    m.primary_rps = 0.0
    m.utilisation = 0.0
    m.database_utilisation = 0.0
    m.database_active = 0.0
    m.database_waiting = 0.0
    m.connection_pressure = 0.0
    m.usd = 0.0
    m.ready = 0.0


@jit
def clear_extras(m: Any) -> None:
    """Restart the sums of a tick that not every scenario has.

    Args:
        m: ``METER`` record.
    """
    m.cache_hit_rate = 0.0
    m.queue_depth = 0.0
    m.queue_age_s = 0.0
    m.messages = 0.0
    m.processed = 0.0
    m.messages_lost = 0.0
    m.messages_change = 0.0
    m.node_utilisation = 0.0
    m.storage_utilisation = 0.0
    m.cold_share = 0.0
    m.edge_share = 0.0


@jit
def copy_queue(source: Any, target: Any) -> None:
    """Copy a ``QUEUE`` record."""
    target.waiting = source.waiting
    target.waiting_sq = source.waiting_sq
    target.wait_rate = source.wait_rate
    target.in_service = source.in_service


@jit
def inside(queue: Any) -> float:
    """Requests in a tier, waiting or in service."""
    return queue.waiting + queue.in_service


@jit
def _speed(effect: Any, faulty: int, status: int, critical_speed: float) -> float:
    """Relative speed of a server: what faults leave, and less while its health is critical."""
    speed = critical_speed if status == CRITICAL else 1.0
    if faulty == 1:
        speed *= effect.speed
    return speed


@jit
def _capacity_rps(params: Any, w: Any, tier: Any, i: int, to_s: float) -> float:
    """Instances that serve in this segment, written to ``service.servers``, and their capacity."""
    p = params.pool[i]
    fleet = w.pool[i]
    instances = 0.0
    if fleet.present == 1:
        instances = effective_instances(p, fleet, w.time_s, to_s)
        if params.episode.average_capacity == 1:
            instances += averaged_launches(fleet, w.time_s, to_s)
        if p.contention > 0.0 and instances > 1.0:
            instances /= 1.0 + p.contention * (instances - 1.0)
        if w.faulty == 1:
            instances *= 1.0 - w.effect[i].stolen
    tier.service.servers = instances
    if p.kind == SERVERLESS and fleet.present == 1:
        if all_zones_out(p, fleet):
            return 0.0
        return p.concurrency_limit / p.cpu_s_per_request
    return instances * pool_rps(p)


@jit
def _prepare_pool(params: Any, w: Any, tier: Any, i: int, rate_rps: float) -> None:
    p = params.pool[i]
    fleet = w.pool[i]
    service = tier.service
    service.arrival_rps = rate_rps
    service.entry = p.entry
    service.detached = p.detached
    service.elastic = 0
    service.servers *= p.vcpus
    speed = _speed(w.effect[i], w.faulty, fleet.health.status, p.critical_speed)
    service.service_rate = speed / p.cpu_s_per_request
    service.cs2 = p.cs2
    service.lognormal = p.lognormal
    service.balancing = p.balancing
    service.queues = float(max(fleet.ready, 1)) if p.balancing != 0 else 1.0
    service.room = p.room + p.room_per_instance * max(fleet.ready, 1)
    service.timeout_s = p.timeout_s
    service.aborted = 0.0
    service.connections = math.inf
    service.refused_share = 0.0
    service.extra_mean_s = p.base_latency_s
    service.extra_var_s2 = p.jitter_s2
    if w.faulty == 1:
        effect = w.effect[i]
        service.extra_mean_s += effect.latency_s
        service.extra_var_s2 += effect.latency_s2
        service.refused_share = effect.refused
    if p.kind == SERVERLESS:
        service.elastic = 1
        service.concurrency = p.concurrency
        service.limit = p.concurrency_limit if fleet.present == 1 else 0.0
        if all_zones_out(p, fleet):
            service.limit = 0.0
        if w.faulty == 1:
            service.limit *= 1.0 - w.effect[i].stolen
        service.floor = float(fleet.ready)
        service.cold_s = p.cold_s
        service.keep_alive_s = p.keep_alive_s
        tier.warm = fleet.warm
        tier.idle_s = fleet.idle_s
        tier.needed = fleet.needed
        tier.needed_s = fleet.needed_s
    elif p.kill_in_flight == 1 and service.servers < fleet.servers:
        # Instances were taken away with what they were serving: their share of it is lost.
        service.aborted = fleet.queue.in_service * (1.0 - service.servers / fleet.servers)
    copy_queue(fleet.queue, tier.queue)


@jit
def _prepare_backend(params: Any, w: Any, tier: Any, k: int, visits_rps: float) -> None:
    """Set up a tier of fixed size.

    Every ready instance holds idle connections to a database; queries need connections on top.
    When together they want more than there are, the surplus share of visits is refused at once,
    which is how a shared limit shows in measurements: as errors first (failed share =
    1 - limit/wanted).
    """
    d = params.backend[k]
    state = w.backend[k]
    effect = w.effect[BACKEND + k]
    speed = _speed(effect, w.faulty, state.health.status, d.critical_speed)
    service = tier.service
    service.entry = 0
    service.detached = 0
    service.elastic = 0
    seconds = d.service_s if speed == 1.0 else d.service_s / speed
    service.service_rate = 1.0 / seconds
    servers = d.servers
    if d.units_max > 0.0:
        servers = state.units * d.vcpus_per_unit
    connections = d.connections
    service.cs2 = d.cs2
    service.lognormal = d.lognormal
    service.balancing = 0
    service.queues = 1.0
    service.timeout_s = d.timeout_s
    service.aborted = 0.0
    service.extra_mean_s = d.base_latency_s
    service.extra_var_s2 = d.jitter_s2
    service.room = d.room
    service.refused_share = 0.0
    held = 0.0
    if d.idle_per_instance > 0.0:
        for i in range(params.n_pools):
            held += d.idle_per_instance * w.pool[i].ready
    if w.faulty == 1:
        servers *= 1.0 - effect.stolen
        service.extra_mean_s += effect.latency_s
        service.extra_var_s2 += effect.latency_s2
        service.refused_share = effect.refused
        if effect.held > 0.0:
            held += effect.held * connections
    service.servers = min(servers, connections)
    service.connections = connections
    # A connection is held for as long as its query takes, the network included.
    service.hold_s = seconds + service.extra_mean_s
    if connections < math.inf:
        state.pressure = held
        if d.refuse_when_full == 1:
            wanted = held + visits_rps * service.hold_s
            if wanted > connections:
                refused = 1.0 - connections / wanted
                service.refused_share = 1.0 - (1.0 - service.refused_share) * (1.0 - refused)
            service.room = max(0.0, connections - held - service.servers)
    if state.down > 0:
        service.refused_share = 1.0
    if d.kind == CACHE:
        # Look-ups that it does not answer are misses, see _answered.
        service.refused_share = 0.0
    copy_queue(state.queue, tier.queue)


@jit
def _prepare_stages(params: Any, w: Any, ws: Any) -> None:
    """Work out what share of the passing requests visits each tier, and set the tiers up."""
    route = params.route
    for s in range(route.n_stages):
        k = route.stage[s]
        share = 0.0
        if k < BACKEND:
            p = params.pool[k]
            if w.pool[k].present == 1:
                share = p.visit
                if p.group > 0:
                    total = 0.0
                    for i in range(params.n_pools):
                        if params.pool[i].group == p.group:
                            total += ws.capacity[i]
                    share *= ws.capacity[k] / total if total > 0.0 else 1.0
        else:
            d = params.backend[k - BACKEND]
            if w.backend[k - BACKEND].present == 1:
                share = d.visit
                if d.kind == CACHE:
                    share *= _answered(w, k - BACKEND)
                if d.behind >= 0:
                    share *= 1.0 - _hit_rate(params, w, d.behind)
        visits = 0.0
        for i in range(params.n_pools):
            visit = min(1.0, share * route.reach[i * MAX_TIERS + k])
            ws.visit[i, k] = visit
            if visit > 0.0:
                visits += visit * ws.passing[i]
        if k < BACKEND:
            _prepare_pool(params, w, ws.tier[k], k, visits)
            if params.pool[k].detached == 1:
                ws.passing[k] = min(visits, ws.capacity[k])
        else:
            _prepare_backend(params, w, ws.tier[k], k - BACKEND, visits)


@jit
def _answered(w: Any, k: int) -> float:
    """Share of the look-ups in a cache that it answers: none while it is down or not there."""
    state = w.backend[k]
    if state.present == 0 or state.down > 0:
        return 0.0
    return 1.0 - w.effect[BACKEND + k].refused if w.faulty == 1 else 1.0


@jit
def _hit_rate(params: Any, w: Any, k: int) -> float:
    """Share of what would be looked up in a cache that it holds and gives."""
    return params.backend[k].hit_rate * _answered(w, k)


@jit
def _count_pool(params: Any, w: Any, ws: Any, i: int, dt: float) -> float:
    """Enter the flows of a pool into meter and gauges; returns dollars for what it served."""
    m = w.meter
    p = params.pool[i]
    fleet = w.pool[i]
    tier = ws.tier[i]
    flow = tier.flow
    service = tier.service
    before = inside(fleet.queue)
    copy_queue(tier.queue, fleet.queue)
    change = inside(fleet.queue) - before
    if p.detached == 1:
        m.messages += flow.offered - flow.rejected
        m.messages_change += change
        m.processed += ws.passing[i]
        m.messages_lost += flow.timed_out + flow.aborted
        m.rejected += flow.rejected + flow.refused
    else:
        m.backlog_change += change
        m.timed_out += flow.timed_out
        m.rejected += flow.rejected
        m.failed += flow.aborted + flow.refused
        m.waiting += flow.queue_mean * dt
    if p.queued == 1:
        m.queue_depth += flow.queue_mean * dt
        if fleet.queue.waiting > 1e-9:
            age = fleet.queue.waiting / max(fleet.queue.wait_rate, 1e-9)
            m.queue_age_s = max(m.queue_age_s, age)
    busy = flow.busy
    servers = service.servers
    if w.faulty == 1 and w.effect[i].stolen > 0.0 and w.effect[i].stolen < 1.0:
        # Whatever steals servers keeps them busy.
        whole = servers / (1.0 - w.effect[i].stolen)
        busy += whole - servers
        servers = whole
    fleet.servers = service.servers
    fleet.busy = flow.busy
    fleet.arrived_tick += flow.offered + flow.refused
    fleet.failed_tick += flow.timed_out + flow.rejected + flow.aborted + flow.refused
    fleet.busy_tick_s += busy * dt
    fleet.server_tick_s += servers * dt
    fleet.busy_s += busy * dt
    fleet.server_s += servers * dt
    fleet.ready_s += fleet.ready * dt
    fleet.arrived += flow.offered
    fleet.gauge_s += dt
    m.ready += fleet.ready * dt
    w.totals.instance_s += fleet.ready * dt
    if p.kind != SERVERLESS:
        return 0.0
    fleet.warm = tier.warm
    fleet.idle_s = tier.idle_s
    fleet.needed = tier.needed
    fleet.needed_s = tier.needed_s
    m.cold_share += flow.served * tier.profile[0].busy
    return flow.completed * p.usd_per_request + flow.busy * dt * p.usd_per_busy_s


@jit
def _count_backend(params: Any, w: Any, ws: Any, k: int, dt: float) -> float:
    """Enter the flows of a backend into the meter; returns dollars for its visits."""
    m = w.meter
    d = params.backend[k]
    state = w.backend[k]
    tier = ws.tier[BACKEND + k]
    flow = tier.flow
    before = inside(state.queue)
    copy_queue(tier.queue, state.queue)
    m.backlog_change += inside(state.queue) - before
    m.timed_out += flow.timed_out
    m.rejected += flow.rejected
    m.failed += flow.refused + flow.aborted
    visits = flow.offered + flow.refused
    state.visits += visits
    state.failed_tick += flow.timed_out + flow.rejected + flow.refused + flow.aborted
    busy = flow.busy
    servers = tier.service.servers
    if w.faulty == 1 and w.effect[BACKEND + k].stolen < 1.0:
        # Whatever steals servers keeps them busy.
        whole = servers / (1.0 - w.effect[BACKEND + k].stolen)
        busy += whole - servers
        servers = whole
    state.busy_tick_s += busy * dt
    state.server_tick_s += servers * dt
    if d.units_max > 0.0:
        state.busy_s += flow.busy * dt
        state.server_s += tier.service.servers * dt
    if d.kind == DATABASE or d.kind == REPLICAS:
        m.database_active += flow.active_connections * dt
        m.database_waiting += flow.queue_mean * dt
        if d.connections < math.inf:
            # Little's law on everything that was asked of the database, served or not.
            hold_s = tier.service.hold_s
            hold_s += flow.queue_mean * dt / flow.served if flow.served > 0.0 else 0.0
            wanted = state.pressure + visits / dt * hold_s
            state.active += min(wanted / d.connections, MAX_PRESSURE) * dt
    return visits * d.usd_per_request


@jit
def _admit(params: Any, w: Any, ws: Any, f: int, offered_rps: float, dt: float) -> float:
    """Let requests in through a front; returns the rate that gets to the pools."""
    m = w.meter
    front = params.front[f]
    edge = front.hit_rate * offered_rps
    kept = offered_rps - edge
    over = max(0.0, kept - front.limit_rps)
    m.rejected += over * dt
    ws.offered[f] = kept * dt
    if edge > 0.0:
        m.served += edge * dt
        m.edge_share += edge * dt
        m.usd += offered_rps * dt * front.edge_usd_per_request
        m.usd += edge * dt * params.fixed.gb_per_request * front.edge_usd_per_gb
        latency = max(front.edge_latency_s, 1e-6)
        lognormal = edge < 0.0
        add_component(ws.mixture, edge * dt, latency, 0.25 * latency * latency, lognormal)
    return kept - over


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
    n_pools = params.n_pools
    demand_rps = w.rate_rps * w.demand_factor
    capacity = 0.0
    entries = 0.0
    for i in range(n_pools):
        own = _capacity_rps(params, w, ws.tier[i], i, to_s)
        ws.capacity[i] = own
        if i == params.episode.primary:
            m.primary_rps += own * dt
        if params.pool[i].entry == 1 and w.pool[i].present == 1:
            capacity += own
            entries += 1.0
    for f in range(params.n_fronts):
        through = 1.0
        if params.n_fronts > 1:
            through = 0.0
            for i in range(n_pools):
                p = params.pool[i]
                if p.entry == 1 and p.front == f and w.pool[i].present == 1:
                    through += ws.capacity[i] / capacity if capacity > 0.0 else 1.0 / entries
        ws.admitted[f] = 0.0
        ws.offered[f] = 0.0
        ws.answered[f] = 0.0
        if through > 0.0:
            ws.admitted[f] = _admit(params, w, ws, f, demand_rps * through, dt) / through
    for i in range(n_pools):
        p = params.pool[i]
        if p.entry == 1:
            own = ws.capacity[i]
            rate = 0.0
            if w.pool[i].present == 1:
                rate = ws.admitted[p.front]
                if entries > 1.0:
                    rate *= own / capacity if capacity > 0.0 else 1.0 / entries
            _prepare_pool(params, w, ws.tier[i], i, rate)
            service = ws.tier[i].service
            if service.refused_share > 0.0:
                m.failed += rate * service.refused_share * dt
                w.pool[i].failed_tick += rate * service.refused_share * dt
                rate -= rate * service.refused_share
                service.arrival_rps = rate
            ws.passing[i] = min(rate, own)
        else:
            ws.passing[i] = 0.0
    _prepare_stages(params, w, ws)
    serve_segment(ws, n_pools, params.route.stage, params.route.n_stages, dt)

    usd = 0.0
    for i in range(n_pools):
        if w.pool[i].present == 1:
            usd += _count_pool(params, w, ws, i, dt)
            if params.pool[i].entry == 1:
                m.served += ws.passing[i]
                ws.answered[params.pool[i].front] += ws.passing[i]
    for k in range(params.n_backends):
        if w.backend[k].present == 1:
            usd += _count_backend(params, w, ws, k, dt)
    for f in range(params.n_fronts):
        usd += traffic_usd(params, f, ws.offered[f], ws.answered[f], dt)
    m.arrived += demand_rps * dt
    m.capacity_rps += capacity * dt
    m.usd += usd + run_rate_usd_per_hour(params, w) * dt / 3600.0
    w.time_s = to_s
