"""Events of a world as dictionaries: short ones for every step, documents for people."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from numpy.typing import NDArray

from cwm_gym.core.actions import ACTION_KINDS
from cwm_gym.core.events import EVENT_VALUES
from cwm_gym.core.records import FAULT_KINDS, MAX_EVENTS

STATUS = ("healthy", "warning", "critical", "offline")
"""Names of a resource's health, by number."""
# Numbers that stand for a name, and those that are whole.
_NAMES: dict[str, Sequence[str]] = {
    "status": STATUS,
    "fault_kind": FAULT_KINDS,
    "action_kind": ACTION_KINDS,
}
_WHOLE = frozenset({"instances", "desired", "ready", "fault", "zone"})


def _reader(kind: str, label: str) -> Callable[[float], Any] | None:
    """Say how a number of an event is read; None = as it is."""
    names = STATUS if (kind, label) == ("health_changed", "before") else _NAMES.get(label)
    if names is not None:
        return lambda value: names[int(value)]
    return int if label in _WHOLE else None


# By number of the kind: its name, and of every number its name, place in EVENT and reader.
_FORMS = tuple(
    (
        kind,
        tuple(
            (label, 3 + place, _reader(kind, label)) for place, label in enumerate(labels) if label
        ),
    )
    for kind, labels in EVENT_VALUES.items()
)
_SEVERITY = {
    "threshold_crossed": "warning",
    "action_ignored": "warning",
    "sla_violated": "error",
    "sla_restored": "success",
    "connections_exhausted": "error",
    "storage_warning": "warning",
    "cost_spike": "warning",
    "outage": "error",
    "fault_started": "error",
    "fault_ended": "success",
    "instances_lost": "error",
    "interruption_notice": "warning",
    "failover": "success",
    "instances_ready": "success",
}
_HEALTH_SEVERITY = {"healthy": "success", "warning": "warning", "critical": "error"}
_MESSAGES = {
    "scale_out": "Scaled out by {instances} to {desired} instances",
    "scale_in": "Scaled in by {instances} to {desired} instances",
    "autoscale_out": "Autoscaler added {instances} instances at {cpu:.0%} CPU, now {desired}",
    "autoscale_in": "Autoscaler removed {instances} instances at {cpu:.0%} CPU, now {desired}",
    "instances_ready": "{instances} instances became ready, now {ready}",
    "threshold_changed": "Scale-out threshold set to {cpu:.0%} CPU",
    "threshold_crossed": "CPU {cpu:.0%} against the scale-out threshold of {threshold:.0%}",
    "policy_changed": "Recovery policy set: critical above {critical_cpu:.0%} CPU, "
    "warning above {warning_cpu:.0%}",
    "resource_added": "Resource added",
    "resource_removed": "Resource removed",
    "action_ignored": "Impossible action ignored: {action_kind}",
    "sla_violated": "SLA violated: P95 {latency_p95_s:.3f} s, {error_rate:.2%} errors",
    "sla_restored": "SLA met again",
    "connections_exhausted": "Connections exhausted: {active_connections:.0f} of "
    "{max_connections:.0f} in use",
    "storage_warning": "Storage at {utilisation:.0%} of its IOPS",
    "cost_spike": "Cost rose from ${before_usd_per_hour:.2f} to ${usd_per_hour:.2f} per hour",
    "outage": "Nobody is being served",
    "health_changed": "Status changed to {status}",
    "fault_started": "Failure injected: {fault_kind}",
    "fault_ended": "Failure recovered: {fault_kind}",
    "instances_lost": "{instances} instances lost",
    "interruption_notice": "{instances} spot instances will be reclaimed in {notice_s:.0f} s",
    "failover": "Standby took over after {seconds:.0f} s",
    "units_changed": "Capacity units changed from {before:g} to {units:g}",
}


def events_between(
    ring: NDArray[Any], first: int, last: int, targets: Sequence[str]
) -> list[dict[str, Any]]:
    """Read events out of a world's ring.

    Args:
        ring: ``EVENT[MAX_EVENTS]`` of the world.
        first: Number of the first event wanted.
        last: Number of events recorded so far.
        targets: Names of the tiers.

    Returns:
        ``time_s``, ``kind``, ``resource`` (None for the whole service), ``value`` (the first of
        its numbers), and its numbers by their own names; newest last, of more than ``MAX_EVENTS``
        only the newest.
    """
    found = []
    first = max(first, last - MAX_EVENTS, 0)
    start, end = first % MAX_EVENTS, first % MAX_EVENTS + last - first
    rows = ring[start:end].tolist()
    if end > MAX_EVENTS:
        rows += ring[: end - MAX_EVENTS].tolist()
    for row in rows:
        kind, numbers = _FORMS[row[1]]
        event = {
            "time_s": row[0],
            "kind": kind,
            "resource": targets[row[2]] if row[2] >= 0 else None,
            "value": row[3],
        }
        for label, place, read in numbers:
            event[label] = row[place] if read is None else read(row[place])
        found.append(event)
    return found


def events_since(world: Any, count: int, targets: Sequence[str]) -> list[dict[str, Any]]:
    """Read the events of a world that are newer than a count.

    Args:
        world: ``WORLD`` record.
        count: Events that have been read already.
        targets: Names of the tiers.

    Returns:
        As :func:`events_between`.
    """
    return events_between(world["event"], count, int(world["n_events"]), targets)


def event_document(event: Mapping[str, Any]) -> dict[str, Any]:
    """Write an event as the specification does.

    Args:
        event: From :func:`events_between`.

    Returns:
        ``timestamp`` (s of simulated time), ``type``, ``severity``, ``message``, ``resource`` and
        ``metadata``.
    """
    kind = event["kind"]
    metadata = {
        name: value
        for name, value in event.items()
        if name not in ("time_s", "kind", "resource", "value")
    }
    severity = _SEVERITY.get(kind, "info")
    if kind == "health_changed":
        severity = _HEALTH_SEVERITY.get(metadata["status"], "error")
    message = _MESSAGES[kind].format(**metadata)
    if kind == "connections_exhausted":
        share = metadata["active_connections"] / metadata["max_connections"]
        metadata = {
            "activeConnections": round(metadata["active_connections"]),
            "maxConnections": round(metadata["max_connections"]),
            "connectionUtilizationPct": round(100.0 * share, 1),
            "pressure": metadata["pressure"],
        }
    return {
        "timestamp": event["time_s"],
        "type": kind,
        "severity": severity,
        "message": message if event["resource"] is None else f"{event['resource']}: {message}",
        "resource": event["resource"],
        "metadata": metadata,
    }
