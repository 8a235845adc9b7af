"""What does not change while a scenario runs: one ``PARAMS`` record per scenario."""

from __future__ import annotations

import numpy as np

from cwm_gym.core.queueing.records import MAX_BACKENDS, MAX_POOLS, MAX_TIERS

MAX_PATTERNS = 8
MAX_DRAWS = 16
MAX_FRONTS = 4
MAX_FAULTS = 8
MAX_ZONES = 6  # zones that one pool is spread over

#: ``POOL_PARAMS.kind``: virtual machines, nodes of a Kubernetes cluster, serverless instances.
MACHINES, NODES, SERVERLESS = range(3)
#: ``BACKEND_PARAMS.kind``; the first two are databases.
DATABASE, REPLICAS, CACHE, STORAGE = range(4)

# The kinds that concern databases stand together, from database_slowdown to database_crash.
FAULT_KINDS = (
    "instance_kill",
    "az_outage",
    "network_latency",
    "network_partition",
    "database_slowdown",
    "database_overload",
    "database_crash",
    "cpu_spike",
    "memory_pressure",
    "memory_leak",
    "bad_deployment",
    "dependency_timeout",
    "spot_interruption",
    "traffic_spike",
)
N_FAULT_KINDS = len(FAULT_KINDS)
(
    INSTANCE_KILL,
    AZ_OUTAGE,
    NETWORK_LATENCY,
    NETWORK_PARTITION,
    DATABASE_SLOWDOWN,
    DATABASE_OVERLOAD,
    DATABASE_CRASH,
    CPU_SPIKE,
    MEMORY_PRESSURE,
    MEMORY_LEAK,
    BAD_DEPLOYMENT,
    DEPENDENCY_TIMEOUT,
    SPOT_INTERRUPTION,
    TRAFFIC_SPIKE,
) = range(N_FAULT_KINDS)

# One element of demand; see core/demand.py for the formula of each kind.
PATTERN = np.dtype(
    [
        ("kind", "i8"),  # core.demand.CONSTANT ... SAMPLES
        ("start_s", "f8"),  # first second in which it acts
        ("end_s", "f8"),  # last; infinity = for ever
        ("from_rps", "f8"),  # level at the start (level-setting kinds)
        ("to_rps", "f8"),  # level at the end
        ("duration_s", "f8"),  # of a ramp or of one burst
        ("period_s", "f8"),  # of a wave, or between bursts; 0 = once
        ("amplitude", "f8"),  # relative to the level: 0.5 = +-50 %
        ("steps", "f8"),  # number of equal steps of a staircase
        ("table_start", "i8"),  # first sample in the tables (kind SAMPLES)
        ("table_size", "i8"),  # number of samples
        ("table_step_s", "f8"),  # distance of two samples
        ("hold", "i8"),  # 1 = hold each sample, 0 = interpolate
        ("scale", "f8"),  # factor on every sample
    ],
    align=True,
)

DEMAND_PARAMS = np.dtype(
    [
        ("level_rps", "f8"),  # level until a pattern sets another
        ("n_patterns", "i8"),
        ("pattern", PATTERN, (MAX_PATTERNS,)),
        ("noise_sigma", "f8"),  # standard deviation of log demand
        ("noise_correlation_s", "f8"),  # e-folding time of its autocorrelation
        ("offset_low_s", "f8"),  # the episode starts this far into the demand curve ...
        ("offset_high_s", "f8"),  # ... drawn uniformly
        ("day_s", "f8"),  # length of the day the observed phase refers to
        ("day_start_s", "f8"),  # time of day at offset 0
    ],
    align=True,
)

# How calm a resource must be, and for how many steps, before its health improves.
POLICY = np.dtype(
    [
        ("critical_cpu", "f8"),  # utilisation
        ("critical_steps", "i8"),
        ("warning_cpu", "f8"),
        ("warning_steps", "i8"),
    ],
    align=True,
)

