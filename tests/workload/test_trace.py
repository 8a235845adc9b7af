from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from cwm_gym.spec.errors import SpecError
from cwm_gym.workload import Trace, from_array

rates = st.lists(st.floats(0.0, 1e6), min_size=2, max_size=60)


def requests_by(trace: Trace, at_s: np.ndarray) -> np.ndarray:
    """Requests that arrive before each time, the rate being constant inside an interval."""
    begin = np.arange(len(trace)) * trace.step_s
    return np.clip(at_s[:, None] - begin, 0.0, trace.step_s) @ trace.rps


def test_samples_are_a_read_only_copy() -> None:
    array = np.array([1.0, 2.0, 3.0])
    trace = from_array(array, 60)
    array[0] = 9.0
    assert trace.rps.tolist() == [1.0, 2.0, 3.0]
    assert trace.rps.dtype == np.float64
    assert trace.duration_s == 180.0
    with pytest.raises(ValueError, match="read-only"):
        trace.rps[0] = 5.0


@pytest.mark.parametrize(
    ("rps", "message"),
    [
        ([1.0, -2.0, 3.0], "Sample 1 is -2 "),
        ([1.0, 2.0, float("nan"), float("nan")], r"Sample 2 is nan .*1 more"),
        ([float("inf"), 2.0], "Sample 0 is inf"),
        ([1.0, 1e13], "Sample 1 is 1e\\+13"),
        ([1.0], "1 sample"),
        ([], "0 sample"),
        ([[1.0, 2.0], [3.0, 4.0]], r"shape \(2, 2\)"),
        (["a", "b"], "not an array of numbers"),
        ([[1.0], [2.0, 3.0]], "not an array of numbers"),
    ],
)
def test_unusable_samples_are_named(rps: list[float], message: str) -> None:
    with pytest.raises(SpecError, match=message) as caught:
        from_array(rps, 60.0)
    assert [problem.pointer for problem in caught.value.problems] == ["/traffic/trace"]


@pytest.mark.parametrize("step", [0, -1.0, float("nan"), float("inf"), 10**400, True, "60", None])
def test_unusable_step_is_refused(step: float) -> None:
    with pytest.raises(SpecError, match="step_s") as caught:
        from_array([1.0, 2.0], step)
    assert caught.value.problems[0].pointer == "/traffic/step_s"


def test_start_must_be_a_time() -> None:
    with pytest.raises(SpecError, match="yesterday"):
        from_array([1.0, 2.0], 60, start="yesterday")


def test_second_of_day() -> None:
    assert from_array([1, 2], 60, start="1998-04-30T21:30:00").second_of_day == 21.5 * 3600
    assert from_array([1, 2], 60).second_of_day == 0.0


def test_resample_to_longer_and_shorter_ticks() -> None:
    trace = from_array([1.0, 3.0, 5.0, 7.0, 100.0], 60)
    assert trace.resample(120).rps.tolist() == [2.0, 6.0]  # the odd minute at the end is dropped
    assert trace.resample(30).rps.tolist() == [1, 1, 3, 3, 5, 5, 7, 7, 100, 100]
    # Three ticks of 90 s: a minute and half of the next, its other half and a minute, and so on.
    ticks = [(60 * 1 + 30 * 3) / 90, (30 * 3 + 60 * 5) / 90, (60 * 7 + 30 * 100) / 90]
    np.testing.assert_allclose(trace.resample(90).rps, ticks)
    assert trace.resample(60) is trace


@settings(deadline=None)
@given(rates, st.floats(1.0, 600.0), st.floats(0.1, 10.0))
def test_resampling_conserves_requests(rps: list[float], step: float, ratio: float) -> None:
    trace = from_array(rps, step)
    new_step = step * ratio
    assume(trace.duration_s / new_step >= 2.001)
    new = trace.resample(new_step)
    assert trace.duration_s - new_step < new.duration_s + 1e-6
    assert new.duration_s <= trace.duration_s * (1 + 1e-9)
    edges = np.arange(1, len(new) + 1) * new_step
    tolerance = 1e-9 * (1.0 + trace.rps.sum() * step)
    np.testing.assert_allclose(
        requests_by(new, edges), requests_by(trace, edges), rtol=0, atol=tolerance
    )
    assert trace.rps.min() <= new.rps.min()
    assert new.rps.max() <= trace.rps.max()


@settings(deadline=None)
@given(rates, st.integers(2, 7))
def test_upsampling_is_undone_by_downsampling(rps: list[float], factor: int) -> None:
    trace = from_array(rps, 60.0 * factor)
    back = trace.resample(60.0).resample(60.0 * factor)
    np.testing.assert_allclose(back.rps, trace.rps, atol=1e-9 * (1 + sum(rps)))


def test_resampling_needs_two_ticks() -> None:
    trace = from_array([1.0] * 10, 60)
    assert len(trace.resample(300)) == 2
    with pytest.raises(SpecError, match=r"lasts 600 s, less than two ticks of 301 s.*at most 300"):
        trace.resample(301)


