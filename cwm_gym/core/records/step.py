"""What crosses the border of the kernel at every step: an action in, a result out."""

from __future__ import annotations

import numpy as np

from cwm_gym.core.records.observation import OBSERVATION_SIZE

# kind: see core/actions.py. NaN in a threshold leaves that threshold alone.
ACTION = np.dtype(
    [
        ("kind", "i8"),
        ("pool", "i8"),  # -1 = the pool that the agent scales
        ("amount", "f8"),  # instances
        ("cpu", "f8"),  # utilisation, fraction
        ("throughput", "f8"),  # share of capacity
        ("latency_s", "f8"),
        ("tick_s", "f8"),  # length of this tick; 0 = the episode's
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

# Metrics of info["metrics"], in this order; latencies in ms, the last three only where they exist.
METRIC_NAMES: tuple[str, ...] = (
    "cost_usd_hr",
    "latency_mean",
    "latency_p95",
    "error_rate",
    "uptime",
    "throughput_rps",
    "sla_violations",
    "connection_pressure",
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
