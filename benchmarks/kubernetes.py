"""Fit a service on Kubernetes to half of its measured runs and predict the other half.

One set of parameters (``cwm_gym.testing.kubernetes.Pods``) is fitted to every second cell of
replicas and load, and the kernel then predicts all of them. The measurements are read from
``../shared/traces/k8s_capacity_runs.csv``; without them there is nothing to do.

    python benchmarks/kubernetes.py [--runs FILE.csv] [--json]
    python benchmarks/report.py --only kubernetes       # writes docs/results/kubernetes.md
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from harness import print_table
from numpy.typing import NDArray
from scipy.optimize import minimize

from cwm_gym.testing.kubernetes import (
    PASSED_RPS,
    Cell,
    Outcome,
    Pods,
    distance,
    errors,
    medians,
    predict,
    read_runs,
)

RUNS = Path(__file__).resolve().parents[1].parent / "shared" / "traces" / "k8s_capacity_runs.csv"
START = (0.006, 0.1, 0.002, 0.1)
BALANCING = ("random", "round_robin")
# An outlier counts at most as a factor of e^3, so that the cliff does not decide alone.
FARTHEST = 3.0
LATENCY_LIMIT_S = 0.02
HIGHEST_RPS = 200


def halves(cells: Mapping[Cell, Outcome]) -> tuple[dict[Cell, Outcome], dict[Cell, Outcome]]:
    """Split the cells: every second one is fitted, the others are predicted."""
    names = list(cells)
    return {n: cells[n] for n in names[::2]}, {n: cells[n] for n in names[1::2]}


def shared_limit(cells: Mapping[Cell, Outcome]) -> float:
    """Requests per second that get through where some fail, whatever the replicas."""
    through = [rps * (1.0 - was.failed) for (_, rps), was in cells.items() if was.failed > 0.0]
    return float(round(statistics.median(through)))


def misfit(pods: Pods, cells: Mapping[Cell, Outcome]) -> float:
    """Mean distance of the logarithms of P50, P95 and processor time."""
    total = 0.0
    for cell, was in cells.items():
        found = predict(pods, cell)
        for a, b in zip(found[:3], was[:3], strict=True):
            total += min(abs(math.log(max(a, 1e-9) / b)), FARTHEST)
    return total / (3 * len(cells))


def fit(cells: Mapping[Cell, Outcome]) -> Pods:
    """Fit the parameters; the same cells give the same parameters."""
    limit = shared_limit(cells)
    candidates: list[tuple[float, Pods]] = []
    for balancing in BALANCING:

        def pods(x: NDArray[np.float64], balancing: str = balancing) -> Pods:
            cpu_s, cs2, base_s, contention = (float(f"{v:.4g}") for v in np.exp(x))
            return Pods(cpu_s, cs2, base_s, contention, balancing, limit)

        found = minimize(
            lambda x, pods=pods: misfit(pods(x), cells),
            np.log(START),
            method="Nelder-Mead",
            options={"maxiter": 400, "xatol": 1e-3},
        )
        candidates.append((float(found.fun), pods(found.x)))
    return min(candidates)[1]


def capacity(pods: Pods, replicas: int) -> int:
    """Highest load that is answered without failures inside the latency limit."""
    for rps in range(1, HIGHEST_RPS):
        found = predict(pods, (replicas, float(rps)))
        if found.p95_s > LATENCY_LIMIT_S or found.failed > 1e-3:
            return rps - 1
    return HIGHEST_RPS


def capacity_rows(pods: Pods, cells: Mapping[Cell, Outcome]) -> list[list[Any]]:
    """Predicted capacity beside the highest load that was measured inside the limit."""
    rows = []
    for n in sorted({replicas for replicas, _ in cells}):
        good = [
            rps
            for (replicas, rps), was in cells.items()
            if replicas == n and was.p95_s <= LATENCY_LIMIT_S and was.failed == 0.0
        ]
        rows.append([n, PASSED_RPS[n], max(good), capacity(pods, n)])
    return rows


def repeatability(runs: Mapping[Cell, Sequence[Outcome]]) -> Outcome:
    """Compare the first run of each cell with the median of the others, as an error of a model."""
    first = {cell: repeated[0] for cell, repeated in runs.items()}
    return distance(first, medians({cell: repeated[1:] for cell, repeated in runs.items()}))


def compare(runs_of: Mapping[Cell, Sequence[Outcome]]) -> dict[str, Any]:
    """Fit, predict, and lay out what came of it as tables."""
    cells = medians(runs_of)
    fitted, others = halves(cells)
    pods = fit(fitted)
    names = ("P50", "P95", "processor time of a pod", "failed share")
    parts = (errors(pods, fitted), errors(pods, others), repeatability(runs_of))
    accuracy = [[name, *row] for name, *row in zip(names, *parts, strict=True)]
    runs = []
    for cell, was in cells.items():
        found = predict(pods, cell)
        row: list[Any] = [*cell, "fitted" if cell in fitted else "predicted"]
        for a, b in zip(was[:2], found[:2], strict=True):
            row += [f"{1e3 * a:.1f}", f"{1e3 * b:.1f}"]
        row += [f"{was.cpu_cores:.3f}", f"{found.cpu_cores:.3f}"]
        runs.append([*row, f"{was.failed:.2%}", f"{found.failed:.2%}"])
    head = ["replicas", "offered/s", "cell", "P50, ms", "predicted", "P95, ms", "predicted"]
    head += ["cores of a pod", "predicted", "failed", "predicted"]
    return {
        "parameters": pods._asdict(),
        "text": (
            f"{len(cells)} cells of replicas and load, medians over repeated runs; one set of "
            "parameters, fitted to half of the cells: "
            + ", ".join(f"`{name}` {value}" for name, value in pods._asdict().items())
            + "."
        ),
        "tables": {
            "Median error in % (of the failed share the largest, in percentage points)": [
                ["figure", "fitted half", "other half", "a run from its repeats"],
                *accuracy,
            ],
            "Highest load, requests/s, without failures and with P95 of at most 20 ms": [
                ["replicas", "every run passed the study", "measured", "predicted"],
                *capacity_rows(pods, cells),
            ],
            "All cells": [head, *runs],
        },
    }


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="compare the kernel with runs on Kubernetes")
    parser.add_argument("--runs", type=Path, default=RUNS, help="measured runs (CSV)")
    parser.add_argument("--json", action="store_true", help="print JSON only")
    options = parser.parse_args(arguments)
    if not options.runs.is_file():
        parser.error("the measured runs are not there; name them with --runs")
    document = compare(read_runs(options.runs))
    if options.json:
        print(json.dumps(document))
        return 0
    print(document["text"] + "\n")
    for title, (head, *rows) in document["tables"].items():
        print(title)
        print_table(head, rows)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
