from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cwm_gym.core.jit import standalone
from cwm_gym.core.queueing import elastic
from cwm_gym.core.queueing.records import TIER

serve = standalone(elastic.serve_elastic)
instances_after = standalone(elastic.instances_after)
arrivals_for = standalone(elastic.arrivals_for)
levels_reached = standalone(elastic.levels_reached)


def new_tier(service_s: float, **given: float) -> Any:
    tier = np.zeros(1, TIER)[0]
    service = tier["service"]
    service["service_rate"] = 1.0 / service_s
    service["cs2"] = 1.0
    service["concurrency"] = 1.0
    service["limit"] = math.inf
    service["cold_s"] = 1.0
    service["keep_alive_s"] = 300.0
    for name, value in given.items():
        service[name] = value
    return tier


def run(tier: Any, rates: list[float], dt: float = 60.0) -> list[dict[str, float]]:
    """Serve segment after segment; the number in service follows the rate at which they enter."""
    found = []
    service_s = 1.0 / tier["service"]["service_rate"]
    for rate in rates:
        serve(tier, rate, dt)
        flow, wait = tier["flow"], tier["profile"][0]
        tier["queue"]["in_service"] = flow["served"] / dt * service_s
        found.append(
            {
                "offered": float(flow["offered"]),
                "served": float(flow["served"]),
                "rejected": float(flow["rejected"]),
                "starts": float(flow["cold_starts"]),
                "share": float(wait["busy"]),
                "delay": float(wait["delay"]),
                "variance": float(wait["variance"]),
                "warm": float(tier["warm"]),
            }
        )
    return found


def erlang_b(servers: int, load: float) -> float:
    blocked = 1.0
    for k in range(1, servers + 1):
        blocked = load * blocked / (k + load * blocked)
    return blocked


def expected_instances(arrivals: float, load: float, places: int, floor: int) -> float:
    """The sum over all levels, with the passage times by Erlang's recursion."""
    inverse, passage, total = 1.0, 0.0, float(floor)
    for level in range(3000):
        passage += inverse
        if level % places == 0 and level // places >= floor:
            up = -math.expm1(-arrivals / passage)
            total += up
            if up < 1e-12:
                break
        inverse = 1.0 + (level + 1) / load * inverse
    return total


@pytest.mark.parametrize("load", [0.02, 0.2, 2.0, 20.0, 200.0])
@pytest.mark.parametrize(("places", "floor"), [(1, 0), (1, 3), (4, 0), (20, 0), (20, 2)])
@pytest.mark.parametrize("services", [30.0, 300.0, 1e4])
def test_expected_instances(load: float, places: int, floor: int, services: float) -> None:
    arrivals = load * services
    found, slope = instances_after(arrivals, load, float(places), float(floor))
    exact = expected_instances(arrivals, load, places, floor)
    # The passage times as a geometric sum, and levels as one: worst while a large system fills.
    assert found == pytest.approx(exact, rel=0.03 if services < 100.0 else 0.01, abs=0.2)
    step = 1e-3 * arrivals
    more, _ = instances_after(arrivals + step, load, float(places), float(floor))
    assert slope * step == pytest.approx(more - found, rel=0.02, abs=1e-8)


@pytest.mark.parametrize("load", [0.02, 0.2, 2.0, 20.0, 200.0])
@pytest.mark.parametrize("places", [1.0, 20.0])
@pytest.mark.parametrize("services", [60.0, 1e3])
def test_the_number_of_instances_tells_the_arrivals(
    load: float, places: float, services: float
) -> None:
    number, _ = instances_after(load * services, load, places, 0.0)
    arrivals, _ = arrivals_for(number, load, places, 0.0)
    again, _ = instances_after(max(arrivals, 1e-300), load, places, 0.0)
    assert again == pytest.approx(number, abs=0.3 if load > 100.0 else 0.15)


@pytest.mark.parametrize("width", [0.45, 1.0, 4.0, 20.0])
@pytest.mark.parametrize("v", [-6.0, -1.0, 0.0, 1.5, 3.9, 4.1, 9.0])
def test_levels_reached(width: float, v: float) -> None:
    k = np.arange(2000)
    exact = float(-np.expm1(-np.exp(v - k / width)).sum())
    number, slope = levels_reached(v, width)
    assert number == pytest.approx(exact, rel=0.02)
    ahead, _ = levels_reached(v + 1e-4, width)
    behind, _ = levels_reached(v - 1e-4, width)
    assert slope == pytest.approx((ahead - behind) / 2e-4, rel=1e-2)


