"""What one step looks like from outside, and the recent past of it."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cwm_gym.spec.errors import ErrorCode, Problem, SpecError

Column = npt.NDArray[np.float64]

EVENTS_KEPT = 32


@dataclass(frozen=True)
class Frame:
    """The state of a service at the end of one step.

    Attributes:
        sim_time_s: Simulated time since the start of the episode, in seconds.
        demand_rps: Arriving requests per second.
        capacity_rps: Requests per second that the ready fleet can serve.
        served_rps: Requests per second that were answered.
        latency_p95_ms: 95th percentile of the end-to-end latency, in milliseconds.
        error_rate: Fraction of requests that failed, 0 to 1.
        utilisation: Busy fraction of the fleet, 0 to 1.
        cost_usd_per_hour: Current run rate, in US dollars per hour.
        ready: Instances that serve traffic.
        pending: Instances that boot or warm up.
        connection_pressure: Active database connections over their maximum (above 1 when
            overcommitted), or ``None`` where the service has no database.
        reward: Reward of this step.
        action: Short label of the action taken.
        events: What happened during the step, one short line each.
    """

    sim_time_s: float
    demand_rps: float
    capacity_rps: float
    served_rps: float
    latency_p95_ms: float
    error_rate: float
    utilisation: float
    cost_usd_per_hour: float
    ready: int
    pending: int
    connection_pressure: float | None
    reward: float
    action: str
    events: tuple[str, ...] = ()


@dataclass(frozen=True)
class Scene:
    """What stays the same from step to step.

    Attributes:
        title: Name of the scene, such as the environment's id.
        subtitle: A second, quieter line, such as the scenario; may be empty.
        sla_latency_ms: Highest p95 latency allowed, in milliseconds.
        sla_error_rate: Highest fraction of failed requests allowed, 0 to 1.
        budget_usd_per_hour: Budget, in US dollars per hour.
        fleet_bounds: Fewest and most instances of the fleet.
        horizon_steps: Steps of an episode.
    """

    title: str
    subtitle: str
    sla_latency_ms: float
    sla_error_rate: float
    budget_usd_per_hour: float
    fleet_bounds: tuple[int, int]
    horizon_steps: int


@dataclass(frozen=True)
class Series:
    """Columns over time, all of the same length.

    The fields carry the units of :class:`Frame`; ``lost`` is the demand that was not served.
    """

    time: Column
    demand: Column
    capacity: Column
    lost: Column
    latency: Column
    errors: Column
    utilisation: Column
    cost: Column
    ready: Column
    pending: Column

    def __len__(self) -> int:
        return len(self.time)


# How a bin of several frames is summed up: by its worst frame, so that a violation of a single
# step stays visible however long the history is.
_WORST: tuple[np.ufunc, ...] = (
    np.maximum,  # time: the end of the bin
    np.maximum,  # demand
    np.minimum,  # capacity
    np.maximum,  # lost
    np.maximum,  # latency
    np.maximum,  # errors
    np.maximum,  # utilisation
    np.maximum,  # cost
    np.minimum,  # ready
    np.maximum,  # pending
)
_TOTAL = len(_WORST)  # the column behind the series: sum of rewards up to the frame


class History:
    """The last frames, as columns.

    Args:
        limit: How many frames to keep, at least 1.

    Attributes:
        steps: Frames seen since the last ``clear``, those no longer kept included.
        latest: The newest frame, ``None`` when there is none.
        events: ``(sim_time_s, text)`` of the last events, oldest first.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        # Twice the room needed: rows are appended, and moved to the front only when it is full.
        self._rows = np.empty((2 * limit, _TOTAL + 1))
        self.clear()

    def clear(self) -> None:
        """Forget everything."""
        self._start = self._end = 0
        self.steps = 0
        self.latest: Frame | None = None
        self.events: deque[tuple[float, str]] = deque(maxlen=EVENTS_KEPT)

    def __len__(self) -> int:
        return self._end - self._start

    def push(self, frame: Frame) -> None:
        """Append a frame.

        A frame that is not later than the newest one means that the environment was set back to
        an earlier state: what came at its time or after it is forgotten.

        Args:
            frame: The newest step.

        Raises:
            SpecError: A number of the frame is not finite.
        """
        _check_finite(frame)
        self._rewind(frame.sim_time_s)
        if self._end == len(self._rows):
            kept = self._rows[self._end - self.limit + 1 : self._end].copy()
            self._start, self._end = 0, len(kept)
            self._rows[: self._end] = kept
        self._rows[self._end] = (
            frame.sim_time_s,
            frame.demand_rps,
            frame.capacity_rps,
            max(frame.demand_rps - frame.served_rps, 0.0),
            frame.latency_p95_ms,
            frame.error_rate,
            frame.utilisation,
            frame.cost_usd_per_hour,
            frame.ready,
            frame.pending,
            self.total_reward + frame.reward,
        )
        self._end += 1
        self._start = max(self._start, self._end - self.limit)
        self.steps += 1
        self.latest = frame
        self.events.extend((frame.sim_time_s, _one_line(text)) for text in frame.events)

    def _rewind(self, time: float) -> None:
        kept = int(np.searchsorted(self._rows[self._start : self._end, 0], time))
        self.steps -= len(self) - kept
        self._end = self._start + kept
        while self.events and self.events[-1][0] >= time:
            self.events.pop()

    @property
    def tick_s(self) -> float:
        """Mean time between the kept frames in seconds; a minute while there is only one."""
        times = self._rows[self._start : self._end, 0]
        return float(times[-1] - times[0]) / (len(times) - 1) if len(times) > 1 else 60.0

    @property
    def since_s(self) -> float:
        """When the first kept step began, in seconds of simulated time."""
        return float(self._rows[self._start, 0]) - self.tick_s

    @property
    def total_reward(self) -> float:
        """Sum of the rewards since the last ``clear``."""
        return float(self._rows[self._end - 1, _TOTAL]) if len(self) else 0.0

    def series(self, points: int) -> Series:
        """The kept frames, binned when there are too many of them.

        Bins hold a fixed number of consecutive steps counted from the start of the episode, so
        that a scrolling picture does not flicker; each shows the worst of its frames.

        Args:
            points: How many points to return at most, about.

        Returns:
            Columns of at most ``points + 1`` values, oldest first.
        """
        rows = self._rows[self._start : self._end, :_TOTAL]
        per_bin = -(-len(rows) // points)
        if per_bin <= 1:
            return Series(*rows.T)
        first = self.steps - len(rows)
        starts = np.arange(-(first % per_bin), len(rows), per_bin).clip(min=0)
        return Series(*(ufunc.reduceat(rows[:, i], starts) for i, ufunc in enumerate(_WORST)))


def _check_finite(frame: Frame) -> None:
    problems = [
        Problem(
            ErrorCode.INVALID_FIELD,
            f"/{name}",
            f"{value} cannot be drawn.",
            "Give a finite number.",
        )
        for name, value in vars(frame).items()
        if isinstance(value, (float, np.floating)) and not math.isfinite(value)
    ]
    if problems:
        raise SpecError(problems)


def _one_line(text: str) -> str:
    return " ".join(text.split())
