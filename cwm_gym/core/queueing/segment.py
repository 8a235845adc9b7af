"""One segment of a service: parallel compute pools and the database behind them."""

from __future__ import annotations

import math
from typing import Any

from cwm_gym.core.jit import jit
from cwm_gym.core.queueing.connections import count_connections
from cwm_gym.core.queueing.latency import clear_mixture, mean_latency, quantile
from cwm_gym.core.queueing.nodes import add_cut, place_nodes
from cwm_gym.core.queueing.paths import collect
from cwm_gym.core.queueing.phase import prepare
from cwm_gym.core.queueing.profile import limit_variance, observe
from cwm_gym.core.queueing.records import DATABASE
from cwm_gym.core.queueing.tier import finish


@jit
def begin_mixture(workspace: Any) -> None:
    """Start a tick: forget the latencies of the one before."""
    clear_mixture(workspace.mixture)


@jit
def mixture_mean(workspace: Any) -> float:
    """Mean latency of the requests completed since :func:`begin_mixture`, s; 0 for none."""
    result: float = mean_latency(workspace.mixture)
    return result


@jit
def mixture_quantile(workspace: Any, q: float) -> float:
    """Quantile of the latency of the requests completed since :func:`begin_mixture`.

    Args:
        workspace: ``WORKSPACE`` record.
        q: Between 0 and 1, for example 0.95.

    Returns:
        Seconds; 0 when nothing completed.
    """
    result: float = quantile(workspace.mixture, q)
    return result


@jit(inline="always")
def serve_segment(workspace: Any, n_pools: int, has_database: bool, dt: float) -> None:
    """Advance all tiers by one segment of constant rates and servers.

    Reads ``tier[i].service``, updates ``tier[i].queue``, fills ``tier[i].flow`` and adds the
    latencies of successful requests to the mixture.

    Args:
        workspace: ``WORKSPACE`` record.
        n_pools: Parallel pools, tiers 0..n_pools-1.
        has_database: Whether completed requests may go on to tier ``DATABASE``.
        dt: Length of the segment, s.
    """
    workspace.n_cuts = 0
    steady = True
    for i in range(n_pools):
        tier = workspace.tier[i]
        _clear(tier.flow)
        tier.phases = 1
        p = tier.phase[0]
        prepare(p, tier.service, tier.queue, tier.service.arrival_rps, 1.0, 0.0, dt)
        finish(p, tier.queue, tier.flow)
        _settle(tier, dt)
        if p.steady == 0:
            steady = False
            add_cut(workspace, p.clear, dt)
            add_cut(workspace, p.drained, dt)
    if has_database:
        tier = workspace.tier[DATABASE]
        _clear(tier.flow)
        _serve_database(workspace, n_pools, dt)
        _settle(tier, dt)
        for k in range(tier.phases):
            p = tier.phase[k]
            if p.steady == 0:
                steady = False
                add_cut(workspace, p.begin + p.clear, dt)
                add_cut(workspace, p.begin + p.drained, dt)

    nodes = 1
    if steady:
        workspace.node[0].time = 0.5 * dt
        workspace.node[0].share = 1.0
    else:
        nodes = place_nodes(workspace, dt)
    for i in range(n_pools):
        _profile(workspace, workspace.tier[i], nodes)
    if has_database:
        _profile(workspace, workspace.tier[DATABASE], nodes)
        count_connections(workspace, workspace.tier[DATABASE], nodes)
    collect(workspace, n_pools, has_database, nodes)


@jit
def _serve_database(workspace: Any, n_pools: int, dt: float) -> None:
    """Advance the database by what the pools have completed.

    While a pool works off a backlog it sends requests at its capacity, afterwards at the rate of
    its arrivals; where that makes a difference the database takes the segment in two phases.
    """
    tier = workspace.tier[DATABASE]
    total = 0.0
    variability = 0.0
    for i in range(n_pools):
        pool = workspace.tier[i]
        visits = pool.flow.completed * pool.service.visit
        total += visits
        variability += visits * _departures(pool)
    ca2 = variability / total if total > 0.0 else 1.0
    kept = 1.0 - tier.service.refused_share
    rate = total * kept / dt
    split = dt
    rise = 0.05 * total / dt
    for i in range(n_pools):
        pool = workspace.tier[i]
        p = pool.phase[0]
        if p.steady == 0:
            change = (p.capacity - p.arrival) * p.queues * p.weight * pool.service.visit
            if change > rise and 0.02 * dt < p.drained < 0.95 * dt:
                rise = change
                split = p.drained
    if split == dt:
        prepare(tier.phase[0], tier.service, tier.queue, rate, ca2, 0.0, dt)
        finish(tier.phase[0], tier.queue, tier.flow)
        tier.phases = 1
        return
    early = min(rate + rise * kept * (1.0 - split / dt), rate * dt / split)
    late = (rate * dt - early * split) / (dt - split)
    prepare(tier.phase[0], tier.service, tier.queue, early, ca2, 0.0, split)
    finish(tier.phase[0], tier.queue, tier.flow)
    prepare(tier.phase[1], tier.service, tier.queue, late, ca2, split, dt - split)
    finish(tier.phase[1], tier.queue, tier.flow)
    tier.phases = 2


