"""Databases: of fixed size, by capacity units, by nodes, or billed by use; and their replicas."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from cwm_gym import catalog
from cwm_gym.catalog import DatabaseSize
from cwm_gym.compiler import defaults
from cwm_gym.compiler.pools import write_health
from cwm_gym.compiler.regions import Places
from cwm_gym.compiler.vertices import Placed, either
from cwm_gym.core.records.params import DATABASE, REPLICAS
from cwm_gym.spec.errors import ErrorCode, invalid


@dataclass(frozen=True)
class Engine:
    """How fast one copy of a database is and what it costs.

    Attributes:
        servers: Queries in service at once (vCPUs).
        service_s: Mean service time of one visit, s.
        connections: Limit; infinite for none.
        usd_per_hour: Price of a fixed size with its standby, USD per hour.
        replica_usd_per_hour: Price of a read replica, USD per hour.
        usd_per_request: Price of a visit, USD.
        units_min: Fewest capacity units; 0 where the size is fixed.
        units_max: Most of them.
        vcpus_per_unit: Servers of a unit.
        usd_per_unit_hour: Price of a unit, USD per hour.
        unit_lag_steps: Steps of high load before units grow.
    """

    servers: float
    service_s: float
    connections: float
    usd_per_hour: float = 0.0
    replica_usd_per_hour: float = 0.0
    usd_per_request: float = 0.0
    units_min: float = 0.0
    units_max: float = 0.0
    vcpus_per_unit: float = 0.0
    usd_per_unit_hour: float = 0.0
    unit_lag_steps: int = 0


def write_database(records: list[Any], one: Placed, places: Places, spare: bool) -> None:
    """Fill the parameters of a database and of its read replicas.

    Replicas take their share of the reads, together, as one tier of all their vCPUs.

    Args:
        records: ``BACKEND_PARAMS`` records: the primary's and, where there are any, the replicas'.
        one: The resource.
        places: Regions and zones.
        spare: Whether it is not there until an action adds it.

    Raises:
        SpecError: For an unknown size or region, a size without a standby where one is asked for,
            or a size whose speed the catalog does not know.
    """
    s = one.settings
    family = one.family
    provider = catalog.load(one.provider)
    size = catalog.resolve_size(
        one.provider,
        s.size or (provider.default_database if family is None else family.default),
        "database",
        service_family=s.service_family,
        pointer=one.at("size"),
    )
    engine = _engine(one, size, places)
    replicas = either(s.read_replicas, 0)
    read_share = either(s.read_share, defaults.READ_SHARE) if replicas > 0 else 0.0
    visit = either(s.visit_probability, 1.0)
    autonomous = size.unit in defaults.AUTONOMOUS_VCPUS_PER_UNIT
    replicated = size.standby_included or size.service_family in defaults.REPLICATED_FAMILIES
    for record, kind in zip(records, (DATABASE, REPLICAS), strict=False):
        copies = 1 if kind == DATABASE else replicas
        record["kind"] = kind
        record["spare"] = int(spare)
        record["servers"] = engine.servers * copies
        record["service_s"] = engine.service_s
        record["cs2"] = either(s.service_cv2, defaults.SERVICE_CV2)
        record["lognormal"] = int(s.service_distribution == "lognormal")
        record["visit"] = visit * (1.0 - read_share if kind == DATABASE else read_share)
        record["behind"] = -1
        record["connections"] = engine.connections * copies
        record["idle_per_instance"] = either(s.idle_connections_per_instance, 0.0)
        record["refuse_when_full"] = int(either(s.refuse_when_full, True))
        record["room"] = either(s.queue_capacity, defaults.DATABASE_QUEUE)
        record["timeout_s"] = either(s.timeout_seconds, defaults.TIMEOUT_SECONDS)
        record["base_latency_s"] = either(s.base_latency, 0.0) / 1000.0
        standby = bool(s.ha) and kind == DATABASE
        hourly = engine.usd_per_hour if kind == DATABASE else engine.replica_usd_per_hour
        record["usd_per_hour"] = (hourly + _storage(one, size, standby)) * copies
        record["usd_per_request"] = engine.usd_per_request
        record["standby"] = int(bool(s.ha) or replicated) if kind == DATABASE else 0
        otherwise = defaults.FAILOVER_SECONDS
        if autonomous:
            otherwise = defaults.AUTONOMOUS_FAILOVER_SECONDS
        record["failover_s"] = either(s.failover_seconds, otherwise)
        record["zone"] = places.zones_of(one, most=1)[0]
        record["region"] = places.number(one)
        record["units_min"] = engine.units_min
        record["units_max"] = engine.units_max
        record["vcpus_per_unit"] = engine.vcpus_per_unit * copies
        record["usd_per_unit_hour"] = engine.usd_per_unit_hour * copies
        record["unit_lag_steps"] = engine.unit_lag_steps
        record["critical_speed"] = either(s.critical_speed, defaults.CRITICAL_SPEED)
        write_health(record, one)


def _engine(one: Placed, size: DatabaseSize, places: Places) -> Engine:
    if size.unit == "acu" or size.unit in defaults.AUTONOMOUS_VCPUS_PER_UNIT:
        return _by_units(one, size, places)
    if size.usd_per_hour is None:
        return _by_use(one, size)
    s = one.settings
    count = 1.0
    limit: float | None = size.connections() if s.size is not None else None
    limit = either(limit, defaults.MAX_CONNECTIONS)
    if size.vcpu is not None:
        servers = size.vcpu
    elif size.unit == "dtu":
        grade = "premium" if size.name.startswith("P") else "standard"
        servers = either(size.units, 1.0) / defaults.DTU_PER_VCPU[grade]
        limit = either(size.connections(), limit)
    elif size.service_family in defaults.NODE_READS_PER_SECOND:
        count = float(either(s.node_count, either(s.instances, 1)))
        servers = _node_rps(one, size) * defaults.DATABASE_CPU_SECONDS_PER_REQUEST * count
        # Clients multiplex their calls; no limit is published.
        limit = math.inf
    elif s.max_throughput is not None:
        servers = 1.0
    else:
        raise invalid(
            one.at("size"),
            f"The catalog does not know the vCPUs of database size '{size.name}'",
            "Give maxThroughput, or choose a size sold by vCPU.",
            ErrorCode.UNKNOWN_SIZE,
        )
    seconds = either(s.cpu_seconds_per_request, defaults.DATABASE_CPU_SECONDS_PER_REQUEST)
    if s.max_throughput is not None:
        seconds = servers / s.max_throughput
    if servers < 1.0:
        # A share of a vCPU works on one query at a time, and longer.
        seconds, servers = seconds / servers, 1.0
    return Engine(
        servers=servers,
        service_s=seconds,
        connections=either(s.max_connections, limit),
        usd_per_hour=_hourly(one, size, places, bool(s.ha)) * count,
        replica_usd_per_hour=_hourly(one, size, places, False) * count,
    )


def _by_units(one: Placed, size: DatabaseSize, places: Places) -> Engine:
    """Capacity units that follow the load: Aurora's, and the OCPU of Autonomous Database."""
    s = one.settings
    base = either(size.units, 1.0)
    limit = size.connections()
    if size.unit == "acu":
        rates = catalog.load(one.provider).capacity_units
        assert rates is not None
        low = either(s.min_capacity_units, base if s.size is not None else rates.tiers[0])
        high = either(s.max_capacity_units, max(rates.tiers[-1], low))
        per_unit, lag = defaults.AURORA_VCPUS_PER_UNIT, rates.lag_steps[0]
        limit = _acu_connections(one, size, high)
    else:
        low = either(s.min_capacity_units, base)
        scales = s.autoscaling is not False
        high = either(s.max_capacity_units, low * (defaults.AUTONOMOUS_SCALING if scales else 1.0))
        per_unit, lag = defaults.AUTONOMOUS_VCPUS_PER_UNIT[size.unit], 0
    if high < low:
        raise invalid(
            one.at("maxCapacityUnits"),
            f"'{one.resource.id}' has at most {high:g} capacity units and at least {low:g}",
            "Raise maxCapacityUnits or lower minCapacityUnits.",
        )
    seconds = either(s.cpu_seconds_per_request, defaults.DATABASE_CPU_SECONDS_PER_REQUEST)
    if s.max_throughput is not None:
        seconds = high * per_unit / s.max_throughput
    fixed = s.usd_per_hour
    return Engine(
        servers=low * per_unit,
        service_s=seconds,
        connections=either(s.max_connections, either(limit, defaults.MAX_CONNECTIONS)),
        usd_per_hour=either(fixed, 0.0),
        units_min=low,
        units_max=high,
        vcpus_per_unit=per_unit,
        usd_per_unit_hour=_hourly(one, size, places, bool(s.ha)) / base if fixed is None else 0.0,
        unit_lag_steps=lag,
    )


