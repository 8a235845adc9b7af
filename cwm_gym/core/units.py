"""Databases that size themselves: capacity units that follow the load with a delay.

Every 60 s the utilisation since the last look decides. A serverless database goes one step up its
ladder, to twice its units, once utilisation has been high for more than ``unit_lag_steps`` looks,
and one step down after it has been low for fifteen; so load is met some steps late and cost rises
over several. Where the lag is zero (an autonomous database) units follow the load at once.
"""

from __future__ import annotations

from typing import Any

from cwm_gym.core import events
from cwm_gym.core.jit import jit
from cwm_gym.core.queueing.records import BACKEND

LOOK_S = 60.0
HIGH, TARGET, LOW = 0.8, 0.7, 0.3
LOW_LOOKS = 15


@jit
def adapt_units(params: Any, w: Any) -> None:
    """Look at every database with capacity units and resize it where due.

    Args:
        params: ``PARAMS`` record.
        w: ``WORLD`` record.
    """
    w.units_at_s = w.time_s + LOOK_S
    for k in range(params.n_backends):
        d = params.backend[k]
        state = w.backend[k]
        if d.units_max <= 0.0 or state.present == 0:
            continue
        load = state.busy_s / state.server_s if state.server_s > 0.0 else 0.0
        state.busy_s = 0.0
        state.server_s = 0.0
        before = state.units
        if d.unit_lag_steps == 0:
            state.units = min(max(before * load / TARGET, d.units_min), d.units_max)
        elif load > HIGH:
            state.breaches = max(state.breaches, 0) + 1
            if state.breaches > d.unit_lag_steps:
                state.units = min(2.0 * before, d.units_max)
        elif load < LOW:
            state.breaches = min(state.breaches, 0) - 1
            if state.breaches <= -LOW_LOOKS:
                state.units = max(0.5 * before, d.units_min)
                state.breaches = 0
        else:
            state.breaches = 0
        if state.units != before and (d.unit_lag_steps > 0 or state.units == d.units_max):
            events.record(w, events.UNITS_CHANGED, BACKEND + k, state.units, before, load)
