"""Policies over batches of episodes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.envs.registration import load_env_creator
from gymnasium.vector import AutoresetMode
from numpy.typing import NDArray

from cwm_gym.envs.vector import CloudVectorEnv
from cwm_gym.evaluation.result import Evaluation
from cwm_gym.policies.base import NOTHING, policy_name
from cwm_gym.policies.models import as_policy
from cwm_gym.policies.operator import Operator
from cwm_gym.registration import ENVIRONMENTS
from cwm_gym.spec.errors import ErrorCode, closest, invalid

DEFAULT_ID = "CloudAutoscale-v0"
_LARGEST_BATCH = 256
_OURS = ("num_envs", "split", "autoreset_mode")
Watch = Callable[[Any, Any, NDArray[np.float64], dict[str, Any]], None]


def evaluate(
    policy: Any,
    env_id: str = DEFAULT_ID,
    episodes: int = 24,
    seed: int = 0,
    *,
    env_kwargs: Mapping[str, Any] | None = None,
    num_envs: int | None = None,
    split: str = "test",
) -> Evaluation:
    """Run a policy over a fixed set of episodes.

    Episode i is seeded ``seed + i`` and counts whether it ends early or late; another policy with
    the same arguments meets the same demand in the same episode.

    Args:
        policy: A policy of :mod:`cwm_gym.policies` or the name of one, an object with the methods
            of :class:`~cwm_gym.policies.Policy` or :class:`~cwm_gym.policies.FleetPolicy`, or a
            trained model with Stable-Baselines3's ``predict``.
        env_id: The environment.
        episodes: How many episodes.
        seed: Seed of the first.
        env_kwargs: Arguments of the environment. Over a list of scenarios, episode i runs on
            number i modulo their count.
        num_envs: How many run at once; all of them, up to 256, if None. Results do not depend on
            it for policies that treat every environment alike.
        split: ``test`` or ``train``: which demand.

    Returns:
        The results.

    Raises:
        SpecError: For anything wrong in the arguments.
    """
    chosen = as_policy(policy)
    whole("episodes", episodes, 1)
    whole("seed", seed, 0)
    size = whole("num_envs", min(episodes, _LARGEST_BATCH) if num_envs is None else num_envs, 1)
    given = {**(env_kwargs or {})}
    venv = make_batch(chosen, env_id, size, given, split)
    scenarios = len(venv.programs)
    if venv.num_envs % scenarios != 0:
        # Whole rounds, so that an episode's scenario does not depend on the size of the batch.
        venv.close()
        size = -(-size // scenarios) * scenarios
        venv = make_batch(chosen, env_id, size, given, split)
    returns: list[NDArray[np.float64]] = []
    totals: list[NDArray[Any]] = []
    try:
        for first in range(0, episodes, size):
            returns.append(play(venv, chosen, [seed + first + i for i in range(size)]))
            totals.append(venv.worlds["totals"].copy())
    finally:
        venv.close()
    return Evaluation.from_totals(
        policy=policy_name(chosen),
        env_id=env_id,
        env_kwargs=given,
        split=split,
        seed=int(seed),
        returns=np.concatenate(returns)[:episodes],
        totals=np.concatenate(totals)[:episodes],
    )


def make_batch(
    policy: Any, env_id: str, size: int, env_kwargs: Mapping[str, Any], split: str
) -> Any:
    """Make the vector environment that a policy is run on.

    Args:
        policy: The policy, which may require arguments of its own.
        env_id: The environment.
        size: Number of environments.
        env_kwargs: Its arguments.
        split: ``test`` or ``train``.

    Returns:
        A :class:`~cwm_gym.envs.vector.CloudVectorEnv` that does not reset by itself.

    Raises:
        SpecError: For an unknown id, arguments that are not the caller's to give, and arguments
            that contradict what the policy requires.
    """
    if env_id not in gym.registry:
        near = ", ".join(closest(str(env_id), list(ENVIRONMENTS), 3))
        raise invalid("/env_id", f"Unknown environment {env_id!r}", f"Did you mean {near}?")
    entry = gym.spec(env_id).vector_entry_point
    creator: Any = load_env_creator(entry) if isinstance(entry, str) else entry
    if not (isinstance(creator, type) and issubclass(creator, CloudVectorEnv)):
        raise invalid(
            "/env_id",
            f"'{env_id}' is not an environment of cwm_gym",
            f"Use one of: {', '.join(ENVIRONMENTS)}.",
            ErrorCode.INVALID_REQUEST,
        )
    for name in _OURS:
        if name in env_kwargs:
            raise invalid(
                f"/env_kwargs/{name}",
                f"{name} is not an argument to give in env_kwargs",
                "Episodes end where they end."
                if name == "autoreset_mode"
                else f"Give {name} itself.",
                ErrorCode.INVALID_REQUEST,
            )
    needed = getattr(policy, "env_kwargs", NOTHING)
    for name, value in needed.items():
        if name in env_kwargs and env_kwargs[name] != value:
            raise invalid(
                f"/env_kwargs/{name}",
                f"{policy_name(policy)} needs {name}={value!r}, not {env_kwargs[name]!r}",
                f"Leave {name} out.",
                ErrorCode.INVALID_REQUEST,
            )
    return gym.make_vec(
        env_id,
        num_envs=size,
        **{**env_kwargs, **needed},
        split=split,
        autoreset_mode=AutoresetMode.DISABLED,
    )


def play(
    venv: Any,
    policy: Any,
    seeds: Sequence[int],
    begin: Callable[[], tuple[Any, dict[str, Any]]] | None = None,
    watch: Watch | None = None,
) -> NDArray[np.float64]:
    """Run one episode in every environment, to the end of the last.

    Args:
        venv: From :func:`make_batch`.
        policy: The policy.
        seeds: One an environment.
        begin: Resets the environments; as the policy requires if None.
        watch: Called after every tick with the environment, the actions (None for policies that
            act inside ticks), the rewards and info.

    Returns:
        float64[N], returns.
    """
    if begin is None:
        options = dict(getattr(policy, "reset_options", NOTHING))
        obs, info = venv.reset(seed=list(seeds), options=options)
    else:
        obs, info = begin()
    returns = np.zeros(venv.num_envs)
    running = np.ones(venv.num_envs, np.bool_)
    operator = Operator(policy, venv.batch) if hasattr(policy, "desired") else None
    if operator is None:
        policy.reset(venv, running.copy(), list(seeds))
    while running.any():
        if operator is None:
            actions = policy.act(obs, info, venv.worlds)
            obs, rewards, terminated, truncated, info = venv.step(actions)
        else:
            actions = None
            obs, rewards, terminated, truncated, info = venv.step_through(operator.tick)
        returns += np.where(running, rewards, 0.0)
        running &= ~(terminated | truncated)
        if watch is not None:
            watch(venv, actions, rewards, info)
    return returns


def whole(name: str, value: Any, low: int) -> int:
    """Check a whole number.

    Args:
        name: The argument.
        value: What was given.
        low: Smallest value.

    Returns:
        The number.

    Raises:
        SpecError: If it is none, or too small.
    """
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < low:
        raise invalid(f"/{name}", f"{name} is {value!r}", f"Give a whole number, {low} or more.")
    return int(value)
