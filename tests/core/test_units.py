"""Capacity units: how a database that sizes itself follows the load, and what that costs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from cwm_gym import catalog
from tests.core.injected import TICK_S, fleet, made

PER_UNIT_RPS = 0.25 / 0.002  # a quarter of a vCPU, 2 ms a query


def aurora(low: float = 0.5, high: float = 16, **settings: Any) -> dict[str, Any]:
    document = fleet(cpuSecondsPerRequest=0.001)
    document["resources"].append(
        {
            "id": "db",
            "type": "database",
            "name": "db",
            "provider": "aws",
            "characteristics": {
                "serviceFamily": "aurora-serverless",
                "minCapacityUnits": low,
                "maxCapacityUnits": high,
                "region": "us-east-1",
                "cpuSecondsPerRequest": 0.002,
                **settings,
            },
        }
    )
    return document


def followed(
    document: dict[str, Any], traffic: list[float], *faults: dict[str, Any]
) -> tuple[list[float], list[float], list[float]]:
    """Units after, cost per hour in, and errors of every step."""
    env = made(document, *faults, traffic=traffic, max_episode_steps=len(traffic))
    units, cost, errors = [], [], []
    for _ in traffic:
        metrics = env.step(0)[4]["metrics"]
        units.append(float(env.get_state()["backend"]["units"][0]))
        cost.append(metrics["cost_usd_hr"])
        errors.append(metrics["error_rate"])
    return units, cost, errors


def test_units_rise_one_tier_a_step_some_steps_behind_the_load() -> None:
    units, cost, _ = followed(aurora(), [10.0] * 4 + [1500.0] * 12)
    # Two steps of high load pass; from the third on one tier of the ladder a step.
    assert units == [0.5] * 6 + [1, 2, 4, 8, 16] + [16] * 5
    rates = catalog.load("aws").capacity_units
    assert rates is not None
    assert set(units) == set(rates.tiers)
    behind = units.index(1) - 4
    assert rates.lag_steps[0] <= behind <= rates.lag_steps[1]
    rising = np.flatnonzero(np.diff(cost) > 1e-6)
    # The cost of a step is that of the units at its start.
    assert rising.tolist() == [6, 7, 8, 9, 10]
    assert rates.cost_lag_steps[0] <= len(rising) <= rates.cost_lag_steps[1]
    grown = (cost[-1] - cost[0]) / rates.usd_per_unit_hour
    assert grown == pytest.approx(15.5, rel=1e-6)


def test_units_stop_where_the_load_is_met() -> None:
    units, _, errors = followed(aurora(), [10.0] * 2 + [2.5 * PER_UNIT_RPS] * 12)
    assert max(units) == 4
    assert errors[-1] < 1e-6


def test_a_higher_minimum_shortens_the_ramp() -> None:
    traffic = [10.0] * 2 + [8 * PER_UNIT_RPS] * 12
    steps = []
    for low in (2, 8):
        units, _, _ = followed(aurora(low), traffic)
        assert units[-1] == 16
        steps.append(len(set(units)) - 1)
    # The specification's example: three steps become one.
    assert steps == [3, 1]


def test_units_fall_after_a_quarter_of_an_hour_of_low_load() -> None:
    units, _, _ = followed(aurora(), [1500.0] * 8 + [10.0] * 40)
    assert units[7] == 16
    falls = np.flatnonzero(np.diff(units) < 0)
    assert np.diff(falls).tolist() == [15] * (len(falls) - 1)
    assert units[falls[0] + 1] == 8


def test_a_moderate_load_leaves_units_alone() -> None:
    units, _, _ = followed(aurora(4), [2 * PER_UNIT_RPS] * 40)
    assert set(units) == {4.0}


def test_a_crash_restarts_at_the_minimum_and_ramps_again() -> None:
    crash = {"type": "database_crash", "startTime": 12, "duration": 2}
    units, cost, errors = followed(aurora(), [1500.0] * 26, crash)
    assert units[:11] == [0.5, 0.5, 1, 2, 4, 8, 16, 16, 16, 16, 16]
    assert units[12:14] == [0.5, 0.5]
    assert errors[12:14] == pytest.approx([1, 1], abs=2e-3)
    assert units[14:21] == [0.5, 0.5, 1, 2, 4, 8, 16]
    assert cost[13] < cost[11]


@pytest.mark.parametrize("tick_s", [10, 60, 300])
def test_the_ramp_is_anchored_at_minutes_whatever_the_tick(tick_s: int) -> None:
    document = aurora()
    document["episode"] = {**document["episode"], "tick_seconds": tick_s}
    env = made({**document, "traffic": 1500}, max_episode_steps=1000)
    reached = None
    while reached is None:
        env.step(0)
        state = env.get_state()
        if state["backend"]["units"][0] == 16:
            reached = float(state["time_s"])
    # Looks at 180, 240 .. 420 s.
    assert reached == pytest.approx(max(7 * TICK_S, np.ceil(420 / tick_s) * tick_s))


def test_an_autonomous_database_follows_at_once_and_so_does_its_cost() -> None:
    document = fleet(cpuSecondsPerRequest=0.001)
    document["resources"] = [
        {
            "id": "app",
            "type": "compute",
            "name": "app",
            "provider": "oci",
            "characteristics": {"instances": 4, "cpuSecondsPerRequest": 0.001},
        },
        {
            "id": "adb",
            "type": "database",
            "name": "adb",
            "provider": "oci",
            "characteristics": {
                "serviceFamily": "autonomous-db",
                "cpuSecondsPerRequest": 0.002,
                "criticalSpeed": 1.0,
            },
        },
    ]
    env = made(document)
    d = env.program.params["backend"][0]
    assert d["unit_lag_steps"] == 0
    one_rps = float(d["vcpus_per_unit"] / d["service_s"])
    low, high = float(d["units_min"]), float(d["units_max"])
    assert high == 3 * low
    wanted = [0.2 * low, 1.4 * low, 1.9 * low, 0.9 * low]
    traffic = [0.7 * one_rps * units for units in wanted for _ in range(4)]
    units, cost, _ = followed(document, traffic)
    found = units[3::4]
    assert found == pytest.approx(np.clip(wanted, low, high), rel=0.03)
    grown = np.array(cost[3::4]) - cost[3]
    assert grown == pytest.approx(
        (np.array(found) - found[0]) * float(d["usd_per_unit_hour"]), rel=0.05, abs=1e-3
    )
