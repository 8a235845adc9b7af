"""What the benchmarks share: the machine's description, medians of interleaved repeats, tables."""

from __future__ import annotations

import json
import os
import platform
import statistics
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

PACKAGES = ("numpy", "numba", "gymnasium")


def machine(packages: Sequence[str] = PACKAGES) -> dict[str, str]:
    """Describe what the figures were measured on.

    Args:
        packages: Distributions whose versions matter.

    Returns:
        Name -> value.
    """
    return {
        "processor": _processor(),
        "cores": str(os.cpu_count()),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        **{name: version(name) for name in packages},
    }


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or "unknown"


def interleaved(cases: Mapping[str, Callable[[], float]], repeats: int) -> dict[str, float]:
    """Measure cases in turn, again and again, so that a slow moment of the machine hits them all.

    Args:
        cases: Name -> a function that measures once.
        repeats: Rounds.

    Returns:
        Name -> median.
    """
    found: dict[str, list[float]] = {name: [] for name in cases}
    for _ in range(repeats):
        for name, measure in cases.items():
            found[name].append(measure())
    return {name: statistics.median(values) for name, values in found.items()}


def target(name: str, value: float, limit: float, at_most: bool, unit: str = "") -> dict[str, Any]:
    """State a figure beside what it must reach.

    Args:
        name: What it is.
        value: As measured.
        limit: The bound.
        at_most: Whether the value must not exceed the bound, rather than reach it.
        unit: Of both.

    Returns:
        One row for :func:`report`.
    """
    met = value <= limit if at_most else value >= limit
    return {
        "name": name,
        "value": value,
        "limit": limit,
        "at_most": at_most,
        "unit": unit,
        "met": met,
    }


def print_table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print a table: the first column flush left, the others flush right.

    Args:
        head: Names of the columns.
        rows: Cells; floats with three digits that count.
    """
    cells = [list(head), *[[_text(cell) for cell in row] for row in rows]]
    widths = [max(len(row[k]) for row in cells) for k in range(len(head))]
    for row in cells:
        first, *others = row
        padded = [text.rjust(width) for text, width in zip(others, widths[1:], strict=True)]
        print("  ".join([first.ljust(widths[0]), *padded]).rstrip())
    print()


def _text(cell: object) -> str:
    if not isinstance(cell, float):
        return str(cell)
    return f"{cell:,.0f}" if abs(cell) >= 1000 else f"{cell:.3g}"


def report(results: Mapping[str, Any], as_json: bool) -> None:
    """Print the machine and the targets, or everything as JSON.

    Args:
        results: With ``machine`` (:func:`machine`) and ``targets`` (:func:`target`).
        as_json: Print JSON only.
    """
    if as_json:
        print(json.dumps(results, indent=2))
        return
    rows = [
        (
            row["name"],
            row["value"],
            f"{'at most' if row['at_most'] else 'at least'} {row['limit']:g}{row['unit']}",
            "yes" if row["met"] else "no",
        )
        for row in results["targets"]
    ]
    print_table(("figure", "measured", "wanted", "met"), rows)
    print(", ".join(f"{name} {value}" for name, value in results["machine"].items()))
