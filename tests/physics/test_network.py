from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.physics.events import Floats
from tests.physics.network import simulate_network

TICKS = 4


def station(**changes: Any) -> dict[str, Any]:
    given = {"service_dist": "exp", "cs2": 1.0, "room": None, "timeout": None}
    return given | changes


def pool(servers: int, mu: float, **changes: Any) -> dict[str, Any]:
    fleet = [servers] * TICKS
    return station(name="pool", instances=fleet, vcpus=1, mu=mu) | changes


def tier(servers: int, mean_service: float, **changes: Any) -> dict[str, Any]:
    return station(name="tier", servers=[servers] * TICKS, mean_service=mean_service) | changes


def network(
    rate: float, pools: list[dict[str, Any]], *tiers: dict[str, Any], **changes: Any
) -> dict[str, Any]:
    """Ticks so long that all but the first see the stationary network."""
    inputs = {
        "dt": 500.0,
        "arrival_rate": [rate] * TICKS,
        "pools": pools,
        "tiers": list(tiers),
        "visit": [[1.0] * len(tiers) for _ in pools],
    }
    return inputs | changes


def assert_stationary(inputs: dict[str, Any], precision: float = 0.015, **exact: Any) -> None:
    """All ticks but the first agree with closed forms.

    Each lies within twice its confidence interval, their mean within ``precision`` of the figure.
    """
    requests = sum(inputs["arrival_rate"]) * inputs["dt"]
    replications = 10 * math.ceil(4e5 / requests)
    expected, ci95 = simulate_network(inputs, replications, seed=1)
    for key, value in exact.items():
        target = np.asarray(value, dtype=np.float64)[..., np.newaxis]
        error = (expected[key] - target)[..., 1:]
        assert (np.abs(error) <= 2.0 * ci95[key][..., 1:] + 1e-12).all(), (key, error, ci95[key])
        assert (np.abs(error.mean(axis=-1)) <= precision * target[..., 0]).all(), (key, error)


def erlang_b(servers: int, offered: float) -> float:
    blocked = 1.0
    for n in range(1, servers + 1):
        blocked = offered * blocked / (n + offered * blocked)
    return blocked


def erlang_c_wait(rate: float, servers: int, mu: float) -> float:
    """Mean wait of M/M/c."""
    load = rate / (servers * mu)
    blocked = erlang_b(servers, rate / mu)
    return blocked / (1.0 - load * (1.0 - blocked)) / (servers * mu - rate)


def quantile_of(survival: Callable[[float], float], level: float) -> float:
    low, high = 0.0, 1e4
    for _ in range(100):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if survival(middle) > 1.0 - level else (low, middle)
    return low


def test_single_server_follows_its_closed_form() -> None:
    rate, mu = 7.0, 10.0
    assert_stationary(
        network(rate, [pool(1, mu)]),
        throughput=rate,
        latency_mean=1.0 / (mu - rate),
        p50=math.log(2.0) / (mu - rate),
        p95=math.log(20.0) / (mu - rate),
        p99=math.log(100.0) / (mu - rate),
        pool_util=[0.7],
        pool_queue_len=[0.7**2 / 0.3],
        # Whoever waits first has Poisson arrivals behind; a geometric number of them waits.
        pool_oldest_age=[0.7**2 / (mu - rate)],
    )


@pytest.mark.parametrize(("servers", "load"), [(2, 0.6), (8, 0.8), (40, 0.9)])
def test_many_servers_follow_erlang(servers: int, load: float) -> None:
    mu = 2.0
    rate = load * servers * mu
    wait = erlang_c_wait(rate, servers, mu)
    assert_stationary(
        network(rate, [pool(servers, mu)]),
        latency_mean=wait + 1.0 / mu,
        pool_util=[load],
        pool_queue_len=[rate * wait],
    )


