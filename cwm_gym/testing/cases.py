"""Run a reference case through the compiled step that the environments use."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cwm_gym.core import kernel
from cwm_gym.core.actions import SET_FLEET
from cwm_gym.core.demand import SAMPLES
from cwm_gym.core.queueing import CENTRAL, RANDOM, ROUND_ROBIN, new_workspace
from cwm_gym.core.records import ACTION, OUT, PARAMS, START, WORLD

Floats = NDArray[np.float64]

FIGURES = (
    "throughput",
    "cpu_util",
    "latency_mean",
    "p50",
    "p95",
    "p99",
    "error_rate",
    "queue_len",
    "db_active_conn",
    "db_util",
    "db_queue_len",
    "err_per_s",
    "timeouts_per_s",
    "rejects_per_s",
    "aborts_per_s",
    "arrivals",
)
_BALANCING = {"central": CENTRAL, "random": RANDOM, "round_robin": ROUND_ROBIN}


def case_parameters(inputs: Mapping[str, Any]) -> NDArray[Any]:
    """Write the inputs of a case as the parameters of a world.

    Boot and drain take no time, so that the fleet of every tick is the case's from its first
    second; demand is the case's arrival rate, held for each tick, without noise.

    Args:
        inputs: The ``inputs`` object of a reference case.

    Returns:
        ``PARAMS[1]``.
    """
    params = np.zeros(1, PARAMS)
    p = params[0]
    ticks = len(inputs["arrival_rate"])
    dt = float(inputs["dt"])
    p["n_pools"] = 1
    episode = p["episode"]
    episode["tick_s"], episode["max_steps"] = dt, ticks
    episode["latency_limit_s"] = episode["error_limit"] = episode["budget_usd_per_hour"] = 1.0
    episode["all_quantiles"] = 1
    demand = p["demand"]
    demand["n_patterns"], demand["day_s"] = 1, 86400.0
    curve = demand["pattern"][0]
    curve["kind"], curve["end_s"], curve["hold"], curve["scale"] = SAMPLES, np.inf, 1, 1.0
    curve["table_size"], curve["table_step_s"] = ticks, dt
    pool = p["pool"][0]
    fleet = np.asarray(inputs["n_instances"])
    pool["vcpus"] = inputs["vcpus_per_instance"]
    pool["cpu_s_per_request"] = 1.0 / inputs["mu"]
    pool["cs2"] = inputs["cs2"]
    pool["lognormal"] = inputs["service_dist"] == "lognormal"
    pool["balancing"] = _BALANCING[inputs["lb"]]
    pool["room"] = inputs["queue_cap"]
    if inputs["lb"] != "central":
        pool["room"] = inputs["queue_cap"] // fleet[0] * fleet[0]
    pool["timeout_s"] = inputs["timeout"]
    pool["minimum"], pool["maximum"], pool["initial"] = 0, fleet.max(), fleet[0]
    pool["kill_in_flight"] = inputs["kill_mode"] == "abort"
    if inputs["db_prob"] > 0:
        database = p["database"]
        database["present"] = 1
        database["servers"] = inputs["db_vcpus"]
        database["service_s"] = inputs["db_mean_service"]
        database["cs2"] = inputs["db_cs2"]
        database["lognormal"] = inputs["db_service_dist"] == "lognormal"
        database["visit"] = inputs["db_prob"]
        database["connections"] = inputs["db_max_conn"]
        database["room"] = inputs["db_queue_cap"]
        database["timeout_s"] = inputs["db_timeout"]
    return params


def run_case(inputs: Mapping[str, Any]) -> dict[str, Floats]:
    """Run the inputs of one reference case from an empty system.

    The kernel's own entry points reset and step one world; the case only supplies parameters,
    demand and, as actions, the fleet of every tick.

    Args:
        inputs: The ``inputs`` object of a reference case: arrival rates (requests per second) and
            ready instances per tick, service and queue parameters (see *Physics*).

    Returns:
        float64 array over the ticks for each of ``FIGURES``: latencies in s, rates per second,
        fractions as fractions.
    """
    params = case_parameters(inputs)
    tables = np.asarray(inputs["arrival_rate"], dtype=np.float64)
    worlds, out = np.zeros(1, WORLD), np.zeros(1, OUT)
    start = np.zeros(1, START)
    start["offset_s"], start["fleet"] = 0.0, -1
    chosen = np.ones(1, np.bool_)
    workspace = new_workspace(1)
    kernel.seed_batch(worlds, np.zeros(1, np.uint64), chosen)
    kernel.reset_batch(
        params,
        params,
        params.view(np.float64).reshape(1, -1),
        params.view(np.int64).reshape(1, -1),
        tables,
        worlds,
        start,
        out,
        chosen,
    )
    action = np.zeros(1, ACTION)
    action["kind"], action["pool"] = SET_FLEET, -1
    figures = {name: np.zeros(len(tables)) for name in FIGURES}
    for tick, instances in enumerate(inputs["n_instances"]):
        action["amount"] = instances
        kernel.step_batch(params, tables, worlds, action, workspace, out, False)
        _read(figures, tick, worlds[0]["meter"])
    return figures


def _read(figures: dict[str, Floats], tick: int, m: Any) -> None:
    seconds = m["seconds"]
    for name, field in (
        ("throughput", "throughput_rps"),
        ("cpu_util", "utilisation"),
        ("latency_mean", "latency_mean_s"),
        ("p50", "latency_p50_s"),
        ("p95", "latency_p95_s"),
        ("p99", "latency_p99_s"),
        ("error_rate", "error_rate"),
        ("queue_len", "waiting"),
        ("db_active_conn", "database_active"),
        ("db_util", "database_utilisation"),
        ("db_queue_len", "database_waiting"),
        ("arrivals", "offered_rps"),
    ):
        figures[name][tick] = m[field]
    for name, field in (
        ("timeouts_per_s", "timed_out"),
        ("rejects_per_s", "rejected"),
        ("aborts_per_s", "failed"),
    ):
        figures[name][tick] = m[field] / seconds
        figures["err_per_s"][tick] += m[field] / seconds
