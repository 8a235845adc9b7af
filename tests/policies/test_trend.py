from __future__ import annotations

import numpy as np
import pytest

from cwm_gym.policies import make
from cwm_gym.spec import SpecError
from tests.policies.signals import signals


def follow(policy, demands: list[float], fleet: int = 1) -> list[int]:
    policy.begin(signals(0.0, fleet, demand_rps=demands[0]))
    path = []
    for k, demand in enumerate(demands):
        fleet = int(policy.desired(signals(60.0 * k, fleet, demand_rps=demand))[0])
        path.append(fleet)
    return path


def test_constant_demand_is_sized_at_the_target():
    # 700 rps on instances of 100 rps at 70 %: ten.
    assert follow(make("trend"), [700.0] * 4) == [10] * 4
    assert follow(make("trend", target=0.5), [700.0]) == [14]


def test_a_ramp_is_met_ahead_by_boot_delay_and_period():
    policy = make("trend", target=1.0, level=1.0, trend=1.0)
    # +100 rps a minute, two minutes ahead.
    assert follow(policy, [100.0, 200.0, 300.0, 400.0]) == [1, 4, 5, 6]
    assert follow(make("trend", target=1.0, level=1.0, trend=0.0), [100.0, 200.0, 300.0]) == [
        1,
        2,
        3,
    ]


def test_sizes_are_held_before_shrinking():
    policy = make("trend", target=1.0, level=1.0, trend=0.0, hold_s=180.0)
    assert follow(policy, [800.0, 300.0, 300.0, 300.0, 300.0]) == [8, 8, 8, 3, 3]


def test_an_old_measurement_is_taken_in_once():
    policy = make("trend", level=0.5)
    first = signals(0.0, 5, demand_rps=350.0)
    policy.begin(first)
    fresh = signals(60.0, 5, demand_rps=700.0, measured_at_s=60.0)
    stale = signals(120.0, 5, demand_rps=700.0, measured_at_s=60.0)
    assert policy.desired(fresh).tolist() == policy.desired(stale).tolist()
    assert np.isfinite(policy.desired(stale)).all()


def test_bad_parameters():
    with pytest.raises(SpecError, match="level"):
        make("trend", level=0.0)
