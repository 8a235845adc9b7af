"""Pools: virtual machines, nodes of a cluster, containers by the hour, serverless instances."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, get_args

from cwm_gym import catalog
from cwm_gym.catalog import ComputeSize, Provider
from cwm_gym.compiler import defaults
from cwm_gym.compiler.regions import Places
from cwm_gym.compiler.serverless import (
    billed_by_the_hour,
    hourly_price,
    serverless_rate,
    write_serverless,
)
from cwm_gym.compiler.spot import write_spot
from cwm_gym.compiler.vertices import Placed, Vertex, either
from cwm_gym.core.records.params import MACHINES, NODES
from cwm_gym.spec import Simulation
from cwm_gym.spec.errors import invalid
from cwm_gym.spec.resource import Status

_BALANCING = {"least_outstanding": 0, "random": 1, "round_robin": 2}


@dataclass(frozen=True)
class Fleet:
    """What a document says about the number of instances.

    Attributes:
        low: Fewest.
        high: Most.
        first: At the start.
        field: Name of the setting for the start.
    """

    low: int | None
    high: int | None
    first: int | None
    field: str


def write_pool(
    record: Any,
    vertex: Vertex,
    places: Places,
    simulation: Simulation,
    primary: bool,
    compute_type: str | None = None,
) -> None:
    """Fill the parameters of one pool, but for its place in the request graph.

    Args:
        record: ``POOL_PARAMS`` record, overwritten.
        vertex: The pool.
        places: Regions and zones.
        simulation: The document, for the autoscaler's bounds.
        primary: Whether this is the pool that is scaled.
        compute_type: Size that replaces the pool's own; None keeps it.

    Raises:
        SpecError: For unknown sizes, zones and regions, for contradictory bounds, and where the
            provider has no spot market.
    """
    one = vertex.one
    s = one.settings
    provider = catalog.load(one.provider)
    record["spare"] = int(vertex.spare)
    record["visit"] = either(s.visit_probability, 1.0)
    record["cs2"] = either(s.service_cv2, defaults.SERVICE_CV2)
    record["lognormal"] = int(s.service_distribution == "lognormal")
    record["contention"] = either(s.contention, 0.0)
    record["balancing"] = _BALANCING[either(s.balancing, "least_outstanding")]
    record["room_per_instance"] = either(s.queue_capacity, defaults.QUEUE_PER_INSTANCE)
    record["timeout_s"] = either(s.timeout_seconds, defaults.TIMEOUT_SECONDS)
    record["base_latency_s"] = either(s.base_latency, 0.0) / 1000.0
    if one.provider == "digitalocean":
        record["jitter_s2"] = defaults.SHARED_TENANT_JITTER_SECONDS**2
    record["warmup_s"] = either(s.warmup_seconds, 0.0)
    record["warmup_speed"] = either(s.warmup_speed, defaults.WARMUP_SPEED)
    record["drain_s"] = either(s.drain_seconds, defaults.DRAIN_SECONDS)
    record["billing_minimum_s"] = provider.billing.minimum_seconds
    record["autoscaled"] = int(s.autoscaling is True)
    record["critical_speed"] = either(s.critical_speed, defaults.CRITICAL_SPEED)
    record["keep_alive_s"] = either(s.keep_alive_seconds, defaults.KEEP_ALIVE_SECONDS)
    zones = places.zones_of(one)
    record["zones"] = len(zones)
    record["zone"][: len(zones)] = zones
    record["region"] = places.number(one)
    write_health(record, one)
    tuned = simulation.autoscaling
    cooldown = None if tuned is None else tuned.cooldown_seconds
    kubernetes = one.behaviour == "kubernetes"
    own = provider.kubernetes.cooldown_seconds if kubernetes else None
    own = either(own, provider.timing.cooldown_seconds)
    record["cooldown_s"] = either(cooldown, own)
    if one.behaviour == "serverless":
        rate = serverless_rate(one)
        if billed_by_the_hour(rate):
            _write_containers(record, vertex, places, simulation, primary, hourly_price(one, rate))
        else:
            write_serverless(record, one, rate)
    else:
        _write_machines(record, vertex, places, simulation, primary, compute_type)


def write_health(record: Any, one: Placed) -> None:
    """Fill in a resource's health at the start and its recovery policy.

    Args:
        record: ``POOL_PARAMS`` or ``BACKEND_PARAMS`` record.
        one: The resource.
    """
    record["status"] = get_args(Status).index(one.resource.status)
    policy = one.resource.recovery_policy or defaults.RECOVERY_POLICY
    figures = record["policy"]
    figures["critical_cpu"] = policy.critical_cpu_threshold / 100.0
    figures["critical_steps"] = policy.critical_steps
    figures["warning_cpu"] = policy.warning_cpu_threshold / 100.0
    figures["warning_steps"] = policy.warning_steps


def _write_machines(
    record: Any,
    vertex: Vertex,
    places: Places,
    simulation: Simulation,
    primary: bool,
    compute_type: str | None,
) -> None:
    one, node_pool = vertex.one, vertex.node_pool
    s = one.settings
    provider = catalog.load(one.provider)
    kubernetes = one.behaviour == "kubernetes"
    record["kind"] = NODES if kubernetes else MACHINES
    fleet = _fleet(vertex)
    size, where = _size(vertex, provider, compute_type)
    market = either(s.market, "on_demand")
    price = s.usd_per_hour
    if node_pool is not None:
        market = either(node_pool.market, market)
        price = either(node_pool.per_node_rate, price)
    region = places.region(one).code
    # Asked for even where the price is stated: what is not sold cannot be bought.
    listed = catalog.price(one.provider, size, region, market, pointer=where)
    record["usd_per_hour"] = either(price, listed)
    record["vcpus"] = size.vcpu
    record["cpu_s_per_request"] = either(
        s.cpu_seconds_per_request, defaults.CPU_SECONDS_PER_REQUEST
    )
    low, high, first = _bounds(vertex, fleet, simulation, primary)
    record["minimum"], record["maximum"], record["initial"] = low, high, first
    if s.max_throughput is not None:
        # A cluster's throughput is that of all its nodes at the start.
        nodes = _nodes(one, first) if kubernetes else 1.0
        record["cpu_s_per_request"] = size.vcpu * nodes / s.max_throughput
    lag = provider.kubernetes.scale_out_seconds if kubernetes else None
    record["boot_s"] = either(s.boot_seconds, either(lag, provider.timing.boot_seconds))
    if market == "spot":
        write_spot(record, one, size, region)


def _write_containers(
    record: Any,
    vertex: Vertex,
    places: Places,
    simulation: Simulation,
    primary: bool,
    usd_per_hour: float,
) -> None:
    """Fill in containers that run until they are stopped: a fleet like that of machines."""
    one = vertex.one
    s = one.settings
    places.region(one)
    record["kind"] = MACHINES
    record["usd_per_hour"] = usd_per_hour
    record["billing_minimum_s"] = 0.0
    record["vcpus"] = defaults.SERVERLESS_VCPUS
    seconds = either(s.cpu_seconds_per_request, defaults.CPU_SECONDS_PER_REQUEST)
    if s.max_throughput is not None:
        seconds = defaults.SERVERLESS_VCPUS / s.max_throughput
    record["cpu_s_per_request"] = seconds
    low, high, first = _bounds(vertex, _fleet(vertex), simulation, primary)
    record["minimum"], record["maximum"], record["initial"] = low, high, first
    boot = either(s.cold_start_seconds, catalog.load(one.provider).timing.boot_seconds)
    record["boot_s"] = either(s.boot_seconds, boot)


def _size(vertex: Vertex, provider: Provider, compute_type: str | None) -> tuple[ComputeSize, str]:
    """Find the size of an instance and the place in the document that names it."""
    one, node_pool = vertex.one, vertex.node_pool
    where = one.at("size") if compute_type is None else "/episode/computeType"
    name = either(compute_type, one.settings.size)
    if compute_type is None and node_pool is not None and node_pool.size is not None:
        index = (one.settings.node_pools or ()).index(node_pool)
        name, where = node_pool.size, f"{one.at('nodePools')}/{index}/size"
    if name is None:
        name = provider.default_compute
        if one.behaviour == "kubernetes" and provider.kubernetes.default_node_size:
            name = provider.kubernetes.default_node_size
    return catalog.resolve_size(one.provider, name, "compute", pointer=where), where


def _fleet(vertex: Vertex) -> Fleet:
    s, pool = vertex.one.settings, vertex.node_pool
    if pool is not None:
        return Fleet(pool.min_nodes, pool.max_nodes, pool.node_count, "nodePools")
    if vertex.one.behaviour != "kubernetes":
        return Fleet(s.min_instances, s.max_instances, s.instances, "instances")
    return Fleet(
        either(s.min_nodes, s.min_instances),
        either(s.max_nodes, s.max_instances),
        either(s.node_count, s.instances),
        "nodeCount",
    )


def _nodes(one: Placed, first: int) -> float:
    pools = one.settings.node_pools
    return float(first if pools is None else sum(either(p.node_count, 1) for p in pools))


def _bounds(
    vertex: Vertex, fleet: Fleet, simulation: Simulation, primary: bool
) -> tuple[int, int, int]:
    """Fewest, most and first instances: the resource's own, else the autoscaler's profile."""
    one = vertex.one
    low, high, first = fleet.low, fleet.high, fleet.first
    if not primary and low is None and high is None:
        fixed = either(first, 1)
        return fixed, fixed, fixed
    profile = catalog.load(one.provider).autoscaler
    tuned = simulation.autoscaling
    if tuned is not None:
        low = either(low, tuned.min_instances)
        high = either(high, tuned.max_instances)
    lowest: float = either(
        low, min(profile.min_instances, either(first, math.inf), either(high, math.inf))
    )
    highest: float = either(high, max(profile.max_instances, either(first, 0), lowest))
    start: float = either(first, max(lowest, 1))
    if highest < 1 or not lowest <= start <= highest:
        raise invalid(
            one.at(fleet.field),
            f"The fleet of '{vertex.name}' starts with {start:g} instances, "
            f"outside its bounds {lowest:g}..{highest:g}",
            "Give minInstances <= instances <= maxInstances with maxInstances >= 1.",
        )
    return int(lowest), int(highest), int(start)
