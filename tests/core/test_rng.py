"""The generator against its published algorithm, and the stream's independence."""

from __future__ import annotations

import numpy as np
import pytest

from cwm_gym.core import rng
from cwm_gym.core.jit import standalone

next_uint64 = standalone(rng.next_uint64)
normal = standalone(rng.normal)
seed_stream = standalone(rng.seed_stream)
uniform = standalone(rng.uniform)

MASK = (1 << 64) - 1


def splitmix(x: int) -> tuple[int, int]:
    x = (x + 0x9E3779B97F4A7C15) & MASK
    z = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    return x, z ^ (z >> 31)


def rotate(x: int, k: int) -> int:
    return ((x << k) | (x >> (64 - k))) & MASK


def xoshiro(s: list[int]) -> int:
    result = (rotate((s[0] + s[3]) & MASK, 23) + s[0]) & MASK
    t = (s[1] << 17) & MASK
    s[2] ^= s[0]
    s[3] ^= s[1]
    s[1] ^= s[2]
    s[0] ^= s[3]
    s[2] ^= t
    s[3] = rotate(s[3], 45)
    return result


def seeded(seed: int, stream: int = 0) -> np.ndarray:  # type: ignore[type-arg]
    state = np.zeros(4, np.uint64)
    seed_stream(state, np.uint64(seed), np.uint64(stream))
    return state


@pytest.mark.parametrize("seed", [0, 1, 2**64 - 1, 123456789])
def test_numbers_are_those_of_the_published_algorithms(seed: int) -> None:
    state = seeded(seed)
    x, words = seed ^ 0x94D049BB133111EB, []
    for _ in range(4):
        x, word = splitmix(x)
        words.append(word)
    assert [int(word) for word in state] == words
    assert [int(next_uint64(state)) for _ in range(100)] == [xoshiro(words) for _ in range(100)]


def test_xoshiro_matches_a_published_vector() -> None:
    # First outputs of xoshiro256++ from the state 1, 2, 3, 4 (Rust's rand_xoshiro, its test).
    state = np.array([1, 2, 3, 4], np.uint64)
    expected = [41943041, 58720359, 3588806011781223, 3591011842654386, 9228616714210784205]
    assert [int(next_uint64(state)) for _ in range(5)] == expected


def test_uniform_numbers_fill_their_interval() -> None:
    state = seeded(7)
    draws = np.array([uniform(state) for _ in range(50_000)])
    assert draws.min() >= 0.0
    assert draws.max() < 1.0
    counts = np.histogram(draws, 20, (0, 1))[0]
    assert ((counts - 2500) ** 2 / 2500).sum() < 43.8  # chi-square, 19 degrees, 0.1 %


def test_normal_numbers_have_the_moments_of_a_normal() -> None:
    state = seeded(7)
    draws = np.array([normal(state) for _ in range(50_000)])
    assert draws.mean() == pytest.approx(0.0, abs=0.015)
    assert draws.std() == pytest.approx(1.0, abs=0.015)
    assert (draws**4).mean() == pytest.approx(3.0, abs=0.15)


def test_streams_and_neighbouring_seeds_are_unrelated() -> None:
    streams = [seeded(s, k) for s in range(3) for k in range(2)]
    runs = np.array([[uniform(state) for _ in range(4000)] for state in streams])
    correlations = np.corrcoef(runs)[np.triu_indices(len(runs), 1)]
    assert abs(correlations).max() < 0.06
