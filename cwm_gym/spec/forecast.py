"""Traffic forecasts: predicted demand as points in time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Annotated, Any

from pydantic import Field, computed_field, model_validator

from cwm_gym.spec.base import Document
from cwm_gym.spec.errors import ErrorCode, Problem
from cwm_gym.spec.problems import fold, pointer, read, read_items, read_number
from cwm_gym.spec.quantities import NonNegative, Text


class TrafficForecastPoint(Document):
    """Demand at one moment."""

    timestamp: NonNegative
    """Time since the start, in steps of the episode's base ``tick_seconds``."""
    rps: NonNegative
    """Requests per second."""
    label: str | None = None
    """For people, for example ``Peak``."""


class TrafficForecast(Document):
    """Predicted demand, linear between its points and constant beyond the last.

    ``peakRPS`` and ``avgRPS`` are calculated; a document may carry them, and they are calculated
    anew.
    """

    name: Text
    """For people, for example ``Black Friday 2025``."""
    description: str | None = None
    """For people."""
    data_points: Annotated[tuple[TrafficForecastPoint, ...], Field(min_length=1)]
    """Points in strictly increasing order of time."""

    @computed_field(alias="peakRPS")  # type: ignore[prop-decorator]
    @property
    def peak_rps(self) -> float:
        """Highest rate, requests per second."""
        return max(point.rps for point in self.data_points)

    @computed_field(alias="avgRPS")  # type: ignore[prop-decorator]
    @property
    def avg_rps(self) -> float:
        """Mean rate over the time between the first point and the last, requests per second."""
        if len(self.data_points) == 1:
            return self.data_points[0].rps
        requests = sum(
            0.5 * (a.rps + b.rps) * (b.timestamp - a.timestamp)
            for a, b in pairwise(self.data_points)
        )
        return requests / (self.data_points[-1].timestamp - self.data_points[0].timestamp)

    @model_validator(mode="before")
    @classmethod
    def _drop_calculated(cls, data: Any) -> Any:
        if not isinstance(data, Mapping):
            return data
        return {
            key: value
            for key, value in data.items()
            if not (isinstance(key, str) and fold(key) in ("peakrps", "avgrps"))
        }

    @classmethod
    def _conflicts(cls, node: object) -> Iterable[Problem]:
        name = read(node, "name")
        what = f"Traffic forecast '{name}'" if isinstance(name, str) else "Traffic forecast"
        return order_problems(read_items(node, "dataPoints"), what, "dataPoints")


def order_problems(points: Sequence[object], what: str, field: str) -> Iterable[Problem]:
    """Check that points are in strictly increasing order of time.

    Args:
        points: Points, validated or not.
        what: What they belong to, as the start of the message.
        field: Camel-case name of the list, for pointers.

    Yields:
        One problem for every point that is not later than the point before it.
    """
    for index, (before, after) in enumerate(pairwise(points), start=1):
        earlier, later = read_number(before, "timestamp"), read_number(after, "timestamp")
        if earlier is not None and later is not None and later <= earlier:
            yield Problem(
                ErrorCode.INVALID_FIELD,
                pointer(field, index, "timestamp"),
                f"{what} is malformed: timestamps are not strictly increasing "
                f"(step {earlier:g} appears before step {later:g})",
                "A monotonically increasing timestamp sequence is required.",
            )
