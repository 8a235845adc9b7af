from __future__ import annotations

import math

import numpy as np
import pytest

from cwm_gym.evaluation.statistics import mean_interval, t_coverage, t_quantile


def test_closed_forms():
    # One degree of freedom is Cauchy, two have an algebraic distribution.
    assert t_quantile(0.95, 1) == pytest.approx(math.tan(0.95 * math.pi / 2.0), rel=1e-10)
    assert t_quantile(0.95, 2) == pytest.approx(0.95 * math.sqrt(2.0 / (1.0 - 0.95**2)), rel=1e-10)
    assert t_coverage(1.0, 1) == pytest.approx(0.5)


@pytest.mark.parametrize(("degrees", "table"), [(3, 3.182), (4, 2.776), (23, 2.069), (120, 1.980)])
def test_the_printed_table(degrees: int, table: float):
    assert t_quantile(0.95, degrees) == pytest.approx(table, abs=5e-4)


def test_against_scipy():
    stats = pytest.importorskip("scipy.stats")
    for degrees in (1, 2, 5, 10, 47, 500, 20001):
        assert t_quantile(0.95, degrees) == pytest.approx(stats.t.ppf(0.975, degrees), rel=1e-9)


def test_intervals_cover_the_mean_as_often_as_they_say():
    rng = np.random.default_rng(5)
    inside = 0
    for _ in range(2000):
        low, high = mean_interval(rng.normal(3.0, 2.0, size=6))
        inside += low <= 3.0 <= high
    assert inside / 2000 == pytest.approx(0.95, abs=0.015)


def test_a_single_value_says_nothing():
    assert mean_interval(np.array([4.0])) == (-math.inf, math.inf)
