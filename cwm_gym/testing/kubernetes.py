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
from collections.abc import Mapping, Sequence
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
#: Replicas -> highest load at which every run of the study passed: no failures, and at most a tenth
#: of the quota periods throttled, requests per second.
PASSED_RPS = {1: 60.0, 2: 90.0, 3: 105.0, 4: 130.0}
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
FITTED = Pods(0.006178, 0.06448, 0.002165, 0.07419, "round_robin", 131.0)


def read_runs(path: Path) -> dict[Cell, list[Outcome]]:
    """Read measured runs.

    Args:
        path: CSV file with a row for each run.

    Returns:
        The repeated runs of each cell, in the order of replicas and load. The processor time is
        that of the busiest pod.
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
    return {cell: runs[cell] for cell in sorted(runs)}


def medians(runs: Mapping[Cell, Sequence[Outcome]]) -> dict[Cell, Outcome]:
    """Take the median of the repeated runs of each cell, figure by figure."""
    return {
        cell: Outcome._make(map(statistics.median, zip(*repeated, strict=True)))
        for cell, repeated in runs.items()
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
    meter = one.world["meter"]
    return Outcome(
        float(meter["latency_p50_s"]),
        float(meter["latency_p95_s"]),
        float(meter["utilisation"] * pool["vcpus"]),
        float(meter["error_rate"]),
    )


def distance(found: Mapping[Cell, Outcome], measured: Mapping[Cell, Outcome]) -> Outcome:
    """Compare figures with measurements.

    Args:
        found: At least the cells that were measured.
        measured: Cells.

    Returns:
        Medians over the cells of the relative errors, in percent; of the failed share the largest
        error, in percentage points.
    """
    relative: list[list[float]] = []
    points = []
    for cell, was in measured.items():
        pairs = zip(found[cell][:3], was[:3], strict=True)
        relative.append([100.0 * abs(a / b - 1.0) for a, b in pairs])
        points.append(100.0 * abs(found[cell].failed - was.failed))
    p50, p95, cores = map(statistics.median, zip(*relative, strict=True))
    return Outcome(p50, p95, cores, max(points))


def errors(pods: Pods, measured: Mapping[Cell, Outcome]) -> Outcome:
    """Compare predictions with measurements, see :func:`distance`."""
    return distance({cell: predict(pods, cell) for cell in measured}, measured)
