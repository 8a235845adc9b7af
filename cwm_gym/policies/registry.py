"""Policies by name."""

from __future__ import annotations

import inspect
from typing import Any

from cwm_gym.policies.base import FleetPolicy, Policy
from cwm_gym.policies.hpa import HPA
from cwm_gym.policies.simple import Idle, Random, Static, Threshold
from cwm_gym.policies.trend import Trend
from cwm_gym.spec.errors import ErrorCode, closest, invalid

POLICIES: dict[str, type[Policy] | type[FleetPolicy]] = {
    "hpa": HPA,
    "idle": Idle,
    "random": Random,
    "static": Static,
    "threshold": Threshold,
    "trend": Trend,
}


def names() -> tuple[str, ...]:
    """Name all ready-made policies.

    Returns:
        Names in alphabetical order.
    """
    return tuple(sorted(POLICIES))


def make(name: str, **parameters: Any) -> Policy | FleetPolicy:
    """Make a ready-made policy.

    Args:
        name: One of :func:`names`.
        **parameters: As the policy's class documents them.

    Returns:
        The policy.

    Raises:
        SpecError: For an unknown name, an unknown or missing parameter, or a bad value.
    """
    if name not in POLICIES:
        near = ", ".join(closest(str(name), names(), 3))
        raise invalid("/policy", f"Unknown policy {name!r}", f"Did you mean {near}?")
    kind = POLICIES[name]
    known = inspect.signature(kind).parameters
    for parameter in parameters:
        if parameter not in known:
            hint = f"'{name}' takes no parameters."
            if known:
                hint = f"Did you mean {', '.join(closest(parameter, list(known), 3))}?"
            raise invalid(f"/{parameter}", f"'{name}' has no parameter '{parameter}'", hint)
    for parameter, kept in known.items():
        if kept.default is inspect.Parameter.empty and parameter not in parameters:
            raise invalid(
                f"/{parameter}",
                f"'{name}' needs the parameter '{parameter}'",
                f"Give make('{name}', {parameter}=...).",
                ErrorCode.MISSING_REQUIRED,
            )
    return kind(**parameters)