@pytest.mark.parametrize(
    ("law", "cs2"), [("gamma", 0.0), ("gamma", 0.2), ("gamma", 2.0), ("lognormal", 2.0)]
)
def test_service_laws_follow_pollaczek_khinchine(law: str, cs2: float) -> None:
    rate, mu = 6.0, 10.0
    wait = 0.6 * (1.0 + cs2) / 2.0 / (mu - rate)
    inputs = network(rate, [pool(1, mu, service_dist=law, cs2=cs2)])
    assert_stationary(inputs, latency_mean=wait + 1.0 / mu, pool_queue_len=[rate * wait])


def test_tandem_is_a_sum_of_independent_sojourns() -> None:
    rate, a, b = 5.0, 5.0, 3.0  # rates of the two exponential sojourns

    def survival(t: float) -> float:
        return (a * math.exp(-b * t) - b * math.exp(-a * t)) / (a - b)

    assert_stationary(
        network(rate, [pool(1, rate + a)], tier(1, 1.0 / (rate + b))),
        latency_mean=1.0 / a + 1.0 / b,
        p50=quantile_of(survival, 0.50),
        p95=quantile_of(survival, 0.95),
        p99=quantile_of(survival, 0.99),
        tier_queue_len=[(5.0 / 8.0) ** 2 / (3.0 / 8.0)],
    )


def test_tiers_see_the_flow_of_those_who_visit_them() -> None:
    visit = [[1.0, 0.3, 0.0], [0.5, 0.0, 0.8]]
    inputs = network(
        12.0,
        [pool(2, 10.0), pool(1, 10.0)],
        *(tier(1, 0.05), tier(1, 0.1), tier(2, 0.2)),
        visit=visit,
    )
    flows = np.array([8.0, 4.0]) @ np.array(visit)
    wait = erlang_c_wait(flows[2], 2, 5.0)
    assert_stationary(
        inputs,
        throughput=12.0,
        pool_offered=[8.0, 4.0],
        tier_offered=flows,
        tier_util=flows * [0.05, 0.1, 0.1],
        # The output of M/M/c is Poisson (Burke), and so is a random part of it.
        tier_queue_len=[0.5**2 / 0.5, 0.24**2 / 0.76, flows[2] * wait],
    )


def test_a_full_room_rejects() -> None:
    offered, servers = 8.0, 10
    assert_stationary(
        network(offered * 5.0, [pool(servers, 5.0, room=0)]),
        error_rate=erlang_b(servers, offered),
        latency_mean=0.2,
    )
    load, places = 1.25, 6  # one in service, five waiting
    lost = (1.0 - load) * load**places / (1.0 - load ** (places + 1))
    assert_stationary(
        network(10.0, [pool(1, 8.0, room=places - 1)]),
        rejects_per_s=10.0 * lost,
        pool_rejects_per_s=[10.0 * lost],
        throughput=10.0 * (1.0 - lost),
    )


@pytest.mark.parametrize("rate", [8.0, 11.0])
def test_the_impatient_leave_at_their_timeout(rate: float) -> None:
    mu, patience = 10.0, 0.5
    slack = mu - rate
    # The work in M/M/1 has density idle * rate * exp(-slack x) up to the patience (Barrer 1957);
    # beyond it nothing joins and the density falls as exp(-mu x).
    beyond = rate * math.exp(-slack * patience) / mu
    idle = 1.0 / (1.0 + rate * (1.0 - math.exp(-slack * patience)) / slack + beyond)
    lost = idle * beyond
    assert_stationary(
        network(rate, [pool(1, mu, timeout=patience)]),
        timeouts_per_s=rate * lost,
        pool_timeouts_per_s=[rate * lost],
        error_rate=lost,
        throughput=rate * (1.0 - lost),
        pool_util=[1.0 - idle],
    )


def test_failures_of_a_tier_are_failures_of_the_request() -> None:
    inputs = network(8.0, [pool(200, 1.0)], tier(5, 0.5, room=0), tier(40, 0.1))
    lost = erlang_b(5, 4.0)
    assert_stationary(
        inputs,
        error_rate=lost,
        tier_rejects_per_s=[8.0 * lost, 0.0],
        tier_offered=[8.0, 8.0 * (1.0 - lost)],
    )


