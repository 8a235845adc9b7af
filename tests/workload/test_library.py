"""The forecasts of the specification, as documents."""

from __future__ import annotations

import json

import pytest

from cwm_gym.spec import TrafficForecast
from cwm_gym.spec.errors import SpecError
from cwm_gym.workload import forecast, forecasts

BASE = 1000


def test_names() -> None:
    assert forecasts() == (
        "black-friday",
        "month-end-batch",
        "product-launch",
        "seasonal-holiday",
        "viral",
    )


# (step, factor) of the examples of POST /predictions/validate, which the documents keep.
@pytest.mark.parametrize(
    ("name", "figures"),
    [
        ("black-friday", {0: 1, 30: 3, 60: 6, 90: 4, 100: 1.25}),
        ("seasonal-holiday", {0: 1, 40: 8 / 3, 70: 4, 90: 2, 100: 3.2 / 3}),
        ("product-launch", {0: 1, 20: 10, 50: 8, 80: 3, 100: 1.5}),
        ("month-end-batch", {0: 1, 25: 3, 60: 3.25, 80: 1.5, 100: 850 / 800}),
        ("viral", {0: 1, 15: 5, 40: 6, 70: 3, 100: 1.4}),
    ],
)
def test_figures_of_the_specification(name: str, figures: dict[int, float]) -> None:
    rates = {point.timestamp: point.rps for point in forecast(name).data_points}
    for step, factor in figures.items():
        assert rates[step] == pytest.approx(factor * BASE, abs=0.6)
    assert forecast(name).peak_rps == max(figures.values()) * BASE


@pytest.mark.parametrize("name", forecasts())
def test_every_forecast_can_be_validated_and_optimised(name: str) -> None:
    """The specification wants 5 points over 60 steps and 3 distinct levels."""
    document = forecast(name)
    points = document.data_points
    assert len(points) >= 5
    assert points[-1].timestamp - points[0].timestamp >= 60
    assert len({point.rps for point in points}) >= 3
    assert document.description
    again = json.loads(json.dumps(document.to_document()))
    assert TrafficForecast.model_validate(again) == document


def test_unknown_name() -> None:
    with pytest.raises(SpecError, match="black-friday") as caught:
        forecast("black_friday")
    assert caught.value.problems[0].pointer == "/traffic"
    with pytest.raises(SpecError):
        forecast(5)  # type: ignore[arg-type]
