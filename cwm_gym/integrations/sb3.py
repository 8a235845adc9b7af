"""Stable-Baselines3: the native batch as its ``VecEnv``.

SB3 wants what Gymnasium calls SAME_STEP: when an episode ends, the observation returned is the
first one of the next episode, and the last one of the ended episode is in
``infos[i]["terminal_observation"]``. The adapter calls the kernel itself, so that a step costs the
kernel, a few copies and a list of empty dictionaries.
"""

from __future__ import annotations

import importlib
import time
from collections.abc import Iterable, Sequence
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.envs.registration import load_env_creator
from gymnasium.vector import AutoresetMode
from numpy.typing import NDArray

from cwm_gym.envs.reward import call_reward
from cwm_gym.envs.vector import CloudVectorEnv, Observations
from cwm_gym.integrations.infos import Info, InfoLists
from cwm_gym.spec.errors import ErrorCode, invalid

try:
    from stable_baselines3.common.monitor import Monitor
    from stable_baselines3.common.vec_env import VecEnv
except ImportError as error:
    raise ImportError(
        'cwm_gym.integrations.sb3 needs Stable-Baselines3: pip install "cwm-gym[sb3]"'
    ) from error

Indices = None | int | Iterable[int]
Step = tuple[Observations, NDArray[np.float32], NDArray[np.bool_], list[Info]]


def make_vec_env(
    env_id: str,
    n_envs: int = 1,
    seed: int | None = None,
    *,
    info_keys: Sequence[str] = (),
    threads: int = 1,
    **env_kwargs: Any,
) -> CwmVecEnv:
    """Make a batch of environments for Stable-Baselines3.

    Args:
        env_id: An id of this library, or one registered over one of its vector environments;
            ``module:id`` imports the module first.
        n_envs: Number of environments.
        seed: Environment i is seeded ``seed + i`` at the first reset.
        info_keys: What every step's infos hold beside the episode's end: metrics
            (``"latency_p95"``), ``"cost"``, ``"action_mask"``, ``"sim_time_seconds"``,
            ``"reward_components.sla"`` and the like, or ``"reward_components.*"`` for all of them.
        threads: Threads that step the batch.
        **env_kwargs: Arguments of the environment (``scenario=``, ``reward=``, ...).

    Returns:
        The environments.

    Raises:
        SpecError: For an id of another library, an unknown key or wrong arguments.
    """
    module, _, name = env_id.rpartition(":")
    if module:
        importlib.import_module(module)
    entry = gym.spec(name).vector_entry_point
    creator: Any = load_env_creator(entry) if isinstance(entry, str) else entry
    if not (isinstance(creator, type) and issubclass(creator, CloudVectorEnv)):
        raise invalid(
            "/env_id",
            f"'{env_id}' is not an environment of cwm_gym",
            "Use stable_baselines3.common.env_util.make_vec_env for others.",
            ErrorCode.INVALID_REQUEST,
        )
    native: Any = gym.make_vec(
        env_id,
        num_envs=n_envs,
        autoreset_mode=AutoresetMode.SAME_STEP,
        threads=threads,
        **env_kwargs,
    )
    env = CwmVecEnv(native, info_keys)
    if seed is not None:
        env.seed(seed)
    return env


