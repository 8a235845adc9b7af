"""What changes: one ``WORLD`` record is one environment, whole."""

from __future__ import annotations

import numpy as np

from cwm_gym.core.queueing.records import MAX_POOLS, QUEUE
from cwm_gym.core.records.params import MAX_DRAWS

LAYOUT_VERSION = 1
MAX_BATCHES = 8
MAX_SAMPLES = 16
MAX_EVENTS = 16

# Instances that share a moment: ready at, fully warm at, or gone at.
BATCH = np.dtype([("at_s", "f8"), ("count", "f8")], align=True)

POOL = np.dtype(
    [
        ("desired", "i8"),  # instances asked for = ready + launching
        ("ready", "i8"),  # instances that take requests
        ("queue", QUEUE),
        ("servers", "f8"),  # effective servers in the last segment
        ("busy", "f8"),  # of them busy, time average
        ("busy_tick_s", "f8"),  # server-seconds worked in the tick
        ("server_tick_s", "f8"),  # server-seconds available in the tick
        ("busy_s", "f8"),  # server-seconds worked since the gauge was cleared
        ("server_s", "f8"),  # server-seconds available since then
        ("ready_s", "f8"),  # instance-seconds ready since then
        ("arrived", "f8"),  # requests since then
        ("gauge_s", "f8"),  # length of that time
        ("acted_at_s", "f8"),  # last scaling action of the agent
        ("scaled_at_s", "f8"),  # last scaling action of anybody
        ("scaled_by", "i8"),  # its size, signed
        ("launching", BATCH, (MAX_BATCHES,)),  # sorted by time; count 0 = free slot
        ("warming", BATCH, (MAX_BATCHES,)),  # time of becoming ready
        ("draining", BATCH, (MAX_BATCHES,)),  # time of leaving
    ],
    align=True,
)

DATABASE = np.dtype([("queue", QUEUE), ("seen_steps", "i8")], align=True)

AUTOSCALER = np.dtype(
    [
        ("out_cpu", "f8"),
        ("in_cpu", "f8"),
        ("out_throughput", "f8"),
        ("in_throughput", "f8"),
        ("out_latency_s", "f8"),
        ("breaches_out", "i8"),  # evaluations in a row that called for more
        ("breaches_in", "i8"),
    ],
    align=True,
)

# What a monitoring system reports of the last tick.
METER = np.dtype(
    [
        ("offered_rps", "f8"),
        ("throughput_rps", "f8"),
        ("capacity_rps", "f8"),  # of the ready instances, time average
        ("utilisation", "f8"),
        ("latency_mean_s", "f8"),
        ("latency_p50_s", "f8"),  # only with all_quantiles
        ("latency_p95_s", "f8"),
        ("latency_p99_s", "f8"),  # only with all_quantiles
        ("error_rate", "f8"),  # errors / (errors + completions)
        ("arrived", "f8"),  # requests
        ("served", "f8"),
        ("timed_out", "f8"),
        ("rejected", "f8"),
        ("failed", "f8"),  # no connection, or aborted in service
        ("backlog_change", "f8"),
        ("waiting", "f8"),  # time average, compute
        ("backlog", "f8"),  # at the end, all tiers
        ("database_utilisation", "f8"),
        ("database_active", "f8"),
        ("database_waiting", "f8"),
        ("connection_pressure", "f8"),
        ("usd", "f8"),  # spent in the tick
        ("cost_usd_per_hour", "f8"),
        ("ready", "f8"),  # instances, time average
        ("seconds", "f8"),
        ("sla_violations", "f8"),  # dimensions violated: 0, 1 or 2
        ("health", "f8"),  # 0 healthy, 1 warning, 2 critical, 3 offline
        ("reward", "f8"),
        ("performance", "f8"),
        ("cost", "f8"),
        ("stability", "f8"),
        ("sla", "f8"),
        ("pressure_penalty", "f8"),
        ("safe_cost", "f8"),  # cost signal of constrained RL
    ],
    align=True,
)

# What the agent may see of a tick, kept for metric_delay_s.
SAMPLE = np.dtype(
    [
        ("at_s", "f8"),
        ("offered_rps", "f8"),
        ("trend_rps", "f8"),
        ("level_rps", "f8"),
        ("throughput_rps", "f8"),
        ("utilisation", "f8"),
        ("latency_p95_s", "f8"),
        ("error_rate", "f8"),
        ("backlog", "f8"),
        ("cost_usd_per_hour", "f8"),
        ("connection_pressure", "f8"),
        ("database_utilisation", "f8"),
        ("sla_violations", "f8"),
        ("health", "f8"),
    ],
    align=True,
)

EVENT = np.dtype(
    [("at_s", "f8"), ("kind", "i8"), ("pool", "i8"), ("value", "f8")],
    align=True,
)

TOTALS = np.dtype(
    [
        ("steps", "i8"),
        ("seconds", "f8"),
        ("reward", "f8"),
        ("usd", "f8"),
        ("arrived", "f8"),
        ("served", "f8"),
        ("failed", "f8"),  # timed out, rejected, refused or aborted
        ("violation_s", "f8"),
        ("latency_p95_s", "f8"),  # sum over steps
        ("scaling_actions", "i8"),
        ("config_actions", "i8"),
        ("ignored_actions", "i8"),
        ("instance_s", "f8"),
    ],
    align=True,
)

# What every step touches stands first and together: a large batch does not fit into a cache.
WORLD = np.dtype(
    [
        ("version", "i8"),
        ("fingerprint", "u8"),  # of the parameters and tables it runs on
        ("scenario", "i8"),  # which of the scenarios of its environment it runs
        ("row", "i8"),  # its row in the array of parameters
        ("time_s", "f8"),
        ("step", "i8"),
        ("tick_s", "f8"),  # length of the running or last tick
        ("done", "i8"),  # the episode has ended
        ("outage_steps", "i8"),
        ("rng", "u8", (4,)),  # draws of the episode
        ("noise_rng", "u8", (4,)),  # demand noise, which no action advances
        ("offset_s", "f8"),  # how far into the demand curve the episode began
        ("noise", "f8"),  # log of the multiplicative noise in the current cell
        ("cell", "i8"),  # demand cell the clock is in; -1 before the episode
        ("rate_rps", "f8"),  # demand in that cell
        ("smooth_rps", "f8"),  # slow average of demand
        ("database", DATABASE),
        ("autoscaler", AUTOSCALER),
        ("changes", "i8"),  # scaling actions in the running tick
        ("reversals", "i8"),
        ("config_changes", "i8"),
        ("meter", METER),
        ("n_samples", "i8"),
        ("n_events", "i8"),
        ("totals", TOTALS),
        ("pool", POOL, (MAX_POOLS,)),
        ("sample", SAMPLE, (MAX_SAMPLES,)),
        ("event", EVENT, (MAX_EVENTS,)),
        ("draw", "f8", (MAX_DRAWS,)),
    ],
    align=True,
)


def _offset(dtype: np.dtype, name: str) -> int:
    assert dtype.fields is not None
    return dtype.fields[name][1]


# A step reads and writes this much from the start of the record: up to the first pool's scalars.
HOT_BYTES = _offset(WORLD, "pool") + _offset(POOL, "launching")
