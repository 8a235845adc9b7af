"""Who hands requests to whom, once balancers and queues between them are seen through."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from cwm_gym.compiler.topology import Topology
from cwm_gym.spec.errors import ErrorCode, Problem, SpecError


@dataclass(frozen=True)
class Delivery:
    """A way from a vertex that sends requests to one that serves them.

    Attributes:
        target: The vertex that serves.
        hops: Balancers and queues between the two, in order.
        hand: The last vertex before the target: what shares requests among its children.
    """

    target: int
    hops: tuple[int, ...]
    hand: int


@dataclass(frozen=True)
class Intake:
    """How requests come to the pools.

    Attributes:
        entry: Entry pool (vertex) -> the ways from outside to it.
        queued: Pools (vertices) behind a queue.
        detached: Pools behind a queue that other tiers fill: nobody waits for them.
        waiting_room: Pool behind queues -> messages that these hold; infinite where none states
            a capacity.
    """

    entry: dict[int, list[Delivery]]
    queued: set[int]
    detached: set[int]
    waiting_room: dict[int, float]


def deliveries(topology: Topology, sender: int, hops: tuple[int, ...] = ()) -> Iterable[Delivery]:
    """Follow what a vertex sends until it is served.

    Args:
        topology: The request graph.
        sender: The vertex.
        hops: What lies behind already.

    Yields:
        Every way to a vertex that serves.
    """
    for child in topology.children[sender]:
        if topology.vertices[child].role in ("network", "queue"):
            yield from deliveries(topology, child, (*hops, child))
        else:
            yield Delivery(child, hops, sender)


def take_in(topology: Topology) -> Intake:
    """Find the entry pools, and which pools stand behind queues.

    Args:
        topology: The request graph.

    Returns:
        How requests come to the pools.

    Raises:
        SpecError: Where a pool would have two sources of a different kind: from outside and from
            other resources, or through a queue and without one.
    """
    entry: dict[int, list[Delivery]] = {}
    called: dict[int, list[Delivery]] = {}
    for root in topology.roots:
        if topology.vertices[root].role == "pool":
            entry[root] = [Delivery(root, (), root)]
        else:
            for way in deliveries(topology, root, (root,)):
                if topology.vertices[way.target].role == "pool":
                    entry.setdefault(way.target, []).append(way)
    for sender, vertex in enumerate(topology.vertices):
        if vertex.role in ("network", "queue"):
            continue
        for way in deliveries(topology, sender):
            if topology.vertices[way.target].role == "pool":
                called.setdefault(way.target, []).append(way)
    problems = list(_conflicts(topology, entry, called))
    if problems:
        raise SpecError(problems)
    sources = {**called, **entry}
    queued = {pool for pool, ways in sources.items() if _through_queue(topology, ways[0])}
    return Intake(
        entry=entry,
        queued=queued,
        detached=queued - set(entry),
        waiting_room={pool: _room(topology, sources[pool]) for pool in queued},
    )


def _through_queue(topology: Topology, way: Delivery) -> bool:
    return any(topology.vertices[hop].role == "queue" for hop in way.hops)


def _room(topology: Topology, ways: list[Delivery]) -> float:
    hops = {hop for way in ways for hop in way.hops if topology.vertices[hop].role == "queue"}
    capacities = [topology.vertices[hop].one.settings.queue_capacity for hop in hops]
    return sum(float("inf") if capacity is None else float(capacity) for capacity in capacities)


def _conflicts(
    topology: Topology, entry: dict[int, list[Delivery]], called: dict[int, list[Delivery]]
) -> Iterable[Problem]:
    for pool in topology.pools:
        one = topology.vertices[pool].one
        name = one.resource.id
        ways = [*entry.get(pool, ()), *called.get(pool, ())]
        through = {_through_queue(topology, way) for way in ways}
        what = ""
        if pool in entry and pool in called:
            caller = topology.vertices[called[pool][0].hand].one.resource.id
            what = f"takes requests from outside and is called by '{caller}' as well"
        elif len(through) > 1:
            what = "stands behind a queue and takes requests without it as well"
        if what:
            yield Problem(
                ErrorCode.INVALID_REQUEST,
                f"{one.pointer}/id",
                f"'{name}' {what}; a pool has one source of requests",
                f"Split '{name}' into two resources, or remove one of its connections.",
            )
