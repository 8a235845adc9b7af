from __future__ import annotations

import math

import numpy as np
import pytest

from cwm_gym.core.jit import standalone
from cwm_gym.core.queueing import latency
from cwm_gym.core.queueing.records import MIXTURE, MIXTURE_CAPACITY

add_component = standalone(latency.add_component)
clear_mixture = standalone(latency.clear_mixture)
mean_latency = standalone(latency.mean_latency)
quantile = standalone(latency.quantile)


@pytest.fixture
def mixture() -> np.void:
    record = np.zeros(1, MIXTURE)[0]
    clear_mixture(record)
    return record


def test_nothing_completed(mixture: np.void) -> None:
    add_component(mixture, 0.0, 1.0, 1.0, False)
    assert quantile(mixture, 0.95) == 0.0
    assert mean_latency(mixture) == 0.0


@pytest.mark.parametrize("q", [0.5, 0.95, 0.99])
def test_exponential_quantiles(mixture: np.void, q: float) -> None:
    add_component(mixture, 10.0, 2.0, 4.0, False)
    # Wilson and Hilferty's form is within 2 % of the exponential distribution there.
    assert quantile(mixture, q) == pytest.approx(-2.0 * math.log(1.0 - q), rel=0.02)


def test_lognormal_quantiles_are_exact(mixture: np.void) -> None:
    sigma = 0.8
    mean = math.exp(0.5 * sigma * sigma)
    variance = mean * mean * (math.exp(sigma * sigma) - 1.0)
    add_component(mixture, 1.0, mean, variance, True)
    assert quantile(mixture, 0.95) == pytest.approx(math.exp(1.6448536 * sigma), rel=1e-6)


def test_two_separate_modes(mixture: np.void) -> None:
    add_component(mixture, 70.0, 1.0, 0.01, False)
    add_component(mixture, 30.0, 100.0, 25.0, False)
    assert quantile(mixture, 0.5) == pytest.approx(1.0, abs=0.1)
    # 0.95 of all is 1 - 5/30 of the slow part: 100 + 5 * 0.9674
    assert quantile(mixture, 0.95) == pytest.approx(104.8, rel=0.01)
    assert mean_latency(mixture) == pytest.approx(30.7)


def test_it_agrees_with_sampling(mixture: np.void) -> None:
    rng = np.random.default_rng(0)
    samples = []
    for weight, shape, scale in [(5, 1.0, 0.1), (3, 4.0, 0.2), (2, 9.0, 0.5)]:
        add_component(mixture, weight, shape * scale, shape * scale * scale, False)
        samples.append(rng.gamma(shape, scale, weight * 100_000))
    expected = np.quantile(np.concatenate(samples), [0.5, 0.9, 0.95, 0.99])
    found = [quantile(mixture, q) for q in (0.5, 0.9, 0.95, 0.99)]
    np.testing.assert_allclose(found, expected, rtol=0.02)


def test_a_full_mixture_is_coarsened_without_losing_anything(mixture: np.void) -> None:
    rng = np.random.default_rng(1)
    means = rng.lognormal(0.0, 1.0, 3 * MIXTURE_CAPACITY)
    for k, mean in enumerate(means):
        add_component(mixture, 1.0 + k % 3, mean, 0.5 * mean * mean, k % 5 == 0)
    n = int(mixture["count"])
    assert n < MIXTURE_CAPACITY
    weight = mixture["weight"][:n]
    mean = mixture["mean"][:n]
    assert weight.sum() == pytest.approx(mixture["total"])
    assert weight @ mean == pytest.approx(mixture["first"])
    second = weight @ (mixture["variance"][:n] + mean**2)
    assert second == pytest.approx(mixture["second"])
    # Merged neighbours leave the quantiles where they were.
    draws = rng.choice(means, 200_000) * rng.gamma(2.0, 0.5, 200_000)
    assert quantile(mixture, 0.95) == pytest.approx(np.quantile(draws, 0.95), rel=0.05)
