"""Gymnasium environments in which agents learn to run cloud services.

Importing the package registers the environment ids and nothing heavy: the kernel and the catalog
load when they are first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from cwm_gym.registration import register_environments

if TYPE_CHECKING:
    from cwm_gym.evaluation import Evaluation, History, evaluate, replay, simulate
    from cwm_gym.live import LiveSimulation
    from cwm_gym.scenarios import load_scenario, scenarios
    from cwm_gym.spec import EpisodeConfig, RewardConfig, Simulation, SpecError

__version__ = "0.1.0"

__all__ = [
    "EpisodeConfig",
    "Evaluation",
    "History",
    "LiveSimulation",
    "RewardConfig",
    "Simulation",
    "SpecError",
    "__version__",
    "catalog",
    "evaluate",
    "integrations",
    "load_scenario",
    "policies",
    "replay",
    "scenarios",
    "simulate",
]

_MODULES = ("catalog", "evaluation", "integrations", "policies", "score", "testing", "workload")
_NAMES = {
    "EpisodeConfig": "spec",
    "Evaluation": "evaluation",
    "History": "evaluation",
    "LiveSimulation": "live",
    "RewardConfig": "spec",
    "Simulation": "spec",
    "SpecError": "spec",
    "evaluate": "evaluation",
    "load_scenario": "scenarios",
    "replay": "evaluation",
    "scenarios": "scenarios",
    "simulate": "evaluation",
}

register_environments()


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return importlib.import_module(f"{__name__}.{name}")
    if name in _NAMES:
        return getattr(importlib.import_module(f"{__name__}.{_NAMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, *_MODULES})
