"""The reward against an implementation of the documentation in plain Python."""

from __future__ import annotations

import itertools
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cwm_gym.compiler import compile_simulation
from cwm_gym.core import reward as core_reward
from cwm_gym.core.jit import standalone
from cwm_gym.core.records import WORLD
from cwm_gym.envs.vector import CloudVectorEnv
from cwm_gym.spec import RewardConfig, Simulation
from tests.documents import ENV_ID, service, with_database, with_episode

pressure_penalty = standalone(core_reward.pressure_penalty)
write_reward = standalone(core_reward.write_reward)


def performance(latency: float, errors: float) -> float:
    f = 1 - latency**2 / 2 if latency <= 1 else 1 / (2 * latency**2)
    g = 1 - errors / 2 if errors <= 1 else 1 / (2 * errors)
    return 0.7 * f + 0.3 * g


def cost(ratio: float) -> float:
    return 1 - 0.25 * ratio if ratio <= 1 else 0.75 / ratio**2


def stability(changes: int, config: int, reversals: int) -> float:
    return max(-0.1 * changes - 0.05 * config - 0.2 * reversals, -1.0)


def pressure(x: float, seen: int) -> float:
    if x <= 1:
        return 0.0
    fall = -(min(x, 1.5) - 1) - 2 * max(x - 1.5, 0)
    return max(fall, -1.0) * min(seen / 5, 1.0)


def combine(parts: tuple[float, float, float, float], connections: float = 0.0) -> float:
    weights = (0.35, 0.25, 0.20, 0.20)
    return sum(w * part for w, part in zip(weights, parts, strict=True)) + connections


def test_the_weights_reproduce_the_specification_s_example() -> None:
    assert combine((0.578, 1.0, -0.2, -0.5)) == pytest.approx(0.312, abs=5e-4)
    default = RewardConfig()
    weights = (default.performance_weight, default.cost_weight, default.stability_weight)
    assert (*weights, default.sla_weight) == (0.35, 0.25, 0.20, 0.20)


def program(database: bool = True, **reward: Any) -> Any:
    document = with_database(service()) if database else service()
    return compile_simulation(
        Simulation.model_validate({**document, "reward": reward or "documented"})
    )


PROGRAM = program()
L, E, B = 0.1, 0.01, 1.0


def judged(params: Any, **meter: float) -> Any:
    world = np.zeros((), WORLD)
    for name in ("changes", "config_changes", "reversals"):
        world[name] = meter.pop(name, 0)
    world["pressure_steps"] = meter.pop("seen", 100)
    for name, value in meter.items():
        world["meter"][name] = value
    records = world.reshape(1)
    write_reward(params.reshape(1)[0], records[0])
    return records[0]["meter"]


magnitudes = st.floats(0, 1e3) | st.floats(0.9, 1.1)


@settings(deadline=None)
@given(
    latency=magnitudes,
    errors=st.floats(0, 1),
    spend=magnitudes,
    changes=st.integers(0, 20),
    config=st.integers(0, 20),
    reversals=st.integers(0, 5),
    slow=st.integers(0, 2),
    connections=st.floats(0, 3),
    seen=st.integers(0, 9),
)
def test_the_kernel_computes_what_is_documented(
    latency: float,
    errors: float,
    spend: float,
    changes: int,
    config: int,
    reversals: int,
    slow: int,
    connections: float,
    seen: int,
) -> None:
    found = judged(
        PROGRAM.params,
        latency_p95_s=latency * L,
        error_rate=errors,
        cost_usd_per_hour=spend * B,
        changes=changes,
        config_changes=config,
        reversals=reversals,
        sla_violations=slow,
        connection_pressure=connections,
        seen=seen,
    )
    parts = (
        performance(latency, errors / E),
        cost(spend),
        stability(changes, config, reversals),
        -0.5 * slow,
    )
    assert found["performance"] == pytest.approx(parts[0], rel=1e-9, abs=1e-12)
    assert found["cost"] == pytest.approx(parts[1], rel=1e-9)
    assert found["stability"] == pytest.approx(parts[2], rel=1e-9)
    assert found["sla"] == pytest.approx(parts[3])
    assert found["pressure_penalty"] == pytest.approx(pressure(connections, seen), abs=1e-12)
    assert found["reward"] == pytest.approx(combine(parts, pressure(connections, seen)), abs=1e-9)
    excess = [min(max(ratio - 1, 0), 1) for ratio in (latency, errors / E)]
    assert found["safe_cost"] == pytest.approx(0.5 * sum(excess), abs=1e-12)


def test_the_example_comes_out_of_the_kernel() -> None:
    # performance 0.578: errors at zero leave 0.3, so f = 0.278/0.7, beyond the limit.
    ratio = (0.5 / (0.278 / 0.7)) ** 0.5
    found = judged(PROGRAM.params, latency_p95_s=ratio * L, changes=2, sla_violations=1)
    assert found["performance"] == pytest.approx(0.578, abs=1e-9)
    assert found["reward"] == pytest.approx(0.312, abs=5e-4)


