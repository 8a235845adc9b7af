"""What a catalog knows about sizes and regions: frozen, typed, every figure with its source.

Units stand in the field names: ``usd_per_hour``, ``memory_gib``, ``seconds``. Shares are fractions
unless a name ends in ``_pct``. Every figure of every record names the source it was taken from.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Behaviour = Literal[
    "compute", "database", "cache", "queue", "storage", "network", "serverless", "kubernetes"
]
"""The class of behaviour a service family belongs to."""

DEFAULT_SOURCE = "*"
"""Key of ``sources`` that covers every figure without a source of its own."""


class Record(BaseModel):
    """Base of every catalog record: immutable, and misspelt keys are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Source(Record):
    """Where a figure was read.

    Attributes:
        id: Name under which the data file refers to it.
        what: Document, table and revision.
        date: Day or period of the figures; a revision or ``undated`` where none is stated.
        verified: Whether the figure was read in that document (``False``: common knowledge).
    """

    id: str
    what: str = Field(min_length=1)
    date: str = Field(min_length=1)
    verified: bool


def _parts(value: object) -> Iterable[object]:
    """Walk a value and everything inside it."""
    if isinstance(value, dict):
        value = tuple(value.values())
    if isinstance(value, tuple):
        for part in value:
            yield from _parts(part)
    else:
        yield value


class Figures(Record):
    """A record that holds figures, each with a source.

    Attributes:
        sources: Source of each figure by field name; ``"*"`` covers the rest.
        note: Derivation, conflict or condition worth knowing.
    """

    sources: Mapping[str, Source] = Field(repr=False)
    note: str = ""

    def source_of(self, figure: str) -> Source:
        """Return the source of one figure.

        Args:
            figure: Field name, for example ``"usd_per_hour"``.

        Returns:
            The source.

        Raises:
            KeyError: If the record has no such figure.
        """
        if figure not in type(self).model_fields:
            raise KeyError(figure)
        return self.sources.get(figure) or self.sources[DEFAULT_SOURCE]

    def verified(self, figure: str) -> bool:
        """Return whether one figure was read in its source."""
        return self.source_of(figure).verified

    def figures(self) -> dict[str, object]:
        """Return the fields that state facts and are set; nested records answer for themselves."""
        return {
            name: value
            for name, value in self
            if name not in ("sources", "note")
            and isinstance(value, int | float | tuple | dict)
            and value not in ((), {})
            and not any(isinstance(part, Figures) for part in _parts(value))
        }

    @model_validator(mode="after")
    def _every_figure_has_a_source(self) -> Self:
        unknown = set(self.sources) - set(type(self).model_fields) - {DEFAULT_SOURCE}
        if unknown:
            raise ValueError(f"sources name unknown figures: {sorted(unknown)}")
        if DEFAULT_SOURCE not in self.sources:
            bare = [name for name in self.figures() if name not in self.sources]
            if bare:
                raise ValueError(f"figures without a source: {bare}")
        return self


class ServiceFamily(Record):
    """A product of a provider and how the simulation treats it.

    Attributes:
        name: Identifier, for example ``ec2``.
        label: Product name.
        behaviour: Class of behaviour in the simulation.
        role: What a network or storage family does; empty for the others.
        default: Size, load balancer, CDN, storage class, cluster or serverless service that stands
            for the family when a document names none; empty where the catalog has no figures.
        connection_limited: Whether clients hold connections that can run out.
        in_specification: Whether the specification lists the family.
    """

    name: str
    label: str
    behaviour: Behaviour
    role: Literal["", "load_balancer", "cdn", "object", "block"] = ""
    default: str = ""
    connection_limited: bool = True
    in_specification: bool = True


class Region(Figures):
    """A region of a provider.

    Attributes:
        code: The provider's name, for example ``us-east-2``.
        key: Short code derived from ``code`` (see :func:`cwm_gym.catalog.region_key`).
        label: Name for people.
        zones: Zone names; empty where the region has none.
        price_index: Price level; 1 is the provider's reference region.
        lat: Latitude, degrees north, approximate.
        lon: Longitude, degrees east, approximate.
    """

    code: str
    key: str
    label: str
    zones: tuple[str, ...] = ()
    price_index: float = Field(gt=0)
    lat: float = Field(ge=-90, le=90)
    lon: float = Field(ge=-180, le=180)


class ComputeSize(Figures):
    """A virtual machine size, priced in the reference region.

    Attributes:
        name: The provider's name; ``shape:OCPU-GiB`` for flexible shapes.
        service_family: Service family it is bought in.
        family: Sizes that differ in capacity only; the ladder of right-sizing.
        cpu: ``full`` cores, cores with ``credits``, or ``shared`` cores.
        vcpu: Virtual CPUs (hardware threads on x86).
        billed_vcpu: vCPUs that a shared-core size is billed for and sustains, where published.
        ocpu: Oracle's unit, where the provider sells by it.
        memory_gib: Memory, GiB.
        usd_per_hour: On-demand price, USD per hour.
        spot_usd_per_hour: Spot price, USD per hour; ``None`` where it is not sold.
        network_gbps: Network bandwidth, Gbit/s.
        network_kind: Whether ``network_gbps`` is a sustained baseline or a maximum.
    """

    name: str
    service_family: str
    family: str
    cpu: Literal["full", "credits", "shared"] = "full"
    vcpu: float = Field(gt=0)
    billed_vcpu: float | None = Field(default=None, gt=0)
    ocpu: float | None = Field(default=None, gt=0)
    memory_gib: float = Field(gt=0)
    usd_per_hour: float = Field(gt=0)
    spot_usd_per_hour: float | None = Field(default=None, gt=0)
    network_gbps: float | None = Field(default=None, gt=0)
    network_kind: Literal["baseline", "maximum"] = "maximum"

    @property
    def burstable(self) -> bool:
        """Whether the size cannot sustain all its vCPUs (credits or shared cores)."""
        return self.cpu != "full"

    @property
    def spot_discount(self) -> float | None:
        """Share of the on-demand price that spot saves; ``None`` where it is not sold."""
        if self.spot_usd_per_hour is None:
            return None
        return 1.0 - self.spot_usd_per_hour / self.usd_per_hour


