"""The records that make up a world: parameters, state, actions, results.

Every field is eight bytes wide (float64, int64 or uint64), so that a record array is also a plain
``(N, fields)`` array of float64: that is how a per-episode draw finds the parameter it replaces.
Times are seconds since the start of the episode, rates are per second, money is USD, and
fractions are fractions, never percent.
"""

from cwm_gym.core.records.observation import OBSERVATION, OBSERVATION_SIZE, Component
from cwm_gym.core.records.params import (
    BACKEND_PARAMS,
    FAULT_KINDS,
    FAULT_PARAMS,
    FRONT_PARAMS,
    MAX_DRAWS,
    MAX_FAULTS,
    MAX_FRONTS,
    MAX_PATTERNS,
    MAX_ZONES,
    PARAMS,
    PATTERN,
    POOL_PARAMS,
    parameter_offsets,
)
from cwm_gym.core.records.step import (
    ACTION,
    COMPONENT_NAMES,
    DISCRETE_ACTIONS,
    MASK_SIZE,
    METRIC_NAMES,
    MULTI_CPU_PERCENT,
    MULTI_INSTANCES,
    MULTI_KINDS,
    MULTI_POLICIES,
    MULTI_SIZES,
    OUT,
    START,
)
from cwm_gym.core.records.world import (
    BACKEND,
    EVENT,
    FAULT,
    LAYOUT_VERSION,
    MAX_BATCHES,
    MAX_EVENTS,
    MAX_SAMPLES,
    METER,
    POOL,
    SAMPLE,
    WORLD,
)

__all__ = [
    "ACTION",
    "BACKEND",
    "BACKEND_PARAMS",
    "COMPONENT_NAMES",
    "DISCRETE_ACTIONS",
    "EVENT",
    "FAULT",
    "FAULT_KINDS",
    "FAULT_PARAMS",
    "FRONT_PARAMS",
    "LAYOUT_VERSION",
    "MASK_SIZE",
    "MAX_BATCHES",
    "MAX_DRAWS",
    "MAX_EVENTS",
    "MAX_FAULTS",
    "MAX_FRONTS",
    "MAX_PATTERNS",
    "MAX_SAMPLES",
    "MAX_ZONES",
    "METER",
    "METRIC_NAMES",
    "MULTI_CPU_PERCENT",
    "MULTI_INSTANCES",
    "MULTI_KINDS",
    "MULTI_POLICIES",
    "MULTI_SIZES",
    "OBSERVATION",
    "OBSERVATION_SIZE",
    "OUT",
    "PARAMS",
    "PATTERN",
    "POOL",
    "POOL_PARAMS",
    "SAMPLE",
    "START",
    "WORLD",
    "Component",
    "parameter_offsets",
]