@pytest.mark.parametrize("kind", ["documented", "dollars"])
@pytest.mark.parametrize(
    "name", ["latency_p95_s", "error_rate", "cost_usd_per_hour", "connection_pressure", "changes"]
)
def test_worse_never_scores_more(kind: str, name: str) -> None:
    params = program(kind=kind).params
    limits = {
        "latency_p95_s": 30.0,
        "error_rate": 1.0,
        "cost_usd_per_hour": 50.0,
        "connection_pressure": 3.0,
        "changes": 30,
    }
    scores = []
    for value in np.linspace(0, limits[name], 31):
        errors = value if name == "error_rate" else 0.0
        slow = name == "latency_p95_s" and value > L
        meter = {
            "arrived": 1000.0,
            "served": 1000.0 * (1 - errors),
            "timed_out": 1000.0 * errors,
            "sla_violations": float(slow) + float(errors > E),
            "usd": value / 60 if name == "cost_usd_per_hour" else 0.0,
            name: int(value) if name == "changes" else float(value),
        }
        scores.append(float(judged(params, **meter)["reward"]))
    assert all(b <= a for a, b in itertools.pairwise(scores))
    if kind == "documented" or name not in ("latency_p95_s", "connection_pressure"):
        assert scores[-1] < scores[0]
    if kind == "documented" and name in ("latency_p95_s", "error_rate", "cost_usd_per_hour"):
        assert len(set(scores)) == len(scores), "the reward saturates"


def test_the_terms_are_continuous_where_their_branches_meet() -> None:
    for name, limit in (("latency_p95_s", L), ("error_rate", E), ("cost_usd_per_hour", B)):
        below, above = (
            float(judged(PROGRAM.params, **{name: limit * (1 + side)})["reward"])
            for side in (-1e-9, 1e-9)
        )
        assert below == pytest.approx(above, abs=1e-8)


def test_connection_pressure_has_two_slopes_and_a_floor() -> None:
    r = PROGRAM.params["reward"].reshape(1)[0]
    expected = {0.5: 0, 1: 0, 1.2: -0.2, 1.5: -0.5, 1.6: -0.7, 1.75: -1, 3: -1}
    for x, value in expected.items():
        assert pressure_penalty(r, x, 5.0) == pytest.approx(value)
    ramp = [pressure_penalty(r, 1.5, float(step)) for step in range(7)]
    assert ramp == pytest.approx([0, -0.1, -0.2, -0.3, -0.4, -0.5, -0.5])


def test_without_a_database_there_is_no_pressure() -> None:
    found = judged(program(database=False).params, connection_pressure=3.0, seen=0)
    assert found["pressure_penalty"] == 0


def test_dollars_charge_what_an_operator_pays() -> None:
    config = {"kind": "dollars", "kappa": 3.0, "phi": 7.0, "sigma": 0.5, "dollarScale": 10.0}
    compiled = program(**config)
    price = 0.096
    # u: an m5.large with 10 ms of CPU a request serves 200 rps; one request at 70 % of that.
    u = price / 3600 / (0.7 * 200)
    meter = {
        "arrived": 900.0,
        "served": 800.0,
        "timed_out": 60.0,
        "rejected": 30.0,
        "failed": 10.0,
        "usd": 0.02,
        "sla_violations": 1.0,
        "changes": 2,
    }
    expected = -10 * (0.02 + 3 * u * 900 + 7 * u * 100 + 0.5 * price / 60 * 2)
    assert judged(compiled.params, **meter)["reward"] == pytest.approx(expected, rel=1e-12)
    meter["sla_violations"] = 0.0
    assert judged(compiled.params, **meter)["reward"] == pytest.approx(
        expected + 10 * 3 * u * 900, rel=1e-12
    )


@pytest.mark.parametrize("reward", ["documented", {"costWeight": 0.5, "scalingPenalty": 0.3}])
def test_components_in_info_add_up_to_the_reward(reward: Any) -> None:
    config = RewardConfig.model_validate(reward)
    env = gym.make(ENV_ID, simulation=with_database(service()), reward=reward)
    env.reset(seed=0)
    for action in (1, 5, 4, 0):
        _, value, *_, info = env.step(action)
        parts = info["reward_components"]
        expected = (
            config.performance_weight * parts["performance"]
            + config.cost_weight * parts["cost"]
            + config.stability_weight * parts["stability"]
            + config.sla_weight * parts["sla"]
            + config.connection_pressure_weight * parts["connection_pressure"]
        )
        assert value == pytest.approx(expected, abs=1e-12)


def test_scaling_and_reversing_cost_stability() -> None:
    env = gym.make(ENV_ID, simulation=service())
    cooldown = env.unwrapped.program.params["pool"]["cooldown_s"][0]  # type: ignore[attr-defined]
    assert cooldown > 60
    env.reset(seed=0)
    found = [env.step(action)[4]["reward_components"]["stability"] for action in (1, 5, 0, 5)]
    assert found == pytest.approx([-0.1, -0.3, 0.0, -0.1])
    for _ in range(int(cooldown // 60)):
        env.step(0)
    assert env.step(1)[4]["reward_components"]["stability"] == pytest.approx(-0.1)
    # A refused action costs nothing.
    full = gym.make(ENV_ID, simulation=service(instances=8))
    full.reset(seed=0)
    assert full.step(1)[4]["reward_components"]["stability"] == 0


def test_a_small_fleet_earns_less_under_load_and_a_large_one_less_at_rest() -> None:
    def reward(traffic: float, instances: int) -> float:
        document = with_episode({**service(instances=instances), "traffic": traffic})
        env = gym.make_vec(ENV_ID, num_envs=1, simulation=document).unwrapped
        assert isinstance(env, CloudVectorEnv)
        env.reset(seed=0)
        return sum(float(env.step(np.zeros(1, int))[1][0]) for _ in range(5))

    assert reward(700.0, 2) < reward(700.0, 5)
    assert reward(50.0, 8) < reward(50.0, 1)
