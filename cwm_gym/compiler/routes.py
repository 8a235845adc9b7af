"""Routes: of the requests that enter at a pool, how many visit each other tier, and how far away.

For every first pool (an entry pool, or one that takes messages from a queue that others fill) the
visits are counted along the graph. Kernel and compiler share the work: the kernel multiplies
``reach`` by the tier's own ``visit``, by the misses of the cache before it and by the pool's share
of its group, which change while an episode runs; everything else is in ``reach``.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import Any

from cwm_gym.compiler import defaults
from cwm_gym.compiler.deliveries import Delivery, Intake, deliveries, take_in
from cwm_gym.compiler.fronts import passing_s, write_fronts
from cwm_gym.compiler.regions import Places
from cwm_gym.compiler.sharing import Sharing
from cwm_gym.compiler.topology import Topology
from cwm_gym.compiler.vertices import either
from cwm_gym.core.queueing.records import BACKEND, MAX_TIERS

# Visits by the cache whose misses they are; None = whatever a cache answers.
_Visits = dict[int | None, float]


def write_routes(params: Any, topology: Topology, places: Places) -> None:
    """Fill in how requests come to the tiers and on to the next.

    Args:
        params: ``PARAMS`` record whose pools and backends are filled.
        topology: The request graph.
        places: Regions.

    Raises:
        SpecError: If a pool has two sources of requests, or there are too many ways in.
    """
    intake = take_in(topology)
    sharing = Sharing(params, topology, intake)
    for tier, vertex in enumerate(topology.pools):
        pool = params["pool"][tier]
        pool["entry"] = int(vertex in intake.entry)
        pool["group"] = sharing.group.get(vertex, 0)
        pool["detached"] = int(vertex in intake.detached)
        if vertex in intake.queued:
            pool["queued"] = 1
            pool["room_per_instance"] = 0.0
            pool["room"] = intake.waiting_room[vertex]
            pool["timeout_s"] = float("inf")
    ways = {}
    for vertex, paths in intake.entry.items():
        hops = {hop for path in paths for hop in path.hops}
        ways[topology.tier(vertex)] = frozenset(
            hop for hop in hops if topology.vertices[hop].role == "network"
        )
        pool = params["pool"][topology.tier(vertex)]
        pool["base_latency_s"] += _approach_s(topology, places, paths)
    write_fronts(params, topology, places, ways)
    _Routes(params, topology, places, intake, sharing).write()


def _approach_s(topology: Topology, places: Places, paths: list[Delivery]) -> float:
    """Mean latency of the ways from outside to a pool, s."""
    total = sum(_hops_s(topology, places, path.hops, path.target) for path in paths)
    return total / len(paths)


def _hops_s(topology: Topology, places: Places, hops: tuple[int, ...], target: int) -> float:
    """Latency of the vertices that a request passes and of the way between them, s.

    An edge location is near the user, wherever that is: the way from there is not counted.
    """
    total = 0.0
    stops = [*hops, target]
    for here, there in pairwise(stops):
        vertex = topology.vertices[here]
        if vertex.role == "network":
            total += passing_s(vertex)
            family = vertex.one.family
            if family is not None and family.role == "cdn":
                continue
        total += places.round_trip_s(vertex.one, topology.vertices[there].one)
    return total


class _Routes:
    """Counts visits, one first pool after the other."""

    def __init__(
        self, params: Any, topology: Topology, places: Places, intake: Intake, sharing: Sharing
    ) -> None:
        self._params = params
        self._topology = topology
        self._places = places
        self._intake = intake
        self._sharing = sharing
        self._order = topology.order
        self._ways = [
            () if vertex.role in ("network", "queue") else tuple(deliveries(topology, index))
            for index, vertex in enumerate(topology.vertices)
        ]

    def write(self) -> None:
        """Fill ``route``, what a cache answers for whom, and latencies between tiers."""
        rows = {}
        for tier, vertex in enumerate(self._topology.pools):
            if vertex in self._intake.entry or vertex in self._intake.detached:
                visits, delay, variance = self._follow(vertex)
                rows[tier] = visits
                self._params["pool"][tier]["base_latency_s"] += delay
                self._params["pool"][tier]["jitter_s2"] += variance
        stages = []
        for vertex in self._order:
            for tier in self._tiers(vertex):
                self._write_tier(rows, vertex, tier)
                stages.append(tier)
        route = self._params["route"]
        route["n_stages"] = len(stages)
        route["stage"][: len(stages)] = stages

    def _tiers(self, vertex: int) -> list[int]:
        """Tiers of a vertex that others feed."""
        if vertex in self._intake.entry:
            return []
        found = [i for i, one in enumerate(self._topology.pools) if one == vertex]
        found += [BACKEND + i for i, one in enumerate(self._topology.backends) if one == vertex]
        return found

    def _follow(self, first: int) -> tuple[dict[int, _Visits], float, float]:
        """Count the visits that a request at ``first`` leads to.

        Returns:
            Vertex -> its visits; mean and variance of the latency between tiers and in buckets.
        """
        visits: dict[int, _Visits] = {first: {None: 1.0}}
        delay = variance = 0.0
        for sender in self._order:
            if sender not in visits:
                continue
            sent = self._sent(first, sender, visits[sender])
            for way in self._ways[sender]:
                part = self._handed(sender, sent, way)
                own = visits.setdefault(way.target, {})
                for label, count in part.items():
                    own[label] = own.get(label, 0.0) + count
                if way.target in self._intake.detached:
                    continue
                mean, spread = self._latency(sender, way, self._nominal(part))
                delay += mean
                variance += spread
        del visits[first]
        return visits, delay, variance

    def _sent(self, first: int, sender: int, visits: _Visits) -> _Visits:
        """Requests that a vertex sends on, given those that come to it.

        A spare stands in for others whose calls are counted already, so it sends nothing further.
        """
        if sender == first:
            return visits
        vertex = self._topology.vertices[sender]
        if sender in self._intake.detached or (vertex.spare and vertex.role != "cache"):
            return {}
        share = self._own_visit(sender)
        if vertex.role == "cache":
            return {sender: self._nominal(visits) * share}
        return {label: count * share for label, count in visits.items()}

    def _own_visit(self, vertex: int) -> float:
        """Share of the requests upstream that come to a vertex, as the kernel counts it."""
        one = self._topology.vertices[vertex].one
        role = self._topology.vertices[vertex].role
        otherwise = defaults.STORAGE_VISIT_PROBABILITY if role == "volume" else 1.0
        share: float = either(one.settings.visit_probability, otherwise)
        return share * self._sharing.share(vertex)

    def _handed(self, sender: int, sent: _Visits, way: Delivery) -> _Visits:
        """Requests that a vertex hands over along one way, before the target's own share.

        A database beside a cache is asked for what the cache does not answer, whether the cache
        is connected to it or the caller looks there itself.
        """
        factor = self._sharing.factor(way)
        part = {label: count * factor for label, count in sent.items()}
        if self._topology.vertices[way.target].role != "database":
            return part
        caches = [
            child
            for child in self._topology.children[sender]
            if self._topology.vertices[child].role == "cache"
        ]
        if not caches or self._topology.vertices[sender].role == "cache":
            return part
        looked_up = self._own_visit(caches[0])
        beside = {label: count * (1.0 - looked_up) for label, count in part.items()}
        if way.target not in self._topology.children[caches[0]]:
            beside[caches[0]] = beside.get(caches[0], 0.0) + self._nominal(part) * looked_up
        return beside

    def _nominal(self, visits: _Visits) -> float:
        """Visits at the nominal hit rates."""
        return sum(count * (1.0 - self._hit_rate(label)) for label, count in visits.items())

    def _hit_rate(self, cache: int | None) -> float:
        if cache is None:
            return 0.0
        return float(self._params["backend"][self._topology.backends.index(cache)]["hit_rate"])

    def _latency(self, sender: int, way: Delivery, visits: float) -> tuple[float, float]:
        """Mean and variance of what the way to a tier, or a bucket, adds to a request."""
        vertex = self._topology.vertices[way.target]
        each = _hops_s(self._topology, self._places, (sender, *way.hops), way.target)
        count = visits * self._own_visit(way.target)
        if vertex.role == "bucket":
            # Buckets are no tiers: what they add is added here, without a spread as before.
            bucket = either(vertex.one.settings.base_latency, 0.0) / 1000.0
            return count * (each + bucket), max(0.0, count * (1.0 - count)) * each * each
        return count * each, max(0.0, count * (1.0 - count)) * each * each

    def _write_tier(self, rows: dict[int, dict[int, _Visits]], vertex: int, tier: int) -> None:
        """Write ``reach`` and ``behind`` of one tier; both say nothing where nothing comes."""
        found = {first: row[vertex] for first, row in rows.items() if vertex in row}
        # A pool behind a cache gets its misses at the nominal hit rate.
        cache = self._cache_before(found.values()) if tier >= BACKEND else None
        if cache is not None:
            backend = self._params["backend"][tier - BACKEND]
            backend["behind"] = self._topology.backends.index(cache)
        missed = 1.0 - self._hit_rate(cache)
        counts = {first: self._nominal(visits) for first, visits in found.items()}
        most = max(counts.values(), default=0.0)
        # A tier that a request visits more than once counts as visited once, for longer.
        times = max(1.0, most * self._own_visit(vertex))
        if times > 1.0 + 1e-9:
            self._lengthen(tier, times)
        for first, count in counts.items():
            self._params["route"]["reach"][first * MAX_TIERS + tier] = count / (missed * times)

    def _cache_before(self, found: Iterable[_Visits]) -> int | None:
        """The cache whose misses most visits are; None where it would answer everything."""
        counts: dict[int, float] = {}
        for visits in found:
            for label, count in visits.items():
                if label is not None:
                    counts[label] = counts.get(label, 0.0) + count
        usual = [label for label in counts if self._hit_rate(label) < 1.0]
        return max(usual, key=lambda label: counts[label], default=None)

    def _lengthen(self, tier: int, times: float) -> None:
        if tier < BACKEND:
            self._params["pool"][tier]["cpu_s_per_request"] *= times
            self._params["pool"][tier]["base_latency_s"] *= times
            self._params["pool"][tier]["usd_per_request"] *= times
            return
        record = self._params["backend"][tier - BACKEND]
        for name in ("service_s", "base_latency_s", "usd_per_request", "io_per_visit"):
            record[name] *= times
