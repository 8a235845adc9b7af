"""From keyword arguments to compiled scenarios."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from cwm_gym.compiler import Options, Program, compile_simulation
from cwm_gym.compiler.demand import Traffic
from cwm_gym.compiler.options import ACTION_MODES
from cwm_gym.envs.reward import RewardFunction
from cwm_gym.envs.spaces import OBSERVATION_MODES
from cwm_gym.scenarios import DEFAULT_SCENARIO, load_scenario
from cwm_gym.spec import Document, EpisodeConfig, RewardConfig, Simulation, load_document
from cwm_gym.spec.errors import ErrorCode, SpecError, invalid

SimulationLike = Simulation | Mapping[str, Any] | str | Path
D = TypeVar("D", bound=Document)


@dataclass(frozen=True)
class Configuration:
    """The arguments of an environment after they have been read and checked.

    Attributes:
        programs: Compiled scenarios; more than one in a vector environment over a list.
        action_mode: ``discrete``, ``continuous`` or ``multi_discrete``.
        observation_mode: ``vector`` or ``dict``.
        reward: Function that replaces the kernel's reward, or None.
        quantiles: ``p95`` or ``all``.
        split: ``train`` or ``test``.
    """

    programs: tuple[Program, ...]
    action_mode: str
    observation_mode: str
    reward: RewardFunction | None
    quantiles: str
    split: str


def configure(
    *,
    scenario: str | Sequence[str] | None,
    simulation: SimulationLike | Sequence[SimulationLike] | None,
    episode: EpisodeConfig | Mapping[str, Any] | None,
    traffic: Traffic | None,
    faults: Any,
    action_mode: str,
    observation_mode: str,
    reward: RewardConfig | Mapping[str, Any] | str | RewardFunction | None,
    randomize: Mapping[str, tuple[float, float]] | None,
    metric_delay_s: float,
    action_cooldown_s: float,
    autoscaler: str,
    quantiles: str,
    split: str,
    max_episode_steps: int | None,
) -> Configuration:
    """Read the arguments that every environment takes; the environments document them.

    Returns:
        The configuration.

    Raises:
        SpecError: For anything wrong in a document or an argument.
    """
    for value, known, name in (
        (action_mode, ACTION_MODES, "action_mode"),
        (observation_mode, OBSERVATION_MODES, "observation_mode"),
    ):
        if value not in known:
            raise invalid(
                f"/{name}", f"Unknown {name} {value!r}", f"Use one of: {', '.join(known)}."
            )
    function: RewardFunction | None = None
    config: RewardConfig | None = None
    if callable(reward):
        function = reward
    elif reward is not None:
        config = _read(RewardConfig, reward, "/reward")
    if not isinstance(randomize, Mapping | None):
        raise invalid("/randomize", f"randomize is {randomize!r}", "Give {parameter: (low, high)}.")
    options = Options(
        traffic=traffic,
        faults=_fault_documents(faults),
        reward=config,
        randomize=dict(randomize or {}),
        metric_delay_s=metric_delay_s,
        action_cooldown_s=action_cooldown_s,
        action_mode=action_mode,
        autoscaler=autoscaler,
        quantiles=quantiles,
        split=split,
        max_episode_steps=max_episode_steps,
    )
    overrides = None if episode is None else _read(EpisodeConfig, episode, "/episode")
    return Configuration(
        programs=tuple(
            _compiled(document, overrides, options) for document in _documents(scenario, simulation)
        ),
        action_mode=action_mode,
        observation_mode=observation_mode,
        reward=function,
        quantiles=quantiles,
        split=split,
    )


def _read(document: type[D], given: Any, pointer: str) -> D:
    """Read the document behind an argument; its problems say which argument."""
    try:
        return document.model_validate(given)
    except SpecError as error:
        raise error.under(pointer) from None


def _fault_documents(faults: Any) -> Any:
    """Write faults and samplings as JSON, so that equal ones are compiled once."""
    if isinstance(faults, Document):
        return faults.to_document()
    if isinstance(faults, Mapping):
        return {name: _fault_documents(value) for name, value in faults.items()}
    if isinstance(faults, list | tuple):
        return [_fault_documents(one) for one in faults]
    return faults


def _documents(
    scenario: str | Sequence[str] | None,
    simulation: SimulationLike | Sequence[SimulationLike] | None,
) -> list[Simulation]:
    if scenario is not None and simulation is not None:
        raise invalid(
            "",
            "Both scenario and simulation are given",
            "Give one of them.",
            ErrorCode.INVALID_REQUEST,
        )
    if simulation is not None:
        several = isinstance(simulation, Sequence) and not isinstance(simulation, str)
        chosen: Sequence[SimulationLike] = simulation if several else [simulation]  # type: ignore[assignment, list-item]
        found = [load_document(Simulation, one) for one in chosen]
    else:
        names = DEFAULT_SCENARIO if scenario is None else scenario
        several = isinstance(names, Sequence) and not isinstance(names, str)
        found = [load_scenario(name) for name in (names if several else [names])]
    if not found:
        raise invalid(
            "", "The list of scenarios is empty", "Give at least one.", ErrorCode.INVALID_REQUEST
        )
    return found


def _compiled(simulation: Simulation, episode: EpisodeConfig | None, options: Options) -> Program:
    """Compile, remembering what is made of plain documents (a thousand environments are alike)."""
    if options.traffic is not None and not isinstance(options.traffic, str):
        return compile_simulation(simulation, episode, options)
    # As text, because two documents may be equal and differ in which fields were set.
    documents = [simulation.to_document(), None if episode is None else episode.to_document()]
    knobs = {name: getattr(options, name) for name in options.__dataclass_fields__}
    knobs["reward"] = None if options.reward is None else options.reward.to_document()
    try:
        key = json.dumps([*documents, knobs])
    except TypeError:  # NumPy's numbers among the options
        return compile_simulation(simulation, episode, options)
    return _remembered(key)


@functools.lru_cache(maxsize=256)
def _remembered(key: str) -> Program:
    simulation, episode, knobs = json.loads(key)
    if knobs["reward"] is not None:
        knobs["reward"] = RewardConfig.model_validate(knobs["reward"])
    return compile_simulation(
        Simulation.model_validate(simulation),
        None if episode is None else EpisodeConfig.model_validate(episode),
        Options(**knobs),
    )
