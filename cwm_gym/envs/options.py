"""What ``reset(options=...)`` takes, in both environments."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cwm_gym.envs.batch import Batch
from cwm_gym.envs.forced_faults import compile_faults, enter_faults, read_faults
from cwm_gym.spec import Fault
from cwm_gym.spec.errors import ErrorCode, closest, invalid

LONGEST_TICK_S = 3600
_KNOWN = (
    "traffic_offset_s",
    "fleet",
    "state",
    "warmup_steps",
    "warmup_tick_seconds",
    "fault",
    "reset_mask",
)


@dataclass(frozen=True)
class ResetOptions:
    """Wishes for the start of an episode.

    Attributes:
        traffic_offset_s: Where on the demand curve the episode begins, s; drawn if None.
        fleet: Instances of the scaled pool at the start, inside its bounds (of several scenarios:
            inside the widest, and cut to each one's own); the scenario's if None.
        state: World (or one a chosen environment) to begin from; its clock, fleet and queues are
            kept, step count and totals start anew.
        warmup_steps: Ticks without action that run before the episode begins.
        warmup_tick_seconds: Length of these ticks, s (1 to 3600); the episode's if None.
        faults: Forced on this episode alone, beside those of the scenario; their times count from
            the end of the warm-up, in steps of the episode's ``tick_seconds``. The option is named
            ``fault`` and takes one document or a list.
        reset_mask: Vector environments: bool[N], which ones to reset.
    """

    traffic_offset_s: float | None = None
    fleet: int | None = None
    state: NDArray[Any] | None = None
    warmup_steps: int = 0
    warmup_tick_seconds: int | None = None
    faults: tuple[Fault, ...] = ()
    reset_mask: NDArray[np.bool_] | None = None

    @classmethod
    def read(cls, options: dict[str, Any] | None) -> ResetOptions:
        """Check the options.

        Args:
            options: As given to ``reset``.

        Returns:
            The wishes.

        Raises:
            SpecError: For an unknown key or an unusable value.
        """
        if not isinstance(options, Mapping | None):
            raise invalid("/options", f"The options are {options!r}", "Give a dictionary.")
        given = dict(options or {})
        for key in given:
            if key not in _KNOWN:
                raise invalid(
                    f"/options/{key}",
                    f"Unknown reset option '{key}'",
                    f"Did you mean '{closest(str(key), _KNOWN, 1)[0]}'?",
                )
        offset, fleet = given.get("traffic_offset_s"), given.get("fleet")
        number = isinstance(offset, int | float | np.integer | np.floating)
        if offset is not None and not (number and 0.0 <= offset < float("inf")):
            raise _bad("traffic_offset_s", offset, "seconds, 0 or more")
        if fleet is not None and not (_is_whole(fleet) and fleet >= 0):
            raise _bad("fleet", fleet, "a whole number of instances, 0 or more")
        warmup = given.get("warmup_steps", 0)
        if not (_is_whole(warmup) and warmup >= 0):
            raise _bad("warmup_steps", warmup, "a whole number of steps, 0 or more")
        tick = given.get("warmup_tick_seconds")
        if tick is not None and not (_is_whole(tick) and 1 <= tick <= LONGEST_TICK_S):
            raise _bad("warmup_tick_seconds", tick, f"whole seconds, 1 to {LONGEST_TICK_S}")
        if tick is not None and warmup == 0:
            raise _bad("warmup_tick_seconds", tick, "warmup_steps as well")
        faults = () if given.get("fault") is None else read_faults(given["fault"])
        mask = given.get("reset_mask")
        if mask is not None:
            mask = np.asarray(mask)
            if mask.dtype != np.bool_:
                raise _bad("reset_mask", mask.dtype, "an array of bool")
        return cls(offset, fleet, given.get("state"), int(warmup), tick, faults, mask)

    def _check_fleet(self, batch: Batch, chosen: NDArray[np.bool_]) -> None:
        if self.fleet is None:
            return
        pools = [
            batch.programs[number].primary for number in np.unique(batch.worlds["scenario"][chosen])
        ]
        low = min(int(pool["minimum"]) for pool in pools)
        high = max(int(pool["maximum"]) for pool in pools)
        if not low <= self.fleet <= high:
            raise _bad("fleet", self.fleet, f"{low} to {high} instances")

    def start(self, batch: Batch, chosen: NDArray[np.bool_], reseeded: bool) -> None:
        """Start an episode in the chosen worlds as wished.

        Args:
            batch: The worlds.
            chosen: bool[N].
            reseeded: Whether the caller has just seeded them: a restored state then continues
                with the fresh streams instead of its own.
        """
        self._check_fleet(batch, chosen)
        # Before anything changes: they may be wrong.
        faults = [compile_faults(one, self.faults) for one in batch.programs if self.faults]
        if self.state is None:
            batch.reset(chosen, self.traffic_offset_s, self.fleet)
        else:
            names = ("rng", "noise_rng", "fault_rng")
            streams = {name: batch.worlds[name].copy() for name in names}
            indices = np.flatnonzero(chosen)
            states = np.asarray(self.state).reshape(-1)
            if len(states) == 1:
                states = np.repeat(states, len(indices))
            batch.set_state(states, indices)
            if reseeded:
                for name, stream in streams.items():
                    batch.worlds[name][indices] = stream[indices]
        for _ in range(self.warmup_steps):
            batch.step_chosen(chosen, float(self.warmup_tick_seconds or 0))
        if self.state is not None or self.warmup_steps:
            batch.begin_here(chosen)
        if self.faults:
            enter_faults(batch, chosen, faults)


def _is_whole(value: object) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def _bad(name: str, value: object, wanted: str) -> Exception:
    return invalid(
        f"/options/{name}", f"{name} is {value!r}", f"Give {wanted}.", ErrorCode.INVALID_FIELD
    )
