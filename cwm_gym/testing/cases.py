"""Run a reference case through the compiled step that the environments use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cwm_gym.core import kernel
from cwm_gym.core.actions import SET_FLEET
from cwm_gym.core.demand import SAMPLES
from cwm_gym.core.queueing import BACKEND, CENTRAL, RANDOM, ROUND_ROBIN, new_workspace
from cwm_gym.core.records import ACTION, OUT, PARAMS, START, WORLD
from cwm_gym.core.records.params import DATABASE

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


def blank_parameters(tick_s: float, ticks: int) -> NDArray[Any]:
    """Write the parameters of a world without any tier, whose demand is held in every tick.

    Args:
        tick_s: Length of a tick, s.
        ticks: Their number, as many as there are arrival rates.

    Returns:
        ``PARAMS[1]``.
    """
    params = np.zeros(1, PARAMS)
    p = params[0]
    episode = p["episode"]
    episode["tick_s"], episode["max_steps"] = tick_s, ticks
    episode["latency_limit_s"] = episode["error_limit"] = episode["budget_usd_per_hour"] = 1.0
    episode["all_quantiles"] = 1
    demand = p["demand"]
    demand["n_patterns"], demand["day_s"] = 1, 86400.0
    curve = demand["pattern"][0]
    curve["kind"], curve["end_s"], curve["hold"], curve["scale"] = SAMPLES, np.inf, 1, 1.0
    curve["table_size"], curve["table_step_s"] = ticks, tick_s
    p["n_fronts"] = 1
    front = p["front"][0]
    front["limit_rps"] = front["unit_rps"] = front["unit_gb_per_hour"] = np.inf
    return params


class OneWorld:
    """One world of the kernel, run tick by tick without an environment around it.

    Attributes:
        params: ``PARAMS`` record; what is written here holds from the next tick on.
        world: ``WORLD`` record, whose ``meter`` tells of the last tick.
        tiers: ``TIER[MAX_TIERS]`` as the last segment left them.
    """

    def __init__(self, params: NDArray[Any], rates_rps: Floats) -> None:
        """Start the world.

        Args:
            params: ``PARAMS[1]``, see :func:`blank_parameters`.
            rates_rps: Requests per second in every tick.
        """
        self._params, self._tables = params, np.asarray(rates_rps, dtype=np.float64)
        self._worlds, self._out = np.zeros(1, WORLD), np.zeros(1, OUT)
        self._workspace, self._action = new_workspace(1), np.zeros(1, ACTION)
        self._action["kind"] = SET_FLEET
        self.params, self.world = params[0], self._worlds[0]
        self.tiers = self._workspace[0]["tier"]
        start = np.zeros(1, START)
        start["fleet"] = -1
        chosen = np.ones(1, np.bool_)
        kernel.seed_batch(self._worlds, np.zeros(1, np.uint64), chosen)
        kernel.reset_batch(
            params,
            params,
            params.view(np.float64).reshape(1, -1),
            params.view(np.int64).reshape(1, -1),
            self._tables,
            self._worlds,
            start,
            self._out,
            chosen,
        )

    def tick(self, fleets: Sequence[int]) -> None:
        """Ask for fleets and run one tick.

        Args:
            fleets: Instances of each pool, first one first.
        """
        for pool in range(1, len(fleets)):
            self._action["target"], self._action["amount"] = pool, fleets[pool]
            kernel.act_batch(self._params, self._worlds, self._action)
        self._action["target"], self._action["amount"] = 0, fleets[0]
        kernel.step_batch(
            self._params,
            self._tables,
            self._worlds,
            self._action,
            self._workspace,
            self._out,
            False,
        )


def case_parameters(inputs: Mapping[str, Any]) -> NDArray[Any]:
    """Write the inputs of a case as the parameters of a world.

    Boot and drain take no time, so that the fleet of every tick is the case's from its first
    second; demand is the case's arrival rate, held for each tick, without noise.

    Args:
        inputs: The ``inputs`` object of a reference case.

    Returns:
        ``PARAMS[1]``.
    """
    params = blank_parameters(float(inputs["dt"]), len(inputs["arrival_rate"]))
    p = params[0]
    p["n_pools"] = 1
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
    pool["entry"], pool["critical_speed"], pool["zones"] = 1, 1.0, 1
    if inputs["db_prob"] > 0:
        p["n_backends"] = 1
        p["route"]["n_stages"] = 1
        p["route"]["stage"][0] = BACKEND
        p["route"]["reach"][BACKEND] = 1.0
        database = p["backend"][0]
        database["kind"], database["behind"], database["zone"] = DATABASE, -1, -1
        database["critical_speed"] = 1.0
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
    rates = np.asarray(inputs["arrival_rate"], dtype=np.float64)
    one = OneWorld(case_parameters(inputs), rates)
    figures = {name: np.zeros(len(rates)) for name in FIGURES}
    for tick, instances in enumerate(inputs["n_instances"]):
        one.tick([instances])
        _read(figures, tick, one.world["meter"])
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
