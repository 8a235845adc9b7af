"""What the service costs while it runs."""

from __future__ import annotations

from typing import Any

from cwm_gym.core.jit import jit
from cwm_gym.core.provisioning import billed_instances


@jit
def run_rate_usd_per_hour(params: Any, w: Any) -> float:
    """Price everything that is paid by the hour at this moment.

    Args:
        params: ``PARAMS`` record.
        w: ``WORLD`` record.

    Returns:
        Dollars per hour for instances, database, balancers and storage, without traffic.
    """
    rate = params.fixed.usd_per_hour
    for i in range(params.n_pools):
        if w.pool[i].present == 1:
            rate += billed_instances(w.pool[i]) * params.pool[i].usd_per_hour
    for k in range(params.n_backends):
        if w.backend[k].present == 1:
            rate += params.backend[k].usd_per_hour
            rate += w.backend[k].units * params.backend[k].usd_per_unit_hour
    return rate


@jit
def traffic_usd(params: Any, f: int, arrived: float, served: float, seconds: float) -> float:
    """Price traffic: balancer capacity units (the larger dimension counts) and egress.

    Args:
        params: ``PARAMS`` record.
        f: Front that it takes.
        arrived: Requests that arrived.
        served: Requests answered.
        seconds: Length of the time, s.

    Returns:
        Dollars.
    """
    front = params.front[f]
    gigabytes = served * params.fixed.gb_per_request
    usd = gigabytes * front.usd_per_gb
    if front.unit_usd_per_hour > 0.0 and seconds > 0.0:
        hours = seconds / 3600.0
        units = arrived / seconds / front.unit_rps
        units = max(units, gigabytes / hours / front.unit_gb_per_hour)
        units = max(0.0, units - front.units_included)
        usd += units * front.unit_usd_per_hour * hours
    return usd
