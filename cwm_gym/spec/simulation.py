"""The simulation: the document that describes a whole scenario."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from itertools import pairwise
from typing import Any, Literal, Self

from cwm_gym.spec.autoscaling import AutoscalingConfig
from cwm_gym.spec.base import Document
from cwm_gym.spec.episode import EpisodeConfig
from cwm_gym.spec.errors import ErrorCode, Problem, closest
from cwm_gym.spec.fault import Fault, target_problems
from cwm_gym.spec.fault_sampling import FaultSampling
from cwm_gym.spec.graph import find_cycle
from cwm_gym.spec.problems import pointer, read, read_items
from cwm_gym.spec.quantities import NonNegative, Text, Whole
from cwm_gym.spec.resource import Connection, Resource
from cwm_gym.spec.reward import RewardConfig
from cwm_gym.spec.workload import Workload


class Simulation(Document):
    """Resources, how they are connected, and what happens to them.

    The last block holds extensions, so that a scenario is one document.
    """

    id: Text | None = None
    """Identifier."""
    name: Text
    """For people."""
    description: str | None = None
    """For people."""
    resources: tuple[Resource, ...]
    """Cloud resources, at least one."""
    connections: tuple[Connection, ...] = ()
    """How requests flow, without cycles; empty means the default path through the types."""
    traffic: NonNegative = 1000.0
    """Base traffic, requests per second."""
    current_time: Whole | None = None
    """Step at which the simulation stands."""
    category: Text | None = None
    """Scenario template: for example ``web``, ``data``, ``ml``."""
    provider: Literal["aws", "gcp", "azure", "oci", "digitalocean", "multi"] | None = None
    """Scenario template: the provider of its resources, or ``multi``."""

    difficulty: Text | None = None
    """One sentence: what makes the scenario hard."""
    autoscaling: AutoscalingConfig | None = None
    """Built-in autoscaler; None = the provider's profile."""
    workload: Workload | None = None
    """Demand; None = constant base traffic."""
    faults: tuple[Fault, ...] = ()
    """Faults on schedule."""
    fault_sampling: FaultSampling | None = None
    """Random faults of episodes with ``enableFailures``; None = the sampling's defaults."""
    spares: tuple[Resource, ...] = ()
    """Resources that ``add_resource`` may bring in while an episode runs; connections and faults
    may name them."""
    episode: EpisodeConfig | None = None
    """Episode that the scenario is meant for."""
    reward: RewardConfig | None = None
    """Reward that the scenario is meant for; a preset's name may stand for it."""

    def patched(self, changes: Mapping[str, Any]) -> Self:
        """Replace some fields; resources replace those of the same id, others are appended.

        Args:
            changes: Field names in either spelling and their new values.

        Returns:
            A new, validated simulation.

        Raises:
            SpecError: If the result is not a valid simulation.
        """
        added = changes.get("resources")
        if not isinstance(added, (list, tuple)):
            return super().patched(changes)
        fresh: dict[str, Any] = dict.fromkeys(resource.id for resource in self.resources)
        new = []
        for resource in added:
            name = read(resource, "id")
            if isinstance(name, str) and name in fresh:
                fresh[name] = resource
            else:
                new.append(resource)
        kept = [fresh[resource.id] or resource for resource in self.resources]
        return super().patched({**changes, "resources": [*kept, *new]})

    @classmethod
    def _conflicts(cls, node: object) -> Iterable[Problem]:
        resources = read(node, "resources")
        if isinstance(resources, (list, tuple)) and not resources:
            yield Problem(
                ErrorCode.INVALID_REQUEST,
                pointer("resources"),
                "A simulation needs at least one resource",
                "Add a compute resource.",
            )
        first: dict[str, str] = {}
        named = True
        for field, word in (("resources", "resource"), ("spares", "spare")):
            for index, resource in enumerate(read_items(node, field)):
                name = read(resource, "id")
                if not isinstance(name, str):
                    named = False
                    continue
                if name in first:
                    yield Problem(
                        ErrorCode.INVALID_FIELD,
                        pointer(field, index, "id"),
                        f"Resource id '{name}' is already used by {first[name]}",
                        "Give each resource its own id.",
                    )
                first.setdefault(name, f"{word} {index}")
        faults = read_items(node, "faults")
        yield from _repeated_ids(faults)
        # Where an id is missing, nobody can tell which names are wrong.
        if not named or not first:
            return
        yield from _cycles(node, first)
        for index, connection in enumerate(read_items(node, "connections")):
            for end in ("sourceId", "targetId"):
                yield from _unknown_end(read(connection, end), index, end, list(first))
        for problem in target_problems(faults, list(first)):
            yield replace(problem, pointer=pointer("faults") + problem.pointer)


def _unknown_end(name: object, index: int, field: str, known: list[str]) -> Iterable[Problem]:
    if not isinstance(name, str) or not name or name in known:
        return
    yield Problem(
        ErrorCode.INVALID_FIELD,
        pointer("connections", index, field),
        f"Unknown resource '{name}'",
        f"Known resources: {', '.join(closest(name, known))}.",
    )


def _cycles(node: object, known: Collection[str]) -> Iterable[Problem]:
    edges: dict[tuple[str, str], int] = {}
    for index, connection in enumerate(read_items(node, "connections")):
        ends = read(connection, "sourceId"), read(connection, "targetId")
        if all(isinstance(end, str) and end in known for end in ends) and ends[0] != ends[1]:
            edges[ends] = index
    cycle = find_cycle(edges)
    if cycle:
        yield Problem(
            ErrorCode.INVALID_FIELD,
            pointer("connections", max(edges[edge] for edge in pairwise(cycle))),
            f"The connections form a cycle: {' -> '.join(cycle)}",
            "Requests flow in one direction: remove or turn one of these connections.",
        )


def _repeated_ids(faults: Iterable[object]) -> Iterable[Problem]:
    first: dict[str, int] = {}
    for index, fault in enumerate(faults):
        name = read(fault, "id")
        if not isinstance(name, str):
            continue
        if name in first:
            yield Problem(
                ErrorCode.INVALID_FIELD,
                pointer("faults", index, "id"),
                f"Fault id '{name}' is already used by fault {first[name]}",
                "Give each fault its own id, or none.",
            )
        first.setdefault(name, index)
