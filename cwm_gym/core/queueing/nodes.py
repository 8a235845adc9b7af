"""The instants at which a segment is looked at."""

from __future__ import annotations

from typing import Any

from cwm_gym.core.jit import jit
from cwm_gym.core.queueing.records import MAX_NODES

_SLICES = 3
_MAX_CUTS = MAX_NODES // _SLICES - 1


@jit
def add_cut(workspace: Any, time: float, span: float) -> None:
    """Insert a break point into the sorted list unless it is full or the point is outside."""
    if not (2e-3 * span < time < span * (1.0 - 2e-3)) or workspace.n_cuts >= _MAX_CUTS:
        return
    i = workspace.n_cuts
    while i > 0 and workspace.cuts[i - 1] > time:
        workspace.cuts[i] = workspace.cuts[i - 1]
        i -= 1
    workspace.cuts[i] = time
    workspace.n_cuts += 1


@jit
def place_nodes(workspace: Any, span: float) -> int:
    """Cut every interval between break points into equal slices, with a node in the middle.

    Args:
        workspace: ``WORKSPACE`` record; reads ``cuts``, fills ``node``.
        span: Length of the segment, s.

    Returns:
        Number of nodes.
    """
    low = 0.0
    n = 0
    for i in range(workspace.n_cuts + 1):
        high = workspace.cuts[i] if i < workspace.n_cuts else span
        width = (high - low) / _SLICES
        if high - low > 1e-3 * span:
            for j in range(_SLICES):
                node = workspace.node[n]
                node.time = low + (j + 0.5) * width
                node.share = width / span
                node.first = 1 if j == 0 else 0
                node.last = 1 if j == _SLICES - 1 else 0
                n += 1
            low = high
    return n