class CwmVecEnv(VecEnv):  # type: ignore[misc]
    """A native vector environment behind SB3's interface; :func:`make_vec_env` makes it.

    Infos hold what ``info_keys`` names. Where an episode ends they also hold all that the scalar
    environment's info holds, ``terminal_observation``, ``TimeLimit.truncated`` and ``episode``:
    the dictionary of SB3's ``Monitor`` (``r`` return, ``l`` length in steps, ``t`` seconds since
    the environments were made), so that no ``VecMonitor`` is needed.

    Attributes:
        native: The vector environment.
    """

    def __init__(self, native: CloudVectorEnv, info_keys: Sequence[str] = ()) -> None:
        self.native = native
        self._batch = native.batch
        self._config = native._config
        self._infos = InfoLists(native, info_keys)
        self._members: dict[int, _Member] = {}
        self._returns = np.zeros(native.num_envs)
        self._lengths = np.zeros(native.num_envs, np.int64)
        self._actions: Any = None
        self._started_s = time.time()
        super().__init__(
            native.num_envs, native.single_observation_space, native.single_action_space
        )

    def reset(self) -> Observations:
        """Start an episode in every environment.

        Seeds from ``seed`` and options from ``set_options`` are used up.

        Returns:
            Observations, float32.

        Raises:
            SpecError: For unknown options or values.
        """
        seeds = self._seeds if any(seed is not None for seed in self._seeds) else None
        # Environments that share a dictionary of options (or have none) start together.
        groups: dict[int, list[int]] = {}
        for i, options in enumerate(self._options):
            groups.setdefault(id(options) if options else 0, []).append(i)
        for indices in groups.values():
            chosen = np.zeros(self.num_envs, np.bool_)
            chosen[indices] = True
            options = {**self._options[indices[0]], "reset_mask": chosen}
            self.native.reset(seed=seeds, options=options)
        self._reset_seeds()
        self._reset_options()
        self._returns[:] = 0.0
        self._lengths[:] = 0
        self.reset_infos = self._infos.in_full(
            np.arange(self.num_envs), self._batch.out["n_events"]
        )
        return self._observations()

    def step_async(self, actions: NDArray[Any]) -> None:
        """Take the actions of the next :meth:`step_wait`.

        Args:
            actions: int[N], float[N, 2] in continuous mode, int[N, 3] in multi_discrete mode.
        """
        self._actions = actions

    def step_wait(self) -> Step:
        """Run one tick in every environment.

        Returns:
            Observations and rewards (float32, the caller's own), whether each episode ended, and
            infos.

        Raises:
            SpecError: INVALID_REQUEST for actions of the wrong shape or type.
        """
        out = self._batch.out
        seen_events = out["n_events"].copy()
        self._batch.step(self.native._read(self._actions))
        rewards = self._rewards()
        dones = out["terminated"] | out["truncated"]
        self._returns += rewards
        self._lengths += 1
        if self.native._dashboards is not None:
            self.native._dashboards.push(rewards)
        infos = self._infos.of_step()
        observations = self._observations()
        if dones.any():
            indices = np.flatnonzero(dones)
            last = _rows(observations, indices)
            for i, info in zip(indices, self._endings(indices, seen_events, last), strict=True):
                infos[i] = infos[i] | info
            self._begin(dones, indices)
            observations = self._observations()
        return observations, rewards.astype(np.float32), dones, infos

    def _rewards(self) -> NDArray[np.float64]:
        if self._config.reward is None:
            return self._batch.out["reward"].copy()
        columns = np.array(self._batch.out["metrics"].T)
        metrics = {name: columns[column] for name, column in self.native._metric_names}
        return call_reward(self._config.reward, metrics, self.num_envs)

    def _observations(self) -> Observations:
        # A copy for certain: of a batch of one, ascontiguousarray would return a view.
        if self._config.observation_mode == "vector":
            return self._batch.out["observation"].copy()
        return self.native._observations(fresh=True)

    def _endings(
        self, indices: NDArray[np.intp], seen_events: NDArray[np.int64], last: list[Any]
    ) -> list[Info]:
        """Build the infos of episodes that have ended."""
        out = self._batch.out
        infos = self._infos.in_full(indices, seen_events)
        truncated = (out["truncated"] & ~out["terminated"])[indices].tolist()
        returns, lengths = self._returns[indices].tolist(), self._lengths[indices].tolist()
        elapsed_s = round(time.time() - self._started_s, 6)
        for k, info in enumerate(infos):
            info["TimeLimit.truncated"] = truncated[k]
            info["terminal_observation"] = last[k]
            info["episode"] = {"r": round(returns[k], 6), "l": lengths[k], "t": elapsed_s}
        return infos

    def _begin(self, dones: NDArray[np.bool_], indices: NDArray[np.intp]) -> None:
        """Start the next episode where one has ended."""
        self._batch.reset(dones)
        self._returns[indices] = 0.0
        self._lengths[indices] = 0
        fresh = self._infos.in_full(indices, self._batch.out["n_events"])
        for i, info in zip(indices, fresh, strict=True):
            self.reset_infos[i] = info
        if self.native._dashboards is not None:
            self.native._dashboards.clear(dones)

    def close(self) -> None:
        """Stop the threads."""
        self.native.close()

    def get_images(self) -> list[NDArray[np.uint8]]:
        """Draw the dashboard of every environment.

        Returns:
            uint8 (540, 960, 3) pictures.

        Raises:
            SpecError: INVALID_REQUEST when the environments were made without a render mode.
        """
        return list(self.native.render())

    def _chosen(self, indices: Indices) -> list[_Member]:
        found = []
        for i in self._get_indices(indices):
            if i not in self._members:
                self._members[i] = _Member(self.native, i)
            found.append(self._members[i])
        return found

    def get_attr(self, attr_name: str, indices: Indices = None) -> list[Any]:
        """Read an attribute of some environments.

        Args:
            attr_name: ``render_mode``, ``metadata``, ``spec``, ``observation_space``,
                ``action_space``, ``observation_names``, ``program``, or one that was set.
            indices: Which environments; all if None.

        Returns:
            One value an environment.

        Raises:
            AttributeError: If there is none of that name.
        """
        return [getattr(member, attr_name) for member in self._chosen(indices)]

    def set_attr(self, attr_name: str, value: Any, indices: Indices = None) -> None:
        """Keep an attribute with some environments, for :meth:`get_attr`.

        Args:
            attr_name: Its name.
            value: Its value.
            indices: Which environments; all if None.
        """
        for member in self._chosen(indices):
            setattr(member, attr_name, value)

    def env_method(
        self, method_name: str, *method_args: Any, indices: Indices = None, **method_kwargs: Any
    ) -> list[Any]:
        """Call a method of some environments.

        Args:
            method_name: ``action_masks``, ``get_state``, ``set_state``, ``events`` or ``render``.
            *method_args: Its arguments.
            indices: Which environments; all if None.
            **method_kwargs: Its keyword arguments.

        Returns:
            One result an environment.

        Raises:
            AttributeError: If there is none of that name.
        """
        if method_name in ("action_masks", "render") and indices is None:
            # One call for all: MaskablePPO asks for the masks at every step.
            return list(getattr(self.native, method_name)())
        return [
            getattr(member, method_name)(*method_args, **method_kwargs)
            for member in self._chosen(indices)
        ]

    def env_is_wrapped(self, wrapper_class: type[Any], indices: Indices = None) -> list[bool]:
        """Tell whether a wrapper's work is done.

        Args:
            wrapper_class: The wrapper.
            indices: Which environments; all if None.

        Returns:
            True for ``Monitor``, whose ``episode`` dictionary the infos hold; False for others.
        """
        return [wrapper_class is Monitor for _ in self._get_indices(indices)]


