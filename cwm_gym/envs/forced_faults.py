"""Faults that a reset puts into one episode, beside those that its scenario schedules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cwm_gym.compiler import Options, Program, compile_simulation
from cwm_gym.core.records.world import FREE, OVER, TO_COME
from cwm_gym.envs.batch import Batch
from cwm_gym.spec import Fault
from cwm_gym.spec.errors import ErrorCode, SpecError, invalid

_WHERE = "/options/fault"
# What a fault in a world takes from its parameters as it stands.
_SAME = ("kind", "target", "zone", "region", "other_region", "severity", "amount", "errors",
         "notice_s")  # fmt: skip


def read_faults(given: Any) -> tuple[Fault, ...]:
    """Read the faults of a reset.

    Args:
        given: A Fault or its document, or a list of them.

    Returns:
        The faults.

    Raises:
        SpecError: If it is none of these.
    """
    if isinstance(given, Fault | Mapping):
        return (_read(given, _WHERE),)
    if isinstance(given, Sequence) and not isinstance(given, str | bytes):
        return tuple(_read(one, f"{_WHERE}/{index}") for index, one in enumerate(given))
    raise invalid(_WHERE, f"fault is {given!r}", "Give a fault document, or a list of them.")


def _read(given: Any, where: str) -> Fault:
    try:
        return Fault.model_validate(given)
    except SpecError as error:
        raise error.under(where) from None


def compile_faults(program: Program, faults: Sequence[Fault]) -> NDArray[Any]:
    """Find the tiers, zones and sizes that faults mean in a scenario.

    Args:
        program: The scenario.
        faults: The faults; those that are switched off are left out.

    Returns:
        ``FAULT_PARAMS[K]``, times counted from the start of the episode.

    Raises:
        SpecError: For unknown or unsuitable targets, and for more faults than fit.
    """
    everywhere = int(program.params["episode"]["all_targets"]) == 1
    options = Options(
        traffic="constant",
        faults=list(faults),
        action_mode="multi_discrete" if everywhere else "discrete",
    )
    try:
        params = compile_simulation(program.simulation, program.episode, options).params
    except SpecError as error:
        moved = [problem.pointer.removeprefix("/faults") for problem in error.problems]
        raise SpecError(
            type(problem)(problem.code, _WHERE + place, problem.message, problem.suggestion)
            for problem, place in zip(error.problems, moved, strict=True)
        ) from None
    found: NDArray[Any] = params["fault"][: int(params["n_faults"])].copy()
    return found


def enter_faults(batch: Batch, chosen: NDArray[np.bool_], compiled: Sequence[NDArray[Any]]) -> None:
    """Put faults into worlds; their times count from now.

    Args:
        batch: The worlds.
        chosen: bool[N], which of them.
        compiled: For every scenario of the batch, from :func:`compile_faults`.

    Raises:
        SpecError: INVALID_REQUEST where too few slots are free.
    """
    for index in np.flatnonzero(chosen).tolist():
        world = batch.worlds[index]
        wanted = compiled[int(world["scenario"])]
        free = np.flatnonzero(np.isin(world["fault"]["state"], (FREE, OVER)))
        if len(wanted) > len(free):
            raise invalid(
                _WHERE,
                f"{len(wanted)} faults are forced on an episode that has room for {len(free)} more",
                "Force fewer, or schedule fewer in the simulation.",
                ErrorCode.INVALID_REQUEST,
            )
        for slot, record in zip(free, wanted, strict=False):
            _enter(world, world["fault"][slot], record)


def _enter(world: Any, fault: Any, record: Any) -> None:
    now = float(world["time_s"])
    world["n_faults"] += 1
    for name in _SAME:
        fault[name] = record[name]
    fault["state"] = TO_COME
    fault["start_s"] = fault["next_s"] = now + record["start_s"]
    fault["end_s"] = now + record["end_s"]
    fault["phase"] = 0
    fault["id"] = world["n_faults"]
    fault["taken"] = 0
    # The kernel looks again at this time and finds out what comes next by itself.
    world["next_fault_s"] = min(float(world["next_fault_s"]), float(fault["start_s"]))
