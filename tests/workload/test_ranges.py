"""Training and test share no parameter value and no random stream."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from cwm_gym.workload import KINDS, RANGES, draw_shape
from cwm_gym.workload.ranges import STRIPS, Range, stream


@pytest.mark.parametrize("kind", KINDS)
def test_strips_of_the_splits_are_apart(kind: str) -> None:
    for one in RANGES[kind].values():
        assert 0.0 < one.low < one.high
        gap = (one.high - one.low) / STRIPS
        for (a, b), (c, d) in itertools.product(one.strips("train"), one.strips("test")):
            assert min(abs(c - b), abs(a - d)) >= gap * (1 - 1e-9)


@pytest.mark.parametrize("kind", KINDS)
def test_draws_keep_to_their_strips_and_reach_all_of_them(kind: str) -> None:
    for split in ("train", "test"):
        shapes = [draw_shape(kind, split=split, seed=seed) for seed in range(60)]
        for name, one in RANGES[kind].items():
            values = np.array([shape[name] for shape in shapes])
            inside = [(low <= values) & (values < high) for low, high in one.strips(split)]
            assert np.sum(inside, axis=0).tolist() == [1] * 60
            assert all(hits.any() for hits in inside)


def test_both_splits_have_the_middle_as_their_mean() -> None:
    one = Range(2.0, 11.0, "")
    assert one.strips("train") == ((2.0, 3.0), (6.0, 7.0), (10.0, 11.0))
    assert one.strips("test") == ((4.0, 5.0), (8.0, 9.0))
    for split in ("train", "test"):
        assert np.mean(one.strips(split)) == 6.5


def test_no_stream_is_used_twice() -> None:
    """Neither kinds, splits, neighbouring seeds nor purposes meet the same numbers."""
    seeds = [0, 1, 2, 2**32, 2**63 - 1]
    keys = list(itertools.product(KINDS, ("train", "test"), seeds, (0, 1, 2)))
    firsts = {tuple(stream(*key).integers(0, 2**63, 4)) for key in keys}
    assert len(firsts) == len(keys)


def test_equal_seeds_draw_unequal_shapes() -> None:
    train, test = draw_shape("diurnal", seed=1), draw_shape("diurnal", split="test", seed=1)
    assert train == draw_shape("diurnal", seed=1)
    assert train != draw_shape("diurnal", seed=2)
    assert all(train[name] != test[name] for name in train)
