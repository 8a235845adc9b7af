from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from cwm_gym.spec.errors import SpecError
from cwm_gym.workload import (
    NOISE_PRESETS,
    Noise,
    Trace,
    estimate_noise,
    from_array,
    hour_profile,
    read_csv,
    with_noise,
)


def noisy(sigma: float, lag: float, n: int = 20_000) -> np.ndarray:
    """A daily wave at one sample a minute, times AR(1) log noise."""
    rng = np.random.default_rng(11)
    shock = rng.normal(0.0, sigma * math.sqrt(1 - lag**2), n)
    x = np.empty(n)
    x[0] = rng.normal(0.0, sigma)
    for k in range(1, n):
        x[k] = lag * x[k - 1] + shock[k]
    return 100.0 * (1.5 + np.sin(2 * np.pi * np.arange(n) / 1440)) * np.exp(x)


# The moving average holds (1 + lag) / (1 - lag) / 61 of the noise's variance, 7 % at lag 0.62.
@pytest.mark.parametrize(("sigma", "lag"), [(0.19, 0.62), (0.5, 0.3)])
def test_known_noise_is_recovered(sigma: float, lag: float) -> None:
    noise = estimate_noise(from_array(noisy(sigma, lag), 60))
    assert noise.sigma == pytest.approx(sigma, rel=0.06)
    assert math.exp(-60 / noise.correlation_s) == pytest.approx(lag, abs=0.05)
    assert noise.step_s == 60.0


def test_white_noise_and_none() -> None:
    white = estimate_noise(from_array(noisy(0.2, 0.0), 60))
    assert white.correlation_s < 20.0
    assert white.sigma == pytest.approx(0.2, rel=0.03)
    still = estimate_noise(from_array(np.full(500, 37.0), 60))
    assert (still.sigma, still.correlation_s) == (0.0, 0.0)


def test_silence_and_filled_gaps_are_left_out() -> None:
    rps = noisy(0.2, 0.5)
    clean = estimate_noise(from_array(rps, 60))
    rps[5000:5010] = 0.0
    rps[9000:9010] = 1e6
    marked = Trace(rps, 60.0, filled=((9000 * 60.0, 9010 * 60.0),))
    assert estimate_noise(marked).sigma == pytest.approx(clean.sigma, rel=0.01)
    assert estimate_noise(from_array(rps, 60)).sigma > 1.3 * clean.sigma


@pytest.mark.parametrize(("correlation_s", "lag"), [(0.0, 0.0), (125.5, 0.62)])
def test_noise_put_on_a_trace_is_the_noise_asked_for(correlation_s: float, lag: float) -> None:
    wanted = Noise(0.3, correlation_s, 60.0, "")
    flat = from_array(np.full(50_000, 40.0), 60)
    log = np.log(with_noise(flat, wanted, np.random.default_rng(0)).rps / 40.0)
    # The mean of a correlated series is known to sigma sqrt((1 + lag) / (1 - lag) / n).
    assert np.exp(log).mean() == pytest.approx(1.0, abs=4 * 0.3 * math.sqrt(4.3 / 50_000))
    assert log.std() == pytest.approx(0.3, rel=0.03)
    assert np.corrcoef(log[1:], log[:-1])[0, 1] == pytest.approx(lag, abs=0.02)
    quiet = with_noise(flat, Noise(0.0, 0.0, 60.0, ""), np.random.default_rng(0))
    np.testing.assert_array_equal(quiet.rps, flat.rps)


def test_too_coarse_too_short_or_too_quiet() -> None:
    with pytest.raises(SpecError, match="at most 360 s"):
        estimate_noise(from_array(np.ones(1000), 600))
    with pytest.raises(SpecError, match="at least 122 samples"):
        estimate_noise(from_array(np.ones(121), 60))
    with pytest.raises(SpecError, match="too little demand"):
        estimate_noise(from_array(np.zeros(1000), 60))


def test_hour_profile_follows_the_clock() -> None:
    rps = np.ones(2 * 144)
    rps[np.arange(rps.size) % 144 == 3] = 5.0  # 10-minute samples from 05:40: this one is 06:10
    profile = hour_profile(from_array(rps, 600, start="2024-01-01T05:40:00"))
    assert profile.shape == (24,)
    assert int(np.argmax(profile)) == 6
    assert profile[6] / profile[7] == pytest.approx((5 + 5) / 6)
    assert profile.mean() == pytest.approx(1.0)
    with pytest.raises(SpecError, match="needs a day"):
        hour_profile(from_array(np.ones(143), 600))
    with pytest.raises(SpecError, match="without any demand"):
        hour_profile(from_array(np.zeros(144), 600))


def test_presets_are_what_the_traces_show(shared: Path) -> None:
    site = read_csv(shared / "traces" / "worldcup98_requests_per_minute.csv")
    noise, preset = estimate_noise(site), NOISE_PRESETS["worldcup98"]
    assert noise.sigma == pytest.approx(preset.sigma, abs=0.01)
    assert math.exp(-60 / noise.correlation_s) == pytest.approx(0.62, abs=0.02)
    profile = hour_profile(site)
    assert profile.min() == pytest.approx(0.5, abs=0.05)
    assert profile.max() == pytest.approx(2.1, abs=0.1)
    balancer = read_csv(shared / "traces" / "nab_elb_request_count.csv", unit="requests")
    noise, preset = estimate_noise(balancer), NOISE_PRESETS["aws_elb"]
    assert noise.sigma == pytest.approx(preset.sigma, abs=0.02)
    assert (noise.correlation_s, noise.step_s) == (preset.correlation_s, preset.step_s)
