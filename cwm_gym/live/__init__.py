"""A simulation that runs on its own and is changed while it runs."""

from __future__ import annotations

from cwm_gym.live.simulation import LiveSimulation

__all__ = ["LiveSimulation"]
