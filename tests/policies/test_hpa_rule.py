"""Worked examples of the Kubernetes documentation, step by step."""

from __future__ import annotations

import numpy as np
import pytest

from cwm_gym.policies.hpa_rule import ScalingPolicy, allowed, replicas, stabilise
from cwm_gym.spec import SpecError


def test_the_documented_ratios():
    # 200m against 100m doubles, 50m against 100m halves; within 10 % nothing happens.
    assert replicas([4, 4, 4, 4], [2.0, 0.5, 1.1, 0.9], [4, 4, 4, 4]).tolist() == [8, 2, 4, 4]


def test_the_count_is_rounded_up():
    assert replicas(3, 1.2, 3) == 4
    assert replicas(10, 0.71, 10) == 8
    # 0.1 * 30 is 3.0000000000000004 in floating point, which is still three pods.
    assert replicas(30, 0.1, 30) == 3


@pytest.mark.parametrize(("ratio", "wanted"), [(1.1001, 12), (1.0999, 10), (0.8999, 9), (0.9, 10)])
def test_tolerance_is_a_tenth_on_both_sides(ratio: float, wanted: int):
    assert replicas(10, ratio, 10) == wanted


def test_a_wider_tolerance():
    assert replicas(10, 1.2, 10, tolerance=0.25) == 10


def test_pods_that_are_not_ready_count_as_idle_on_the_way_up():
    # 4 ready at 150 % of the target and 4 launching: 4 * 1.5 / 8 = 75 % points down, so stay.
    assert replicas(8, 1.5, 4, unready=4) == 8
    # 4 at 300 % and 2 launching: 12 / 6 = 200 % -> 12 pods.
    assert replicas(6, 3.0, 4, unready=2) == 12
    # 4 at 150 % and 2 launching: 100 % -> inside the tolerance.
    assert replicas(6, 1.5, 4, unready=2) == 6


def test_pods_that_are_not_ready_are_left_out_on_the_way_down():
    assert replicas(10, 0.5, 6, unready=4) == 3


def test_missing_metrics_make_both_directions_more_careful():
    # Down: 6 at 50 %, 4 taken to be on target: 7 / 10 -> 7 pods, not 5.
    assert replicas(10, 0.5, 6, missing=4) == 7
    # Up: 6 at 200 %, 4 taken to be idle: 12 / 10 -> 12 pods, not 20.
    assert replicas(10, 2.0, 6, missing=4) == 12
    # Up by little: 6 at 120 % and 4 idle would point down -> stay.
    assert replicas(10, 1.2, 6, missing=4) == 10


def test_no_pod_with_a_metric_means_no_change():
    assert replicas(5, np.nan, 5) == 5
    assert replicas(5, 2.0, 0, unready=5) == 5


def test_cpu_is_read_in_whole_percent():
    # 77.9 % of a target of 70 % is read as 77 %: 1.1 exactly, inside the tolerance.
    assert replicas(10, 0.779 / 0.7, 10, resolution=0.01 / 0.7) == 10
    assert replicas(10, 0.779 / 0.7, 10) == 12
    # Rounding in floating point must not cost a percent: 0.57 is 57 %.
    assert replicas(100, 0.57 / 0.5, 100, resolution=0.01 / 0.5) == 114


def test_arrays_of_worlds_are_independent():
    one_by_one = [int(replicas(8, r, n, unready=8 - n)) for r, n in ((1.5, 4), (3.0, 6), (0.4, 8))]
    assert replicas(8, [1.5, 3.0, 0.4], [4, 6, 8], unready=[4, 2, 0]).tolist() == one_by_one


def test_stabilisation_takes_the_largest_recent_recommendation_down():
    assert stabilise(10, 4, recent_down=[[7], [5]]).tolist() == [7]
    assert stabilise([10], [4], recent_down=[[12]]).tolist() == [10]
    assert stabilise([10], [12], recent_down=[[4]]).tolist() == [12]


def test_stabilisation_takes_the_smallest_recent_recommendation_up():
    assert stabilise([10], [20], recent_up=[[15], [18]]).tolist() == [15]
    assert stabilise([10], [20], recent_up=[[8]]).tolist() == [10]


UP = (ScalingPolicy("percent", 100, 15), ScalingPolicy("pods", 4, 15))


@pytest.mark.parametrize(("now", "most"), [(1, 5), (3, 7), (4, 8), (5, 10), (20, 40)])
def test_default_growth_is_doubling_or_four_pods(now: int, most: int):
    assert allowed(now, UP, [0, 0], [0, 0], "up") == most


def test_what_was_added_in_the_period_counts():
    # 10 at the start of the period, 6 added: up to 20 in all.
    assert allowed(16, UP, [6, 6], [0, 0], "up") == 20
    assert allowed(25, UP, [15, 15], [0, 0], "up") == 25


def test_default_shrinking_goes_to_zero_at_once():
    assert allowed(80, [ScalingPolicy("percent", 100, 15)], [0], [0], "down") == 0


def test_the_documented_ten_percent_steps():
    # "8 replicas (10 % of 80) ... 7.2 rounded up to 8 ... below 40 the pods policy takes over".
    policies = (ScalingPolicy("pods", 4, 60), ScalingPolicy("percent", 10, 60))
    fleet, path = 80, []
    while fleet > 10:
        fleet = max(10, int(allowed(fleet, policies, [0, 0], [0, 0], "down")))
        path.append(fleet)
    assert path[:2] == [72, 64]
    assert path == [72, 64, 57, 51, 45, 40, 36, 32, 28, 24, 20, 16, 12, 10]


def test_selecting_the_least_or_nothing():
    assert allowed(10, UP, [0, 0], [0, 0], "up", "min") == 14
    assert allowed(10, UP, [0, 0], [0, 0], "up", "disabled") == 10
    policies = (ScalingPolicy("pods", 4, 60), ScalingPolicy("percent", 10, 60))
    assert allowed(80, policies, [0, 0], [0, 0], "down", "min") == 76


@pytest.mark.parametrize(
    ("given", "pointer"),
    [(("share", 1, 15), "/kind"), (("pods", 0, 15), "/value"), (("pods", 4, 1801), "/period_s")],
)
def test_scaling_policies_are_checked(given: tuple, pointer: str):
    with pytest.raises(SpecError) as caught:
        ScalingPolicy(*given)
    assert caught.value.problems[0].pointer == pointer
