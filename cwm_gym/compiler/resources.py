"""Resources to parameters: compute pools, the database, and what only costs and delays."""

from __future__ import annotations

import math
from typing import Any

from cwm_gym import catalog
from cwm_gym.compiler import defaults
from cwm_gym.compiler.topology import Placed, Topology
from cwm_gym.spec import Simulation
from cwm_gym.spec.errors import ErrorCode, invalid

_BALANCING = {"least_outstanding": 0, "random": 1, "round_robin": 2}


def _or(value: Any, otherwise: Any) -> Any:
    return otherwise if value is None else value


def write_pool(
    record: Any, one: Placed, simulation: Simulation, primary: bool, compute_type: str | None
) -> None:
    """Fill the parameters of one compute pool.

    Args:
        record: ``POOL_PARAMS`` record, overwritten.
        one: The resource.
        simulation: The document, for the autoscaler's bounds.
        primary: Whether this is the pool that is scaled.
        compute_type: Size that replaces the pool's own; None keeps it.

    Raises:
        SpecError: For unknown sizes and regions, and for contradictory bounds.
    """
    s = one.settings
    provider = catalog.load(one.provider)
    place = one.at("size") if compute_type is None else "/episode/computeType"
    name = compute_type or s.size or provider.default_compute
    size = catalog.resolve_size(one.provider, name, "compute", pointer=place)
    record["usd_per_hour"] = catalog.price(
        one.provider, size, _region(one), _or(s.market, "on_demand"), pointer=place
    )
    record["vcpus"] = size.vcpu
    record["cpu_s_per_request"] = _or(s.cpu_seconds_per_request, defaults.CPU_SECONDS_PER_REQUEST)
    if s.max_throughput is not None:
        record["cpu_s_per_request"] = size.vcpu / s.max_throughput
    record["cs2"] = _or(s.service_cv2, defaults.SERVICE_CV2)
    record["lognormal"] = int(s.service_distribution == "lognormal")
    record["balancing"] = _BALANCING[_or(s.balancing, "least_outstanding")]
    record["room_per_instance"] = _or(s.queue_capacity, defaults.QUEUE_PER_INSTANCE)
    record["timeout_s"] = _or(s.timeout_seconds, defaults.TIMEOUT_SECONDS)
    record["base_latency_s"] = _or(s.base_latency, 0.0) / 1000.0
    record["jitter_s2"] = 0.0
    low, high, first = _bounds(one, simulation, primary)
    record["minimum"], record["maximum"], record["initial"] = low, high, first
    record["boot_s"] = _or(s.boot_seconds, provider.timing.boot_seconds)
    record["warmup_s"] = _or(s.warmup_seconds, 0.0)
    record["warmup_speed"] = _or(s.warmup_speed, defaults.WARMUP_SPEED)
    record["drain_s"] = _or(s.drain_seconds, defaults.DRAIN_SECONDS)
    tuned = simulation.autoscaling
    cooldown = None if tuned is None else tuned.cooldown_seconds
    record["cooldown_s"] = _or(cooldown, provider.timing.cooldown_seconds)
    record["billing_minimum_s"] = provider.billing.minimum_seconds


def _bounds(one: Placed, simulation: Simulation, primary: bool) -> tuple[int, int, int]:
    """Fewest, most and first instances: the resource's own, else the autoscaler's profile."""
    s = one.settings
    if not primary and s.min_instances is None and s.max_instances is None:
        fixed = _or(s.instances, 1)
        return fixed, fixed, fixed
    profile = catalog.load(one.provider).autoscaler
    tuned = simulation.autoscaling
    low = _or(s.min_instances, _or(tuned and tuned.min_instances, None))
    high = _or(s.max_instances, _or(tuned and tuned.max_instances, None))
    first = s.instances
    if low is None:
        low = min(profile.min_instances, _or(first, math.inf), _or(high, math.inf))
    if high is None:
        high = max(profile.max_instances, _or(first, 0), low)
    first = _or(first, max(low, 1))
    if high < 1 or not low <= first <= high:
        raise invalid(
            one.at("instances"),
            f"The fleet of '{one.resource.id}' starts with {first} instances, "
            f"outside its bounds {low}..{high}",
            "Give minInstances <= instances <= maxInstances with maxInstances >= 1.",
        )
    return int(low), int(high), int(first)


def _region(one: Placed) -> str | None:
    """Check the region where one is named and return its code."""
    if one.settings.region is None:
        return None
    place = f"{one.pointer}/region" if one.resource.region else one.at("region")
    return catalog.resolve_region(one.provider, one.settings.region, pointer=place).code


