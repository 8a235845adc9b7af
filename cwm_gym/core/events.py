"""Events: a bounded ring in the record, newest last.

Every event has a time, a tier (or the whole service) and up to three numbers, whose meaning the
kind decides.
"""

from __future__ import annotations

from typing import Any

from cwm_gym.core.jit import jit
from cwm_gym.core.records.world import MAX_EVENTS

# Kind -> what its three numbers are.
EVENT_VALUES: dict[str, tuple[str, ...]] = {
    "scale_out": ("instances", "desired", ""),
    "scale_in": ("instances", "desired", ""),
    "autoscale_out": ("instances", "desired", "cpu"),
    "autoscale_in": ("instances", "desired", "cpu"),
    "instances_ready": ("instances", "ready", ""),
    "threshold_changed": ("cpu", "throughput", "latency_s"),
    "threshold_crossed": ("cpu", "threshold", ""),
    "policy_changed": ("critical_cpu", "warning_cpu", ""),
    "resource_added": ("instances", "", ""),
    "resource_removed": ("lost_requests", "", ""),
    "action_ignored": ("action_kind", "", ""),
    "sla_violated": ("latency_p95_s", "error_rate", ""),
    "sla_restored": ("latency_p95_s", "error_rate", ""),
    "connections_exhausted": ("pressure", "active_connections", "max_connections"),
    "storage_warning": ("utilisation", "", ""),
    "cost_spike": ("usd_per_hour", "before_usd_per_hour", ""),
    "outage": ("arrived", "", ""),
    "health_changed": ("status", "cpu", "before"),
    "fault_started": ("fault_kind", "severity", "fault"),
    "fault_ended": ("fault_kind", "severity", "fault"),
    "instances_lost": ("instances", "zone", "fault"),
    "interruption_notice": ("instances", "notice_s", "fault"),
    "failover": ("seconds", "", "fault"),
    "units_changed": ("units", "before", "load"),
}
EVENT_KINDS = tuple(EVENT_VALUES)
(
    SCALE_OUT,
    SCALE_IN,
    AUTOSCALE_OUT,
    AUTOSCALE_IN,
    INSTANCES_READY,
    THRESHOLD_CHANGED,
    THRESHOLD_CROSSED,
    POLICY_CHANGED,
    RESOURCE_ADDED,
    RESOURCE_REMOVED,
    ACTION_IGNORED,
    SLA_VIOLATED,
    SLA_RESTORED,
    CONNECTIONS_EXHAUSTED,
    STORAGE_WARNING,
    COST_SPIKE,
    OUTAGE,
    HEALTH_CHANGED,
    FAULT_STARTED,
    FAULT_ENDED,
    INSTANCES_LOST,
    INTERRUPTION_NOTICE,
    FAILOVER,
    UNITS_CHANGED,
) = range(len(EVENT_KINDS))


WHOLE_SERVICE = -1


@jit
def record(w: Any, kind: int, target: int, value: float, second: float, third: float) -> None:
    """Write an event over the oldest one.

    Args:
        w: ``WORLD`` record.
        kind: Index into ``EVENT_KINDS``.
        target: Tier concerned, or ``WHOLE_SERVICE``.
        value: First number, see ``EVENT_VALUES``.
        second: Second number.
        third: Third number.
    """
    event = w.event[w.n_events % MAX_EVENTS]
    event.at_s = w.time_s
    event.kind = kind
    event.target = target
    event.value = value
    event.second = second
    event.third = third
    w.n_events += 1
