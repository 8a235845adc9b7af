"""One segment of a service: parallel compute pools and the database behind them."""

from __future__ import annotations

import math
from typing import Any

from cwm_gym.core.jit import jit
from cwm_gym.core.queueing.latency import add_component, clear_mixture, mean_latency, quantile
from cwm_gym.core.queueing.nodes import add_cut, place_nodes
from cwm_gym.core.queueing.records import DATABASE
from cwm_gym.core.queueing.special import normal_cdf, normal_pdf
from cwm_gym.core.queueing.tier import finish, observe, prepare


@jit
def begin_mixture(workspace: Any) -> None:
    """Start a tick: forget the latencies of the one before."""
    clear_mixture(workspace.mixture)


@jit
def mixture_mean(workspace: Any) -> float:
    """Mean latency of the requests completed since :func:`begin_mixture`, s; 0 for none."""
    return mean_latency(workspace.mixture)


@jit
def mixture_quantile(workspace: Any, q: float) -> float:
    """Quantile of the latency of the requests completed since :func:`begin_mixture`.

    Args:
        workspace: ``WORKSPACE`` record.
        q: Between 0 and 1, for example 0.95.

    Returns:
        Seconds; 0 when nothing completed.
    """
    return quantile(workspace.mixture, q)


@jit
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
    n_cuts = 0
    steady = True
    to_database = 0.0
    for i in range(n_pools):
        tier = workspace.tier[i]
        _clear(tier.flow)
        p = tier.phase[0]
        prepare(p, tier.service, tier.queue, tier.service.arrival_rps, 0.0, dt)
        finish(p, tier.queue, tier.flow)
        _settle(tier, dt)
        to_database += tier.flow.completed * tier.service.visit
        if p.steady == 0:
            steady = False
            n_cuts = add_cut(workspace, n_cuts, p.clear, dt)
            n_cuts = add_cut(workspace, n_cuts, p.drained, dt)
    if has_database:
        tier = workspace.tier[DATABASE]
        _clear(tier.flow)
        p = tier.phase[0]
        to_database *= 1.0 - tier.service.refused_share
        prepare(p, tier.service, tier.queue, to_database / dt, 0.0, dt)
        finish(p, tier.queue, tier.flow)
        _settle(tier, dt)
        if p.steady == 0:
            steady = False
            n_cuts = add_cut(workspace, n_cuts, p.clear, dt)
            n_cuts = add_cut(workspace, n_cuts, p.drained, dt)

    nodes = 1
    if steady:
        workspace.node[0].time = 0.5 * dt
        workspace.node[0].share = 1.0
    else:
        nodes = place_nodes(workspace, n_cuts, dt)
    for i in range(n_pools):
        _profile(workspace, workspace.tier[i], nodes)
    if has_database:
        _profile(workspace, workspace.tier[DATABASE], nodes)
        _count_connections(workspace, workspace.tier[DATABASE], nodes)
    _collect(workspace, n_pools, has_database, nodes)


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
    rate = tier.flow.served / dt
    x = mu * dt
    fade = math.exp(-x) if x < 40.0 else 0.0
    after = min(rate / mu, max(service.servers, 0.0))
    after += (before - after) * fade
    after = min(after, before + flow.served)
    queue.in_service = after
    flow.completed = before + flow.served - after
    if service.servers > 0.0:
        flow.utilisation = min(1.0, flow.completed / (x * service.servers))
    flow.busy = flow.utilisation * service.servers


@jit
def _profile(workspace: Any, tier: Any, nodes: int) -> None:
    """Wait at every node, and the time average of the queue."""
    p = tier.phase[0]
    mean = 0.0
    if p.steady:
        observe(p, tier.profile[0], 0.0)
        mean = tier.profile[0].queue
        for j in range(1, nodes):
            _copy_profile(tier.profile[0], tier.profile[j])
    else:
        for j in range(nodes):
            observe(p, tier.profile[j], workspace.node[j].time)
            mean += workspace.node[j].share * tier.profile[j].queue
        _blur(workspace, tier, nodes)
    for j in range(nodes):
        profile = tier.profile[j]
        below = max(0.0, p.patience - profile.delay) / 2.0
        profile.variance = min(profile.variance, below * below)
    tier.flow.queue_mean = mean * p.queues


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


@jit
def _copy_profile(source: Any, target: Any) -> None:
    target.busy = source.busy
    target.delay = source.delay
    target.variance = source.variance
    target.rate = source.rate
    target.queue = source.queue


