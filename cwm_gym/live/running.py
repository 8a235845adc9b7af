"""A simulation that runs: time, and everything there is to see of it."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cwm_gym.compiler import Options, Program, compile_simulation
from cwm_gym.compiler.topology import arrange
from cwm_gym.envs.observation_documents import observation_document, resource_documents
from cwm_gym.evaluation.history import History
from cwm_gym.evaluation.rollout import whole
from cwm_gym.live.edits import settled, with_patterns
from cwm_gym.live.engine import Engine
from cwm_gym.live.log import EventLog
from cwm_gym.live.recorder import Recorder
from cwm_gym.scenarios import load_scenario
from cwm_gym.spec import (
    AdvanceRequest,
    Annotation,
    EpisodeConfig,
    Fault,
    Simulation,
    TrafficPattern,
    Workload,
    load_document,
    target_problems,
)
from cwm_gym.spec.errors import SpecError

# A number of steps that nobody lives to see.
_ENDLESS = 1 << 53


@dataclass(frozen=True)
class LiveFault:
    """A fault of a running simulation.

    Attributes:
        document: As written, with its id.
        number: Number under which the kernel knows it; 0 if it has never been entered.
        aimless: Whether the resource that it aims at has been removed.
    """

    document: Fault
    number: int = 0
    aimless: bool = False

    @property
    def id(self) -> str:
        """Its id."""
        return str(self.document.id)


@dataclass(frozen=True)
class Surge:
    """Traffic that was raised above a level that a pattern sets.

    Attributes:
        step: Step in which it lasts.
        level_rps: Level instead of the pattern's, rps.
    """

    step: int
    level_rps: float

    def pattern(self) -> TrafficPattern:
        """Write it as a pattern that stands behind all others."""
        return TrafficPattern.model_validate(
            {
                "type": "constant",
                "startTime": self.step,
                "endTime": self.step + 1,
                "parameters": {"startTraffic": self.level_rps},
            }
        )


class RunningSimulation:
    """What a :class:`cwm_gym.LiveSimulation` is without the ways to change it."""

    def __init__(
        self,
        simulation: Simulation | Mapping[str, Any] | str | Path,
        seed: int = 0,
        *,
        episode: EpisodeConfig | Mapping[str, Any] | None = None,
        tick_seconds: int | None = None,
        split: str = "train",
        autoscaler: str | None = None,
    ) -> None:
        seed = whole("seed", seed, 0)
        given = _read_simulation(simulation)
        merged = _merge(given.episode or EpisodeConfig(), episode)
        if tick_seconds is not None:
            merged = merged.patched({"tick_seconds": tick_seconds})
        settled_one = settled(given, merged)
        self._split, self._autoscaler = split, autoscaler
        self._surge: Surge | None = None
        program = self._compiled(settled_one, settled_one.faults)
        self._engine = Engine(program, seed, split)
        numbers = iter(range(1, len(settled_one.faults) + 1))
        self._faults = tuple(
            LiveFault(fault, next(numbers) if fault.is_active else 0)
            for fault in settled_one.faults
        )
        self._document = settled_one.patched({"faults": []})
        self._log = EventLog()
        self._recorder = Recorder()
        self._draws = np.random.default_rng([seed, 0x11FE])
        self._metrics = self._measured()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._document.name!r} at step {self.current_step}>"

    @property
    def current_step(self) -> int:
        """Steps since the start."""
        return self._engine.step_number

    @property
    def tick_seconds(self) -> int:
        """Length of a step, s."""
        return int(self._engine.tick_s)

    @property
    def program(self) -> Program:
        """The compiled scenario as it stands."""
        return self._engine.program

    @property
    def state(self) -> NDArray[Any]:
        """Copy of the whole world: a 0-dimensional structured array, ``np.save`` keeps it.

        Environments from :meth:`LiveSimulation.make_env` take it in ``reset(options={"state":
        ...})``.
        """
        return self._engine.state()

    def step(self, n: int = 1) -> dict[str, float]:
        """Let time pass; n steps at once are the same as n times one, bit for bit.

        Args:
            n: Steps, 1 to 500.

        Returns:
            Metrics of the last step, as :meth:`metrics`.

        Raises:
            SpecError: For a number of steps out of range.
        """
        steps = AdvanceRequest.model_validate({"steps": n}).steps
        return self._run(steps)

    def run_until(self, step: int) -> dict[str, float]:
        """Let time pass up to a step, however far away.

        Args:
            step: Value of ``current_step`` to stop at, not below the present one.

        Returns:
            As :meth:`step`.

        Raises:
            SpecError: For a step in the past.
        """
        return self._run(whole("step", step, self.current_step) - self.current_step)

    def _run(self, steps: int) -> dict[str, float]:
        for _ in range(steps):
            self._engine.step()
            self._read_events()
            self._recorder.take(self._engine)
        if steps > 0:
            self._metrics = self._measured()
        return self.metrics()

    def metrics(self) -> dict[str, float]:
        """Show the metrics of the last step.

        Returns:
            ``cpuUsage``, ``errorRate`` (percent), ``latencyP50``, ``latencyP95``, ``latencyP99``
            (ms), ``throughput`` (rps), ``costPerHour`` (USD); ``cacheHitRate``,
            ``k8sNodeUtilization``, ``storageIopsUtilization`` (percent), ``queueDepth``
            (messages) and ``connectionPressure`` only where there is such a resource.
        """
        return dict(self._metrics)

    def _measured(self) -> dict[str, float]:
        world, seen = self._engine.world, int(self._engine.batch.out["sample"][0])
        found = observation_document(self.program, self._engine.params, world, seen)["metrics"]
        return {name: float(value) for name, value in found.items()}

    def resources(self) -> list[dict[str, Any]]:
        """Show the resources as they stand.

        Returns:
            ``Resource`` documents with the present ``status``, ``instances`` and
            ``recoveryPolicy``.
        """
        return copy.deepcopy(resource_documents(self.program, self._engine.world))

    def patterns(self) -> list[dict[str, Any]]:
        """List the traffic patterns.

        Returns:
            ``TrafficPattern`` documents with their ids; times in steps since the start.
        """
        return [one.to_document() for one in self._patterns]

    def faults(self) -> list[dict[str, Any]]:
        """List the faults on schedule.

        Returns:
            ``Fault`` documents with their ids and a ``state``: ``scheduled``, ``active`` or
            ``over`` (also where it is switched off).
        """
        return [
            {**one.document.to_document(), "state": self._engine.phase(one.number)}
            for one in self._faults
        ]

    def document(self) -> dict[str, Any]:
        """Write the simulation as it stands.

        Returns:
            ``Simulation`` document with ``currentTime`` in steps and the status of its resources;
            a simulation that starts from it begins anew, at step 0.
        """
        document = self._document.to_document()
        status = {one["id"]: one["status"] for one in self.resources()}
        for resource in document["resources"]:
            resource["status"] = status.get(resource["id"], "healthy")
        document["currentTime"] = self.current_step
        faults = self._written(one.document for one in self._faults if not one.aimless)
        if faults:
            document["faults"] = faults
        return document

    def events(self, limit: int | None = None) -> list[dict[str, Any]]:
        """Show the event log.

        Args:
            limit: Newest events to show at most; all if None.

        Returns:
            Documents with ``id``, ``timestamp`` (s of simulated time), ``type``, ``severity``,
            ``message``, ``resource`` and ``metadata``, newest last. The kernel keeps 32 events a
            step; an ``events_dropped`` says how many older ones of a step are missing.

        Raises:
            SpecError: For a limit that is no whole number.
        """
        return self._log.documents(None if limit is None else whole("limit", limit, 0))

    def annotate(self, document: Annotation | Mapping[str, Any]) -> dict[str, Any]:
        """Write into the event log, at the present time.

        Args:
            document: An :class:`cwm_gym.spec.Annotation`.

        Returns:
            The event.

        Raises:
            SpecError: For a wrong document, or an id that an event has already.
        """
        return self._log.annotate(self._engine.world, Annotation.model_validate(document))

    def clear_events(self) -> None:
        """Forget all events."""
        self._log.clear()

    def history(self) -> History:
        """Show every step so far.

        Returns:
            Columns as arrays, with ``to_frame()`` and ``plot()``; the fleet is that of the scaled
            pool. Metrics are NaN in steps in which what they measure was not there, columns of
            absent resources 0. ``events`` are those of the kernel.
        """
        episode = self._engine.params["episode"]
        columns = self._recorder.columns()
        return History(
            policy="live",
            simulation=Simulation.model_validate(self.document()),
            columns=columns,
            resources=self._recorder.resources(),
            actions=(None,) * len(columns["step"]),
            events=tuple(self._log.reported),
            latency_limit_ms=1e3 * float(episode["latency_limit_s"]),
            budget_usd_hr=float(episode["budget_usd_per_hour"]),
            arguments={"split": self._split},
        )

    @property
    def _patterns(self) -> tuple[TrafficPattern, ...]:
        return (self._document.workload or Workload()).patterns

    def _lasting(self) -> tuple[Fault, ...]:
        """Faults that act or are to come, as far as what they aim at is there."""
        return tuple(
            one.document
            for one in self._faults
            if not one.aimless and self._engine.slot(one.number) is not None
        )

    def _written(self, faults: Iterable[Fault]) -> list[dict[str, Any]]:
        """Write faults for a Simulation, which knows no target smaller than a resource."""
        known = [one.id for one in (*self._document.resources, *self._document.spares)]
        return [one.to_document() for one in faults if not any(target_problems([one], known))]

    def _with_surge(self, simulation: Simulation) -> Simulation:
        if self._surge is None or self._surge.step < self.current_step:
            return simulation
        workload = simulation.workload or Workload()
        return with_patterns(simulation, (*workload.patterns, self._surge.pattern()))

    def _compiled(self, simulation: Simulation, faults: Iterable[Fault]) -> Program:
        simulation = self._with_surge(simulation)
        mode = self._autoscaler
        if mode is None:
            topology = arrange(simulation)
            scaled = topology.vertices[topology.pools[topology.primary]].one.settings
            mode = "on" if scaled.autoscaling is True else "off"
        options = Options(
            faults=tuple(faults),
            autoscaler=mode,
            quantiles="all",
            split=self._split,
            max_episode_steps=_ENDLESS,
        )
        return compile_simulation(simulation, EpisodeConfig(terminate_on_outage=0), options)

    def _change(self, simulation: Simulation, faults: Iterable[Fault] | None = None) -> None:
        """Go on with another document; nothing has changed where it cannot be compiled."""
        lasting = self._lasting() if faults is None else faults
        self._engine.change_program(self._compiled(simulation, lasting))
        self._document = simulation

    def _read_events(self) -> None:
        numbers = {one.number: one.id for one in self._faults}
        self._log.read(self._engine.world, self.program.targets, numbers)

    @contextmanager
    def _whole(self) -> Iterator[None]:
        """All or nothing: what raises inside leaves the simulation exactly as it was."""
        kept = self._document, self._faults, self._surge
        memento, mark = self._engine.memento(), self._log.mark()
        draws = self._draws.bit_generator.state
        try:
            yield
        except BaseException:
            self._document, self._faults, self._surge = kept
            self._engine.restore(memento)
            self._log.cut(mark)
            self._draws.bit_generator.state = draws
            raise


def _read_simulation(given: Simulation | Mapping[str, Any] | str | Path) -> Simulation:
    named = isinstance(given, str) and not (given.endswith(".json") or Path(given).is_file())
    if isinstance(given, str) and named:
        return load_scenario(given)
    return load_document(Simulation, given)


def _merge(base: EpisodeConfig, over: EpisodeConfig | Mapping[str, Any] | None) -> EpisodeConfig:
    if over is None:
        return base
    try:
        given = EpisodeConfig.model_validate(over)
    except SpecError as error:
        raise error.under("/episode") from None
    return base.patched({name: getattr(given, name) for name in given.model_fields_set})
