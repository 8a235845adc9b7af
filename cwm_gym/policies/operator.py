"""Runs a fleet policy inside the ticks of a batch of worlds."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cwm_gym.envs.batch import Batch
from cwm_gym.envs.spaces import fleet_actions
from cwm_gym.policies.base import FleetPolicy, Floats, Integers, Signals, bad_parameter, policy_name
from cwm_gym.spec.errors import ErrorCode, invalid

_TINY_S = 1e-9


@dataclass
class _Measurement:
    """What was measured between two decisions."""

    at_s: float
    utilisation: Floats
    demand_rps: Floats
    settled: Integers  # ready from the start of the measurement until now


class Operator:
    """A fleet policy at work on a batch whose worlds begin their episodes together."""

    def __init__(self, policy: FleetPolicy, batch: Batch) -> None:
        """Take charge of a batch whose episodes have just begun.

        Args:
            policy: What decides.
            batch: The worlds, at time 0.

        Raises:
            SpecError: If the policy's period is no positive number, if the worlds have ticks of
                different length, or if they are inside an episode.
        """
        if not 0.0 < policy.period_s < float("inf"):
            raise bad_parameter("period_s", policy.period_s, "a number of seconds, more than 0")
        self.policy = policy
        episode = batch.params["episode"][batch.worlds["row"]]
        ticks = np.unique(episode["tick_s"])
        if len(ticks) != 1:
            raise invalid(
                "/env_kwargs",
                f"The scenarios have ticks of different length ({', '.join(map(str, ticks))} s)",
                "Evaluate a policy that acts inside ticks on one of them at a time.",
                ErrorCode.INVALID_REQUEST,
            )
        if batch.worlds["time_s"].any():
            raise invalid(
                "/state",
                "A policy that acts inside ticks takes over at the start of an episode",
                "Reset all environments without a state or a warm-up.",
                ErrorCode.INVALID_REQUEST,
            )
        self._tick_s = float(ticks[0])
        self._primary = episode["primary"].astype(np.intp)
        self._delay_s: Floats = episode["metric_delay_s"].astype(np.float64)
        self._rows = np.arange(batch.size)
        self._now_s = 0.0
        self._next_s = 0.0
        self._history: deque[_Measurement] = deque()
        self._clear(self._pools(batch)["ready"])
        self._history.append(self._first_look(batch))
        policy.begin(self._signals(batch))

    def tick(self, batch: Batch, alive: NDArray[np.bool_]) -> None:
        """Run one tick with the decisions that are due in it.

        A decision that is due at the end of a tick belongs to the next one, so that a policy with
        the period of a tick acts where an agent does.

        Args:
            batch: The worlds.
            alive: bool[N], worlds whose episode runs; the others are left as they are.
        """
        ended = np.flatnonzero(~alive)
        kept = (batch.worlds[ended], batch.out[ended])
        end_s = self._now_s + self._tick_s
        batch.open_tick(batch.no_op)
        while self._now_s < end_s - _TINY_S:
            if self._now_s >= self._next_s - _TINY_S:
                self._decide(batch)
            piece_s = min(end_s, self._next_s) - self._now_s
            batch.advance(piece_s)
            self._now_s += piece_s
            self._measure(batch)
        batch.close_tick()
        batch.worlds[ended], batch.out[ended] = kept

    def _pools(self, batch: Batch) -> NDArray[Any]:
        pools: NDArray[Any] = batch.worlds["pool"][self._rows, self._primary]
        return pools

    def _pool_params(self, batch: Batch) -> NDArray[Any]:
        pools: NDArray[Any] = batch.params["pool"][batch.worlds["row"], self._primary]
        return pools

    def _clear(self, ready: Integers) -> None:
        size = len(self._rows)
        self._busy_s, self._server_s = np.zeros(size), np.zeros(size)
        self._arrived, self._seconds = np.zeros(size), 0.0
        self._settled = ready.astype(np.int64)

    def _first_look(self, batch: Batch) -> _Measurement:
        """At time 0 nothing has been measured but the demand of the tick before."""
        meter, pools, params = batch.worlds["meter"], self._pools(batch), self._pool_params(batch)
        mine = pools["ready"] * params["vcpus"] / params["cpu_s_per_request"]
        share = np.divide(
            mine, meter["capacity_rps"], out=np.ones(len(mine)), where=meter["capacity_rps"] > 0.0
        )
        unknown = np.full(len(mine), np.nan)
        return _Measurement(0.0, unknown, meter["offered_rps"] * share, self._settled.copy())

    def _measure(self, batch: Batch) -> None:
        pools = self._pools(batch)
        self._busy_s += pools["busy_s"]
        self._server_s += pools["server_s"]
        self._arrived += pools["arrived"]
        self._seconds += float(pools["gauge_s"][0])
        self._left(pools["ready"])

    def _left(self, ready: Integers) -> None:
        """Instances leave youngest first: those there throughout are the fewest there were."""
        np.minimum(self._settled, ready, out=self._settled)
        for measurement in self._history:
            np.minimum(measurement.settled, ready, out=measurement.settled)

    def _decide(self, batch: Batch) -> None:
        if self._seconds > 0.0:
            unknown = np.full(len(self._rows), np.nan)
            utilisation = np.divide(
                self._busy_s, self._server_s, out=unknown, where=self._server_s > 0.0
            )
            demand = self._arrived / self._seconds
            self._history.append(
                _Measurement(self._now_s, utilisation, demand, self._settled.copy())
            )
            oldest_s = self._now_s - float(self._delay_s.max())
            while len(self._history) > 1 and self._history[1].at_s <= oldest_s + _TINY_S:
                self._history.popleft()
        signals = self._signals(batch)
        wanted = self._checked(self.policy.desired(signals))
        batch.act(fleet_actions(np.clip(wanted, signals.minimum, signals.maximum), len(self._rows)))
        ready = self._pools(batch)["ready"]
        self._left(ready)
        self._clear(ready)
        self._next_s += self.policy.period_s

    def _checked(self, wanted: Any) -> Integers:
        array = np.asarray(wanted)
        if array.shape != (len(self._rows),) or array.dtype.kind not in "iu":
            raise invalid(
                "/policy",
                f"{policy_name(self.policy)}.desired returned shape {array.shape} of {array.dtype}",
                f"Return {len(self._rows)} whole numbers, one a world.",
                ErrorCode.INVALID_REQUEST,
            )
        return array.astype(np.int64)

    def _signals(self, batch: Batch) -> Signals:
        pools, params = self._pools(batch), self._pool_params(batch)
        times = np.array([one.at_s for one in self._history])
        # The newest that is old enough; the oldest kept while none is.
        seen = np.searchsorted(times, self._now_s - self._delay_s + _TINY_S, side="right") - 1
        seen = np.maximum(seen, 0)

        def visible(field: str) -> NDArray[Any]:
            return np.stack([getattr(one, field) for one in self._history])[seen, self._rows]

        return Signals(
            time_s=np.full(len(self._rows), self._now_s),
            ready=pools["ready"].astype(np.int64),
            pending=np.rint(pools["launching"]["count"].sum(axis=-1)).astype(np.int64),
            desired=pools["desired"].astype(np.int64),
            settled=visible("settled"),
            minimum=params["minimum"].astype(np.int64),
            maximum=params["maximum"].astype(np.int64),
            measured_at_s=times[seen],
            utilisation=visible("utilisation"),
            demand_rps=visible("demand_rps"),
            instance_rps=params["vcpus"] / params["cpu_s_per_request"],
            boot_s=params["boot_s"].astype(np.float64),
        )
