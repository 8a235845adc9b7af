"""Compare graphs of tiers and serverless tiers with exact discrete-event simulations.

The cases are stored in ``tests/physics/data``, see ``tests/physics/cases.py``.

    python benchmarks/physics_graphs.py [--json]
    python benchmarks/report.py --only physics_graphs   # writes docs/results/physics_graphs.md
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from harness import print_table

from cwm_gym.testing.networks import score
from cwm_gym.testing.reference import Errors, summarise

DATA = Path(__file__).resolve().parents[1] / "tests" / "physics" / "data"
LABELS = {
    "latency_mean": "mean latency",
    "p50": "P50",
    "p95": "P95",
    "p99": "P99",
    "throughput": "throughput",
    "utilisation": "utilisation of every tier",
    "error_rate": "error rate where above 1 %",
    "error_points": "error rate, percentage points",
    "queue_len": "queue length of every tier where above 1",
    "cold_wait_share": "share of cold starts where above 1 %",
    "cold_wait_points": "share of cold starts, percentage points",
}
BY_KIND = ("latency_mean", "p50", "p95", "p99", "utilisation", "error_points", "queue_len")


def load_cases() -> list[dict[str, Any]]:
    """Read the stored cases of all kinds."""
    documents = [
        json.loads(path.read_text(encoding="utf-8")) for path in sorted(DATA.glob("*.json"))
    ]
    return [case for document in documents for case in document["cases"]]


def _pair(summary: Mapping[str, float], prefix: str = "") -> str:
    if f"{prefix}median" not in summary:
        return ""
    return f"{summary[f'{prefix}median']:.2f} / {summary[f'{prefix}p90']:.2f}"


def _by_kind(cases: Sequence[Mapping[str, Any]], scores: Mapping[str, Errors]) -> list[list[Any]]:
    rows: list[list[Any]] = []
    kinds = np.array([case["category"] for case in cases])
    for kind in dict.fromkeys(kinds.tolist()):
        cells = [_pair(summarise(scores[name].where(kinds == kind))) for name in BY_KIND]
        rows.append([kind, int((kinds == kind).sum()), *cells])
    return rows


def compare() -> dict[str, Any]:
    """Score the kernel on all cases and lay the errors out as tables."""
    cases = load_cases()
    scores = score(cases)
    ticks = []
    for name, errors in scores.items():
        s = summarise(errors)
        largest = float(errors.error.max())
        ticks.append([LABELS[name], len(errors.error), _pair(s), _pair(s, "stressed_"), largest])
    return {
        "text": (
            f"{len(cases)} cases of an exact discrete-event simulation of whole graphs: parallel "
            "pools, caches, queues, chains of tiers, several databases, volumes, and serverless "
            "tiers. A tick is *stressed* when more than one request waits somewhere, more than "
            "0.1 % fail, or a tier is more than 80 % busy."
        ),
        "tables": {
            "Error in %, median / p90": [
                ["figure", "ticks", "all", "stressed", "largest"],
                *ticks,
            ],
            "Median / p90 by kind": [
                [
                    "kind of case",
                    "cases",
                    *(LABELS[name].partition(" of every")[0] for name in BY_KIND),
                ],
                *_by_kind(cases, scores),
            ],
        },
    }


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="compare the kernel with exact simulations")
    parser.add_argument("--json", action="store_true", help="print JSON only")
    options = parser.parse_args(arguments)
    document = compare()
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
