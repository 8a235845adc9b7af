from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from cwm_gym.testing import networks

TICKS = 4


def station(**given: Any) -> dict[str, Any]:
    return {"service_dist": "exp", "cs2": 1.0, "room": None, "timeout": None} | given


def tandem(pool_rps: float = 20.0, tier_rps: float = 40.0, load: float = 0.5) -> dict[str, Any]:
    """A single server behind another, whose figures are known in closed form (Burke 1956)."""
    rate = load * pool_rps
    inputs = {
        "dt": 60.0,
        "arrival_rate": [rate] * TICKS,
        "pools": [station(name="web", instances=[1] * TICKS, vcpus=1, mu=pool_rps)],
        "tiers": [station(name="db", servers=[1] * TICKS, mean_service=1.0 / tier_rps)],
        "visit": [[1.0]],
    }
    loads = [load, rate / tier_rps]
    # Two exponential sojourns: a hypoexponential variable.
    a, b = pool_rps - rate, tier_rps - rate

    def quantile(q: float) -> float:
        low, high = 0.0, 100.0 / a
        for _ in range(60):
            x = 0.5 * (low + high)
            survival = (b * math.exp(-a * x) - a * math.exp(-b * x)) / (b - a)
            low, high = (x, high) if survival > 1.0 - q else (low, x)
        return low

    figures = {
        "latency_mean": 1.0 / a + 1.0 / b,
        "p50": quantile(0.5),
        "p95": quantile(0.95),
        "p99": quantile(0.99),
        "throughput": rate,
        "error_rate": 0.0,
    }
    expected: dict[str, Any] = {name: [value] * TICKS for name, value in figures.items()}
    for i, prefix in enumerate(("pool", "tier")):
        expected[f"{prefix}_util"] = [[loads[i]] * TICKS]
        expected[f"{prefix}_queue_len"] = [[loads[i] ** 2 / (1.0 - loads[i])] * TICKS]
    width = {name: np.zeros_like(values).tolist() for name, values in expected.items()}
    case = {"id": "tandem", "kind": "network", "compare_from": 1, "inputs": inputs}
    return case | {"expected": expected, "ci95": width}


def test_a_tandem_agrees_with_its_closed_form() -> None:
    scores = networks.score([tandem(load=load) for load in (0.3, 0.6, 0.75)])
    assert len(scores["utilisation"].error) == 3 * 2 * (TICKS - 1)
    assert scores["utilisation"].error.max() < 0.1
    assert scores["latency_mean"].error.max() < 0.5
    assert scores["p95"].error.max() < 1.5
    assert scores["queue_len"].error.max() < 1.0
    assert scores["cold_wait_share"].error.size == 0


def test_a_wrong_expectation_is_reported() -> None:
    case = tandem()
    case["expected"]["p95"] = [2.0 * v for v in case["expected"]["p95"]]
    case["expected"]["tier_util"] = [[0.5] * TICKS]
    scores = networks.score([case])
    np.testing.assert_allclose(scores["p95"].error, 50.0, atol=2.0)
    np.testing.assert_allclose(scores["utilisation"].error, [0.0] * 3 + [50.0] * 3, atol=0.1)
    assert scores["utilisation"].tick.tolist() == [1, 2, 3, 1, 2, 3]


def test_uncertain_and_missing_figures_do_not_count() -> None:
    case = tandem()
    case["ci95"]["p99"][2] = case["expected"]["p99"][2]
    case["expected"]["p50"][3] = None
    scores = networks.score([case])
    assert scores["p99"].tick.tolist() == [1, 3]
    assert scores["p50"].tick.tolist() == [1, 2]


def test_servers_and_instances_follow_their_schedules() -> None:
    case = tandem()
    case["inputs"]["pools"][0]["instances"] = [1, 2, 1, 4]
    case["inputs"]["tiers"][0]["servers"] = [1, 1, 2, 2]
    found = networks.run_case(case)["utilisation"]
    np.testing.assert_allclose(found[0, 1:], [0.25, 0.5, 0.125], atol=0.01)
    np.testing.assert_allclose(found[1, 1:], [0.25, 0.125, 0.125], atol=0.01)


def test_requests_visit_the_tiers_of_their_pool() -> None:
    case = tandem()
    inputs = case["inputs"]
    inputs["pools"] *= 2
    inputs["tiers"] *= 2
    inputs["visit"] = [[1.0, 0.0], [0.5, 0.4]]
    found = networks.run_case(case)["utilisation"]
    np.testing.assert_allclose(found[:, 2], [0.25, 0.25, 0.1875, 0.05], rtol=1e-3)


def test_a_serverless_tier_is_limited_and_cold_at_first() -> None:
    inputs = station(arrival_rate=[20.0] * TICKS, dt=60.0, mean_service=0.2, concurrency=1)
    inputs |= {"limit": 2, "cold_start_s": 1.0, "keep_alive_s": None}
    found = networks.run_case({"kind": "serverless", "inputs": inputs})
    # Erlang's loss formula with a load of 4 and two places.
    assert found["error_rate"][-1] == pytest.approx(8.0 / 13.0, rel=0.01)
    assert found["utilisation"][0, -1] == pytest.approx(4.0 * 5.0 / 13.0, rel=0.01)
    assert found["cold_wait_share"][0] > found["cold_wait_share"][1] == 0.0
