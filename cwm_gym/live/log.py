"""The event log: what the kernel reports, and what people write into it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cwm_gym.core.records import MAX_EVENTS
from cwm_gym.envs.events import event_document, events_since
from cwm_gym.spec import Annotation
from cwm_gym.spec.errors import invalid


class EventLog:
    """Events as documents, oldest first.

    Attributes:
        reported: What the kernel has reported, as :func:`cwm_gym.envs.events.events_since` gives
            it; :meth:`clear` leaves it alone.
    """

    def __init__(self) -> None:
        self.reported: list[dict[str, Any]] = []
        self._events: list[dict[str, Any]] = []
        self._count = 0
        self._seen = 0
        self._given: set[str] = set()

    def mark(self) -> tuple[int, int, int, int]:
        """Remember where the log stands, for :meth:`cut` and :meth:`since`."""
        return len(self._events), self._count, self._seen, len(self.reported)

    def cut(self, mark: tuple[int, int, int, int]) -> None:
        """Forget what was written since a mark."""
        length, self._count, self._seen, reported = mark
        del self._events[length:]
        del self.reported[reported:]

    def read(self, world: Any, targets: Sequence[str], faults: Mapping[int, str]) -> None:
        """Take over what the kernel has recorded since the last time.

        Args:
            world: ``WORLD`` record.
            targets: Names of its tiers.
            faults: Number -> id of the faults that have one.
        """
        missed = int(world["n_events"]) - self._seen - MAX_EVENTS
        if missed > 0:
            self.write(world, "events_dropped", f"{missed} events of this step were not kept")
        for event in events_since(world, self._seen, targets):
            self.reported.append(event)
            document = event_document(event)
            number = document["metadata"].get("fault")
            if number in faults:
                document["metadata"]["faultId"] = faults[number]
            self._append(document)
        self._seen = int(world["n_events"])

    def write(
        self,
        world: Any,
        kind: str,
        message: str,
        severity: str = "info",
        resource: str | None = None,
        **metadata: Any,
    ) -> dict[str, Any]:
        """Write an event of our own, now.

        Args:
            world: ``WORLD`` record, for the time.
            kind: Its type.
            message: What happened.
            severity: ``info``, ``warning``, ``error`` or ``success``.
            resource: What it concerns.
            **metadata: Its numbers.

        Returns:
            The event.
        """
        self._append(
            {
                "timestamp": float(world["time_s"]),
                "type": kind,
                "severity": severity,
                "message": message,
                "resource": resource,
                "metadata": metadata,
            }
        )
        return copy_of(self._events[-1])

    def annotate(self, world: Any, note: Annotation) -> dict[str, Any]:
        """Write down what a person says.

        Args:
            world: ``WORLD`` record, for the time.
            note: The annotation.

        Returns:
            The event.

        Raises:
            SpecError: If an event has its id already.
        """
        if any(event["id"] == note.id for event in self._events):
            raise invalid("/id", f"There is an event '{note.id}' already", "Leave the id out.")
        said = {} if note.timestamp is None else {"timestamp": note.timestamp}
        self.write(world, "manual", note.message, note.severity, note.resource, **said)
        if note.id is not None:
            self._events[-1]["id"] = note.id
            self._given.add(note.id)
        return copy_of(self._events[-1])

    def clear(self) -> None:
        """Forget all events; numbers go on."""
        self._events = []

    def documents(self, limit: int | None = None) -> list[dict[str, Any]]:
        """Copy the newest events, newest last.

        Args:
            limit: How many at most; all if None.

        Returns:
            Event documents.
        """
        first = 0 if limit is None else max(0, len(self._events) - limit)
        return [copy_of(event) for event in self._events[first:]]

    def since(self, mark: tuple[int, int, int, int]) -> list[dict[str, Any]]:
        """Copy what was written since a mark."""
        return [copy_of(event) for event in self._events[mark[0] :]]

    def _append(self, event: dict[str, Any]) -> None:
        self._count += 1
        while f"event-{self._count}" in self._given:
            self._count += 1
        self._events.append({"id": f"event-{self._count}", **event})


def copy_of(event: Mapping[str, Any]) -> dict[str, Any]:
    """Copy an event, so that its reader may change it."""
    return {**event, "metadata": dict(event["metadata"])}
