"""One segment of a service: parallel pools, and the tiers behind them in topological order."""

from __future__ import annotations

import math
from typing import Any

from cwm_gym.core.jit import jit
from cwm_gym.core.queueing.connections import count_connections
from cwm_gym.core.queueing.elastic import serve_elastic
from cwm_gym.core.queueing.latency import clear_mixture, mean_latency, quantile
from cwm_gym.core.queueing.nodes import add_cut, place_nodes
from cwm_gym.core.queueing.paths import collect
from cwm_gym.core.queueing.phase import prepare
from cwm_gym.core.queueing.profile import limit_variance, observe
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
def serve_segment(workspace: Any, n_pools: int, stages: Any, n_stages: int, dt: float) -> None:
    """Advance all tiers by one segment of constant rates and servers.

    Requests come in at the tiers marked ``entry`` and then pass the other tiers in the order of
    ``stages``; of those that pass a tier a share ``visit`` goes through it, the rest goes by. What
    a tier fails to serve passes no further one. Messages to a ``detached`` tier are copies: the
    request goes on, and the tier starts a stream of its own.

    Reads ``tier[i].service`` and ``visit``, updates ``tier[i].queue``, fills ``tier[i].flow`` and
    ``passing`` (requests that have passed everything, by entry tier) and adds the latencies of
    successful requests to the mixture.

    Args:
        workspace: ``WORKSPACE`` record.
        n_pools: Tiers with a fleet, 0..n_pools-1.
        stages: int64[MAX_TIERS], the tiers that are fed by others, each after those that feed it.
        n_stages: How many of them there are.
        dt: Length of the segment, s.
    """
    workspace.n_cuts = 0
    steady = True
    for i in range(n_pools):
        tier = workspace.tier[i]
        workspace.passing[i] = 0.0
        if tier.service.entry == 1:
            serve_tier(tier, tier.service.arrival_rps, 1.0, dt, 0.0, dt)
            workspace.passing[i] = tier.flow.completed
            workspace.excess[i] = _departures(tier, 0.0)
            if not _add_cuts(workspace, tier, dt):
                steady = False
    for s in range(n_stages):
        tier = workspace.tier[stages[s]]
        _serve_stage(workspace, n_pools, stages[s], s + 1 < n_stages, dt)
        if not _add_cuts(workspace, tier, dt):
            steady = False

    nodes = 1
    if steady:
        workspace.node[0].time = 0.5 * dt
        workspace.node[0].share = 1.0
    else:
        nodes = place_nodes(workspace, dt)
    for i in range(n_pools):
        if workspace.tier[i].service.entry == 1:
            _profile(workspace, workspace.tier[i], nodes)
    for s in range(n_stages):
        tier = workspace.tier[stages[s]]
        _profile(workspace, tier, nodes)
        if tier.service.connections < math.inf:
            count_connections(workspace, tier, nodes)
    collect(workspace, n_pools, stages, n_stages, nodes)


@jit
def _add_cuts(workspace: Any, tier: Any, dt: float) -> bool:
    """Note where the tier changes its behaviour; True when it is stationary throughout."""
    steady = True
    for k in range(tier.phases):
        p = tier.phase[k]
        if p.steady == 0:
            steady = False
            add_cut(workspace, p.begin + p.clear, dt)
            add_cut(workspace, p.begin + p.drained, dt)
    return steady