@settings(max_examples=300, deadline=None)
@given(
    service_s=st.sampled_from([1e-9, 1e-3, 0.1, 1.0, 900.0, 1e9]),
    concurrency=st.sampled_from([1.0, 2.5, 80.0, 1000.0]),
    limit=st.sampled_from([0.0, 0.5, 1.0, 40.0, 1e4, math.inf]),
    floor=st.sampled_from([0.0, 1.0, 7.0, 1e4]),
    cold_s=st.sampled_from([0.0, 1e-6, 0.2, 5.0, 100.0]),
    keep_alive_s=st.sampled_from([0.0, 1.0, 60.0, 600.0, math.inf]),
    warm=st.sampled_from([0.0, 1e-300, 0.5, 1.0, 30.0, 1e9]),
    inside=st.sampled_from([0.0, 3.0, 1e9]),
    aborted=st.sampled_from([0.0, 2.0, 1e12]),
    rates=st.lists(st.sampled_from([0.0, 1e-300, 1e-4, 0.3, 50.0, 1e9]), min_size=1, max_size=4),
    dt=st.sampled_from([1.0, 17.3, 60.0]),
)
def test_everything_is_conserved_and_finite(
    service_s: float,
    warm: float,
    inside: float,
    rates: list[float],
    dt: float,
    **given: float,
) -> None:
    tier = new_tier(service_s, **given)
    tier["warm"] = warm
    tier["queue"]["in_service"] = inside
    for rate in rates:
        (found,) = run(tier, [rate], dt)
        assert all(math.isfinite(value) for value in found.values())
        assert all(value >= 0.0 for value in found.values())
        assert math.isfinite(tier["service"]["servers"])
        assert found["offered"] == pytest.approx(rate * dt, rel=1e-12)
        assert found["served"] + found["rejected"] == pytest.approx(found["offered"], rel=1e-12)
        assert found["share"] <= 1.0
        assert found["starts"] <= found["served"]
        assert found["delay"] <= given["cold_s"] * (1.0 + 1e-12)
        assert found["warm"] >= given["floor"]
        assert tier["flow"]["timed_out"] == 0.0
        assert tier["queue"]["waiting"] == 0.0
        assert tier["queue"]["wait_rate"] == rate
        # What is in service has a place.
        assert tier["service"]["servers"] * (1.0 + 1e-12) >= found["served"] / dt * service_s


@pytest.mark.parametrize("concurrency", [1.0, 20.0])
def test_enough_provisioned_instances_never_start_cold(concurrency: float) -> None:
    # 20 erlangs; 60 is nine standard deviations more.
    tier = new_tier(0.5, concurrency=concurrency, floor=60.0 / concurrency)
    for found in run(tier, [40.0] * 5):
        assert found["share"] < 1e-6
        assert found["starts"] < 1e-4


@settings(max_examples=60, deadline=None)
@given(
    load=st.floats(0.02, 200.0),
    service_s=st.floats(0.02, 2.0),
    concurrency=st.sampled_from([1.0, 4.0, 20.0]),
    keep_alive_s=st.sampled_from([60.0, 300.0]),
    cold_s=st.floats(0.1, 5.0),
)
def test_more_provisioned_instances_never_mean_more_cold_starts(
    load: float, service_s: float, **given: float
) -> None:
    before = math.inf
    for floor in (0.0, 1.0, 3.0, 10.0, 100.0):
        tier = new_tier(service_s, floor=floor, **given)
        starts = sum(found["starts"] for found in run(tier, [load / service_s] * 5))
        # The sum over levels is a different approximation next to the floor: up to 3 %.
        assert starts <= 1.03 * before + 1e-9
        before = starts


@pytest.mark.parametrize(("load", "limit"), [(30.0, 20), (12.0, 20), (3.0, 1), (100.0, 90)])
def test_throttling_is_erlangs_loss(load: float, limit: int) -> None:
    tier = new_tier(0.2, limit=float(limit))
    found = run(tier, [load / 0.2] * 4)[-1]
    assert found["rejected"] / found["offered"] == pytest.approx(
        erlang_b(limit, load), rel=0.03, abs=1e-4
    )
    assert found["warm"] <= limit


