"""Outages of zones: what stands in them is gone, and what it takes to come back."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.core.injected import TICK_S, ZONES, books, fleet, made, ran, shares, shop, times

A, B, C = ZONES


def outage(zone: str | None, start: float = 2, duration: float | None = 3) -> dict[str, Any]:
    fault = {"type": "az_outage", "startTime": start, "targetZone": zone, "duration": duration}
    return {name: value for name, value in fault.items() if value is not None}


def scale(count: int) -> dict[str, Any]:
    kind = "scale_out" if count > 0 else "scale_in"
    return {"type": kind, "parameters": {"instanceCount": abs(count)}}


@pytest.mark.parametrize("zone", ZONES)
def test_one_zone_of_three_is_a_third(zone: str) -> None:
    history = ran(fleet(), outage(zone))
    third = 2 / 3
    # Back after the boot: 45 s into the sixth step.
    expected = [1, 1, third, third, third, third + 0.25 / 3, 1, 1, 1, 1]
    assert shares(history) == pytest.approx(expected, rel=1e-12)
    assert times(history, "instances_ready") == [345]


def test_the_only_zone_is_everything() -> None:
    document = fleet(200, zones=[A], warmupSeconds=60, warmupSpeed=0.5)
    history = ran(document, outage(A))
    warm = [0.25 * (0.5 + 0.5 * 0.125), 0.25 + 0.75 * (0.5 + 0.5 * 0.625)]
    assert shares(history) == pytest.approx([1, 1, 0, 0, 0, *warm, 1, 1, 1], rel=1e-12)
    assert history["error_rate"][3] == pytest.approx(1.0)
    assert history["health"][2:5].tolist() == [3, 3, 3]
    assert "outage" in [event["kind"] for event in history.events]
    assert ran(document, outage(B))["error_rate"].max() == 0


def test_uneven_fleets_lose_what_stands_in_the_zone() -> None:
    lost = [7 - ran(fleet(instances=7), outage(zone))["ready"][2] for zone in ZONES]
    assert lost == [3, 2, 2]
    lost = [2 - ran(fleet(instances=2), outage(zone))["ready"][2] for zone in ZONES]
    assert lost == [1, 1, 0]


def test_two_zones_out_leave_a_third_and_come_back_one_by_one() -> None:
    history = ran(fleet(), outage(A, 1, 4), outage(B, 2, 5), steps=12)
    assert history["ready"].tolist() == [6, 4, 2, 2, 2, 4, 4, 6, 6, 6, 6, 6]
    assert times(history, "instances_ready") == [5 * TICK_S + 45, 7 * TICK_S + 45]


@pytest.mark.parametrize("order", [1, -1])
@pytest.mark.parametrize("shift", [2, 4])
def test_outages_of_the_same_zone_act_like_one(shift: int, order: int) -> None:
    pair = [outage(A, 1, 4), outage(A, 1 + shift, 4)][::order]
    whole = outage(A, 1, 4 + shift)
    for zones in (ZONES, [A]):
        document = fleet(zones=zones)
        assert (
            shares(ran(document, *pair, steps=14)) == shares(ran(document, whole, steps=14))
        ).all()


def test_launches_go_to_the_zones_that_are_up() -> None:
    env = made(fleet(), outage(A, 1, 5))
    env.step(0)
    env.step_document(scale(2))
    assert books(env) == {"desired": 8, "ready": 6, "lost": 2, "notified": 0, "launching": 0}
    for _ in range(6):
        env.step(0)
    assert books(env)["ready"] == 8


def test_launches_wait_for_the_end_of_a_total_outage() -> None:
    env = made(fleet(zones=[A]), outage(A, 1, 4))
    env.step(0)
    env.step_document(scale(3))
    env.step_document(scale(2))
    assert books(env) == {"desired": 11, "ready": 0, "lost": 11, "notified": 0, "launching": 0}
    env.step_document(scale(-4))
    assert books(env) == {"desired": 7, "ready": 0, "lost": 7, "notified": 0, "launching": 0}
    env.step(0)
    assert books(env)["lost"] == 7
    env.step(0)  # over, and 45 s of boot
    assert books(env) == {"desired": 7, "ready": 7, "lost": 0, "notified": 0, "launching": 0}


def test_launches_on_their_way_are_lost_with_the_last_zone() -> None:
    env = made(fleet(zones=[A], bootSeconds=300), outage(A, 1, 2))
    env.step_document(scale(2))
    assert books(env)["launching"] == 2
    env.step(0)
    assert books(env) == {"desired": 8, "ready": 0, "lost": 8, "notified": 0, "launching": 0}
    for _ in range(2):
        env.step(0)
    assert books(env)["launching"] == 8


def test_a_kill_that_ends_in_the_dark_waits_for_the_zone() -> None:
    kill = {"type": "instance_kill", "startTime": 1, "duration": 2, "severity": 0.5}
    env = made(fleet(zones=[A]), kill, outage(A, 2, 4))
    lost = []
    for _ in range(8):
        env.step(0)
        lost.append(books(env)["lost"])
    assert lost == [0, 3, 6, 6, 6, 6, 0, 0]


def test_an_outage_does_not_free_what_a_kill_holds() -> None:
    kill = {"type": "instance_kill", "startTime": 1, "duration": 7, "severity": 0.5}
    env = made(fleet(zones=[A]), kill, outage(A, 2, 2))
    ready = []
    for _ in range(10):
        env.step(0)
        ready.append(books(env)["ready"])
    assert ready == [6, 3, 0, 0, 3, 3, 3, 3, 6, 6]


def test_a_database_goes_with_its_zone_unless_a_standby_takes_over() -> None:
    alone = ran(shop(40), outage(A))
    assert alone["error_rate"][2:5] == pytest.approx(1, abs=2e-3)
    assert alone["error_rate"][6:] == pytest.approx(0)
    assert ran(shop(40), outage(B))["error_rate"].max() < 1e-3
    standby = ran(shop(40, ha=True, failoverSeconds=60), outage(A))
    assert standby["error_rate"][2] == pytest.approx(1, abs=2e-3)
    assert standby["error_rate"][3:] == pytest.approx(0, abs=1e-9)


def test_databases_fail_over_each_in_its_own_time() -> None:
    document = shop(40, ha=True, failoverSeconds=30, visitProbability=0.5)
    other = {**document["resources"][1], "id": "db2", "name": "db2"}
    other["characteristics"] = {**other["characteristics"], "failoverSeconds": 90}
    document["resources"].append(other)
    history = ran(document, outage(A, 2, 5))
    assert times(history, "failover") == [150, 210]
    # Both down, then one, then none.
    both, one = 0.75, 0.5
    assert history["error_rate"][2] == pytest.approx((both + one) / 2, abs=0.01)
    assert history["error_rate"][3] == pytest.approx(one / 2, abs=0.01)
    assert history["error_rate"][4] == pytest.approx(0, abs=1e-3)


def test_an_outage_without_a_zone_draws_one_of_the_pool_s() -> None:
    hit = set()
    for seed in range(24):
        history = ran(fleet(), outage(None), steps=4, seed=seed)
        assert history["ready"][2] == 4
        hit |= {event["zone"] for event in history.events if event["kind"] == "instances_lost"}
        again = ran(fleet(), outage(None), steps=4, seed=seed)
        assert np.array_equal(again["reward"], history["reward"])
    assert hit == {0, 1, 2}
    named = ran(shop(40), {**outage(None), "targetResourceId": "db"})
    assert named["error_rate"][2] == pytest.approx(1, abs=2e-3)
    assert named["ready"][2] == 6


def test_an_outage_of_a_resource_in_a_zone_spares_the_others() -> None:
    history = ran(shop(40), {**outage(A), "targetResourceId": "web"})
    assert history["ready"][2] == 4
    assert history["error_rate"].max() < 1e-3
