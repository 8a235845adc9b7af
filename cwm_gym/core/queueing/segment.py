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

# A part is not told apart when it adds less than this share to the variance.
_NEGLIGIBLE = 0.01
_SMALL = 0.05


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
    for i in range(n_pools):
        tier = workspace.tier[i]
        service = tier.service
        completed = tier.flow.completed
        if not completed > 0.0:
            continue
        direct = completed
        through = 0.0
        if has_database:
            direct *= 1.0 - service.visit
            if offered > 0.0:
                through = database.flow.completed * completed * service.visit / offered
        rate = tier.phase[0].rate if tier.phase[0].rate > 0.0 else service.service_rate
        own = 1.0 / rate
        own_var = service.cs2 * own * own
        pool_rate = 0.0
        for j in range(nodes):
            pool_rate += workspace.node[j].share * tier.profile[j].rate
        for j in range(nodes):
            share = workspace.node[j].share
            wait = tier.profile[j]
            part = share * wait.rate / pool_rate if pool_rate > 0.0 else share
            back = database.profile[j]
            back_part = share * back.rate / back_rate if back_rate > 0.0 else part
            mean = service.extra_mean_s + own
            variance = service.extra_var_s2 + own_var
            lognormal = service.lognormal != 0
            busy = wait.busy
            second = wait.variance + wait.delay * wait.delay
            if busy * second < _NEGLIGIBLE * variance:
                mean += busy * wait.delay
                variance += busy * (second - busy * wait.delay * wait.delay)
                busy = 0.0
            if busy < 1.0:
                idle = 1.0 - busy
                _add_paths(
                    mixture, database, back, direct * part * idle, through * back_part * idle,
                    mean, variance, lognormal,
                )  # fmt: skip
            if busy > 0.0:
                _add_paths(
                    mixture, database, back, direct * part * busy, through * back_part * busy,
                    mean + wait.delay, variance + wait.variance,
                    lognormal and wait.variance < own_var,
                )  # fmt: skip


@jit
def _add_paths(
    mixture: Any,
    database: Any,
    back: Any,
    direct: float,
    through: float,
    mean: float,
    variance: float,
    lognormal: bool,
) -> None:
    """Add the requests that end at the pool and those that go on to the database.

    Parts that differ by little of the spread they already have are added as one.

    Args:
        mixture: ``MIXTURE`` record.
        database: ``TIER`` record of the database.
        back: Its ``PROFILE`` at the instant.
        direct: Requests that do not go to the database.
        through: Requests that do.
        mean: Mean latency before the database, s.
        variance: Its variance, s^2.
        lognormal: Law of the latency before the database.
    """
    if not through > 0.0:
        add_component(mixture, direct, mean, variance, lognormal)
        return
    service = 1.0 / database.service.service_rate
    service_var = database.service.cs2 * service * service
    busy = back.busy
    wait_sq = back.variance + back.delay * back.delay
    later = service + busy * back.delay
    later_var = service_var + busy * (wait_sq - busy * back.delay * back.delay)
    share = through / (direct + through)
    if share * (later_var + later * later) < _SMALL * variance:
        variance += share * (later_var + (1.0 - share) * later * later)
        add_component(mixture, direct + through, mean + share * later, variance, lognormal)
        return
    add_component(mixture, direct, mean, variance, lognormal)
    law = lognormal or (database.service.lognormal != 0 and service_var > variance)
    if busy * wait_sq < _NEGLIGIBLE * (variance + service_var):
        add_component(mixture, through, mean + later, variance + later_var, law)
        return
    variance += service_var
    add_component(mixture, through * (1.0 - busy), mean + service, variance, law)
    law = law and back.variance < variance
    mean += service + back.delay
    add_component(mixture, through * busy, mean, variance + back.variance, law)
