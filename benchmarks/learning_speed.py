"""How much of a training run the simulation takes: SB3's PPO with and without the kernel.

The same PPO trains twice on the same adapter, infos included: once on the environment, and once
where the kernel call is replaced by a copy out of buffers that were filled beforehand with an
episode of results (rewards, ends of episodes and events as they were). The ratio of the two speeds
is the share that an infinitely fast simulator would leave to be gained. Runs alternate and medians
are shown.

    python benchmarks/learning_speed.py [--envs 64] [--repeats 5] [--quick] [--json]
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from harness import PACKAGES, interleaved, machine, print_table, report, target
from stable_baselines3 import PPO

from cwm_gym.integrations.sb3 import CwmVecEnv, make_vec_env

ENV_ID = "CloudAutoscale-v0"
ROLLOUT_STEPS = 64
EPISODE_STEPS = 240


def without_kernel(envs: int) -> CwmVecEnv:
    """Make environments whose results come from buffers.

    Args:
        envs: Their number.

    Returns:
        The environments; actions have no effect.
    """
    env = make_vec_env(ENV_ID, envs, seed=0)
    batch = env.native.batch
    rng = np.random.default_rng(0)
    env.reset()
    first = batch.out.copy()
    results = []
    for _ in range(EPISODE_STEPS):
        batch.step(env.native._read(rng.integers(0, 13, envs)))
        results.append(batch.out.copy())
    position = 0

    def step(actions: Any, skip_done: bool = False) -> None:
        nonlocal position
        np.copyto(batch.out, results[position % EPISODE_STEPS])
        position += 1

    def reset(chosen: Any, offset_s: float | None = None, fleet: int | None = None) -> None:
        batch.out[chosen] = first[chosen]

    vars(batch).update(step=step, reset=reset)
    return env


def training_case(env: CwmVecEnv, iterations: int) -> Callable[[], float]:
    """Train one PPO, a few iterations at a time.

    Args:
        env: The environments.
        iterations: Rollouts a measurement.

    Returns:
        A function that measures env-steps a second, learning included.
    """
    model: Any = PPO(
        "MlpPolicy",
        env,
        learning_rate=1e-3,
        n_steps=ROLLOUT_STEPS,
        batch_size=ROLLOUT_STEPS * env.num_envs // 4,
        n_epochs=4,
        gamma=0.98,
        seed=0,
        device="cpu",
    )
    steps: int = iterations * ROLLOUT_STEPS * env.num_envs

    def measure() -> float:
        begin = time.perf_counter()
        model.learn(steps, reset_num_timesteps=False)
        return steps / (time.perf_counter() - begin)

    return measure


def run(envs: int, repeats: int, iterations: int) -> dict[str, Any]:
    """Measure.

    Args:
        envs: Environments.
        repeats: Rounds.
        iterations: Rollouts a measurement.

    Returns:
        What :func:`harness.report` prints, and the speeds.
    """
    cases = {
        "with the kernel": training_case(make_vec_env(ENV_ID, envs, seed=0), iterations),
        "with prefilled buffers": training_case(without_kernel(envs), iterations),
    }
    interleaved(cases, 1)
    speeds = interleaved(cases, repeats)
    ratio = speeds["with the kernel"] / speeds["with prefilled buffers"]
    return {
        "machine": machine((*PACKAGES, "torch", "stable-baselines3")),
        "envs": envs,
        "threads_of_torch": torch.get_num_threads(),
        "steps_per_second": speeds,
        "targets": [target("PPO with the kernel / with prefilled buffers", ratio, 0.9, False)],
    }


def main() -> None:
    """Read the arguments, measure, print."""
    parser = argparse.ArgumentParser(description="PPO with and without the kernel.")
    parser.add_argument("--envs", type=int, default=64)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--torch-threads", type=int, default=1)
    parser.add_argument("--quick", action="store_true", help="two short rounds")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.torch_threads)
    repeats, iterations = (2, 4) if arguments.quick else (arguments.repeats, 12)
    results = run(arguments.envs, repeats, iterations)
    if not arguments.json:
        print_table(("PPO, 64 x 64 tanh", "env-steps/s"), list(results["steps_per_second"].items()))
    report(results, arguments.json)


if __name__ == "__main__":
    main()
