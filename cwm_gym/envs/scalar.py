"""The scalar environment: a batch of one behind Gymnasium's ``Env``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.error import ResetNeeded
from numpy.typing import NDArray

from cwm_gym.core import kernel
from cwm_gym.core.records import OBSERVATION
from cwm_gym.envs import action_documents, spaces
from cwm_gym.envs.batch import Batch, workspace
from cwm_gym.envs.config import configure
from cwm_gym.envs.dashboard import frame_of, new_dashboard
from cwm_gym.envs.events import events_between
from cwm_gym.envs.info import component_names, human_time, metric_names, optional_metrics
from cwm_gym.envs.modes import MODES
from cwm_gym.envs.observation_documents import observation_document
from cwm_gym.envs.observations import DICT_OBSERVATION, dict_observation
from cwm_gym.envs.options import ResetOptions
from cwm_gym.envs.rendering import Dashboard, HumanWindow
from cwm_gym.envs.reward import call_reward
from cwm_gym.spec import Action
from cwm_gym.spec.errors import ErrorCode, invalid

Observation = NDArray[np.float32] | dict[str, NDArray[Any]]
Step = tuple[Observation, float, bool, bool, dict[str, Any]]


class CloudEnv(gym.Env[Any, Any]):
    """Base of the scalar environments; :class:`CloudAutoscaleEnv` documents the arguments."""

    metadata: dict[str, Any] = {
        "render_modes": ["rgb_array", "human", "ansi"],
        "render_fps": 10,
    }

    def __init__(
        self,
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
    ) -> None:
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
        if len(self._config.programs) != 1:
            raise invalid(
                "/scenario",
                "A scalar environment runs one scenario",
                "Use gym.make_vec for a list of scenarios.",
                ErrorCode.INVALID_REQUEST,
            )
        if render_mode is not None and render_mode not in self.metadata["render_modes"]:
            modes = ", ".join(self.metadata["render_modes"])
            raise invalid("/render_mode", f"Unknown render_mode {render_mode!r}", f"Use: {modes}.")
        self.render_mode = render_mode
        self.observation_space = spaces.observation_space(observation_mode)
        self._mode = MODES[action_mode]()
        self.action_space = self._mode.space
        self._batch = Batch(self._config.programs, 1, split)
        self._everyone = np.ones(1, np.bool_)
        self._started = False
        self._dashboard: Dashboard | None = None
        self._window: HumanWindow | None = None
        if render_mode is not None:
            self._dashboard = new_dashboard(self._config.programs[0])
        self._bind()

    _observation: NDArray[np.float32]
    _new_mask: Callable[[], Any] | None

    def _bind(self) -> None:
        """Keep views into the batch, so that a step costs one call and a few copies."""
        batch, config = self._batch, self._config
        self._params, self._tables, self._worlds = batch.params, batch.tables, batch.worlds
        self._out = batch.out
        self._observation = self._out["observation"][0]
        self._reward = self._out["reward"]
        self._terminated, self._truncated = self._out["terminated"], self._out["truncated"]
        self._components = self._out["components"][0]
        self._cost = self._out["cost"]
        self._time, self._n_events = self._out["time_s"], self._out["n_events"]
        self._ring = self._worlds["event"][0]
        self._seen_events = 0
        optional = optional_metrics(batch.params)
        wanted = metric_names(config.quantiles, optional)
        self._metric_names = tuple(name for name, _ in wanted)
        columns = [column for _, column in wanted]
        self._metrics = self._out["metrics"][0, : columns[-1] + 1]
        # Reading a leading slice is many times cheaper than picking columns.
        self._picked = None if columns == list(range(len(columns))) else columns
        self._component_names = component_names(optional)
        self._read, self._new_mask = self._mode.record, None
        if self._mode.mask_field:
            self._new_mask = self._mode.mask_reader(self._out[self._mode.mask_field][0])
        self._targets, self._reward_function = self.program.targets, config.reward
        self._vector = config.observation_mode == "vector"

    @property
    def program(self) -> Any:
        """The compiled scenario (:class:`cwm_gym.compiler.Program`)."""
        return self._config.programs[0]

    @property
    def observation_names(self) -> tuple[str, ...]:
        """Names of the observation's components, in order."""
        if self._vector:
            return tuple(component.name for component in OBSERVATION)
        return DICT_OBSERVATION

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Start an episode.

        Args:
            seed: Starts the random streams; without it they continue.
            options: See :class:`cwm_gym.envs.options.ResetOptions`.

        Returns:
            Observation and info.

        Raises:
            SpecError: For unknown options or values.
        """
        super().reset(seed=seed)
        wanted = ResetOptions.read(options)
        if seed is not None:
            self._batch.seed([seed], self._everyone)
        else:
            self._batch.seed_from_entropy()
        wanted.start(self._batch, self._everyone, reseeded=seed is not None)
        self._started = True
        self._seen_events = int(self._n_events[0])
        if self._dashboard is not None:
            self._dashboard.clear()
        return self._observe(), self._info()

    def step(self, action: Any) -> Step:
        """Run one tick.

        Args:
            action: Element of the action space.

        Returns:
            Observation, reward, terminated, truncated, info.

        Raises:
            SpecError: INVALID_REQUEST for an action of the wrong shape or type.
            ResetNeeded: Before the first reset.
        """
        return self._advance(self._read(action), action)

    def step_document(self, document: Action | Mapping[str, Any]) -> Step:
        """Run one tick with any Action document.

        Args:
            document: The action, with an optional ``tick_seconds`` for this step alone.

        Returns:
            As :meth:`step`.

        Raises:
            SpecError: If the document is wrong or cannot be carried out.
        """
        action = Action.from_document(document)
        record = action_documents.record_from_document(action, self.program, self._worlds[0])
        return self._advance(record, action.type)

    def _advance(self, record: NDArray[Any], action: Any) -> Step:
        if not self._started:
            raise ResetNeeded("Call reset() before step().")
        kernel.step_batch(
            self._params, self._tables, self._worlds, record, workspace(), self._out, False
        )
        info = self._info()
        reward = self._reward.item()
        if self._reward_function is not None:
            metrics = {name: np.array([value]) for name, value in info["metrics"].items()}
            reward = float(call_reward(self._reward_function, metrics, 1)[0])
        if self._dashboard is not None:
            self._push_frame(action, info["events"], reward)
        return (
            self._observation.copy() if self._vector else self._observe(),
            reward,
            self._terminated.item(),
            self._truncated.item(),
            info,
        )

    def _observe(self) -> Observation:
        if self._vector:
            return self._observation.copy()
        found = dict_observation(self._params, self._worlds, self._out["sample"])
        return {name: column[0] for name, column in found.items()}

    def observation_document(self) -> dict[str, Any]:
        """Write what the agent sees as the specification's ``Observation``.

        Returns:
            JSON types: ``metrics`` (percent, ms), ``resources`` with their status, instances and
            recovery policy in effect, ``autoscalingConfig``, ``scalingHistory``, ``recentEvents``,
            ``traffic`` (rps), ``currentTime`` and ``sim_time_seconds`` (s), ``tick_seconds``.

        Raises:
            ResetNeeded: Before the first reset.
        """
        if not self._started:
            raise ResetNeeded("Call reset() before observation_document().")
        return observation_document(
            self.program, self._params[0], self._worlds[0], int(self._out["sample"][0])
        )

    def _info(self) -> dict[str, Any]:
        time_s = self._time.item()
        events: list[dict[str, Any]] = []
        count = self._n_events.item()
        if count != self._seen_events:
            events = events_between(self._ring, self._seen_events, count, self._targets)
            self._seen_events = count
        metrics = self._metrics if self._picked is None else self._metrics[self._picked]
        # zip's keyword would cost a tenth of this whole method; the lengths are fixed in _bind.
        info = {
            "metrics": dict(zip(self._metric_names, metrics.tolist())),  # noqa: B905
            "reward_components": dict(zip(self._component_names, self._components.tolist())),  # noqa: B905
            "cost": self._cost.item(),
            "events": events,
            "sim_time_seconds": time_s,
            "sim_time_human": human_time(time_s),
        }
        if self._new_mask is not None:
            info["action_mask"] = self._new_mask()
        return info

    def action_masks(self) -> NDArray[np.bool_]:
        """Tell which actions are possible, in the form that sb3-contrib takes.

        Returns:
            bool array with one entry an action; of ``multi_discrete`` one entry a value: kinds,
            then targets, then magnitudes.

        Raises:
            SpecError: In continuous mode, which has no mask.
        """
        return self._mode.flat_masks(self._out[0])

    def get_state(self) -> NDArray[Any]:
        """Copy the whole state.

        Returns:
            0-dimensional structured array; ``np.save`` keeps it.
        """
        return self._worlds.copy().reshape(())

    def set_state(self, state: NDArray[Any]) -> None:
        """Restore a state; what follows is bit-identical to what followed then.

        Args:
            state: From :meth:`get_state` of an environment with the same arguments.

        Raises:
            SpecError: INVALID_REQUEST for a state of another layout or of other arguments.
        """
        self._batch.set_state(np.asarray(state).reshape(-1), np.zeros(1, np.intp))
        self._started = True
        self._seen_events = int(self._n_events[0])

    def action_from_document(self, document: Action | Mapping[str, Any]) -> Any:
        """Find the action that an Action document describes.

        Args:
            document: The document.

        Returns:
            Element of the action space.

        Raises:
            SpecError: INVALID_REQUEST where the action mode cannot express the document.
        """
        wanted = Action.from_document(document)
        return self._mode.from_document(wanted, self.program, self._params[0], self._worlds[0])

    def document_from_action(self, action: Any) -> Action:
        """Describe an action as a document; the inverse of :meth:`action_from_document`.

        Args:
            action: Element of the action space.

        Returns:
            The document.

        Raises:
            SpecError: INVALID_REQUEST for an action outside the space, for a continuous one that
                holds two changes, and for one on a target that the scenario has not.
        """
        return self._mode.to_document(action, self.program, self._params[0], self._worlds[0])

    def _push_frame(self, action: Any, events: list[dict[str, Any]], reward: float) -> None:
        assert self._dashboard is not None
        label = action if isinstance(action, str) else self._mode.label(action)
        frame = frame_of(self._params[0], self._worlds[0], label, events, reward)
        self._dashboard.push(frame)
        if self.render_mode == "human":
            self.render()

    def render(self) -> Any:
        """Draw the dashboard.

        Returns:
            uint8 (540, 960, 3) for ``rgb_array``, text for ``ansi``, None for ``human`` (which
            shows a window) and without a render mode.
        """
        if self._dashboard is None:
            gym.logger.warn(
                "render() was called without a render_mode; use gym.make(id, "
                'render_mode="rgb_array").'
            )
            return None
        if self.render_mode == "ansi":
            return self._dashboard.ansi()
        frame = self._dashboard.rgb()
        if self.render_mode == "rgb_array":
            return frame
        if self._window is None:
            self._window = HumanWindow(fps=self.metadata["render_fps"])
        self._window.show(frame)
        return None

    def close(self) -> None:
        """Close the window, if there is one."""
        if self._window is not None:
            self._window.close()
            self._window = None

    def __getstate__(self) -> dict[str, Any]:
        views = ("_params", "_tables", "_worlds", "_out", "_observation", "_reward",
                 "_terminated", "_truncated", "_metrics", "_components", "_cost",
                 "_time", "_n_events", "_ring", "_read", "_new_mask")  # fmt: skip
        kept = {name: value for name, value in self.__dict__.items() if name not in views}
        return {**kept, "_window": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        seen = state.pop("_seen_events")
        self.__dict__.update(state)
        self._bind()
        self._seen_events = seen