@jit
def _departures(pool: Any) -> float:
    """Variability of the requests that a pool sends on.

    A saturated pool of c servers departs with ``c_d^2 = 1 + (cs2 - 1) / sqrt(c)`` (Whitt 1983,
    QNA, equation 39), and picking each with probability v leaves ``1 + v (c_d^2 - 1)``. Below
    saturation a slower queue behind it feels the variability of the arrivals instead (Suresh and
    Whitt 1990), hence the high power of the utilisation.
    """
    p = pool.phase[0]
    square = pool.flow.utilisation * pool.flow.utilisation
    square *= square
    own = (max(p.cs2, 0.2) - 1.0) / math.sqrt(p.servers * p.queues)
    result: float = 1.0 + pool.service.visit * square * square * own
    return result


@jit
def _clear(flow: Any) -> None:
    flow.offered = 0.0
    flow.served = 0.0
    flow.completed = 0.0
    flow.timed_out = 0.0
    flow.rejected = 0.0
    flow.aborted = 0.0
    flow.utilisation = 0.0
    flow.queue_mean = 0.0
    flow.busy = 0.0
    flow.active_connections = 0.0


@jit
def _settle(tier: Any, dt: float) -> None:
    """Balance of the requests in service, and utilisation.

    The number in service follows the rate r at which requests leave the queue with the delay of
    one service time: ``b' = r - mu b``.
    """
    service = tier.service
    queue = tier.queue
    flow = tier.flow
    mu = service.service_rate
    before = queue.in_service
    flow.aborted = min(max(service.aborted, 0.0), before)
    before -= flow.aborted
    after = before + flow.served
    if mu > 0.0:
        x = mu * dt
        fade = math.exp(-x) if x < 40.0 else 0.0
        busy = min(flow.served / x, max(service.servers, 0.0))
        after = min(after, busy + (before - busy) * fade)
    queue.in_service = after
    flow.completed = before + flow.served - after
    if service.servers > 0.0 and mu > 0.0:
        flow.utilisation = min(1.0, flow.completed / (mu * dt * service.servers))
    flow.busy = flow.utilisation * service.servers


@jit
def _profile(workspace: Any, tier: Any, nodes: int) -> None:
    """Wait at every node, and the time average of the queue."""
    p = tier.phase[0]
    if tier.phases == 1 and p.steady:
        observe(p, tier.profile[0], 0.0)
        for j in range(1, nodes):
            _copy_profile(tier.profile[0], tier.profile[j])
        tier.flow.queue_mean = tier.profile[0].queue * p.queues
        return
    mean = 0.0
    for j in range(nodes):
        time = workspace.node[j].time
        if tier.phases == 2 and time > tier.phase[1].begin:
            p = tier.phase[1]
        observe(p, tier.profile[j], time - p.begin)
        mean += workspace.node[j].share * tier.profile[j].queue
    tier.flow.queue_mean = mean * p.queues
    _blur(workspace, tier, nodes)
    for j in range(nodes):
        limit_variance(p, tier.profile[j])


@jit
def _copy_profile(source: Any, target: Any) -> None:
    target.busy = source.busy
    target.delay = source.delay
    target.variance = source.variance
    target.rate = source.rate
    target.queue = source.queue


@jit
def _blur(workspace: Any, tier: Any, nodes: int) -> None:
    """Add the spread of the wait inside each slice, as if it ran linearly through the slice."""
    previous = 0.0
    for j in range(nodes):
        own = tier.profile[j].delay
        node = workspace.node[j]
        rise = 0.0
        runs = 0.0
        if node.first == 0:
            rise += own - previous
            runs += 1.0
        if node.last == 0:
            rise += tier.profile[j + 1].delay - own
            runs += 1.0
        previous = own
        if runs > 0.0:
            rise /= runs
            tier.profile[j].variance += rise * rise / 12.0
