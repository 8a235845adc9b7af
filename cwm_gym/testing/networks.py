"""Compare whole graphs of tiers, and serverless tiers, with exact discrete-event simulations.

A case names parallel entry pools and the tiers behind them, or one serverless tier, with its
arrival rate, instances and servers in every tick; ``tests/physics`` describes and stores such
cases. :func:`run_case` runs one through the compiled step that the environments use, and
:func:`score` sets the figures beside those of the simulation.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cwm_gym.core.queueing import BACKEND, MAX_TIERS
from cwm_gym.core.records.params import DATABASE, SERVERLESS
from cwm_gym.testing.cases import Floats, OneWorld, blank_parameters
from cwm_gym.testing.reference import Errors, series

#: Figure -> the least expected value at which its relative error counts.
SCORED = {
    "latency_mean": 0.0,
    "p50": 0.0,
    "p95": 0.0,
    "p99": 0.0,
    "throughput": 0.0,
    "utilisation": 0.0,
    "error_rate": 0.01,
    "queue_len": 1.0,
    "cold_wait_share": 0.01,
}
#: Error in percentage points, at any value.
POINTS = {"error_points": "error_rate", "cold_wait_points": "cold_wait_share"}
_METER = {
    "latency_mean": "latency_mean_s",
    "p50": "latency_p50_s",
    "p95": "latency_p95_s",
    "p99": "latency_p99_s",
    "throughput": "throughput_rps",
    "error_rate": "error_rate",
}
_WIDEST_INTERVAL = 0.1


def _limit(value: float | None) -> float:
    return np.inf if value is None else value


def _write_pool(pool: Any, given: Mapping[str, Any]) -> None:
    fleet = given["instances"]
    pool["entry"], pool["critical_speed"], pool["zones"] = 1, 1.0, 1
    pool["vcpus"], pool["cpu_s_per_request"] = given["vcpus"], 1.0 / given["mu"]
    pool["cs2"], pool["lognormal"] = given["cs2"], given["service_dist"] == "lognormal"
    pool["room"], pool["timeout_s"] = _limit(given["room"]), _limit(given["timeout"])
    pool["initial"], pool["maximum"] = fleet[0], max(fleet)


def network_parameters(inputs: Mapping[str, Any]) -> NDArray[Any]:
    """Write the inputs of a network as the parameters of a world.

    Every downstream tier is a database without a limit of connections: what tiers of fixed size
    have in common. The shares of requests that visit a tier are those of the case.

    Args:
        inputs: The ``inputs`` object of a case of the kind ``network``.

    Returns:
        ``PARAMS[1]``.
    """
    params = blank_parameters(float(inputs["dt"]), len(inputs["arrival_rate"]))
    p = params[0]
    p["extras"] = 1
    p["n_pools"], p["n_backends"] = len(inputs["pools"]), len(inputs["tiers"])
    for pool, given in zip(p["pool"], inputs["pools"], strict=False):
        _write_pool(pool, given)
    route = p["route"]
    route["n_stages"] = len(inputs["tiers"])
    for k, given in enumerate(inputs["tiers"]):
        route["stage"][k] = BACKEND + k
        for i, shares in enumerate(inputs["visit"]):
            route["reach"][i * MAX_TIERS + BACKEND + k] = shares[k]
        backend = p["backend"][k]
        backend["kind"], backend["behind"], backend["zone"] = DATABASE, -1, -1
        backend["critical_speed"] = backend["visit"] = 1.0
        backend["connections"] = np.inf
        backend["servers"], backend["service_s"] = given["servers"][0], given["mean_service"]
        backend["cs2"] = given["cs2"]
        backend["lognormal"] = given["service_dist"] == "lognormal"
        backend["room"], backend["timeout_s"] = _limit(given["room"]), _limit(given["timeout"])
    return params


def serverless_parameters(inputs: Mapping[str, Any]) -> NDArray[Any]:
    """Write the inputs of a serverless tier as the parameters of a world.

    Args:
        inputs: The ``inputs`` object of a case of the kind ``serverless``.

    Returns:
        ``PARAMS[1]``.
    """
    params = blank_parameters(float(inputs["dt"]), len(inputs["arrival_rate"]))
    p = params[0]
    p["extras"], p["n_pools"] = 1, 1
    pool = p["pool"][0]
    pool["kind"], pool["entry"], pool["critical_speed"], pool["zones"] = SERVERLESS, 1, 1.0, 1
    pool["vcpus"], pool["cpu_s_per_request"] = 1.0, inputs["mean_service"]
    pool["cs2"], pool["lognormal"] = inputs["cs2"], inputs["service_dist"] == "lognormal"
    pool["room"] = pool["timeout_s"] = np.inf
    pool["concurrency"], pool["concurrency_limit"] = inputs["concurrency"], _limit(inputs["limit"])
    pool["cold_s"], pool["keep_alive_s"] = inputs["cold_start_s"], _limit(inputs["keep_alive_s"])
    return params


def run_case(case: Mapping[str, Any]) -> dict[str, Floats]:
    """Run a case from an empty system.

    Args:
        case: With ``kind`` (``network`` or ``serverless``) and ``inputs``.

    Returns:
        float64[T] over the ticks for the figures of the service (see ``SCORED``), float64[S, T]
        for ``utilisation`` and ``queue_len``, whose rows are the pools and then the tiers; of a
        serverless tier ``utilisation`` is the number of requests in service.
    """
    inputs = case["inputs"]
    rates = np.asarray(inputs["arrival_rate"], dtype=np.float64)
    serverless = case["kind"] == "serverless"
    params = serverless_parameters(inputs) if serverless else network_parameters(inputs)
    pools, tiers = int(params[0]["n_pools"]), inputs.get("tiers", [])
    one = OneWorld(params, rates)
    found = {name: np.zeros(len(rates)) for name in (*_METER, "cold_wait_share")}
    found |= {n: np.zeros((pools + len(tiers), len(rates))) for n in ("utilisation", "queue_len")}
    for tick in range(len(rates)):
        for k, tier in enumerate(tiers):
            one.params["backend"][k]["servers"] = tier["servers"][tick]
        one.tick([0] if serverless else [pool["instances"][tick] for pool in inputs["pools"]])
        for name, field in _METER.items():
            found[name][tick] = one.world["meter"][field]
        found["cold_wait_share"][tick] = one.world["meter"]["cold_share"]
        for row in range(pools + len(tiers)):
            k = row - pools
            state = one.world["pool"][row] if k < 0 else one.world["backend"][k]
            # A tick is one segment here: nothing changes inside it.
            flow = one.tiers[row if k < 0 else BACKEND + k]["flow"]
            available = inputs["dt"] if serverless else state["server_tick_s"]
            if available > 0.0:
                found["utilisation"][row, tick] = state["busy_tick_s"] / available
            found["queue_len"][row, tick] = flow["queue_mean"]
    return found


def expected_figures(case: Mapping[str, Any], part: str) -> dict[str, Floats]:
    """Bring the figures of the simulation into the form of :func:`run_case`.

    Args:
        case: With figures.
        part: ``expected``, or ``ci95`` for the half-widths of their intervals.

    Returns:
        The same keys and shapes; NaN where there is no figure.
    """
    given = case[part]
    found = {name: series(given[name]) for name in _METER}
    rows = {"utilisation": ("pool_util", "tier_util"), "queue_len": ("pool_queue_len",)}
    rows["queue_len"] += ("tier_queue_len",)
    if case["kind"] == "serverless":
        found["utilisation"] = series(given["busy"])[None]
        found["cold_wait_share"] = series(given["cold_wait_share"])
        found["queue_len"] = np.full((1, len(given["busy"])), np.nan)
        return found
    for name, keys in rows.items():
        found[name] = np.array([series(row) for key in keys for row in given[key]])
    found["cold_wait_share"] = np.full(len(given["p95"]), np.nan)
    return found


def score(
    cases: Sequence[Mapping[str, Any]],
    run: Callable[[Mapping[str, Any]], Mapping[str, Floats]] = run_case,
) -> dict[str, Errors]:
    """Errors of a model over cases.

    Ticks before ``compare_from`` do not count, nor does a figure whose confidence half-width is
    10 % of it or more. Utilisation and queue length count once for each pool and tier.

    Args:
        cases: With the figures of the simulation.
        run: The model: case to figures per tick.

    Returns:
        For each name in ``SCORED`` and ``POINTS`` the errors, in percent or percentage points,
        with index of the case and tick. ``stressed`` marks the ticks in which a pool or tier has
        more than one request waiting or is more than 80 % busy, or more than 0.1 % fail.
    """
    rows: dict[str, list[tuple[float, bool, int, int]]] = {n: [] for n in (*SCORED, *POINTS)}
    for index, case in enumerate(cases):
        actual = run(case)
        expected, width = expected_figures(case, "expected"), expected_figures(case, "ci95")
        stressed = expected["error_rate"] > 1e-3
        if case["kind"] == "network":
            stressed |= (expected["queue_len"] > 1.0).any(axis=0)
            stressed |= (expected["utilisation"] > 0.8).any(axis=0)
        later = np.arange(len(stressed)) >= case["compare_from"]
        for name in rows:
            key = POINTS.get(name, name)
            wanted, error = expected[key], np.abs(actual[key] - expected[key])
            counts = later & np.isfinite(wanted)
            if name in SCORED:
                counts &= (wanted > SCORED[name]) & (width[key] < _WIDEST_INTERVAL * wanted)
                error = np.divide(error, wanted, out=np.zeros_like(error), where=counts)
            rows[name] += [
                (100.0 * error[where], stressed[where[-1]], index, int(where[-1]))
                for where in zip(*np.nonzero(counts), strict=True)
            ]
    return {name: Errors.of(found) for name, found in rows.items()}
