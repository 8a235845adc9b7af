from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np
import pytest

from cwm_gym.core.jit import standalone
from cwm_gym.core.queueing import special


@functools.cache
def compiled(name: str) -> Any:
    return standalone(getattr(special, name))


@pytest.mark.parametrize("x", [0.0, 0.5, 3.0, 7.9, 8.1, 30.0])
def test_mills_ratio_lies_between_its_bounds(x: float) -> None:
    # 2/(x + sqrt(x^2 + 4)) < R(x) < 4/(3x + sqrt(x^2 + 8)) (Birnbaum 1942, Sampford 1953)
    ratio = compiled("mills")(x)
    assert 2.0 / (x + math.sqrt(x * x + 4.0)) <= ratio
    assert ratio <= 4.0 / (3.0 * x + math.sqrt(x * x + 8.0)) * (1.0 + 1e-9)


def test_normal_functions() -> None:
    assert compiled("normal_cdf")(0.0) == 0.5
    assert compiled("normal_cdf")(1.6448536269514722) == pytest.approx(0.95, abs=1e-12)
    assert compiled("normal_pdf")(1.0) == pytest.approx(0.24197072451914337)


def erlang_b(servers: int, offered: float) -> float:
    blocked = 1.0
    for k in range(1, servers + 1):
        blocked = offered * blocked / (k + offered * blocked)
    return blocked


@pytest.mark.parametrize("servers", [1, 2, 5, 16, 64, 256])
@pytest.mark.parametrize("load", [0.3, 0.7, 0.95, 1.0, 1.2, 2.0])
def test_erlang_b_agrees_with_the_recursion(servers: int, load: float) -> None:
    exact = erlang_b(servers, load * servers)
    # The expansion promises 1.6 %; blocking below 1e-12 never shows.
    if exact > 1e-12:
        assert 1.0 / compiled("inverse_erlang_b")(float(servers), load) == pytest.approx(
            exact, rel=0.016
        )


@pytest.mark.parametrize("rate", [-200.0, -2.0, -1e-4, 0.0, 1e-4, 0.7, 50.0])
def test_truncated_exponential_integrals(rate: float) -> None:
    end = 1.7
    x = np.linspace(0.0, end, 200_001)
    weight = np.exp(min(rate * end, 0.0) - rate * x)
    scale, edge, *integrals = compiled("truncated_exponential")(rate, end)
    # The scale is free where nothing can overflow: compare what it leaves.
    assert edge / scale == pytest.approx(math.exp(-rate * end), rel=1e-6)
    for k, value in enumerate(integrals):
        expected = np.trapezoid(weight * x**k, x) / math.exp(min(rate * end, 0.0))
        assert value / scale == pytest.approx(expected, rel=1e-3)


def test_partial_moments_of_a_gamma_variable() -> None:
    rng = np.random.default_rng(0)
    for cv2 in (0.3, 1.0, 1.8):
        x = rng.gamma(1.0 / cv2, cv2, 200_000)
        for limit in (0.5, 1.0, 2.5):
            below, part = compiled("gamma_below")(cv2, limit)
            assert below == pytest.approx((x < limit).mean(), abs=0.02)
            assert part == pytest.approx(x[x < limit].sum() / len(x), abs=0.02)


def test_inverse_cube_root() -> None:
    for x in np.logspace(-12, 12, 49):
        assert compiled("inverse_cube_root")(float(x)) == pytest.approx(x ** (-1 / 3), rel=1e-12)
