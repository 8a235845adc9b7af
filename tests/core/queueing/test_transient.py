from __future__ import annotations

import pytest

from cwm_gym.core.jit import standalone
from cwm_gym.core.queueing import transient

overshoot = standalone(transient.overshoot)
reflected = standalone(transient.reflected)


def test_a_long_time_reaches_the_exponential_stationary_state() -> None:
    mean, second, above = reflected(2.0, 0.5, 1.0, 1000.0, 1.0, 1.0, 1.0)
    assert mean == pytest.approx(1.0, rel=1e-6)  # diffusion / (2 drift)
    assert second == pytest.approx(2.0, rel=1e-6)
    assert above == pytest.approx(0.0, abs=1e-6)


def test_far_from_zero_the_motion_is_free() -> None:
    mean, second, above = reflected(100.0, 1.0, 2.0, 10.0, 1.0, 1.0, 1.0)
    assert mean == 90.0
    assert second == pytest.approx(90.0**2 + 20.0)
    assert above == 1.0


def test_without_drift_from_zero_it_is_the_half_normal() -> None:
    mean, second, _ = reflected(0.0, 0.0, 1.0, 4.0, 1.0, 1.0, 1.0)
    # The drift is kept off zero by 0.02 standard deviations, so 2 % is what can be asked.
    assert mean == pytest.approx(2.0 * 0.7978845608, rel=0.02)
    assert second == pytest.approx(4.0, rel=0.03)


@pytest.mark.parametrize("rise", [-0.8, -0.1, 0.1, 0.8])
@pytest.mark.parametrize("distance", [0.0, 0.5, 3.0])
def test_what_a_barrier_cuts_off_closes_the_balance(rise: float, distance: float) -> None:
    # Distance to the barrier: reflected motion = start - rise * t + regulator.
    time = 3.0
    mean, _, _ = reflected(distance, rise, 1.0, time, 1.0, 1.0, 1.0)
    cut = overshoot(distance, rise, 1.0, time)
    assert mean == pytest.approx(distance - rise * time + cut, abs=1e-9)
