"""Database connections in use."""

from __future__ import annotations

import math
from typing import Any

from cwm_gym.core.jit import jit
from cwm_gym.core.queueing.special import gamma_below


@jit
def count_connections(workspace: Any, tier: Any, nodes: int) -> None:
    """Connections in use: requests in service and those that wait while holding one."""
    connections = max(tier.service.connections, 0.0)
    spare = connections - tier.service.servers
    held = 0.0
    if spare > 0.0:
        for j in range(nodes):
            profile = tier.profile[j]
            if profile.queue > 1e-9:
                held += workspace.node[j].share * _held(profile, spare)
    tier.flow.active_connections = min(tier.flow.busy + held, connections)


@jit
def _held(profile: Any, spare: float) -> float:
    """E[min(number waiting, spare connections)] at one instant.

    While anything waits, its number is 1 + Poisson(arrivals during the wait at the head of the
    line). For an exponential wait that is geometric. Narrower ones are taken by two moments as a
    gamma variable.
    """
    waiting = profile.queue
    busy = max(profile.busy, 1e-12)
    more = waiting / busy
    queued = busy * more / (1.0 + more)
    mean = 1.0 + more
    relative = min(4.0, profile.variance / max(profile.delay * profile.delay, 1e-30))
    variance = more + more * more * relative
    if mean + 6.0 * math.sqrt(variance) < spare:
        return float(waiting)
    if relative > 0.9:
        return float(waiting * (1.0 - (more / (1.0 + more)) ** spare))
    below, part = gamma_below(variance / (mean * mean), spare / mean)
    result: float = min(max(queued * (mean * part + spare * (1.0 - below)), 0.0), waiting)
    return result
