"""Resources as vertices of the request graph: each in the role that its service plays."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from cwm_gym import catalog
from cwm_gym.catalog import ServiceFamily, StorageClass
from cwm_gym.spec import NodePool, Resource, Simulation
from cwm_gym.spec.characteristics import Characteristics
from cwm_gym.spec.errors import ErrorCode, Problem, closest, invalid

Role = Literal["network", "queue", "pool", "cache", "database", "volume", "bucket"]

BACKEND_ROLES = ("cache", "database", "volume")
"""Roles that take a slot among the backends."""

# What a service may behave like inside a resource of a type. The specification has no type of its
# own for functions and containers: there they are compute.
_BEHAVIOURS: dict[str, tuple[str, ...]] = {
    "compute": ("compute", "serverless", "kubernetes"),
    "kubernetes": ("kubernetes", "compute"),
    "serverless": ("serverless",),
    "database": ("database",),
    "storage": ("storage",),
    "network": ("network",),
    "cache": ("cache", "compute"),
    "queue": ("queue",),
}


def either(value: Any, otherwise: Any) -> Any:
    """Return ``value``, or ``otherwise`` where it is None."""
    return otherwise if value is None else value


@dataclass(frozen=True)
class Placed:
    """A resource, its merged settings, and where it stands in the document.

    Attributes:
        resource: The document.
        settings: Its three shapes merged.
        pointer: JSON pointer to it.
        spare: Whether it is not there until an action adds it.
    """

    resource: Resource
    settings: Characteristics
    pointer: str
    spare: bool = False

    @property
    def provider(self) -> str:
        """Provider's name."""
        return self.resource.provider

    @property
    def family(self) -> ServiceFamily | None:
        """Service family, where the document names one."""
        name = self.settings.service_family
        if name is None:
            return None
        return catalog.resolve_service_family(self.provider, name, pointer=self.at("serviceFamily"))

    @property
    def behaviour(self) -> str:
        """Class of its behaviour: its service family's, else its type."""
        kind = self.resource.type
        family = self.family
        if family is None or kind in ("kubernetes", "cache"):
            return kind
        return family.behaviour

    def at(self, field: str) -> str:
        """Point at one of its settings, as the document writes it."""
        return f"{self.pointer}/characteristics/{field}"


@dataclass(frozen=True)
class Vertex:
    """One vertex of the request graph: a resource, or one node pool of a cluster.

    Attributes:
        name: Name under which actions and faults know it.
        one: The resource.
        role: What it does to requests.
        node_pool: Node pool of a Kubernetes cluster that has several.
        spare: Whether it is not there until an action adds it.
    """

    name: str
    one: Placed
    role: Role
    node_pool: NodePool | None = None
    spare: bool = False


def place(simulation: Simulation) -> tuple[Placed, ...]:
    """Find all resources of a simulation, spares at the end."""
    found = [
        Placed(resource, resource.settings(), f"/resources/{index}")
        for index, resource in enumerate(simulation.resources)
    ]
    found += [
        Placed(resource, resource.settings(), f"/spares/{index}", spare=True)
        for index, resource in enumerate(simulation.spares)
    ]
    return tuple(found)


def vertices_of(one: Placed) -> Iterable[Vertex]:
    """Make the vertices of a resource: one, or one for each of several node pools.

    Args:
        one: The resource.

    Yields:
        Its vertices.

    Raises:
        SpecError: For an unknown or unfitting service family.
    """
    role = _role(one)
    pools = one.settings.node_pools or ()
    if one.behaviour != "kubernetes" or not pools:
        yield Vertex(one.resource.id, one, role, spare=one.spare)
        return
    for index, pool in enumerate(pools):
        name = one.resource.id
        if len(pools) > 1:
            name = f"{name}/{pool.name or index}"
        yield Vertex(name, one, role, node_pool=pool, spare=one.spare)


def unfitting(one: Placed) -> Iterable[Problem]:
    """Find what speaks against a resource before anything else is asked.

    Args:
        one: The resource.

    Yields:
        A problem where its service family does not fit its type, or where it cannot be a spare.
    """
    family = one.family
    kind = one.resource.type
    if family is not None and family.behaviour not in _BEHAVIOURS[kind]:
        known = catalog.load(one.provider).service_families.values()
        fitting = [row.name for row in known if row.behaviour in _BEHAVIOURS[kind]]
        yield Problem(
            ErrorCode.INVALID_FIELD,
            one.at("serviceFamily"),
            f"Service family '{family.name}' ({family.behaviour}) does not fit a resource of "
            f"type '{kind}'",
            f"Use one of: {', '.join(fitting)}." if fitting else "Leave it out.",
        )
    elif one.spare and _role(one) in ("network", "queue", "bucket"):
        yield Problem(
            ErrorCode.INVALID_FIELD,
            f"{one.pointer}/type",
            f"A resource of type '{kind}' cannot be brought in while an episode runs",
            "Spares are compute, kubernetes, serverless, database and cache resources, and "
            "volumes.",
        )


def storage_class(one: Placed) -> StorageClass:
    """Find the storage that a resource of that type stands for.

    Args:
        one: The resource; its ``size`` may name a storage class.

    Returns:
        The class.

    Raises:
        SpecError: For a class that the provider does not have.
    """
    provider = catalog.load(one.provider)
    size = one.settings.size
    if size is not None:
        if size.casefold() not in provider.storage:
            raise invalid(
                one.at("size"),
                f"Unknown storage class '{size}' for {one.provider}",
                f"Use one of: {', '.join(closest(size, list(provider.storage)))}",
                ErrorCode.UNKNOWN_SIZE,
            )
        return provider.storage[size.casefold()]
    family = one.family
    return provider.volume if family is None else provider.storage[family.default]


def _role(one: Placed) -> Role:
    behaviour = one.behaviour
    if behaviour in ("compute", "kubernetes", "serverless"):
        return "pool"
    if behaviour == "storage":
        block = storage_class(one).kind == "block"
        return "volume" if block or one.settings.max_iops is not None else "bucket"
    roles: dict[str, Role] = {
        "network": "network",
        "queue": "queue",
        "cache": "cache",
        "database": "database",
    }
    return roles[behaviour]
