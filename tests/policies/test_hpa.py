from __future__ import annotations

import numpy as np
import pytest

from cwm_gym.policies import make
from cwm_gym.spec import SpecError
from tests.policies.signals import signals


def run(policy, desired: int, utilisations: list[float], **other) -> list[int]:
    """Follow a fleet whose launches are ready at once, from time 0."""
    policy.begin(signals(0.0, desired))
    fleet, path = desired, []
    for k, utilisation in enumerate(utilisations):
        now = signals(15.0 * k, fleet, utilisation, **other)
        fleet = int(np.clip(policy.desired(now), now.minimum, now.maximum)[0])
        path.append(fleet)
    return path


def test_growth_is_limited_to_doubling_or_four_pods_each_sync():
    # The metric stays at 100 %: 1 -> 2 wanted, ...; at 2 * target more than the limits allow.
    assert run(make("hpa", target=0.1), 1, [1.0] * 5) == [5, 10, 20, 40, 80]


def test_nothing_happens_before_there_is_a_metric():
    assert run(make("hpa"), 7, [np.nan, np.nan, 1.0]) == [7, 7, 10]


def test_shrinking_waits_for_five_minutes():
    path = run(make("hpa"), 10, [0.35] * 25)
    # The first fleet counts as a recommendation of 10 at time 0 and leaves the window at 300 s.
    assert path[:20] == [10] * 20
    assert path[20] == 5


def test_one_peak_postpones_shrinking():
    # Inside the tolerance at 120 s the recommendation is the present fleet, which then counts.
    path = run(make("hpa"), 10, [0.35] * 8 + [0.70] + [0.35] * 24)
    assert path[27] == 10
    assert path[28] == 5


def test_without_stabilisation_it_shrinks_at_once():
    assert run(make("hpa", stabilise_down_s=0.0), 10, [0.35, 0.70]) == [5, 5]


def test_shrinking_at_a_rate_counts_earlier_steps():
    policy = make("hpa", stabilise_down_s=0.0, scale_down=[("pods", 4, 60.0)])
    path = run(policy, 40, [0.1] * 9)
    assert path == [36, 36, 36, 36, 32, 32, 32, 32, 28]


def test_launching_instances_damp_growth():
    policy = make("hpa")
    policy.begin(signals(0.0, 4))
    # 4 at 100 % of a 70 % target alone ask for 6; with two launching already, 4/6 is 95 %: wait.
    assert policy.desired(signals(15.0, 6, 1.0, pending=2)).tolist() == [6]
    policy.begin(signals(0.0, 4))
    assert policy.desired(signals(15.0, 4, 1.0)).tolist() == [6]


def test_a_pod_counts_after_one_whole_window_of_readiness():
    policy = make("hpa")
    policy.begin(signals(0.0, 6))
    assert policy.desired(signals(15.0, 6, 1.0, settled=4)).tolist() == [6]
    policy.begin(signals(0.0, 6))
    # Launched longer ago than the CPU initialisation period, it counts at once.
    assert policy.desired(signals(15.0, 6, 1.0, settled=4, boot_s=300.0)).tolist() == [9]


def test_bounds_hold():
    assert run(make("hpa", target=0.1), 4, [1.0] * 3, maximum=9) == [8, 9, 9]
    assert run(make("hpa", stabilise_down_s=0.0), 4, [0.01] * 2, minimum=3) == [3, 3]


def test_worlds_are_independent():
    policy = make("hpa")
    policy.begin(signals(0.0, [4, 10]))
    assert policy.desired(signals(15.0, [4, 10], [1.0, 0.7])).tolist() == [6, 10]


@pytest.mark.parametrize(
    "parameters",
    [
        {"target": 0.0},
        {"target": "70%"},
        {"period_s": 0},
        {"tolerance": -0.1},
        {"select_up": "most"},
        {"scale_up": [("pods", 4)]},
        {"stabilise_down_s": 3601},
    ],
)
def test_bad_parameters(parameters: dict):
    with pytest.raises(SpecError) as caught:
        make("hpa", **parameters)
    assert len(caught.value.problems) == 1
    assert caught.value.problems[0].suggestion
