"""What changes: one ``WORLD`` record is one environment, whole."""

from __future__ import annotations

import numpy as np

from cwm_gym.core.queueing.records import MAX_BACKENDS, MAX_POOLS, MAX_TIERS, QUEUE
from cwm_gym.core.records.params import MAX_DRAWS, MAX_FAULTS, POLICY

LAYOUT_VERSION = 2
MAX_BATCHES = 8
MAX_SAMPLES = 16
MAX_EVENTS = 32

HEALTHY, WARNING, CRITICAL, OFFLINE = range(4)

#: ``FAULT.state``.
FREE, TO_COME, ACTING, OVER, SWITCHED_OFF = range(5)

# Instances that share a moment: ready at, fully warm at, or gone at.
BATCH = np.dtype([("at_s", "f8"), ("count", "f8")], align=True)

HEALTH = np.dtype(
    [
        ("status", "i8"),  # HEALTHY, WARNING, CRITICAL or OFFLINE
        ("calm_steps", "i8"),  # steps in a row below the threshold that it must stay below
        ("policy", POLICY),
    ],
    align=True,
)

# Scalars that every step touches stand first: a large batch does not fit into a cache.
POOL = np.dtype(
    [
        ("present", "i8"),
        ("desired", "i8"),  # instances asked for = ready + launching + lost
        ("lost", "i8"),  # taken by a fault that still lasts
        ("notified", "i8"),  # spot instances that will be taken when their notice is over
        ("ready", "i8"),  # instances that take requests
        ("queue", QUEUE),
        ("servers", "f8"),  # effective servers in the last segment
        ("busy", "f8"),  # of them busy, time average
        ("busy_tick_s", "f8"),  # server-seconds worked in the tick
        ("server_tick_s", "f8"),  # server-seconds available in the tick
        ("arrived_tick", "f8"),  # requests in the tick
        ("failed_tick", "f8"),  # of them lost here
        ("busy_s", "f8"),  # server-seconds worked since the gauge was cleared
        ("server_s", "f8"),  # server-seconds available since then
        ("ready_s", "f8"),  # instance-seconds ready since then
        ("arrived", "f8"),  # requests since then
        ("gauge_s", "f8"),  # length of that time
        ("acted_at_s", "f8"),  # last scaling action of the agent
        ("scaled_at_s", "f8"),  # last scaling action of anybody
        ("scaled_by", "i8"),  # its size, signed
        ("health", HEALTH),
        ("launching", BATCH, (MAX_BATCHES,)),  # sorted by time; count 0 = free slot
        ("warming", BATCH, (MAX_BATCHES,)),  # time of becoming ready
        ("draining", BATCH, (MAX_BATCHES,)),  # time of leaving
        ("breaches_out", "i8"),  # evaluations in a row that called for more
        ("breaches_in", "i8"),
        ("zones_out", "i8"),  # bits of its zones that are out
        ("next_interruption_s", "f8"),  # spot
        ("warm", "f8"),  # serverless: instances that are up
        ("idle_s", "f8"),  # serverless: time for which not all of these have been needed
        ("needed", "f8"),  # serverless: most instances needed since then
        ("needed_s", "f8"),  # serverless: time since when
    ],
    align=True,
)

BACKEND = np.dtype(
    [
        ("present", "i8"),
        ("down", "i8"),  # faults that keep it down
        ("queue", QUEUE),
        ("busy_tick_s", "f8"),  # server-seconds worked in the tick
        ("server_tick_s", "f8"),  # server-seconds available in the tick
        ("visits", "f8"),  # in the tick
        ("failed_tick", "f8"),  # of them lost here
        ("active", "f8"),  # connection-seconds in the tick, with those held idle
        ("pressure", "f8"),  # connections held idle in the last segment
        ("health", HEALTH),
        ("units", "f8"),  # capacity units
        ("breaches", "i8"),  # evaluations in a row of high load; negative: of low load
        ("busy_s", "f8"),  # server-seconds worked since units were last looked at
        ("server_s", "f8"),  # and available
    ],
    align=True,
)

# What the faults that act now add up to, by tier.
EFFECT = np.dtype(
    [
        ("refused", "f8"),  # share of the requests that fail at once
        ("speed", "f8"),  # factor on the speed of a server
        ("stolen", "f8"),  # share of the servers that do something else
        ("latency_s", "f8"),  # added to every visit
        ("latency_s2", "f8"),  # its variance
        ("held", "f8"),  # share of the connections that others hold
    ],
    align=True,
)

# One fault of this episode: a FAULT_PARAMS record and what has come of it.
FAULT = np.dtype(
    [
        ("state", "i8"),  # FREE, TO_COME, ACTING, OVER or SWITCHED_OFF
        ("kind", "i8"),
        ("target", "i8"),
        ("zone", "i8"),
        ("region", "i8"),
        ("other_region", "i8"),
        ("start_s", "f8"),
        ("end_s", "f8"),
        ("severity", "f8"),
        ("amount", "f8"),
        ("errors", "f8"),
        ("notice_s", "f8"),
        ("next_s", "f8"),  # when something about it happens next
        ("phase", "i8"),  # kinds that act in stages
        ("id", "i8"),  # counts the faults of an episode
        ("taken", "i8", (MAX_POOLS,)),  # instances that it has taken
    ],
    align=True,
)

AUTOSCALER = np.dtype(
    [
        ("out_cpu", "f8"),
        ("in_cpu", "f8"),
        ("out_throughput", "f8"),
        ("in_throughput", "f8"),
        ("out_latency_s", "f8"),
    ],
    align=True,
)

