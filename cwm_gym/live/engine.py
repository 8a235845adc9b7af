"""One world that runs: its program, its clock, and the calls into the kernel.

What happens between two steps belongs to the step that follows: the first such change opens its
tick, so that what it costs and loses is counted there.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from cwm_gym.compiler import Program, migrate
from cwm_gym.core import control, kernel
from cwm_gym.core.actions import ACTION_KINDS
from cwm_gym.core.queueing.records import new_workspace
from cwm_gym.core.records import FAULT_KINDS
from cwm_gym.core.records.world import ACTING, FREE, OVER, TO_COME
from cwm_gym.envs.batch import Batch
from cwm_gym.envs.forced_faults import enter_faults
from cwm_gym.envs.spaces import blank_actions

_EVERYONE = np.ones(1, np.bool_)
_SPOT = FAULT_KINDS.index("spot_interruption")
_REMOVE = ACTION_KINDS.index("remove_resource")


class Engine:
    """A batch of one that never ends.

    Attributes:
        program: What it runs on.
        batch: The world.
        split: ``train`` or ``test``.
    """

    def __init__(self, program: Program, seed: int, split: str) -> None:
        self.program = program
        self.split = split
        self.batch = Batch((program,), 1, split)
        self.batch.seed([seed], _EVERYONE)
        self.batch.reset(_EVERYONE, offset_s=0.0)
        self._workspace = new_workspace(1)
        self._open = False
        self._measured = self.world["meter"].copy()

    @property
    def world(self) -> Any:
        """``WORLD`` record, live."""
        return self.batch.worlds[0]

    @property
    def params(self) -> Any:
        """``PARAMS`` record in force."""
        return self.batch.params[0]

    @property
    def step_number(self) -> int:
        """Steps since the start."""
        return int(self.world["step"])

    @property
    def tick_s(self) -> float:
        """Length of a step, s."""
        return float(self.params["episode"]["tick_s"])

    def state(self) -> NDArray[Any]:
        """Copy the world; the last step's measurements stand in it even where a tick is open."""
        state = self.batch.worlds.copy().reshape(())
        state["meter"] = self._measured
        return state

    def memento(self) -> tuple[Any, ...]:
        """Keep everything that a change may touch, for :meth:`restore`."""
        worlds, out = self.batch.worlds.copy(), self.batch.out.copy()
        return self.program, self.batch, worlds, out, self._open

    def restore(self, memento: tuple[Any, ...]) -> None:
        """Go back to what :meth:`memento` kept."""
        self.program, self.batch, worlds, out, self._open = memento
        self.batch.worlds[:], self.batch.out[:] = worlds, out

    def _open_tick(self) -> None:
        if not self._open:
            still = blank_actions(1)
            kernel.begin_batch(self.batch.params, self.batch.worlds, still, self._workspace)
            self._open = True

    def step(self) -> None:
        """Run one step."""
        self._open_tick()
        batch, workspace = self.batch, self._workspace
        kernel.advance_batch(batch.params, batch.tables, batch.worlds, workspace, self.tick_s)
        kernel.end_batch(batch.params, batch.worlds, workspace, batch.out)
        self._open = False
        self._measured = self.world["meter"].copy()

    def act(self, record: NDArray[Any]) -> None:
        """Carry out an ``ACTION[1]`` now."""
        self._open_tick()
        kernel.act_batch(self.batch.params, self.batch.worlds, record)

    def change_program(self, program: Program) -> None:
        """Go on under another program."""
        batch = Batch((program,), 1, self.split)
        batch.worlds[:] = migrate(self.program, self.batch.worlds, program)
        batch.out[:] = self.batch.out
        self.program, self.batch = program, batch

    def empty(self, tiers: list[int]) -> None:
        """Take what stands at some tiers away, before a program without them takes over.

        Args:
            tiers: Which; one pool at least is not among them.
        """
        self._open_tick()
        # The kernel keeps the pool that is scaled: for this call that is one of the others.
        params = self.batch.params.copy()
        pools = range(int(self.params["n_pools"]))
        params["episode"]["primary"] = next(tier for tier in pools if tier not in tiers)
        for tier in tiers:
            record = blank_actions(1)
            record["kind"], record["target"] = _REMOVE, tier
            kernel.act_batch(params, self.batch.worlds, record)

    def load_rps(self) -> float:
        """Demand now, without noise, rps."""
        rates = np.zeros(1)
        times = np.array([float(self.world["offset_s"]) + float(self.world["time_s"])])
        kernel.demand_curve(self.batch.params, self.batch.tables, 0, times, rates)
        return float(rates[0]) * float(self.world["demand_factor"])

    def free_slots(self) -> int:
        """How many more faults fit."""
        return int(np.isin(self.world["fault"]["state"], (FREE, OVER)).sum())

    def slot(self, number: int) -> int | None:
        """Find the slot of a fault that acts or is to come; None for one that is over."""
        faults = self.world["fault"]
        found = np.flatnonzero(
            (faults["id"] == number) & np.isin(faults["state"], (TO_COME, ACTING))
        )
        return int(found[0]) if len(found) else None

    def acts(self, slot: int) -> bool:
        """Tell whether the fault in a slot has begun."""
        return bool(self.world["fault"]["state"][slot] == ACTING)

    def phase(self, number: int) -> str:
        """Say how far a fault is.

        Args:
            number: Its number.

        Returns:
            ``scheduled``, ``active`` or ``over``. What is due at this very moment has happened,
            although the kernel sees to it when time goes on.
        """
        slot = self.slot(number)
        if slot is None:
            return "over"
        fault, now = self.world["fault"][slot], float(self.world["time_s"])
        if not self.acts(slot):
            return "active" if float(fault["start_s"]) <= now else "scheduled"
        return "over" if float(fault["end_s"]) <= now else "active"

    def enter_fault(self, record: Any) -> int:
        """Enter a fault, and begin it where it is due.

        Args:
            record: ``FAULT_PARAMS`` record with times since the start.

        Returns:
            Its number.
        """
        self._open_tick()
        now = float(self.world["time_s"])
        entered = record.reshape(1).copy()
        entered["start_s"] = np.maximum(entered["start_s"] - now, 0.0)
        entered["end_s"] = np.maximum(entered["end_s"] - now, 0.0)
        enter_faults(self.batch, _EVERYONE, [entered])
        number = int(self.world["n_faults"])
        control.run_faults_batch(self.batch.params, self.batch.worlds)
        return number

    def end_fault(self, slot: int) -> None:
        """End a fault now: what it took starts anew."""
        self._open_tick()
        control.end_fault_batch(self.batch.params, self.batch.worlds, np.array([slot]))

    def move_end(self, slot: int, end_s: float) -> None:
        """Let a fault end at another time, s since the start; now where that has passed."""
        self._open_tick()
        fault = self.world["fault"][slot]
        now, before = float(self.world["time_s"]), float(fault["end_s"])
        due = float(fault["next_s"])
        if int(fault["kind"]) == _SPOT and int(fault["phase"]) == 0 and self.acts(slot):
            # Instances under notice are taken when it is over, whatever comes then.
            fault["end_s"] = max(end_s, due)
        elif self.acts(slot):
            fault["end_s"] = max(end_s, now)
            fault["next_s"] = max(end_s, now) if due >= before else min(due, max(end_s, now))
        else:
            fault["end_s"] = max(end_s, float(fault["start_s"]))
        control.run_faults_batch(self.batch.params, self.batch.worlds)
