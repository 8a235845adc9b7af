"""Sizing for demand and its trend."""

from __future__ import annotations

import numpy as np

from cwm_gym.policies.base import FleetPolicy, Floats, Integers, Signals, check_number


class Trend(FleetPolicy):
    """Sizes the fleet for the demand that its trend leads to by the time a launch is ready.

    Demand is what the load balancer counts, so that, unlike utilisation, it does not saturate.
    Level and trend follow it by Holt's linear smoothing; with demand d of the last period, dt
    since the one before and capacity c of an instance::

        level' = a d + (1 - a) (level + trend dt)
        trend' = b (level' - level) / dt + (1 - b) trend
        wanted = ceil((level' + trend' lead) / (target c))

    The fleet shrinks only to the largest size wanted in the last ``hold_s``.

    Args:
        target: Utilisation to size for, a fraction.
        level: The weight a of the newest demand, 0..1; 1 takes it as it is.
        trend: The weight b of the newest change, 0..1; 0 leaves the trend out.
        lead_s: How far ahead the trend is extended, s; the boot delay and one period if None.
        hold_s: How long a size is held on to before the fleet shrinks below it, s.
        period_s: Time between two decisions, s; also what demand is averaged over.
    """

    def __init__(
        self,
        target: float = 0.7,
        *,
        level: float = 0.3,
        trend: float = 0.1,
        lead_s: float | None = None,
        hold_s: float = 300.0,
        period_s: float = 60.0,
    ) -> None:
        self.target = check_number("target", target, 0.01, 1.0)
        self.level = check_number("level", level, 0.0, 1.0, open_low=True)
        self.trend = check_number("trend", trend, 0.0, 1.0)
        self.lead_s = None if lead_s is None else check_number("lead_s", lead_s, 0.0)
        self.hold_s = check_number("hold_s", hold_s, 0.0)
        self.period_s = check_number("period_s", period_s, 0.0, open_low=True)
        self.name = f"trend({self.target:g})"

    def begin(self, signals: Signals) -> None:
        """Start from the present demand without a trend; see :meth:`FleetPolicy.begin`."""
        self._at_s = signals.measured_at_s.copy()
        self._level: Floats = signals.demand_rps.copy()
        self._trend: Floats = np.zeros(len(signals))
        self._wanted: list[tuple[float, Integers]] = []

    def desired(self, signals: Signals) -> Integers:
        """Decide; see :meth:`FleetPolicy.desired`."""
        now_s = float(signals.time_s[0])
        self._follow(signals)
        lead = signals.boot_s + self.period_s if self.lead_s is None else self.lead_s
        expected = np.maximum(self._level + self._trend * lead, 0.0)
        size = np.ceil(expected / (self.target * signals.instance_rps)).astype(np.int64)
        self._wanted = [one for one in self._wanted if one[0] > now_s - self.hold_s]
        self._wanted.append((now_s, size))
        held = np.max([one for _, one in self._wanted], axis=0)
        return np.where(size > signals.desired, size, np.minimum(held, signals.desired))

    def _follow(self, signals: Signals) -> None:
        """Take in a measurement, where there is a new one."""
        passed = signals.measured_at_s - self._at_s
        new = passed > 0.0
        kept = (1.0 - self.level) * (self._level + self._trend * passed)
        level = np.where(new, self.level * signals.demand_rps + kept, self._level)
        slope = np.divide(level - self._level, passed, out=self._trend.copy(), where=new)
        self._trend = np.where(
            new, self.trend * slope + (1.0 - self.trend) * self._trend, self._trend
        )
        self._level = level
        self._at_s = signals.measured_at_s.copy()
