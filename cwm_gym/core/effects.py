"""What the faults that act at a moment add up to, tier by tier.

Effects compose: factors multiply, shares combine as independent chances, delays add. With s the
severity (0..1) and where no size is stated in the fault:

==================== =======================================================================
network_latency      0.2 s seconds more on every visit (``latencyMs``)
network_partition    a share s of the requests fails at once
database_slowdown    queries take 1 + 4 s times as long (``slowdown``)
database_overload    others hold a share s of the connections and half of it of the vCPUs
database_crash       down; with a standby only for the failover
cpu_spike            something else takes a share 0.9 s of the vCPUs (``slowdown``: 1 - 1/x)
memory_pressure      1 + 2 s times as slow (``slowdown``), a share 0.05 s of the requests fails
memory_leak          grows to 1 + 3 s times as slow (``slowdown``) over the fault, an hour at most
bad_deployment       a share s of the instances does not serve (serverless: of the requests fails)
dependency_timeout   a share 0.5 s of the requests fails, 0.25 s seconds (``latencyMs``) more for
                     the others
az_outage            all that stands in the zone
spot_interruption    a share s of the spot instances (``instances``) after the notice
instance_kill        one instance, or a share s of them (``instances``)
traffic_spike        demand times 1 + 4 s (``multiplier``)
==================== =======================================================================

A stated ``errorRateIncrease`` replaces the share that fails. Delays have a standard deviation of
half of them.

The sizes at s = 1 are assumptions of the order that incidents on a measured microservice shop
show: mean latency 1.5 to 5 times as high, availability 97 to 99 %, latency nearly flat where
requests fail.
"""

from __future__ import annotations

import math
from typing import Any

from cwm_gym.core.jit import jit
from cwm_gym.core.queueing.records import BACKEND
from cwm_gym.core.records.params import (
    AZ_OUTAGE,
    BAD_DEPLOYMENT,
    CPU_SPIKE,
    DATABASE,
    DATABASE_CRASH,
    DATABASE_OVERLOAD,
    DATABASE_SLOWDOWN,
    DEPENDENCY_TIMEOUT,
    MAX_FAULTS,
    MEMORY_LEAK,
    MEMORY_PRESSURE,
    NETWORK_LATENCY,
    NETWORK_PARTITION,
    SERVERLESS,
    SPOT_INTERRUPTION,
    TRAFFIC_SPIKE,
)
from cwm_gym.core.records.world import ACTING

_TINY_S = 1e-9
LATENCY_S = 0.2
SLOWDOWN = 4.0
STOLEN_BY_OVERLOAD = 0.5
STOLEN_BY_SPIKE = 0.9
MEMORY_SLOWDOWN, MEMORY_ERRORS = 2.0, 0.05
LEAK_SLOWDOWN, LEAK_LONGEST_S = 3.0, 3600.0
TIMEOUT_ERRORS, TIMEOUT_LATENCY_S = 0.5, 0.25
SPIKE = 4.0


@jit
def reaches(params: Any, w: Any, fault: Any, tier: int) -> bool:
    """Tell whether a fault concerns a tier.

    A named target is that tier. A link concerns the tiers of either region that the other one
    calls. A zone concerns what stands in it. Otherwise it is every database for faults of
    databases and every entry pool for the others.

    Args:
        params: ``PARAMS`` record.
        w: ``WORLD`` record.
        fault: ``FAULT`` record.
        tier: Tier.

    Returns:
        Whether it does.
    """
    if fault.kind == TRAFFIC_SPIKE:
        return False
    if fault.other_region >= 0:
        return _crosses(params, fault, tier)
    if fault.zone >= 0:
        if fault.target >= 0 and fault.target != tier:
            return False
        if tier >= BACKEND:
            return params.backend[tier - BACKEND].zone == fault.zone
        inside = False
        for j in range(params.pool[tier].zones):
            inside = inside or params.pool[tier].zone[j] == fault.zone
        return inside
    if fault.target >= 0:
        return fault.target == tier
    kind = fault.kind
    of_database = DATABASE_SLOWDOWN <= kind <= DATABASE_CRASH
    if tier >= BACKEND:
        return of_database and params.backend[tier - BACKEND].kind == DATABASE
    if kind == SPOT_INTERRUPTION:
        return params.pool[tier].notice_s > 0.0
    return not of_database and params.pool[tier].entry == 1


