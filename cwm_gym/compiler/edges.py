"""Who calls whom: as the document connects its resources, or by the default path."""

from __future__ import annotations

from itertools import pairwise

from cwm_gym.compiler.vertices import Vertex
from cwm_gym.spec import Simulation

Edges = list[tuple[int, int]]


def stated_edges(vertices: list[Vertex], simulation: Simulation) -> Edges:
    """Translate the connections of a document.

    Args:
        vertices: All vertices.
        simulation: The document.

    Returns:
        (source, target) pairs; a cluster with several node pools stands for all of them.
    """
    places: dict[str, list[int]] = {}
    for index, vertex in enumerate(vertices):
        places.setdefault(vertex.one.resource.id, []).append(index)
    return [
        (source, target)
        for connection in simulation.connections
        for source in places[connection.source_id]
        for target in places[connection.target_id]
    ]


def default_edges(vertices: list[Vertex]) -> Edges:
    """Connect resources by their types: network, pools, cache, database, storage.

    - Content delivery networks stand one behind the other before the balancers. A balancer serves
      the pools of its provider; a provider without one is served by all.
    - Queues stand before the last pool, where there are several; the others feed it. A single
      pool takes its requests from the queues.
    - Every pool calls the caches; the databases answer what the first cache does not.
    - Volumes serve the databases, or else the cache's misses, or else the pools.

    Args:
        vertices: All vertices.

    Returns:
        (source, target) pairs.
    """

    def of(*roles: str) -> list[int]:
        return [index for index, vertex in enumerate(vertices) if vertex.role in roles]

    def pairs(sources: list[int], targets: list[int]) -> Edges:
        return [(source, target) for source in sources for target in targets]

    pools, queues = of("pool"), of("queue")
    own = [index for index in pools if not vertices[index].spare]
    last = vertices[own[-1]].one
    workers = [index for index in own if queues and vertices[index].one is last]
    entries = [index for index in pools if index not in workers]
    edges = pairs(queues, workers)
    if entries and any(index in own for index in entries):
        edges += pairs(entries, queues)
    else:
        # The only pool works behind the queues, and so do spares that join it.
        edges += pairs(queues, entries)
        entries = queues
    edges += _ways_in(vertices, of("network"), entries)
    caches, databases = of("cache"), of("database")
    edges += pairs(pools, caches)
    caches.sort(key=lambda index: vertices[index].spare)
    callers = caches[:1] or pools
    edges += pairs(callers, databases)
    edges += pairs(databases or callers, of("volume"))
    edges += pairs(pools, of("bucket"))
    return edges


def _ways_in(vertices: list[Vertex], networks: list[int], entries: list[int]) -> Edges:
    edge = [index for index in networks if is_cdn(vertices[index])]
    balancers = [index for index in networks if index not in edge]
    edges = list(pairwise(edge))
    edges += [(source, target) for source in edge[-1:] for target in balancers or entries]
    for target in entries:
        provider = vertices[target].one.provider
        near = [index for index in balancers if vertices[index].one.provider == provider]
        edges += [(source, target) for source in near or balancers]
    return edges


def is_cdn(vertex: Vertex) -> bool:
    """Tell whether a network resource is a content delivery network."""
    family = vertex.one.family
    return family is not None and family.role == "cdn"


def spare_edges(vertices: list[Vertex], edges: Edges) -> Edges:
    """Connect spares that no connection names.

    A spare pool takes requests from outside beside the first pool that does. Any other spare
    stands where the first resource of its role stands, a cache with no database of its own; a
    database or a cache without an example is called by the pools that take requests from outside,
    a volume by the databases.

    Args:
        vertices: All vertices.
        edges: The connections of the document.

    Returns:
        Further pairs.
    """
    named = {end for edge in edges for end in edge}
    alone = [i for i, vertex in enumerate(vertices) if vertex.spare and i not in named]
    alone.sort(key=lambda index: vertices[index].role != "pool")
    entries = _entries(vertices, edges)
    callers = entries + [index for index in alone if vertices[index].role == "pool"]
    known = list(edges)
    for index in alone:
        role = vertices[index].role
        examples = [i for i, one in enumerate(vertices) if one.role == role and not one.spare]
        if role == "pool":
            examples = entries
        if examples:
            first = examples[0]
            known += [(source, index) for source, target in known if target == first]
            if role != "cache":
                known += [(index, target) for source, target in known if source == first]
        else:
            databases = [i for i, one in enumerate(vertices) if one.role == "database"]
            own = databases if role == "volume" and databases else callers
            known += [(source, index) for source in own]
    return known[len(edges) :]


def _entries(vertices: list[Vertex], edges: Edges) -> list[int]:
    """Pools that take requests from outside."""
    called = {target for _, target in edges}
    has_network = any(vertex.role == "network" for vertex in vertices)
    front = {
        i
        for i, vertex in enumerate(vertices)
        if i not in called
        and not vertex.spare
        and (vertex.role == "network" or (not has_network and vertex.role in ("queue", "pool")))
    }
    found: set[int] = set()
    while front:
        found |= {i for i in front if vertices[i].role == "pool"}
        passing = {i for i in front if vertices[i].role in ("network", "queue")}
        front = {target for source, target in edges if source in passing} - found
    return sorted(found)
