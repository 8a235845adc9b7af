"""Generated demand: reproducible, of the mean asked for, and shaped like the traces."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cwm_gym.spec.errors import SpecError
from cwm_gym.workload import (
    KINDS,
    RANGES,
    Trace,
    draw_shape,
    generate,
    generated_noise,
    hour_profile,
    read_csv,
)
from cwm_gym.workload.calibration import Figures, measure, measure_kind, realisation

SEEDS = 24
SPLITS = ("train", "test")


@pytest.fixture(scope="module")
def measured() -> dict[tuple[str, str], Figures]:
    return {
        (kind, split): measure_kind(kind, split=split, seeds=SEEDS)[0]
        for kind in KINDS
        for split in SPLITS
    }


@pytest.mark.parametrize("kind", KINDS)
def test_a_seed_is_one_curve(kind: str) -> None:
    one, again = (generate(kind, split="test", seed=3) for _ in range(2))
    np.testing.assert_array_equal(one.rps, again.rps)
    assert generated_noise(kind, seed=3) == generated_noise(kind, seed=3)
    assert not np.allclose(one.rps, generate(kind, split="test", seed=4).rps)


@pytest.mark.parametrize("kind", KINDS)
def test_length_step_and_mean_are_as_asked(kind: str) -> None:
    curve = generate(kind, days=3, mean_rps=250.0)
    assert (len(curve), curve.step_s, curve.second_of_day) == (3 * 1440, 60.0, 0.0)
    assert curve.rps.mean() == pytest.approx(250.0)
    coarse = generate(kind, days=3, mean_rps=250.0, step_s=300.0)
    np.testing.assert_allclose(coarse.rps, curve.rps.reshape(-1, 5).mean(axis=1))


def test_the_profile_is_that_of_the_drawn_shape() -> None:
    shape = draw_shape("diurnal", seed=5)
    week = hour_profile(generate("diurnal", seed=5, days=364))
    # At the extremes an hour's mean is the curve's, and a year evens the days' levels out.
    low = shape["trough"] + (shape["peak"] - shape["trough"]) * 5 / 16
    assert week.min() == pytest.approx(shape["trough"] / low, rel=0.05)
    assert week.max() == pytest.approx(shape["peak"] / low, rel=0.05)
    assert abs(int(week.argmax()) + 0.5 - shape["peak_hour"]) < 1.0


def test_weekends_are_as_low_as_drawn() -> None:
    shape = draw_shape("diurnal", seed=2)
    curve = generate("diurnal", seed=2, days=364)
    day = np.log(curve.rps.reshape(-1, 1440)[:, 720])  # at noon the level is the day's own
    weekend = np.arange(364) % 7 >= 5
    drop = math.exp(day[weekend].mean() - day[~weekend].mean())
    assert drop == pytest.approx(shape["weekend"], rel=0.06)
    assert day[~weekend].std() == pytest.approx(shape["day_sigma"], rel=0.15)


def test_a_crowd_rises_stays_and_decays() -> None:
    for seed in range(8):
        shape = draw_shape("flash_crowd", seed=seed)
        curve = generate("flash_crowd", seed=seed)
        peak = int(curve.rps.argmax())
        above = np.flatnonzero(curve.rps > 0.5 * curve.rps.max())
        assert above.size >= 0.4 * shape["plateau_min"]
        assert curve.rps[peak] > 5.0 * np.median(curve.rps)
    # A single day holds a crowd although less than one is expected.
    for seed in range(30):
        day = generate("flash_crowd", seed=seed, days=1).rps
        assert day.max() > 2.0 * generate("diurnal", seed=seed, days=1).rps.mean()


def test_burst_sizes_have_the_drawn_tail() -> None:
    """Minutes beyond a high level thin out as a Pareto law does, not as an exponential one."""
    shape = draw_shape("heavy_tailed_burst", seed=1)
    rps = generate("heavy_tailed_burst", seed=1, days=366).rps
    top = np.sort(rps)[-2000:]
    hill = 1.0 / np.mean(np.log(top / top[0]))
    assert hill == pytest.approx(shape["tail"], abs=0.8)


def test_a_curve_of_bursts_takes_no_further_noise() -> None:
    assert generated_noise("heavy_tailed_burst").sigma == 0.0
    noise = generated_noise("diurnal", seed=7)
    shape = draw_shape("diurnal", seed=7)
    assert noise.sigma == shape["noise_sigma"]
    assert math.exp(-60.0 / noise.correlation_s) == pytest.approx(shape["noise_lag1"])


# Published facts of the traces. Beside each the tolerance of a mean over SEEDS curves: three of
# its standard errors, and where the estimator is biased that too (see estimate_noise).
@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize(
    ("kind", "figure", "fact", "tolerance"),
    [
        ("diurnal", "trough", 0.5, 0.04),
        ("diurnal", "peak", 2.1, 0.12),
        ("diurnal", "sigma", 0.19, 0.03),
        ("diurnal", "lag1", 0.62, 0.07),
        ("flash_crowd", "sigma", 0.19, 0.03),
        ("flash_crowd", "lag1", 0.62, 0.05),
        ("flash_crowd", "max_to_mean", 21.0, 4.0),
        ("flash_crowd", "p99_to_mean", 10.2, 1.8),
        ("heavy_tailed_burst", "sigma", 0.98, 0.1),
        ("heavy_tailed_burst", "max_to_mean", 10.6, 3.0),
        ("heavy_tailed_burst", "p99_to_mean", 4.06, 0.4),
    ],
)
def test_calibration_to_the_published_facts(
    measured: dict[tuple[str, str], Figures],
    split: str,
    kind: str,
    figure: str,
    fact: float,
    tolerance: float,
) -> None:
    assert getattr(measured[kind, split], figure) == pytest.approx(fact, abs=tolerance)


def test_generators_against_the_real_traces(
    shared: Path, measured: dict[tuple[str, str], Figures]
) -> None:
    site = read_csv(shared / "traces" / "worldcup98_requests_per_minute.csv")
    # The published hours are local time: two hours ahead of the file's.
    site = measure(replace(site, start="1998-04-30T23:30:00"))
    balancer = measure(read_csv(shared / "traces" / "nab_elb_request_count.csv", unit="requests"))
    for split in SPLITS:
        plain, crowd = measured["diurnal", split], measured["flash_crowd", split]
        assert plain.trough == pytest.approx(site.trough, abs=0.04)
        assert plain.peak == pytest.approx(site.peak, abs=0.12)
        assert plain.sigma == pytest.approx(site.sigma, abs=0.02)
        assert plain.lag1 == pytest.approx(site.lag1, abs=0.07)
        assert crowd.max_to_mean == pytest.approx(site.max_to_mean, rel=0.2)
        assert crowd.p99_to_mean == pytest.approx(site.p99_to_mean, rel=0.2)
        burst = measured["heavy_tailed_burst", split]
        assert burst.sigma == pytest.approx(balancer.sigma, abs=0.1)
        assert burst.lag1 == pytest.approx(balancer.lag1, abs=0.1)
        assert burst.max_to_mean == pytest.approx(balancer.max_to_mean, rel=0.3)
        assert burst.p99_to_mean == pytest.approx(balancer.p99_to_mean, rel=0.1)


def days_of(trace: Trace) -> tuple[float, float]:
    """Weekends relative to other days around a weekly trend, and log sigma of what is left."""
    first = round((-trace.second_of_day % 86400.0) / trace.step_s)
    size = round(86400.0 / trace.step_s)
    count = (len(trace) - first) // size
    days = trace.rps[first : first + count * size].reshape(count, size).mean(axis=1)
    midnight = datetime.fromisoformat(trace.start) + timedelta(seconds=first * trace.step_s)
    weekend = ((midnight.weekday() + np.arange(count)) % 7 >= 5)[3:-3]
    log = np.log(days)
    left = log[3:-3] - np.convolve(log, np.full(7, 1 / 7), "valid")
    high, low = left[~weekend].mean(), left[weekend].mean()
    return math.exp(low - high), float((left - np.where(weekend, low, high)).std())


def test_weekends_and_days_of_the_real_traces_are_the_middle_of_the_ranges(shared: Path) -> None:
    site = read_csv(shared / "traces" / "worldcup98_requests_per_minute.csv")
    before = round(40.5 * 1440)  # the first match was on 10 June, 40 days after the start
    site = replace(site, rps=site.rps[:before], start="1998-04-30T23:30:00", filled=())
    balancer = read_csv(shared / "traces" / "nab_elb_request_count.csv", unit="requests")
    for kind, trace in (("diurnal", site), ("heavy_tailed_burst", balancer)):
        for name, found in zip(("weekend", "day_sigma"), days_of(trace), strict=True):
            one = RANGES[kind][name]
            assert 0.5 * (one.low + one.high) == pytest.approx(found, abs=0.01)


def test_the_diurnal_kind_is_no_flash_crowd(measured: dict[tuple[str, str], Figures]) -> None:
    for split in SPLITS:
        assert measured["diurnal", split].max_to_mean < 6.0


def test_a_realisation_is_reproducible_and_of_the_curves_mean() -> None:
    one, again = (realisation("diurnal", split="train", seed=1, step_s=60.0) for _ in range(2))
    np.testing.assert_array_equal(one.rps, again.rps)
    assert one.rps.mean() == pytest.approx(1.0, rel=0.02)


@pytest.mark.parametrize(
    ("arguments", "pointer"),
    [
        ({"kind": "flash-crowd"}, "/traffic/generator"),
        ({"kind": None}, "/traffic/generator"),
        ({"split": "all"}, "/split"),
        ({"seed": -1}, "/traffic/seed"),
        ({"seed": 1.0}, "/traffic/seed"),
        ({"seed": True}, "/traffic/seed"),
        ({"seed": 2**63}, "/traffic/seed"),
        ({"days": 0.5}, "/traffic/days"),
        ({"days": 367}, "/traffic/days"),
        ({"days": math.nan}, "/traffic/days"),
        ({"mean_rps": 0}, "/traffic/meanRps"),
        ({"step_s": 0}, "/traffic/step_s"),
    ],
)
def test_bad_arguments(arguments: dict[str, Any], pointer: str) -> None:
    with pytest.raises(SpecError) as caught:
        generate(**{"kind": "flash_crowd", **arguments})
    assert [p.pointer for p in caught.value.problems] == [pointer]
    assert caught.value.problems[0].suggestion
