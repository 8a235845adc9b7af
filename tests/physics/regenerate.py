"""Simulate the reference cases again: ``python -m tests.physics.regenerate [CATEGORY ...]``.

Takes a few minutes. Equal seeds give equal files.
"""

from __future__ import annotations

import argparse
import json
import time
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tests.physics.cases import CATEGORIES, DATA, SCHEMA, Case
from tests.physics.definitions import describe
from tests.physics.estimate import GROUPS, as_json
from tests.physics.events import Floats
from tests.physics.network import simulate_network
from tests.physics.serverless import simulate_serverless

#: Requests to simulate for each case, and the bounds of its replications.
REQUESTS = 50e6
FEWEST, MOST = 100, 200_000


def simulate(
    case: Mapping[str, Any], replications: int, seed: int
) -> tuple[dict[str, Floats], dict[str, Floats]]:
    """Simulate a case.

    Args:
        case: As of ``tests.physics.cases``.
        replications: Independent runs; a multiple of ``estimate.GROUPS``.
        seed: Equal seeds give equal figures.

    Returns:
        The figures and the half-widths of their 95 % confidence intervals, as arrays.
    """
    run = simulate_serverless if case["kind"] == "serverless" else simulate_network
    return run(case["inputs"], replications, seed)


def replications_of(case: Mapping[str, Any]) -> int:
    """Replications that a case deserves: the fewer requests it has, the more."""
    inputs = case["inputs"]
    requests = float(np.sum(inputs["arrival_rate"])) * inputs["dt"]
    return int(min(max(REQUESTS / requests, FEWEST), MOST)) // GROUPS * GROUPS


def figures_of(case: Mapping[str, Any], replications: int, seed: int) -> Case:
    """A case with its figures, as it is stored."""
    expected, ci95 = simulate(case, replications, seed)
    return {
        **case,
        "replications": replications,
        "seed": seed,
        "expected": as_json(expected),
        "ci95": as_json(ci95, digits=3),
    }


def _text(category: str, cases: Sequence[Case]) -> str:
    """One line for each figure of each case, so that a change can be read."""
    blocks = []
    for case in cases:
        lines = []
        for key, value in case.items():
            if isinstance(value, dict):
                inner = ",\n".join(f'    "{k}": {json.dumps(v)}' for k, v in value.items())
                lines.append(f'  "{key}": {{\n{inner}\n  }}')
            else:
                lines.append(f'  "{key}": {json.dumps(value)}')
        blocks.append("{\n" + ",\n".join(lines) + "\n}")
    head = f'"schema": "{SCHEMA}",\n"category": "{category}",\n"cases": [\n'
    return "{\n" + head + ",\n".join(blocks) + "\n]\n}\n"


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the files of the named categories, of all when none is named."""
    parser = argparse.ArgumentParser(prog="python -m tests.physics.regenerate")
    parser.add_argument("category", nargs="*", help=", ".join(CATEGORIES))
    chosen = parser.parse_args(arguments).category or CATEGORIES
    if unknown := set(chosen) - set(CATEGORIES):
        parser.error(f"no such category: {', '.join(sorted(unknown))}")
    DATA.mkdir(exist_ok=True)
    everything = describe()
    for category in chosen:
        cases = []
        for case in everything:
            if case["category"] == category:
                begin = time.perf_counter()
                # A seed of its own, so that adding a case leaves the others as they are.
                seed = zlib.crc32(case["id"].encode())
                cases.append(figures_of(case, replications_of(case), seed))
                taken = time.perf_counter() - begin
                print(f"{case['id']:<16} {cases[-1]['replications']:>6} runs {taken:6.1f} s")
        (DATA / f"{category}.json").write_text(_text(category, cases), encoding="utf-8")


if __name__ == "__main__":
    main()
