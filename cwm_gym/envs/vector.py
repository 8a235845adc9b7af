"""The natively batched environment: one call into the kernel steps all worlds."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from gymnasium.error import ResetNeeded
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

from cwm_gym.core.records import OBSERVATION
from cwm_gym.envs import spaces
from cwm_gym.envs.batch import Batch
from cwm_gym.envs.config import configure
from cwm_gym.envs.dashboard import Dashboards
from cwm_gym.envs.events import events_since
from cwm_gym.envs.info import component_names, metric_names, optional_metrics, vector_info
from cwm_gym.envs.modes import MODES
from cwm_gym.envs.observations import DICT_OBSERVATION, dict_observation
from cwm_gym.envs.options import ResetOptions
from cwm_gym.envs.reward import call_reward
from cwm_gym.spec.errors import ErrorCode, invalid

Observations = NDArray[np.float32] | dict[str, NDArray[Any]]
VectorStep = tuple[
    Observations, NDArray[np.float64], NDArray[np.bool_], NDArray[np.bool_], dict[str, Any]
]


class CloudVectorEnv(VectorEnv[Any, Any, Any]):
    """Base of the vector environments; :class:`CloudAutoscaleVectorEnv` documents the arguments."""

    metadata: dict[str, Any] = {
        "render_modes": ["rgb_array", "ansi"],
        "render_fps": 10,
        "autoreset_mode": AutoresetMode.NEXT_STEP,
    }

    def __init__(
        self,
        num_envs: int = 1,
        scenario: Any = None,
        simulation: Any = None,
        *,
        episode: Any = None,
        traffic: Any = None,
        faults: Any = None,
        action_mode: str = "discrete",
        observation_mode: str = "vector",
        reward: Any = None,
        randomize: Mapping[str, tuple[float, float]] | None = None,
        metric_delay_s: float = 0.0,
        action_cooldown_s: float = 0.0,
        autoscaler: str = "off",
        quantiles: str = "p95",
        split: str = "train",
        max_episode_steps: int | None = None,
        render_mode: str | None = None,
        autoreset_mode: AutoresetMode | str = AutoresetMode.NEXT_STEP,
        copy: bool = True,
        threads: int = 1,
    ) -> None:
        for name, value in (("num_envs", num_envs), ("threads", threads)):
            if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
                raise invalid(f"/{name}", f"{name} is {value!r}", "Give a whole number, 1 or more.")
        if render_mode is not None and render_mode not in self.metadata["render_modes"]:
            modes = ", ".join(self.metadata["render_modes"])
            raise invalid("/render_mode", f"Unknown render_mode {render_mode!r}", f"Use: {modes}.")
        self._config = configure(
            scenario=scenario,
            simulation=simulation,
            episode=episode,
            traffic=traffic,
            faults=faults,
            action_mode=action_mode,
            observation_mode=observation_mode,
            reward=reward,
            randomize=randomize,
            metric_delay_s=metric_delay_s,
            action_cooldown_s=action_cooldown_s,
            autoscaler=autoscaler,
            quantiles=quantiles,
            split=split,
            max_episode_steps=max_episode_steps,
        )
        self.num_envs = int(num_envs)
        self.autoreset_mode = _mode(autoreset_mode)
        self.metadata = {**type(self).metadata, "autoreset_mode": self.autoreset_mode}
        self.render_mode = render_mode
        self.copy = copy
        self.single_observation_space = spaces.observation_space(observation_mode)
        self._mode = MODES[action_mode]()
        self.single_action_space = self._mode.space
        self.observation_space = batch_space(self.single_observation_space, self.num_envs)
        self.action_space = batch_space(self.single_action_space, self.num_envs)
        self._batch = Batch(self._config.programs, self.num_envs, split, int(threads))
        optional = optional_metrics(self._batch.params)
        self._metric_names = metric_names(quantiles, optional)
        self._component_names = component_names(optional)
        self._records = spaces.blank_actions(self.num_envs)
        self._done = np.zeros(self.num_envs, np.bool_)
        self._started = False
        self._buffer = np.zeros((self.num_envs, len(OBSERVATION)), np.float32)
        self._dashboards = None if render_mode is None else Dashboards(self._batch)

    @property
    def programs(self) -> tuple[Any, ...]:
        """Compiled scenarios; environment i runs number i modulo their count."""
        return self._config.programs

    @property
    def worlds(self) -> NDArray[Any]:
        """The state itself: ``WORLD[num_envs]``, changed in place by every step."""
        return self._batch.worlds

    @property
    def batch(self) -> Batch:
        """The arrays and the kernel calls behind this environment."""
        return self._batch

    @property
    def observation_names(self) -> tuple[str, ...]:
        """Names of the observation's components, in order."""
        if self._config.observation_mode == "vector":
            return tuple(component.name for component in OBSERVATION)
        return DICT_OBSERVATION

    def reset(
        self,
        *,
        seed: int | Sequence[int | None] | None = None,
        options: dict[str, Any] | None = None,
    ) -> tuple[Observations, dict[str, Any]]:
        """Start episodes.

        Args:
            seed: Environment i is seeded ``seed + i``, or ``seed[i]``; without it the streams
                continue.
            options: See :class:`cwm_gym.envs.options.ResetOptions`; ``reset_mask`` names the
                environments to reset.

        Returns:
            Observations and info.

        Raises:
            SpecError: For unknown options or values, or seeds of the wrong number.
        """
        super().reset(seed=seed if isinstance(seed, int) else None)
        wanted = ResetOptions.read(options)
        chosen = np.ones(self.num_envs, np.bool_)
        if wanted.reset_mask is not None:
            chosen = wanted.reset_mask
            if chosen.shape != (self.num_envs,) or not chosen.any():
                raise invalid(
                    "/options/reset_mask",
                    f"The mask has shape {chosen.shape} and {int(chosen.sum())} true entries",
                    f"Give bool[{self.num_envs}] with at least one true entry.",
                )
        self._seed(seed, chosen)
        wanted.start(self._batch, chosen, reseeded=seed is not None)
        self._done[chosen] = False
        self._started = True
        if self._dashboards is not None:
            self._dashboards.clear(chosen)
        return self._observations(), self._info()

    def _seed(self, seed: int | Sequence[int | None] | None, chosen: NDArray[np.bool_]) -> None:
        if seed is None:
            self._batch.seed_from_entropy()
            return
        if isinstance(seed, int | np.integer):
            seed = [int(seed) + i for i in range(self.num_envs)]
        if not isinstance(seed, Sequence | np.ndarray):
            raise invalid("/seed", f"The seed is {seed!r}", "Give an integer or a list of them.")
        if len(seed) != self.num_envs:
            raise invalid(
                "/seed", f"{len(seed)} seeds for {self.num_envs} environments", "Give one each."
            )
        for i, one in enumerate(seed):
            if one is not None and not (isinstance(one, int | np.integer) and one >= 0):
                raise invalid(f"/seed/{i}", f"The seed is {one!r}", "Give an integer, 0 or more.")
        given = np.array([one is not None for one in seed])
        if not given.all():
            self._batch.seed_from_entropy()
        self._batch.seed([one or 0 for one in seed], chosen & given)

    def step(self, actions: Any) -> VectorStep:
        """Run one tick in every environment.

        Args:
            actions: Element of the (batched) action space.

        Returns:
            Observations, rewards, terminations, truncations, info.

        Raises:
            SpecError: INVALID_REQUEST for actions of the wrong shape or type.
            ResetNeeded: Before the first reset.
        """
        step: VectorStep = self.step_records(self._read(actions))
        return step

    def step_records(self, records: NDArray[Any]) -> Any:
        """Run one tick with actions in the kernel's own form.

        Args:
            records: ``ACTION[num_envs]``.

        Returns:
            As :meth:`step`.
        """
        skip_done = self.autoreset_mode != AutoresetMode.SAME_STEP
        return self.step_through(lambda batch, _: batch.step(records, skip_done))

    def step_through(self, tick: Callable[[Batch, NDArray[np.bool_]], None]) -> Any:
        """Run one tick by a function, such as an operator's policy that acts inside ticks.

        Args:
            tick: Called with the batch and bool[num_envs], the worlds whose episode runs; advances
                those by one tick and leaves the others alone.

        Returns:
            As :meth:`step`.
        """
        if not self._started:
            raise ResetNeeded("Call reset() before step().")
        batch, out = self._batch, self._batch.out
        was_done = self._done
        tick(batch, ~was_done)
        if self.autoreset_mode == AutoresetMode.NEXT_STEP and was_done.any():
            batch.reset(was_done)
        elif self.autoreset_mode == AutoresetMode.DISABLED:
            out["reward"][was_done] = 0.0
        return self._finish(was_done)

    def _finish(self, was_done: NDArray[np.bool_]) -> Any:
        out = self._batch.out
        terminated, truncated = out["terminated"].copy(), out["truncated"].copy()
        info = self._info()
        rewards = out["reward"].copy()
        if self._config.reward is not None:
            metrics = {k: v for k, v in info["metrics"].items() if not k.startswith("_")}
            rewards = call_reward(self._config.reward, metrics, self.num_envs)
            if self.autoreset_mode != AutoresetMode.SAME_STEP:
                rewards = np.where(was_done, 0.0, rewards)
        self._done = terminated | truncated
        if self._dashboards is not None:
            self._dashboards.push(rewards)
        if self.autoreset_mode == AutoresetMode.SAME_STEP and self._done.any():
            info = self._restart(info)
        return self._observations(), rewards, terminated, truncated, info

    def _restart(self, info: dict[str, Any]) -> dict[str, Any]:
        """SAME_STEP: keep the last observation and info, and begin the next episodes."""
        done = self._done
        final = self._observations(fresh=True)
        self._batch.reset(done)
        fresh = self._info()
        fresh["final_obs"] = np.full(self.num_envs, None, dtype=object)
        for i in np.flatnonzero(done).tolist():
            if isinstance(final, dict):
                fresh["final_obs"][i] = {name: column[i] for name, column in final.items()}
            else:
                fresh["final_obs"][i] = final[i]
        fresh["final_info"] = info
        fresh["_final_obs"] = done.copy()
        fresh["_final_info"] = done.copy()
        if self._dashboards is not None:
            self._dashboards.clear(done)
        self._done = np.zeros(self.num_envs, np.bool_)
        return fresh

    def _read(self, actions: Any) -> NDArray[Any]:
        return self._mode.records(actions, self._records)

    def _observations(self, fresh: bool = False) -> Observations:
        out = self._batch.out
        if self._config.observation_mode == "vector":
            if self.copy or fresh:
                # A copy for certain: of a batch of one, ascontiguousarray would return a view.
                return out["observation"].copy()
            np.copyto(self._buffer, out["observation"])
            return self._buffer
        return dict_observation(self._batch.params, self._batch.worlds, out["sample"])

    def _info(self) -> dict[str, Any]:
        info = vector_info(
            self._batch.out, self._metric_names, self._component_names, self._mode.mask_field
        )
        if len(self.programs) > 1:
            info["scenario"] = self._batch.worlds["scenario"].copy()
            info["_scenario"] = np.ones(self.num_envs, np.bool_)
        return info

    def action_masks(self) -> NDArray[np.bool_]:
        """Tell which actions are possible, in the form that sb3-contrib takes.

        Returns:
            bool[num_envs, actions]; of ``multi_discrete`` one entry a value: kinds, then targets,
            then magnitudes.

        Raises:
            SpecError: In continuous mode, which has no mask.
        """
        return self._mode.flat_masks(self._batch.out)

    def events(self, index: int) -> list[dict[str, Any]]:
        """Read the newest events of one environment.

        Args:
            index: Which.

        Returns:
            Up to ``MAX_EVENTS`` events, newest last.
        """
        return events_since(self._batch.worlds[index], 0, self._targets(index))

    def _targets(self, index: int) -> tuple[str, ...]:
        """Names of the tiers in the scenario that an environment runs."""
        targets: tuple[str, ...] = self.programs[int(self._batch.worlds["scenario"][index])].targets
        return targets

    def get_state(self, indices: Any = None) -> NDArray[Any]:
        """Copy the state of some environments.

        Args:
            indices: Which; all if None.

        Returns:
            Structured array, one record an environment; ``np.save`` keeps it.
        """
        return self._batch.get_state(self._indices(indices))

    def set_state(self, states: NDArray[Any], indices: Any = None) -> None:
        """Restore states, also those of a scalar environment with the same arguments.

        Args:
            states: From :meth:`get_state`.
            indices: Which environments to overwrite; all if None.

        Raises:
            SpecError: INVALID_REQUEST for states of another layout or of other arguments.
        """
        chosen = self._indices(indices)
        self._batch.set_state(states, chosen)
        self._done[chosen] = self._batch.worlds["done"][chosen] == 1
        self._started = True

    def _indices(self, indices: Any) -> NDArray[np.intp]:
        if indices is None:
            return np.arange(self.num_envs)
        chosen = np.atleast_1d(np.asarray(indices))
        return np.flatnonzero(chosen) if chosen.dtype == np.bool_ else chosen.astype(np.intp)

    def render(self) -> Any:
        """Draw the dashboards.

        Returns:
            One picture (uint8 (540, 960, 3)) or text an environment; None without a render mode.

        Raises:
            SpecError: INVALID_REQUEST when the environment was made without a render mode.
        """
        if self._dashboards is None:
            raise invalid(
                "/render_mode",
                "The environment was made without a render_mode",
                'Use gym.make_vec(id, render_mode="rgb_array").',
                ErrorCode.INVALID_REQUEST,
            )
        if self.render_mode == "ansi":
            return self._dashboards.ansi()
        return self._dashboards.rgb()

    def close_extras(self, **kwargs: Any) -> None:
        """Stop the threads."""
        # Gymnasium 1.2 closes an environment also when its constructor has failed.
        if hasattr(self, "_batch"):
            self._batch.close()


def _mode(mode: AutoresetMode | str) -> AutoresetMode:
    try:
        return AutoresetMode(mode)
    except ValueError:
        known = ", ".join(repr(m.value) for m in AutoresetMode)
        raise invalid(
            "/autoreset_mode", f"Unknown autoreset_mode {mode!r}", f"Use: {known}."
        ) from None
