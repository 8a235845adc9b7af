"""Connection pressure and its penalty, from documents to rewards."""

from __future__ import annotations

from typing import Any

import pytest

from tests.core.injected import fleet, made, ran, shop

LIMIT = 100


def held(pressure: float, **database: Any) -> dict[str, Any]:
    """Six idle instances whose connections alone make the pressure."""
    idle = pressure * LIMIT / 6
    return shop(0, maxConnections=LIMIT, idleConnectionsPerInstance=idle, **database)


@pytest.mark.parametrize(
    ("pressure", "shown", "penalty"),
    [
        (0.5, 0.5, 0.0),
        (1.0, 1.0, 0.0),
        (1.25, 1.25, -0.25),
        (1.5, 1.5, -0.5),
        (1.6, 1.6, -0.7),
        (1.75, 1.75, -1.0),
        (3.0, 3.0, -1.0),
        (5.0, 3.0, -1.0),
    ],
)
def test_the_documented_penalty(pressure: float, shown: float, penalty: float) -> None:
    history = ran(held(pressure), steps=3)
    assert history["connection_pressure"] == pytest.approx(shown, rel=1e-9)
    assert history["reward_connection_pressure"] == pytest.approx(penalty, abs=1e-9)
    calm = ran(held(0.5), steps=3)
    # It is added unweighted.
    assert history["reward"] - calm["reward"] == pytest.approx(penalty, abs=1e-9)


def test_exhaustion_shows_as_errors_first() -> None:
    document = {**held(2.0), "traffic": 40}
    history = ran(document, steps=3)
    # Of 200 connections wanted 100 are there.
    assert history["error_rate"] == pytest.approx(0.5, abs=0.01)
    assert history["latency_mean"] == pytest.approx(ran(shop(40))["latency_mean"][:3], rel=0.01)
    assert [e["kind"] for e in history.events].count("connections_exhausted") == 1


def test_without_a_database_there_is_neither() -> None:
    history = ran(fleet(), steps=3)
    assert "connection_pressure" not in history.columns
    assert "reward_connection_pressure" not in history.columns


def test_a_database_added_in_mid_episode_is_ramped_in_over_five_steps() -> None:
    document = held(1.25)
    document["spares"] = [document["resources"].pop()]
    env = made(document)
    add = {"type": "add_resource", "parameters": {"resource": document["spares"][0]}}
    remove = {"type": "remove_resource", "parameters": {"resourceId": "db"}}
    nothing = {"type": "no_op"}
    seen, pressure = [], []
    for action in (nothing, add, *[nothing] * 6, remove, nothing, add, nothing):
        info = env.step_document(action)[4]
        seen.append(info["reward_components"]["connection_pressure"])
        pressure.append(info["metrics"].get("connection_pressure"))
    ramp = [0.0, -0.05, -0.10, -0.15, -0.20, -0.25, -0.25, -0.25, 0.0, 0.0, -0.05, -0.10]
    assert seen == pytest.approx(ramp, abs=1e-9)
    assert pressure[1] == pytest.approx(1.25)


def test_an_overload_from_elsewhere_is_pressure() -> None:
    overload = {"type": "database_overload", "startTime": 1, "duration": 2, "severity": 0.9}
    history = ran(held(0.6), overload, steps=5)
    assert history["connection_pressure"] == pytest.approx([0.6, 1.5, 1.5, 0.6, 0.6])
    assert history["reward_connection_pressure"] == pytest.approx([0, -0.5, -0.5, 0, 0])
