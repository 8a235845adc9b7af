"""A window that shows RGB frames."""

from __future__ import annotations

import importlib
import os
from typing import Any

import numpy as np
import numpy.typing as npt
from gymnasium.error import DependencyNotInstalled


class HumanWindow:
    """A window opened on the first frame; pygame is imported then.

    With ``SDL_VIDEODRIVER=dummy`` it works without a display.

    Args:
        title: Caption of the window.
        fps: Most frames a second that :meth:`show` lets through; ``None`` does not wait.
    """

    def __init__(self, title: str = "cwm_gym", fps: int | None = None) -> None:
        self._title = title
        self._fps = fps
        self._pygame: Any = None
        self._screen: Any = None
        self._dismissed = False
        self._clock: Any = None

    @property
    def is_open(self) -> bool:
        """Whether a window is on the screen."""
        return self._screen is not None

    def show(self, rgb: npt.NDArray[np.uint8]) -> None:
        """Show a frame, opening the window if need be.

        Once the window was closed by hand, frames are dropped until :meth:`close` is called.

        Args:
            rgb: Picture of shape ``(height, width, 3)``.

        Raises:
            DependencyNotInstalled: pygame is missing (extra ``human``).
        """
        if self._dismissed:
            return
        height, width, _ = rgb.shape
        if self._screen is None or self._screen.get_size() != (width, height):
            self._open((width, height))
        picture = self._pygame.image.frombuffer(np.ascontiguousarray(rgb), (width, height), "RGB")
        self._screen.blit(picture, (0, 0))
        self._pygame.display.flip()
        if any(event.type == self._pygame.QUIT for event in self._pygame.event.get()):
            self.close()
            self._dismissed = True
        elif self._fps is not None:
            self._clock.tick(self._fps)

    def close(self) -> None:
        """Close the window; harmless when none is open."""
        self._dismissed = False
        if self._screen is not None:
            self._pygame.display.quit()
            self._screen = None

    def _open(self, size: tuple[int, int]) -> None:
        os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")  # no banner on standard output
        try:
            self._pygame = importlib.import_module("pygame")
        except ImportError as error:
            raise DependencyNotInstalled(
                'pygame is not installed; run `pip install "cwm-gym[human]"`'
            ) from error
        self._pygame.display.init()
        self._pygame.display.set_caption(self._title)
        self._screen = self._pygame.display.set_mode(size)
        self._clock = self._pygame.time.Clock()