# A pool of identical instances behind one balancer.
POOL_PARAMS = np.dtype(
    [
        ("kind", "i8"),  # MACHINES, NODES or SERVERLESS
        ("spare", "i8"),  # 1 = not there until an action adds it
        ("entry", "i8"),  # 1 = takes requests from outside, shared by capacity
        ("group", "i8"),  # called by other tiers: pools of one group share by capacity; 0 = none
        ("visit", "f8"),  # called by other tiers: share of the requests upstream that come here
        ("front", "i8"),  # entry: which way in requests take
        ("queued", "i8"),  # 1 = a durable queue holds what waits
        ("detached", "i8"),  # 1 = its queue is behind other tiers: nobody waits for an answer
        ("vcpus", "f8"),  # servers per instance
        ("cpu_s_per_request", "f8"),  # mean service time on one vCPU
        ("cs2", "f8"),  # squared coefficient of variation of the service time
        ("lognormal", "i8"),  # law of the service time: 1 lognormal, 0 gamma family
        ("contention", "f8"),  # capacity of n instances = n / (1 + contention (n - 1))
        ("balancing", "i8"),  # 0 central queue, 1 random, 2 round robin
        ("room_per_instance", "f8"),  # waiting requests per instance ...
        ("room", "f8"),  # ... and for the pool, whatever its size
        ("timeout_s", "f8"),  # a request leaves after waiting this long
        ("base_latency_s", "f8"),  # added to every request
        ("jitter_s2", "f8"),  # variance of that addition
        ("initial", "i8"),  # instances at the start
        ("minimum", "i8"),
        ("maximum", "i8"),
        ("boot_s", "f8"),  # from launch to serving
        ("warmup_s", "f8"),  # from serving to full speed
        ("warmup_speed", "f8"),  # speed at the start of the warm-up, relative
        ("drain_s", "f8"),  # how long a leaving instance is still paid for
        ("cooldown_s", "f8"),  # window in which a reversal counts, and of the autoscaler
        ("usd_per_hour", "f8"),  # one instance
        ("usd_per_request", "f8"),  # serverless
        ("usd_per_busy_s", "f8"),  # serverless: one request in service for a second
        ("billing_minimum_s", "f8"),  # shortest time an instance is billed for
        ("autoscaled", "i8"),  # the built-in autoscaler may act here
        ("kill_in_flight", "i8"),  # 1 = scale-in aborts what is in service, 0 = it drains
        ("critical_speed", "f8"),  # relative speed while its health is critical
        ("status", "i8"),  # health at the start
        ("concurrency", "f8"),  # serverless: requests that one instance serves at once
        ("concurrency_limit", "f8"),  # serverless: most requests in service
        ("cold_s", "f8"),  # serverless: start of an instance
        ("keep_alive_s", "f8"),  # serverless: idle time after which an instance goes
        ("zones", "i8"),  # zones that instances are spread over evenly
        ("zone", "i8", (MAX_ZONES,)),  # their numbers in the simulation
        ("region", "i8"),  # its number in the simulation
        ("interruptions_per_hour", "f8"),  # spot: events per hour in each zone
        ("block_share", "f8"),  # spot: share of the zone's instances that one event takes; 0 = one
        ("notice_s", "f8"),  # spot: warning before they go
        ("return_s", "f8"),  # spot: mean time until capacity can be had again
        ("policy", POLICY),
    ],
    align=True,
)

# A tier of fixed size behind the pools: a database, its replicas, a cache, a volume.
BACKEND_PARAMS = np.dtype(
    [
        ("kind", "i8"),  # DATABASE, REPLICAS, CACHE or STORAGE
        ("spare", "i8"),  # 1 = not there until an action adds it
        ("servers", "f8"),  # vCPUs
        ("service_s", "f8"),  # mean service time of one visit
        ("cs2", "f8"),
        ("lognormal", "i8"),
        ("visit", "f8"),  # share of requests that come here (behind a cache: that would)
        ("behind", "i8"),  # backend whose misses come here; -1 = none
        ("hit_rate", "f8"),  # cache: share of its visits that need nothing behind it
        ("connections", "f8"),  # limit; infinite = none
        ("idle_per_instance", "f8"),  # connections that every ready instance holds
        ("refuse_when_full", "i8"),  # 1 = no connection, no queue; 0 = wait for one
        ("room", "f8"),  # waiting requests (refuse_when_full = 0)
        ("timeout_s", "f8"),
        ("base_latency_s", "f8"),  # added to every visit
        ("jitter_s2", "f8"),  # variance of that addition
        ("usd_per_hour", "f8"),
        ("usd_per_request", "f8"),  # per visit
        ("standby", "i8"),  # 1 = another zone takes over after failover_s
        ("failover_s", "f8"),
        ("zone", "i8"),  # its number in the simulation; -1 = none in particular
        ("region", "i8"),
        ("units_min", "f8"),  # capacity units; 0 = size is fixed
        ("units_max", "f8"),
        ("vcpus_per_unit", "f8"),
        ("usd_per_unit_hour", "f8"),
        ("unit_lag_steps", "i8"),  # evaluations of high load before units grow
        ("io_per_visit", "f8"),  # volumes: I/O operations of one visit
        ("max_iops", "f8"),  # volumes
        ("critical_speed", "f8"),  # relative speed while its health is critical
        ("status", "i8"),  # health at the start
        ("policy", POLICY),
    ],
    align=True,
)

