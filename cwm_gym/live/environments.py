"""Environments whose episodes begin in the state that a running simulation has reached."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cwm_gym.compiler import Program, migrate
from cwm_gym.envs.autoscale import CloudAutoscaleEnv, CloudAutoscaleVectorEnv
from cwm_gym.envs.batch import Batch
from cwm_gym.envs.dashboard import Dashboards
from cwm_gym.spec.errors import ErrorCode, invalid

_STREAMS = ("rng", "noise_rng", "fault_rng")
_REFUSED = {
    "scenario": "The environment runs the simulation that it was made from.",
    "simulation": "The environment runs the simulation that it was made from.",
    "faults": "Add faults to the simulation, or force them by reset(options={'fault': ...}).",
    "randomize": "The state that episodes begin in fixes every parameter.",
}


class EvolvedBatch(Batch):
    """A batch whose worlds begin in one state, each on its own random streams."""

    def __init__(
        self, program: Program, size: int, split: str, threads: int, origin: Program, state: Any
    ) -> None:
        super().__init__((program,), size, split, threads)
        self._origin = origin
        self._state = migrate(origin, np.asarray(state).reshape(1), program)

    def reset(
        self,
        chosen: NDArray[np.bool_],
        offset_s: float | None = None,
        fleet: int | None = None,
    ) -> None:
        """Go back to the state in the chosen worlds; their random streams go on.

        Args:
            chosen: bool[N].
            offset_s: Not to be given: demand goes on where it is.
            fleet: Not to be given: the fleet is what it has become.

        Raises:
            SpecError: INVALID_REQUEST for a wish that contradicts the state.
        """
        for name, value in (("traffic_offset_s", offset_s), ("fleet", fleet)):
            if value is not None:
                raise invalid(
                    f"/options/{name}",
                    f"{name} contradicts the state that episodes begin in",
                    "Leave it out, or change the simulation before making the environment.",
                    ErrorCode.INVALID_REQUEST,
                )
        worlds = np.repeat(self._state, int(chosen.sum()))
        for name in ("row", "scenario", *_STREAMS):
            worlds[name] = self.worlds[name][chosen]
        self.worlds[chosen] = worlds
        self.begin_here(chosen)

    def set_state(self, states: Any, indices: NDArray[np.intp]) -> None:
        """Restore worlds, also those of the simulation that the environment was made from.

        Args:
            states: ``WORLD[len(indices)]``.
            indices: Which worlds to overwrite.

        Raises:
            SpecError: INVALID_REQUEST for a state of something else.
        """
        states = np.asarray(states)
        own = states.dtype == self.worlds.dtype and (
            states["fingerprint"] == self._origin.params["fingerprint"]
        )
        if np.all(own):
            states = migrate(self._origin, states.reshape(-1), self.programs[0])
        super().set_state(states, indices)


def check_arguments(arguments: Mapping[str, Any]) -> None:
    """Refuse arguments that contradict the state.

    Args:
        arguments: Keyword arguments of an environment.

    Raises:
        SpecError: INVALID_REQUEST.
    """
    for name, hint in _REFUSED.items():
        if arguments.get(name) is not None:
            raise invalid(
                f"/{name}",
                f"{name} is not an argument of an environment that begins in an evolved state",
                hint,
                ErrorCode.INVALID_REQUEST,
            )


def _check_tick(origin: Program, program: Program) -> None:
    ticks = [float(one.params["episode"]["tick_s"]) for one in (origin, program)]
    if ticks[0] != ticks[1]:
        raise invalid(
            "/episode/tick_seconds",
            f"The simulation runs in steps of {ticks[0]:g} s, not {ticks[1]:g} s",
            "Leave tick_seconds out; an action may bring its own.",
            ErrorCode.INVALID_REQUEST,
        )


class EvolvedEnv(CloudAutoscaleEnv):
    """``CloudAutoscale-v0`` from an evolved state.

    ``reset()`` returns to the state on the environment's own random streams; with ``seed`` they
    start anew; with ``options={"state": ...}`` an episode begins in that state.
    """

    def __init__(self, origin: Program, state: Any, **arguments: Any) -> None:
        super().__init__(**arguments)
        _check_tick(origin, self.program)
        split = self._config.split
        self._batch = EvolvedBatch(self.program, 1, split, 1, origin, state)
        self._bind()


class EvolvedVectorEnv(CloudAutoscaleVectorEnv):
    """The batched ``CloudAutoscale-v0`` from an evolved state; see :class:`EvolvedEnv`."""

    def __init__(self, origin: Program, state: Any, num_envs: int = 1, **arguments: Any) -> None:
        super().__init__(num_envs, **arguments)
        program, threads = self.programs[0], self._batch.threads
        _check_tick(origin, program)
        split = self._config.split
        self._batch = EvolvedBatch(program, self.num_envs, split, threads, origin, state)
        if self._dashboards is not None:
            self._dashboards = Dashboards(self._batch)
