"""Checks that any environment of this library has to pass; run them on your own variants.

Each raises ``AssertionError`` with what was found and where. None of them is statistical: a check
that passes once with some arguments passes again with them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.vector import VectorEnv
from numpy.typing import NDArray

from cwm_gym.envs.scalar import CloudEnv
from cwm_gym.envs.vector import CloudVectorEnv
from cwm_gym.testing.invariants import (
    CONSERVATION_TOLERANCE,
    check_finite,
    check_fleets,
    imbalance,
    inside,
)

__all__ = [
    "CONSERVATION_TOLERANCE",
    "STRESSED_UTILISATION",
    "Rollout",
    "Trajectory",
    "assert_same",
    "check_conservation",
    "check_determinism",
    "check_observation_space",
    "check_rollout",
    "check_save_restore",
    "check_vector_equals_scalar",
    "imbalance",
    "inside",
    "random_actions",
    "scalar_trajectory",
    "vector_trajectory",
]

STRESSED_UTILISATION = 0.9
"""A tick counts as stressed above this utilisation, or when it lost requests."""

# Where a world lives in its batch, not what it is.
_PLACE = ("scenario", "row")


@dataclass(frozen=True)
class Rollout:
    """What was seen in random steps.

    Attributes:
        steps: World-steps taken, resets not counted.
        stressed: Those above :data:`STRESSED_UTILISATION`, or with lost requests.
        imbalance: Largest share of requests unaccounted for in any tick.
    """

    steps: int
    stressed: int
    imbalance: float


@dataclass(frozen=True)
class Trajectory:
    """Everything that N environments returned in T steps.

    Attributes:
        observations: float32[T + 1, N, D]; dict observations side by side.
        rewards: float64[T, N].
        terminated: bool[T, N].
        truncated: bool[T, N].
        states: ``WORLD[N]`` after the last step.
    """

    observations: NDArray[np.float32]
    rewards: NDArray[np.float64]
    terminated: NDArray[np.bool_]
    truncated: NDArray[np.bool_]
    states: NDArray[Any]


def check_rollout(
    env: VectorEnv[Any, Any, Any],
    steps: int,
    seed: int = 0,
    *,
    conservation: bool = True,
    observations: bool = True,
    finite: bool = True,
    fleets: bool = True,
) -> Rollout:
    """Take random steps and check every one of them.

    Args:
        env: Vector environment in NEXT_STEP mode.
        steps: Vector steps to take.
        seed: Of the environments and of the actions.
        conservation: Check that no request is lost or made (:func:`imbalance`).
        observations: Check that observations lie in the space.
        finite: Check that no result is NaN or infinite, and no cost negative.
        fleets: Check the books of every fleet, and that rates and states are what they can be.

    Returns:
        Counts, to judge how much was exercised.
    """
    base = _vector(env)
    env.action_space.seed(seed)
    seen, _ = env.reset(seed=seed)
    taken = stressed = 0
    worst = 0.0
    for step in range(steps):
        before = base.worlds.copy()
        seen, rewards, _, _, _ = env.step(env.action_space.sample())
        where = f"in step {step} of seed {seed}"
        if observations:
            assert env.observation_space.contains(seen), f"observation outside its space {where}"
        if finite:
            check_finite(base, rewards, where)
        if fleets:
            check_fleets(base.worlds, where)
        if conservation:
            gap = imbalance(before, base.worlds)
            worst = max(worst, float(gap.max()))
            at = int(gap.argmax())
            assert worst <= CONSERVATION_TOLERANCE, (
                f"environment {at} lost or made a share {worst:.3g} of its requests {where}"
            )
        meter = base.worlds["meter"]
        lost = meter["timed_out"] + meter["rejected"] + meter["failed"]
        went = base.worlds["step"] > 0
        taken += int(went.sum())
        hard = (meter["utilisation"] > STRESSED_UTILISATION) | (lost > 1e-3 * meter["arrived"])
        stressed += int((went & hard).sum())
    return Rollout(taken, stressed, worst)


def check_conservation(env: VectorEnv[Any, Any, Any], steps: int, seed: int = 0) -> Rollout:
    """Check that requests are conserved in every tick of a random rollout.

    Args:
        env: Vector environment in NEXT_STEP mode.
        steps: Vector steps to take.
        seed: Of the environments and of the actions.

    Returns:
        Counts of the rollout.
    """
    return check_rollout(env, steps, seed, observations=False, finite=False, fleets=False)


def check_observation_space(env: VectorEnv[Any, Any, Any], steps: int, seed: int = 0) -> Rollout:
    """Check that every observation of a random rollout lies in the declared space.

    Args:
        env: Vector environment in NEXT_STEP mode.
        steps: Vector steps to take.
        seed: Of the environments and of the actions.

    Returns:
        Counts of the rollout.
    """
    return check_rollout(env, steps, seed, conservation=False, finite=False, fleets=False)


def check_determinism(
    env_id: str, env_kwargs: Mapping[str, Any] | None = None, steps: int = 100, seed: int = 0
) -> None:
    """Check that two environments with the same seed and actions do the same.

    Args:
        env_id: Registered id.
        env_kwargs: Arguments of the environment.
        steps: Steps to compare.
        seed: Of the environments and of the actions.
    """
    actions = random_actions(env_id, env_kwargs, 1, steps, seed)
    runs = [scalar_trajectory(env_id, env_kwargs, actions, seed) for _ in range(2)]
    assert_same(runs[0], runs[1], "a second environment with the same seed")


def check_vector_equals_scalar(
    env_id: str,
    env_kwargs: Mapping[str, Any] | None = None,
    num_envs: int = 3,
    steps: int = 1000,
    threads: int = 1,
    seed: int = 0,
) -> Trajectory:
    """Check that environment i of a vector seeded s is the scalar one seeded s + i, bit by bit.

    Args:
        env_id: Registered id.
        env_kwargs: Arguments of both environments.
        num_envs: Environments in the vector.
        steps: Steps to compare; episodes that end are followed by the next one.
        threads: Threads of the vector environment.
        seed: Of the environments and of the actions.

    Returns:
        The trajectory.
    """
    actions = random_actions(env_id, env_kwargs, num_envs, steps, seed)
    scalar = scalar_trajectory(env_id, env_kwargs, actions, seed)
    vector = vector_trajectory(env_id, env_kwargs, actions, seed, threads)
    assert_same(scalar, vector, f"the vector of {num_envs} in {threads} thread(s)")
    return vector


def check_save_restore(
    env_id: str,
    env_kwargs: Mapping[str, Any] | None = None,
    steps: int = 60,
    every: int = 7,
    seed: int = 0,
) -> None:
    """Check that a state saved at any step continues bit-identically in another environment.

    Args:
        env_id: Registered id.
        env_kwargs: Arguments of the environment.
        steps: Length of the run.
        every: Steps from one restored state to the next.
        seed: Of the environment and of the actions.
    """
    actions = random_actions(env_id, env_kwargs, 1, steps, seed)
    env = gym.make_vec(env_id, num_envs=1, **(env_kwargs or {}))
    states = []
    env.reset(seed=seed)
    rewards = np.zeros(steps)
    for step in range(steps):
        states.append(_vector(env).get_state())
        rewards[step] = env.step(actions[step])[1][0]
    last = _vector(env).get_state()
    other = gym.make_vec(env_id, num_envs=1, **(env_kwargs or {}))
    other.reset(seed=seed + 1)
    for first in range(0, steps, every):
        _vector(other).set_state(states[first])
        again = [other.step(actions[step])[1][0] for step in range(first, steps)]
        assert np.array_equal(again, rewards[first:]), (
            f"rewards differ after restoring step {first}"
        )
        assert _same_worlds(_vector(other).get_state(), last), f"states differ after step {first}"


def random_actions(
    env_id: str, env_kwargs: Mapping[str, Any] | None, num_envs: int, steps: int, seed: int
) -> NDArray[Any]:
    """Draw actions for several environments.

    Args:
        env_id: Registered id.
        env_kwargs: Arguments of the environment.
        num_envs: Number of environments.
        steps: Number of steps.
        seed: Of the draws.

    Returns:
        Array [steps, num_envs, ...] of elements of the action space.
    """
    env = gym.make_vec(env_id, num_envs=num_envs, **(env_kwargs or {}))
    env.action_space.seed(seed)
    actions = np.stack([env.action_space.sample() for _ in range(steps)])
    env.close()
    return actions


def scalar_trajectory(
    env_id: str, env_kwargs: Mapping[str, Any] | None, actions: NDArray[Any], seed: int
) -> Trajectory:
    """Run scalar environments one after the other, each seeded ``seed + i``.

    A step after the end of an episode resets, as NEXT_STEP does: the action is ignored, the reward
    is 0.

    Args:
        env_id: Registered id.
        env_kwargs: Arguments of the environments.
        actions: [T, N, ...].
        seed: Of the first environment.

    Returns:
        The trajectory.
    """
    runs = []
    for i in range(actions.shape[1]):
        env = gym.make(env_id, disable_env_checker=True, **(env_kwargs or {}))
        assert isinstance(env.unwrapped, CloudEnv)
        rows: list[tuple[Any, float, bool, bool]] = [
            (env.reset(seed=seed + i)[0], 0.0, False, False)
        ]
        for action in actions[:, i]:
            if rows[-1][2] or rows[-1][3]:
                rows.append((env.reset()[0], 0.0, False, False))
            else:
                seen, reward, terminated, truncated, _ = env.step(action)
                rows.append((seen, float(reward), terminated, truncated))
        flat = np.stack([_flat(row[0], 0) for row in rows])
        results = [[row[k] for row in rows[1:]] for k in (1, 2, 3)]
        runs.append((flat, *results, env.unwrapped.get_state()))
        env.close()
    observations, rewards, terminations, truncations, states = zip(*runs, strict=True)
    return Trajectory(
        np.stack(observations, axis=1),
        np.stack(rewards, axis=1),
        np.stack(terminations, axis=1),
        np.stack(truncations, axis=1),
        np.stack(states),
    )


def vector_trajectory(
    env_id: str,
    env_kwargs: Mapping[str, Any] | None,
    actions: NDArray[Any],
    seed: int,
    threads: int = 1,
) -> Trajectory:
    """Run a vector environment in NEXT_STEP mode.

    Args:
        env_id: Registered id.
        env_kwargs: Arguments of the environment.
        actions: [T, N, ...].
        seed: Environment i is seeded ``seed + i``.
        threads: Threads that share the batch.

    Returns:
        The trajectory.
    """
    env = gym.make_vec(
        env_id, num_envs=actions.shape[1], **{**(env_kwargs or {}), "threads": threads}
    )
    seen = [_flat(env.reset(seed=seed)[0], 1)]
    results = []
    for action in actions:
        observation, *result, _ = env.step(action)
        seen.append(_flat(observation, 1))
        results.append(result)
    rewards, terminated, truncated = (np.stack(column) for column in zip(*results, strict=True))
    states = _vector(env).get_state()
    env.close()
    return Trajectory(np.stack(seen), rewards, terminated, truncated, states)


def assert_same(one: Trajectory, other: Trajectory, name: str = "the other") -> None:
    """Compare two trajectories bit by bit.

    Args:
        one: A trajectory.
        other: Another one.
        name: What the other is called in messages.
    """
    for field in ("observations", "rewards", "terminated", "truncated"):
        a, b = getattr(one, field), getattr(other, field)
        assert a.shape == b.shape, f"{field}: {a.shape} against {b.shape}"
        assert a.dtype == b.dtype, f"{field}: {a.dtype} against {b.dtype}"
        if not np.array_equal(a, b):
            step, env = (int(k[0]) for k in np.nonzero((a != b).reshape(*a.shape[:2], -1).any(-1)))
            raise AssertionError(
                f"{field} of {name} differ first in step {step}, environment {env}: "
                f"{b[step, env]} instead of {a[step, env]}"
            )
    assert _same_worlds(one.states, other.states), f"the states of {name} differ at the end"


def _flat(observation: Any, batch: int) -> NDArray[np.float32]:
    """Lay the parts of an observation side by side, behind ``batch`` leading dimensions."""
    if isinstance(observation, Mapping):
        parts = [np.reshape(part, (*np.shape(part)[:batch], -1)) for part in observation.values()]
        return np.concatenate(parts, axis=-1)
    return np.array(observation)


def _vector(env: VectorEnv[Any, Any, Any]) -> CloudVectorEnv:
    base = env.unwrapped
    assert isinstance(base, CloudVectorEnv), f"{type(base).__name__} is not a CloudVectorEnv"
    return base


def _same_worlds(one: NDArray[Any], other: NDArray[Any]) -> bool:
    names = [name for name in one.dtype.names or () if name not in _PLACE]
    return all(np.ravel(one)[name].tobytes() == np.ravel(other)[name].tobytes() for name in names)
