"""What a catalog knows about everything that is not bought by the size: networks, storage, use.

Rates are those of the provider's reference region; the price index of a region was measured on a
virtual machine and says nothing about them.
"""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import Field

from cwm_gym.catalog.schema import Figures, Record


class Tier(Record):
    """One step of a volume price.

    Attributes:
        up_to_gb: The step ends at this many GB per month; ``None`` means it does not end.
        usd_per_gb: Price inside the step, USD per GB.
    """

    up_to_gb: float | None = Field(default=None, gt=0)
    usd_per_gb: float = Field(ge=0)


class CapacityUnit(Figures):
    """The unit in which a load balancer's use is billed, and what one unit covers.

    The number of units is the largest demand-to-cover ratio over the dimensions that are set.

    Attributes:
        name: For example ``LCU``.
        usd_per_hour: Price of a unit, USD per hour.
        included: Units that the hourly price already contains.
        new_connections_per_second: Covered by one unit.
        active_connections: Covered by one unit.
        gb_per_hour: Covered by one unit.
        rule_evaluations_per_second: Covered by one unit.
        requests_per_second: Covered by one unit.
        mbps: Covered by one unit, Mbit/s.
    """

    name: str
    usd_per_hour: float = Field(gt=0)
    included: float = Field(default=0, ge=0)
    new_connections_per_second: float | None = Field(default=None, gt=0)
    active_connections: float | None = Field(default=None, gt=0)
    gb_per_hour: float | None = Field(default=None, gt=0)
    rule_evaluations_per_second: float | None = Field(default=None, gt=0)
    requests_per_second: float | None = Field(default=None, gt=0)
    mbps: float | None = Field(default=None, gt=0)


class LoadBalancer(Figures):
    """A load balancer: ``usd_per_hour + units beyond the included * unit price + GB * price``.

    Attributes:
        key: Identifier inside the catalog.
        service_family: Service family it is bought in.
        label: Product name.
        usd_per_hour: Base price, USD per hour.
        unit: Capacity unit, where use is billed by one.
        usd_per_gb: Price of processed data, USD per GB.
        additional_rule_usd_per_hour: Price of each rule beyond those in the base price.
    """

    key: str
    service_family: str
    label: str
    usd_per_hour: float = Field(gt=0)
    unit: CapacityUnit | None = None
    usd_per_gb: float = Field(default=0, ge=0)
    additional_rule_usd_per_hour: float | None = Field(default=None, ge=0)


class Cdn(Figures):
    """A content delivery network.

    Attributes:
        key: Identifier inside the catalog.
        service_family: Service family it is bought in.
        label: Product name.
        egress: Price of delivered data by monthly volume.
        usd_per_10k_https: Price of ten thousand HTTPS requests.
        usd_per_10k_http: Price of ten thousand HTTP requests.
    """

    key: str
    service_family: str
    label: str
    egress: tuple[Tier, ...] = Field(min_length=1)
    usd_per_10k_https: float | None = Field(default=None, ge=0)
    usd_per_10k_http: float | None = Field(default=None, ge=0)

    @property
    def usd_per_gb(self) -> float:
        """Price of the first step, USD per GB."""
        return self.egress[0].usd_per_gb


