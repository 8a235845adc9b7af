"""Entry points for what a person does to running worlds between two steps."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from cwm_gym.core.effects import add_up
from cwm_gym.core.faults import end_fault, run_faults, schedule
from cwm_gym.core.jit import entry_point

Records = NDArray[Any]


@entry_point
def run_faults_batch(params: Records, worlds: Records) -> None:
    """Carry out what is due about the faults of every world, and find out what comes next.

    Args:
        params: ``PARAMS[P]``.
        worlds: ``WORLD[N]`` inside an open tick, so that what is lost is counted in it.
    """
    for i in range(worlds.shape[0]):
        run_faults(params[worlds[i].row], worlds[i])


@entry_point
def end_fault_batch(params: Records, worlds: Records, slots: NDArray[np.int64]) -> None:
    """End one fault of every world, whether it acts or is to come; its slot becomes free.

    Args:
        params: ``PARAMS[P]``.
        worlds: ``WORLD[N]``.
        slots: int64[N], slots of the faults.
    """
    for i in range(worlds.shape[0]):
        p = params[worlds[i].row]
        end_fault(p, worlds[i], slots[i])
        add_up(p, worlds[i])
        schedule(p, worlds[i])