# A way in: balancers and content delivery networks, merged along the way.
FRONT_PARAMS = np.dtype(
    [
        ("limit_rps", "f8"),  # requests that balancers let through; infinite = no limit
        ("hit_rate", "f8"),  # share answered at the edge
        ("edge_latency_s", "f8"),  # of those answers
        ("edge_usd_per_request", "f8"),  # of everything that comes to the edge
        ("edge_usd_per_gb", "f8"),
        ("unit_usd_per_hour", "f8"),  # price of one balancer capacity unit
        ("units_included", "f8"),  # that the hourly price contains
        ("unit_rps", "f8"),  # requests per second that one unit covers; infinity = no limit
        ("unit_gb_per_hour", "f8"),  # traffic that one unit covers; infinity = no limit
        ("usd_per_gb", "f8"),  # egress
    ],
    align=True,
)

# What is paid by the hour whatever happens.
FIXED_PARAMS = np.dtype(
    [
        ("usd_per_hour", "f8"),  # balancers, storage, control planes
        ("gb_per_request", "f8"),
    ],
    align=True,
)

# How requests get from one tier to the next.
ROUTE_PARAMS = np.dtype(
    [
        ("n_stages", "i8"),
        ("stage", "i8", (MAX_TIERS,)),  # tiers fed by others, each after those that feed it
        ("reach", "f8", (MAX_POOLS * MAX_TIERS,)),  # [first pool, tier]: does a path lead there
    ],
    align=True,
)

# One fault as written: see core/faults.py for what each kind does.
FAULT_PARAMS = np.dtype(
    [
        ("kind", "i8"),  # index into FAULT_KINDS
        ("target", "i8"),  # tier; -1 = none in particular
        ("zone", "i8"),  # zone; -1 = none in particular
        ("region", "i8"),  # link: one end ...
        ("other_region", "i8"),  # ... and the other; -1 = no link
        ("start_s", "f8"),
        ("end_s", "f8"),  # infinite = for ever
        ("severity", "f8"),  # 0..1
        ("amount", "f8"),  # stated size in the kind's own unit; NaN = follows from severity
        ("errors", "f8"),  # stated share of requests that fail; NaN = follows from severity
        ("notice_s", "f8"),  # spot: warning; negative = the pool's
    ],
    align=True,
)

# Random faults: a Poisson process that no action influences.
SAMPLING_PARAMS = np.dtype(
    [
        ("on", "i8"),
        ("rate_per_hour", "f8", (N_FAULT_KINDS,)),
        ("duration_s", "f8", (N_FAULT_KINDS,)),  # mean of an exponential law
        ("severity_low", "f8"),
        ("severity_high", "f8"),
        ("n_zones", "i8"),  # zones there are
    ],
    align=True,
)

AUTOSCALER_PARAMS = np.dtype(
    [
        ("on", "i8"),
        ("out_cpu", "f8"),  # add an instance above this utilisation
        ("in_cpu", "f8"),  # remove one below
        ("out_throughput", "f8"),  # share of capacity; 0 = trigger off
        ("in_throughput", "f8"),
        ("out_latency_s", "f8"),  # P95; 0 = trigger off
        ("sustain", "i8"),  # evaluations in a row before it acts
    ],
    align=True,
)

EPISODE_PARAMS = np.dtype(
    [
        ("tick_s", "f8"),
        ("max_steps", "i8"),
        ("latency_limit_s", "f8"),  # L
        ("error_limit", "f8"),  # E
        ("budget_usd_per_hour", "f8"),  # B
        ("metric_delay_s", "f8"),  # age of the observed metrics
        ("action_cooldown_s", "f8"),  # pause after a scaling action
        ("all_quantiles", "i8"),  # 1 = P50 and P99 too
        ("terminate_on_outage", "i8"),  # ticks in a row without any success; 0 = never
        ("average_capacity", "i8"),  # 1 = average a tick's capacity instead of splitting it
        ("primary", "i8"),  # pool that the agent scales
        ("all_targets", "i8"),  # 1 = write the mask of all targets (multi_discrete)
    ],
    align=True,
)

