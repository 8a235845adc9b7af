"""How long a user waits: the import, and the first ``make`` + ``reset`` + ``step``.

Each figure comes from a fresh interpreter. Cold means an empty compile cache, as after an
installation or an update; warm means that the cache holds the kernel. Medians are shown.

    python benchmarks/startup.py [--repeats 3] [--quick] [--json]
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from typing import Any

from harness import machine, print_table, report, target

PROBE = """
import json, time
begin = time.perf_counter()
import cwm_gym
imported = time.perf_counter()
import gymnasium as gym
env = gym.make("CloudAutoscale-v0")
made = time.perf_counter()
env.reset(seed=0)
reset = time.perf_counter()
env.step(0)
stepped = time.perf_counter()
print(json.dumps({
    "import cwm_gym": imported - begin,
    "make": made - imported,
    "reset": reset - made,
    "step": stepped - reset,
    "make + reset + step": stepped - imported,
}))
"""


def probe(cache: str | None) -> dict[str, float]:
    """Run a fresh interpreter through the first step.

    Args:
        cache: Folder of the compile cache; the usual one if None.

    Returns:
        Seconds of each part.
    """
    environment = dict(os.environ)
    if cache is not None:
        environment["NUMBA_CACHE_DIR"] = cache
    done = subprocess.run(
        [sys.executable, "-c", PROBE], env=environment, check=True, capture_output=True, text=True
    )
    found: dict[str, float] = json.loads(done.stdout)
    return found


def run(repeats: int, cold: bool) -> dict[str, Any]:
    """Measure.

    Args:
        repeats: Warm runs; there is one cold run.
        cold: Whether to measure with an empty cache; without it the usual cache is used.

    Returns:
        What :func:`harness.report` prints, and the seconds of each part.
    """
    seconds: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        if cold:
            seconds["cold"] = probe(folder)
        else:
            probe(None)
        runs = [probe(folder if cold else None) for _ in range(repeats)]
    seconds["warm"] = {part: statistics.median(one[part] for one in runs) for part in runs[0]}
    limits = {"cold": 15.0, "warm": 1.5}
    return {
        "machine": machine(),
        "seconds": seconds,
        "targets": [
            target(
                f"{kind} make + reset + step",
                parts["make + reset + step"],
                limits[kind],
                True,
                " s",
            )
            for kind, parts in seconds.items()
        ],
    }


def main() -> None:
    """Read the arguments, measure, print."""
    parser = argparse.ArgumentParser(description="Time to the first step.")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="warm only, once")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    results = run(1 if arguments.quick else arguments.repeats, cold=not arguments.quick)
    if not arguments.json:
        parts = list(results["seconds"]["warm"])
        rows = [
            (kind, *[found[part] for part in parts]) for kind, found in results["seconds"].items()
        ]
        print_table(("seconds", *parts), rows)
    report(results, arguments.json)


if __name__ == "__main__":
    main()
