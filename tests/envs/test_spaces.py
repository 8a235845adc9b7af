"""Spaces and their documentation say the same."""

from __future__ import annotations

import re
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces

from cwm_gym.core.records import DISCRETE_ACTIONS, OBSERVATION
from cwm_gym.envs.autoscale import CloudAutoscaleEnv
from cwm_gym.testing.checkers import check_conservation, check_observation_space
from tests.documents import ENV_ID, service, with_database

DOC = CloudAutoscaleEnv.__doc__ or ""


def rows(heading: str) -> list[list[str]]:
    """Read the first table below a heading of the class's documentation."""
    part = DOC.split(f"## {heading}\n")[1].split("\n    ## ")[0]
    table = re.search(r"(^ *\|.*\|\n)+", part, re.MULTILINE)
    assert table is not None
    lines = re.findall(r"^ *\|(.*)\|$", table[0], re.MULTILINE)
    cells = [[cell.strip() for cell in line.split("|")] for line in lines]
    return cells[2:]


def test_the_observation_table_is_the_observation() -> None:
    found = [
        (name, *map(float, span.strip("[]").split(",")), meaning)
        for _, name, span, meaning in rows("Observation Space")
    ]
    assert found == [tuple(component) for component in OBSERVATION]
    assert [int(row[0]) for row in rows("Observation Space")] == list(range(len(OBSERVATION)))


def test_the_action_table_is_the_action_space() -> None:
    found: list[tuple[str, int]] = []
    for indices, text in rows("Action Space"):
        kind = re.findall(r"`(\w+)`", text)[0]
        amounts = [int(number) for number in re.findall(r"\d+", text)] or [0]
        assert [int(i) for i in indices.split(",")] == list(
            range(len(found), len(found) + len(amounts))
        )
        found += [(kind, amount) for amount in amounts]
    assert found == list(DISCRETE_ACTIONS)
    assert f"Discrete({len(DISCRETE_ACTIONS)})" in DOC


def test_the_argument_table_names_every_argument() -> None:
    import inspect

    listed = [row[0].strip("`") for row in rows("Arguments")]
    assert listed == list(inspect.signature(CloudAutoscaleEnv).parameters)
    for name, default, _ in rows("Arguments"):
        parameter = inspect.signature(CloudAutoscaleEnv).parameters[name.strip("`")]
        if parameter.default not in (None, parameter.empty):
            assert default.strip("`").strip('"') == str(parameter.default).removesuffix(".0")


def test_names_and_layout_are_the_same_for_every_scenario() -> None:
    for simulation in (service(), with_database(service())):
        env = gym.make(ENV_ID, simulation=simulation)
        assert env.unwrapped.observation_names == tuple(c.name for c in OBSERVATION)  # type: ignore[attr-defined]
        assert env.observation_space.shape == (len(OBSERVATION),)
        assert env.observation_space.dtype == np.float32
    flag = [component.name for component in OBSERVATION].index("database_present")
    for simulation, present in ((service(), 0.0), (with_database(service()), 1.0)):
        env = gym.make(ENV_ID, simulation=simulation)
        assert env.reset(seed=0)[0][flag] == present


def test_the_dictionary_holds_raw_units() -> None:
    env = gym.make(ENV_ID, simulation=service(), observation_mode="dict", quantiles="all")
    assert isinstance(env.observation_space, spaces.Dict)
    env.reset(seed=0)
    seen, *_, info = env.step(1)
    metrics = info["metrics"]
    assert set(seen) == set(env.observation_space.spaces) == set(env.unwrapped.observation_names)  # type: ignore[attr-defined]
    expected = {
        "rps": metrics["throughput_rps"],
        "instances": 3,
        "traffic": 200.0,
        "currentTime": 1,
        "tick_seconds": 60,
        "cost_usd_hr": metrics["cost_usd_hr"],
        "latency_p95": metrics["latency_p95"],
        "error_rate": metrics["error_rate"],
        "uptime": metrics["uptime"],
        "sla_violations": metrics["sla_violations"],
        "connection_pressure": 0.0,
    }
    for name, value in expected.items():
        assert seen[name].shape == (1,)
        assert seen[name][0] == pytest.approx(value, rel=1e-6), name
    # 200 rps on 2 vCPUs of 100 rps each and, for the last 15 s, a third instance.
    assert seen["cpu_util"][0] == pytest.approx(200 / (2.25 * 200), rel=0.02)


@pytest.mark.parametrize("mode", ["vector", "dict"])
@pytest.mark.parametrize("document", [service(), with_database(service(), maxConnections=2)])
def test_observations_lie_in_the_space(mode: str, document: dict[str, Any]) -> None:
    kwargs = {"simulation": document, "observation_mode": mode}
    check_observation_space(gym.make_vec(ENV_ID, num_envs=8, **kwargs), 100)
    check_conservation(gym.make_vec(ENV_ID, num_envs=8, **kwargs), 100)