class StorageClass(Figures):
    """Object storage, a volume type, or the storage of a database.

    Attributes:
        key: Identifier inside the catalog.
        service_family: Service family it is bought in.
        label: Product name.
        kind: ``object``, ``block`` or ``database``.
        usd_per_gb_month: Price, USD per GB and month.
        ha_usd_per_gb_month: The same with a standby.
        disk_gib: Size of a disk that is sold whole.
        usd_per_month: Price of such a disk or of a subscription, USD per month.
        included_gb: Storage inside the subscription, GB.
        included_transfer_gb: Transfer inside the subscription, GB per month.
        base_iops: I/O operations per second that every volume has.
        iops_per_gb: Further IOPS per GB.
        write_iops_per_gb: The same for writes, where it differs.
        min_iops: Floor of the IOPS.
        max_iops: Ceiling of the IOPS.
        burst_iops: IOPS reached for a while.
        throughput_mbps: Throughput of the volume, MB/s.
        usd_per_iops_month: Price of a provisioned IOPS, USD per month.
        usd_per_mbps_month: Price of a provisioned MB/s, USD per month.
        performance_units: Performance units bought per GB.
        usd_per_performance_unit_month: Price of one of them, USD per GB and month.
        usd_per_million_io: Price of a million I/O operations.
        usd_per_1k_put: Price of a thousand writes of objects.
        usd_per_1k_get: Price of a thousand reads of objects.
    """

    key: str
    service_family: str
    label: str
    kind: str = Field(pattern="^(object|block|database)$")
    usd_per_gb_month: float | None = Field(default=None, gt=0)
    ha_usd_per_gb_month: float | None = Field(default=None, gt=0)
    disk_gib: float | None = Field(default=None, gt=0)
    usd_per_month: float | None = Field(default=None, gt=0)
    included_gb: float | None = Field(default=None, gt=0)
    included_transfer_gb: float | None = Field(default=None, gt=0)
    base_iops: float | None = Field(default=None, gt=0)
    iops_per_gb: float | None = Field(default=None, gt=0)
    write_iops_per_gb: float | None = Field(default=None, gt=0)
    min_iops: float | None = Field(default=None, gt=0)
    max_iops: float | None = Field(default=None, gt=0)
    burst_iops: float | None = Field(default=None, gt=0)
    throughput_mbps: float | None = Field(default=None, gt=0)
    usd_per_iops_month: float | None = Field(default=None, gt=0)
    usd_per_mbps_month: float | None = Field(default=None, gt=0)
    performance_units: float | None = Field(default=None, gt=0)
    usd_per_performance_unit_month: float | None = Field(default=None, gt=0)
    usd_per_million_io: float | None = Field(default=None, gt=0)
    usd_per_1k_put: float | None = Field(default=None, gt=0)
    usd_per_1k_get: float | None = Field(default=None, gt=0)

    def iops(self, capacity_gb: float) -> float | None:
        """Return the sustained IOPS of a volume.

        Disks that are sold whole add up, as many as the capacity needs.

        Args:
            capacity_gb: Size of the volume, GB.

        Returns:
            I/O operations per second, or ``None`` where the class publishes none.
        """
        if self.base_iops is None and self.iops_per_gb is None:
            return None
        disks = 1.0 if self.disk_gib is None else max(1.0, -(-capacity_gb // self.disk_gib))
        iops = (self.base_iops or 0.0) * disks + (self.iops_per_gb or 0.0) * capacity_gb
        floor, ceiling = self.min_iops or 0.0, self.max_iops or float("inf")
        return min(max(iops, floor), ceiling)

    def usd_per_hour(self, capacity_gb: float, hours_per_month: float = 730.0) -> float:
        """Return the price of stored data, without operations and provisioned performance.

        A disk that is sold whole is bought as many times as the capacity needs.

        Args:
            capacity_gb: Stored or provisioned capacity, GB.
            hours_per_month: Hours in a billing month.

        Returns:
            USD per hour.
        """
        per_gb = self.usd_per_gb_month or 0.0
        per_gb += (self.performance_units or 0.0) * (self.usd_per_performance_unit_month or 0.0)
        if self.disk_gib is not None:
            disks = max(1.0, -(-capacity_gb // self.disk_gib))
            return disks * (self.usd_per_month or 0.0) / hours_per_month
        billed = max(0.0, capacity_gb - (self.included_gb or 0.0))
        return ((self.usd_per_month or 0.0) + billed * per_gb) / hours_per_month


class Egress(Figures):
    """Data leaving a provider or moving inside it.

    Attributes:
        internet: Price by monthly volume; a free allowance that is part of the list is a step at 0.
        inter_region_usd_per_gb: Between regions of the provider.
        inter_zone_usd_per_gb: Between zones of a region, each direction.
        free_gb_per_month: Free allowance per account outside the steps; not applied to prices.
        regional_usd_per_gb: Internet price beyond the free steps in regions that differ.
    """

    internet: tuple[Tier, ...] = Field(min_length=1)
    inter_region_usd_per_gb: float | None = Field(default=None, ge=0)
    inter_zone_usd_per_gb: float | None = Field(default=None, ge=0)
    free_gb_per_month: float | None = Field(default=None, ge=0)
    regional_usd_per_gb: Mapping[str, float] = Field(default_factory=dict)

    def internet_usd_per_gb(self, region: str | None = None) -> float:
        """Return the price of the first step that costs something.

        Args:
            region: Region code; ``None`` means the reference region.

        Returns:
            USD per GB.
        """
        if region is not None and region in self.regional_usd_per_gb:
            return self.regional_usd_per_gb[region]
        return next(tier.usd_per_gb for tier in self.internet if tier.usd_per_gb > 0)


class Kubernetes(Figures):
    """A managed Kubernetes service.

    Attributes:
        key: Identifier inside the catalog.
        service_family: Service family it is bought in.
        label: Product name.
        usd_per_cluster_hour: Control plane, USD per hour.
        basic_usd_per_cluster_hour: Control plane of a lesser tier, USD per hour.
        ha_usd_per_cluster_hour: Control plane with standby, USD per hour.
        extended_usd_per_cluster_hour: Control plane of an old version, USD per hour.
        virtual_node_usd_per_hour: Fee of a virtual node, USD per hour.
        default_node_size: Node size the provider's tools pick; empty where none was found.
        scale_out_seconds: Scale-out lag that the specification gives.
        cooldown_seconds: Cooldown that the specification gives.
        hpa_cpu_pct: CPU target of the horizontal pod autoscaler in the specification, per cent.
    """

    key: str
    service_family: str
    label: str
    usd_per_cluster_hour: float = Field(ge=0)
    basic_usd_per_cluster_hour: float | None = Field(default=None, ge=0)
    ha_usd_per_cluster_hour: float | None = Field(default=None, ge=0)
    extended_usd_per_cluster_hour: float | None = Field(default=None, ge=0)
    virtual_node_usd_per_hour: float | None = Field(default=None, ge=0)
    default_node_size: str = ""
    scale_out_seconds: float | None = Field(default=None, gt=0)
    cooldown_seconds: float | None = Field(default=None, ge=0)
    hpa_cpu_pct: float | None = Field(default=None, gt=0, le=100)


class Serverless(Figures):
    """A service billed by use.

    Attributes:
        key: Identifier inside the catalog.
        service_family: Service family it is bought in.
        label: Product name.
        usd_per_million_requests: Price of a million requests or invocations.
        usd_per_gb_second: Price of memory, USD per GB (or GiB) and second.
        usd_per_vcpu_second: Price of CPU, USD per vCPU and second.
        usd_per_ghz_second: Price of CPU, USD per GHz and second.
        usd_per_gb_hour: Price of memory, USD per GB and hour.
        usd_per_vcpu_hour: Price of CPU, USD per vCPU and hour.
        usd_per_ocpu_hour: Price of CPU, USD per OCPU and hour.
        usd_per_hour: Price of an always-on instance, USD per hour.
        usd_per_month: Price of an always-on instance, USD per month.
        usd_per_million_reads: Price of a million read units.
        usd_per_million_writes: Price of a million write units.
        usd_per_million_units: Price of a million of the service's own units.
        concurrency: Requests that one instance serves at a time by default.
        max_concurrency: The same at most.
        account_concurrency: Requests served at a time by default over the account.
        cold_start_seconds: Scale-out lag that the specification gives.
        warm_start_seconds: The same with a minimum of instances kept warm.
    """

    key: str
    service_family: str
    label: str
    usd_per_million_requests: float | None = Field(default=None, ge=0)
    usd_per_gb_second: float | None = Field(default=None, gt=0)
    usd_per_vcpu_second: float | None = Field(default=None, gt=0)
    usd_per_ghz_second: float | None = Field(default=None, gt=0)
    usd_per_gb_hour: float | None = Field(default=None, gt=0)
    usd_per_vcpu_hour: float | None = Field(default=None, gt=0)
    usd_per_ocpu_hour: float | None = Field(default=None, gt=0)
    usd_per_hour: float | None = Field(default=None, gt=0)
    usd_per_month: float | None = Field(default=None, gt=0)
    usd_per_million_reads: float | None = Field(default=None, gt=0)
    usd_per_million_writes: float | None = Field(default=None, gt=0)
    usd_per_million_units: float | None = Field(default=None, gt=0)
    concurrency: int | None = Field(default=None, gt=0)
    max_concurrency: int | None = Field(default=None, gt=0)
    account_concurrency: int | None = Field(default=None, gt=0)
    cold_start_seconds: float | None = Field(default=None, gt=0)
    warm_start_seconds: float | None = Field(default=None, gt=0)


class OtherRate(Figures):
    """A rate of a service that the simulation does not model as a resource of its own.

    Attributes:
        key: Identifier inside the catalog.
        service_family: Service family it is bought in.
        label: Product name.
        unit: What the price is for, for example ``hour``.
        usd: Price of one unit.
        usd_per_gb: Price of processed data, USD per GB.
    """

    key: str
    service_family: str
    label: str
    unit: str
    usd: float = Field(gt=0)
    usd_per_gb: float | None = Field(default=None, ge=0)


class CapacityUnits(Figures):
    """A database that is billed by a capacity which follows the load.

    Attributes:
        service_family: Service family it is bought in.
        usd_per_unit_hour: Price of a unit, USD per hour.
        memory_gib_per_unit: Memory of a unit, GiB.
        tiers: Capacities it climbs through, one per step.
        lag_steps: Steps by which capacity trails the load (least, most).
        cost_lag_steps: Steps over which the cost rises (least, most).
        crash_units: Capacity after a crash when no minimum is set.
        step_seconds: Length of a step at which the ramps are anchored.
        io_optimized_usd_per_unit_hour: Price of a unit with I/O included, USD per hour.
    """

    service_family: str
    usd_per_unit_hour: float = Field(gt=0)
    memory_gib_per_unit: float = Field(gt=0)
    tiers: tuple[float, ...] = Field(min_length=1)
    lag_steps: tuple[int, int]
    cost_lag_steps: tuple[int, int]
    crash_units: float = Field(gt=0)
    step_seconds: float = Field(gt=0)
    io_optimized_usd_per_unit_hour: float | None = Field(default=None, gt=0)
