"""Signals made by hand."""

from __future__ import annotations

from typing import Any

import numpy as np

from cwm_gym.policies import Signals


def signals(time_s: float, desired: Any, utilisation: Any = np.nan, **other: Any) -> Signals:
    """One world or several; everything is ready unless told otherwise."""
    fleet = np.atleast_1d(np.asarray(desired, dtype=np.int64))
    size = len(fleet)

    def whole(name: str, default: Any) -> Any:
        return np.broadcast_to(np.asarray(other.get(name, default), np.int64), (size,)).copy()

    def real(name: str, default: Any) -> Any:
        return np.broadcast_to(np.asarray(other.get(name, default), np.float64), (size,)).copy()

    pending = whole("pending", 0)
    return Signals(
        time_s=real("time_s", time_s),
        ready=fleet - pending,
        pending=pending,
        desired=fleet,
        settled=whole("settled", fleet - pending),
        minimum=whole("minimum", 1),
        maximum=whole("maximum", 100),
        measured_at_s=real("measured_at_s", time_s),
        utilisation=real("utilisation", utilisation),
        demand_rps=real("demand_rps", 0.0),
        instance_rps=real("instance_rps", 100.0),
        boot_s=real("boot_s", 60.0),
    )
