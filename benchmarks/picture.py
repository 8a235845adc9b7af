"""Draw the picture of the README: one episode of a simple policy, at double size.

    python benchmarks/picture.py [--scenario aws-web-app] [--seed 3]

The policy sizes the fleet for the demand two ticks ahead at the present trend. It is here for the
picture; the policies to compare an agent with are in ``cwm_gym.policies``.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray
from PIL import Image

import cwm_gym
from cwm_gym.envs.dashboard import frame_of
from cwm_gym.envs.rendering import Dashboard

TARGET = Path(__file__).resolve().parents[1] / "docs" / "assets" / "dashboard.png"
SIZE = (1920, 1080)
TARGET_LOAD = 0.65
AHEAD_TICKS = 1.0


def wanted_fleet(observation: Any, names: Sequence[str], maximum: int) -> int:
    """Size the fleet for the demand to come.

    Args:
        observation: float32[30] of the environment.
        names: Names of its components.
        maximum: Most instances.

    Returns:
        Instances, before the bounds apply.
    """
    demand = float(observation[names.index("demand_per_max_capacity")])
    change = float(observation[names.index("demand_trend")]) / 4.0
    anomaly = float(observation[names.index("demand_anomaly")]) / 2.0
    rising = max(change, 0.0) if anomaly > 0.0 else 0.0
    return math.ceil((demand + AHEAD_TICKS * rising) * maximum / TARGET_LOAD)


def run_episode(scenario: str, seed: int) -> NDArray[np.uint8]:
    """Run one episode of the test split and draw its dashboard.

    Args:
        scenario: Name of a ready-made service.
        seed: Of the episode.

    Returns:
        uint8 array of shape (1080, 1920, 3).
    """
    made = gym.make("CloudAutoscale-v0", scenario=scenario, split="test", action_mode="continuous")
    env: Any = made.unwrapped
    program = env.program
    episode, pool = program.params["episode"], program.primary
    low, high = int(pool["minimum"]), int(pool["maximum"])
    dashboard = Dashboard(
        title=program.simulation.name,
        subtitle=f"{int(episode['tick_s'])} s ticks, {int(episode['max_steps'])} steps",
        sla_latency_ms=1e3 * float(episode["latency_limit_s"]),
        sla_error_rate=float(episode["error_limit"]),
        budget_usd_per_hour=float(episode["budget_usd_per_hour"]),
        fleet_bounds=(low, high),
        horizon_steps=int(episode["max_steps"]),
        size=SIZE,
    )
    observation, _ = env.reset(seed=seed)
    done = False
    while not done:
        fleet = int(env.get_state()["pool"]["desired"][int(episode["primary"])])
        wanted = min(max(wanted_fleet(observation, env.observation_names, high), low), high)
        # One instance too many is kept, the others go one by one: noise soon has them back.
        change = wanted - fleet if wanted > fleet else -1 if wanted < fleet - 1 else 0
        kind = "scale_out" if change > 0 else "scale_in" if change < 0 else "no_op"
        parameters = {"instanceCount": abs(change)} if change else {}
        step = env.step_document({"type": kind, "parameters": parameters})
        observation, _, terminated, truncated, info = step
        label = f"{kind.replace('_', ' ')} {abs(change) or ''}".strip()
        state = env.get_state()
        dashboard.push(frame_of(program.params, state, label, info["events"]))
        done = terminated or truncated
    return dashboard.rgb()


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the picture."""
    parser = argparse.ArgumentParser(description="draw the picture of the README")
    parser.add_argument("--scenario", choices=cwm_gym.scenarios(), default="aws-web-app")
    parser.add_argument("--seed", type=int, default=3)
    parser.add_argument("--output", type=Path, default=TARGET)
    options = parser.parse_args(arguments)
    options.output.parent.mkdir(parents=True, exist_ok=True)
    picture = Image.fromarray(run_episode(options.scenario, options.seed))
    picture.quantize(colors=256).save(options.output, optimize=True)
    print(options.output.name, f"{options.output.stat().st_size / 1024:.0f} KiB")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