def _by_use(one: Placed, size: DatabaseSize) -> Engine:
    """Databases without a size: no limit of their own, and a price for every request."""
    s = one.settings
    provider = catalog.load(one.provider)
    rate = next(
        row for row in provider.serverless.values() if row.service_family == size.service_family
    )
    reads = either(s.read_share, defaults.READ_SHARE)
    usd = reads * either(rate.usd_per_million_reads, 0.0)
    usd += (1.0 - reads) * either(rate.usd_per_million_writes, 0.0)
    usd += defaults.USE_UNITS_PER_REQUEST * either(rate.usd_per_million_units, 0.0)
    seconds = either(s.cpu_seconds_per_request, defaults.DATABASE_CPU_SECONDS_PER_REQUEST)
    servers = defaults.BY_USE_SERVERS
    if s.max_throughput is not None:
        servers = max(1.0, math.ceil(s.max_throughput * seconds))
        seconds = servers / s.max_throughput
    limited = provider.service_families[size.service_family].connection_limited
    limit = either(size.connections(), defaults.MAX_CONNECTIONS) if limited else math.inf
    return Engine(
        servers=servers,
        service_s=seconds,
        connections=either(s.max_connections, limit),
        usd_per_hour=either(s.usd_per_hour, 0.0),
        usd_per_request=usd / 1e6,
    )