def test_an_ample_pool_fills_and_drains_exponentially() -> None:
    # Servers that are taken away finish what they do: the drain does not notice that they go.
    mean, rate, dt = 30.0, 1.0, 60.0
    workers = pool(0, 1.0 / mean, instances=[200, 1])
    inputs = network(rate, [workers], dt=dt, arrival_rate=[rate, 0.0])
    expected, ci95 = simulate_network(inputs, 2000, seed=2)
    gone = math.exp(-dt / mean)
    present = rate * mean * (1.0 - gone)
    exact = [rate - present / dt, present * (1.0 - gone) / dt]
    np.testing.assert_array_less(np.abs(expected["throughput"] - exact), 2 * ci95["throughput"])
    assert (ci95["throughput"] < 0.015 * np.array(exact)).all()
    busy = rate * mean * (1.0 - mean / dt * (1.0 - gone))
    assert expected["pool_util"][0, 0] == pytest.approx(busy / 200.0, rel=0.01)
    assert expected["pool_util"][0, 1] <= 1.0


def test_a_pool_scales_as_the_tick_begins() -> None:
    pools = [pool(0, 10.0, instances=[4, 4, 2, 0]), pool(0, 20.0, instances=[0, 1, 1, 3])]
    inputs = network(10.0, pools, arrival_rate=[10.0] * 4, dt=200.0)
    expected, _ = simulate_network(inputs, 50, seed=3)
    shares = expected["pool_offered"] / expected["arrivals"]
    np.testing.assert_allclose(shares[1], [0.0, 1.0 / 3.0, 0.5, 1.0], atol=0.01)
    assert np.isnan(expected["pool_util"][0, 3])
    assert np.isnan(expected["pool_util"][1, 0])


def test_a_backlog_grows_and_drains_as_a_fluid() -> None:
    rates = [200.0, 60.0, 60.0, 60.0]
    inputs = network(0.0, [pool(100, 1.0)], arrival_rate=rates, dt=60.0)
    expected, _ = simulate_network(inputs, 300, seed=4)
    # The servers are full when 100 = 200 (1 - exp(-t)). From then on 100 more a second come than
    # are served, after the first tick 40 fewer.
    full = math.log(2.0)
    peak = 100.0 * (60.0 - full)
    waiting = expected["pool_queue_len"][0]
    exact = [0.5 * peak * (60.0 - full) / 60.0, peak - 1200.0, peak - 3600.0]
    np.testing.assert_allclose(waiting[:3], exact, rtol=0.01)
    assert waiting[3] == pytest.approx(0.5 * (peak - 4800.0) ** 2 / 40.0 / 60.0, rel=0.1)
    # At time t of the first tick the first in line came (t - full) / 2 ago, at time s of the
    # second peak / 200 + s / 2 ago.
    ages = expected["pool_oldest_age"][0]
    exact = [0.25 * (60.0 - full) ** 2 / 60.0, peak / 200.0 + 15.0]
    np.testing.assert_allclose(ages[:2], exact, rtol=0.02)


def test_no_request_is_lost_unseen() -> None:
    pools = [pool(2, 10.0, room=20, timeout=1.0), pool(3, 5.0, room=5, timeout=2.0)]
    inputs = network(0.0, pools, tier(2, 0.1, room=10, timeout=0.5), tier(3, 0.05))
    inputs |= {"arrival_rate": [60.0, 40.0, 90.0, 0.0], "dt": 30.0}
    expected, _ = simulate_network(inputs, 50, seed=5)
    outcomes = expected["throughput"] + expected["rejects_per_s"] + expected["timeouts_per_s"]
    assert expected["rejects_per_s"].sum() > 1.0
    assert expected["timeouts_per_s"].sum() > 1.0
    np.testing.assert_allclose(outcomes.sum(), expected["arrivals"].sum(), rtol=1e-12)