# What a monitoring system reports of the last tick.
METER = np.dtype(
    [
        ("offered_rps", "f8"),
        ("throughput_rps", "f8"),
        ("capacity_rps", "f8"),  # of the ready instances of all entry pools, time average
        ("primary_rps", "f8"),  # of those of the pool that the agent scales
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
        ("failed", "f8"),  # no connection, a fault, or aborted in service
        ("backlog_change", "f8"),
        ("waiting", "f8"),  # time average, compute
        ("backlog", "f8"),  # at the end, all tiers
        ("database_utilisation", "f8"),  # of the busiest database
        ("database_active", "f8"),  # connections, all databases
        ("database_waiting", "f8"),
        ("connection_pressure", "f8"),  # of the database that is worst off
        ("lost", "f8"),  # instances taken by faults, at the end
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
        # From here on zero unless the scenario says that there is such a resource (params.extras).
        ("cache_hit_rate", "f8"),
        ("queue_depth", "f8"),  # messages that wait, all queues
        ("queue_age_s", "f8"),  # of the oldest message
        ("messages", "f8"),  # entered queues that nobody waits for
        ("processed", "f8"),  # of them finished, with all that they called
        ("messages_lost", "f8"),
        ("messages_change", "f8"),  # in the number queued or in work
        ("node_utilisation", "f8"),  # Kubernetes
        ("storage_utilisation", "f8"),  # of the busiest volume
        ("cold_share", "f8"),  # serverless: share of requests that wait for a cold start
        ("edge_share", "f8"),  # answered by a content delivery network
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
        ("side_capacity_rps", "f8"),  # of the entry pools that the agent's pool shares traffic with
        ("cache_hit_rate", "f8"),
        ("queue_age_s", "f8"),
        ("storage_utilisation", "f8"),
        ("cold_share", "f8"),
        ("queue_depth", "f8"),
        ("node_utilisation", "f8"),
    ],
    align=True,
)

# core/events.py says what the values of each kind are.
EVENT = np.dtype(
    [
        ("at_s", "f8"),
        ("kind", "i8"),
        ("target", "i8"),  # tier; -1 = the whole service
        ("value", "f8"),
        ("second", "f8"),
        ("third", "f8"),
    ],
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
        ("messages", "f8"),
        ("processed", "f8"),
    ],
    align=True,
)

# What every step touches stands first and together: a large batch does not fit into a cache.
WORLD = np.dtype(
    [
        ("row", "i8"),  # its row in the array of parameters
        ("time_s", "f8"),
        ("step", "i8"),
        ("tick_s", "f8"),  # length of the running or last tick
        ("done", "i8"),  # the episode has ended
        ("outage_steps", "i8"),
        ("noise_rng", "u8", (4,)),  # demand noise, which no action advances
        ("offset_s", "f8"),  # how far into the demand curve the episode began
        ("noise", "f8"),  # log of the multiplicative noise in the current cell
        ("cell", "i8"),  # demand cell the clock is in; -1 before the episode
        ("rate_rps", "f8"),  # demand in that cell
        ("smooth_rps", "f8"),  # slow average of demand
        ("demand_factor", "f8"),  # that faults put on demand
        ("pressure_steps", "i8"),  # steps since the first database appeared
        ("faulty", "i8"),  # 1 = some fault acts: effects are to be read
        ("next_fault_s", "f8"),  # when something about a fault happens next
        ("units_at_s", "f8"),  # when capacity units are looked at next
        ("changes", "i8"),  # scaling actions in the running tick
        ("reversals", "i8"),
        ("config_changes", "i8"),
        ("n_samples", "i8"),
        ("n_events", "i8"),
        ("totals", TOTALS),
        ("meter", METER),
        ("sample", SAMPLE, (MAX_SAMPLES,)),
        ("pool", POOL, (MAX_POOLS,)),
        ("backend", BACKEND, (MAX_BACKENDS,)),
        ("version", "i8"),
        ("fingerprint", "u8"),  # of the parameters and tables it runs on
        ("scenario", "i8"),  # which of the scenarios of its environment it runs
        ("rng", "u8", (4,)),  # draws of the episode
        ("fault_rng", "u8", (4,)),  # faults, which no action advances either
        ("n_faults", "i8"),  # faults of this episode so far
        ("next_sampled_s", "f8"),  # start of the next random fault
        ("autoscaler", AUTOSCALER),
        ("effect", EFFECT, (MAX_TIERS,)),
        ("fault", FAULT, (MAX_FAULTS,)),
        ("event", EVENT, (MAX_EVENTS,)),
        ("draw", "f8", (MAX_DRAWS,)),
    ],
    align=True,
)


def _offset(dtype: np.dtype, name: str) -> int:
    assert dtype.fields is not None
    return dtype.fields[name][1]


# What a step of a small service reads and writes: the start of the record, the scalars of the
# first pool and of the first backend. Bytes from the start, bytes.
HOT_PARTS = (
    (0, _offset(WORLD, "meter") + _offset(METER, "cache_hit_rate")),
    (_offset(WORLD, "pool"), _offset(POOL, "launching") + BATCH.itemsize),
    (_offset(WORLD, "pool") + _offset(POOL, "warming"), BATCH.itemsize),
    (_offset(WORLD, "pool") + _offset(POOL, "draining"), BATCH.itemsize),
    (_offset(WORLD, "backend"), BACKEND.itemsize),
)
