"""Latency of the requests that completed in a segment, along the paths that they took."""

from __future__ import annotations

from typing import Any

from cwm_gym.core.jit import jit
from cwm_gym.core.queueing.latency import add_component
from cwm_gym.core.queueing.profile import observe

# A part is not told apart when it adds less than this share to the variance.
_NEGLIGIBLE = 0.01
_SMALL = 0.05
# A wait shorter than this share of the time so far does not matter for what was met before it.
_LAG = 0.02


@jit
def collect(workspace: Any, n_pools: int, stages: Any, n_stages: int, nodes: int) -> None:
    """Add the latencies of the requests that completed in this segment to the mixture.

    Of the tiers behind a pool, the one that adds most to the latency is told apart (visited or
    not, waited or not); the others add their mean and variance.

    Args:
        workspace: ``WORKSPACE`` record after all tiers have been served.
        n_pools: Tiers with a fleet.
        stages: int64[MAX_TIERS], tiers that are fed by others.
        n_stages: How many of them there are.
        nodes: Instants that the segment is looked at.
    """
    mixture = workspace.mixture
    for i in range(n_pools):
        tier = workspace.tier[i]
        service = tier.service
        served = workspace.passing[i]
        if service.entry == 0 or not served > 0.0:
            continue
        main = -1
        others = 0
        most = -1.0
        for s in range(n_stages):
            k = stages[s]
            visit = workspace.visit[i, k]
            if visit > 0.0 and workspace.tier[k].service.detached == 0:
                weight = _weight(workspace.tier[k], nodes // 2, visit) if n_stages > 1 else 0.0
                if weight > most:
                    main = k
                    most = weight
                others += 1
        through = 0.0
        stage = 0.0
        stage_var = 0.0
        back_rate = 0.0
        database = workspace.tier[max(main, 0)]
        if main >= 0:
            others -= 1
            through = min(workspace.went[i, main], served)
            stage = 1.0 / own_rate(database)
            stage_var = database.service.cs2 * stage * stage + database.service.extra_var_s2
            stage += database.service.extra_mean_s
            for j in range(nodes):
                back_rate += workspace.node[j].share * database.profile[j].rate
        direct = served - through
        if direct < 1e-12 * served:
            direct = 0.0
        own = 1.0 / own_rate(tier)
        own_var = service.cs2 * own * own
        pool_rate = 0.0
        for j in range(nodes):
            pool_rate += workspace.node[j].share * tier.profile[j].rate
        before = 0.0
        for j in range(nodes):
            node = workspace.node[j]
            wait = tier.profile[j]
            part = node.share * wait.rate / pool_rate if pool_rate > 0.0 else node.share
            back = database.profile[j]
            back_part = node.share * back.rate / back_rate if back_rate > 0.0 else part
            ends = direct * part
            goes = through * back_part
            base = service.extra_mean_s + own
            base_var = service.extra_var_s2 + own_var
            if others > 0:
                for s in range(n_stages):
                    k = stages[s]
                    visit = workspace.visit[i, k]
                    if k != main and visit > 0.0 and workspace.tier[k].service.detached == 0:
                        more, more_var = _stage_moments(workspace.tier[k], j, visit)
                        base += more
                        base_var += more_var
            turns = 1
            lag = back.busy * back.delay
            if goes > 0.0 and lag > _LAG * node.time and tier.phase[0].steady == 0:
                turns = 2
            for turn in range(turns):
                if turn == 1:
                    # Who completes now has left the pool before it waited in the other tier.
                    wait = workspace.early
                    observe(tier.phase[0], wait, max(node.time - lag, 0.0))
                    if node.first == 0:
                        wait.variance += (wait.delay - before) * (wait.delay - before) / 12.0
                    before = wait.delay
                ending = ends if turn == 0 else 0.0
                going = goes if turn == turns - 1 else 0.0
                mean = base
                variance = base_var
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
                        mixture, database, back, stage, stage_var, ending * idle, going * idle,
                        mean, variance, lognormal,
                    )  # fmt: skip
                if busy > 0.0:
                    _add_paths(
                        mixture, database, back, stage, stage_var, ending * busy, going * busy,
                        mean + wait.delay, variance + wait.variance,
                        lognormal and wait.variance < own_var,
                    )  # fmt: skip


@jit
def own_rate(tier: Any) -> float:
    """Completions per second of one server, as the tier really has it."""
    rate = tier.phase[0].rate
    return rate if rate > 0.0 else tier.service.service_rate


@jit
def _stage_moments(tier: Any, node: int, visit: float) -> tuple[float, float]:
    """Mean and variance that a tier adds at one instant to a request that may visit it."""
    own = 1.0 / own_rate(tier)
    wait = tier.profile[node]
    waiting = wait.busy * wait.delay
    mean = tier.service.extra_mean_s + own + waiting
    second = wait.busy * (wait.variance + wait.delay * wait.delay)
    variance = tier.service.extra_var_s2 + tier.service.cs2 * own * own
    variance += second - waiting * waiting
    return visit * mean, visit * variance + visit * (1.0 - visit) * mean * mean


@jit
def _weight(tier: Any, node: int, visit: float) -> float:
    """Second moment of the latency that a tier adds, to find the one that matters most."""
    mean, variance = _stage_moments(tier, node, visit)
    return float(variance + mean * mean)


@jit
def _add_paths(
    mixture: Any,
    database: Any,
    back: Any,
    service: float,
    service_var: float,
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
        service: Mean time in the database without waiting, s.
        service_var: Its variance, s^2.
        direct: Requests that do not go to the database.
        through: Requests that do.
        mean: Mean latency before the database, s.
        variance: Its variance, s^2.
        lognormal: Law of the latency before the database.
    """
    if not through > 0.0:
        add_component(mixture, direct, mean, variance, lognormal)
        return
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
