"""The dashboard of one running service."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from cwm_gym.envs.rendering import text
from cwm_gym.envs.rendering.canvas import Canvas
from cwm_gym.envs.rendering.frame import Frame, History, Scene
from cwm_gym.envs.rendering.panels import Layout, background, foreground
from cwm_gym.spec.errors import ErrorCode, Problem, SpecError

_SMALLEST = (640, 360)


class Dashboard:
    """Shows the recent past of one service, as an image or as text.

    Args:
        title: Name of the scene, such as the environment's id.
        subtitle: A second, quieter line, such as the scenario.
        sla_latency_ms: Highest p95 latency allowed, in milliseconds.
        sla_error_rate: Highest fraction of failed requests allowed, 0 to 1.
        budget_usd_per_hour: Budget, in US dollars per hour.
        fleet_bounds: Fewest and most instances of the fleet.
        horizon_steps: Steps of an episode.
        size: Width and height of the image in pixels, at least 640 x 360; everything scales
            with it.
        history: How many of the last steps the charts show, at least 1.

    Raises:
        SpecError: An argument is outside its range.
    """

    def __init__(
        self,
        title: str,
        subtitle: str,
        sla_latency_ms: float,
        sla_error_rate: float,
        budget_usd_per_hour: float,
        fleet_bounds: tuple[int, int],
        horizon_steps: int,
        size: tuple[int, int] = (960, 540),
        history: int = 240,
    ) -> None:
        checks = (
            ("/sla_latency_ms", sla_latency_ms > 0, "must be positive"),
            ("/sla_error_rate", 0 <= sla_error_rate <= 1, "must be a fraction from 0 to 1"),
            ("/budget_usd_per_hour", budget_usd_per_hour >= 0, "must not be negative"),
            ("/fleet_bounds", 0 <= fleet_bounds[0] <= fleet_bounds[1], "must be (low, high)"),
            ("/horizon_steps", horizon_steps >= 1, "must be at least 1"),
            (
                "/size",
                size[0] >= _SMALLEST[0] and size[1] >= _SMALLEST[1],
                f"must be at least {_SMALLEST[0]} x {_SMALLEST[1]} pixels",
            ),
            ("/history", history >= 1, "must be at least 1"),
        )
        problems = [
            Problem(ErrorCode.INVALID_FIELD, pointer, f"{pointer[1:]} {rule}.")
            for pointer, good, rule in checks
            if not good
        ]
        if problems:
            raise SpecError(problems)
        self._scene = Scene(
            " ".join(title.split()),
            " ".join(subtitle.split()),
            sla_latency_ms,
            sla_error_rate,
            budget_usd_per_hour,
            fleet_bounds,
            horizon_steps,
        )
        self._size = size
        self._layout = Layout.of(size)
        self._history = History(history)
        self._template: Canvas | None = None

    def __getstate__(self) -> dict[str, Any]:
        """Everything but the cached background, which is cheap to draw again."""
        return {**self.__dict__, "_template": None}

    def clear(self) -> None:
        """Start a new episode: forget all frames."""
        self._history.clear()

    def push(self, frame: Frame) -> None:
        """Add the newest step.

        A frame that is not later than the newest one means that the environment was set back to
        an earlier state: what came at its time or after it is forgotten.

        Args:
            frame: The step.

        Raises:
            SpecError: A number of the frame is not finite.
        """
        self._history.push(frame)

    def rgb(self) -> npt.NDArray[np.uint8]:
        """Draw the dashboard.

        Returns:
            A new array of shape ``(height, width, 3)``.

        Raises:
            DependencyNotInstalled: Pillow is missing (extra ``render``).
        """
        if self._template is None:
            self._template = background(self._scene, self._layout, self._size)
        canvas = self._template.copy()
        foreground(canvas, self._scene, self._layout, self._history)
        return canvas.array()

    def ansi(self) -> str:
        """The dashboard as text.

        Returns:
            At most 12 lines of at most 80 columns, without colour codes or a trailing newline;
            ``!`` marks what breaks its limit.
        """
        return text.dashboard(self._history, self._scene)
