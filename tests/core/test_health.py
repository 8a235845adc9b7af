"""Health: how a resource gets worse, and the calm that the recovery policy asks for."""

from __future__ import annotations

from typing import Any

import pytest

import cwm_gym
from cwm_gym.compiler.defaults import CRITICAL_SPEED
from tests.core.injected import ONE_RPS, TICK_S, fleet, made, ran, shop
from tests.documents import with_episode

HEALTHY, WARNING, CRITICAL, OFFLINE = range(4)
TRIGGER = 0.95


def at_cpu(levels: list[float], policy: dict[str, Any] | None = None) -> list[int]:
    """Health after each step of a pool whose utilisation is set by its traffic."""
    document = fleet(cpuSecondsPerRequest=0.01, queueCapacity=10, timeoutSeconds=0.5)
    if policy is not None:
        document["resources"][0]["recoveryPolicy"] = policy
    # So many errors are nobody's concern here.
    document = with_episode(document, targetSLA={"maxLatencyP95": 100, "maxErrorRate": 50})
    traffic = [6 * ONE_RPS * level for level in levels]
    history = cwm_gym.simulate(document, len(levels), env_kwargs={"traffic": traffic})
    assert history["utilisation"] == pytest.approx(levels, abs=0.004)
    return [int(status) for status in history["health"]]


def test_calm_below_the_warning_threshold_is_healthy() -> None:
    assert at_cpu([0.1, 0.69, 0.69, 0.3]) == [HEALTHY] * 4


def test_entry_is_at_once() -> None:
    assert at_cpu([0.5, 0.72, 0.89]) == [HEALTHY, WARNING, WARNING]
    assert at_cpu([0.5, 0.91]) == [HEALTHY, CRITICAL]
    assert at_cpu([0.72, 0.91]) == [WARNING, CRITICAL]


def test_the_way_back_takes_four_and_three_calm_steps() -> None:
    levels = [0.95, 0.79, 0.79, 0.79, 0.79, 0.69, 0.69, 0.69]
    assert at_cpu(levels) == [2, 2, 2, 2, 1, 1, 1, 0]


def test_calm_has_to_be_in_a_row() -> None:
    # Above 80 % is not calm enough for critical, above 70 % not for warning.
    levels = [0.95, 0.79, 0.79, 0.79, 0.82, 0.79, 0.79, 0.79, 0.79]
    assert at_cpu(levels) == [2, 2, 2, 2, 2, 2, 2, 2, 1]
    assert at_cpu([0.75, 0.6, 0.6, 0.72, 0.6, 0.6, 0.6]) == [1, 1, 1, 1, 1, 1, 0]
    # The steps that led out of critical do not count for the way out of warning.
    assert at_cpu([0.95, *[0.3] * 7]) == [2, 2, 2, 2, 1, 1, 1, 0]


def test_a_document_s_policy() -> None:
    policy = {
        "criticalCpuThreshold": 60,
        "criticalSteps": 1,
        "warningCpuThreshold": 40,
        "warningSteps": 2,
    }
    assert at_cpu([0.5, 0.95, 0.65, 0.59, 0.39, 0.39], policy) == [1, 2, 2, 1, 1, 0]


def test_an_action_changes_the_policy() -> None:
    policy = {
        "criticalCpuThreshold": 80,
        "criticalSteps": 1,
        "warningCpuThreshold": 70,
        "warningSteps": 1,
    }
    action = {
        "type": "set_recovery_policy",
        "parameters": {"resourceId": "web", "recoveryPolicy": policy},
    }
    partition = {"type": "network_partition", "startTime": 0, "duration": 1, "severity": 0.5}
    for changed in (False, True):
        env = made(fleet(), partition)
        env.step(0)
        seen = [int(env.get_state()["pool"]["health"]["status"][0])]
        for step in range(8):
            info = env.step_document(action)[4] if changed and step == 0 else env.step(0)[4]
            seen.append(int(env.get_state()["pool"]["health"]["status"][0]))
            if changed and step == 0:
                assert info["reward_components"]["stability"] == pytest.approx(-0.05)
        assert seen == ([2, 1, 0, 0, 0, 0, 0, 0, 0] if changed else [2, 2, 2, 2, 1, 1, 1, 0, 0])


@pytest.mark.parametrize(("share", "status"), [(0.009, HEALTHY), (0.011, CRITICAL)])
def test_failing_requests_are_critical_beyond_the_tolerated_share(
    share: float, status: int
) -> None:
    fault = {"type": "network_partition", "startTime": 2, "duration": 1, "severity": share}
    history = ran(fleet(400), fault)  # maxErrorRate is 1 %
    assert history["health"].tolist()[:3] == [HEALTHY, HEALTHY, status]


def test_a_critical_instance_is_slower() -> None:
    def history(speed: float | None) -> cwm_gym.History:
        fault = {"type": "network_partition", "startTime": 1, "duration": 1, "severity": 0.5}
        return ran(fleet(criticalSpeed=speed), fault)

    calm = history(1.0)["latency_mean"]
    slow = history(0.5)["latency_mean"] / calm
    # Judged at the end of a step, it slows the next ones, until four calm ones have passed.
    assert slow == pytest.approx([1, 1, 2, 2, 2, 2, 1, 1, 1, 1], rel=1e-3)
    default = history(None)["latency_mean"] / calm
    assert default[2:6] == pytest.approx(1 / CRITICAL_SPEED, rel=1e-3)


def test_a_critical_database_is_slower_too() -> None:
    crash = {"type": "database_crash", "startTime": 1, "duration": 1}
    document = shop(criticalSpeed=0.5)
    history = ran(document, crash, steps=12)
    base = history["latency_mean"][0]
    assert history["latency_mean"][2] == pytest.approx(base, rel=1e-3)  # offline until it ends
    assert history["latency_mean"][3:7] == pytest.approx(base + 5, rel=5e-3)
    assert history["latency_mean"][7] == pytest.approx(base, rel=1e-3)


def test_without_an_instance_it_is_offline_and_returns_as_critical() -> None:
    kill = {"type": "instance_kill", "startTime": 1, "duration": 2, "severity": 1}
    history = ran(fleet(), kill, steps=12)
    seen = [
        (event["time_s"] / TICK_S, event["before"], event["status"])
        for event in history.events
        if event["kind"] == "health_changed"
    ]
    assert seen == [
        (2, "healthy", "offline"),
        (4, "offline", "critical"),
        (8, "critical", "warning"),
        (11, "warning", "healthy"),
    ]
    assert history["health"].tolist() == [0, 3, 3, 2, 2, 2, 2, 1, 1, 1, 0, 0]


def test_a_volume_warns_at_four_fifths_of_its_iops() -> None:
    document = fleet(100)
    disk = {"id": "disk", "type": "storage", "name": "disk", "provider": "aws"}
    for iops, warned in ((124, True), (126, False)):
        settings = {"maxIops": iops, "visitProbability": 1.0, "region": "us-east-1"}
        document["resources"][1:] = [{**disk, "characteristics": settings}]
        history = ran(document, steps=3)
        kinds = [event["kind"] for event in history.events]
        assert ("storage_warning" in kinds) == warned
        changed = [e for e in history.events if e["kind"] == "health_changed"]
        assert [event["status"] for event in changed] == (["warning"] if warned else [])