def write_database(record: Any, one: Placed | None, reached: bool) -> None:
    """Fill the parameters of the database.

    Args:
        record: ``DATABASE_PARAMS`` record, overwritten.
        one: The resource; None leaves the service without a database.
        reached: Whether requests get to it.

    Raises:
        SpecError: For an unknown size, a size without a standby where one is asked for, or a size
            whose vCPUs the catalog does not know.
    """
    if one is None:
        return
    s = one.settings
    provider = catalog.load(one.provider)
    size = catalog.resolve_size(
        one.provider,
        s.size or provider.default_database,
        "database",
        service_family=s.service_family,
        pointer=one.at("size"),
    )
    standby = bool(s.ha)
    record["present"] = 1
    record["usd_per_hour"] = catalog.price(
        one.provider, size, _region(one), ha=standby, pointer=one.at("size")
    )
    if size.vcpu is None and s.max_throughput is None:
        raise invalid(
            one.at("size"),
            f"The catalog does not know the vCPUs of database size '{size.name}'",
            "Give maxThroughput, or choose a size sold by vCPU.",
            ErrorCode.UNKNOWN_SIZE,
        )
    servers = _or(size.vcpu, 1.0)
    record["servers"] = servers
    record["service_s"] = _or(s.cpu_seconds_per_request, defaults.DATABASE_CPU_SECONDS_PER_REQUEST)
    if s.max_throughput is not None:
        record["service_s"] = servers / s.max_throughput
    record["cs2"] = _or(s.service_cv2, defaults.SERVICE_CV2)
    record["lognormal"] = int(s.service_distribution == "lognormal")
    record["visit"] = _or(s.visit_probability, 1.0) if reached else 0.0
    limit = size.connections() if s.size is not None else None
    record["connections"] = _or(s.max_connections, _or(limit, defaults.MAX_CONNECTIONS))
    record["idle_per_instance"] = _or(s.idle_connections_per_instance, 0.0)
    record["refuse_when_full"] = int(_or(s.refuse_when_full, True))
    record["room"] = _or(s.queue_capacity, defaults.DATABASE_QUEUE)
    record["timeout_s"] = _or(s.timeout_seconds, defaults.TIMEOUT_SECONDS)


def write_fixed(params: Any, topology: Topology) -> None:
    """Price load balancers and storage, and add what they delay.

    Args:
        params: ``PARAMS`` record, whose pools are already filled.
        topology: The resources.

    Raises:
        SpecError: For unknown service families and regions.
    """
    fixed = params["fixed"]
    for one in topology.balancers:
        _add_balancer(fixed, one)
    for one in topology.storage:
        _add_storage(fixed, one)
    delay_s = sum(_or(one.settings.base_latency, 0.0) for one in topology.balancers) / 1000.0
    for one in topology.storage:
        share = _or(one.settings.visit_probability, 1.0)
        delay_s += share * _or(one.settings.base_latency, 0.0) / 1000.0
    if topology.database is not None:
        share = params["database"]["visit"]
        delay_s += share * _or(topology.database.settings.base_latency, 0.0) / 1000.0
    for index in range(len(topology.pools)):
        params["pool"][index]["base_latency_s"] += delay_s
    first = topology.pools[topology.primary]
    kilobytes = first.settings.response_kilobytes
    for one in topology.balancers:
        kilobytes = _or(kilobytes, one.settings.response_kilobytes)
    fixed["gb_per_request"] = _or(kilobytes, defaults.RESPONSE_KILOBYTES) / 1e6
    egress = catalog.load(first.provider).egress
    fixed["usd_per_gb"] += egress.internet_usd_per_gb(_region(first))


def _add_balancer(fixed: Any, one: Placed) -> None:
    provider = catalog.load(one.provider)
    family = one.settings.service_family
    kinds = list(provider.load_balancers.values())
    chosen = kinds[0]
    if family is not None:
        default = catalog.resolve_service_family(one.provider, family).default
        chosen = provider.load_balancers.get(default, chosen)
    _region(one)
    fixed["usd_per_hour"] += chosen.usd_per_hour
    fixed["usd_per_gb"] += chosen.usd_per_gb
    unit = chosen.unit
    if unit is not None:
        fixed["unit_usd_per_hour"] = unit.usd_per_hour
        fixed["units_included"] += unit.included
        fresh = _or(unit.new_connections_per_second, 0.0) * defaults.REQUESTS_PER_CONNECTION
        fixed["unit_rps"] = min(x for x in (fresh, unit.requests_per_second, math.inf) if x)
        hourly = None if unit.mbps is None else unit.mbps / 8.0 * 3.6
        fixed["unit_gb_per_hour"] = min(x for x in (unit.gb_per_hour, hourly, math.inf) if x)


def _add_storage(fixed: Any, one: Placed) -> None:
    provider = catalog.load(one.provider)
    family = one.settings.service_family
    chosen = provider.volume
    if family is not None:
        default = catalog.resolve_service_family(one.provider, family).default
        chosen = provider.storage.get(default, chosen)
    _region(one)
    gigabytes = _or(one.settings.capacity_gb, defaults.STORAGE_GB)
    fixed["usd_per_hour"] += chosen.usd_per_hour(gigabytes)