def test_nothing_passes_a_limit_of_zero() -> None:
    found = run(new_tier(0.2, limit=0.0), [50.0])[0]
    assert found["served"] == pytest.approx(0.0, abs=1e-9)
    assert found["starts"] == pytest.approx(0.0, abs=1e-9)


def test_an_idle_tier_scales_to_zero_and_starts_cold() -> None:
    tier = new_tier(0.5, keep_alive_s=120.0)
    busy = run(tier, [20.0] * 5)
    idle = run(tier, [0.0] * 30)
    again = run(tier, [20.0])[0]
    assert idle[-1]["warm"] < 1e-4
    assert [found["starts"] for found in idle] == [0.0] * 30
    assert again["share"] == pytest.approx(busy[0]["share"], rel=1e-3)


def test_a_first_instance_serves_rare_requests_as_it_should() -> None:
    # One place, requests far apart: up with probability 1 - exp(-rate (keep alive + service)).
    rate, keep_alive_s, service_s = 0.002, 300.0, 1e-3
    tier = new_tier(service_s, keep_alive_s=keep_alive_s)
    found = run(tier, [rate] * 60)[-1]
    idle = math.exp(-rate * (keep_alive_s + service_s))
    assert found["warm"] == pytest.approx(1.0 - idle, rel=1e-3)
    assert found["share"] == pytest.approx(idle, rel=1e-3)
    assert found["delay"] == 1.0
    assert found["variance"] == 0.0


# Figures of an event-driven simulation of the same rules from empty (the warm instance used last
# serves; else the request joins the starting instance that is ready first and has a place; else it
# starts one), 60 s per segment: mean of 200 runs and half-width of the 95 % confidence interval of
# the number of cold starts, and of the share of requests that wait for one. What the approximation
# may be off beyond that is a tenth (14 % where the load jumps: instances reclaimed before).
SIMULATED = [
    # 2 erlangs from nothing; the start takes ten services.
    ({"cold_s": 5.0}, 0.5, [4.0], 0, (23.0, 0.73), (0.0957, 0.003)),
    # A request in 25 s, kept for a minute: the eighth segment (2,000 runs).
    ({"keep_alive_s": 60.0}, 0.5, [0.04] * 8, 7, (0.266, 0.018), (0.110, 0.0085)),
    # 2 erlangs, and after eight minutes 20.
    ({}, 0.2, [10.0] * 8 + [100.0], 8, (68.9, 1.98), (0.0115, 0.0003)),
    # The same kind of jump with twenty places per instance.
    ({"concurrency": 20.0, "cold_s": 2.0}, 0.5, [40.0], 0, (4.79, 0.073), (0.0359, 0.0004)),
    (
        {"concurrency": 20.0, "cold_s": 2.0},
        0.5,
        [40.0] * 8 + [400.0],
        8,
        (35.8, 0.33),
        (0.0294, 0.0003),
    ),
    # 30 erlangs against a limit of 20, from nothing.
    ({"limit": 20.0}, 0.5, [60.0], 0, (20.0, 0.0), (0.0091, 0.0001)),
]


@pytest.mark.parametrize(("given", "service_s", "rates", "at", "starts", "share"), SIMULATED)
def test_agrees_with_the_simulation(
    given: dict[str, float],
    service_s: float,
    rates: list[float],
    at: int,
    starts: tuple[float, float],
    share: tuple[float, float],
) -> None:
    found = run(new_tier(service_s, **given), rates)[at]
    tolerance = 0.14 if len(rates) > 1 else 0.1
    assert abs(found["starts"] - starts[0]) < starts[1] + tolerance * starts[0]
    assert abs(found["share"] - share[0]) < share[1] + tolerance * share[0]


def test_requests_that_join_a_starting_instance_wait_shorter() -> None:
    alone = run(new_tier(0.5, cold_s=2.0), [40.0])[0]
    shared = run(new_tier(0.5, cold_s=2.0, concurrency=80.0), [40.0])[0]
    assert alone["delay"] == 2.0
    # Nearly all arrive at any time of the start.
    assert shared["delay"] == pytest.approx(1.0, abs=0.1)
    assert shared["variance"] == pytest.approx(4.0 / 12.0, rel=0.1)
    assert shared["starts"] < alone["starts"] / 10.0
