"""Patterns compose; traces, curves and forecasts become tables; windows keep to their split."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from cwm_gym.compiler import Options, Program, compile_simulation
from cwm_gym.core.kernel import demand_curve
from cwm_gym.core.records import MAX_PATTERNS
from cwm_gym.envs.vector import CloudVectorEnv
from cwm_gym.spec import Simulation, TrafficForecast
from cwm_gym.spec.errors import SpecError
from cwm_gym.workload import KINDS, forecast, forecasts, generate, generated_noise
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


def written(points: list[tuple[float, float]]) -> tuple[Any, float]:
    """Table and step, in ticks, that points are compiled to."""
    document = [{"timestamp": t, "rps": r} for t, r in points]
    program = compiled({"type": "custom", "parameters": {"points": document}})
    entry = program.params["demand"]["pattern"][0]
    table = program.tables[int(entry["table_start"]) :][: int(entry["table_size"])]
    return table, float(entry["table_step_s"]) / 60


def test_uneven_points_are_met_exactly() -> None:
    points = [(0, 5.0), (4, 100.0), (10, 20.0), (11, 0.0), (31, 60.0)]
    table, step = written(points)
    for t, r in points:
        assert table[round(t / step)] == r


def test_points_between_the_steps_are_met_too() -> None:
    points = [(0, 5.0), (0.5, 100.0), (1.25, 20.0), (3 + 1 / 60, 60.0)]
    table, step = written(points)
    for t, r in points:
        assert table[round(t / step)] == r
    # Where no grid holds them all, they move by less than a thousandth of a step.
    points = [(0, 5.0), (np.sqrt(2), 100.0), (100 * np.sqrt(3), 20.0)]
    table, step = written(points)
    for t, r in points:
        assert table[round(t / step)] == pytest.approx(r)
    assert step < 1e-3


def curve(program: Program, ticks: Any) -> Any:
    """The noise-free rates at times in ticks of a minute."""
    times = 60.0 * np.asarray(ticks, dtype=np.float64)
    rates = np.empty_like(times)
    demand_curve(program.params.reshape(1), program.tables, 0, times, rates)
    return rates


RAMP = {"type": "ramp", "parameters": {"startTraffic": 100, "endTraffic": 500, "duration": 40}}
SINE = {"type": "sine", "amplitude": 0.5, "period": 24}
SPIKE = {"type": "spike", "startTime": 10, "parameters": {"multiplier": 4, "duration": 5}}
BURST = {"type": "burst", "period": 20, "parameters": {"multiplier": 2, "duration": 3}}
STEP = {"type": "step", "startTime": 30, "endTime": 50, "parameters": {"levels": [900, 50]}}
TICKS = np.arange(0, 90, 0.25)


def factors() -> Any:
    sine = 1 + 0.5 * np.sin(2 * np.pi * TICKS / 24)
    spike = np.where(TICKS >= 10, 1 + 3 * np.exp(-(TICKS - 10) / 5), 1.0)
    return sine * spike * np.where(TICKS % 20 < 3, 2.0, 1.0)


def test_multiplying_patterns_compose_on_the_last_level() -> None:
    ramp = 100 + 400 * np.minimum(TICKS / 40, 1)
    # A step that acts from 30 to 50 hides the ramp there and gives way to it again.
    level = np.where((TICKS >= 30) & (TICKS < 50), 900.0, ramp)
    found = curve(compiled([RAMP, SINE, STEP, SPIKE, BURST]), TICKS)
    np.testing.assert_allclose(found, level * factors(), rtol=1e-12)
    # Multiplying patterns commute, also with the levels; levels do not commute among themselves.
    again = curve(compiled([BURST, SPIKE, RAMP, STEP, SINE]), TICKS)
    np.testing.assert_allclose(again, found, rtol=1e-12)
    swapped = curve(compiled([STEP, RAMP, SINE, SPIKE, BURST]), TICKS)
    np.testing.assert_allclose(swapped, ramp * factors(), rtol=1e-12)


def test_patterns_of_a_simulation_compose_like_the_argument() -> None:
    document = {**service(), "workload": {"patterns": [RAMP, SINE, SPIKE]}}
    own = compile_simulation(Simulation.model_validate(document), None, Options())
    np.testing.assert_array_equal(curve(own, TICKS), curve(compiled([RAMP, SINE, SPIKE]), TICKS))


def test_an_inactive_pattern_is_as_if_it_were_absent() -> None:
    off = [{**one, "isActive": False} for one in (SPIKE, STEP)]
    with_them, without = compiled([RAMP, *off, SINE]), compiled([RAMP, SINE])
    assert with_them.params["demand"]["n_patterns"] == 2
    np.testing.assert_array_equal(curve(with_them, TICKS), curve(without, TICKS))
    alone = curve(compiled({**SINE, "is_active": False}), TICKS)
    np.testing.assert_array_equal(alone, np.full(TICKS.size, 200.0))


def test_as_many_patterns_as_fit_and_one_more() -> None:
    assert compiled([SINE] * MAX_PATTERNS).params["demand"]["n_patterns"] == MAX_PATTERNS
    off = {**SINE, "isActive": False}
    assert compiled([off, *[SINE] * MAX_PATTERNS]).params["demand"]["n_patterns"] == MAX_PATTERNS
    # A ramp that comes back is two elements, and a burst with a level of its own as well.
    back = {"type": "ramp", "parameters": {"endTraffic": 400, "duration": 5, "hold": 5}}
    for traffic in ([SINE] * (MAX_PATTERNS + 1), [back] * (MAX_PATTERNS // 2 + 1)):
        with pytest.raises(SpecError, match=f"at most {MAX_PATTERNS} fit") as caught:
            compiled(traffic)
        assert [p.pointer for p in caught.value.problems] == ["/traffic"]


def points(*pairs: tuple[float, float]) -> list[dict[str, float]]:
    return [{"timestamp": t, "rps": r} for t, r in pairs]


@pytest.mark.parametrize(
    ("traffic", "pointers"),
    [
        ({"name": "n", "dataPoints": points((0, -5), (9, 5))}, ["/traffic/dataPoints/0/rps"]),
        (
            {"name": "n", "data_points": points((3, 5), (2, 5))},
            ["/traffic/data_points/1/timestamp"],
        ),
        ({"name": "n", "dataPoints": []}, ["/traffic/dataPoints"]),
        ({"dataPoints": points((0, 5))}, ["/traffic/name"]),
        ("wvae", ["/traffic"]),
        ("custom", ["/traffic"]),
        ([], ["/traffic"]),
        (7, ["/traffic"]),
        ({"type": "sine", "period": 0}, ["/traffic/period"]),
        (
            [SINE, {"type": "sine", "period": 0}, {"type": "wvae"}],
            ["/traffic/1/period", "/traffic/2/type"],
        ),
        (
            {"type": "custom", "parameters": {"points": points((0, 1), (1, 2), (4e6, 3))}},
            ["/traffic"],
        ),
        ([SINE, {"type": "custom", "parameters": {"points": points((1e300, 3))}}], ["/traffic/1"]),
        ({"generator": "diurnl"}, ["/traffic/generator"]),
        ({"generator": "diurnal", "day": 3}, ["/traffic/day"]),
    ],
)
def test_bad_traffic_is_pointed_at(traffic: Any, pointers: list[str]) -> None:
    with pytest.raises(SpecError) as caught:
        compiled(traffic)
    assert [p.pointer for p in caught.value.problems] == pointers
    assert all(p.suggestion for p in caught.value.problems)


def test_nothing_to_multiply_is_pointed_at_where_it_stands() -> None:
    silent = {**service(), "traffic": 0}
    peak = {"type": "spike", "parameters": {"endTraffic": 500}}
    simulation = Simulation.model_validate(silent)
    with pytest.raises(SpecError) as caught:
        compile_simulation(simulation, None, Options(traffic=[SINE, peak]))
    assert caught.value.problems[0].pointer == "/traffic/1/parameters/endTraffic"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("tick", [30, 60, 600])
def test_generated_episodes_begin_anywhere_on_the_curve(kind: str, tick: int) -> None:
    steps = 100
    spec = {"generator": kind, "meanRps": 50, "days": 2, "seed": 1}
    for split in ("train", "test"):
        program = compiled(spec, split, maxSteps=steps, tick_seconds=tick)
        demand, noise = program.params["demand"], generated_noise(kind, split=split, seed=1)
        assert demand["offset_low_s"] == 0.0
        assert demand["offset_high_s"] == 2 * 86400 - steps * tick
        assert (demand["day_s"], demand["day_start_s"]) == (86400.0, 0.0)
        assert demand["noise_sigma"] == noise.sigma
        assert demand["noise_correlation_s"] == noise.correlation_s
        made = generate(kind, split=split, seed=1, days=2, mean_rps=50)
        np.testing.assert_array_equal(program.tables[1:], made.rps)
        np.testing.assert_array_equal(curve(program, np.arange(100) + 0.5), made.rps[:100])


def test_generated_demand_is_scaled_to_the_largest_fleet() -> None:
    program = compiled({"generator": "flash_crowd"}, "test", maxSteps=40)
    assert np.quantile(program.tables[1:], 0.99) == pytest.approx(0.8 * program.capacity_rps)


def test_a_curve_shorter_than_the_episode() -> None:
    spec = {"generator": "diurnal", "days": 2}
    assert compiled(spec, maxSteps=2880).params["demand"]["offset_high_s"] == 0.0
    with pytest.raises(SpecError, match="Set days to 3 or more") as caught:
        compiled(spec, maxSteps=2881)
    assert caught.value.problems[0].pointer == "/traffic/days"


def test_generated_traffic_through_make_keeps_its_splits_apart() -> None:
    spec = {"generator": "diurnal", "meanRps": 200, "days": 3}
    marks = {}
    for split in ("train", "test"):
        env = gym.make(ENV_ID, simulation=service(), traffic=spec, split=split)
        assert json.loads(env.spec.to_json())["kwargs"]["traffic"] == spec
        marks[split] = compiled(spec, split).params["fingerprint"]
    assert marks["train"] != marks["test"]
    env = gym.make_vec(ENV_ID, num_envs=32, simulation=service(), traffic=spec).unwrapped
    assert isinstance(env, CloudVectorEnv)
    env.reset(seed=0)
    offsets = env.worlds["offset_s"]
    assert offsets.max() - offsets.min() > 0.5 * 3 * 86400
    first = env.worlds["rate_rps"].copy()
    env.reset(seed=0)
    np.testing.assert_array_equal(env.worlds["rate_rps"], first)


@pytest.mark.parametrize("name", forecasts())
def test_forecasts_of_the_specification_play(name: str) -> None:
    document = forecast(name)
    program = compiled(document, maxSteps=100)
    seen = curve(program, [point.timestamp for point in document.data_points])
    assert seen == pytest.approx([point.rps for point in document.data_points])
    assert int(program.params["fingerprint"]) == int(
        compiled(document.to_document(), maxSteps=100).params["fingerprint"]
    )
