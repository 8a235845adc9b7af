"""The demand curve against its documentation, and the noise upon it."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from cwm_gym.compiler import Options, compile_simulation
from cwm_gym.core import demand as core_demand
from cwm_gym.core.jit import standalone
from cwm_gym.core.kernel import demand_curve
from cwm_gym.envs.vector import CloudVectorEnv
from cwm_gym.spec import Simulation
from tests.documents import ENV_ID, service, with_episode

cell_seconds = standalone(core_demand.cell_seconds)

BASE, TICK = 200.0, 60.0


def curve(
    times: Any, patterns: list[dict[str, Any]] | None = None, tick: int = 60, **options: Any
) -> NDArray[np.float64]:
    """Rates at times in ticks."""
    document = with_episode(service(), tick_seconds=tick)
    if patterns is not None:
        document["workload"] = {"patterns": patterns}
    program = compile_simulation(Simulation.model_validate(document), None, Options(**options))
    rates = np.zeros(len(times))
    seconds = np.asarray(times, dtype=np.float64) * tick
    demand_curve(program.params.reshape(1), program.tables, 0, seconds, rates)
    return rates


T = np.array([0, 0.5, 1, 3, 5, 9.999, 10, 10.5, 14, 15, 19, 20, 24, 33, 47.3, 60, 1000])


def check(
    pattern: dict[str, Any] | list[dict[str, Any]], formula: Callable[[float], float]
) -> None:
    patterns = pattern if isinstance(pattern, list) else [pattern]
    expected = [formula(float(t)) for t in T]
    assert curve(T, patterns) == pytest.approx(expected, rel=1e-12, abs=1e-9)
    assert curve(T, patterns, tick=7) == pytest.approx(expected, rel=1e-12, abs=1e-9)


def test_constant() -> None:
    check([], lambda t: BASE)
    check({"type": "constant", "amplitude": 0.5}, lambda t: 300.0)
    check(
        {"type": "constant", "startTime": 10, "endTime": 20, "parameters": {"startTraffic": 50}},
        lambda t: 50.0 if 10 <= t < 20 else BASE,
    )


def test_ramp() -> None:
    check({"type": "ramp"}, lambda t: BASE + 1.5 * BASE * min(t / 20, 1))
    check(
        {
            "type": "ramp",
            "startTime": 5,
            "parameters": {"startTraffic": 100, "endTraffic": 900, "duration": 10},
        },
        lambda t: BASE if t < 5 else 100 + 800 * min((t - 5) / 10, 1),
    )

    def held(t: float) -> float:
        if t < 10 + 5:
            return 100 + 800 * min(t / 10, 1)
        return 900 - 800 * min((t - 15) / 20, 1)

    check(
        {
            "type": "ramp",
            "parameters": {
                "startTraffic": 100,
                "endTraffic": 900,
                "duration": 10,
                "hold": 5,
                "returnDuration": 20,
            },
        },
        held,
    )


def test_steps() -> None:
    check({"type": "step"}, lambda t: BASE * 1.3 if t >= 20 else BASE)
    check(
        {"type": "step", "parameters": {"endTraffic": 500, "steps": 3, "duration": 40}},
        lambda t: BASE + 300 * min(math.floor(4 * t / 40), 3) / 3,
    )
    levels = [10.0, 500.0, 20.0]
    check(
        {"type": "step", "parameters": {"levels": levels, "duration": 30}},
        lambda t: levels[min(int(t // 10), 2)],
    )


@pytest.mark.parametrize("name", ["wave", "sine"])
def test_waves(name: str) -> None:
    check({"type": name}, lambda t: BASE * (1 + 0.4 * math.sin(2 * math.pi * t / 24)))
    check(
        {"type": name, "period": 10, "amplitude": 1.0},
        lambda t: BASE * (1 + math.sin(2 * math.pi * t / 10)),
    )
    check(
        {"type": name, "period": 10, "parameters": {"peakToTrough": 4}},
        lambda t: BASE * (1 + 0.6 * math.sin(2 * math.pi * t / 10)),
    )
    check(
        {"type": name, "period": 10, "parameters": {"startTraffic": 100, "endTraffic": 500}},
        lambda t: 300 + 200 * math.sin(2 * math.pi * t / 10),
    )


def test_bursts_and_spikes() -> None:
    check({"type": "burst"}, lambda t: BASE * (4.2 if t < 15 else 1))
    check(
        {"type": "burst", "period": 10, "parameters": {"multiplier": 3, "duration": 4}},
        lambda t: BASE * (3 if t % 10 < 4 else 1),
    )
    check(
        {"type": "spike", "startTime": 10, "parameters": {"multiplier": 5, "duration": 6}},
        lambda t: BASE * (1 + 4 * math.exp(-(t - 10) / 6) if t >= 10 else 1),
    )
    check(
        {"type": "spike", "period": 10, "parameters": {"startTraffic": 100, "endTraffic": 300}},
        lambda t: 100 * (1 + 2 * math.exp(-(t % 10) / 15)),
    )


def test_custom_points() -> None:
    points = [
        {"timestamp": 2, "rps": 100},
        {"timestamp": 10, "rps": 500},
        {"timestamp": 20, "rps": 0},
    ]
    times, rates = [2, 10, 20], [100, 500, 0]
    check(
        {"type": "custom", "parameters": {"points": points}},
        lambda t: float(np.interp(t, times, rates)),
    )
    check(
        {"type": "custom", "parameters": {"points": points, "interpolation": "previous"}},
        lambda t: [100.0, 100.0, 500.0, 0.0][sum(t >= x for x in times)],
    )


def test_patterns_compose() -> None:
    patterns: list[dict[str, Any]] = [
        {"type": "constant", "parameters": {"startTraffic": 500}},
        {"type": "wave", "period": 24, "amplitude": 0.5},
        {"type": "constant", "startTime": 15, "parameters": {"startTraffic": 1000}},
        {"type": "burst", "startTime": 10, "parameters": {"multiplier": 2, "duration": 10}},
        {"type": "burst", "isActive": False, "parameters": {"multiplier": 99}},
    ]

    def formula(t: float) -> float:
        level = 1000 if t >= 15 else 500
        wave = 1 + 0.5 * math.sin(2 * math.pi * t / 24)
        return level * wave * (2 if 10 <= t < 20 else 1)

    check(patterns, formula)


def test_arrays_are_held_for_a_tick_and_stay_at_their_last_value() -> None:
    rates = np.array([5.0, 50.0, 0.0, 7.0])
    for tick in (60, 7, 90):
        found = curve([0, 0.99, 1, 1.5, 2, 3.2, 4, 100], tick=tick, traffic=rates)
        assert found.tolist() == [5, 5, 50, 50, 0, 7, 7, 7]
    assert curve([0, 50], traffic=np.array([9.0])).tolist() == [9, 9]


@given(st.integers(1, 3600))
def test_cells_divide_a_tick_into_the_fewest_parts_of_a_minute(tick: int) -> None:
    cell = cell_seconds(float(tick))
    parts = round(tick / cell)
    assert parts * cell == pytest.approx(tick)
    assert cell <= 60
    assert parts == 1 or tick / (parts - 1) > 60


def rollout(noise: dict[str, float], num_envs: int, steps: int, tick: int = 60) -> NDArray[Any]:
    document = with_episode(service(), tick_seconds=tick, maxSteps=steps + 1)
    document["workload"] = {"noise": noise}
    env = gym.make_vec(ENV_ID, num_envs=num_envs, simulation=document).unwrapped
    assert isinstance(env, CloudVectorEnv)
    env.reset(seed=0)
    rates = []
    for _ in range(steps):
        env.step(np.zeros(num_envs, int))
        rates.append(env.worlds["meter"]["offered_rps"].copy())
    return np.array(rates)


def test_noise_has_the_stated_spread_mean_and_memory() -> None:
    sigma, correlation = 0.3, 150.0
    found = rollout({"sigma": sigma, "correlationSeconds": correlation}, 3000, 25)
    # Independent worlds: 75,000 values, of which every fifth minute counts as new.
    assert found.mean() / BASE == pytest.approx(1.0, abs=0.01)
    logs = np.log(found / BASE) + 0.5 * sigma**2
    assert logs.mean() == pytest.approx(0.0, abs=0.01)
    assert logs.std() == pytest.approx(sigma, rel=0.02)
    for start in (0, 24):  # stationary from the first tick on
        assert logs[start].std() == pytest.approx(sigma, rel=0.05)
    for lag in (1, 3):
        pairs = np.corrcoef(logs[:-lag].ravel(), logs[lag:].ravel())[0, 1]
        assert pairs == pytest.approx(math.exp(-60 * lag / correlation), abs=0.02)
    skew = ((logs - logs.mean()) ** 3).mean() / logs.std() ** 3
    assert abs(skew) < 0.05
    between = np.corrcoef(logs.T[:200])[np.triu_indices(200, 1)]
    assert abs(between.mean()) < 0.01


def test_white_noise_and_long_ticks() -> None:
    sigma = 0.5
    logs = np.log(rollout({"sigma": sigma, "correlationSeconds": 0}, 2000, 5)) - math.log(BASE)
    assert np.corrcoef(logs[0], logs[1])[0, 1] == pytest.approx(0.0, abs=0.07)
    # An hour is sixty cells: the mean of sixty independent draws varies by so much.
    hourly = rollout({"sigma": sigma, "correlationSeconds": 0}, 500, 2, tick=3600) / BASE
    expected = math.sqrt((math.exp(sigma**2) - 1) / 60)
    assert hourly.std() == pytest.approx(expected, rel=0.1)


def test_without_noise_demand_is_the_curve_at_the_middle_of_each_cell() -> None:
    document = service()
    document["workload"] = {"patterns": [{"type": "wave", "period": 13}]}
    env = gym.make_vec(ENV_ID, num_envs=1, simulation=document).unwrapped
    assert isinstance(env, CloudVectorEnv)
    env.reset(seed=0, options={"traffic_offset_s": 90.0})
    for tick in range(20):
        env.step(np.zeros(1, int))
        expected = curve([tick + 0.5 + 1.5], document["workload"]["patterns"])[0]
        assert env.worlds["meter"]["offered_rps"][0] == pytest.approx(expected, rel=1e-12)
