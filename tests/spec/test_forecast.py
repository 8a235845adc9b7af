from __future__ import annotations

from typing import Any

import pytest

from cwm_gym.spec import ErrorCode, SpecError, TrafficForecast


def forecast(*points: tuple[float, float], **more: Any) -> dict[str, Any]:
    data = [{"timestamp": t, "rps": rps} for t, rps in points]
    return {"name": "gcp-holiday-burst-v3", "dataPoints": data, **more}


def test_peak_and_mean_are_calculated() -> None:
    read = TrafficForecast.model_validate(forecast((10, 100), (20, 300), (40, 300), peakRPS=1))
    assert read.peak_rps == 300
    assert read.avg_rps == pytest.approx((200 * 10 + 300 * 20) / 30)
    assert TrafficForecast.model_validate(forecast((0, 7))).avg_rps == 7
    written = read.model_dump(by_alias=True, exclude_none=True)
    assert written["peakRPS"] == 300
    assert TrafficForecast.model_validate(written) == read
    assert TrafficForecast.model_validate(read.to_document()) == read


@pytest.mark.parametrize("second", [38, 45])
def test_timestamps_must_increase(second: float) -> None:
    with pytest.raises(SpecError) as caught:
        TrafficForecast.model_validate(forecast((45, 1), (second, 2), (60, 3)))
    (problem,) = caught.value.problems
    assert (problem.code, problem.pointer) == (
        ErrorCode.INVALID_FIELD,
        "/dataPoints/1/timestamp",
    )
    assert problem.message == (
        "Traffic forecast 'gcp-holiday-burst-v3' is malformed: timestamps are not strictly "
        f"increasing (step 45 appears before step {second})"
    )


@pytest.mark.parametrize(
    ("data", "where"),
    [
        (forecast(), "/dataPoints"),
        (forecast((0, -1)), "/dataPoints/0/rps"),
        (forecast((-1, 1)), "/dataPoints/0/timestamp"),
        (forecast((0, float("nan"))), "/dataPoints/0/rps"),
    ],
)
def test_wrong_points_are_refused(data: dict[str, Any], where: str) -> None:
    with pytest.raises(SpecError) as caught:
        TrafficForecast.model_validate(data)
    assert [problem.pointer for problem in caught.value.problems] == [where]