@jit
def _serve_stage(workspace: Any, n_pools: int, index: int, more: bool, dt: float) -> None:
    """Advance a tier that is fed by what other tiers have completed; ``more`` come after it.

    While a pool works off a backlog it sends requests at its capacity, afterwards at the rate of
    its arrivals; where that makes a difference the tier takes the segment in two phases.
    """
    tier = workspace.tier[index]
    service = tier.service
    total = 0.0
    variability = 0.0
    for i in range(n_pools):
        visit = workspace.visit[i, index]
        if visit > 0.0:
            visits = workspace.passing[i] * visit
            total += visits
            variability += visits * visit * workspace.excess[i]
    excess = variability / total if total > 0.0 else 0.0
    kept = 1.0 - service.refused_share
    split = dt
    rise = 0.05 * total / dt
    for i in range(n_pools):
        visit = workspace.visit[i, index]
        pool = workspace.tier[i]
        if visit > 0.0 and pool.phase[0].steady == 0:
            p = pool.phase[0]
            change = (p.capacity - p.arrival) * p.queues * p.weight * visit
            if change > rise and 0.02 * dt < p.drained < 0.95 * dt:
                rise = change
                split = p.drained
    serve_tier(tier, total * kept / dt, 1.0 + excess, split, rise * kept, dt)
    flow = tier.flow
    sent = _departures(tier, excess) if more else 0.0
    flow.refused = total - total * kept
    # Without visits of its own, what is left from before belongs to the first that may come.
    unclaimed = flow.completed
    for i in range(n_pools):
        visit = workspace.visit[i, index]
        if visit > 0.0:
            visits = workspace.passing[i] * visit
            if service.detached == 1:
                if total > 0.0:
                    turned_away = (flow.refused + flow.rejected) / total
                    workspace.passing[i] -= visits * min(turned_away, 1.0)
            else:
                done = unclaimed
                if total > 0.0:
                    done = flow.completed * visits / total
                    if more:
                        past = 1.0 - visit
                        workspace.excess[i] *= past * past
                        workspace.excess[i] += visit * sent * visits / total
                else:
                    unclaimed = 0.0
                workspace.passing[i] = max(0.0, workspace.passing[i] - visits + done)
                workspace.went[i, index] = done
    if total == 0.0 and unclaimed > 0.0 and service.detached == 0:
        # Nobody comes here any more, and some are still on their way out.
        first = -1
        for i in range(n_pools):
            if workspace.tier[i].service.entry == 1 and (
                first < 0 or workspace.passing[i] > workspace.passing[first]
            ):
                first = i
        workspace.passing[first] += unclaimed
    if service.detached == 1:
        workspace.passing[index] = flow.completed
        workspace.excess[index] = sent


@jit
def serve_tier(tier: Any, rate: float, ca2: float, split: float, rise: float, dt: float) -> None:
    """Advance one tier by a segment in which its arrivals are constant, or fall once.

    Args:
        tier: ``TIER`` record with ``service`` and ``queue``.
        rate: Mean arrivals per second.
        ca2: Squared coefficient of variation of the time between them.
        split: When the arrival rate falls, s; ``dt`` = it does not.
        rise: How much higher the rate is before, per second.
        dt: Length of the segment, s.
    """
    _clear(tier.flow)
    tier.phases = 1
    if tier.service.elastic == 1:
        serve_elastic(tier, rate, dt)
    elif split == dt:
        prepare(tier.phase[0], tier.service, tier.queue, rate, ca2, 0.0, dt)
        finish(tier.phase[0], tier.queue, tier.flow)
    else:
        early = min(rate + rise * (1.0 - split / dt), rate * dt / split)
        late = (rate * dt - early * split) / (dt - split)
        tier.phases = 2
        begin = 0.0
        span = split
        rate = early
        for k in range(2):
            prepare(tier.phase[k], tier.service, tier.queue, rate, ca2, begin, span)
            finish(tier.phase[k], tier.queue, tier.flow)
            begin = split
            span = dt - split
            rate = late
    _settle(tier, dt)


@jit
def _departures(tier: Any, arrivals: float) -> float:
    """Variability of the requests that a tier sends on, less that of a Poisson process.

    A saturated tier of c servers departs with ``c_d^2 = 1 + (cs2 - 1) / sqrt(c)`` (Whitt 1983,
    QNA, equation 39), and picking each with probability v leaves ``1 + v (c_d^2 - 1)``. Below
    saturation a slower queue behind it feels the variability of the arrivals instead (Suresh and
    Whitt 1990), hence the high power of the utilisation.

    Args:
        tier: ``TIER`` record that has been served.
        arrivals: ``ca2 - 1`` of what comes to it.

    Returns:
        ``c_d^2 - 1``.
    """
    p = tier.phase[0]
    cube = tier.flow.utilisation * tier.flow.utilisation * tier.flow.utilisation
    own = (max(p.cs2, 0.2) - 1.0) / math.sqrt(p.servers * p.queues)
    result: float = arrivals + cube * cube * (own - arrivals)
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
    flow.refused = 0.0
    flow.cold_starts = 0.0


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
        if tier.service.elastic == 0:
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
