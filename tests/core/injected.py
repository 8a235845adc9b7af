"""Services with faults for tests: six instances in three zones, hardly loaded unless told."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

import cwm_gym
from cwm_gym.core.records import MAX_EVENTS
from cwm_gym.envs.events import events_since
from cwm_gym.envs.scalar import CloudEnv
from tests.documents import ENV_ID, service, with_database

ZONES = ["us-east-1a", "us-east-1b", "us-east-1c"]
TICK_S = 60.0
ONE_RPS = 200.0  # an m5.large with 10 ms of CPU a request
QUERY_S = 0.005  # a query on an idle database


def fleet(traffic: float = 4, **compute: Any) -> dict[str, Any]:
    """One pool of six instances that keeps its speed whatever its health."""
    spread = {
        "instances": 6,
        "minInstances": 0,
        "maxInstances": 12,
        "zones": ZONES,
        "criticalSpeed": 1.0,
        **compute,
    }
    return {**service(**spread), "traffic": traffic}


def shop(traffic: float = 4, **database: Any) -> dict[str, Any]:
    """The same with a database behind it."""
    settings = {"cpuSecondsPerRequest": QUERY_S, "criticalSpeed": 1.0, **database}
    return with_database(fleet(traffic), **settings)


def ran(
    document: dict[str, Any], *faults: dict[str, Any], steps: int = 10, **more: Any
) -> cwm_gym.History:
    """Run an episode in which nobody acts."""
    return cwm_gym.simulate({**document, "faults": list(faults)}, steps, **more)


def made(document: dict[str, Any], *faults: dict[str, Any], **arguments: Any) -> CloudEnv:
    """Make an environment and reset it."""
    given = {**document, "faults": list(faults)}
    env = gym.make(ENV_ID, simulation=given, **arguments).unwrapped
    assert isinstance(env, CloudEnv)
    env.reset(seed=0)
    return env


def books(env: CloudEnv, pool: int = 0) -> dict[str, int]:
    """Count a fleet; the sum holds or the books are wrong."""
    found = env.get_state()["pool"][pool]
    launching = int(found["launching"]["count"].sum())
    counts = {name: int(found[name]) for name in ("desired", "ready", "lost", "notified")}
    assert counts["desired"] == counts["ready"] + launching + counts["lost"], counts
    return {**counts, "launching": launching}


def times(history: cwm_gym.History, kind: str) -> list[float]:
    """When events of a kind happened, s."""
    return [event["time_s"] for event in history.events if event["kind"] == kind]


def shares(history: cwm_gym.History) -> NDArray[np.float64]:
    """Share of the capacity at the start that there was in every step."""
    capacity: NDArray[np.float64] = history["capacity_rps"] / (6 * ONE_RPS)
    return capacity


def watched(
    document: dict[str, Any],
    envs: int,
    steps: int,
    act: Any = None,
    seed: int = 0,
    **arguments: Any,
) -> tuple[list[list[dict[str, Any]]], NDArray[np.float64]]:
    """Run many episodes side by side.

    Args:
        document: The service.
        envs: Episodes; number i is seeded ``seed + i``.
        steps: Steps of each.
        act: Step -> int64[N], the actions; None = nobody acts.
        seed: Of the first episode.
        **arguments: Of the environment.

    Returns:
        The events of every episode, and the instance-hours that each had ready.
    """
    env = gym.make_vec(
        ENV_ID, num_envs=envs, simulation=document, max_episode_steps=steps + 1, **arguments
    )
    base: Any = env.unwrapped
    env.reset(seed=seed)
    events: list[list[dict[str, Any]]] = [[] for _ in range(envs)]
    seen = np.zeros(envs, np.int64)
    idle = np.zeros(envs, np.int64)
    for step in range(steps):
        env.step(idle if act is None else act(step))
        counts = base.worlds["n_events"]
        assert (counts - seen <= MAX_EVENTS).all(), "some events were overwritten"
        for i in np.flatnonzero(counts > seen):
            targets = base.programs[0].targets
            events[i] += events_since(base.worlds[i], int(seen[i]), targets)
        seen = counts.copy()
    hours: NDArray[np.float64] = base.worlds["totals"]["instance_s"] / 3600.0
    return events, hours
