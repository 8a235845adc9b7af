"""What the agent sees: the components of records/observation.py, in that order."""

from __future__ import annotations

import math
from typing import Any

from cwm_gym.core.jit import jit
from cwm_gym.core.provisioning import batch_count, pool_rps
from cwm_gym.core.records.world import MAX_SAMPLES

SLOW_MEAN_S = 900.0


@jit
def take_sample(params: Any, w: Any) -> None:
    """Store what a monitoring system would have seen of the finished tick.

    Args:
        params: ``PARAMS`` record.
        w: ``WORLD`` record.
    """
    m = w.meter
    last = w.sample[(w.n_samples + MAX_SAMPLES - 1) % MAX_SAMPLES]
    before = last.offered_rps if w.n_samples > 0 else m.offered_rps
    kept = math.exp(-m.seconds / SLOW_MEAN_S)
    w.smooth_rps = kept * w.smooth_rps + (1.0 - kept) * m.offered_rps
    s = w.sample[w.n_samples % MAX_SAMPLES]
    s.at_s = w.time_s
    s.offered_rps = m.offered_rps
    s.trend_rps = m.offered_rps - before
    s.level_rps = w.smooth_rps
    s.throughput_rps = m.throughput_rps
    s.utilisation = m.utilisation
    s.latency_p95_s = m.latency_p95_s
    s.error_rate = m.error_rate
    s.backlog = m.backlog
    s.cost_usd_per_hour = m.cost_usd_per_hour
    s.connection_pressure = m.connection_pressure
    s.database_utilisation = m.database_utilisation
    s.sla_violations = m.sla_violations
    s.health = m.health
    s.side_capacity_rps = max(0.0, m.capacity_rps - m.primary_rps)
    if params.extras == 1:
        s.cache_hit_rate = m.cache_hit_rate
        s.queue_age_s = m.queue_age_s
        s.storage_utilisation = m.storage_utilisation
        s.cold_share = m.cold_share
        s.queue_depth = m.queue_depth
        s.node_utilisation = m.node_utilisation
    w.n_samples += 1


@jit
def visible_sample(params: Any, w: Any) -> int:
    """Find the newest sample that is at least ``metric_delay_s`` old.

    Args:
        params: ``PARAMS`` record.
        w: ``WORLD`` record with at least one sample.

    Returns:
        Index into ``w.sample``; the oldest one kept while none is old enough.
    """
    kept = min(w.n_samples, MAX_SAMPLES)
    for back in range(1, kept + 1):
        index = (w.n_samples - back) % MAX_SAMPLES
        if w.sample[index].at_s <= w.time_s - params.episode.metric_delay_s:
            return index
    return (w.n_samples - kept) % MAX_SAMPLES


@jit(inline="always")
def _squash(x: float) -> float:
    return x / (1.0 + x)


@jit(inline="always")
def _cut(x: float, low: float, high: float) -> float:
    return min(max(x, low), high)


@jit
def write_observation(params: Any, w: Any, s: Any, o: Any) -> None:
    """Fill the observation vector.

    Args:
        params: ``PARAMS`` record.
        w: ``WORLD`` record.
        s: ``SAMPLE`` record that the agent may see.
        o: float32[OBSERVATION_SIZE], overwritten.
    """
    episode = params.episode
    demand = params.demand
    p = params.pool[episode.primary]
    fleet = w.pool[episode.primary]
    one = pool_rps(p)
    largest = one * p.maximum
    pending = batch_count(fleet.launching)
    day = (w.offset_s + w.time_s + demand.day_start_s) / demand.day_s
    angle = 2.0 * math.pi * (day - math.floor(day))
    latency = s.latency_p95_s / episode.latency_limit_s
    errors = s.error_rate / episode.error_limit
    boot = p.boot_s / episode.tick_s

    o[0] = _cut(s.offered_rps / largest, 0.0, 4.0)
    o[1] = _cut(s.offered_rps / (one * max(fleet.ready, 1)), 0.0, 4.0)
    o[2] = _cut(s.offered_rps / (one * max(fleet.desired, 1)), 0.0, 4.0)
    o[3] = _cut(4.0 * s.trend_rps / largest, -1.0, 1.0)
    o[4] = _cut(2.0 * (s.offered_rps - s.level_rps) / largest, -1.0, 1.0)
    o[5] = math.sin(angle)
    o[6] = math.cos(angle)
    o[7] = fleet.ready / p.maximum
    o[8] = pending / p.maximum
    o[9] = _cut(batch_count(fleet.draining) / p.maximum, 0.0, 1.0)
    o[10] = p.minimum / p.maximum
    o[11] = 1.0 / p.maximum
    o[12] = 0.0
    if pending > 0.0:
        o[12] = _cut((fleet.launching[0].at_s - w.time_s) / p.boot_s, 0.0, 1.0)
    o[13] = _squash(boot)
    o[14] = _cut(s.utilisation, 0.0, 1.0)
    o[15] = _squash(latency)
    o[16] = _squash(errors)
    o[17] = 1.0 if latency > 1.0 else 0.0
    o[18] = 1.0 if errors > 1.0 else 0.0
    o[19] = _squash(s.backlog / (one * max(fleet.ready, 1)))
    o[20] = _cut(s.cost_usd_per_hour / episode.budget_usd_per_hour, 0.0, 4.0)
    o[21] = s.connection_pressure / 3.0
    o[22] = 1.0 if w.pressure_steps > 0 else 0.0
    o[23] = _cut(s.database_utilisation, 0.0, 1.0)
    o[24] = s.health / 3.0
    o[25] = 0.0
    if episode.action_cooldown_s > 0.0:
        left = fleet.acted_at_s + episode.action_cooldown_s - w.time_s
        o[25] = _cut(left / episode.action_cooldown_s, 0.0, 1.0)
    o[26] = _cut(fleet.scaled_by / p.maximum, -1.0, 1.0)
    since = min((w.time_s - fleet.scaled_at_s) / episode.tick_s, 1e6)
    o[27] = since / (10.0 + since)
    o[28] = float(params.autoscaler.on)
    o[29] = _cut(w.autoscaler.out_cpu, 0.0, 1.0) if params.autoscaler.on == 1 else 0.0
    o[30] = _cut(fleet.lost / p.maximum, 0.0, 1.0)
    o[31] = _cut(fleet.notified / p.maximum, 0.0, 1.0)
    o[32] = _cut(s.side_capacity_rps / largest, 0.0, 4.0)
    o[33] = s.cache_hit_rate
    o[34] = _squash(s.queue_age_s / episode.latency_limit_s)
    o[35] = _cut(s.storage_utilisation, 0.0, 1.0)
    o[36] = _cut(s.cold_share, 0.0, 1.0)
