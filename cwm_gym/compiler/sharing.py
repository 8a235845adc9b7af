"""Pools that share the requests of one caller by capacity."""

from __future__ import annotations

from typing import Any

from cwm_gym.compiler.deliveries import Delivery, Intake
from cwm_gym.compiler.topology import Topology
from cwm_gym.core.records.params import SERVERLESS


class Sharing:
    """Groups of pools that are called by others and share by capacity.

    The children of one caller, balancer or queue that state no visit probability share its
    requests; so do the node pools of one cluster. The kernel splits by the capacity of the
    moment; where the split matters further down, the fleets at the start decide.

    Attributes:
        group: Pool (vertex) -> number of its group, from 1.
    """

    def __init__(self, params: Any, topology: Topology, intake: Intake) -> None:
        self._topology = topology
        self._capacity = {
            vertex: _capacity_rps(params["pool"][tier])
            for tier, vertex in enumerate(topology.pools)
        }
        self._bundles: dict[tuple[int, int], tuple[int, ...]] = {}
        sets: list[set[int]] = []
        for hand, children in enumerate(topology.children):
            bundles: dict[str, list[int]] = {}
            for child in children:
                if topology.vertices[child].role == "pool" and child not in intake.entry:
                    bundles.setdefault(self._key(child), []).append(child)
            for bundle in bundles.values():
                for child in bundle:
                    self._bundles[hand, child] = tuple(bundle)
                if len(bundle) > 1:
                    touching = [one for one in sets if one & set(bundle)]
                    sets = [one for one in sets if one not in touching]
                    sets.append(set(bundle).union(*touching))
        self.group = {vertex: number for number, one in enumerate(sets, start=1) for vertex in one}

    def _key(self, vertex: int) -> str:
        """Children of a caller with the same key share its requests."""
        one = self._topology.vertices[vertex].one
        return "" if one.settings.visit_probability is None else one.resource.id

    def share(self, vertex: int) -> float:
        """Return a pool's share of its group at the start; 1 without a group."""
        if vertex not in self.group:
            return 1.0
        members = [v for v, number in self.group.items() if number == self.group[vertex]]
        return self._part(vertex, members)

    def factor(self, way: Delivery) -> float:
        """Return what a caller's requests to a pool are to be multiplied by.

        It is 1 unless the pool's group holds others that this caller does not call: then the
        kernel's share is of the whole group, and this makes up for it.
        """
        bundle = self._bundles.get((way.hand, way.target))
        if bundle is None or way.target not in self.group:
            return 1.0
        return self._part(way.target, bundle) / self.share(way.target)

    def _part(self, vertex: int, members: list[int] | tuple[int, ...]) -> float:
        # Spares count once they are there; until then the others take everything.
        there = [one for one in members if not self._topology.vertices[one].spare]
        if self._topology.vertices[vertex].spare:
            there.append(vertex)
        return self._capacity[vertex] / sum(self._capacity[one] for one in there)


def _capacity_rps(pool: Any) -> float:
    """Requests per second of a pool at the start, at least of one instance."""
    if pool["kind"] == SERVERLESS:
        return float(pool["concurrency_limit"] / pool["cpu_s_per_request"])
    return float(max(pool["initial"], 1) * pool["vcpus"] / pool["cpu_s_per_request"])