class FlexShape(Figures):
    """A shape sold by the OCPU and the GiB, from which sizes are composed.

    Attributes:
        name: Name of the shape.
        service_family: Service family it is bought in.
        usd_per_ocpu_hour: Price of an OCPU, USD per hour.
        usd_per_gib_hour: Price of memory, USD per GiB and hour.
        vcpu_per_ocpu: Hardware threads per OCPU (2 on x86, 1 on Arm).
        network_gbps_per_ocpu: Network bandwidth per OCPU, Gbit/s.
        spot_discount: Share of the price that preemptible capacity saves.
        sizes: Offered ``OCPU-GiB`` pairs, smallest first; other pairs inside their range can be
            composed.
    """

    name: str
    service_family: str
    usd_per_ocpu_hour: float = Field(gt=0)
    usd_per_gib_hour: float = Field(gt=0)
    vcpu_per_ocpu: int = Field(gt=0)
    network_gbps_per_ocpu: float = Field(gt=0)
    spot_discount: float = Field(gt=0, lt=1)
    sizes: tuple[str, ...]

    def compose(self, ocpu: int, memory_gib: int) -> ComputeSize:
        """Price a size of this shape from its parts.

        Args:
            ocpu: OCPUs.
            memory_gib: Memory, GiB.

        Returns:
            The size, named ``shape:ocpu-memory_gib``.
        """
        usd = round(ocpu * self.usd_per_ocpu_hour + memory_gib * self.usd_per_gib_hour, 9)
        price = self.source_of("usd_per_ocpu_hour")
        return ComputeSize(
            name=f"{self.name}:{ocpu}-{memory_gib}",
            service_family=self.service_family,
            family=self.name,
            vcpu=ocpu * self.vcpu_per_ocpu,
            ocpu=ocpu,
            memory_gib=memory_gib,
            usd_per_hour=usd,
            spot_usd_per_hour=round(usd * (1.0 - self.spot_discount), 9),
            network_gbps=ocpu * self.network_gbps_per_ocpu,
            sources={
                DEFAULT_SOURCE: price,
                "spot_usd_per_hour": self.source_of("spot_discount"),
                "network_gbps": self.source_of("network_gbps_per_ocpu"),
            },
            note=self.note,
        )


class DatabaseSize(Figures):
    """A database size, priced in the reference region.

    Attributes:
        name: The provider's name.
        service_family: Service family it is bought in.
        family: Sizes that differ in capacity only.
        engines: Engines the row is valid for; the first is the one meant when none is asked for.
        vcpu: Virtual CPUs, where the provider states them.
        memory_gib: Memory, GiB, where the provider states it.
        units: Capacity in the provider's own unit, where it sells by one.
        unit: That unit (an OCPU is about four ECPU).
        usd_per_hour: Price without standby, USD per hour; ``None`` where it is billed by use only.
        ha_usd_per_hour: Price with a standby, USD per hour; ``None`` where it cannot have one or
            its price is not known.
        max_connections: Connection limit for the first engine; ``None`` where none is known.
        engine_connections: Limits that differ for other engines.
        standby_included: Whether the price without a standby already pays for replicas.
    """

    name: str
    service_family: str
    family: str
    engines: tuple[str, ...] = Field(min_length=1)
    vcpu: float | None = Field(default=None, gt=0)
    memory_gib: float | None = Field(default=None, gt=0)
    units: float | None = Field(default=None, gt=0)
    unit: Literal["", "acu", "dtu", "ecpu", "node", "ocpu"] = ""
    usd_per_hour: float | None = Field(default=None, gt=0)
    ha_usd_per_hour: float | None = Field(default=None, gt=0)
    max_connections: int | None = Field(default=None, gt=0)
    engine_connections: Mapping[str, int] = Field(default_factory=dict)
    standby_included: bool = False

    @property
    def engine(self) -> str:
        """The engine meant when none is asked for."""
        return self.engines[0]

    def connections(self, engine: str | None = None) -> int | None:
        """Return the connection limit.

        Args:
            engine: Engine; ``None`` means the first of :attr:`engines`.

        Returns:
            The limit, or ``None`` where none is known.
        """
        return self.engine_connections.get(engine or self.engine, self.max_connections)


class RegionalPrice(Figures):
    """A price that the provider lists for one region, in place of the price index.

    Attributes:
        usd_per_hour: On-demand price there, USD per hour.
        spot_usd_per_hour: Spot price there, USD per hour, where quoted.
    """

    usd_per_hour: float = Field(gt=0)
    spot_usd_per_hour: float | None = Field(default=None, gt=0)


class Alias(Record):
    """A name that is not for sale and the size it stands for.

    Attributes:
        to: Name of the size.
        why: Why the alias exists and how the size was chosen.
    """

    to: str
    why: str = Field(min_length=1)
