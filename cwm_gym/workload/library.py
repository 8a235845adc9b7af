"""Traffic forecasts of the events that services prepare for, as documents loaded by name."""

from __future__ import annotations

import functools
from importlib.resources import files

from cwm_gym.spec.errors import closest, invalid
from cwm_gym.spec.forecast import TrafficForecast

_FOLDER = files("cwm_gym.workload") / "forecasts"


@functools.cache
def forecasts() -> tuple[str, ...]:
    """Name all forecasts.

    Returns:
        Names in alphabetical order.
    """
    return tuple(
        sorted(
            entry.name.removesuffix(".json")
            for entry in _FOLDER.iterdir()
            if entry.name.endswith(".json")
        )
    )


@functools.cache
def forecast(name: str) -> TrafficForecast:
    """Load a forecast.

    Args:
        name: One of :func:`forecasts`.

    Returns:
        The document: rates relative to a base of 1000 rps, times in steps; a ``traffic`` argument.

    Raises:
        SpecError: For an unknown name.
    """
    if not isinstance(name, str) or name not in forecasts():
        near = closest(str(name), forecasts(), 3)
        raise invalid("/traffic", f"Unknown forecast {name!r}.", f"Did you mean {', '.join(near)}?")
    return TrafficForecast.model_validate_json((_FOLDER / f"{name}.json").read_bytes())
