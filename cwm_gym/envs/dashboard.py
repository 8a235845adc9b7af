"""Feeds dashboards from worlds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cwm_gym.compiler import Program
from cwm_gym.envs.batch import Batch
from cwm_gym.envs.events import events_since
from cwm_gym.envs.rendering import Dashboard, Frame


def new_dashboard(program: Program) -> Dashboard:
    """Make an empty dashboard for a scenario.

    Args:
        program: The compiled scenario.

    Returns:
        The dashboard.
    """
    episode, pool = program.params["episode"], program.primary
    simulation = program.simulation
    steps = int(episode["max_steps"])
    return Dashboard(
        title=simulation.name,
        subtitle=f"{int(episode['tick_s'])} s ticks, {steps} steps",
        sla_latency_ms=1e3 * float(episode["latency_limit_s"]),
        sla_error_rate=float(episode["error_limit"]),
        budget_usd_per_hour=float(episode["budget_usd_per_hour"]),
        fleet_bounds=(int(pool["minimum"]), int(pool["maximum"])),
        horizon_steps=steps,
    )


_COUNTED = ("scale_out", "scale_in", "autoscale_out", "autoscale_in", "instances_ready")


def _line(event: Mapping[str, Any]) -> str:
    """Write an event, with its figure where that needs no unit."""
    kind, value = event["kind"], event["value"]
    words = str(kind).replace("_", " ")
    if kind in _COUNTED:
        return f"{words} {value:.0f}"
    return f"{words} {value:.0%}" if kind == "threshold_changed" else words


def frame_of(
    params: Any,
    world: Any,
    action: str,
    events: Sequence[Mapping[str, Any]],
    reward: float | None = None,
) -> Frame:
    """Describe the last tick of a world.

    Args:
        params: ``PARAMS`` record in force.
        world: ``WORLD`` record.
        action: Short label of the action taken.
        events: Events of that tick.
        reward: What the agent was given; the kernel's reward if None.

    Returns:
        The frame.
    """
    meter = world["meter"]
    fleet = world["pool"][int(params["episode"]["primary"])]
    pressure = None
    if int(world["pressure_steps"]) > 0:
        pressure = float(meter["connection_pressure"])
    return Frame(
        sim_time_s=float(world["time_s"]),
        demand_rps=float(meter["offered_rps"]),
        capacity_rps=float(meter["capacity_rps"]),
        served_rps=float(meter["throughput_rps"]),
        latency_p95_ms=1e3 * float(meter["latency_p95_s"]),
        error_rate=float(meter["error_rate"]),
        utilisation=float(np.clip(meter["utilisation"], 0.0, 1.0)),
        cost_usd_per_hour=float(meter["cost_usd_per_hour"]),
        ready=int(fleet["ready"]),
        pending=int(fleet["desired"] - fleet["ready"] - fleet["lost"]),
        connection_pressure=pressure,
        reward=float(meter["reward"] if reward is None else reward),
        action=action,
        events=tuple(_line(event) for event in events),
    )


class Dashboards:
    """The dashboards of a batch, one a world.

    Args:
        batch: The worlds.
    """

    def __init__(self, batch: Batch) -> None:
        self._batch = batch
        self._boards = [
            new_dashboard(batch.programs[i % len(batch.programs)]) for i in range(batch.size)
        ]
        self._shown_events = [0] * batch.size

    def push(self, rewards: NDArray[np.float64]) -> None:
        """Show the tick that every world has just run; those at their start begin anew.

        Args:
            rewards: What the agents were given.
        """
        for i, board in enumerate(self._boards):
            world = self._batch.worlds[i]
            if int(world["step"]) == 0:
                self._clear(i)
            else:
                targets = self._batch.programs[int(world["scenario"])].targets
                events = events_since(world, self._shown_events[i], targets)
                params = self._batch.params[int(world["row"])]
                board.push(frame_of(params, world, "", events, float(rewards[i])))
            self._shown_events[i] = int(world["n_events"])

    def clear(self, chosen: NDArray[np.bool_]) -> None:
        """Begin anew in some worlds.

        Args:
            chosen: bool[N].
        """
        for i in np.flatnonzero(chosen).tolist():
            self._clear(i)

    def _clear(self, index: int) -> None:
        self._boards[index].clear()
        self._shown_events[index] = 0

    def rgb(self) -> tuple[NDArray[np.uint8], ...]:
        """Draw all dashboards; uint8 (540, 960, 3) each."""
        return tuple(board.rgb() for board in self._boards)

    def ansi(self) -> tuple[str, ...]:
        """Write all dashboards as text."""
        return tuple(board.ansi() for board in self._boards)
