"""Random streams that live in the record: xoshiro256++, seeded through splitmix64.

A world has two streams. ``rng`` serves what is drawn per episode; ``noise_rng`` serves demand
noise alone, so that no action moves it and two policies meet the same demand (common random
numbers). Source: Blackman and Vigna, "Scrambled linear pseudorandom number generators", ACM TOMS
47(4), 2021, and the constants of Steele, Lea and Flood's SplitMix, OOPSLA 2014.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from cwm_gym.core.jit import jit

_U = np.uint64
_GOLDEN = _U(0x9E3779B97F4A7C15)
_MIX_1 = _U(0xBF58476D1CE4E5B9)
_MIX_2 = _U(0x94D049BB133111EB)
_TO_UNIT = 1.0 / 9007199254740992.0  # 2**-53


@jit(inline="always")
def _rotate(x: np.uint64, k: int) -> np.uint64:
    return (x << _U(k)) | (x >> _U(64 - k))


@jit
def seed_stream(state: NDArray[np.uint64], seed: np.uint64, stream: np.uint64) -> None:
    """Fill a generator's state.

    Args:
        state: uint64[4], overwritten.
        seed: Any 64-bit number.
        stream: Number of the stream; streams of one seed are unrelated.
    """
    x = seed ^ ((stream + _U(1)) * _MIX_2)
    for i in range(4):
        x = x + _GOLDEN
        z = x
        z = (z ^ (z >> _U(30))) * _MIX_1
        z = (z ^ (z >> _U(27))) * _MIX_2
        state[i] = z ^ (z >> _U(31))


@jit
def next_uint64(state: NDArray[np.uint64]) -> np.uint64:
    """Advance a stream by one 64-bit number.

    Args:
        state: uint64[4], advanced in place.

    Returns:
        A uniform 64-bit integer.
    """
    s0, s1, s2, s3 = state[0], state[1], state[2], state[3]
    result = _rotate(s0 + s3, 23) + s0
    t = s1 << _U(17)
    s2 ^= s0
    s3 ^= s1
    s1 ^= s2
    s0 ^= s3
    s2 ^= t
    s3 = _rotate(s3, 45)
    state[0], state[1], state[2], state[3] = s0, s1, s2, s3
    return result


@jit
def uniform(state: NDArray[np.uint64]) -> float:
    """Draw from U[0, 1) with 53 bits.

    Args:
        state: uint64[4], advanced in place.

    Returns:
        The draw.
    """
    return float(next_uint64(state) >> _U(11)) * _TO_UNIT


@jit
def normal(state: NDArray[np.uint64]) -> float:
    """Draw from N(0, 1) by the Box-Muller transform (one of the pair is not used).

    Args:
        state: uint64[4], advanced by exactly two numbers.

    Returns:
        The draw.
    """
    radius = math.sqrt(-2.0 * math.log(1.0 - uniform(state)))
    return radius * math.cos(2.0 * math.pi * uniform(state))
