"""The records that make up a world: parameters, state, actions, results.

Every field is eight bytes wide (float64, int64 or uint64), so that a record array is also a plain
``(N, fields)`` array of float64: that is how a per-episode draw finds the parameter it replaces.
Times are seconds since the start of the episode, rates are per second, money is USD, and
fractions are fractions, never percent.
"""

from cwm_gym.core.records.observation import OBSERVATION, OBSERVATION_SIZE, Component
from cwm_gym.core.records.params import (
    MAX_DRAWS,
    MAX_PATTERNS,
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
    OUT,
    START,
)
from cwm_gym.core.records.world import (
    EVENT,
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
    "COMPONENT_NAMES",
    "DISCRETE_ACTIONS",
    "EVENT",
    "LAYOUT_VERSION",
    "MASK_SIZE",
    "MAX_BATCHES",
    "MAX_DRAWS",
    "MAX_EVENTS",
    "MAX_PATTERNS",
    "MAX_SAMPLES",
    "METER",
    "METRIC_NAMES",
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