@jit
def _count_connections(workspace: Any, tier: Any, nodes: int) -> None:
    """Connections in use: requests in service and those that wait while holding one."""
    connections = max(tier.service.connections, 0.0)
    spare = connections - tier.service.servers
    held = 0.0
    if spare > 0.0:
        for j in range(nodes):
            profile = tier.profile[j]
            if profile.queue > 1e-9:
                held += workspace.node[j].share * _held(profile, spare)
    tier.flow.active_connections = min(tier.flow.busy + held, connections)


@jit
def _held(profile: Any, spare: float) -> float:
    """E[min(number waiting, spare connections)] at one instant.

    While anything waits, its number is 1 + Poisson(arrivals during the wait at the head of the
    line), geometric in the stationary M/M/c queue. Two moments of it are taken as a gamma
    variable in Wilson and Hilferty's form X = m (a + b Z)^3, whose partial mean is closed.
    """
    waiting = profile.queue
    busy = max(profile.busy, 1e-12)
    more = waiting / busy
    queued = busy * more / (1.0 + more)
    mean = 1.0 + more
    relative = profile.variance / max(profile.delay * profile.delay, 1e-300)
    variance = more + more * more * relative
    if mean + 6.0 * math.sqrt(variance) < spare:
        return waiting
    c = variance / (9.0 * mean * mean)
    a = 1.0 - c
    b = math.sqrt(c)
    z = ((spare / mean) ** (1.0 / 3.0) - a) / b
    below = normal_cdf(z)
    f = normal_pdf(z)
    part = a * (a * a + 3.0 * c) * below - b * f * (3.0 * a * (a + b * z) + c * (z * z + 2.0))
    return min(queued * (mean * part + spare * (1.0 - below)), waiting)


@jit
def _collect(workspace: Any, n_pools: int, has_database: bool, nodes: int) -> None:
    """Add the latencies of the requests that completed in this segment to the mixture."""
    mixture = workspace.mixture
    database = workspace.tier[DATABASE]
    offered = 0.0
    back_rate = 0.0
    if has_database:
        for i in range(n_pools):
            offered += workspace.tier[i].flow.completed * workspace.tier[i].service.visit
        for j in range(nodes):
            back_rate += workspace.node[j].share * database.profile[j].rate
    second_mean = 0.0
    second_var = 0.0
    if has_database and database.service.service_rate > 0.0:
        second_mean = 1.0 / database.service.service_rate
        second_var = database.service.cs2 * second_mean * second_mean
    for i in range(n_pools):
        tier = workspace.tier[i]
        service = tier.service
        completed = tier.flow.completed
        if not completed > 0.0:
            continue
        visit = service.visit if has_database else 0.0
        direct = completed * (1.0 - visit)
        through = 0.0
        if has_database and offered > 0.0:
            through = database.flow.completed * completed * visit / offered
        mean = service.extra_mean_s
        p = tier.phase[0]
        own = 1.0 / p.rate if p.rate > 0.0 else 1.0 / service.service_rate
        own_var = service.cs2 * own * own
        rates = 0.0
        for j in range(nodes):
            rates += workspace.node[j].share * tier.profile[j].rate
        for j in range(nodes):
            share = workspace.node[j].share
            first = tier.profile[j]
            part = share * first.rate / rates if rates > 0.0 else share
            back = database.profile[j]
            back_part = share * back.rate / back_rate if back_rate > 0.0 else part
            for waits in range(2):
                chance = first.busy if waits == 1 else 1.0 - first.busy
                if chance < 2e-5:
                    continue
                base = mean + own
                variance = service.extra_var_s2 + own_var
                lognormal = service.lognormal != 0
                if waits == 1:
                    base += first.delay
                    variance += first.variance
                    lognormal = lognormal and first.variance < own_var
                add_component(mixture, direct * part * chance, base, variance, lognormal)
                if through > 0.0:
                    weight = through * back_part * chance
                    law = lognormal or (
                        database.service.lognormal != 0 and second_var > variance
                    )
                    if back.busy < 0.999:
                        add_component(
                            mixture,
                            weight * (1.0 - back.busy),
                            base + second_mean,
                            variance + second_var,
                            law,
                        )
                    if back.busy > 1e-6:
                        law = law and back.variance < variance + second_var
                        add_component(
                            mixture,
                            weight * back.busy,
                            base + second_mean + back.delay,
                            variance + second_var + back.variance,
                            law,
                        )
