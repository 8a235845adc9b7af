"""Caches and volumes: tiers of fixed size that are not databases; and what storage costs."""

from __future__ import annotations

import math
from typing import Any

from cwm_gym import catalog
from cwm_gym.compiler import defaults
from cwm_gym.compiler.pools import write_health
from cwm_gym.compiler.regions import Places
from cwm_gym.compiler.vertices import Placed, either, storage_class
from cwm_gym.core.records.params import CACHE, STORAGE
from cwm_gym.spec.errors import ErrorCode, invalid

_HOURS_PER_MONTH = 730.0


def write_cache(record: Any, one: Placed, places: Places, spare: bool) -> None:
    """Fill the parameters of a cache.

    It runs on machines of its size and costs what they cost: the catalog lists no managed caches.
    ``cache.r5.large`` means ``r5.large``.

    Args:
        record: ``BACKEND_PARAMS`` record, overwritten.
        one: The resource.
        places: Regions and zones.
        spare: Whether it is not there until an action adds it.

    Raises:
        SpecError: For an unknown size or region.
    """
    s = one.settings
    name = either(s.size, catalog.load(one.provider).default_compute).removeprefix("cache.")
    size = catalog.resolve_size(one.provider, name, "compute", pointer=one.at("size"))
    price = catalog.price(
        one.provider, size, places.region(one).code, either(s.market, "on_demand")
    )
    nodes = either(s.node_count, either(s.instances, 1))
    _write_common(record, one, places, spare)
    record["kind"] = CACHE
    record["hit_rate"] = either(s.cache_hit_rate, defaults.CACHE_HIT_RATE)
    record["servers"] = size.vcpu * nodes
    record["service_s"] = either(s.cpu_seconds_per_request, defaults.CACHE_SECONDS)
    if s.max_throughput is not None:
        record["service_s"] = record["servers"] / s.max_throughput
    record["cs2"] = either(s.service_cv2, defaults.SERVICE_CV2)
    record["visit"] = either(s.visit_probability, 1.0)
    record["usd_per_hour"] = either(s.usd_per_hour, price) * nodes * (2 if s.ha else 1)


def write_volume(record: Any, one: Placed, places: Places, spare: bool) -> None:
    """Fill the parameters of a volume, whose limit are its I/O operations per second.

    Args:
        record: ``BACKEND_PARAMS`` record, overwritten.
        one: The resource.
        places: Regions and zones.
        spare: Whether it is not there until an action adds it.

    Raises:
        SpecError: Where neither the document nor the catalog knows its IOPS.
    """
    s = one.settings
    iops = either(s.max_iops, storage_class(one).iops(_gigabytes(one)))
    if iops is None:
        raise invalid(
            one.at("maxIops"),
            f"The catalog does not know the IOPS of '{storage_class(one).key}'",
            "Give maxIops.",
            ErrorCode.MISSING_REQUIRED,
        )
    operations = either(s.io_per_request, 1.0)
    # One operation after the other; with few of them per second each must take its time.
    seconds = either(s.cpu_seconds_per_request, defaults.IO_SECONDS) * max(operations, 1e-9)
    servers = max(1.0, iops * seconds / max(operations, 1e-9))
    _write_common(record, one, places, spare)
    if one.resource.recovery_policy is None:
        record["policy"]["warning_cpu"] = defaults.IOPS_WARNING
    record["kind"] = STORAGE
    record["servers"] = servers
    record["service_s"] = servers * max(operations, 1e-9) / iops
    record["cs2"] = either(s.service_cv2, defaults.IO_CV2)
    record["visit"] = either(s.visit_probability, defaults.STORAGE_VISIT_PROBABILITY)
    record["io_per_visit"] = operations
    record["max_iops"] = iops
    record["usd_per_hour"] = storage_usd_per_hour(one)


def storage_usd_per_hour(one: Placed) -> float:
    """Price a volume or bucket.

    Args:
        one: The resource.

    Returns:
        USD per hour for its capacity and, where they are sold apart, for IOPS beyond those that
        its capacity brings.
    """
    s = one.settings
    if s.usd_per_hour is not None:
        return s.usd_per_hour
    chosen = storage_class(one)
    usd = chosen.usd_per_hour(_gigabytes(one))
    if s.max_iops is not None and chosen.usd_per_iops_month is not None:
        more = max(0.0, s.max_iops - either(chosen.iops(_gigabytes(one)), 0.0))
        usd += more * chosen.usd_per_iops_month / _HOURS_PER_MONTH
    return usd


def _gigabytes(one: Placed) -> float:
    return float(either(one.settings.capacity_gb, defaults.STORAGE_GB))


def _write_common(record: Any, one: Placed, places: Places, spare: bool) -> None:
    s = one.settings
    record["spare"] = int(spare)
    record["lognormal"] = int(s.service_distribution == "lognormal")
    record["behind"] = -1
    record["connections"] = math.inf
    record["room"] = either(s.queue_capacity, defaults.DATABASE_QUEUE)
    record["timeout_s"] = either(s.timeout_seconds, defaults.TIMEOUT_SECONDS)
    record["base_latency_s"] = either(s.base_latency, 0.0) / 1000.0
    record["standby"] = int(bool(s.ha))
    record["failover_s"] = either(s.failover_seconds, defaults.FAILOVER_SECONDS)
    record["zone"] = places.zones_of(one, most=1)[0]
    record["region"] = places.number(one)
    record["critical_speed"] = either(s.critical_speed, defaults.CRITICAL_SPEED)
    write_health(record, one)
