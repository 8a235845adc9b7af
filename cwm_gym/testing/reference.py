"""Compare the queueing physics with an exact discrete-event simulation.

A reference document (``cwm_gym.physics.reference/1``) holds cases: inputs per tick, the expected
figures of each tick, and their 95 % confidence half-widths. ``python -m
cwm_gym.testing.reference FILE.json`` runs them all and prints the error of every figure beside
what the physics promises.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cwm_gym.testing.cases import FIGURES, run_case

__all__ = ["FIGURES", "TARGETS", "load_cases", "missed", "run_case", "score", "summarise", "table"]

Floats = NDArray[np.float64]
SCHEMA = "cwm_gym.physics.reference/1"


class Target(NamedTuple):
    """Promised error in percent (percentage points for ``error_points``)."""

    median: float | None  # over all ticks
    p90: float | None
    stressed_median: float | None
    stressed_p90: float | None


#: What the physics promises for cases it has not seen.
TARGETS: dict[str, Target] = {
    "latency_mean": Target(0.5, 5.0, 1.5, 10.0),
    "p50": Target(1.5, 10.0, 2.0, 15.0),
    "p95": Target(1.5, 8.0, 2.5, 12.0),
    "p99": Target(1.5, 9.0, 3.5, 13.0),
    "throughput": Target(0.15, 0.5, 0.15, 0.8),
    "cpu_util": Target(0.15, 0.5, 0.15, 0.8),
    "error_rate": Target(0.5, 15.0, 0.5, 15.0),
    "error_points": Target(None, 0.2, None, 0.2),
    "db_active_conn": Target(0.5, 5.0, None, None),
    "queue_len": Target(2.5, 15.0, None, None),
}


class Errors(NamedTuple):
    """Error of one figure over many ticks, in percent (or percentage points)."""

    error: Floats  # (n,)
    stressed: NDArray[np.bool_]  # (n,)
    case: NDArray[np.int64]  # (n,) index of the case
    tick: NDArray[np.int64]  # (n,)

    @classmethod
    def of(cls, rows: Sequence[tuple[float, bool, int, int]]) -> Errors:
        """Gather errors.

        Args:
            rows: Error, whether the tick is stressed, index of the case, tick.
        """
        return cls(
            np.array([r[0] for r in rows], dtype=np.float64),
            np.array([r[1] for r in rows], dtype=np.bool_),
            np.array([r[2] for r in rows], dtype=np.int64),
            np.array([r[3] for r in rows], dtype=np.int64),
        )

    def where(self, chosen: NDArray[np.bool_]) -> Errors:
        """Errors of some cases only.

        Args:
            chosen: bool[cases].
        """
        kept = chosen[self.case]
        return Errors(self.error[kept], self.stressed[kept], self.case[kept], self.tick[kept])


def load_cases(path: str | Path) -> list[dict[str, Any]]:
    """Read the cases of a reference document.

    Args:
        path: JSON file.

    Returns:
        Its cases.

    Raises:
        ValueError: If the file is no JSON, or of another schema.
    """
    document = json.loads(Path(path).read_text(encoding="utf-8"))
    found = document.get("schema") if isinstance(document, dict) else None
    if found != SCHEMA:
        raise ValueError(f"{path}: expected schema {SCHEMA!r}, found {found!r}")
    return list(document["cases"])


def series(values: Sequence[float | None]) -> Floats:
    """Read figures of a document; ``null`` becomes NaN."""
    return np.array([np.nan if v is None else v for v in values], dtype=np.float64)


def stressed_ticks(case: Mapping[str, Any]) -> NDArray[np.bool_]:
    """Ticks of a case in which something queues, fails, or is more than 80 % busy."""
    inputs = case["inputs"]
    expected = case["expected"]
    servers = np.asarray(inputs["n_instances"], dtype=np.float64) * inputs["vcpus_per_instance"]
    load = np.asarray(inputs["arrival_rate"], dtype=np.float64) / (servers * inputs["mu"])
    stressed = (series(expected["queue_len"]) > 1.0) | (load > 0.8)
    stressed |= series(expected["error_rate"]) > 1e-3
    return np.asarray(stressed | (series(expected["db_util"]) > 0.8))


def score(
    cases: Sequence[Mapping[str, Any]],
    run: Callable[[Mapping[str, Any]], Mapping[str, Floats]] = run_case,
) -> dict[str, Errors]:
    """Errors of a model over reference cases.

    Ticks before ``compare_from`` do not count, nor does a figure whose confidence half-width is
    10 % of it or more. Error rates count where above 1 %, queue lengths where above 1.

    Args:
        cases: Reference cases.
        run: The model: inputs to figures per tick.

    Returns:
        For each name in ``TARGETS`` the errors of all ticks that count.
    """
    rows: dict[str, list[tuple[float, bool, int, int]]] = {name: [] for name in TARGETS}
    for index, case in enumerate(cases):
        actual = run(case["inputs"])
        stressed = stressed_ticks(case)
        later = np.arange(len(stressed)) >= case["compare_from"]
        for name in TARGETS:
            key = "error_rate" if name == "error_points" else name
            expected = series(case["expected"][key])
            if name == "error_points":
                error = 100.0 * np.abs(actual[key] - expected)
                counts = later & np.isfinite(expected)
            else:
                least = {"error_rate": 0.01, "queue_len": 1.0}.get(name, 0.0)
                counts = later & (expected > least)
                counts &= series(case["ci95"][key]) < 0.1 * expected
                error = np.zeros(len(expected))
                np.divide(actual[key] - expected, expected, out=error, where=counts)
                error = 100.0 * np.abs(error)
            if name.startswith("db_") and not case["inputs"]["db_prob"] > 0:
                continue
            rows[name] += [(error[i], stressed[i], index, int(i)) for i in np.flatnonzero(counts)]
    return {name: Errors.of(found) for name, found in rows.items()}


def summarise(errors: Errors) -> dict[str, float]:
    """Median and 90th percentile over all and over stressed ticks; absent where there are none."""
    summary: dict[str, float] = {}
    for prefix, values in (("", errors.error), ("stressed_", errors.error[errors.stressed])):
        if len(values):
            summary[f"{prefix}median"] = float(np.median(values))
            summary[f"{prefix}p90"] = float(np.percentile(values, 90))
            summary[f"{prefix}ticks"] = len(values)
    return summary


def missed(scores: Mapping[str, Errors]) -> list[str]:
    """Promises that the errors break, as readable lines; empty when all are kept."""
    lines = []
    for name, errors in scores.items():
        summary = summarise(errors)
        for key, limit in TARGETS[name]._asdict().items():
            if limit is not None and summary.get(key, 0.0) > limit:
                lines.append(f"{name} {key}: {summary[key]:.3g} > {limit:g}")
    return lines


def _pair(first: float | None, second: float | None) -> str:
    cells = ["-" if v is None else f"{v:.2f}" for v in (first, second)]
    return f"{cells[0]:>7} /{cells[1]:>7}"


def table(scores: Mapping[str, Errors], targets: bool = True) -> str:
    """Readable table of errors, with the promised figures beside them."""
    lines = [f"{'error in %: median / p90':<16}{'all ticks':>14}{'stressed':>17}"]
    for name, errors in scores.items():
        if not len(errors.error):
            continue
        s = summarise(errors)
        line = f"{name:<16}{len(errors.error):>6} {_pair(s.get('median'), s.get('p90'))}"
        line += f"  {_pair(s.get('stressed_median'), s.get('stressed_p90'))}"
        if targets:
            t = TARGETS[name]
            line += (
                f"   target {_pair(t.median, t.p90)}  {_pair(t.stressed_median, t.stressed_p90)}"
            )
        lines.append(line)
    return "\n".join(lines)


def _select(scores: Mapping[str, Errors], chosen: NDArray[np.bool_]) -> dict[str, Errors]:
    return {name: errors.where(chosen) for name, errors in scores.items()}


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the errors over a reference file; exit status 1 when a promise is broken."""
    parser = argparse.ArgumentParser(prog="python -m cwm_gym.testing.reference")
    parser.add_argument("file", type=Path, help="reference document (JSON)")
    parser.add_argument("--json", action="store_true", help="print the summary as JSON")
    options = parser.parse_args(arguments)
    try:
        cases = load_cases(options.file)
    except (OSError, ValueError) as error:
        parser.error(str(error))
    scores = score(cases)
    broken = missed(scores)
    categories = np.array([case["category"] for case in cases])
    by_category = {str(c): _select(scores, categories == c) for c in dict.fromkeys(categories)}
    if options.json:
        report = {
            "cases": len(cases),
            "all": {name: summarise(errors) for name, errors in scores.items()},
            "categories": {
                c: {name: summarise(e) for name, e in part.items() if len(e.error)}
                for c, part in by_category.items()
            },
            "missed": broken,
        }
        print(json.dumps(report, indent=2))
    else:
        print(f"{len(cases)} cases\n{table(scores)}")
        for category, part in by_category.items():
            print(f"\n{category}\n{table(part, targets=False)}")
        print("\n" + ("\n".join(broken) if broken else "all targets kept"))
    return 1 if broken else 0


if __name__ == "__main__":
    raise SystemExit(main())
