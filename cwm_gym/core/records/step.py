"""What crosses the border of the kernel at every step: an action in, a result out."""

from __future__ import annotations

import numpy as np

from cwm_gym.core.queueing.records import MAX_TIERS
from cwm_gym.core.records.observation import OBSERVATION_SIZE

# kind: see core/actions.py. NaN in a threshold leaves that threshold alone.
ACTION = np.dtype(
    [
        ("kind", "i8"),
        ("target", "i8"),  # tier; -1 = the pool that the agent scales
        ("amount", "f8"),  # instances
        ("cpu", "f8"),  # utilisation, fraction
        ("throughput", "f8"),  # share of capacity
        ("latency_s", "f8"),
        ("tick_s", "f8"),  # length of this tick; 0 = the episode's
        ("critical_cpu", "f8"),  # recovery policy: utilisation, fraction
        ("critical_steps", "f8"),
        ("warning_cpu", "f8"),
        ("warning_steps", "f8"),
    ],
    align=True,
)

# The discrete action table: kind name and amount (instances, or CPU threshold in percent).
DISCRETE_ACTIONS: tuple[tuple[str, int], ...] = (
    ("no_op", 0),
    ("scale_out", 1),
    ("scale_out", 2),
    ("scale_out", 4),
    ("scale_out", 8),
    ("scale_in", 1),
    ("scale_in", 2),
    ("scale_in", 4),
    ("scale_in", 8),
    ("adjust_threshold", 50),
    ("adjust_threshold", 60),
    ("adjust_threshold", 70),
    ("adjust_threshold", 80),
)
MASK_SIZE = len(DISCRETE_ACTIONS)

# The multi_discrete action: kind x target x magnitude. Targets are tiers; the magnitude is a number
# of instances, a CPU threshold in percent or a recovery policy, by kind.
MULTI_KINDS: tuple[str, ...] = (
    "no_op",
    "scale_out",
    "scale_in",
    "adjust_threshold",
    "add_resource",
    "remove_resource",
    "set_recovery_policy",
)
MULTI_INSTANCES = (1, 2, 4, 8)
MULTI_CPU_PERCENT = (50, 60, 70, 80)
# critical and warning CPU (percent), and the steps in a row that both need.
MULTI_POLICIES = ((80, 70, 4), (90, 75, 2), (70, 60, 4), (60, 50, 6))
MULTI_SIZES = (len(MULTI_KINDS), MAX_TIERS, len(MULTI_INSTANCES))

# Metrics of info["metrics"], in this order; latencies in ms, those from connection_pressure on
# only where they exist.
METRIC_NAMES: tuple[str, ...] = (
    "cost_usd_hr",
    "latency_mean",
    "latency_p95",
    "error_rate",
    "uptime",
    "throughput_rps",
    "sla_violations",
    "connection_pressure",
    "cache_hit_rate",
    "queue_depth",
    "queue_age_s",
    "k8s_node_utilization",
    "storage_iops_utilization",
    "cold_start_share",
    "latency_p50",
    "latency_p99",
)
COMPONENT_NAMES: tuple[str, ...] = (
    "performance",
    "cost",
    "stability",
    "sla",
    "connection_pressure",
)

OUT = np.dtype(
    [
        ("reward", "f8"),
        ("cost", "f8"),  # cost signal of constrained RL, 0..1
        ("time_s", "f8"),
        ("n_events", "i8"),
        ("sample", "i8"),  # which of the world's samples the observation shows
        ("metrics", "f8", (len(METRIC_NAMES),)),
        ("components", "f8", (len(COMPONENT_NAMES),)),
        ("terminated", "?"),
        ("truncated", "?"),
        ("mask", "i1", (MASK_SIZE,)),
        ("multi_mask", "i1", (sum(MULTI_SIZES),)),
        ("observation", "f4", (OBSERVATION_SIZE,)),
    ],
    align=True,
)

# Wishes for the start of an episode.
START = np.dtype(
    [
        ("offset_s", "f8"),  # into the demand curve; NaN = drawn
        ("fleet", "i8"),  # instances of the primary pool; -1 = the scenario's
    ],
    align=True,
)
