"""How fast environments step, beside Gymnasium's CartPole-v1 in the same run.

A step is one tick of one environment: the action, 60 simulated seconds of a three-tier service
(load balancer, 6 to 12 virtual machines, database) under wave traffic with correlated noise, P95
of its latency, reward and observation. Actions are uniform over the discrete table and drawn
beforehand. A tick is stressed when utilisation or the database's is above 0.8, more than one
request waits on average, or more than 0.1 % of requests fail: the queueing model works hardest
there, so the workload is chosen to have 10 to 20 % of them, and the share is printed.
``twelve_resources.json`` is a scenario of every resource type with random failures beside it.

Scalar environments are stepped through ``gym.make`` with all its default wrappers; their resets
are not timed. A batch is stepped through ``gym.make_vec``, info included, and as the bare kernel
call. Cases are measured in turn and medians are shown.

    python benchmarks/throughput.py [--sizes 1 256 4096] [--repeats 5] [--quick] [--json]
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
from harness import interleaved, machine, print_table, report, target
from numpy.typing import NDArray

import cwm_gym  # noqa: F401  (registers the ids)

SIZES = (1, 16, 256, 1024, 4096, 16384, 65536)
REFERENCE_SIZE = 4096
FLAT_SIZES = (256, 65536)
WARM_STEPS = 60
EPISODE_STEPS = 240
SEED_WORLDS = 1024
LEAST_SECONDS = 0.12
WIDE = Path(__file__).parent / "twelve_resources.json"

SIMULATION: dict[str, Any] = {
    "name": "Throughput benchmark",
    "traffic": 4700,
    "resources": [
        {
            "id": "lb",
            "type": "network",
            "name": "Load balancer",
            "provider": "aws",
            "characteristics": {"serviceFamily": "elb", "region": "us-east-1", "baseLatency": 2},
        },
        {
            "id": "web",
            "type": "compute",
            "name": "Web servers",
            "provider": "aws",
            "characteristics": {
                "serviceFamily": "ec2",
                "size": "m5.large",
                "region": "us-east-1",
                "instances": 9,
                "minInstances": 6,
                "maxInstances": 12,
                "autoscaling": True,
                "cpuSecondsPerRequest": 0.0015,
                "bootSeconds": 60,
                "warmupSeconds": 60,
                "warmupSpeed": 0.6,
            },
        },
        {
            "id": "db",
            "type": "database",
            "name": "Database",
            "provider": "aws",
            "characteristics": {
                "serviceFamily": "rds",
                "size": "db.m5.large",
                "region": "us-east-1",
                "ha": True,
                "maxConnections": 400,
                "idleConnectionsPerInstance": 14,
                "visitProbability": 0.3,
                "cpuSecondsPerRequest": 0.0005,
            },
        },
    ],
    "connections": [
        {"sourceId": "lb", "targetId": "web"},
        {"sourceId": "web", "targetId": "db"},
    ],
    "workload": {
        "patterns": [{"type": "wave", "period": 240, "parameters": {"peakToTrough": 4}}],
        "noise": {"sigma": 0.15, "correlationSeconds": 125},
        "startOffset": {"low": 0, "high": 240},
        "dayLengthSeconds": 14400,
    },
    "episode": {
        "maxSteps": EPISODE_STEPS,
        "initialTraffic": 4700,
        "targetSLA": {"maxLatencyP95": 100, "maxErrorRate": 1.0},
        "costBudgetPerHour": 1.2,
        "tick_seconds": 60,
    },
}


def make_batch(size: int, threads: int = 1) -> Any:
    """Make the batch of the workload.

    Args:
        size: Environments.
        threads: Threads.

    Returns:
        The vector environment, seeded and reset.
    """
    env: Any = gym.make_vec(
        "CloudAutoscale-v0", num_envs=size, simulation=SIMULATION, threads=threads
    )
    env.reset(seed=0)
    return env


def wide_ns(repeats: int) -> float:
    """Measure a scenario of twelve resources of every type, with random failures.

    Args:
        repeats: Rounds, of which the fastest counts.

    Returns:
        ns an env-step in a batch of ``REFERENCE_SIZE``, one thread, random actions.
    """
    env: Any = gym.make_vec("CloudAutoscale-v0", num_envs=REFERENCE_SIZE, simulation=str(WIDE))
    env.reset(seed=0)
    rows = draw_actions(WARM_STEPS, REFERENCE_SIZE)
    for row in rows:
        env.step(row)
    best = float("inf")
    for _ in range(repeats):
        start = time.perf_counter_ns()
        for row in rows[:10]:
            env.step(row)
        best = min(best, (time.perf_counter_ns() - start) / (10 * REFERENCE_SIZE))
    return best


def draw_actions(steps: int, size: int) -> NDArray[np.int64]:
    """Draw uniform actions.

    Args:
        steps: Rows.
        size: Columns.

    Returns:
        int64[steps, size].
    """
    return np.random.default_rng(0).integers(0, 13, (steps, size))


def stressed_share() -> float:
    """Share of stressed ticks over an episode of the workload.

    Returns:
        Fraction.
    """
    env = make_batch(SEED_WORLDS)
    found = []
    for actions in draw_actions(EPISODE_STEPS - 1, SEED_WORLDS):
        env.step(actions)
        meter = env.worlds["meter"]
        found.append(
            (meter["utilisation"] > 0.8)
            | (meter["waiting"] > 1.0)
            | (meter["error_rate"] > 1e-3)
            | (meter["database_utilisation"] > 0.8)
        )
    return float(np.mean(found))


def scalar_case(env: Any, actions: Sequence[int]) -> Callable[[], float]:
    """Time a scalar environment.

    Args:
        env: The environment.
        actions: Taken in turn.

    Returns:
        A function that measures ns a step.
    """

    def measure() -> float:
        elapsed, steps = 0.0, 0
        while elapsed < LEAST_SECONDS:
            env.reset()
            begin = time.perf_counter()
            for action in actions:
                steps += 1
                _, _, terminated, truncated, _ = env.step(action)
                if terminated or truncated:
                    break
            elapsed += time.perf_counter() - begin
        return 1e9 * elapsed / steps

    return measure


def batch_case(
    step: Callable[[Any], Any], actions: Sequence[Any], size: int
) -> Callable[[], float]:
    """Time a batch.

    Args:
        step: Steps all environments.
        actions: Batches of actions, taken in turn.
        size: Environments.

    Returns:
        A function that measures ns a step of one environment.
    """
    position = 0

    def measure() -> float:
        nonlocal position
        elapsed, steps = 0.0, 0
        while elapsed < LEAST_SECONDS:
            chosen = actions[position % len(actions)]
            position += 1
            begin = time.perf_counter()
            step(chosen)
            elapsed += time.perf_counter() - begin
            steps += size
        return 1e9 * elapsed / steps

    return measure


def kernel_step(batch: Any) -> Callable[[Any], None]:
    """Step a batch's memory without Gymnasium's interface.

    Args:
        batch: The batch.

    Returns:
        A function of ``ACTION[N]`` that steps, and begins anew where episodes end.
    """

    def step(records: NDArray[Any]) -> None:
        batch.step(records)
        ended = batch.out["truncated"].copy()
        if ended.any():
            batch.reset(ended)

    return step


def warm_states() -> NDArray[Any]:
    """Worlds in the middle of their episodes, so that every size starts from the same mixture.

    Returns:
        ``WORLD[SEED_WORLDS]``.
    """
    env = make_batch(SEED_WORLDS)
    for actions in draw_actions(WARM_STEPS, SEED_WORLDS):
        env.step(actions)
    states: NDArray[Any] = env.get_state()
    return states


def bytes_per_env(env: Any) -> float:
    """Memory of a batch's own arrays.

    Args:
        env: The vector environment.

    Returns:
        Bytes an environment.
    """
    arrays = [value for value in vars(env.batch).values() if isinstance(value, np.ndarray)]
    arrays += [value for value in vars(env).values() if isinstance(value, np.ndarray)]
    own = [array for array in arrays if array.base is None and len(array) == env.num_envs]
    return sum(array.nbytes for array in own) / float(env.num_envs)


def size_cases(
    size: int, states: NDArray[Any], threads: Sequence[int]
) -> tuple[dict[str, Any], float]:
    """Set up the cases of one size.

    Args:
        size: Environments.
        states: From :func:`warm_states`.
        threads: Numbers of threads.

    Returns:
        Name -> measuring function, and bytes an environment.
    """
    cases: dict[str, Any] = {}
    rows = list(draw_actions(max(2, min(64, (1 << 18) // size)), size))
    memory = 0.0
    for count in threads:
        env = make_batch(size, count)
        env.set_state(np.resize(states, size))
        memory = bytes_per_env(env)
        records = [env._read(row).copy() for row in rows]
        cases[f"batch x{count}"] = batch_case(env.step, rows, size)
        cases[f"kernel x{count}"] = batch_case(kernel_step(env.batch), records, size)
    cartpole: Any = gym.make_vec(
        "CartPole-v1", num_envs=size, vectorization_mode="vector_entry_point"
    )
    cartpole.reset(seed=0)
    cases["CartPole vector"] = batch_case(cartpole.step, [row % 2 for row in rows], size)
    for measure in cases.values():
        measure()
    return cases, memory


def run(sizes: Sequence[int], repeats: int) -> dict[str, Any]:
    """Measure everything.

    Args:
        sizes: Of batches.
        repeats: Rounds.

    Returns:
        What :func:`report` prints, and the tables.
    """
    share = stressed_share()
    states = warm_states()
    actions = draw_actions(EPISODE_STEPS, 1)[:, 0].tolist()
    ours = scalar_case(gym.make("CloudAutoscale-v0", simulation=SIMULATION), actions)
    theirs = scalar_case(gym.make("CartPole-v1"), [action % 2 for action in actions])
    scalars = {"CloudAutoscale-v0": ours, "CartPole-v1": theirs}
    interleaved(scalars, 1)
    scalar = interleaved(scalars, 2 * repeats)
    table: dict[int, dict[str, float]] = {}
    memory = 0.0
    for size in sizes:
        cases, memory = size_cases(size, states, (1, 2) if size >= 64 else (1,))
        # The scalar CartPole stands in every round, as the measure of that moment.
        table[size] = interleaved({**cases, "CartPole scalar": theirs}, repeats)
    targets = [
        target("stressed ticks", share, 0.10, at_most=False),
        target(
            "scalar step / CartPole's",
            scalar["CloudAutoscale-v0"] / scalar["CartPole-v1"],
            1.25,
            at_most=True,
        ),
    ]
    if REFERENCE_SIZE in table:
        row = table[REFERENCE_SIZE]
        faster = row["CartPole scalar"] / row["batch x1"]
        speedup = row["kernel x1"] / row["kernel x2"]
        targets += [
            target(f"batch of {REFERENCE_SIZE}: steps/s over scalar CartPole", faster, 3, False),
            target(f"batch of {REFERENCE_SIZE}: two threads over one", speedup, 1.7, False),
        ]
    flat = [row["batch x1"] for size, row in table.items() if size >= FLAT_SIZES[0]]
    if len(flat) > 1:
        targets.append(
            target("slowest / fastest size from 256 up", max(flat) / min(flat), 1.5, True)
        )
    return {
        "machine": machine(),
        "stressed_share": share,
        "bytes_per_env": memory,
        "scalar_ns": scalar,
        "batch_ns": {str(size): row for size, row in table.items()},
        "wide_ns": wide_ns(repeats),
        "targets": targets,
    }


def show(results: dict[str, Any]) -> None:
    """Print the tables.

    Args:
        results: From :func:`run`.
    """
    print(
        f"{100 * results['stressed_share']:.1f} % of ticks stressed; "
        f"{results['bytes_per_env']:,.0f} bytes an environment\n"
    )
    scalar = results["scalar_ns"]
    reference = scalar["CartPole-v1"]
    print_table(
        ("gym.make", "ns a step", "steps/s", "of CartPole's"),
        [(name, ns, 1e9 / ns, reference / ns) for name, ns in scalar.items()],
    )
    print(f"twelve resources: {results['wide_ns']:,.0f} ns an env-step\n")
    rows = []
    for size, row in results["batch_ns"].items():
        for name, ns in row.items():
            if name != "CartPole scalar":
                rows.append((size, name, ns, 1e9 / ns, row["CartPole scalar"] / ns))
    print_table(("size", "case", "ns an env-step", "env-steps/s", "of scalar CartPole's"), rows)


def main() -> None:
    """Read the arguments, measure, print."""
    parser = argparse.ArgumentParser(description="Throughput beside CartPole-v1.")
    parser.add_argument("--sizes", type=int, nargs="+", default=list(SIZES))
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="three sizes, three rounds")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    if arguments.quick:
        results = run((1, 256, REFERENCE_SIZE), 3)
    else:
        results = run(arguments.sizes, arguments.repeats)
    if not arguments.json:
        show(results)
    report(results, arguments.json)


if __name__ == "__main__":
    main()
