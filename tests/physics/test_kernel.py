"""The kernel against the exact simulations of whole graphs.

Bounds are what was reached (``docs/results/physics_graphs.md``) plus a quarter of it or a tenth of
a per cent: an improvement leaves them far away, a loss of accuracy does not pass.
"""

from __future__ import annotations

import numpy as np
import pytest

from cwm_gym.testing import networks
from cwm_gym.testing.reference import Errors, summarise
from tests.physics.cases import CATEGORIES, load_cases

# Median and 90th percentile of the error, in percent or percentage points.
BOUNDS: dict[str, dict[str, tuple[float, float]]] = {
    "cache": {
        "latency_mean": (0.2, 0.7),
        "p50": (1.7, 4.45),
        "p95": (1.0, 5.15),
        "p99": (0.9, 3.55),
        "throughput": (0.15, 0.2),
        "utilisation": (0.2, 0.3),
        "queue_len": (0.6, 2.1),
        "error_points": (0.1, 0.15),
    },
    "queue": {
        "latency_mean": (0.35, 12.7),
        "p50": (0.8, 11.4),
        "p95": (1.0, 15.0),
        "p99": (0.75, 19.05),
        "throughput": (0.15, 0.4),
        "utilisation": (0.15, 0.45),
        "queue_len": (0.4, 10.25),
        "error_points": (0.1, 0.1),
    },
    "pools": {
        "latency_mean": (0.35, 1.6),
        "p50": (0.65, 1.65),
        "p95": (0.65, 2.1),
        "p99": (0.95, 2.95),
        "throughput": (0.15, 0.2),
        "utilisation": (0.2, 0.3),
        "queue_len": (1.0, 6.25),
        "error_points": (0.15, 0.15),
    },
    "chain": {
        "latency_mean": (0.35, 5.2),
        "p50": (1.3, 6.9),
        "p95": (0.45, 3.65),
        "p99": (2.65, 5.2),
        "throughput": (0.15, 0.25),
        "utilisation": (0.15, 0.25),
        "queue_len": (1.45, 15.6),
        "error_points": (0.15, 0.15),
    },
    "storage": {
        "latency_mean": (0.15, 0.9),
        "p50": (0.45, 5.8),
        "p95": (0.8, 1.6),
        "p99": (2.15, 5.85),
        "throughput": (0.15, 0.2),
        "utilisation": (0.15, 0.2),
        "queue_len": (0.3, 2.05),
        "error_points": (0.1, 0.15),
    },
    "databases": {
        "latency_mean": (0.3, 1.55),
        "p50": (0.8, 2.25),
        "p95": (0.5, 0.85),
        "p99": (1.15, 6.0),
        "throughput": (0.15, 0.2),
        "utilisation": (0.2, 0.25),
        "queue_len": (1.2, 4.35),
        "error_points": (0.1, 0.15),
    },
    "serverless": {
        "latency_mean": (0.25, 3.4),
        "p50": (1.7, 6.05),
        "p95": (1.15, 2.35),
        "p99": (0.35, 8.05),
        "throughput": (0.15, 0.35),
        "utilisation": (0.2, 0.35),
        "cold_wait_points": (0.15, 1.85),
        "error_points": (0.1, 0.15),
    },
    "all": {
        "latency_mean": (0.25, 3.35),
        "p50": (1.45, 5.8),
        "p95": (1.0, 4.1),
        "p99": (0.95, 6.8),
        "throughput": (0.15, 0.25),
        "utilisation": (0.2, 0.3),
        "queue_len": (0.85, 8.85),
        "cold_wait_points": (0.15, 1.85),
        "error_points": (0.1, 0.15),
    },
}


@pytest.fixture(scope="module")
def scores() -> dict[str, Errors]:
    return networks.score(load_cases())


@pytest.mark.parametrize("category", BOUNDS)
def test_the_kernel_stays_as_near_to_the_simulation_as_it_was(
    category: str, scores: dict[str, Errors]
) -> None:
    chosen = np.array([category in ("all", case["category"]) for case in load_cases()])
    for name, (median, p90) in BOUNDS[category].items():
        found = summarise(scores[name].where(chosen))
        assert found["median"] <= median, name
        assert found["p90"] <= p90, name


def test_every_kind_of_case_has_bounds() -> None:
    assert list(BOUNDS) == [*CATEGORIES, "all"]


def test_error_rates_are_right_where_requests_fail(scores: dict[str, Errors]) -> None:
    found = summarise(scores["error_rate"])
    assert found["ticks"] > 30
    assert found["median"] < 0.3
    assert found["p90"] < 2.0
    assert scores["error_points"].error.max() < 0.5


def test_no_tick_is_beyond_what_the_documentation_admits(scores: dict[str, Errors]) -> None:
    assert scores["latency_mean"].error.max() < 60.0
    assert scores["p95"].error.max() < 85.0
    assert scores["utilisation"].error.max() < 1.0
    assert scores["throughput"].error.max() < 1.0
