"""The info dictionaries: what they hold and how they are built without dominating the step."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from cwm_gym.core.queueing import MAX_BACKENDS, MAX_POOLS
from cwm_gym.core.records import COMPONENT_NAMES, METRIC_NAMES
from cwm_gym.core.records.params import CACHE, DATABASE, NODES, SERVERLESS, STORAGE

_ALWAYS = METRIC_NAMES[:7]
_QUANTILES = METRIC_NAMES[-2:]


def optional_metrics(params: Any) -> tuple[str, ...]:
    """List the metrics that exist because some resource does, spare ones included.

    Args:
        params: ``PARAMS[P]``.

    Returns:
        Names in the order of ``METRIC_NAMES``.
    """
    pools = params["pool"][np.arange(MAX_POOLS) < params["n_pools"][:, np.newaxis]]
    used = np.arange(MAX_BACKENDS) < params["n_backends"][:, np.newaxis]
    backends = set(params["backend"]["kind"][used].tolist())
    queued = bool((pools["queued"] == 1).any())
    there = {
        "connection_pressure": DATABASE in backends,
        "cache_hit_rate": CACHE in backends,
        "queue_depth": queued,
        "queue_age_s": queued,
        "k8s_node_utilization": bool((pools["kind"] == NODES).any()),
        "storage_iops_utilization": STORAGE in backends,
        "cold_start_share": bool((pools["kind"] == SERVERLESS).any()),
    }
    return tuple(name for name in METRIC_NAMES if there.get(name, False))


def metric_names(quantiles: str, optional: tuple[str, ...]) -> tuple[tuple[str, int], ...]:
    """List the metrics that an environment reports.

    Args:
        quantiles: ``p95`` or ``all``.
        optional: From :func:`optional_metrics`.

    Returns:
        (name, column of ``OUT.metrics``) pairs.
    """
    names = _ALWAYS + optional + (_QUANTILES if quantiles == "all" else ())
    return tuple((name, METRIC_NAMES.index(name)) for name in names)


def component_names(optional: tuple[str, ...]) -> tuple[str, ...]:
    """List the components of the reward.

    Args:
        optional: From :func:`optional_metrics`; without a database there is no connection
            pressure.

    Returns:
        Names in the order of ``OUT.components``.
    """
    return COMPONENT_NAMES if "connection_pressure" in optional else COMPONENT_NAMES[:-1]


def human_time(seconds: float) -> str:
    """Write a simulated time as the specification does.

    Args:
        seconds: Time, s.

    Returns:
        ``Xs``, ``Xm Ys`` or ``Xh Ym``.
    """
    whole = int(seconds)
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m {whole % 60}s"
    return f"{whole // 3600}h {whole % 3600 // 60}m"


def vector_info(
    out: NDArray[Any],
    names: tuple[tuple[str, int], ...],
    components: tuple[str, ...],
    mask_field: str,
) -> dict[str, Any]:
    """Build the info of a vector environment from fresh copies.

    Args:
        out: ``OUT[N]``.
        names: Metrics to report.
        components: Reward components to report.
        mask_field: Field of ``OUT`` with the action mask; empty for none.

    Returns:
        Arrays over the environments, with Gymnasium's ``_key`` masks.
    """
    everyone = np.ones(len(out), np.bool_)
    metrics = np.array(out["metrics"].T)
    parts = np.array(out["components"].T)
    info: dict[str, Any] = {
        "metrics": {name: metrics[column] for name, column in names},
        "reward_components": dict(zip(components, parts, strict=False)),
        "cost": out["cost"].copy(),
        "sim_time_seconds": out["time_s"].copy(),
    }
    if mask_field:
        info["action_mask"] = out[mask_field].copy()
    info["metrics"].update({f"_{name}": everyone for name, _ in names})
    info["reward_components"].update({f"_{name}": everyone for name in components})
    info.update({f"_{key}": everyone for key in tuple(info)})
    return info
