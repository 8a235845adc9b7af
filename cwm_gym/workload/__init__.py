"""Demand as data: traces read from files, resampled, rescaled and split; noise measured on them."""

from __future__ import annotations

from cwm_gym.workload.csv_reader import read_csv
from cwm_gym.workload.loading import is_trace, load_trace
from cwm_gym.workload.noise import NOISE_PRESETS, Noise, estimate_noise, hour_profile
from cwm_gym.workload.prometheus import read_prometheus
from cwm_gym.workload.samples import UNITS
from cwm_gym.workload.trace import DEFAULT_SHARE, SPLITS, Trace, from_array

__all__ = [
    "DEFAULT_SHARE",
    "NOISE_PRESETS",
    "SPLITS",
    "UNITS",
    "Noise",
    "Trace",
    "estimate_noise",
    "from_array",
    "hour_profile",
    "is_trace",
    "load_trace",
    "read_csv",
    "read_prometheus",
]