def test_rescale_puts_the_training_p99_at_the_share() -> None:
    rng = np.random.default_rng(5)
    rps = rng.gamma(2.0, 50.0, 1000)
    rps[800:] *= 40  # a far busier test part must not change the factor
    trace = from_array(rps, 60)
    scaled = trace.rescale(2000.0, 0.6)
    assert np.quantile(scaled.rps[:700], 0.99) == pytest.approx(1200.0)
    np.testing.assert_allclose(scaled.rps / trace.rps, scaled.rps[0] / trace.rps[0])
    rps[800:] = 0.0
    assert from_array(rps, 60).rescale(2000.0, 0.6).rps[0] == scaled.rps[0]
    assert trace.rescale(2000.0).peak_rps == pytest.approx(0.8 * 2000.0)


def test_rescale_refuses_parts_silence_and_nonsense() -> None:
    trace = from_array(np.arange(100.0), 60)
    with pytest.raises(SpecError, match="Rescale the whole trace"):
        trace.split("test").rescale(100.0)
    with pytest.raises(SpecError, match="first 70 %"):
        from_array([0.0] * 80 + [5.0] * 20, 60).rescale(100.0)
    with pytest.raises(SpecError, match="share is 0"):
        trace.rescale(100.0, 0)
    with pytest.raises(SpecError, match="capacity_rps is nan"):
        trace.rescale(float("nan"))
    with pytest.raises(SpecError, match="Sample"):
        from_array([5e-324] * 99 + [1e12], 60).rescale(1e12)


def test_split_follows_the_documented_shares() -> None:
    trace = from_array(np.arange(1000.0), 60)
    assert trace.span("train") == range(700)
    assert trace.span("test") == range(800, 1000)
    assert trace.span("all") == range(1000)
    assert trace.windows("train", 240) == range(461)
    assert trace.windows("test", 200) == range(800, 801)


@settings(deadline=None)
@given(st.integers(10, 5000), st.integers(1, 60))
def test_windows_of_train_and_test_never_meet(n: int, length: int) -> None:
    trace = from_array(np.ones(n), 60)
    assume(length <= n // 5)
    train, test = trace.windows("train", length), trace.windows("test", length)
    assert train[0] == 0
    assert test[-1] + length == n
    last_train = train[-1] + length - 1
    assert test[0] - last_train - 1 >= n // 10
    assert last_train < 0.7 * n
    assert test[0] >= 0.8 * n


def test_part_is_a_trace_with_its_own_start_and_gaps() -> None:
    filled = ((60.0, 120.0), (4740.0, 4860.0), (5880.0, 5940.0))
    trace = Trace(np.arange(100.0), 60.0, start="2024-02-28T23:00:00", filled=filled)
    test = trace.split("test")
    assert test.rps.tolist() == list(range(80, 100))
    assert test.start == "2024-02-29T00:20:00"
    assert test.filled == ((0.0, 60.0), (1080.0, 1140.0))
    assert test.part == "test"
    assert trace.split("train").filled == ((60.0, 120.0),)
    assert trace.split("all") is trace
    assert test.peak_rps == pytest.approx(np.quantile(np.arange(80, 100), 0.99))
    with pytest.raises(SpecError, match="already the test part"):
        test.split("train")


def test_short_split_says_what_would_do() -> None:
    trace = from_array(np.ones(1000), 60)
    with pytest.raises(SpecError) as caught:
        trace.windows("test", 240)
    text = str(caught.value)
    assert "200 step(s) of 60 s; 240 are needed" in text
    assert "200 step(s) or fewer" in text
    assert "at least 1200 steps (20 h)" in text
    assert len(from_array(np.ones(1200), 60).windows("test", 240)) == 1


@settings(max_examples=30, deadline=None)
@given(st.sampled_from(["train", "test", "all"]), st.integers(2, 3000))
def test_suggested_length_is_the_smallest_that_works(split: str, length: int) -> None:
    with pytest.raises(SpecError) as caught:
        from_array([1.0, 1.0], 3600).windows(split, length + 1)
    need = int(str(caught.value).split("at least ")[1].split()[0])
    assert len(from_array(np.ones(need), 3600).windows(split, length + 1)) >= 1
    with pytest.raises(SpecError):
        from_array(np.ones(need - 1), 3600).windows(split, length + 1)


def test_unknown_split_suggests_the_closest() -> None:
    trace = from_array(np.ones(100), 60)
    with pytest.raises(SpecError, match="Did you mean 'train'") as caught:
        trace.windows("training", 5)
    assert caught.value.problems[0].pointer == "/split"
    with pytest.raises(SpecError, match="0 steps"):
        trace.windows("train", 0)
    with pytest.raises(SpecError, match="0 step"):
        from_array(np.ones(4), 60).split("test")
