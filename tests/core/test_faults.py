"""The life of faults that take something: kills, bad releases, crashes; and all of them at once."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import cwm_gym  # noqa: F401
from cwm_gym.core.queueing.records import BACKEND
from cwm_gym.core.records import FAULT_KINDS, MAX_FAULTS
from cwm_gym.core.records.params import CACHE, DATABASE
from cwm_gym.testing.checkers import check_rollout
from tests.core.injected import (
    ONE_RPS,
    QUERY_S,
    TICK_S,
    ZONES,
    books,
    fleet,
    made,
    ran,
    shares,
    shop,
    times,
)
from tests.documents import ENV_ID

NO_OP = {"type": "no_op"}


def scale(count: int) -> dict[str, Any]:
    kind = "scale_out" if count > 0 else "scale_in"
    return {"type": kind, "parameters": {"instanceCount": abs(count)}}


@pytest.mark.parametrize(
    ("fields", "lost"),
    [
        ({}, 1),
        ({"parameters": {"instances": 2}}, 2),
        ({"parameters": {"instances": 99}}, 6),
        ({"severity": 0.5}, 3),
        ({"severity": "critical"}, 6),
        ({"severity": 0.01}, 1),
    ],
)
def test_a_kill_takes_instances_for_its_duration_and_their_boot(
    fields: dict[str, Any], lost: int
) -> None:
    fault = {"type": "kill_instance", "injectionTime": 2, "duration": 3, **fields}
    history = ran(fleet(), fault)
    left = 1 - lost / 6
    # Back 45 s after the end.
    expected = [1, 1, left, left, left, left + (lost / 6) * 0.25, 1, 1, 1, 1]
    assert shares(history) == pytest.approx(expected, rel=1e-12)
    assert history["ready"].tolist() == [6, 6, *[6 - lost] * 3, 6, 6, 6, 6, 6]
    assert times(history, "instances_lost") == [120]
    assert times(history, "instances_ready") == [345]
    # Nobody pays for what is not there.
    price = history["usd"][0] / 6
    assert history["usd"][3] == pytest.approx(price * (6 - lost), rel=1e-9, abs=1e-12)


def test_a_kill_without_duration_is_replaced_at_once() -> None:
    history = ran(
        fleet(warmupSeconds=60, warmupSpeed=0.4), {"type": "instance_kill", "startTime": 2}
    )
    assert times(history, "fault_started") == times(history, "fault_ended") == [120]
    assert times(history, "instances_ready") == [165]
    # A quarter of the tick at the speed of the first quarter of its warm-up, then the rest of it.
    assert shares(history)[2] == pytest.approx((5 + 0.25 * (0.4 + 0.6 * 0.125)) / 6, rel=1e-12)
    assert shares(history)[3] == pytest.approx((5 + 0.25 + 0.75 * (0.4 + 0.6 * 0.625)) / 6)
    assert shares(history)[4] == 1


def test_a_permanent_kill_keeps_what_it_took_until_it_is_given_up() -> None:
    lasting = {"type": "instance_kill", "startTime": 1, "duration": 1e6, "severity": 0.5}
    env = made(fleet(), lasting)
    for _ in range(30):
        env.step(0)
    assert books(env) == {"desired": 6, "ready": 3, "lost": 3, "notified": 0, "launching": 0}
    env.step_document(scale(-2))
    assert books(env) == {"desired": 4, "ready": 3, "lost": 1, "notified": 0, "launching": 0}
    env.step_document(scale(2))
    env.step(0)
    assert books(env) == {"desired": 6, "ready": 5, "lost": 1, "notified": 0, "launching": 0}


def test_what_a_killed_instance_had_in_service_fails() -> None:
    document = fleet(600, cpuSecondsPerRequest=0.01)  # half load: 6 requests in service
    history = ran(document, {"type": "instance_kill", "startTime": 2, "severity": 0.5})
    assert history["failed"][2] == pytest.approx(3.0, rel=1e-3)
    assert history["failed"].sum() == pytest.approx(history["failed"][2])


def test_a_kill_without_target_hits_one_pool() -> None:
    document = fleet()
    twin = {**document["resources"][0], "id": "api", "name": "api"}
    twin["characteristics"] = {**twin["characteristics"], "autoscaling": False}
    document["resources"].append(twin)
    hit = set()
    for seed in range(12):
        history = ran(document, {"type": "instance_kill", "startTime": 1}, steps=2, seed=seed)
        lost = [event for event in history.events if event["kind"] == "instances_lost"]
        assert [event["instances"] for event in lost] == [1]
        hit.add(lost[0]["resource"])
    assert hit == {"web", "api"}


def test_the_work_of_a_killed_worker_goes_back_into_its_queue() -> None:
    document = fleet(400)
    queue = {"id": "q", "type": "queue", "name": "q", "provider": "aws"}
    worker = {**document["resources"][0], "id": "worker", "name": "worker"}
    document["resources"] += [queue, {**worker, "characteristics": {
        **worker["characteristics"], "autoscaling": False, "maxInstances": 6}}]  # fmt: skip
    pairs = [("web", "q"), ("q", "worker")]
    document["connections"] = [{"sourceId": a, "targetId": b} for a, b in pairs]
    kill = {"type": "instance_kill", "startTime": 2.5, "severity": 1, "targetId": "worker",
            "duration": 1}  # fmt: skip
    env = made(document, kill)
    lost = 0.0
    for _ in range(8):
        env.step(0)
        lost += float(env.get_state()["meter"]["messages_lost"])
        assert env.get_state()["meter"]["failed"] == 0
    assert lost == 0
    history = ran(document, kill)
    # Half a minute, the minute of the fault and the boot make a backlog that is worked off.
    assert history["queue_depth"][3] > 400 * 30
    assert history["queue_depth"][-1] < 10


def test_a_bad_release_is_rolled_back() -> None:
    history = ran(fleet(), {"type": "bad_deployment", "startTime": 2, "duration": 3})
    assert shares(history) == pytest.approx([1, 1, 0.5, 0.5, 0.5, 0.625, 1, 1, 1, 1], rel=1e-12)


def test_scaling_in_gives_up_what_is_lost_before_anything_else() -> None:
    env = made(fleet(), {"type": "instance_kill", "startTime": 1, "duration": 3, "severity": 0.5})
    env.step(0)
    env.step_document(scale(2))
    env.step_document(scale(-4))
    # 3 lost ones and one of the launched.
    assert books(env) == {"desired": 4, "ready": 4, "lost": 0, "notified": 0, "launching": 0}
    for _ in range(4):
        env.step(0)
    assert books(env)["ready"] == 4


def test_what_one_fault_gave_up_does_not_free_what_another_holds() -> None:
    first = {"type": "instance_kill", "startTime": 1, "duration": 3, "parameters": {"instances": 2}}
    second = {**first, "startTime": 3, "duration": 6, "parameters": {"instances": 1}}
    env = made(fleet(), first, second)
    env.step(0)
    env.step(0)
    env.step_document(scale(-2))
    assert books(env)["lost"] == 0
    for _ in range(4):  # the first one ends, the second takes one
        env.step(0)
    assert books(env) == {"desired": 4, "ready": 3, "lost": 1, "notified": 0, "launching": 0}
    for _ in range(4):
        env.step(0)
    assert books(env)["ready"] == 4


def test_what_was_given_up_of_one_fault_does_not_keep_what_another_frees() -> None:
    long = {"type": "instance_kill", "startTime": 1, "duration": 9, "parameters": {"instances": 2}}
    short = {**long, "startTime": 3, "duration": 2, "parameters": {"instances": 1}}
    env = made(fleet(), long, short)
    env.step(0)
    env.step(0)
    env.step_document(scale(-2))
    env.step(0)
    assert books(env) == {"desired": 4, "ready": 3, "lost": 1, "notified": 0, "launching": 0}
    env.step(0)
    env.step(0)
    assert books(env)["ready"] == 4


def test_an_inactive_fault_does_nothing() -> None:
    document = fleet()
    off = {"type": "network_partition", "startTime": 1, "isActive": False}
    assert (ran(document, off)["reward"] == ran(document)["reward"]).all()


# Databases.


def test_without_a_standby_a_crash_lasts_as_long_as_the_fault() -> None:
    crash = {"type": "database_crash", "startTime": 2, "duration": 2.5}
    history = ran(shop(40), crash)
    assert history["error_rate"] == pytest.approx([0, 0, 1, 1, 0.5, 0, 0, 0, 0, 0], abs=2e-3)
    assert times(history, "failover") == []


@pytest.mark.parametrize("seconds", [15, 90])
def test_a_standby_takes_over_after_the_failover(seconds: float) -> None:
    crash = {"type": "database_crash", "startTime": 2}  # permanent: the primary never returns
    history = ran(shop(40, ha=True, failoverSeconds=seconds), crash)
    down = np.clip((seconds - TICK_S * (np.arange(10) - 2)) / TICK_S, 0, 1) * (np.arange(10) >= 2)
    assert history["error_rate"] == pytest.approx(down, abs=2e-3)
    assert times(history, "failover") == [120 + seconds]
    # A fault shorter than the failover ends the trouble before.
    short = ran(shop(40, ha=True, failoverSeconds=seconds), {**crash, "duration": 0.1})
    assert short["error_rate"][2] == pytest.approx(0.1, abs=2e-3)
    assert short["error_rate"][3] == 0


def test_requests_that_do_not_need_the_database_go_on() -> None:
    history = ran(shop(40, visitProbability=0.3), {"type": "database_crash", "startTime": 2})
    assert history["error_rate"][2:] == pytest.approx(0.3, abs=2e-3)
    assert history["latency_mean"][4] == pytest.approx(10, rel=0.01)


def test_what_the_database_had_in_hand_is_lost() -> None:
    document = shop(360)  # 90 % of 400 queries/s
    crash = {"type": "database_crash", "startTime": 2, "duration": 1}
    calm, history = ran(document), ran(document, crash)
    env = made(document)
    env.step(0)
    env.step(0)
    queue = env.get_state()["backend"][0]["queue"]
    inside = float(queue["waiting"] + queue["in_service"])
    assert inside > 360 * QUERY_S
    assert history["failed"][2] == pytest.approx(360 * TICK_S + inside, rel=1e-3)
    assert (history["failed"][:2] == calm["failed"][:2]).all()


@pytest.mark.parametrize("gap", [0.0, 1.0, -1.0])
def test_a_second_crash_keeps_it_down_until_the_last_is_over(gap: float) -> None:
    first = {"type": "database_crash", "startTime": 1, "duration": 3}
    second = {**first, "startTime": 4 + gap, "duration": 2}
    for faults in ((first, second), (second, first)):
        history = ran(shop(40), *faults)
        rows = np.arange(10)
        down = (rows >= 1) & (rows < 4) | (rows >= 4 + gap) & (rows < 6 + gap)
        assert history["error_rate"] == pytest.approx(down.astype(float), abs=2e-3)


def test_a_crashed_database_that_is_removed_and_added_is_still_down() -> None:
    document = shop(40)
    spare = {**document["resources"][1], "id": "db2"}
    document["spares"] = [spare]
    crash = {"type": "database_crash", "startTime": 1, "duration": 4, "targetResourceId": "db2"}
    env = made(document, crash, action_mode="multi_discrete")
    add = {"type": "add_resource", "parameters": {"resource": spare}}
    rates = [env.step_document(NO_OP)[4], env.step_document(NO_OP)[4], env.step_document(add)[4]]
    rates += [env.step_document(NO_OP)[4] for _ in range(4)]
    found = [info["metrics"]["error_rate"] for info in rates]
    assert found == pytest.approx([0, 0, 1, 1, 1, 0, 0], abs=2e-3)


def test_health_tells_of_the_crash() -> None:
    crash = {"type": "database_crash", "startTime": 2, "duration": 2}
    history = ran(shop(40), crash)
    seen = [
        (event["time_s"], event["status"])
        for event in history.events
        if event["kind"] == "health_changed" and event["resource"] == "db"
    ]
    # Offline, then critical, then four and three calm steps.
    assert seen == [(180, "offline"), (300, "critical"), (540, "warning")]


# All at once.


def everything() -> dict[str, Any]:
    document = shop(500, ha=True, failoverSeconds=40, visitProbability=0.8)
    web, database = document["resources"]
    second = {**web, "id": "api", "name": "api"}
    second["characteristics"] = {
        **web["characteristics"],
        "market": "spot",
        "autoscaling": False,
        "warmupSeconds": 30,
    }
    cache = {"id": "cache", "type": "cache", "name": "cache", "provider": "aws",
             "characteristics": {"region": "us-east-1"}}  # fmt: skip
    disk = {"id": "disk", "type": "storage", "name": "disk", "provider": "aws",
            "characteristics": {"maxIops": 300, "region": "us-east-1"}}  # fmt: skip
    return {**document, "resources": [web, second, cache, database, disk]}


@st.composite
def trouble(draw: st.DrawFn) -> dict[str, Any]:
    kind = draw(st.sampled_from(FAULT_KINDS))
    fault: dict[str, Any] = {
        "type": kind,
        "startTime": draw(st.sampled_from([0, 0.3, 1, 2, 2.5, 3, 5.999])),
        "severity": draw(st.sampled_from([0, 0.2, 0.7, 1.0])),
    }
    duration = draw(st.sampled_from([None, 1e-3, 0.25, 1, 2, 3, 4.0]))
    fault["duration"] = 4.0 if duration is None and kind not in _MOMENTARY else duration
    if kind == "az_outage":
        fault["targetZone"] = draw(st.sampled_from([None, *ZONES]))
    elif kind not in ("traffic_spike",) and draw(st.booleans()):
        fault["targetId"] = "db" if kind.startswith("database") else draw(_POOLS)
    if kind in _MOMENTARY and draw(st.booleans()):
        fault["parameters"] = {"instances": draw(st.integers(1, 7))}
    return {name: value for name, value in fault.items() if value is not None}


_MOMENTARY = ("instance_kill", "spot_interruption")
_POOLS = st.sampled_from(["web", "api"])


@settings(
    max_examples=200, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
)
@given(st.lists(trouble(), min_size=1, max_size=MAX_FAULTS))
def test_any_faults_leave_the_books_in_order_and_the_service_as_it_was(
    faults: list[dict[str, Any]],
) -> None:
    document = {**everything(), "faults": faults}
    env = gym.make_vec(ENV_ID, num_envs=2, simulation=document, max_episode_steps=40)
    # Actions are random: conservation, finite metrics, observations inside the space, books.
    check_rollout(env, 25)
    worlds = env.unwrapped.worlds  # type: ignore[attr-defined]
    assert (worlds["fault"]["state"][:, : len(faults)] == 3).all()  # over
    assert (worlds["faulty"] == 0).all()
    assert (worlds["demand_factor"] == 1).all()
    assert (worlds["backend"]["down"] == 0).all()
    assert (worlds["pool"]["zones_out"] == 0).all()
    assert (worlds["pool"]["lost"] == 0).all()
    assert (worlds["pool"]["notified"] == 0).all()
    assert (worlds["fault"]["taken"] == 0).all()
    assert (worlds["pool"]["queue"]["waiting"] < 1e4).all()


def test_the_property_test_s_service_is_what_it_says() -> None:
    env = made(everything())
    params = env.program.params
    assert params["n_pools"] == 2
    kinds = params["backend"]["kind"][: int(params["n_backends"])].tolist()
    assert CACHE in kinds
    assert DATABASE in kinds
    assert len(kinds) == 3
    assert env.program.target_index("cache") >= BACKEND
    env.step(0)
    assert env.get_state()["meter"]["capacity_rps"] == pytest.approx(12 * ONE_RPS)
