"""What happens to a running simulation from outside: traffic, patterns and faults."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from cwm_gym.core.records.params import SERVERLESS
from cwm_gym.live.edits import fresh_id, moved, patched_pattern, unknown, with_patterns
from cwm_gym.live.running import LiveFault, RunningSimulation, Surge
from cwm_gym.spec import Fault, FaultPatch, InjectTraffic, PatternPatch, TrafficPattern
from cwm_gym.spec.errors import ErrorCode, SpecError, invalid
from cwm_gym.spec.problems import fold, pointer

_STARTS = ("starttime", "injectiontime")


class TroubledSimulation(RunningSimulation):
    """A running simulation with traffic and faults to be changed."""

    def inject_traffic(self, multiplier: float | None = None) -> dict[str, Any]:
        """Raise the present load.

        The base traffic is multiplied, and so are patterns that follow from it. Where a pattern
        holds a level of its own, the load is raised for one step; then the pattern moves it back.

        Args:
            multiplier: Factor, 2 to 5; drawn between them if None.

        Returns:
            The event, a warning.

        Raises:
            SpecError: For a factor out of range, and where there is no traffic to multiply.
        """
        factor = InjectTraffic.model_validate({"multiplier": multiplier}).multiplier
        before = self._engine.load_rps()
        if before <= 0.0:
            raise invalid(
                "",
                "There is no traffic to multiply",
                "Set traffic, or add a pattern.",
                ErrorCode.INVALID_REQUEST,
            )
        with self._whole():
            if factor is None:
                factor = float(self._draws.uniform(2.0, 5.0))
            wanted = factor * before
            base = self._document
            self._surge = None
            self._change(base.patched({"traffic": factor * base.traffic}))
            if abs(self._engine.load_rps() / wanted - 1.0) > 1e-9:
                self._change(base)
                self._raise_level(wanted)
            return self._log.write(
                self._engine.world,
                "traffic_spike",
                f"Traffic spike injected: {before:.0f} → {wanted:.0f} RPS",
                "warning",
                multiplier=factor,
            )

    def _raise_level(self, wanted: float) -> None:
        """Replace the level that a pattern holds for the step that comes."""
        self._surge = Surge(self.current_step, wanted)
        self._change(self._document)
        # Other patterns multiply this level as they did the one it replaces.
        self._surge = Surge(self.current_step, wanted * wanted / self._engine.load_rps())
        self._change(self._document)

    def inject_failure(self, document: Fault | Mapping[str, Any] | None = None) -> str:
        """Break something now.

        Args:
            document: A fault, which starts now unless it says when; None kills one random instance
                of a random pool.

        Returns:
            Id of the fault.

        Raises:
            SpecError: For a wrong fault, and where no instance is left to kill.
        """
        with self._whole():
            given: Any = self._random_kill() if document is None else document
            if isinstance(given, Mapping) and not any(
                fold(name) in _STARTS for name in given if isinstance(name, str)
            ):
                given = {**given, "startTime": self.current_step}
            return self.add_fault(given)

    def _random_kill(self) -> dict[str, Any]:
        pools = self._engine.world["pool"]
        kinds = self._engine.params["pool"]["kind"]
        standing = [
            name
            for name, pool, kind in zip(self.program.pools, pools, kinds, strict=False)
            if pool["present"] == 1 and pool["warm" if kind == SERVERLESS else "ready"] >= 1
        ]
        if not standing:
            raise invalid(
                "",
                "There is no healthy instance left to kill",
                "Wait until instances have been replaced, or add some.",
                ErrorCode.INVALID_REQUEST,
            )
        name = standing[int(self._draws.integers(len(standing)))]
        parameters = {"instances": 1}
        return {"type": "instance_kill", "targetResourceId": name, "parameters": parameters}

    def add_pattern(self, document: TrafficPattern | Mapping[str, Any]) -> str:
        """Add a traffic pattern.

        Args:
            document: The pattern; it starts now unless it says when.

        Returns:
            Its id.

        Raises:
            SpecError: For a wrong pattern, an id that is taken, and more patterns than fit.
        """
        pattern = TrafficPattern.model_validate(document)
        taken = [str(one.id) for one in self._patterns]
        if pattern.id in taken:
            raise invalid("/id", f"There is a pattern '{pattern.id}' already", "Use another id.")
        name = pattern.id or fresh_id("pattern", taken)
        changes: dict[str, Any] = {"id": name}
        if not pattern.is_set("start_time"):
            changes["startTime"] = self.current_step
        self._set_patterns((*self._patterns, pattern.patched(changes)), len(taken))
        return name

    def patch_pattern(self, id: str, changes: PatternPatch | Mapping[str, Any]) -> dict[str, Any]:
        """Change a traffic pattern.

        Args:
            id: Which.
            changes: ``type``, ``amplitude``, ``period``, ``isActive``.

        Returns:
            The changed pattern.

        Raises:
            SpecError: For an unknown id or a wrong change.
        """
        index = self._pattern(id)
        patch = PatternPatch.model_validate(changes).changes()
        patterns = list(self._patterns)
        patterns[index] = patched_pattern(patterns[index], patch)
        self._set_patterns(tuple(patterns), index)
        return patterns[index].to_document()

    def remove_pattern(self, id: str) -> None:
        """Remove a traffic pattern.

        Args:
            id: Which.

        Raises:
            SpecError: For an unknown id.
        """
        index = self._pattern(id)
        self._set_patterns((*self._patterns[:index], *self._patterns[index + 1 :]), index)

    def _pattern(self, name: str) -> int:
        known = [str(one.id) for one in self._patterns]
        if name not in known:
            raise unknown("pattern", name, known)
        return known.index(name)

    def _set_patterns(self, patterns: tuple[TrafficPattern, ...], edited: int) -> None:
        try:
            with self._whole():
                self._change(with_patterns(self._document, patterns))
        except SpecError as error:
            place = pointer("workload", "patterns", edited)
            raise moved(error, {place: "", "/workload/patterns": ""}) from None

    def add_fault(self, document: Fault | Mapping[str, Any]) -> str:
        """Schedule a fault; one whose start has passed begins at once.

        Args:
            document: The fault; times in steps since the start.

        Returns:
            Its id.

        Raises:
            SpecError: For a wrong fault, an unknown target, a window that has passed, an id that
                is taken, and more faults than fit.
        """
        fault = Fault.model_validate(document)
        taken = [one.id for one in self._faults]
        if fault.id in taken:
            raise invalid("/id", f"There is a fault '{fault.id}' already", "Use another id.")
        if fault.start_step < fault.end_step <= self.current_step:
            raise invalid(
                "/endTime" if fault.end_time is not None else "/duration",
                f"The fault ends at step {fault.end_step:g}; now is {self.current_step}",
                "Give a later end.",
            )
        live = LiveFault(fault.patched({"id": fault.id or fresh_id("fault", taken)}))
        with self._whole():
            self._faults = (*self._faults, live)
            self._enter(live)
        return live.id

    def _enter(self, live: LiveFault) -> None:
        """Put a fault of the list into the world."""
        lasting = self._lasting()
        if live.document.is_active and self._engine.free_slots() == 0:
            raise invalid(
                "",
                "No more faults can act or wait at once",
                "Remove one, or wait until one is over.",
                ErrorCode.INVALID_REQUEST,
            )
        try:
            # Compiled also where it is switched off, so that it is known to be right.
            program = self._compiled(
                self._document, (*lasting, live.document.patched({"isActive": True}))
            )
        except SpecError as error:
            raise moved(error, {pointer("faults", len(lasting)): ""}) from None
        if not live.document.is_active:
            return
        self._engine.change_program(program)
        number = self._engine.enter_fault(self._engine.params["fault"][len(lasting)])
        self._replace(live, LiveFault(live.document, number))
        self._read_events()

    def _replace(self, old: LiveFault, new: LiveFault) -> None:
        self._faults = tuple(new if one.id == old.id else one for one in self._faults)

    def patch_fault(self, id: str, changes: FaultPatch | Mapping[str, Any]) -> dict[str, Any]:
        """Change a fault.

        Args:
            id: Which.
            changes: ``name``; ``isActive``: false ends it now, and what it took starts anew, true
                switches it on again; ``endTime``: another end, null for none.

        Returns:
            The changed fault with its ``state``.

        Raises:
            SpecError: For an unknown id or a wrong change.
        """
        live = self._fault(id)
        patch = FaultPatch.model_validate(changes).changes()
        changed = replace(live, document=live.document.patched(patch))
        document = changed.document
        with self._whole():
            self._replace(live, changed)
            slot = self._engine.slot(live.number)
            due = document.end_step > self.current_step or (
                document.start_step >= self.current_step
            )
            if slot is None:
                if document.is_active and due and patch.keys() & {"isActive", "endTime"}:
                    self._enter(changed)
            elif not document.is_active:
                self._engine.end_fault(slot)
            elif document.end_step != live.document.end_step:
                self._engine.move_end(slot, document.end_step * self._engine.tick_s)
            self._read_events()
        return next(one for one in self.faults() if one["id"] == id)

    def remove_fault(self, id: str) -> None:
        """Remove a fault; one that acts ends now, and what it took starts anew.

        Args:
            id: Which.

        Raises:
            SpecError: For an unknown id.
        """
        live = self._fault(id)
        slot = self._engine.slot(live.number)
        if slot is not None:
            self._engine.end_fault(slot)
            self._read_events()
        self._faults = tuple(one for one in self._faults if one.id != id)

    def _fault(self, name: str) -> LiveFault:
        for one in self._faults:
            if one.id == name:
                return one
        raise unknown("fault", name, [one.id for one in self._faults])
