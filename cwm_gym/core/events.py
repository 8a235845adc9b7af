"""Events: a bounded ring in the record, newest last."""

from __future__ import annotations

from typing import Any

from cwm_gym.core.jit import jit
from cwm_gym.core.records.world import MAX_EVENTS

EVENT_KINDS = (
    "scale_out",
    "scale_in",
    "autoscale_out",
    "autoscale_in",
    "instances_ready",
    "threshold_changed",
    "action_ignored",
    "sla_violated",
    "sla_restored",
    "connections_exhausted",
    "outage",
)
(
    SCALE_OUT,
    SCALE_IN,
    AUTOSCALE_OUT,
    AUTOSCALE_IN,
    INSTANCES_READY,
    THRESHOLD_CHANGED,
    ACTION_IGNORED,
    SLA_VIOLATED,
    SLA_RESTORED,
    CONNECTIONS_EXHAUSTED,
    OUTAGE,
) = range(len(EVENT_KINDS))


WHOLE_SERVICE = -1


@jit
def record(w: Any, kind: int, pool: int, value: float) -> None:
    """Write an event over the oldest one.

    Args:
        w: ``WORLD`` record.
        kind: Index into ``EVENT_KINDS``.
        pool: Pool concerned, or ``WHOLE_SERVICE``.
        value: Instances, a threshold, or a measured figure, by kind.
    """
    event = w.event[w.n_events % MAX_EVENTS]
    event.at_s = w.time_s
    event.kind = kind
    event.pool = pool
    event.value = value
    w.n_events += 1
