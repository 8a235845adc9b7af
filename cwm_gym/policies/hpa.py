"""The Kubernetes HorizontalPodAutoscaler on CPU utilisation."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from cwm_gym.policies.base import FleetPolicy, Integers, Signals, bad_parameter, check_number
from cwm_gym.policies.hpa_rule import ScalingPolicy, allowed, replicas, stabilise

_TINY_S = 1e-6
PolicyLike = ScalingPolicy | Sequence[Any]
DEFAULT_UP = (ScalingPolicy("percent", 100.0, 15.0), ScalingPolicy("pods", 4.0, 15.0))
DEFAULT_DOWN = (ScalingPolicy("percent", 100.0, 15.0),)


class HPA(FleetPolicy):
    """Kubernetes' HPA with one resource metric, instances standing for pods.

    Every ``period_s`` it recommends ``ceil(pods * utilisation / target)``
    (:func:`cwm_gym.policies.hpa_rule.replicas`), shrinks only to the largest recommendation of
    the last 300 s and moves no further than its scaling policies allow. Defaults are those of
    Kubernetes.

    Launching instances are pods that are not ready, and so are those that became ready during the
    measurement: the controller waits for one whole window of the metric while a pod is younger
    than its CPU initialisation period. A pod that launched longer ago counts at once. The initial
    readiness delay of Kubernetes (30 s) concerns pods that lose readiness before they are old
    enough, which instances do not. What the HPA sees saturates at 100 %, as real CPU does.

    Args:
        target: CPU utilisation to hold, a fraction.
        period_s: Time between two decisions, s.
        tolerance: Deviation from the target that is ignored, a fraction.
        stabilise_down_s: Window of the largest recommendation, s.
        stabilise_up_s: Window of the smallest recommendation for growth, s.
        scale_up: :class:`ScalingPolicy` objects or (kind, value, period_s).
        scale_down: The same for shrinking.
        select_up: ``max``, ``min`` or ``disabled``.
        select_down: The same for shrinking.
        cpu_initialisation_s: Age up to which a pod needs a whole window of readiness, s.
    """

    def __init__(
        self,
        target: float = 0.7,
        *,
        period_s: float = 15.0,
        tolerance: float = 0.1,
        stabilise_down_s: float = 300.0,
        stabilise_up_s: float = 0.0,
        scale_up: Sequence[PolicyLike] = DEFAULT_UP,
        scale_down: Sequence[PolicyLike] = DEFAULT_DOWN,
        select_up: Literal["max", "min", "disabled"] = "max",
        select_down: Literal["max", "min", "disabled"] = "max",
        cpu_initialisation_s: float = 300.0,
    ) -> None:
        self.target = check_number("target", target, 0.01, 1.0)
        self.period_s = check_number("period_s", period_s, 0.0, open_low=True)
        self.tolerance = check_number("tolerance", tolerance, 0.0)
        # Kubernetes accepts windows of up to an hour.
        self.stabilise_down_s = check_number("stabilise_down_s", stabilise_down_s, 0.0, 3600.0)
        self.stabilise_up_s = check_number("stabilise_up_s", stabilise_up_s, 0.0, 3600.0)
        self.scale_up = _policies("scale_up", scale_up)
        self.scale_down = _policies("scale_down", scale_down)
        for name, value in (("select_up", select_up), ("select_down", select_down)):
            if value not in ("max", "min", "disabled"):
                raise bad_parameter(name, value, "'max', 'min' or 'disabled'")
        self.select_up, self.select_down = select_up, select_down
        self.cpu_initialisation_s = check_number("cpu_initialisation_s", cpu_initialisation_s, 0.0)
        self.name = f"hpa({self.target:g})"

    def begin(self, signals: Signals) -> None:
        """Start with the present fleet as the first recommendation, as the controller does."""
        now_s = float(signals.time_s[0])
        self._recommended: deque[tuple[float, Integers]] = deque([(now_s, signals.desired.copy())])
        self._changes: deque[tuple[float, Integers]] = deque()
        self._before = (now_s, signals.desired.copy())

    def desired(self, signals: Signals) -> Integers:
        """Decide; see :meth:`FleetPolicy.desired`."""
        now_s = float(signals.time_s[0])
        at_s, before = self._before
        self._changes.append((at_s, signals.desired - before))
        self._before = (now_s, signals.desired.copy())
        self._forget(now_s)
        known = np.isfinite(signals.utilisation)
        old = signals.boot_s >= self.cpu_initialisation_s
        counted = np.where(old, signals.ready, signals.settled)
        fresh = replicas(
            signals.desired,
            signals.utilisation / self.target,
            counted,
            unready=signals.desired - counted,
            tolerance=self.tolerance,
            resolution=0.01 / self.target,
        )
        wanted = stabilise(
            signals.desired,
            fresh,
            self._within(self._recommended, now_s, self.stabilise_up_s),
            self._within(self._recommended, now_s, self.stabilise_down_s),
        )
        self._recommended.append((now_s, fresh))
        up = self._limit(signals.desired, now_s, "up")
        down = self._limit(signals.desired, now_s, "down")
        wanted = np.clip(wanted, down, up)
        wanted = np.clip(wanted, signals.minimum, signals.maximum)
        # Without a metric the controller reports an error and leaves the fleet alone.
        return np.where(known, wanted, signals.desired)

    @staticmethod
    def _within(
        entries: deque[tuple[float, Integers]], now_s: float, window_s: float
    ) -> list[Integers]:
        return [entry for at_s, entry in entries if at_s > now_s - window_s + _TINY_S]

    def _limit(self, current: Integers, now_s: float, direction: Literal["up", "down"]) -> Integers:
        policies = self.scale_up if direction == "up" else self.scale_down
        recent = [self._within(self._changes, now_s, policy.period_s) for policy in policies]
        nothing = np.zeros_like(current)
        added = [sum((np.maximum(c, 0) for c in one), nothing) for one in recent]
        removed = [sum((np.maximum(-c, 0) for c in one), nothing) for one in recent]
        select = self.select_up if direction == "up" else self.select_down
        return allowed(current, policies, added, removed, direction, select)

    def _forget(self, now_s: float) -> None:
        kept_s = max(self.stabilise_down_s, self.stabilise_up_s)
        while self._recommended[0][0] <= now_s - kept_s - _TINY_S and len(self._recommended) > 1:
            self._recommended.popleft()
        periods = [policy.period_s for policy in (*self.scale_up, *self.scale_down)]
        while self._changes and self._changes[0][0] <= now_s - max(periods, default=0.0) - _TINY_S:
            self._changes.popleft()


def _policies(name: str, given: Sequence[PolicyLike]) -> tuple[ScalingPolicy, ...]:
    try:
        return tuple(
            one if isinstance(one, ScalingPolicy) else ScalingPolicy(*one) for one in given
        )
    except TypeError:
        raise bad_parameter(name, given, "a list of (kind, value, period_s)") from None
