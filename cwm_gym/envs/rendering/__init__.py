"""Pictures of a running service: an image, a text block, a window. Fed with plain numbers.

Nothing here knows the simulation: an environment describes each step by a :class:`Frame`, and a
:class:`Dashboard` turns the recent frames into an RGB array or into text.
"""

from __future__ import annotations

from cwm_gym.envs.rendering.dashboard import Dashboard
from cwm_gym.envs.rendering.frame import Frame
from cwm_gym.envs.rendering.window import HumanWindow

__all__ = ["Dashboard", "Frame", "HumanWindow"]
