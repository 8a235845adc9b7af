"""The scalar environment: a batch of one behind Gymnasium's ``Env``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.error import ResetNeeded
from numpy.typing import NDArray

from cwm_gym.core import kernel
from cwm_gym.core.actions import continuous_reach
from cwm_gym.core.records import DISCRETE_ACTIONS, OBSERVATION
from cwm_gym.envs import action_documents, spaces
from cwm_gym.envs.batch import Batch, workspace
from cwm_gym.envs.config import configure
from cwm_gym.envs.dashboard import frame_of, new_dashboard
from cwm_gym.envs.info import component_names, events_between, human_time, metric_names
from cwm_gym.envs.options import ResetOptions
from cwm_gym.envs.rendering import Dashboard, HumanWindow
from cwm_gym.envs.reward import call_reward
from cwm_gym.spec import Action
from cwm_gym.spec.errors import ErrorCode, invalid

Observation = NDArray[np.float32] | dict[str, NDArray[np.float32]]
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
        self.action_space = spaces.action_space(action_mode)
        self._batch = Batch(self._config.programs, 1, split)
        self._everyone = np.ones(1, np.bool_)
        self._started = False
        self._dashboard: Dashboard | None = None
        self._window: HumanWindow | None = None
        if render_mode is not None:
            self._dashboard = new_dashboard(self._config.programs[0])
        self._bind()

    _observation: NDArray[np.float32]
    _mask: NDArray[np.int8]

    def _bind(self) -> None:
        """Keep views into the batch, so that a step costs one call and a few copies."""
        batch, config = self._batch, self._config
        self._params, self._tables, self._worlds = batch.params, batch.tables, batch.worlds
        self._out = batch.out
        self._observation = self._out["observation"][0]
        self._reward = self._out["reward"]
        self._terminated, self._truncated = self._out["terminated"], self._out["truncated"]
        self._components = self._out["components"][0]
        self._cost, self._mask = self._out["cost"], self._out["mask"][0]
        self._time, self._n_events = self._out["time_s"], self._out["n_events"]
        self._ring = self._worlds["event"][0]
        self._seen_events = 0
        database = int(batch.params["database"]["present"][0]) == 1
        wanted = metric_names(config.quantiles, database)
        self._metric_names = tuple(name for name, _ in wanted)
        columns = [column for _, column in wanted]
        self._metrics = self._out["metrics"][0, : columns[-1] + 1]
        # Reading a leading slice is many times cheaper than picking columns.
        self._picked = None if columns == list(range(len(columns))) else columns
        self._component_names = component_names(database)
        table = spaces.discrete_table()
        self._table = [table[i : i + 1] for i in range(len(table))]
        self._record = spaces.blank_actions(1)
        self._discrete = config.action_mode == "discrete"
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
        return spaces.DICT_OBSERVATION

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
        if self._discrete:
            try:
                index = action.__index__()
            except (AttributeError, TypeError):
                index = -1
            if not 0 <= index < len(self._table) or isinstance(action, bool):
                wanted = f"an integer 0..{len(self._table) - 1}"
                raise spaces.bad_action(wanted, repr(action))
            return self._advance(self._table[index], index)
        pair = spaces.check_pair(action)
        return self._advance(spaces.continuous_actions(pair, self._record), action)

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
        return self._advance(
            action_documents.record_from_document(action, self.program.pools), action.type
        )

    def _advance(self, record: NDArray[Any], action: Any) -> Step:
        if not self._started:
            raise ResetNeeded("Call reset() before step().")
        kernel.step_batch(
            self._params, self._tables, self._worlds, record, workspace(), self._out, False
        )
        info = self._info()
        reward = self._reward.item()
        if self._config.reward is not None:
            metrics = {name: np.array([value]) for name, value in info["metrics"].items()}
            reward = float(call_reward(self._config.reward, metrics, 1)[0])
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
        pools = self._worlds["pool"][:, int(self._params["episode"]["primary"][0])]
        samples = self._worlds["sample"][:, int(self._out["sample"][0])]
        found = spaces.dict_observation(self._worlds, samples, pools)
        return {name: column[0] for name, column in found.items()}

    def _info(self) -> dict[str, Any]:
        time_s = self._time.item()
        events: list[dict[str, Any]] = []
        count = self._n_events.item()
        if count != self._seen_events:
            events = events_between(self._ring, self._seen_events, count)
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
        if self._discrete:
            info["action_mask"] = self._mask.copy()
        return info

    def action_masks(self) -> NDArray[np.bool_]:
        """Tell which discrete actions are possible, in the form that sb3-contrib takes.

        Returns:
            bool array with one entry an action.

        Raises:
            SpecError: In continuous mode, which has no mask.
        """
        if not self._discrete:
            raise invalid("/action_mode", "Continuous actions have no mask", "Use 'discrete'.")
        return self._mask.astype(np.bool_)

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
        action = Action.from_document(document)
        if self._discrete:
            return action_documents.discrete_from_document(action)
        return action_documents.continuous_from_document(action, *self._continuous_terms())

    def document_from_action(self, action: Any) -> Action:
        """Describe an action as a document; the inverse of :meth:`action_from_document`.

        Args:
            action: Element of the action space.

        Returns:
            The document.

        Raises:
            SpecError: INVALID_REQUEST for an action outside the space, or a continuous one that
                holds two changes.
        """
        if self._discrete:
            index = int(spaces.check_discrete(np.asarray([action]), 1)[0])
            return action_documents.document_from_discrete(index)
        pair = spaces.check_pair(action)[0]
        return action_documents.document_from_continuous(pair, *self._continuous_terms())

    def _continuous_terms(self) -> tuple[int, float]:
        pool = self._params[0]["pool"][int(self._params["episode"]["primary"][0])]
        reach = continuous_reach.py_func(int(pool["maximum"]), int(pool["minimum"]))
        return reach, float(self._worlds["autoscaler"]["out_cpu"][0])

    def _push_frame(self, action: Any, events: list[dict[str, Any]], reward: float) -> None:
        assert self._dashboard is not None
        label = action if isinstance(action, str) else ""
        if self._discrete and isinstance(action, int):
            kind, value = DISCRETE_ACTIONS[action]
            label = kind.replace("_", " ") + (f" {value}" if value else "")
        elif not label:
            label = ", ".join(f"{float(x):+.2f}" for x in action)
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
                 "_terminated", "_truncated", "_metrics", "_components", "_cost", "_mask",
                 "_time", "_n_events", "_ring", "_table", "_record")  # fmt: skip
        kept = {name: value for name, value in self.__dict__.items() if name not in views}
        return {**kept, "_window": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        seen = state.pop("_seen_events")
        self.__dict__.update(state)
        self._bind()
        self._seen_events = seen
