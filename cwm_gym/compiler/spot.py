"""Spot instances: how often, in what blocks and for how long the market takes them back."""

from __future__ import annotations

import math
from typing import Any

from cwm_gym import catalog
from cwm_gym.catalog import ComputeSize
from cwm_gym.compiler import defaults
from cwm_gym.compiler.vertices import Placed, either

_SHORTEST_NOTICE_S = 1e-3
_HOURS_IN_30_DAYS = 720.0


def write_spot(record: Any, one: Placed, size: ComputeSize, region: str) -> None:
    """Fill in the spot market of a pool.

    The kernel counts events per zone, each of which takes a share of the zone's instances or a
    single one. A stated ``interruptionsPerHour`` is what one instance suffers, so it becomes
    ``interruptions / share`` events; single interruptions are as many as instances at most fit
    into a zone.

    Args:
        record: ``POOL_PARAMS`` record with bounds and zones.
        one: The resource.
        size: Size of an instance.
        region: Code of its region.
    """
    s = one.settings
    preset = either(s.spot_hazard, defaults.SPOT_HAZARD)
    scarce = preset == "scarce"
    block = either(s.block_share, defaults.SCARCE_BLOCK_SHARE if scarce else 0.0)
    hazard = s.interruptions_per_hour
    if hazard is None and scarce:
        hazard = defaults.SCARCE_EVENTS_PER_HOUR * defaults.SCARCE_BLOCK_SHARE
    elif hazard is None:
        hazard = advised_hazard(one.provider, size, region)
    per_event = block if block > 0.0 else record["zones"] / record["maximum"]
    record["interruptions_per_hour"] = hazard / per_event
    record["block_share"] = block
    market = catalog.load(one.provider).spot
    notice = s.notice_seconds
    if notice is None and market is not None:
        notice = market.notice_seconds
    record["notice_s"] = max(either(notice, 0.0), _SHORTEST_NOTICE_S)
    record["return_s"] = either(s.capacity_return_seconds, defaults.CAPACITY_RETURN_SECONDS[preset])


def advised_hazard(provider: str, size: ComputeSize, region: str) -> float:
    """Turn the advisor's band of a size into a constant hazard.

    The middle of the band is taken as the probability of an interruption in 30 days.

    Args:
        provider: Provider's name.
        size: Compute size.
        region: Code of the region.

    Returns:
        Interruptions of one instance per hour.
    """
    band = catalog.spot_quote(provider, size, region).interruption_30d
    if band is None:
        return defaults.ADVISOR_HAZARD_PER_HOUR
    low, high = band
    share = defaults.ADVISOR_OPEN_BAND if high >= 1.0 else 0.5 * (low + high)
    return -math.log1p(-share) / _HOURS_IN_30_DAYS
