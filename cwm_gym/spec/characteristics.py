"""A resource's settings: the specification's fields and what a simulation needs besides."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Literal

from pydantic import AliasChoices, Field

from cwm_gym.spec.base import Document
from cwm_gym.spec.errors import ErrorCode, Problem
from cwm_gym.spec.problems import pointer, range_problems, read, read_items, read_number
from cwm_gym.spec.quantities import (
    Count,
    Flag,
    Fraction,
    NonNegative,
    Positive,
    Text,
    Whole,
)

Market = Literal["on_demand", "spot"]
Balancing = Literal["least_outstanding", "random", "round_robin"]
ServiceDistribution = Literal["exponential", "gamma", "lognormal"]
SpotHazard = Literal["advisor", "scarce"]


class NodePool(Document):
    """One pool of identical worker nodes in a Kubernetes cluster."""

    name: Text | None = None
    """For people; unique within the cluster."""
    node_count: Count | None = None
    """Nodes at the start."""
    min_nodes: Whole | None = None
    """Fewest nodes; None means the provider's autoscaling profile."""
    max_nodes: Count | None = None
    """Most nodes; None means the provider's autoscaling profile."""
    per_node_rate: NonNegative | None = None
    """Price of one node, USD/h; None means the catalog's price of its size."""
    size: Text | None = None
    """Size of a node; None means the cluster's (extension)."""
    market: Market | None = None
    """How a node is bought; None means the cluster's (extension)."""

    @classmethod
    def _conflicts(cls, node: object) -> Iterable[Problem]:
        return range_problems(node, "minNodes", "maxNodes", "nodeCount")


