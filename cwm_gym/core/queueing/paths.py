"""Latency of the requests that completed in a segment, along the paths that they took."""

from __future__ import annotations

from typing import Any

from cwm_gym.core.jit import jit
from cwm_gym.core.queueing.latency import add_component
from cwm_gym.core.queueing.records import DATABASE

# A part is not told apart when it adds less than this share to the variance.
_NEGLIGIBLE = 0.01
_SMALL = 0.05


@jit
def collect(workspace: Any, n_pools: int, has_database: bool, nodes: int) -> None:
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
        direct = tier.flow.completed
        through = 0.0
        if has_database:
            if offered > 0.0:
                through = database.flow.completed * direct * service.visit / offered
            elif i == 0:
                through = database.flow.completed
            direct *= 1.0 - service.visit
        if not direct + through > 0.0:
            continue
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
