"""The catalog of one provider."""

from __future__ import annotations

from collections.abc import Mapping

from cwm_gym.catalog.operation import AutoscalerDefaults, Billing, SpotMarket, Timing
from cwm_gym.catalog.rates import (
    CapacityUnits,
    Cdn,
    Egress,
    Kubernetes,
    LoadBalancer,
    OtherRate,
    Serverless,
    StorageClass,
)
from cwm_gym.catalog.schema import (
    Alias,
    ComputeSize,
    DatabaseSize,
    FlexShape,
    Record,
    Region,
    RegionalPrice,
    ServiceFamily,
    Source,
)


class Provider(Record):
    """Everything the catalog knows about one provider.

    Prices are those of ``reference_region``; use :func:`cwm_gym.catalog.price` for another one.

    Attributes:
        name: Identifier, for example ``aws``.
        label: Name for people.
        reference_region: Code of the region whose price index is 1.
        default_compute: Size taken when a document names none.
        default_database: Database size taken when a document names none.
        default_volume: Key of the volume type whose IOPS are the default ``maxIops``.
        sources: Sources by id.
        service_families: Service families by name.
        regions: Regions by code.
        compute: Compute sizes by name.
        flex: Shapes from which further compute sizes can be composed, by name.
        databases: Database sizes; of rows with one name the first is meant when nothing more is
            said.
        regional_prices: Listed prices by region code and compute size.
        aliases: Names that are not for sale, and what they stand for.
        timing: Boot and cooldown.
        billing: Granularity and minimum of billing.
        autoscaler: Autoscaler settings at the start of an episode.
        spot: The spot market; ``None`` where there is none.
        load_balancers: Load balancers by key.
        cdns: Content delivery networks by key.
        storage: Storage classes by key.
        egress: Data transfer.
        kubernetes: The managed Kubernetes service.
        serverless: Services billed by use, by key.
        capacity_units: The database whose capacity follows the load, where there is one.
        other: Further rates by key.
    """

    name: str
    label: str
    reference_region: str
    default_compute: str
    default_database: str
    default_volume: str
    sources: Mapping[str, Source]
    service_families: Mapping[str, ServiceFamily]
    regions: Mapping[str, Region]
    compute: Mapping[str, ComputeSize]
    flex: Mapping[str, FlexShape]
    databases: tuple[DatabaseSize, ...]
    regional_prices: Mapping[str, Mapping[str, RegionalPrice]]
    aliases: Mapping[str, Alias]
    timing: Timing
    billing: Billing
    autoscaler: AutoscalerDefaults
    spot: SpotMarket | None
    load_balancers: Mapping[str, LoadBalancer]
    cdns: Mapping[str, Cdn]
    storage: Mapping[str, StorageClass]
    egress: Egress
    kubernetes: Kubernetes
    serverless: Mapping[str, Serverless]
    capacity_units: CapacityUnits | None
    other: Mapping[str, OtherRate]

    @property
    def volume(self) -> StorageClass:
        """The default volume type."""
        return self.storage[self.default_volume]
