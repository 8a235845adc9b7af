"""Ready-made services: Simulation documents as data, loaded by name."""

from __future__ import annotations

import functools
import sys
from importlib.resources import files
from types import ModuleType

from cwm_gym.spec import Simulation
from cwm_gym.spec.errors import closest, invalid

DEFAULT_SCENARIO = "aws-web-app"


@functools.cache
def scenarios() -> tuple[str, ...]:
    """Name all scenarios.

    Returns:
        Names in alphabetical order.
    """
    return tuple(
        sorted(
            entry.name.removesuffix(".json")
            for entry in files(__name__).iterdir()
            if entry.name.endswith(".json")
        )
    )


@functools.cache
def load_scenario(name: str) -> Simulation:
    """Load a scenario.

    Args:
        name: One of :func:`scenarios`.

    Returns:
        The document; use ``patched`` to change it.

    Raises:
        SpecError: For an unknown name.
    """
    if not isinstance(name, str) or name not in scenarios():
        raise invalid(
            "/scenario",
            f"Unknown scenario {name!r}",
            f"Did you mean {', '.join(closest(str(name), scenarios(), 3))}?",
        )
    return Simulation.model_validate_json((files(__name__) / f"{name}.json").read_bytes())


class _Callable(ModuleType):
    """Importing this package puts it in the place of the function ``cwm_gym.scenarios``."""

    def __call__(self) -> tuple[str, ...]:
        return scenarios()


sys.modules[__name__].__class__ = _Callable
