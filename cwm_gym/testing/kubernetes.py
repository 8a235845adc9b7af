"""Predict measured runs of a service on Kubernetes with one set of parameters.

The measurements: one HTTP service on a cluster of three nodes, one to four pods behind a service,
45 to 198 requests per second, runs of 120 s each, with failures, latencies and the processor time
of the pods (github.com/anfa-majid/forecast-error-semantics-kubernetes-autoscaling, data CC-BY 4.0).
They are not part of this project; ``FITTED`` is what was learned from half of them by
``benchmarks/kubernetes.py``.
"""

from __future__ import annotations

import csv
import statistics
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from cwm_gym.core.queueing import CENTRAL, RANDOM, ROUND_ROBIN
from cwm_gym.testing.cases import OneWorld, blank_parameters

#: Length of a measured run, s.
RUN_S = 120.0
#: Longest wait, s: the slowest requests of the overloaded runs took 5.0 s.
TIMEOUT_S = 5.0
BALANCING = {"central": CENTRAL, "random": RANDOM, "round_robin": ROUND_ROBIN}
#: Replicas, offered requests per second.
Cell = tuple[int, float]


class Pods(NamedTuple):
    """What a pod needs for a request, and what the pods share."""

    cpu_s: float  # processor time of a request, s
    cs2: float  # squared coefficient of variation of the service time
    base_latency_s: float  # spent outside the processor
    contention: float  # capacity of n pods = n / (1 + contention (n - 1))
    balancing: str  # key of BALANCING
    limit_rps: float  # requests per second that all pods together can send downstream


class Outcome(NamedTuple):
    """What is measured in a run, or predicted for it."""

    p50_s: float
    p95_s: float
    cpu_cores: float  # of one pod
    failed: float  # share of the requests


#: Fitted to every second cell of the measurements by ``python benchmarks/kubernetes.py``.
FITTED = Pods(0.006983, 0.01624, 0.001127, 0.1189, "round_robin", 131.0)


def read_cells(path: Path) -> dict[Cell, Outcome]:
    """Read measured runs.

    Args:
        path: CSV file with a row for each run.

    Returns:
        Medians over the repeated runs of each cell, in the order of replicas and load. The
        processor time is that of the busiest pod.
    """
    runs: dict[Cell, list[Outcome]] = {}
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            cell = int(row["replicas"]), float(row["target_rps"])
            found = Outcome(
                1e-3 * float(row["p50_ms"]),
                1e-3 * float(row["p95_ms"]),
                float(row["max_pod_cpu_cores"]),
                float(row["failure_rate"]),
            )
            runs.setdefault(cell, []).append(found)
    return {
        cell: Outcome._make(map(statistics.median, zip(*runs[cell], strict=True)))
        for cell in sorted(runs)
    }


def predict(pods: Pods, cell: Cell) -> Outcome:
    """Predict a run with the compiled step that the environments use.

    A pod is an instance with one core, which it does not share; what the shared limit does not
    let through fails at the front.

    Args:
        pods: Parameters.
        cell: Replicas and offered load.

    Returns:
        Figures of a run that starts with an empty queue.
    """
    replicas, offered_rps = cell
    params = blank_parameters(RUN_S, 1)
    p = params[0]
    p["n_pools"] = 1
    p["front"][0]["limit_rps"] = pods.limit_rps
    pool = p["pool"][0]
    pool["entry"], pool["critical_speed"], pool["zones"] = 1, 1.0, 1
    pool["vcpus"], pool["cpu_s_per_request"], pool["cs2"] = 1.0, pods.cpu_s, pods.cs2
    pool["base_latency_s"], pool["contention"] = pods.base_latency_s, pods.contention
    pool["balancing"] = BALANCING[pods.balancing]
    pool["room"], pool["timeout_s"] = np.inf, TIMEOUT_S
    pool["initial"] = pool["maximum"] = replicas
    one = OneWorld(params, np.array([offered_rps]))
    one.tick([replicas])
    meter, busy_s = one.world["meter"], one.world["pool"][0]["busy_tick_s"]
    return Outcome(
        float(meter["latency_p50_s"]),
        float(meter["latency_p95_s"]),
        float(busy_s) / RUN_S / replicas,
        float(meter["error_rate"]),
    )


def errors(pods: Pods, measured: Mapping[Cell, Outcome]) -> Outcome:
    """Compare predictions with measurements.

    Args:
        pods: Parameters.
        measured: Cells to predict.

    Returns:
        Medians over the cells of the relative errors, in percent; of the failed share the largest
        error, in percentage points.
    """
    relative: list[list[float]] = []
    points = []
    for cell, was in measured.items():
        found = predict(pods, cell)
        pairs = zip(found[:3], was[:3], strict=True)
        relative.append([100.0 * abs(a / b - 1.0) for a, b in pairs])
        points.append(100.0 * abs(found.failed - was.failed))
    p50, p95, cores = map(statistics.median, zip(*relative, strict=True))
    return Outcome(p50, p95, cores, max(points))
