"""What holds of every world after every tick, whatever happened in it.

Each check raises ``AssertionError`` with what was found and where.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from cwm_gym.envs.vector import CloudVectorEnv

CONSERVATION_TOLERANCE = 1e-9
"""Requests that may be missing, relative to those that arrived or were there already."""


def inside(worlds: NDArray[Any]) -> NDArray[np.float64]:
    """Count the requests that wait or are being served.

    Args:
        worlds: ``WORLD[N]``.

    Returns:
        float64[N].
    """
    found: NDArray[np.float64] = np.zeros(len(worlds))
    for part in ("pool", "backend"):
        queues = worlds[part]["queue"]
        found += (queues["waiting"] + queues["in_service"]).sum(axis=1)
    return found


def imbalance(before: NDArray[Any], worlds: NDArray[Any]) -> NDArray[np.float64]:
    """Compare what arrived in the last tick with what became of it.

    Two balances have to hold: arrived = served + timed out + rejected + failed + change of the
    backlog, and that change is what the queues hold now less what they held before. Messages that
    nobody waits for count on both sides: entered a queue, processed, lost, still there.

    Args:
        before: ``WORLD[N]`` before the tick.
        worlds: ``WORLD[N]`` after it.

    Returns:
        float64[N], the larger of the two gaps relative to the requests that arrived or were
        inside; 0 for worlds that have just been reset.
    """
    meter = worlds["meter"]
    gone = meter["served"] + meter["timed_out"] + meter["rejected"] + meter["failed"]
    gone = gone + meter["processed"] + meter["messages_lost"]
    entered = meter["arrived"] + meter["messages"]
    counted = meter["backlog_change"] + meter["messages_change"]
    change = inside(worlds) - inside(before)
    gap = np.maximum(abs(entered - gone - counted), abs(counted - change))
    scale = entered + inside(before)
    share = np.divide(gap, scale, out=np.where(gap > 0.0, np.inf, 0.0), where=scale > 0.0)
    return np.where(worlds["step"] > 0, share, 0.0)


def check_finite(env: CloudVectorEnv, rewards: NDArray[np.float64], where: str) -> None:
    """Check that nothing is NaN or infinite, and no cost, time or count negative.

    Args:
        env: The environments after a step.
        rewards: What it returned, float64[N].
        where: For messages: which step.
    """
    out, worlds = env.batch.out, env.worlds
    parts = {
        "reward": rewards,
        "kernel reward": out["reward"],
        "metrics": out["metrics"],
        "reward components": out["components"],
        "observation": out["observation"],
        **{f"meter/{name}": worlds["meter"][name] for name in worlds["meter"].dtype.names or ()},
        **{
            f"{part} queue/{name}": worlds[part]["queue"][name]
            for part in ("pool", "backend")
            for name in ("waiting", "in_service")
        },
    }
    for name, values in parts.items():
        if not np.isfinite(values).all():
            bad = int(np.nonzero(~np.isfinite(values))[0][0])
            raise AssertionError(f"{name} of environment {bad} is not finite {where}")
    for name, values in (
        ("cost", worlds["meter"]["usd"]),
        ("cost per hour", out["metrics"][:, 0]),
        ("cost signal", out["cost"]),
        ("latency", out["metrics"][:, 2]),
        ("served", worlds["meter"]["served"]),
        ("backlog", worlds["meter"]["backlog"]),
    ):
        assert (values >= 0.0).all(), (
            f"{name} of environment {int(values.argmin())} is negative {where}"
        )


def check_fleets(worlds: NDArray[Any], where: str) -> None:
    """Check the books of every fleet, and that shares and states are what they can be.

    Args:
        worlds: ``WORLD[N]``.
        where: For messages: which step.
    """
    pools, meter = worlds["pool"], worlds["meter"]
    launching = pools["launching"]["count"].sum(axis=2)
    status = np.concatenate([worlds[part]["health"]["status"] for part in ("pool", "backend")], 1)
    shares = ("cache_hit_rate", "error_rate", "cold_share", "edge_share")
    checks = {
        "desired is not ready + launching + lost": pools["desired"]
        != pools["ready"] + launching + pools["lost"],
        "a fleet is negative": (pools["ready"] < 0) | (pools["lost"] < 0) | (launching < 0),
        "more are under notice than ready": pools["notified"] > pools["ready"],
        "the status is none": (status < 0) | (status > 3),
        "the connection pressure exceeds 3": meter["connection_pressure"] > 3.0,
        **{f"{name} is no share": (meter[name] < 0.0) | (meter[name] > 1.0) for name in shares},
    }
    for name, wrong in checks.items():
        bad = np.argwhere(wrong)
        assert not len(bad), f"{name} in environment {bad[0].tolist()} {where}"
