"""Ways in: balancers and content delivery networks, merged along the paths to the pools."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from cwm_gym import catalog
from cwm_gym.catalog import Cdn, LoadBalancer
from cwm_gym.compiler import defaults
from cwm_gym.compiler.edges import is_cdn
from cwm_gym.compiler.regions import Places
from cwm_gym.compiler.topology import Topology
from cwm_gym.compiler.vertices import Placed, Vertex, either
from cwm_gym.core.records import MAX_FRONTS
from cwm_gym.spec.errors import invalid


def write_fronts(
    params: Any, topology: Topology, places: Places, ways: Mapping[int, frozenset[int]]
) -> None:
    """Fill the fronts, one for each set of network resources that leads to pools.

    A balancer that stands in several fronts lends its limit to each of them.

    Args:
        params: ``PARAMS`` record whose pools are filled; their ``front`` is set.
        topology: The request graph.
        places: Regions.
        ways: Entry pool (tier) -> vertices of the networks that its requests pass.

    Raises:
        SpecError: If there are more ways in than fit.
    """
    kinds = list(dict.fromkeys(ways[tier] for tier in sorted(ways)))
    if len(kinds) > MAX_FRONTS:
        last = topology.vertices[min(kinds[MAX_FRONTS])].one
        raise invalid(
            last.pointer,
            f"Requests come in by {len(kinds)} different ways; at most {MAX_FRONTS} can be told "
            "apart",
            "Let more pools share their balancers.",
        )
    params["n_fronts"] = len(kinds)
    for tier, way in ways.items():
        params["pool"][tier]["front"] = kinds.index(way)
    for index, way in enumerate(kinds):
        tier = next(tier for tier in sorted(ways) if ways[tier] == way)
        _write_front(params["front"][index], topology, tier, way, places)


def fixed_usd_per_hour(topology: Topology) -> float:
    """Price the balancers and control planes that are paid whatever happens, USD per hour."""
    usd = 0.0
    for vertex in topology.vertices:
        if vertex.role == "network" and not is_cdn(vertex):
            usd += either(vertex.one.settings.usd_per_hour, _balancer(vertex.one).usd_per_hour)
    clusters = {v.one.pointer: v.one for v in topology.vertices if not v.spare}
    return usd + sum(_control_plane(one) for one in clusters.values())


def passing_s(vertex: Vertex) -> float:
    """Return what a network resource adds to the latency of a request that passes it, s."""
    stated = vertex.one.settings.base_latency
    if stated is not None:
        return stated / 1000.0
    return defaults.EDGE_SECONDS if is_cdn(vertex) else 0.0


def gigabytes_per_request(topology: Topology) -> float:
    """Return the mean response: as the scaled pool states it, else the first network resource."""
    stated = [topology.vertices[topology.pools[topology.primary]].one]
    stated += [topology.vertices[index].one for index in topology.of("network")]
    sizes = [one.settings.response_kilobytes for one in stated]
    known = [size for size in sizes if size is not None]
    return (known or [defaults.RESPONSE_KILOBYTES])[0] / 1e6


def _write_front(
    record: Any, topology: Topology, tier: int, way: frozenset[int], places: Places
) -> None:
    record["limit_rps"] = _limit(topology, topology.pools[tier], way)
    record["unit_rps"] = math.inf
    record["unit_gb_per_hour"] = math.inf
    pool = topology.vertices[topology.pools[tier]].one
    egress = catalog.load(pool.provider).egress
    internet = egress.internet_usd_per_gb(places.region(pool).code)
    answered = latency = per_request = edge_gb = processed = 0.0
    shares = _shares(topology, way)
    for index, arriving in shares.items():
        vertex = topology.vertices[index]
        if not is_cdn(vertex):
            continue
        s = vertex.one.settings
        hits = arriving * either(s.cache_hit_rate, defaults.CACHE_HIT_RATE)
        rate = _cdn(vertex.one)
        answered += hits
        latency += hits * passing_s(vertex)
        per_request += arriving * either(rate.usd_per_10k_https, 0.0) / 1e4
        edge_gb += hits * rate.usd_per_gb
        # What leaves through the edge leaves the provider there, whoever made it.
        internet = rate.usd_per_gb
    for index, arriving in shares.items():
        vertex = topology.vertices[index]
        if not is_cdn(vertex):
            # Of the requests that no edge has answered.
            share = arriving / (1.0 - answered) if answered < 1.0 else 0.0
            processed += share * _add_balancer(record, vertex.one, share)
    record["usd_per_gb"] = internet + processed
    record["edge_usd_per_request"] = per_request
    if answered > 0.0:
        record["hit_rate"] = answered
        record["edge_latency_s"] = latency / answered
        record["edge_usd_per_gb"] = edge_gb / answered


def _shares(topology: Topology, way: frozenset[int]) -> dict[int, float]:
    """Share of a front's requests that arrives at each of its networks.

    They come in evenly at those that nobody calls and go on evenly, less what an edge answers.
    """
    called = {child for index in way for child in topology.children[index]}
    first = [index for index in way if index not in called]
    shares = {index: 1.0 / len(first) if index in first else 0.0 for index in way}
    for index in topology.order:
        onward = [child for child in topology.children[index] if child in way]
        if index not in way or not onward:
            continue
        vertex = topology.vertices[index]
        kept = shares[index]
        if is_cdn(vertex):
            stated = vertex.one.settings.cache_hit_rate
            kept *= 1.0 - either(stated, defaults.CACHE_HIT_RATE)
        for child in onward:
            shares[child] += kept / len(onward)
    return shares


def _limit(topology: Topology, vertex: int, way: Iterable[int]) -> float:
    """Requests per second that get through: the narrowest along a path, summed over paths."""
    before = [index for index in way if vertex in topology.children[index]]
    own = math.inf
    if topology.vertices[vertex].role == "network":
        own = either(topology.vertices[vertex].one.settings.max_throughput, math.inf)
    else:
        # Queues between the networks and the pool hold nothing back.
        queues = [i for i in topology.of("queue") if vertex in topology.children[i]]
        before += [i for i in way if set(queues) & set(topology.children[i])]
    if not before:
        return own
    return min(own, sum(_limit(topology, index, way) for index in dict.fromkeys(before)))


def _add_balancer(record: Any, one: Placed, arriving: float) -> float:
    """Add the capacity units of a balancer to a front; returns its price per GB."""
    chosen = _balancer(one)
    unit = chosen.unit
    if unit is not None:
        record["unit_usd_per_hour"] += arriving * unit.usd_per_hour
        record["units_included"] += unit.included
        fresh = either(unit.new_connections_per_second, 0.0) * defaults.REQUESTS_PER_CONNECTION
        hourly = None if unit.mbps is None else unit.mbps / 8.0 * 3.6
        record["unit_rps"] = _least(record["unit_rps"], fresh, unit.requests_per_second)
        record["unit_gb_per_hour"] = _least(record["unit_gb_per_hour"], unit.gb_per_hour, hourly)
    return chosen.usd_per_gb


def _least(*figures: float | None) -> float:
    return min(figure for figure in figures if figure)


def _balancer(one: Placed) -> LoadBalancer:
    provider = catalog.load(one.provider)
    first = next(iter(provider.load_balancers.values()))
    return first if one.family is None else provider.load_balancers[one.family.default]


def _cdn(one: Placed) -> Cdn:
    assert one.family is not None
    return catalog.load(one.provider).cdns[one.family.default]


def _control_plane(one: Placed) -> float:
    """Price of a cluster's control plane, USD per hour."""
    if one.behaviour != "kubernetes":
        return 0.0
    rate = catalog.load(one.provider).kubernetes
    tier = either(one.settings.tier, "").casefold()
    usd = rate.usd_per_cluster_hour
    if one.settings.ha:
        usd = either(rate.ha_usd_per_cluster_hour, usd)
    if tier in ("basic", "free"):
        usd = either(rate.basic_usd_per_cluster_hour, usd)
    if tier == "extended":
        usd = either(rate.extended_usd_per_cluster_hour, usd)
    return usd
