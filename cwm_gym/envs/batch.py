"""A batch of worlds in memory: the arrays, the calls into the kernel, the threads.

Both environments stand on it; the scalar one is a batch of one. It knows nothing of Gymnasium.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cwm_gym.compiler import Program
from cwm_gym.core import kernel
from cwm_gym.core.queueing.records import new_workspace
from cwm_gym.core.records import LAYOUT_VERSION, OUT, PARAMS, START, WORLD
from cwm_gym.envs.spaces import blank_actions
from cwm_gym.spec.errors import ErrorCode, invalid

Records = NDArray[Any]
# Mixed into the seed, so that equal integers in train and test start unrelated streams.
_SPLIT_KEYS = {"train": 0x0, "test": 0xD1342543DE82EF95}
_SMALLEST_SLICE = 32

_scratch = threading.local()


def workspace() -> Records:
    """Scratch memory of the calling thread.

    Returns:
        ``WORKSPACE[1]``, the same one at every call in a thread.
    """
    try:
        return _scratch.workspace  # type: ignore[no-any-return]
    except AttributeError:
        _scratch.workspace = new_workspace(1)
        return _scratch.workspace  # type: ignore[no-any-return]


def stream_seeds(seeds: Sequence[int], split: str) -> NDArray[np.uint64]:
    """Derive the seeds of the worlds' streams from (split, seed).

    Args:
        seeds: One non-negative integer a world.
        split: ``train`` or ``test``.

    Returns:
        uint64 array of the same length.
    """
    key = _SPLIT_KEYS[split]
    return np.array([_fold(int(seed)) ^ key for seed in seeds], dtype=np.uint64)


def _fold(seed: int) -> int:
    """Keep seeds below 2^64 as they are and spread longer ones over 64 bits."""
    if seed < 1 << 64:
        return seed
    words = np.random.SeedSequence(seed).generate_state(1, np.uint64)
    return int(words[0])


class Batch:
    """N worlds over S scenarios.

    Attributes:
        params: ``PARAMS[P]``: one row a scenario, or one a world where parameters are randomised.
        tables: float64[M], samples of all traces.
        worlds: ``WORLD[N]``.
        out: ``OUT[N]``, the results of the last call.
        programs: The compiled scenarios; world i runs on number i modulo their count.
    """

    def __init__(
        self, programs: Sequence[Program], size: int, split: str, threads: int = 1
    ) -> None:
        self.programs = tuple(programs)
        self.size = size
        self.split = split
        self.threads = max(1, min(threads, size // _SMALLEST_SLICE))
        self.scenarios, self.tables = _stack(self.programs)
        scenario = np.arange(size) % len(self.programs)
        self._randomised = bool((self.scenarios["draw"]["count"] > 0).any())
        self.params = self.scenarios[scenario].copy() if self._randomised else self.scenarios
        self._flat_floats = self.params.view(np.float64).reshape(len(self.params), -1)
        self._flat_integers = self.params.view(np.int64).reshape(len(self.params), -1)
        self.worlds: Records = np.zeros(size, WORLD)
        self.worlds["version"] = LAYOUT_VERSION
        self.worlds["scenario"] = scenario
        self.worlds["row"] = np.arange(size) if self._randomised else scenario
        self.out: Records = np.zeros(size, OUT)
        self.no_op = blank_actions(size)
        self._starts: Records = np.zeros(size, START)
        self._starts["offset_s"] = np.nan
        self._starts["fleet"] = -1
        self._seeded = np.zeros(size, np.bool_)
        self._workspaces: Records = new_workspace(0)
        self._pool: ThreadPoolExecutor | None = None
        self._pool_pid = 0
        bounds = np.linspace(0, size, self.threads + 1).astype(int)
        self._slices = [slice(a, b) for a, b in pairwise(bounds)]

    def seed(self, seeds: Sequence[int], chosen: NDArray[np.bool_]) -> None:
        """Start the random streams of the chosen worlds.

        Args:
            seeds: One integer a world.
            chosen: bool[N].
        """
        kernel.seed_batch(self.worlds, stream_seeds(seeds, self.split), chosen)
        self._seeded |= chosen

    def seed_from_entropy(self) -> None:
        """Start the streams that have not been started yet from the system's entropy."""
        fresh = ~self._seeded
        if fresh.any():
            words = np.random.SeedSequence().generate_state(self.size, np.uint64)
            self.seed([int(word) for word in words], fresh)

    def reset(
        self,
        chosen: NDArray[np.bool_],
        offset_s: float | None = None,
        fleet: int | None = None,
    ) -> None:
        """Start a new episode in the chosen worlds.

        Args:
            chosen: bool[N].
            offset_s: Where on the demand curve to begin, s; drawn if None.
            fleet: Instances of the primary pool; the scenario's if None.
        """
        self._starts["offset_s"] = np.nan if offset_s is None else offset_s
        self._starts["fleet"] = -1 if fleet is None else fleet
        kernel.reset_batch(
            self.scenarios,
            self.params,
            self._flat_floats,
            self._flat_integers,
            self.tables,
            self.worlds,
            self._starts,
            self.out,
            chosen,
        )

    def step(self, actions: Records, skip_done: bool = False) -> None:
        """Step all worlds by one tick.

        Args:
            actions: ``ACTION[N]``.
            skip_done: Leave worlds whose episode has ended as they are.
        """
        if self.threads == 1:
            kernel.step_batch(
                self.params, self.tables, self.worlds, actions, workspace(), self.out, skip_done
            )
            return
        waiting = [
            self._executor().submit(self._step_slice, part, actions, skip_done)
            for part in self._slices[1:]
        ]
        self._step_slice(self._slices[0], actions, skip_done)
        for job in waiting:
            job.result()

    def _step_slice(self, part: slice, actions: Records, skip_done: bool) -> None:
        kernel.step_batch(
            self.params,
            self.tables,
            self.worlds[part],
            actions[part],
            workspace(),
            self.out[part],
            skip_done,
        )

    def _executor(self) -> ThreadPoolExecutor:
        # Threads do not survive a fork: the child starts its own.
        if self._pool is None or self._pool_pid != os.getpid():
            self._pool = ThreadPoolExecutor(self.threads - 1, thread_name_prefix="cwm-gym")
            self._pool_pid = os.getpid()
        return self._pool

    def open_tick(self, actions: Records) -> None:
        """Open a tick that is advanced in pieces, for policies that act inside it.

        Args:
            actions: ``ACTION[N]``, carried out at its start.
        """
        if len(self._workspaces) == 0:
            self._workspaces = new_workspace(self.size)
        kernel.begin_batch(self.params, self.worlds, actions, self._workspaces)

    def advance(self, seconds: float) -> None:
        """Let time pass inside the open tick.

        Args:
            seconds: How far, s; the caller stays inside the tick.
        """
        kernel.advance_batch(self.params, self.tables, self.worlds, self._workspaces, seconds)

    def act(self, actions: Records) -> None:
        """Carry out actions inside the open tick.

        Args:
            actions: ``ACTION[N]``.
        """
        kernel.act_batch(self.params, self.worlds, actions)

    def close_tick(self) -> None:
        """Close the open tick and write its results to ``out``."""
        kernel.end_batch(self.params, self.worlds, self._workspaces, self.out)

    def step_chosen(self, chosen: NDArray[np.bool_], tick_s: float = 0.0) -> None:
        """Run one tick without action in some worlds only.

        Args:
            chosen: bool[N].
            tick_s: Length of the tick, s; 0 = the episode's.
        """
        worlds, out = self.worlds[chosen], self.out[chosen]
        still = blank_actions(len(worlds))
        still["tick_s"] = tick_s
        kernel.step_batch(self.params, self.tables, worlds, still, workspace(), out, False)
        self.worlds[chosen], self.out[chosen] = worlds, out

    def begin_here(self, chosen: NDArray[np.bool_]) -> None:
        """Begin an episode in worlds as they stand: step count and totals start anew.

        Args:
            chosen: bool[N].
        """
        worlds = self.worlds[chosen]
        worlds["step"] = worlds["done"] = worlds["outage_steps"] = 0
        worlds["totals"] = np.zeros((), worlds["totals"].dtype)
        self.worlds[chosen] = worlds
        self.out["reward"][chosen] = 0.0
        self.out["terminated"][chosen] = self.out["truncated"][chosen] = False
        self.look()

    def look(self) -> None:
        """Write observations and masks of the worlds as they stand."""
        kernel.look_batch(self.params, self.worlds, self.out)

    def get_state(self, indices: NDArray[np.intp]) -> Records:
        """Copy worlds.

        Args:
            indices: Which.

        Returns:
            ``WORLD[len(indices)]``.
        """
        return self.worlds[indices].copy()

    def set_state(self, states: Records, indices: NDArray[np.intp]) -> None:
        """Restore worlds.

        Args:
            states: ``WORLD[len(indices)]`` from :meth:`get_state` of a batch over the same
                scenarios.
            indices: Which worlds to overwrite.

        Raises:
            SpecError: INVALID_REQUEST for another layout, other scenarios or a wrong number.
        """
        states = np.asarray(states)
        if states.dtype != WORLD:
            raise _bad_state(
                "the state has another record layout", "It was saved by another version."
            )
        states = states.reshape(-1)
        if len(states) != len(indices):
            raise _bad_state(
                f"{len(states)} states for {len(indices)} environments", "Give one state each."
            )
        if (states["version"] != LAYOUT_VERSION).any():
            raise _bad_state(
                f"the state has layout version {int(states['version'][0])}, "
                f"this library uses {LAYOUT_VERSION}",
                "Save it again with this version.",
            )
        marked = reversed(list(enumerate(self.scenarios["fingerprint"])))
        known = {int(mark): i for i, mark in marked}
        marks = [int(mark) for mark in states["fingerprint"]]
        if any(mark not in known for mark in marks):
            raise _bad_state(
                "the state belongs to another scenario, episode, workload or catalog "
                "(its fingerprint is not among this environment's)",
                "Build the environment with the arguments it was saved under.",
            )
        states = states.copy()
        states["scenario"] = [known[mark] for mark in marks]
        states["row"] = indices if self._randomised else states["scenario"]
        self.worlds[indices] = states
        if self._randomised:
            self.params[indices] = self.scenarios[states["scenario"]]
            kernel.redraw_batch(
                self.scenarios, self._flat_floats, self._flat_integers, self.worlds[indices]
            )
        self._seeded[indices] = True
        self.look()

    def close(self) -> None:
        """Stop the threads."""
        if self._pool is not None and self._pool_pid == os.getpid():
            self._pool.shutdown(wait=False)
        self._pool = None

    def __getstate__(self) -> dict[str, Any]:
        dropped = ("_pool", "_flat_floats", "_flat_integers")
        return {**self.__dict__, **dict.fromkeys(dropped), "_workspaces": new_workspace(0)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        if not self._randomised:
            self.params = self.scenarios
        self._flat_floats = self.params.view(np.float64).reshape(len(self.params), -1)
        self._flat_integers = self.params.view(np.int64).reshape(len(self.params), -1)


def _stack(programs: Sequence[Program]) -> tuple[Records, NDArray[np.float64]]:
    """Put the scenarios' parameters under each other and their tables behind each other."""
    scenarios = np.zeros(len(programs), PARAMS)
    tables: list[NDArray[np.float64]] = []
    start = 0
    for i, program in enumerate(programs):
        scenarios[i] = program.params
        scenarios[i]["demand"]["pattern"]["table_start"] += start
        tables.append(program.tables)
        start += len(program.tables)
    return scenarios, np.concatenate(tables)


def _bad_state(message: str, suggestion: str) -> Exception:
    return invalid("", f"Cannot restore: {message}", suggestion, ErrorCode.INVALID_REQUEST)