class Characteristics(Document):
    """Settings of one resource; None means that the catalog's figure for its service applies.

    The first block holds the specification's fields, the blocks below the library's extensions.
    """

    service_family: Text | None = None
    """The provider's service, for example ``ec2``."""
    size: Text | None = Field(
        default=None,
        validation_alias=AliasChoices("size", "instanceType", "instance_type"),
        serialization_alias="size",
    )
    """Size, for example ``m5.large``; ``instanceType`` is accepted too."""
    max_throughput: Positive | None = None
    """Requests per second that one instance serves; overrides vCPUs / cpuSecondsPerRequest."""
    base_latency: NonNegative | None = None
    """Latency that the resource adds to every request even when idle, ms."""
    max_connections: Count | None = None
    """Database: concurrent connections."""
    capacity_gb: Positive | None = Field(default=None, alias="capacityGB")
    """Storage: provisioned capacity, GB."""
    max_iops: Positive | None = None
    """Storage: provisioned I/O operations per second."""
    cache_hit_rate: Fraction | None = None
    """Cache and CDN: share of requests answered without the origin."""
    autoscaling: Flag | None = None
    """Marks the pool that is scaled; without any mark it is the first compute resource."""
    node_count: Count | None = None
    """Kubernetes: nodes at the start (single pool)."""
    min_nodes: Whole | None = None
    """Kubernetes: fewest nodes (single pool)."""
    max_nodes: Count | None = None
    """Kubernetes: most nodes (single pool)."""
    node_pools: Annotated[tuple[NodePool, ...], Field(min_length=1)] | None = None
    """Kubernetes: several pools; they supersede the single-pool fields."""

    region: Text | None = None
    """The provider's region."""
    zones: Annotated[tuple[Text, ...], Field(min_length=1)] | None = None
    """Zones over which instances are spread evenly."""
    tier: Text | None = None
    """Service tier, for example ``standard``."""
    market: Market | None = None
    """How instances are bought."""
    ha: Flag | None = None
    """Database: a standby in another zone, billed and ready to take over."""
    failover_seconds: NonNegative | None = None
    """Database: from the loss of the primary until the standby serves, s."""
    read_replicas: Whole | None = None
    """Database: replicas that share its reads."""
    read_share: Fraction | None = None
    """Database: share of its queries that replicas can answer."""
    min_capacity_units: Positive | None = None
    """Serverless database: fewest capacity units."""
    max_capacity_units: Positive | None = None
    """Serverless database: most capacity units."""

    instances: Count | None = None
    """Instances at the start."""
    min_instances: Whole | None = None
    """Smallest fleet."""
    max_instances: Count | None = None
    """Largest fleet."""
    boot_seconds: NonNegative | None = None
    """From launch to the first request served, s."""
    warmup_seconds: NonNegative | None = None
    """From the first request served to full speed, s."""
    warmup_speed: Annotated[Fraction, Field(gt=0)] | None = None
    """Speed at the start of the warm-up, relative to full speed."""
    drain_seconds: NonNegative | None = None
    """How long a leaving instance still finishes its requests and is paid for, s."""

    usd_per_hour: NonNegative | None = None
    """Price of one instance, USD/h; replaces the catalog's, or stands where it has none."""
    spot_hazard: SpotHazard | None = None
    """Spot: preset of the market: ``advisor`` is calm, as the provider's advisor reports it,
    ``scarce`` a size in short supply. The four figures below replace the preset's."""
    interruptions_per_hour: NonNegative | None = None
    """Spot: interruptions that one instance suffers, 1/h."""
    block_share: Fraction | None = None
    """Spot: share of a zone's instances that one interruption takes; 0 = a single instance."""
    notice_seconds: NonNegative | None = None
    """Spot: warning before an instance is taken back, s."""
    capacity_return_seconds: NonNegative | None = None
    """Spot: mean time until the market can give instances again after a loss, s."""

    cpu_seconds_per_request: Positive | None = None
    """Mean CPU time of one request (database: of the queries of one request), s."""
    service_cv2: NonNegative | None = None
    """Squared coefficient of variation of the service time; 1 is exponential."""
    service_distribution: ServiceDistribution | None = None
    """Law of the service time."""
    timeout_seconds: Positive | None = None
    """A request that has waited this long gives up, s."""
    queue_capacity: Whole | None = None
    """Waiting requests per instance; further ones are rejected."""
    contention: Fraction | None = None
    """Share of the work that instances cannot do side by side: sigma of the Universal Scalability
    Law (Gunther 1993) without its coherency term, capacity(n) = n / (1 + sigma (n - 1))."""
    critical_speed: Annotated[Fraction, Field(gt=0)] | None = None
    """Speed of an instance while its health is critical, relative to full speed."""
    concurrency: Count | None = None
    """Serverless: requests that one instance serves at once."""
    max_concurrency: Count | None = None
    """Serverless: requests that the whole service has in hand at most; further ones are
    rejected."""
    cold_start_seconds: NonNegative | None = None
    """Serverless: from a request without a free instance to that instance's first work, s."""
    keep_alive_seconds: NonNegative | None = None
    """Serverless: idle time after which an instance is reclaimed, s."""
    memory_gb: Positive | None = Field(default=None, alias="memoryGB")
    """Serverless: memory of one instance, for which its running time is billed, GB."""
    io_per_request: NonNegative | None = None
    """Storage: I/O operations per request."""
    balancing: Balancing | None = None
    """How requests are spread over the instances."""
    visit_probability: Fraction | None = None
    """Share of the requests upstream that reach this resource."""
    idle_connections_per_instance: NonNegative | None = None
    """Database: connections that every ready instance holds while idle."""
    refuse_when_full: Flag | None = None
    """Database: true fails a request that finds no free connection, false lets it wait."""
    response_kilobytes: NonNegative | None = None
    """Mean response that leaves the provider's network (egress), kB = 1000 bytes."""

    @classmethod
    def _conflicts(cls, node: object) -> Iterable[Problem]:
        yield from range_problems(node, "minInstances", "maxInstances", "instances")
        yield from range_problems(node, "minNodes", "maxNodes", "nodeCount")
        yield from range_problems(node, "minCapacityUnits", "maxCapacityUnits")
        yield from _repeated("nodePools", [read(p, "name") for p in read_items(node, "nodePools")])
        yield from _repeated("zones", read_items(node, "zones"))
        yield from _spot_problems(node)
        variation = read_number(node, "serviceCv2")
        if read(node, "serviceDistribution") == "exponential" and variation not in (None, 1):
            yield Problem(
                ErrorCode.INVALID_FIELD,
                pointer("serviceCv2"),
                f"serviceCv2 ({variation:g}) must be 1 with an exponential service time",
                "Use serviceDistribution 'gamma' or 'lognormal'.",
            )


_SPOT = (
    "spotHazard",
    "interruptionsPerHour",
    "blockShare",
    "noticeSeconds",
    "capacityReturnSeconds",
)


def _spot_problems(node: object) -> Iterable[Problem]:
    """Find spot settings of what is expressly bought on demand."""
    markets = [read(pool, "market") for pool in read_items(node, "nodePools")]
    if read(node, "market") != "on_demand" or "spot" in markets:
        return
    for name in _SPOT:
        if read(node, name) is not None:
            yield Problem(
                ErrorCode.INVALID_FIELD,
                pointer(name),
                f"{name} means nothing to instances that are bought on demand",
                "Set market to 'spot', or remove it.",
            )


def _repeated(field: str, names: Iterable[object]) -> Iterable[Problem]:
    seen: set[str] = set()
    for index, name in enumerate(names):
        if not isinstance(name, str):
            continue
        if name in seen:
            yield Problem(
                ErrorCode.INVALID_FIELD,
                pointer(field, index),
                f"'{name}' stands twice in {field}",
                "Give each its own name.",
            )
        seen.add(name)