def _hourly(one: Placed, size: DatabaseSize, places: Places, standby: bool) -> float:
    """Price of the size as the catalog lists it, with or without a standby."""
    stated = one.settings.usd_per_hour
    if stated is not None:
        return stated
    ha = standby and size.service_family not in defaults.REPLICATED_FAMILIES
    region = places.region(one).code
    return catalog.price(one.provider, size, region, ha=ha, pointer=one.at("size"))


def _storage(one: Placed, size: DatabaseSize, standby: bool) -> float:
    """Price of the storage that the document provisions, USD per hour."""
    gigabytes = one.settings.capacity_gb
    if gigabytes is None:
        return 0.0
    for row in catalog.load(one.provider).storage.values():
        if row.kind == "database" and row.service_family == size.service_family:
            usd = row.usd_per_hour(gigabytes)
            if standby and row.ha_usd_per_gb_month and row.usd_per_gb_month:
                usd *= row.ha_usd_per_gb_month / row.usd_per_gb_month
            return usd
    return 0.0


def _acu_connections(one: Placed, size: DatabaseSize, units: float) -> int | None:
    """Limit of the largest listed size that ``units`` reach: it follows the maximum."""
    rows = catalog.sizes(one.provider, "database", size.family, service_family=size.service_family)
    reached = [row for row in rows if either(row.units, 0.0) <= units and row.connections()]
    return reached[-1].connections() if reached else None


def _node_rps(one: Placed, size: DatabaseSize) -> float:
    """Requests per second of one node, at the mix of reads and writes."""
    reads = either(one.settings.read_share, defaults.READ_SHARE)
    family = size.service_family
    seconds = reads / defaults.NODE_READS_PER_SECOND[family]
    seconds += (1.0 - reads) / defaults.NODE_WRITES_PER_SECOND[family]
    return float(1.0 / seconds)
