"""Prices, limits, boot times and regions of five providers: dated, sourced data.

``load(provider)`` gives everything known about a provider; ``price``, ``resolve_size``,
``resolve_region`` and their neighbours answer the usual questions and raise one clear
:class:`~cwm_gym.spec.errors.SpecError` for a name they do not know.
"""

from __future__ import annotations

from cwm_gym.catalog.loader import load, providers
from cwm_gym.catalog.lookup import (
    ladder,
    resolve_region,
    resolve_service_family,
    resolve_size,
    resolve_zone,
    sizes,
)
from cwm_gym.catalog.operation import (
    AutoscalerDefaults,
    Billing,
    BootTime,
    SpotMarket,
    SpotQuote,
    Timing,
)
from cwm_gym.catalog.prices import MARKETS, price, spot_quote
from cwm_gym.catalog.provider import Provider
from cwm_gym.catalog.rates import (
    CapacityUnit,
    CapacityUnits,
    Cdn,
    Egress,
    Kubernetes,
    LoadBalancer,
    OtherRate,
    Serverless,
    StorageClass,
    Tier,
)
from cwm_gym.catalog.regions import region_key
from cwm_gym.catalog.schema import (
    Alias,
    ComputeSize,
    DatabaseSize,
    Figures,
    FlexShape,
    Region,
    RegionalPrice,
    ServiceFamily,
    Source,
)

__all__ = [
    "MARKETS",
    "Alias",
    "AutoscalerDefaults",
    "Billing",
    "BootTime",
    "CapacityUnit",
    "CapacityUnits",
    "Cdn",
    "ComputeSize",
    "DatabaseSize",
    "Egress",
    "Figures",
    "FlexShape",
    "Kubernetes",
    "LoadBalancer",
    "OtherRate",
    "Provider",
    "Region",
    "RegionalPrice",
    "Serverless",
    "ServiceFamily",
    "Source",
    "SpotMarket",
    "SpotQuote",
    "StorageClass",
    "Tier",
    "Timing",
    "ladder",
    "load",
    "price",
    "providers",
    "region_key",
    "resolve_region",
    "resolve_service_family",
    "resolve_size",
    "resolve_zone",
    "sizes",
    "spot_quote",
]
