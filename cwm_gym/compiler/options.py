"""What an environment may ask of the compiler beyond the documents."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from cwm_gym.compiler.demand import Traffic
from cwm_gym.spec import RewardConfig
from cwm_gym.spec.errors import invalid

ACTION_MODES = ("discrete", "continuous", "multi_discrete")
AUTOSCALER_MODES = ("off", "on")
QUANTILES = ("p95", "all")
SPLITS = ("train", "test")


@dataclass(frozen=True)
class Options:
    """What an environment may ask of the compiler beyond the documents.

    Attributes:
        traffic: Demand in place of the documents'.
        faults: Fault documents, a sampling of random ones, or both, in place of the simulation's;
            see :func:`cwm_gym.compiler.faults.faults_asked`.
        reward: Reward in place of the simulation's.
        randomize: Parameter name -> (low, high), drawn uniformly for every episode.
        metric_delay_s: Age of the observed metrics, s.
        action_cooldown_s: Pause after a scaling action of the agent, s.
        action_mode: ``multi_discrete`` prepares actions on every resource; where the simulation
            names no spares, a copy of the scaled pool then stands by.
        autoscaler: ``on`` lets the built-in autoscaler act.
        quantiles: ``all`` computes P50 and P99 besides P95.
        split: ``train`` or ``test``.
        max_episode_steps: Length of the episode in place of ``maxSteps``.
    """

    traffic: Traffic | None = None
    faults: Any | None = None
    reward: RewardConfig | None = None
    randomize: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    metric_delay_s: float = 0.0
    action_cooldown_s: float = 0.0
    action_mode: str = "discrete"
    autoscaler: str = "off"
    quantiles: str = "p95"
    split: str = "train"
    max_episode_steps: int | None = None


def check_options(options: Options) -> None:
    """Check everything that needs no document.

    Args:
        options: The options.

    Raises:
        SpecError: For unknown modes and numbers out of range.
    """
    for value, known, name in (
        (options.action_mode, ACTION_MODES, "action_mode"),
        (options.autoscaler, AUTOSCALER_MODES, "autoscaler"),
        (options.quantiles, QUANTILES, "quantiles"),
        (options.split, SPLITS, "split"),
    ):
        if value not in known:
            raise invalid(
                f"/{name}", f"Unknown {name} {value!r}", f"Use one of: {', '.join(known)}."
            )
    for number, name in (
        (options.metric_delay_s, "metric_delay_s"),
        (options.action_cooldown_s, "action_cooldown_s"),
    ):
        if not (_is_number(number) and 0.0 <= number < float("inf")):
            raise invalid(f"/{name}", f"{name} is {number!r}", "Give seconds, 0 or more.")
    steps = options.max_episode_steps
    if steps is not None and not (_is_number(steps) and steps >= 1 and steps % 1 == 0):
        raise invalid(
            "/max_episode_steps",
            f"max_episode_steps is {steps!r}",
            "Give a whole number, 1 or more.",
        )


def _is_number(value: object) -> bool:
    return isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)
