"""Spot instances: notice, loss, return, price, and how often it happens."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import stats

from cwm_gym import catalog
from tests.core.injected import TICK_S, ZONES, books, fleet, made, ran, shares, times, watched
from tests.documents import with_episode

LIKELY = 1e-3


def spot(traffic: float = 4, **compute: Any) -> dict[str, Any]:
    return fleet(traffic, market="spot", **compute)


def taken(instances: int, notice: float | None = None, duration: float = 5) -> dict[str, Any]:
    stated = {"instances": instances, "noticeSeconds": notice}
    given = {name: value for name, value in stated.items() if value is not None}
    return {"type": "spot_interruption", "startTime": 2, "duration": duration, "parameters": given}


def scale(count: int) -> dict[str, Any]:
    kind = "scale_out" if count > 0 else "scale_in"
    return {"type": kind, "parameters": {"instanceCount": abs(count)}}


@pytest.mark.parametrize("notice", [None, 0, 30, 90, 200])
def test_instances_go_when_their_notice_is_over_and_come_back_in_the_end(
    notice: float | None,
) -> None:
    history = ran(spot(), taken(2, notice), steps=14)
    warning = 120.0 if notice is None else notice  # AWS gives two minutes
    assert times(history, "interruption_notice") == [120]
    assert times(history, "instances_lost") == [120 + warning]
    assert times(history, "fault_ended") == [420]
    assert times(history, "instances_ready") == [465]
    edges = TICK_S * np.arange(15)
    away = np.clip(edges, 120 + warning, 465)
    assert shares(history) == pytest.approx(1 - np.diff(away) / TICK_S / 3, rel=1e-12)


def test_a_notice_that_outlasts_its_window_is_kept() -> None:
    history = ran(spot(), taken(2, 90, duration=0.5))
    assert times(history, "instances_lost") == times(history, "fault_ended") == [210]
    assert times(history, "instances_ready") == [255]


@pytest.mark.parametrize(("notice", "lost"), [(29, 2.0), (30, 0.0), (300, 0.0)])
def test_a_notice_of_the_drain_time_loses_no_request(notice: float, lost: float) -> None:
    # 6 requests in service on 6 instances; a third of them goes.
    history = ran(spot(600), taken(2, notice))
    assert history["failed"].sum() == pytest.approx(lost, rel=1e-3)
    assert history["error_rate"][-1] == 0.0


def test_the_agent_sees_the_notice() -> None:
    env = made(spot(), taken(3))
    names = list(env.observation_names)
    seen = [env.step(0)[0] for _ in range(10)]
    under_notice = [round(float(one[names.index("notified")]) * 12) for one in seen]
    lost = [round(float(one[names.index("lost")]) * 12) for one in seen]
    assert under_notice == [0, 0, 3, 3, 0, 0, 0, 0, 0, 0]
    assert lost == [0, 0, 0, 0, 3, 3, 3, 0, 0, 0]


def test_scaling_in_lets_those_under_notice_go_first() -> None:
    env = made(spot(), taken(3))
    for _ in range(3):
        env.step(0)
    env.step_document(scale(-2))
    assert books(env) == {"desired": 4, "ready": 4, "lost": 0, "notified": 1, "launching": 0}
    env.step(0)
    assert books(env) == {"desired": 4, "ready": 3, "lost": 1, "notified": 0, "launching": 0}
    for _ in range(4):
        env.step(0)
    assert books(env)["ready"] == 4


def test_a_kill_during_the_notice_leaves_less_to_take() -> None:
    kill = {"type": "instance_kill", "startTime": 3, "duration": 9, "parameters": {"instances": 5}}
    env = made(spot(), taken(6, 150), kill)
    seen = []
    for _ in range(14):
        env.step(0)
        seen.append((books(env)["ready"], books(env)["notified"]))
    assert seen[2:5] == [(6, 6), (1, 1), (0, 0)]
    assert seen[7] == (1, 0)  # the market gives its own one back
    assert seen[-1] == (6, 0)


def test_only_spot_pools_are_interrupted_where_no_target_is_named() -> None:
    document = spot()
    twin = {**document["resources"][0], "id": "api", "name": "api"}
    twin["characteristics"] = {**fleet()["resources"][0]["characteristics"], "autoscaling": False}
    document["resources"].append(twin)
    history = ran(document, {**taken(1), "parameters": {}, "severity": 0.5})
    lost = [event for event in history.events if event["kind"] == "instances_lost"]
    assert [(event["resource"], event["instances"]) for event in lost] == [("web", 3)]


def test_the_price_is_the_market_s() -> None:
    price = catalog.price("aws", "m5.large", "us-east-1", market="spot")
    assert price < 0.5 * catalog.price("aws", "m5.large", "us-east-1")
    history = ran(spot(spotHazard="advisor"), steps=1)
    assert history["cost_usd_hr"][0] == pytest.approx(6 * price, rel=1e-9)


# How often.


def hazard(envs: int, hours: int, **compute: Any) -> tuple[list[list[dict[str, Any]]], Any]:
    return watched(with_episode(spot(**compute), tick_seconds=600), envs, 6 * hours)


def losses(events: list[list[dict[str, Any]]]) -> list[dict[str, Any]]:
    return [event for one in events for event in one if event["kind"] == "instances_lost"]


@pytest.mark.parametrize("instances", [3, 12])
def test_every_instance_runs_the_stated_risk(instances: int) -> None:
    events, hours = hazard(64, 16, interruptionsPerHour=0.25, instances=instances)
    found = losses(events)
    assert {event["instances"] for event in found} == {1}
    expected = 0.25 * hours.sum()
    assert len(found) == pytest.approx(expected, abs=4 * np.sqrt(expected))


def test_blocks_take_the_stated_risk_too() -> None:
    events, hours = hazard(64, 16, interruptionsPerHour=0.25, blockShare=0.5, instances=12)
    found = losses(events)
    # Four instances in a zone while the fleet is whole: two go at once.
    assert max(event["instances"] for event in found) == 2
    total = sum(event["instances"] for event in found)
    expected = 0.25 * hours.sum()
    assert total == pytest.approx(expected, abs=4 * np.sqrt(2 * expected) + 0.1 * expected)


def test_who_is_under_notice_is_not_taken_twice() -> None:
    events, _ = hazard(
        64, 1, interruptionsPerHour=20, blockShare=1, capacityReturnSeconds=1e6, zones=ZONES[:2]
    )
    together = 0
    for one in events:
        first, *later = losses([one])
        soon = [event for event in later if event["time_s"] < first["time_s"] + 120]
        together += len(soon)
        # What the zone had has its notice already; the other zone may follow.
        assert [event["zone"] for event in soon] in ([], [1 - first["zone"]])
    assert together > 10


def test_the_advisor_s_hazard() -> None:
    document = with_episode(spot(instances=40, maxInstances=40), tick_seconds=3600)
    events, hours = watched(document, 128, 48)
    low, high = catalog.spot_quote("aws", "m5.large", "us-east-1").interruption_30d
    rate = -np.log1p(-0.5 * (low + high)) / 720
    assert 1e-5 < rate < 1e-3
    expected = rate * hours.sum()
    assert expected > 30
    assert len(losses(events)) == pytest.approx(expected, abs=4 * np.sqrt(expected))


def test_the_hazard_of_scarce_sizes() -> None:
    envs, hours = 96, 16
    events, _ = hazard(envs, hours, spotHazard="scarce", instances=12, maxInstances=12)
    found = losses(events)
    # 0.5 blocks an hour in each of three zones; few are missed because a zone is empty.
    expected = 0.5 * 3 * hours * envs
    assert len(found) == pytest.approx(expected, rel=0.1)
    by_zone = np.bincount([event["zone"] for event in found], minlength=3)
    assert stats.chisquare(by_zone).pvalue > LIKELY
    firsts = [losses([one])[0] for one in events]
    # 0.7 of the four instances in the zone.
    assert {event["instances"] for event in firsts} == {3}
    first_s = [one[0]["time_s"] / 3600 for one in events]
    assert stats.kstest(first_s, "expon", args=(0, 1 / 1.5)).pvalue > LIKELY
    away = []
    for one in events:
        start = {e["fault"]: e["time_s"] for e in one if e["kind"] == "interruption_notice"}
        end = {e["fault"]: e["time_s"] for e in one if e["kind"] == "fault_ended"}
        away += [end.get(fault, np.nan) - at - 120 for fault, at in start.items() if at < 3600 * 12]
    # Capacity returns after half an hour in the mean.
    assert np.mean(np.isnan(away)) < 0.01
    assert stats.kstest([x for x in away if x == x], "expon", args=(0, 1800)).pvalue > LIKELY


def test_actions_do_not_move_the_market() -> None:
    document = with_episode(spot(spotHazard="scarce", instances=9), tick_seconds=60)
    rng = np.random.default_rng(1)
    moves = rng.integers(0, 7, (240, 16))
    still, _ = watched(document, 16, 240)
    acting, _ = watched(document, 16, 240, lambda step: moves[step])

    def notices(events: list[list[dict[str, Any]]]) -> list[set[float]]:
        return [
            {event["time_s"] for event in one if event["kind"] == "interruption_notice"}
            for one in events
        ]

    shared = sum(len(a & b) for a, b in zip(notices(still), notices(acting), strict=True))
    every = sum(len(a | b) for a, b in zip(notices(still), notices(acting), strict=True))
    # A zone that one of them has left empty has nothing to be taken; the times are the same.
    assert shared > 50
    assert shared / every > 0.9


def test_zones_are_those_of_the_document() -> None:
    events, _ = hazard(8, 8, spotHazard="scarce", zones=ZONES[:1], instances=6)
    assert {event["zone"] for event in losses(events)} == {0}