def test_equal_seeds_give_equal_figures() -> None:
    inputs = network(8.0, [pool(1, 10.0)], tier(1, 0.05), dt=20.0)
    first, again, other = (simulate_network(inputs, 10, seed)[0] for seed in (1, 1, 2))
    for key, values in first.items():
        np.testing.assert_array_equal(values, again[key])
    assert (first["latency_mean"] != other["latency_mean"]).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"arrival_rate": [1.0]}, "as many ticks"),
        ({"pools": [pool(0, 1.0)]}, "pool with an instance"),
        ({"pools": [pool(1, 1.0, service_dist="uniform")]}, "no service law"),
        ({"pools": [pool(1, 1.0, cs2=2.0)]}, "no service law"),
    ],
)
def test_inputs_that_do_not_fit_are_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        simulate_network(network(1.0, [pool(1, 2.0)]) | change, 10, seed=1)


def test_replications_are_whole_groups() -> None:
    with pytest.raises(ValueError, match="multiple"):
        simulate_network(network(1.0, [pool(1, 2.0)]), 15, seed=1)


def as_network(case: dict[str, Any]) -> dict[str, Any]:
    """Inputs of a two-tier reference case (``cwm_gym.physics.reference/1``) as a network's."""
    ticks = len(case["arrival_rate"])
    entry = {
        "name": "pool",
        "instances": case["n_instances"],
        "vcpus": case["vcpus_per_instance"],
        **{key: case[key] for key in ("mu", "service_dist", "cs2", "timeout")},
        "room": case["queue_cap"],
    }
    database = {
        "name": "database",
        "servers": [min(case["db_vcpus"], case["db_max_conn"])] * ticks,
        "mean_service": case["db_mean_service"],
        "service_dist": case["db_service_dist"],
        "cs2": case["db_cs2"],
        "room": case["db_queue_cap"],
        "timeout": case["db_timeout"],
    }
    return {
        "dt": case["dt"],
        "arrival_rate": case["arrival_rate"],
        "pools": [entry],
        "tiers": [database],
        "visit": [[case["db_prob"]]],
    }


@pytest.mark.parametrize(
    "name",
    ["timeout_overload_004", "step_scaleout_002", "db_002", "db_005", "db_006", "kill_half_003"],
)
def test_two_tiers_agree_with_the_shared_reference(name: str, shared: Path) -> None:
    path = shared / "physics" / "reference_public.json"
    document = json.loads(path.read_text(encoding="utf-8"))
    case = next(case for case in document["cases"] if case["id"] == name)
    requests = sum(case["inputs"]["arrival_rate"]) * case["inputs"]["dt"]
    replications = 10 * math.ceil(1e5 / requests)
    expected, ci95 = simulate_network(as_network(case["inputs"]), replications, seed=6)
    keys = {k: k for k in ("throughput", "latency_mean", "p50", "p95", "p99", "error_rate")}
    keys |= {"cpu_util": "pool_util", "queue_len": "pool_queue_len"}
    if case["inputs"]["db_prob"] > 0:
        keys |= {"db_util": "tier_util", "db_queue_len": "tier_queue_len"}
    excess: list[float] = []
    for theirs, ours in keys.items():
        reference = np.array(case["expected"][theirs], dtype=np.float64)
        allowed = np.array(case["ci95"][theirs], dtype=np.float64) + _flat(ci95[ours])
        if theirs.startswith("p"):
            allowed += 0.005 * reference  # their quantiles come from bins of 0.5 %
        error = np.abs(_flat(expected[ours]) - reference)
        excess += list(error[allowed > 0] / allowed[allowed > 0])
    assert len(excess) > 50
    assert np.mean(np.array(excess) > 1.0) < 0.05
    assert max(excess) < 2.0


def _flat(values: Floats) -> Floats:
    return values[0] if values.ndim == 2 else values
