"""Traces, arrays and forecasts become tables; windows keep to their split."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from cwm_gym.compiler import Options, Program, compile_simulation
from cwm_gym.envs.vector import CloudVectorEnv
from cwm_gym.spec import Simulation, TrafficForecast
from tests.documents import ENV_ID, service, with_episode

ROWS = 600
RATES = 100 + 50 * np.sin(np.arange(ROWS) / 20) + np.arange(ROWS) / 10


@pytest.fixture
def trace(tmp_path: Path) -> Path:
    path = tmp_path / "trace.csv"
    lines = [f"{60 * k},{rate:.6f}" for k, rate in enumerate(RATES)]
    path.write_text("timestamp,rps\n" + "\n".join(lines) + "\n")
    return path


def compiled(traffic: Any, split: str = "train", **episode: Any) -> Program:
    document = with_episode(service(), **episode)
    return compile_simulation(
        Simulation.model_validate(document), None, Options(traffic=traffic, split=split)
    )


def test_a_trace_plays_back_at_its_own_rates(trace: Path) -> None:
    env = gym.make_vec(
        ENV_ID, num_envs=64, simulation=service(), traffic={"trace": str(trace), "share": None}
    ).unwrapped
    assert isinstance(env, CloudVectorEnv)
    env.reset(seed=0)
    first = np.rint(env.worlds["offset_s"] / 60 - 0.5).astype(int)
    for tick in range(20):
        env.step(np.zeros(64, int))
        offset = env.worlds["offset_s"] / 60 + tick + 0.5
        assert env.worlds["meter"]["offered_rps"] == pytest.approx(
            RATES[np.floor(offset).astype(int)], rel=1e-5
        )
    assert len(set(first)) > 30


@pytest.mark.parametrize("tick", [30, 60, 120])
def test_episodes_stay_inside_their_split(trace: Path, tick: int) -> None:
    steps = 40
    for split, begin, end in (("train", 0.0, 0.7), ("test", 0.8, 1.0)):
        program = compiled(trace, split, maxSteps=steps, tick_seconds=tick)
        demand = program.params["demand"]
        length = ROWS * 60
        assert demand["offset_low_s"] >= begin * length - 1e-6
        assert demand["offset_high_s"] + steps * tick <= end * length + 1e-6
        assert demand["offset_low_s"] <= demand["offset_high_s"]


def test_a_trace_is_scaled_to_the_largest_fleet(trace: Path) -> None:
    program = compiled(trace, maxSteps=40)
    peak = np.quantile(program.tables[1 : 1 + 7 * ROWS // 10], 0.99)
    assert peak == pytest.approx(0.8 * program.capacity_rps, rel=1e-6)


def test_a_trace_has_the_noise_it_was_recorded_with_and_no_other(trace: Path) -> None:
    assert compiled(trace).params["demand"]["noise_sigma"] == 0


def test_a_forecast_is_a_curve() -> None:
    points = [{"timestamp": 0, "rps": 100}, {"timestamp": 10, "rps": 300}]
    document = {"name": "sale", "dataPoints": points}
    marks = {
        int(compiled(form).params["fingerprint"])
        for form in (document, TrafficForecast.model_validate(document))
    }
    assert len(marks) == 1
    env = gym.make_vec(ENV_ID, num_envs=1, simulation=service(), traffic=document).unwrapped
    assert isinstance(env, CloudVectorEnv)
    env.reset(seed=0)
    seen = []
    for _ in range(12):
        env.step(np.zeros(1, int))
        seen.append(float(env.worlds["meter"]["offered_rps"][0]))
    assert seen == pytest.approx([*np.arange(110, 300, 20), 300, 300])


def test_uneven_points_are_met_exactly() -> None:
    points = [(0, 5.0), (4, 100.0), (10, 20.0), (11, 0.0), (31, 60.0)]
    pattern = {
        "type": "custom",
        "parameters": {"points": [{"timestamp": t, "rps": r} for t, r in points]},
    }
    program = compiled(pattern)
    entry = program.params["demand"]["pattern"][0]
    table = program.tables[int(entry["table_start"]) :][: int(entry["table_size"])]
    step = entry["table_step_s"] / 60
    for t, r in points:
        assert table[round(t / step)] == r