@jit
def _crosses(params: Any, fault: Any, tier: int) -> bool:
    """Whether requests come to a tier over a link between two regions."""
    if tier < BACKEND:
        if params.pool[tier].entry == 1:
            return False
        here = params.pool[tier].region
    else:
        here = params.backend[tier - BACKEND].region
    other = -1
    if here == fault.region:
        other = fault.other_region
    elif here == fault.other_region:
        other = fault.region
    for i in range(params.n_pools):
        if params.pool[i].entry == 1 and params.pool[i].region == other:
            return True
    return False


@jit
def _either(stated: float, otherwise: float) -> float:
    return otherwise if math.isnan(stated) else stated


@jit
def _clear(effect: Any) -> None:
    effect.refused = 0.0
    effect.speed = 1.0
    effect.stolen = 0.0
    effect.latency_s = 0.0
    effect.latency_s2 = 0.0
    effect.held = 0.0


@jit
def _add(w: Any, fault: Any, effect: Any) -> None:
    kind = fault.kind
    s = fault.severity
    refused = 0.0
    stolen = 0.0
    latency = 0.0
    slower = 1.0
    if kind == NETWORK_LATENCY:
        latency = _either(fault.amount, LATENCY_S * s)
    elif kind == NETWORK_PARTITION:
        refused = s
    elif kind == DATABASE_SLOWDOWN:
        slower = _either(fault.amount, 1.0 + SLOWDOWN * s)
    elif kind == DATABASE_OVERLOAD:
        effect.held = 1.0 - (1.0 - effect.held) * (1.0 - s)
        stolen = STOLEN_BY_OVERLOAD * s
        slower = _either(fault.amount, slower)
    elif kind == CPU_SPIKE:
        stolen = 1.0 - 1.0 / _either(fault.amount, 1.0 / (1.0 - STOLEN_BY_SPIKE * s))
    elif kind == MEMORY_PRESSURE:
        slower = _either(fault.amount, 1.0 + MEMORY_SLOWDOWN * s)
        refused = MEMORY_ERRORS * s
    elif kind == MEMORY_LEAK:
        span = min(fault.end_s - fault.start_s, LEAK_LONGEST_S)
        # Of the time until it is worked out again, the middle.
        age = 0.5 * (w.time_s + fault.next_s) - fault.start_s
        grown = min(1.0, age / span) if span > 0.0 else 1.0
        slower = 1.0 + (_either(fault.amount, 1.0 + LEAK_SLOWDOWN * s) - 1.0) * grown
    elif kind == BAD_DEPLOYMENT:
        slower = _either(fault.amount, slower)
    elif kind == DEPENDENCY_TIMEOUT:
        refused = TIMEOUT_ERRORS * s
        latency = _either(fault.amount, TIMEOUT_LATENCY_S * s)
    refused = _either(fault.errors, refused)
    effect.speed /= max(slower, 1.0)
    effect.refused = 1.0 - (1.0 - effect.refused) * (1.0 - min(refused, 1.0))
    effect.stolen = 1.0 - (1.0 - effect.stolen) * (1.0 - stolen)
    effect.latency_s += latency
    effect.latency_s2 += 0.25 * latency * latency


@jit
def add_up(params: Any, w: Any) -> None:
    """Work out the effects of all faults that act.

    Args:
        params: ``PARAMS`` record.
        w: ``WORLD`` record.
    """
    acting = 0
    w.demand_factor = 1.0
    for f in range(MAX_FAULTS):
        fault = w.fault[f]
        if fault.state == ACTING:
            acting += 1
            if fault.kind == TRAFFIC_SPIKE:
                w.demand_factor *= max(1.0, _either(fault.amount, 1.0 + SPIKE * fault.severity))
    if acting == 0 and w.faulty == 0:
        return
    w.faulty = 1 if acting > 0 else 0
    for i in range(params.n_pools + params.n_backends):
        tier = i if i < params.n_pools else BACKEND + i - params.n_pools
        effect = w.effect[tier]
        _clear(effect)
        down = 0
        for f in range(MAX_FAULTS):
            fault = w.fault[f]
            if fault.state != ACTING or not reaches(params, w, fault, tier):
                continue
            _add(w, fault, effect)
            if tier < BACKEND:
                if fault.kind == BAD_DEPLOYMENT and params.pool[tier].kind == SERVERLESS:
                    # There is no fleet to take them from: their share of the requests fails.
                    effect.refused = 1.0 - (1.0 - effect.refused) * (1.0 - fault.severity)
            elif fault.kind == DATABASE_CRASH or fault.kind == AZ_OUTAGE:
                d = params.backend[tier - BACKEND]
                if d.standby == 0 or w.time_s < fault.start_s + d.failover_s - _TINY_S:
                    down += 1
        if tier >= BACKEND:
            w.backend[tier - BACKEND].down = down
