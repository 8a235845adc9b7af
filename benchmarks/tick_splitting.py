"""What averaging the capacity of a tick costs in truth, against splitting the tick.

A fleet that grows from n to n + k instances at second s of a 60 s tick serves with n for s
seconds and with n + k for the rest. The kernel splits the tick there. The cheaper alternative is
one segment with the time average of the fleet (``PARAMS.episode.average_capacity``). Both run here
from the same random states of a ready-made service, for one tick in which a launch becomes ready.

    python benchmarks/tick_splitting.py [--trials 16384] [--json]
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cwm_gym.compiler import Options, Program, compile_simulation
from cwm_gym.core.actions import SCALE_OUT
from cwm_gym.envs.batch import Batch
from cwm_gym.envs.spaces import blank_actions
from cwm_gym.scenarios import DEFAULT_SCENARIO, load_scenario

Floats = NDArray[np.float64]
FIGURES = ("latency_p95", "latency_mean", "error_rate", "utilisation", "capacity")
_FIELDS = ("latency_p95_s", "latency_mean_s", "error_rate", "utilisation", "capacity_rps")
# Error rates below this are compared in percentage points only: a share of nothing says nothing.
LEAST_ERROR_RATE = 0.01
QUIET_TICKS = 3
# Load of the old fleet in the tick, on which everything depends.
BANDS = (
    ("all", 0.4, 1.6),
    ("below 80 %", 0.4, 0.8),
    ("80 to 100 %", 0.8, 1.0),
    ("above 100 %", 1.0, 1.6),
)


def random_service(scenario: str) -> Program:
    """Compile a service whose demand, fleet and boot time are drawn per episode.

    Args:
        scenario: Name of a ready-made service.

    Returns:
        The program. Launches become ready somewhere inside the tick in which they are asked for,
        demand is constant but for its noise, and loads range from idle to far overloaded.
    """
    document = load_scenario(scenario)
    plain = compile_simulation(document)
    tick_s, largest = float(plain.params["episode"]["tick_s"]), plain.capacity_rps
    fleet = int(plain.primary["maximum"])
    drawn = {
        "pool.0.boot_s": (0.02 * tick_s, 0.98 * tick_s),
        "pool.0.initial": (max(1, fleet // 6), max(1, 2 * fleet // 3)),
        "demand.level_rps": (0.05 * largest, 0.95 * largest),
        "demand.noise_sigma": (0.05, 0.4),
    }
    return compile_simulation(document, None, Options(traffic="constant", randomize=drawn))


def run_trials(program: Program, count: int, seed: int = 0) -> tuple[Floats, Floats, Floats]:
    """Run every trial both ways from the same state.

    Args:
        program: From :func:`random_service`.
        count: Number of trials.
        seed: Of the draws.

    Returns:
        ``FIGURES`` of the split and of the averaged tick, float64[count, 5] each (latencies in s,
        fractions, requests per second), and float64[count], the load of the old fleet.
    """
    added = np.random.default_rng(seed).choice([1.0, 2.0, 4.0], count)
    found = []
    for average in (0, 1):
        batch = Batch([program], count, "train")
        everyone = np.ones(count, np.bool_)
        batch.seed(range(seed, seed + count), everyone)
        batch.reset(everyone)
        batch.params["episode"]["average_capacity"] = average
        # Without warm-up both ways have the same capacity, and only its place in time differs.
        batch.params["pool"]["warmup_s"] = 0.0
        for _ in range(QUIET_TICKS):
            batch.step(batch.no_op)
        fleet = batch.worlds["pool"]["ready"][:, 0].copy()
        actions = blank_actions(count)
        actions["kind"], actions["amount"] = SCALE_OUT, added
        batch.step(actions)
        meter = batch.worlds["meter"]
        found.append(np.stack([meter[name] for name in _FIELDS], axis=1))
    pool = program.primary
    one_rps = float(pool["vcpus"] / pool["cpu_s_per_request"])
    return found[0], found[1], np.asarray(meter["offered_rps"] / (fleet * one_rps))


def compare(split: Floats, averaged: Floats, load: Floats) -> dict[str, dict[str, Any]]:
    """Sum up how far averaging is from splitting.

    Args:
        split: float64[count, 5].
        averaged: float64[count, 5].
        load: float64[count], load of the old fleet.

    Returns:
        Band of load -> figure -> median and 90th percentile of the relative difference in
        percent, and how many trials count; for error rates also in percentage points.
    """
    found: dict[str, dict[str, Any]] = {}
    for label, low, high in BANDS:
        inside = (load >= low) & (load < high)
        found[label] = {"trials": int(inside.sum())}
        for k, name in enumerate(FIGURES):
            true, rough = split[inside, k], averaged[inside, k]
            entry: dict[str, Any] = {}
            if name == "error_rate":
                points = 100.0 * np.abs(rough - true)
                entry["points_median"] = float(np.median(points))
                entry["points_p90"] = float(np.percentile(points, 90))
            counts = true > (LEAST_ERROR_RATE if name == "error_rate" else 0.0)
            entry["counted"] = int(counts.sum())
            if entry["counted"]:
                error = 100.0 * np.abs(rough[counts] / true[counts] - 1.0)
                entry["median"] = float(np.median(error))
                entry["p90"] = float(np.percentile(error, 90))
            found[label][name] = entry
    return found


def measure(trials: int, scenario: str) -> dict[str, Any]:
    """Run the comparison.

    Args:
        trials: Number of random scale-outs.
        scenario: Ready-made service.

    Returns:
        JSON-ready results.
    """
    program = random_service(scenario)
    split, averaged, load = run_trials(program, trials)
    return {
        "scenario": scenario,
        "trials": trials,
        "tick_s": float(program.params["episode"]["tick_s"]),
        "bands": compare(split, averaged, load),
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the comparison."""
    parser = argparse.ArgumentParser(description="averaging against splitting a tick")
    parser.add_argument("--trials", type=int, default=16384, help="random scale-outs")
    parser.add_argument("--scenario", default=DEFAULT_SCENARIO, help="ready-made service")
    parser.add_argument("--json", action="store_true", help="print the results as JSON")
    options = parser.parse_args(arguments)
    result = measure(options.trials, options.scenario)
    if options.json:
        print(json.dumps(result, indent=2))
        return 0
    print("averaging against splitting a tick, relative difference in %: median / p90")
    for label, figures in result["bands"].items():
        print(f"load of the old fleet {label} ({figures['trials']} trials)")
        for name in FIGURES:
            entry = figures[name]
            if "median" in entry:
                print(f"  {name:<14}{entry['median']:8.2f} / {entry['p90']:8.2f}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
