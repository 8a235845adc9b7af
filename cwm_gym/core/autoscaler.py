"""The built-in threshold autoscaler, evaluated once per demand cell.

A provider's rule-based autoscaler: a trigger (CPU, throughput as a share of capacity, P95
latency) has to hold for ``sustain`` evaluations in a row; it then adds or removes one instance,
or as many as bring CPU back to the threshold when it grows, and rests for the cooldown.
"""

from __future__ import annotations

import math
from typing import Any

from cwm_gym.core import events
from cwm_gym.core.actions import scale_to
from cwm_gym.core.jit import jit


@jit
def start_autoscaler(params: Any, w: Any) -> None:
    """Set the thresholds an episode starts with.

    Args:
        params: ``PARAMS`` record.
        w: ``WORLD`` record.
    """
    p = params.autoscaler
    tuned = w.autoscaler
    tuned.out_cpu = p.out_cpu
    tuned.in_cpu = p.in_cpu
    tuned.out_throughput = p.out_throughput
    tuned.in_throughput = p.in_throughput
    tuned.out_latency_s = p.out_latency_s


@jit
def autoscale(
    params: Any, w: Any, pool: int, cpu: float, throughput: float, latency_s: float
) -> None:
    """Evaluate the triggers for one pool and act when it is due.

    Args:
        params: ``PARAMS`` record.
        w: ``WORLD`` record at the time of the evaluation.
        pool: Pool number.
        cpu: Utilisation of the pool in the last cell, 0..1.
        throughput: Arrivals over capacity in the last cell.
        latency_s: P95 latency, s.
    """
    tuned = w.autoscaler
    p = params.pool[pool]
    fleet = w.pool[pool]
    out = cpu > tuned.out_cpu
    out = out or (tuned.out_throughput > 0.0 and throughput > tuned.out_throughput)
    out = out or (tuned.out_latency_s > 0.0 and latency_s > tuned.out_latency_s)
    below = cpu < tuned.in_cpu and not out
    if tuned.in_throughput > 0.0:
        below = below and throughput < tuned.in_throughput
    if out and fleet.breaches_out == 0:
        events.record(w, events.THRESHOLD_CROSSED, pool, cpu, tuned.out_cpu, 0.0)
    fleet.breaches_out = fleet.breaches_out + 1 if out else 0
    fleet.breaches_in = fleet.breaches_in + 1 if below else 0
    if w.time_s - fleet.scaled_at_s < p.cooldown_s:
        return
    desired = fleet.desired
    if fleet.breaches_out >= params.autoscaler.sustain:
        wanted = math.ceil(fleet.ready * cpu / tuned.out_cpu) if tuned.out_cpu > 0.0 else 0
        desired = max(fleet.desired + 1, int(wanted))
    elif fleet.breaches_in >= params.autoscaler.sustain:
        desired = fleet.desired - 1
    desired = min(max(desired, p.minimum), p.maximum)
    if desired != fleet.desired:
        fleet.breaches_out = 0
        fleet.breaches_in = 0
        scale_to(params, w, pool, desired, events.AUTOSCALE_OUT)
