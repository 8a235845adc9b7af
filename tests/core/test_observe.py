"""What is seen, and how late."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from numpy.typing import NDArray

from cwm_gym.core.records import OBSERVATION
from tests.documents import ENV_ID, service, with_database

NAMES = [component.name for component in OBSERVATION]
MEASURED = [
    "demand_per_max_capacity",
    "demand_trend",
    "demand_anomaly",
    "utilisation",
    "latency",
    "errors",
    "latency_violated",
    "backlog",
    "cost_per_budget",
    "connection_pressure",
    "database_utilisation",
    "health",
]
ALWAYS_NOW = ["ready", "pending", "draining", "cooldown", "last_scaling", "phase_sin"]
NOISY = {**with_database(service()), "workload": {"noise": {"sigma": 0.5}}}


def rows(actions: list[int], **kwargs: Any) -> NDArray[np.float32]:
    env = gym.make(ENV_ID, **{"simulation": NOISY, **kwargs})
    seen = [env.reset(seed=0)[0]]
    seen += [env.step(action)[0] for action in actions]
    return np.array(seen)


@pytest.mark.parametrize("ticks", [1, 2, 5, 15])
def test_delayed_metrics_are_those_of_so_many_ticks_ago(ticks: int) -> None:
    actions = [1, 0, 5, 0, 2, 0, 0, 6] * 3
    now, late = rows(actions), rows(actions, metric_delay_s=60.0 * ticks)
    # The largest fleet does not change, so what depends on samples alone shifts as a whole.
    for name in MEASURED:
        if name == "backlog":
            continue  # relative to the fleet of the moment
        i = NAMES.index(name)
        assert np.array_equal(late[ticks:, i], now[:-ticks, i]), name
        assert np.array_equal(late[:ticks, i], np.repeat(now[0, i], ticks)), name
    for name in ALWAYS_NOW:
        assert np.array_equal(late[:, NAMES.index(name)], now[:, NAMES.index(name)]), name


def test_a_delay_between_two_ticks_shows_the_older_one() -> None:
    half, whole = rows([0] * 8, metric_delay_s=30.0), rows([0] * 8, metric_delay_s=60.0)
    assert np.array_equal(half, whole)


def test_a_delay_does_not_change_the_world() -> None:
    env, late = (gym.make(ENV_ID, simulation=NOISY, metric_delay_s=d) for d in (0, 300))
    env.reset(seed=0)
    late.reset(seed=0)
    for action in (1, 0, 5, 2):
        _, one, *_, info = env.step(action)
        _, other, *_, late_info = late.step(action)
        assert one == other
        assert info["metrics"] == late_info["metrics"]


def test_components_by_hand() -> None:
    env = gym.make(ENV_ID, simulation=service(bootSeconds=90), action_cooldown_s=240)
    seen = dict(zip(NAMES, env.reset(seed=0)[0], strict=True))
    assert seen["demand_per_max_capacity"] == pytest.approx(200 / 1600)
    assert seen["demand_per_capacity"] == pytest.approx(0.5)
    assert (seen["ready"], seen["minimum"], seen["one_instance"]) == (0.25, 0.125, 0.125)
    assert seen["boot_delay"] == pytest.approx(1.5 / 2.5)
    assert seen["cost_per_budget"] == pytest.approx(2 * 0.096)
    assert seen["latency"] == seen["errors"] == seen["cooldown"] == 0
    seen_then, *_, info = env.step(2)
    seen = dict(zip(NAMES, seen_then, strict=True))
    assert (seen["ready"], seen["pending"], seen["last_scaling"]) == (0.25, 0.25, 0.25)
    assert seen["demand_per_desired_capacity"] == pytest.approx(0.25)
    assert seen["next_ready"] == pytest.approx(30 / 90)
    assert seen["cooldown"] == pytest.approx(180 / 240)
    assert seen["since_scaling"] == pytest.approx(1 / 11)
    ratio = info["metrics"]["latency_p95"] / 100
    assert seen["latency"] == pytest.approx(ratio / (1 + ratio), rel=1e-6)
    assert seen["utilisation"] == pytest.approx(0.5, rel=0.02)
    assert seen["cost_per_budget"] == pytest.approx(4 * 0.096, rel=1e-6)


def test_the_phase_turns_once_a_day() -> None:
    document = {**service(), "workload": {"dayLengthSeconds": 600, "dayStartSeconds": 150}}
    seen = rows([0] * 10, simulation=document)
    sine, cosine = seen[:, NAMES.index("phase_sin")], seen[:, NAMES.index("phase_cos")]
    angle = 2 * np.pi * (np.arange(11) / 10 + 0.25)
    assert sine == pytest.approx(np.sin(angle), abs=1e-6)
    assert cosine == pytest.approx(np.cos(angle), abs=1e-6)


def test_trend_and_anomaly() -> None:
    seen = rows([0] * 3, simulation=service(), traffic=np.array([200.0, 200.0, 360.0, 360.0]))
    trend = seen[:, NAMES.index("demand_trend")]
    assert trend == pytest.approx([0, 0, 0, 4 * 160 / 1600], abs=1e-6)
    kept = np.exp(-60 / 900)
    expected = 2 * (360 - (kept * 200 + (1 - kept) * 360)) / 1600
    assert seen[3, NAMES.index("demand_anomaly")] == pytest.approx(expected, rel=1e-5)


def test_health_follows_load() -> None:
    levels = {}
    for share in (0.3, 0.8, 0.95, 3.0):
        document = {**service(timeoutSeconds=1), "traffic": share * 400}
        levels[share] = rows([0, 0], simulation=document)[-1, NAMES.index("health")]
    assert levels[0.3] == 0
    assert levels[0.8] == pytest.approx(1 / 3)
    assert levels[0.95] == levels[3.0] == pytest.approx(2 / 3)