class _Member:
    """One environment of the batch as ``get_attr``, ``set_attr`` and ``env_method`` see it."""

    def __init__(self, native: CloudVectorEnv, index: int) -> None:
        self._native = native
        self._index = index
        self.render_mode = native.render_mode
        self.metadata = native.metadata
        self.spec = native.spec
        self.observation_space = native.single_observation_space
        self.action_space = native.single_action_space
        self.observation_names = native.observation_names
        self.program = native.programs[index % len(native.programs)]

    @property
    def unwrapped(self) -> _Member:
        return self

    def action_masks(self) -> NDArray[np.bool_]:
        masks: NDArray[np.bool_] = self._native.action_masks()[self._index]
        return masks

    def get_state(self) -> NDArray[Any]:
        return self._native.get_state([self._index]).reshape(())

    def set_state(self, state: NDArray[Any]) -> None:
        self._native.set_state(state, [self._index])

    def events(self) -> list[dict[str, Any]]:
        return self._native.events(self._index)

    def render(self) -> Any:
        return self._native.render()[self._index]


def _rows(observations: Observations, indices: NDArray[np.intp]) -> list[Any]:
    """Copy some environments' observations out of the batch's."""
    if not isinstance(observations, dict):
        return list(observations[indices])
    columns = {name: column[indices] for name, column in observations.items()}
    return [{name: column[k] for name, column in columns.items()} for k in range(len(indices))]
