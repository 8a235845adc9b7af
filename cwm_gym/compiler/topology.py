"""The request graph of a simulation: its vertices, who calls whom, and who is scaled."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from cwm_gym.compiler.edges import default_edges, spare_edges, stated_edges
from cwm_gym.compiler.vertices import (
    BACKEND_ROLES,
    Placed,
    Vertex,
    either,
    place,
    unfitting,
    vertices_of,
)
from cwm_gym.core.queueing.records import BACKEND, MAX_BACKENDS, MAX_POOLS
from cwm_gym.spec import Simulation
from cwm_gym.spec.errors import ErrorCode, Problem, SpecError

# Of vertices that nothing orders, requests pass those of the earlier role first.
_RANK = {"network": 0, "queue": 1, "pool": 2, "cache": 3, "database": 4, "volume": 5, "bucket": 6}


@dataclass(frozen=True)
class Topology:
    """The request graph.

    Attributes:
        vertices: Resources and node pools.
        children: For each vertex, those that it sends requests to.
        pools: Vertices with a fleet, in the order of their tiers.
        backends: Vertices of fixed size, in the order of their tiers; a database with read
            replicas stands twice, the second time for its replicas.
        primary: Pool that is scaled, an index into ``pools``.
    """

    vertices: tuple[Vertex, ...]
    children: tuple[tuple[int, ...], ...]
    pools: tuple[int, ...]
    backends: tuple[int, ...]
    primary: int

    def of(self, *roles: str) -> list[int]:
        """List the vertices of some roles."""
        return [index for index, one in enumerate(self.vertices) if one.role in roles]

    @property
    def roots(self) -> list[int]:
        """Vertices at which requests come in: networks, or else whatever nobody calls."""
        called = {child for row in self.children for child in row}
        free = [index for index in range(len(self.vertices)) if index not in called]
        networks = [index for index in free if self.vertices[index].role == "network"]
        if self.of("network"):
            return networks
        return [index for index in free if self.vertices[index].role in ("queue", "pool")]

    @property
    def order(self) -> list[int]:
        """Vertices in topological order."""
        waiting = [0] * len(self.vertices)
        for row in self.children:
            for child in row:
                waiting[child] += 1
        ready = [index for index, count in enumerate(waiting) if count == 0]
        found: list[int] = []
        while ready:
            ready.sort(key=lambda index: (_RANK[self.vertices[index].role], index))
            found.append(ready.pop(0))
            for child in self.children[found[-1]]:
                waiting[child] -= 1
                if waiting[child] == 0:
                    ready.append(child)
        return found

    def tier(self, vertex: int) -> int:
        """Return the tier of a vertex; -1 for networks, queues and buckets."""
        if vertex in self.pools:
            return self.pools.index(vertex)
        if vertex in self.backends:
            return BACKEND + self.backends.index(vertex)
        return -1

    def reached(self, starts: Iterable[int]) -> set[int]:
        """Find some vertices and everything downstream of them."""
        seen: set[int] = set()
        front = set(starts)
        while front:
            seen |= front
            front = {child for vertex in front for child in self.children[vertex]} - seen
        return seen

    @property
    def targets(self) -> tuple[str, ...]:
        """Names of all tiers; empty for free slots."""
        pools = [self.vertices[index].name for index in self.pools]
        backends: list[str] = []
        for slot, index in enumerate(self.backends):
            name = self.vertices[index].name
            again = slot > 0 and self.backends[slot - 1] == index
            backends.append(f"{name}/replicas" if again else name)
        pools += [""] * (MAX_POOLS - len(pools))
        return (*pools, *backends, *[""] * (MAX_BACKENDS - len(backends)))


def arrange(simulation: Simulation, clone: bool = False) -> Topology:
    """Sort a simulation's resources into a request graph.

    Args:
        simulation: The document.
        clone: Whether a spare copy of the scaled pool stands by where the document names no
            spares and a slot is free.

    Returns:
        The topology.

    Raises:
        SpecError: If there is nothing to scale, more than fits, a service that does not fit its
            type, or a compute resource that requests cannot reach.
    """
    placed = place(simulation)
    problems = [problem for one in placed for problem in unfitting(one)]
    if problems:
        raise SpecError(problems)
    vertices = [vertex for one in placed for vertex in vertices_of(one)]
    primary = _primary(vertices)
    if simulation.connections:
        edges = stated_edges(vertices, simulation)
        edges += spare_edges(vertices, edges)
    else:
        edges = default_edges(vertices)
    taken = sum(vertex.role == "pool" for vertex in vertices)
    if clone and not simulation.spares and taken < MAX_POOLS:
        edges += [
            (len(vertices) if a == primary else a, len(vertices) if b == primary else b)
            for a, b in edges
            if primary in (a, b)
        ]
        vertices.append(_copy_of(vertices[primary], {vertex.name for vertex in vertices}))
    unique = list(dict.fromkeys(edges))
    pools = tuple(index for index, one in enumerate(vertices) if one.role == "pool")
    topology = Topology(
        vertices=tuple(vertices),
        children=tuple(tuple(b for a, b in unique if a == index) for index in range(len(vertices))),
        pools=pools,
        backends=tuple(_backends(vertices)),
        primary=pools.index(primary),
    )
    problems = [*_too_many(topology), *_unreachable(topology)]
    if problems:
        raise SpecError(problems)
    return topology


def _primary(vertices: list[Vertex]) -> int:
    """Find the pool that is scaled: the first marked one, else the first."""
    pools = [i for i, one in enumerate(vertices) if one.role == "pool" and not one.spare]
    if not pools:
        raise SpecError(
            Problem(
                ErrorCode.INVALID_REQUEST,
                "/resources",
                "A simulation needs a compute resource to scale",
                "Add one of type 'compute', 'kubernetes' or 'serverless'.",
            )
        )
    marked = [index for index in pools if vertices[index].one.settings.autoscaling]
    return (marked or pools)[0]


def _copy_of(vertex: Vertex, names: set[str]) -> Vertex:
    number = 2
    while f"{vertex.name}-{number}" in names:
        number += 1
    return replace(vertex, name=f"{vertex.name}-{number}", spare=True)


def _backends(vertices: list[Vertex]) -> Iterable[int]:
    for index, vertex in enumerate(vertices):
        if vertex.role in BACKEND_ROLES:
            yield index
            if vertex.role == "database" and either(vertex.one.settings.read_replicas, 0) > 0:
                yield index


def _too_many(topology: Topology) -> Iterable[Problem]:
    for slots, most, what in (
        (topology.pools, MAX_POOLS, "pools of compute"),
        (topology.backends, MAX_BACKENDS, "databases, replicas, caches and volumes"),
    ):
        if len(slots) > most:
            one: Placed = topology.vertices[slots[most]].one
            yield Problem(
                ErrorCode.INVALID_FIELD,
                one.pointer,
                f"A simulation holds at most {most} {what}, spares included; "
                f"this one has {len(slots)}",
                "Merge some into one resource with more instances.",
            )


def _unreachable(topology: Topology) -> Iterable[Problem]:
    reached = topology.reached(topology.roots)
    for index in topology.pools:
        vertex = topology.vertices[index]
        if index not in reached:
            yield Problem(
                ErrorCode.INVALID_FIELD,
                f"{vertex.one.pointer}/id",
                f"No connection leads requests to compute resource '{vertex.one.resource.id}'",
                "Connect a network resource to it, or a resource that calls it.",
            )
