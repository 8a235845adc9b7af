"""One episode looked at closely: every figure of every step as columns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cwm_gym.envs.events import event_document, events_since
from cwm_gym.evaluation.plot import plot_history
from cwm_gym.evaluation.resources import Columns, ResourceRecorder
from cwm_gym.evaluation.result import jsonable
from cwm_gym.evaluation.rollout import DEFAULT_ID, make_batch, play, whole
from cwm_gym.policies.base import NOTHING, policy_name
from cwm_gym.policies.models import as_policy
from cwm_gym.policies.simple import Idle
from cwm_gym.scenarios import load_scenario
from cwm_gym.spec import Simulation, load_document
from cwm_gym.spec.errors import ErrorCode, invalid

EPISODE_SCHEMA = "cwm_gym.episode/1"

# Column -> field of the world's meter.
_METER = {
    "offered_rps": "offered_rps",
    "capacity_rps": "capacity_rps",
    "utilisation": "utilisation",
    "backlog": "backlog",
    "arrived": "arrived",
    "served": "served",
    "timed_out": "timed_out",
    "rejected": "rejected",
    "failed": "failed",
    "usd": "usd",
    "database_utilisation": "database_utilisation",
    "health": "health",
}


@dataclass(frozen=True, eq=False)
class History:
    """An episode, one entry a step.

    Attributes:
        policy: Name of the policy.
        simulation: What ran.
        columns: Name -> array[T]. ``step`` (from 1) and ``time_s`` at the end of the step; the
            metrics of ``info`` (latencies in ms); ``offered_rps``, ``capacity_rps``,
            ``utilisation``, ``backlog``, the requests that ``arrived``, were ``served``,
            ``timed_out``, ``rejected`` or ``failed`` otherwise; ``usd`` spent; ``health`` (0
            healthy .. 3 offline); ``ready``, ``pending`` and ``desired`` instances at the end of
            the step; ``reward`` and its components as ``reward_*``.
        resources: Resource id -> column -> array[T]; see
            :meth:`cwm_gym.evaluation.resources.ResourceRecorder.columns`.
        actions: Action of every step as the policy gave it; None for policies that act inside
            ticks, whose changes are in ``events``.
        events: ``time_s``, ``kind``, ``resource``, ``value`` and the numbers of the kind by name,
            oldest first. More than 32 within one step keep the newest 32. :meth:`event_documents`
            gives them as the specification writes them.
        latency_limit_ms: The SLA's limit of the P95 latency.
        budget_usd_hr: Dollars per hour that the episode allows.
        arguments: What it was simulated with: ``env_id``, ``env_kwargs``, ``split``, ``seed`` and
            ``reset_options``.
    """

    policy: str
    simulation: Simulation
    columns: Mapping[str, NDArray[Any]]
    resources: Mapping[str, Columns]
    actions: tuple[Any, ...]
    events: tuple[dict[str, Any], ...]
    latency_limit_ms: float
    budget_usd_hr: float
    arguments: Mapping[str, Any]

    def __len__(self) -> int:
        return len(self.columns["step"])

    def __getitem__(self, name: str) -> NDArray[Any]:
        return self.columns[name]

    def to_frame(self) -> Any:
        """Put the columns into a table.

        Returns:
            pandas DataFrame, indexed by ``step``.

        Raises:
            ImportError: Without pandas; names the extra that brings it.
        """
        try:
            import pandas as pd
        except ImportError as error:
            raise ImportError(
                "History.to_frame needs pandas: pip install 'cwm-gym[pandas]'"
            ) from error
        return pd.DataFrame(dict(self.columns)).set_index("step")

    def to_document(self) -> dict[str, Any]:
        """Write down what :func:`cwm_gym.evaluation.replay` needs to run the episode again.

        Returns:
            JSON-able mapping.

        Raises:
            SpecError: INVALID_REQUEST for a policy that acts inside ticks: it has no actions.
        """
        if any(action is None for action in self.actions):
            raise invalid(
                "/actions",
                f"Policy '{self.policy}' acts inside ticks and leaves no actions to replay",
                "Simulate it again from its name, parameters and seed: it is deterministic.",
                ErrorCode.INVALID_REQUEST,
            )
        return {
            "schema": EPISODE_SCHEMA,
            "policy": self.policy,
            "simulation": self.simulation.to_document(),
            **jsonable(self.arguments),
            "actions": list(self.actions),
            "rewards": self["reward"].tolist(),
        }

    def event_documents(self) -> list[dict[str, Any]]:
        """Write the events as the specification does.

        Returns:
            ``timestamp`` (s), ``type``, ``severity``, ``message``, ``resource`` and ``metadata`` of
            each, oldest first.
        """
        return [event_document(event) for event in self.events]

    def plot(self) -> Any:
        """Draw traffic against capacity, P95 latency against its limit, cost and fleet.

        Returns:
            matplotlib Figure.

        Raises:
            ImportError: Without matplotlib; names the extra that brings it.
        """
        return plot_history(self)


def simulate(
    simulation: Simulation | Mapping[str, Any] | str | Path,
    steps: int | None = None,
    policy: Any = None,
    seed: int = 0,
    *,
    env_id: str = DEFAULT_ID,
    env_kwargs: Mapping[str, Any] | None = None,
    split: str = "train",
) -> History:
    """Run one episode and keep everything.

    Args:
        simulation: Document, mapping, path to a JSON file, or name of a scenario.
        steps: Length of the episode; the simulation's own if None.
        policy: As of :func:`cwm_gym.evaluate`; nobody acts if None.
        seed: Seed of the episode.
        env_id: The environment.
        env_kwargs: Further arguments of the environment.
        split: ``train`` or ``test``: which demand.

    Returns:
        The history; shorter than ``steps`` if the episode terminates.

    Raises:
        SpecError: For anything wrong in the simulation or the arguments.
    """
    document = _document(simulation)
    chosen = Idle() if policy is None else as_policy(policy)
    whole("seed", seed, 0)
    given = {"quantiles": "all", **(env_kwargs or {})}
    for name in ("scenario", "simulation", "max_episode_steps"):
        if name in given:
            raise invalid(
                f"/env_kwargs/{name}",
                f"{name} is not an argument to give in env_kwargs",
                "Give simulation and steps themselves.",
                ErrorCode.INVALID_REQUEST,
            )
    if steps is not None:
        given["max_episode_steps"] = whole("steps", steps, 1)
    venv = make_batch(chosen, env_id, 1, {**given, "simulation": document}, split)
    recorder = _Recorder(venv.programs[0].targets)
    try:
        play(venv, chosen, [seed], watch=recorder)
        episode = venv.batch.params["episode"][venv.worlds["row"][0]]
        return History(
            policy=policy_name(chosen),
            simulation=document,
            columns=recorder.columns(),
            resources=recorder.resources.columns(),
            actions=tuple(recorder.actions),
            events=tuple(recorder.events),
            latency_limit_ms=1e3 * float(episode["latency_limit_s"]),
            budget_usd_hr=float(episode["budget_usd_per_hour"]),
            arguments={
                "env_id": env_id,
                "env_kwargs": {**getattr(chosen, "env_kwargs", NOTHING), **given},
                "split": split,
                "seed": seed,
                "reset_options": dict(getattr(chosen, "reset_options", NOTHING)),
            },
        )
    finally:
        venv.close()


def _document(simulation: Simulation | Mapping[str, Any] | str | Path) -> Simulation:
    if isinstance(simulation, str) and not (
        simulation.endswith(".json") or Path(simulation).is_file()
    ):
        return load_scenario(simulation)
    return load_document(Simulation, simulation)


class _Recorder:
    """Collects what a world shows after every tick."""

    def __init__(self, targets: tuple[str, ...]) -> None:
        self.resources = ResourceRecorder(targets)
        self._targets = targets
        self.actions: list[Any] = []
        self.events: list[dict[str, Any]] = []
        self._rows: list[dict[str, Any]] = []
        self._seen = 0

    def __call__(
        self, venv: Any, actions: Any, rewards: NDArray[np.float64], info: dict[str, Any]
    ) -> None:
        world = venv.worlds[0]
        params = venv.batch.params[int(world["row"])]
        pool = world["pool"][int(params["episode"]["primary"])]
        meter = world["meter"]
        row: dict[str, Any] = {"step": int(world["step"]), "time_s": float(world["time_s"])}
        row.update({name: float(meter[field]) for name, field in _METER.items()})
        row.update({name: float(values[0]) for name, values in _plain(info["metrics"])})
        row["ready"] = int(pool["ready"])
        row["pending"] = round(float(pool["launching"]["count"].sum()))
        row["desired"] = int(pool["desired"])
        row["reward"] = float(rewards[0])
        row.update(
            {
                f"reward_{name}": float(values[0])
                for name, values in _plain(info["reward_components"])
            }
        )
        self._rows.append(row)
        self.actions.append(None if actions is None else np.asarray(actions)[0].tolist())
        self.resources.push(world)
        self.events += events_since(world, self._seen, self._targets)
        self._seen = int(world["n_events"])

    def columns(self) -> dict[str, NDArray[Any]]:
        return {name: np.array([row[name] for row in self._rows]) for name in self._rows[0]}


def _plain(values: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """Leave out Gymnasium's masks."""
    return [(name, value) for name, value in values.items() if not name.startswith("_")]
