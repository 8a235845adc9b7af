"""Queueing physics of one service: compute pools, a database, and their latency."""

from cwm_gym.core.queueing.records import (
    CENTRAL,
    DATABASE,
    FLOW,
    MAX_POOLS,
    MIXTURE,
    QUEUE,
    RANDOM,
    ROUND_ROBIN,
    SERVICE,
    TIER,
    WORKSPACE,
    new_workspace,
)
from cwm_gym.core.queueing.segment import (
    begin_mixture,
    mixture_mean,
    mixture_quantile,
    serve_segment,
)

__all__ = [
    "CENTRAL",
    "DATABASE",
    "FLOW",
    "MAX_POOLS",
    "MIXTURE",
    "QUEUE",
    "RANDOM",
    "ROUND_ROBIN",
    "SERVICE",
    "TIER",
    "WORKSPACE",
    "begin_mixture",
    "mixture_mean",
    "mixture_quantile",
    "new_workspace",
    "serve_segment",
]
