"""Demand as data: traces read from files or generated, forecasts, splits, noise."""

from __future__ import annotations

from cwm_gym.workload.csv_reader import read_csv
from cwm_gym.workload.generators import generate, generated_noise
from cwm_gym.workload.library import forecast, forecasts
from cwm_gym.workload.loading import (
    GeneratedTraffic,
    is_generated,
    is_trace,
    load_generated,
    load_trace,
)
from cwm_gym.workload.noise import (
    NOISE_PRESETS,
    Noise,
    estimate_noise,
    hour_profile,
    with_noise,
)
from cwm_gym.workload.prometheus import read_prometheus
from cwm_gym.workload.ranges import KINDS, RANGES, Range, draw_shape
from cwm_gym.workload.samples import UNITS
from cwm_gym.workload.trace import DEFAULT_SHARE, SPLITS, Trace, from_array

__all__ = [
    "DEFAULT_SHARE",
    "KINDS",
    "NOISE_PRESETS",
    "RANGES",
    "SPLITS",
    "UNITS",
    "GeneratedTraffic",
    "Noise",
    "Range",
    "Trace",
    "draw_shape",
    "estimate_noise",
    "forecast",
    "forecasts",
    "from_array",
    "generate",
    "generated_noise",
    "hour_profile",
    "is_generated",
    "is_trace",
    "load_generated",
    "load_trace",
    "read_csv",
    "read_prometheus",
    "with_noise",
]
