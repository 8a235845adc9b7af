"""The decision rule of the Kubernetes HorizontalPodAutoscaler as plain functions over arrays.

Sources: kubernetes/website, ``content/en/docs/concepts/workloads/autoscaling/
horizontal-pod-autoscale.md`` (algorithm, stabilisation, scaling policies); kubernetes/kubernetes,
``pkg/controller/podautoscaler/replica_calculator.go`` (order of the steps, CPU in whole percent)
and ``config/v1alpha1/defaults.go`` (defaults).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cwm_gym.policies.base import Floats, Integers, bad_parameter, check_number

_ROUNDING = 1e-9  # relative; 0.1 * 30 is 3.0000000000000004, which is not more than 3
_LONGEST_PERIOD_S = 1800.0


@dataclass(frozen=True)
class ScalingPolicy:
    """How far the fleet may move in a time.

    Attributes:
        kind: ``pods`` or ``percent`` of the fleet at the start of the period.
        value: Pods or percent, > 0.
        period_s: The time, s, at most 1800.
    """

    kind: Literal["pods", "percent"]
    value: float
    period_s: float

    def __post_init__(self) -> None:
        if self.kind not in ("pods", "percent"):
            raise bad_parameter("kind", self.kind, "'pods' or 'percent'")
        check_number("value", self.value, 0.0, open_low=True)
        check_number("period_s", self.period_s, 0.0, _LONGEST_PERIOD_S, open_low=True)


def _ceil(values: Any) -> Integers:
    return np.ceil(np.asarray(values) * (1.0 - _ROUNDING)).astype(np.int64)


def _floor(values: Floats, step: float) -> Floats:
    if step == 0.0:
        return values
    return np.floor(values / step * (1.0 + _ROUNDING)) * step


def replicas(
    current: ArrayLike,
    ratio: ArrayLike,
    ready: ArrayLike,
    unready: ArrayLike = 0,
    missing: ArrayLike = 0,
    tolerance: float = 0.1,
    resolution: float = 0.0,
) -> Integers:
    """Recommend a number of pods for one metric.

    ``ceil(ready * ratio)``, unless the ratio is within the tolerance of 1. Pods that are not ready
    count as idle when the recommendation is to grow; pods without a metric count as idle when it
    is to grow and as exactly on target when it is to shrink. If the ratio over all those pods is
    within the tolerance or points the other way, or the count does, the fleet stays as it is.

    Args:
        current: Pods now.
        ratio: Mean metric of the ready pods over its target; NaN where no pod has one.
        ready: Pods whose metric counts.
        unready: Pods that are not ready, or not long enough for a metric.
        missing: Ready pods that have no metric.
        tolerance: Deviation of the ratio from 1 that is ignored.
        resolution: Ratios are rounded down to multiples of it. The controller reads CPU in whole
            percent, so that the ratio is a multiple of 1 / (target in percent); 0 = exact.

    Returns:
        Recommended pods, int64; ``current`` where there is no metric.
    """
    now, usage, counted, idle, lost = (
        np.asarray(x, dtype=np.float64)
        for x in np.broadcast_arrays(current, ratio, ready, unready, missing)
    )
    known = np.isfinite(usage) & (counted > 0.0)
    usage = np.where(known, usage, 1.0)
    seen = _floor(usage, resolution)
    grows, shrinks = seen > 1.0, seen < 1.0
    recount = (grows & (idle + lost > 0.0)) | (shrinks & (lost > 0.0))
    pods = counted + np.where(recount, lost + np.where(grows, idle, 0.0), 0.0)
    load = usage * counted + np.where(recount & shrinks, lost, 0.0)
    renewed = np.where(recount, _floor(load / np.maximum(pods, 1.0), resolution), seen)
    wanted = _ceil(renewed * pods)
    flipped = (grows & (renewed < 1.0)) | (shrinks & (renewed > 1.0))
    flipped |= recount & ((renewed < 1.0) & (wanted > now) | (renewed > 1.0) & (wanted < now))
    near = np.abs(renewed - 1.0) <= tolerance * (1.0 + _ROUNDING)
    return np.where(known & ~near & ~flipped, wanted, now).astype(np.int64)


def stabilise(
    current: ArrayLike,
    recommended: ArrayLike,
    recent_up: Sequence[ArrayLike] = (),
    recent_down: Sequence[ArrayLike] = (),
) -> Integers:
    """Hold back from what earlier recommendations contradict.

    Args:
        current: Pods now.
        recommended: The newest recommendation.
        recent_up: Earlier ones inside the scale-up window: growth goes to the smallest of all.
        recent_down: Earlier ones inside the scale-down window: shrinking goes to the largest.

    Returns:
        Pods, int64.
    """
    up = down = np.asarray(recommended, dtype=np.int64)
    for earlier in recent_up:
        up = np.minimum(up, np.asarray(earlier, dtype=np.int64))
    for earlier in recent_down:
        down = np.maximum(down, np.asarray(earlier, dtype=np.int64))
    return np.minimum(np.maximum(np.asarray(current, dtype=np.int64), up), down)


def allowed(
    current: ArrayLike,
    policies: Sequence[ScalingPolicy],
    added: Sequence[ArrayLike],
    removed: Sequence[ArrayLike],
    direction: Literal["up", "down"],
    select: Literal["max", "min", "disabled"] = "max",
) -> Integers:
    """Tell how far the fleet may move now.

    Every policy limits the change since the start of its period; percentages of a fleet round the
    allowed change up, so that a small fleet can move at all.

    Args:
        current: Pods now.
        policies: Limits of this direction.
        added: Pods added within the period of each policy.
        removed: Pods removed within the period of each policy.
        direction: Growing or shrinking.
        select: The policy that allows the most (``max``), the least, or no change at all.

    Returns:
        Largest fleet to grow to, or smallest to shrink to; never on the other side of ``current``.
    """
    now: NDArray[np.int64] = np.asarray(current, dtype=np.int64)
    if select == "disabled":
        return now
    sign = 1 if direction == "up" else -1
    reach: Integers | None = None
    for policy, plus, minus in zip(policies, added, removed, strict=True):
        start = now - np.asarray(plus, dtype=np.int64) + np.asarray(minus, dtype=np.int64)
        change: Any = policy.value if policy.kind == "pods" else start * policy.value / 100.0
        change = sign * (start - now) + _ceil(change)
        pick = np.maximum if select == "max" else np.minimum
        reach = change if reach is None else pick(reach, change)
    furthest: Integers = now + sign * np.maximum(0 if reach is None else reach, 0)
    return furthest
