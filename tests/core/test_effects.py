"""What each kind of fault does, measured on the service: the table of ``core/effects.py``."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest

import cwm_gym
from cwm_gym.core.records import FAULT_KINDS
from cwm_gym.spec import FaultParameters
from cwm_gym.testing.checkers import CONSERVATION_TOLERANCE, imbalance
from tests.core.injected import ONE_RPS, QUERY_S, TICK_S, fleet, ran, shares, shop, times
from tests.documents import ENV_ID

CPU_S = 0.01
START, LAST = 2, 4  # a fault from step 2 to step 5 acts in the rows 2, 3 and 4
WINDOW = {"startTime": START, "duration": LAST + 1 - START}


def measured(kind: str, **fields: Any) -> tuple[cwm_gym.History, cwm_gym.History]:
    document = shop()
    return ran(document, {"type": kind, **WINDOW, **fields}), ran(document)


# severity or parameters -> latency added (ms), share of errors, CPU, capacity.
CASES: list[tuple[str, dict[str, Any], dict[str, float]]] = [
    ("network_latency", {}, {"ms": 100}),
    ("network_delay", {"severity": 1.0}, {"ms": 200}),
    ("network_latency", {"parameters": {"latencyMs": 350}}, {"ms": 350}),
    ("network_latency", {"targetId": "db", "severity": "low"}, {"ms": 50}),
    ("network_partition", {"severity": 0.3}, {"errors": 0.3}),
    ("network_partition", {}, {"errors": 1.0}),
    ("network_partition", {"targetId": "db", "severity": 0.4}, {"errors": 0.4}),
    ("database_slowdown", {}, {"ms": 2 * QUERY_S * 1e3}),
    ("database_slowdown", {"severity": 1}, {"ms": 4 * QUERY_S * 1e3}),
    ("database_slowdown", {"parameters": {"slowdown": 2.5}}, {"ms": 1.5 * QUERY_S * 1e3}),
    ("database_overload", {}, {"ms": 0, "pressure": 0.5, "db": 0.25}),
    ("database_overload", {"severity": 0.8}, {"pressure": 0.8, "db": 0.4}),
    ("database_overload", {"parameters": {"slowdown": 2}}, {"ms": QUERY_S * 1e3, "pressure": 0.5}),
    ("database_crash", {}, {"errors": 1.0}),
    ("cpu_spike", {}, {"cpu": 0.45, "capacity": 0.55}),
    ("cpu_spike", {"severity": 1}, {"cpu": 0.9, "capacity": 0.1}),
    ("cpu_spike", {"parameters": {"slowdown": 4}}, {"cpu": 0.75, "capacity": 0.25}),
    ("memory_pressure", {}, {"ms": CPU_S * 1e3, "errors": 0.025}),
    ("memory_pressure", {"severity": 1}, {"ms": 2 * CPU_S * 1e3, "errors": 0.05}),
    ("memory_pressure", {"parameters": {"slowdown": 4}}, {"ms": 3 * CPU_S * 1e3, "errors": 0.025}),
    ("bad_deployment", {}, {"capacity": 0.5}),
    ("bad_deployment", {"severity": "low"}, {"capacity": 4 / 6}),
    (
        "bad_deployment",
        {"severity": 0, "parameters": {"slowdown": 3, "errorRateIncrease": 0.1}},
        {"ms": 2 * CPU_S * 1e3, "errors": 0.1, "capacity": 1},
    ),
    ("dependency_timeout", {}, {"ms": 125, "errors": 0.25}),
    ("dependency_timeout", {"severity": 1}, {"ms": 250, "errors": 0.5}),
    ("dependency_timeout", {"parameters": {"latencyMs": 40}}, {"ms": 40, "errors": 0.25}),
    ("traffic_spike", {}, {"traffic": 3}),
    ("traffic_spike", {"severity": 1}, {"traffic": 5}),
    ("traffic_spike", {"parameters": {"multiplier": 1.5}}, {"traffic": 1.5}),
]


@pytest.mark.parametrize(("kind", "fields", "expected"), CASES)
def test_effects_have_the_documented_size(
    kind: str, fields: dict[str, Any], expected: dict[str, float]
) -> None:
    faulty, calm = measured(kind, **fields)
    acting = slice(START, LAST + 1)
    errors = expected.get("errors", 0.0)
    # What is in service when it begins still completes.
    assert faulty["error_rate"][acting] == pytest.approx(errors, abs=2e-3)
    if errors < 1.0:
        added = faulty["latency_mean"] - calm["latency_mean"]
        if "ms" in expected:
            assert added[acting] == pytest.approx(expected["ms"], rel=0.04, abs=0.5)
    assert shares(faulty)[acting] == pytest.approx(expected.get("capacity", 1.0), rel=1e-12)
    if "cpu" in expected:
        # What steals servers keeps them busy.
        assert faulty["utilisation"][acting] == pytest.approx(expected["cpu"], abs=0.005)
    if "pressure" in expected:
        assert faulty["connection_pressure"][acting] == pytest.approx(
            expected["pressure"], abs=0.01
        )
    if "db" in expected:
        work = calm["database_utilisation"][acting]
        assert faulty["database_utilisation"][acting] == pytest.approx(
            expected["db"] + work, rel=1e-3
        )
    traffic = faulty["offered_rps"] / calm["offered_rps"]
    assert traffic[acting] == pytest.approx(expected.get("traffic", 1.0), rel=1e-12)
    # Nothing before, and once it is over nothing but what it took is still missing.
    for name in ("latency_mean", "error_rate", "utilisation", "connection_pressure"):
        assert (faulty[name][:START] == calm[name][:START]).all(), name
        assert faulty[name][-2:] == pytest.approx(calm[name][-2:], rel=1e-6, abs=1e-9), name
    assert times(faulty, "fault_started") == [START * TICK_S]
    assert times(faulty, "fault_ended") == [(LAST + 1) * TICK_S]


def test_every_kind_is_measured() -> None:
    here = {kind for kind, _, _ in CASES} | {"memory_leak"}
    with_fleets = {"instance_kill", "az_outage", "spot_interruption"}  # in test_faults and others
    assert here | with_fleets >= set(FAULT_KINDS)


@pytest.mark.parametrize(
    "kind",
    [
        "network_latency",
        "network_partition",
        "database_slowdown",
        "database_overload",
        "cpu_spike",
        "memory_pressure",
        "memory_leak",
        "bad_deployment",
        "dependency_timeout",
        "az_outage",
    ],
)
def test_a_stated_error_rate_replaces_the_kind_s_own(kind: str) -> None:
    stated = {"parameters": {"errorRateIncrease": 0.4}, "severity": 0.5}
    if kind == "az_outage":
        stated["targetZone"] = "us-east-1b"
    faulty, _ = measured(kind, **stated)
    assert faulty["error_rate"][START : LAST + 1] == pytest.approx(0.4, abs=2e-3)
    assert faulty["error_rate"][-1] == 0.0
    silenced, _ = measured(kind, **{**stated, "parameters": {"errorRateIncrease": 0.0}})
    assert silenced["error_rate"].max() < 2e-3


@pytest.mark.parametrize(
    ("fields", "most"), [({"severity": 1}, 4.0), ({"parameters": {"slowdown": 2}}, 2.0)]
)
def test_a_leak_grows_evenly_and_the_restart_warms_up(fields: dict[str, Any], most: float) -> None:
    document = fleet(warmupSeconds=60, warmupSpeed=0.5)
    fault = {"type": "memory_leak", "startTime": 2, "duration": 8, **fields}
    history, calm = ran(document, fault, steps=14), ran(document, steps=14)
    slower = history["latency_mean"] / calm["latency_mean"]
    grown = (np.arange(8) + 0.5) / 8
    assert slower[2:10] == pytest.approx(1 + (most - 1) * grown, rel=0.02)
    assert shares(history)[10] == pytest.approx(0.75)
    assert shares(history)[11] == 1.0
    assert slower[12] == pytest.approx(1.0, rel=1e-6)


def test_a_leak_without_end_is_full_after_an_hour() -> None:
    history = ran(fleet(), {"type": "memory_leak", "startTime": 0, "severity": 1}, steps=70)
    slower = history["latency_mean"] / (1e3 * CPU_S)
    assert slower[30] == pytest.approx(1 + 3 * 30.5 / 60, rel=0.01)
    assert slower[60:] == pytest.approx(4.0, rel=0.01)


def test_latency_comes_with_a_spread_of_half_of_it() -> None:
    history = ran(fleet(), {"type": "network_latency", "startTime": 0, "severity": 1})
    # Lognormal of mean 200 ms and deviation 100 ms, next to which the 10 ms of work are little.
    assert history["latency_p50"] == pytest.approx(190, rel=0.05)
    assert history["latency_p95"] == pytest.approx(395, rel=0.05)


@pytest.mark.parametrize(("start", "length"), [(2.25, 0.5), (2.0, 0.125), (2.9, 1.3), (1.5, 2.0)])
def test_windows_may_begin_and_end_inside_a_tick(start: float, length: float) -> None:
    window = {"startTime": start, "duration": length}
    partition = {"type": "network_partition", "severity": 0.5, **window}
    spike = {"type": "cpu_spike", "severity": 0.5, **window}
    history = ran(fleet(400), partition, spike)
    rows = np.arange(10)
    inside = np.clip(np.minimum(rows + 1, start + length) - np.maximum(rows, start), 0, 1)
    assert shares(history) == pytest.approx(1 - 0.45 * inside, rel=1e-12)
    assert history["failed"] == pytest.approx(0.5 * inside * 400 * TICK_S, rel=1e-12)


@pytest.mark.parametrize(
    ("faults", "name", "expected"),
    [
        (["database_slowdown", "database_slowdown"], "ms", QUERY_S * 1e3 * 8),
        (["network_partition", "network_partition"], "errors", 1 - 0.5**2),
        (["network_partition", "dependency_timeout"], "errors", 1 - 0.5 * 0.75),
        (["cpu_spike", "cpu_spike"], "capacity", 0.55**2),
        (["cpu_spike", "instance_kill"], "capacity", 0.55 * 0.5),
        (["cpu_spike", "bad_deployment"], "capacity", 0.55 * 0.5),
        (["network_latency", "network_latency"], "ms", 200),
        (["network_latency", "dependency_timeout"], "ms", 225),
        (["memory_pressure", "memory_pressure"], "ms", CPU_S * 1e3 * 3),
        (["database_overload", "database_overload"], "pressure", 0.75),
        (["traffic_spike", "traffic_spike"], "traffic", 9),
    ],
)
def test_faults_that_overlap_compose(faults: list[str], name: str, expected: float) -> None:
    document = shop()
    every = [{"type": kind, "severity": 0.5, **WINDOW} for kind in faults]
    faulty, calm = ran(document, *every), ran(document)
    row = LAST
    found = {
        "ms": faulty["latency_mean"][row] - calm["latency_mean"][row],
        "errors": faulty["error_rate"][row],
        "capacity": shares(faulty)[row],
        "pressure": faulty["connection_pressure"][row],
        "traffic": faulty["offered_rps"][row] / calm["offered_rps"][row],
    }
    assert found[name] == pytest.approx(expected, rel=0.04)


def test_each_fault_takes_back_its_own_effect_alone() -> None:
    long = {"type": "cpu_spike", "startTime": 1, "duration": 7, "severity": 0.5}
    short = {"type": "cpu_spike", "startTime": 3, "duration": 2, "severity": 1}
    found = shares(ran(fleet(), long, short))
    assert found == pytest.approx([1, *[0.55] * 2, *[0.055] * 2, *[0.55] * 3, 1, 1], rel=1e-12)


def test_a_severity_of_nothing_does_nothing() -> None:
    document = shop(200)
    calm = ran(document)
    for kind in set(FAULT_KINDS) - {"az_outage", "database_crash", "instance_kill"}:
        faulty = ran(document, {"type": kind, "startTime": 1, "severity": 0})
        for name in ("latency_p95", "error_rate", "capacity_rps", "served", "reward"):
            # A leak that does not grow still splits the segments.
            assert faulty[name] == pytest.approx(calm[name], rel=1e-4, abs=1e-9), (kind, name)


def test_parameters_are_all_covered_here() -> None:
    stated = {"error_rate_increase", "latency_ms", "slowdown", "multiplier"}
    elsewhere = {"instances", "notice_seconds"}  # in test_faults and test_spot
    assert stated | elsewhere == set(FaultParameters.model_fields)


def test_a_fault_at_a_named_resource_leaves_the_others_alone() -> None:
    document = shop()
    document["resources"].append({**document["resources"][0], "id": "api", "name": "api"})
    document["resources"][2]["characteristics"] = {
        **document["resources"][0]["characteristics"],
        "autoscaling": False,
    }
    fault = {"type": "network_partition", "startTime": 0, "targetResourceId": "api"}
    history = ran(document, fault)
    # Two entry pools of the same capacity share the traffic.
    assert history["error_rate"] == pytest.approx(0.5, abs=1e-3)
    everywhere = ran(document, {"type": "network_partition", "startTime": 0})
    assert everywhere["error_rate"] == pytest.approx(1.0, abs=1e-3)


def test_a_partitioned_link_cuts_the_requests_that_cross_it() -> None:
    document = shop()
    document["resources"][1]["characteristics"]["region"] = "eu-west-1"
    document["resources"][1]["characteristics"]["visitProbability"] = 0.25
    fault = {"type": "network_partition", **WINDOW, "targetId": "us-east-1-eu-west-1-link"}
    history = ran(document, fault)
    assert history["error_rate"][START : LAST + 1] == pytest.approx(0.25, abs=2e-3)
    away = {**fault, "targetId": "us-east-1-us-west-2-link"}
    assert ran(document, away)["error_rate"].max() == 0.0


def test_what_a_dead_cache_does_not_answer_comes_to_the_database() -> None:
    document = shop(40, cpuSecondsPerRequest=0.001)
    cache = {
        "id": "cache",
        "type": "cache",
        "name": "cache",
        "provider": "aws",
        "characteristics": {"cacheHitRate": 0.75, "region": "us-east-1"},
    }
    document["resources"].insert(1, cache)
    calm = ran(document)
    half = ran(
        document, {"type": "network_partition", **WINDOW, "targetId": "cache", "severity": 0.5}
    )
    acting = slice(START, LAST + 1)
    busy = half["database_utilisation"] / calm["database_utilisation"]
    # A quarter misses; with half of the look-ups unanswered 1 - 0.75/2 does.
    assert busy[acting] == pytest.approx((1 - 0.375) / 0.25, rel=1e-2)
    assert half["error_rate"].max() < 1e-9
    dead = ran(document, {"type": "network_partition", **WINDOW, "targetId": "cache"})
    busy = dead["database_utilisation"] / calm["database_utilisation"]
    assert busy[acting] == pytest.approx(4.0, rel=1e-2)
    assert dead["cache_hit_rate"][acting] == pytest.approx(0.0, abs=1e-12)
    assert dead["error_rate"].max() < 1e-9
    assert dead["cache_hit_rate"][-1] == pytest.approx(0.75)


def test_who_is_on_the_way_out_of_a_cache_that_is_cut_off_gets_out() -> None:
    document = shop(600)
    cache = {"id": "cache", "type": "cache", "name": "cache", "provider": "aws",
             "characteristics": {"cpuSecondsPerRequest": 0.01, "nodeCount": 8}}  # fmt: skip
    document["resources"].insert(1, cache)
    cut = {"type": "network_partition", "startTime": 1.5, "duration": 2, "targetId": "cache"}
    env: Any = gym.make_vec(ENV_ID, num_envs=1, simulation={**document, "faults": [cut]}).unwrapped
    env.reset(seed=0)
    for _ in range(5):
        before = env.worlds.copy()
        env.step([0])
        assert imbalance(before, env.worlds).max() <= CONSERVATION_TOLERANCE


def test_a_serverless_service_loses_the_share_of_a_bad_release() -> None:
    document = fleet(200)
    document["resources"][0] = {
        "id": "fn",
        "type": "serverless",
        "name": "fn",
        "provider": "aws",
        "characteristics": {"serviceFamily": "lambda", "region": "us-east-1"},
    }
    history = ran(document, {"type": "bad_deployment", **WINDOW, "severity": 0.4})
    assert history["error_rate"][START : LAST + 1] == pytest.approx(0.4, abs=1e-3)
    dark = [{"type": "az_outage", **WINDOW, "targetZone": zone, "targetResourceId": "fn"}
            for zone in ("us-east-1a", "us-east-1b", "us-east-1c")]  # fmt: skip
    history = ran(document, *dark)
    assert history["error_rate"][START : LAST + 1] == pytest.approx(1.0, abs=1e-2)
    one = ran(document, dark[0])
    # The platform starts others; only what the lost instances had in work fails.
    assert 0 < one["failed"][START] < 200
    assert one["error_rate"][START + 1] == 0.0


def test_figures_of_the_helper() -> None:
    history = ran(shop())
    assert history["capacity_rps"] == pytest.approx(6 * ONE_RPS)
    assert history["latency_mean"] == pytest.approx(1e3 * (CPU_S + QUERY_S), rel=5e-3)
