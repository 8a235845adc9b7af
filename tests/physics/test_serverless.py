from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from tests.physics.serverless import simulate_serverless
from tests.physics.test_network import erlang_b


def simulate(replications: int = 100, **changes: Any) -> dict[str, Any]:
    inputs = {
        "dt": 100.0,
        "arrival_rate": [10.0] * 4,
        "mean_service": 0.5,
        "service_dist": "exp",
        "cs2": 1.0,
        "concurrency": 1,
        "limit": None,
        "cold_start_s": 1.0,
        "keep_alive_s": None,
    }
    return simulate_serverless(inputs | changes, replications, seed=1)[0]


def test_without_a_limit_everyone_is_served_at_once() -> None:
    found = simulate()
    later = slice(2, None)
    np.testing.assert_allclose(found["busy"][later], 5.0, rtol=0.01)
    np.testing.assert_allclose(found["latency_mean"][later], 0.5, rtol=0.01)
    np.testing.assert_allclose(found["p95"][later], 0.5 * math.log(20.0), rtol=0.02)
    np.testing.assert_allclose(found["p99"][later], 0.5 * math.log(100.0), rtol=0.03)
    assert (found["throttled_per_s"] == 0.0).all()


def test_a_limit_throttles_as_erlang_says() -> None:
    found = simulate(limit=6, cold_start_s=0.0, replications=300)
    np.testing.assert_allclose(found["error_rate"], erlang_b(6, 5.0), rtol=0.02)


def test_a_request_that_waits_for_its_start_counts_against_the_limit() -> None:
    # Kept for no time at all, every request starts an instance; the loss depends only on the mean
    # time inside.
    found = simulate(limit=6, cold_start_s=0.3, keep_alive_s=1e-9, replications=300)
    lost = erlang_b(6, 10.0 * 0.8)
    np.testing.assert_allclose(found["error_rate"], lost, rtol=0.02)
    np.testing.assert_allclose(found["latency_mean"], 0.8, rtol=0.01)
    np.testing.assert_array_equal(found["cold_start_share"], 1.0)
    np.testing.assert_allclose(found["starting_instances"], 10.0 * (1.0 - lost) * 0.3, rtol=0.02)
    np.testing.assert_allclose(found["warm_instances"], found["busy"], rtol=1e-6)


@pytest.mark.parametrize("keep_alive", [0.05, 0.2])
def test_an_idle_instance_is_reclaimed(keep_alive: float) -> None:
    # One instance at most: it is lost when the next request comes later than it is kept.
    found = simulate(limit=1, keep_alive_s=keep_alive)
    cold = math.exp(-10.0 * keep_alive)
    np.testing.assert_allclose(found["cold_start_share"][1:], cold, rtol=0.05)
    idle = (1.0 - cold) / 10.0
    cycle = 0.1 + cold * 1.0 + 0.5
    np.testing.assert_allclose(found["warm_instances"][1:], (idle + 0.5) / cycle, rtol=0.03)
    np.testing.assert_allclose(found["throughput"][1:], 1.0 / cycle, rtol=0.03)


def test_requests_share_an_instance_that_is_starting() -> None:
    found = simulate(concurrency=1000, cold_start_s=2.0)
    arrivals = found["arrivals"][0] * 100.0
    assert found["cold_start_share"][0] * arrivals == pytest.approx(1.0)
    # The first waits 2 s; 20 more come meanwhile and wait 1 s each on average.
    assert found["cold_wait_share"][0] * arrivals == pytest.approx(21.0, rel=0.05)
    assert found["held"][0] * 100.0 == pytest.approx(22.0, rel=0.05)
    np.testing.assert_array_equal(found["cold_wait_share"][1:], 0.0)
    np.testing.assert_allclose(found["warm_instances"][1:], 1.0)


def test_only_places_in_one_instance_are_taken_before_the_next_starts() -> None:
    # The first 3 fill an instance that is starting, the fourth starts another, and so on.
    found = simulate(
        dt=1.0, arrival_rate=[50.0], concurrency=3, cold_start_s=10.0, replications=200
    )
    shares = found["cold_start_share"][0] * found["arrivals"][0]
    assert found["cold_wait_share"][0] == 1.0
    # Of n requests one third starts an instance, rounded up: a third more on average.
    assert shares == pytest.approx((found["arrivals"][0] + 1.0) / 3.0, abs=0.05)
    assert found["busy"][0] == 0.0


def test_the_last_used_instance_is_used_again() -> None:
    # After a burst the instances that the lower load does not need are reclaimed together.
    found = simulate(
        arrival_rate=[50.0, 2.0, 2.0, 2.0], keep_alive_s=100.0, cold_start_s=0.0, replications=200
    )
    assert found["warm_instances"][0] > 30.0
    assert found["warm_instances"][2] < 0.25 * found["warm_instances"][1]


def test_nobody_comes_to_an_empty_tier() -> None:
    found = simulate(arrival_rate=[0.0, 0.0, 10.0, 0.0], keep_alive_s=10.0)
    assert (found["warm_instances"][:2] == 0.0).all()
    assert np.isnan(found["latency_mean"][:2]).all()
    assert found["warm_instances"][3] > 0.0
    np.testing.assert_allclose(
        found["throughput"].sum(), found["arrivals"].sum() - found["throttled_per_s"].sum()
    )