REWARD_PARAMS = np.dtype(
    [
        ("kind", "i8"),  # core.reward.DOCUMENTED or DOLLARS
        ("w_performance", "f8"),
        ("w_cost", "f8"),
        ("w_stability", "f8"),
        ("w_sla", "f8"),
        ("w_pressure", "f8"),
        ("latency_share", "f8"),  # of the performance term; the rest is errors
        ("cost_slope", "f8"),  # fall of the cost term up to c = B
        ("scaling_penalty", "f8"),
        ("config_penalty", "f8"),
        ("reversal_penalty", "f8"),
        ("stability_floor", "f8"),
        ("violation_penalty", "f8"),
        ("pressure_slope", "f8"),  # from 1.0 to the knee
        ("pressure_knee", "f8"),
        ("pressure_slope_beyond", "f8"),
        ("pressure_floor", "f8"),
        ("pressure_ramp_steps", "f8"),
        ("kappa", "f8"),  # dollars: price of a request in a violating minute, in u
        ("phi", "f8"),  # dollars: price of a failed request, in u
        ("sigma", "f8"),  # dollars: instance-minutes per scaling action
        ("request_usd", "f8"),  # u: one request at 70 % load
        ("dollar_scale", "f8"),  # reward per dollar
    ],
    align=True,
)

# Per-episode draws: value ~ U(low, high) replaces the parameter at that offset.
DRAW_PARAMS = np.dtype(
    [
        ("count", "i8"),
        ("offset", "i8", (MAX_DRAWS,)),  # in eight-byte fields from the start of PARAMS
        ("integer", "i8", (MAX_DRAWS,)),  # 1 = the field is an integer
        ("low", "f8", (MAX_DRAWS,)),
        ("high", "f8", (MAX_DRAWS,)),
    ],
    align=True,
)

PARAMS = np.dtype(
    [
        ("fingerprint", "u8"),  # of these figures and their tables
        ("n_pools", "i8"),  # spare ones included
        ("n_backends", "i8"),
        ("n_fronts", "i8"),
        ("n_faults", "i8"),
        ("extras", "i8"),  # 1 = there are resources that the last fields of METER tell of
        ("episode", EPISODE_PARAMS),
        ("demand", DEMAND_PARAMS),
        ("pool", POOL_PARAMS, (MAX_POOLS,)),
        ("backend", BACKEND_PARAMS, (MAX_BACKENDS,)),
        ("front", FRONT_PARAMS, (MAX_FRONTS,)),
        ("fixed", FIXED_PARAMS),
        ("route", ROUTE_PARAMS),
        ("fault", FAULT_PARAMS, (MAX_FAULTS,)),
        ("sampling", SAMPLING_PARAMS),
        ("autoscaler", AUTOSCALER_PARAMS),
        ("reward", REWARD_PARAMS),
        ("draw", DRAW_PARAMS),
    ],
    align=True,
)


def parameter_offsets(dtype: np.dtype | None = None, base: int = 0) -> dict[str, tuple[int, bool]]:
    """Name every scalar parameter, for example ``pool.0.boot_s``.

    Args:
        dtype: Record to walk; ``PARAMS`` by default.
        base: Byte offset of that record inside ``PARAMS``.

    Returns:
        Dotted name -> (offset in eight-byte fields, whether the field is an integer).
    """
    found: dict[str, tuple[int, bool]] = {}
    fields = (PARAMS if dtype is None else dtype).fields
    assert fields is not None
    for name, entry in fields.items():
        kind, offset = entry[0], base + entry[1]
        item, shape = kind.subdtype or (kind, ())
        count = int(np.prod(shape, dtype=np.int64))
        for index in range(count):
            label = f"{name}.{index}" if shape else name
            where = offset + index * item.itemsize
            if item.fields is None:
                found[label] = (where // 8, item.kind != "f")
            else:
                for inner, place in parameter_offsets(item, where).items():
                    found[f"{label}.{inner}"] = place
    return found
