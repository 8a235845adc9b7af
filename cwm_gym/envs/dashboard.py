"""Feeds the dashboard from a world."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from cwm_gym.compiler import Program
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


def frame_of(params: Any, world: Any, action: str, events: Sequence[Mapping[str, Any]]) -> Frame:
    """Describe the last tick of a world.

    Args:
        params: ``PARAMS`` record in force.
        world: ``WORLD`` record.
        action: Short label of the action taken.
        events: Events of that tick.

    Returns:
        The frame.
    """
    meter = world["meter"]
    fleet = world["pool"][int(params["episode"]["primary"])]
    pressure = None
    if int(params["database"]["present"]) == 1:
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
        pending=int(fleet["desired"] - fleet["ready"]),
        connection_pressure=pressure,
        reward=float(meter["reward"]),
        action=action,
        events=tuple(f"{event['kind'].replace('_', ' ')} {event['value']:.3g}" for event in events),
    )
