"""Services without servers: what an instance serves, what it costs, and how it starts."""

from __future__ import annotations

import math
from typing import Any

from cwm_gym import catalog
from cwm_gym.catalog import Serverless
from cwm_gym.compiler import defaults
from cwm_gym.compiler.vertices import Placed, either
from cwm_gym.core.records.params import SERVERLESS
from cwm_gym.spec.errors import ErrorCode, closest, invalid

_HOURS_PER_MONTH = 730.0


def serverless_rate(one: Placed) -> Serverless:
    """Find the rates of a serverless resource.

    Args:
        one: The resource; its ``size`` may name one of the provider's rates. Without a service
            family it is the provider's first, those of the specification before others.

    Returns:
        The rates.

    Raises:
        SpecError: For an unknown size, or where the provider has no serverless compute.
    """
    provider = catalog.load(one.provider)
    families = [row for row in provider.service_families.values() if row.behaviour == "serverless"]
    families.sort(key=lambda row: not row.in_specification)
    family = one.family or families[0]
    size = one.settings.size
    if size is None:
        return provider.serverless[family.default]
    names = {row.name for row in families} if one.family is None else {family.name}
    rates = {key: row for key, row in provider.serverless.items() if row.service_family in names}
    folded = size.casefold()
    for key, row in rates.items():
        if folded in (key, key.removeprefix(f"{row.service_family}-")):
            return row
    raise invalid(
        one.at("size"),
        f"Unknown size '{size}' for {one.provider} {family.name}",
        f"Use one of: {', '.join(closest(size, list(rates)))}",
        ErrorCode.UNKNOWN_SIZE,
    )


def billed_by_the_hour(rate: Serverless) -> bool:
    """Tell whether instances run, and are paid for, until somebody stops them."""
    hourly = (rate.usd_per_hour, rate.usd_per_month, rate.usd_per_vcpu_hour, rate.usd_per_ocpu_hour)
    return any(figure is not None for figure in hourly)


def hourly_price(one: Placed, rate: Serverless) -> float:
    """Price an instance that is billed by the hour.

    Args:
        one: The resource.
        rate: Its rates.

    Returns:
        USD per hour.
    """
    s = one.settings
    if s.usd_per_hour is not None:
        return s.usd_per_hour
    # An OCPU is two vCPUs.
    vcpus, memory = defaults.SERVERLESS_VCPUS, either(s.memory_gb, defaults.SERVERLESS_MEMORY_GB)
    usd = either(rate.usd_per_hour, 0.0) + either(rate.usd_per_month, 0.0) / _HOURS_PER_MONTH
    usd += vcpus * either(rate.usd_per_vcpu_hour, either(rate.usd_per_ocpu_hour, 0.0) / 2.0)
    return float(usd + memory * either(rate.usd_per_gb_hour, 0.0))


def write_serverless(record: Any, one: Placed, rate: Serverless) -> None:
    """Fill in a pool whose instances come and go with the requests.

    ``minimum``, ``maximum`` and ``initial`` count the instances that are kept warm; they cost
    what their memory and CPU cost in service.

    Args:
        record: ``POOL_PARAMS`` record.
        one: The resource.
        rate: Its rates.

    Raises:
        SpecError: For more concurrency than the service allows, and for contradictory bounds.
    """
    s = one.settings
    memory = either(s.memory_gb, defaults.SERVERLESS_MEMORY_GB)
    second = memory * either(rate.usd_per_gb_second, 0.0)
    second += defaults.SERVERLESS_VCPUS * either(rate.usd_per_vcpu_second, 0.0)
    second += memory * defaults.SERVERLESS_GHZ_PER_GB * either(rate.usd_per_ghz_second, 0.0)
    shared = rate.usd_per_vcpu_second is not None
    ordinary = either(rate.concurrency, defaults.CONTAINER_CONCURRENCY if shared else 1)
    concurrency = either(s.concurrency, ordinary)
    if concurrency > either(rate.max_concurrency, math.inf):
        raise invalid(
            one.at("concurrency"),
            f"An instance serves at most {rate.max_concurrency} requests at once; "
            f"got {concurrency}",
            "Lower it and raise maxInstances.",
        )
    limit = s.max_concurrency
    if limit is None and s.max_instances is not None:
        limit = s.max_instances * concurrency
    if limit is None:
        limit = either(rate.account_concurrency, defaults.SERVERLESS_INSTANCES * concurrency)
    seconds = either(
        s.cpu_seconds_per_request,
        defaults.CPU_SECONDS_PER_REQUEST
        if concurrency == 1
        else defaults.SERVERLESS_SECONDS_PER_REQUEST,
    )
    if s.max_throughput is not None:
        seconds = concurrency / s.max_throughput
    enough = min(math.ceil(limit / concurrency), defaults.SERVERLESS_INSTANCES)
    low = either(s.min_instances, 0)
    high = either(s.max_instances, max(enough, low, either(s.instances, 0)))
    first = either(s.instances, low)
    if not low <= first <= high:
        raise invalid(
            one.at("instances"),
            f"'{one.resource.id}' starts with {first} warm instances, outside {low}..{high}",
            "Give minInstances <= instances <= maxInstances.",
        )
    cold = either(rate.cold_start_seconds, defaults.COLD_START_SECONDS)
    if low > 0:
        cold = either(rate.warm_start_seconds, cold)
    cold = either(s.cold_start_seconds, cold)
    record["kind"] = SERVERLESS
    record["vcpus"] = concurrency
    record["concurrency"] = concurrency
    record["concurrency_limit"] = limit
    record["cpu_s_per_request"] = seconds
    record["minimum"], record["maximum"], record["initial"] = low, high, first
    record["cold_s"] = cold
    record["boot_s"] = either(s.boot_seconds, cold)
    record["billing_minimum_s"] = 0.0
    record["usd_per_hour"] = either(s.usd_per_hour, second * 3600.0)
    record["usd_per_request"] = either(rate.usd_per_million_requests, 0.0) / 1e6
    record["usd_per_busy_s"] = second / concurrency
