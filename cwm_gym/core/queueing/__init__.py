"""Queueing physics of one service: its tiers in topological order, and their latency."""

from cwm_gym.core.queueing.records import (
    BACKEND,
    CENTRAL,
    FLOW,
    MAX_BACKENDS,
    MAX_POOLS,
    MAX_TIERS,
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
    "BACKEND",
    "CENTRAL",
    "FLOW",
    "MAX_BACKENDS",
    "MAX_POOLS",
    "MAX_TIERS",
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
