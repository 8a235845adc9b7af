"""Which resources a simulation has, in the roles that the kernel knows, and how they connect."""

from __future__ import annotations

from dataclasses import dataclass

from cwm_gym import catalog
from cwm_gym.core.queueing.records import MAX_POOLS
from cwm_gym.spec import Resource, Simulation
from cwm_gym.spec.characteristics import Characteristics
from cwm_gym.spec.errors import ErrorCode, Problem, SpecError


@dataclass(frozen=True)
class Placed:
    """A resource, its merged settings, and where it stands in the document.

    Attributes:
        resource: The document.
        settings: Its three shapes merged.
        pointer: JSON pointer to it.
    """

    resource: Resource
    settings: Characteristics
    pointer: str

    @property
    def provider(self) -> str:
        """Provider's name."""
        return self.resource.provider

    def at(self, field: str) -> str:
        """Point at one of its settings, as the document writes it."""
        return f"{self.pointer}/characteristics/{field}"


@dataclass(frozen=True)
class Topology:
    """The resources by role.

    Attributes:
        pools: Compute pools, at most ``MAX_POOLS``; requests are shared by capacity.
        primary: Index of the pool that is scaled.
        database: The database, if there is one.
        database_reached: Whether requests get to it.
        balancers: Load balancers.
        storage: Storage volumes and buckets.
    """

    pools: tuple[Placed, ...]
    primary: int
    database: Placed | None
    database_reached: bool
    balancers: tuple[Placed, ...]
    storage: tuple[Placed, ...]


def arrange(simulation: Simulation) -> Topology:
    """Sort a simulation's resources into roles.

    Args:
        simulation: The document.

    Returns:
        The topology.

    Raises:
        SpecError: If there is no compute resource, if a resource is of a type or kind that the
            kernel does not simulate, or if requests cannot reach a compute resource.
    """
    placed = [
        Placed(resource, resource.settings(), f"/resources/{index}")
        for index, resource in enumerate(simulation.resources)
    ]
    problems = [problem for one in placed for problem in _unsupported(one)]
    by_type = {
        kind: tuple(one for one in placed if one.resource.type == kind)
        for kind in ("compute", "database", "network", "storage")
    }
    pools, databases = by_type["compute"], by_type["database"]
    if not pools and not problems:
        problems.append(
            Problem(
                ErrorCode.INVALID_REQUEST,
                "/resources",
                "A simulation needs a compute resource to scale",
                "Add one of type 'compute'.",
            )
        )
    if len(pools) > MAX_POOLS:
        problems.append(_too_many(pools[MAX_POOLS], "compute resources", MAX_POOLS))
    if len(databases) > 1:
        problems.append(_too_many(databases[1], "databases", 1))
    problems += _unreachable(simulation, pools, by_type["network"])
    if problems:
        raise SpecError(problems)
    marked = [i for i, one in enumerate(pools) if one.settings.autoscaling]
    database = databases[0] if databases else None
    return Topology(
        pools=pools,
        primary=marked[0] if marked else 0,
        database=database,
        database_reached=database is None or _feeds(simulation, pools, database),
        balancers=by_type["network"],
        storage=by_type["storage"],
    )


def _unsupported(one: Placed) -> list[Problem]:
    """List what the kernel cannot simulate about a resource yet."""
    kind = one.resource.type
    found: list[tuple[str, str, str]] = []
    if kind in ("kubernetes", "cache", "queue", "serverless"):
        found.append(
            (
                f"{one.pointer}/type",
                f"Resources of type '{kind}' are not simulated yet",
                "Simulated types: compute, database, network (load balancer), storage.",
            )
        )
    family = one.settings.service_family
    if family is not None and not found:
        known = catalog.resolve_service_family(
            one.provider, family, pointer=one.at("serviceFamily")
        )
        allowed = {"compute": "compute", "database": "database", "network": "network"}
        behaviour = "storage" if kind == "storage" else allowed.get(kind, kind)
        if known.behaviour != behaviour or known.role == "cdn":
            what = "content delivery network" if known.role == "cdn" else known.behaviour
            found.append(
                (
                    one.at("serviceFamily"),
                    f"Service family '{family}' ({what}) is not simulated yet "
                    f"as a resource of type '{kind}'",
                    "Choose another service family or leave it out.",
                )
            )
    if one.settings.market == "spot":
        found.append(
            (
                one.at("market"),
                "Spot instances are interrupted, and interruptions are not simulated yet",
                "Use market 'on_demand'.",
            )
        )
    if one.settings.read_replicas:
        found.append((one.at("readReplicas"), "Read replicas are not simulated yet", "Remove it."))
    if one.settings.min_capacity_units or one.settings.max_capacity_units:
        found.append(
            (
                one.at("maxCapacityUnits"),
                "Databases with capacity units are not simulated yet",
                "Choose a database of fixed size.",
            )
        )
    return [Problem(ErrorCode.INVALID_FIELD, *entry) for entry in found]


def _too_many(one: Placed, what: str, most: int) -> Problem:
    return Problem(
        ErrorCode.INVALID_FIELD,
        one.pointer,
        f"More than {most} {what} are not simulated yet",
        "Merge them into one resource with more instances.",
    )


def _targets(simulation: Simulation, source: str) -> set[str]:
    """Find everything downstream of a resource."""
    seen: set[str] = set()
    front = {source}
    while front:
        front = {c.target_id for c in simulation.connections if c.source_id in front} - seen
        seen |= front
    return seen


def _unreachable(
    simulation: Simulation, pools: tuple[Placed, ...], network: tuple[Placed, ...]
) -> list[Problem]:
    if not simulation.connections:
        return []
    ids = {one.resource.id: one for one in pools}
    problems = []
    for index, connection in enumerate(simulation.connections):
        if connection.source_id in ids and connection.target_id in ids:
            problems.append(
                Problem(
                    ErrorCode.INVALID_FIELD,
                    f"/connections/{index}",
                    "Chains of compute resources are not simulated yet",
                    "Connect both to the load balancer: pools share traffic by capacity.",
                )
            )
    if network:
        reached = set().union(*(_targets(simulation, one.resource.id) for one in network))
        problems += [
            Problem(
                ErrorCode.INVALID_FIELD,
                f"{one.pointer}/id",
                f"No connection leads requests to compute resource '{one.resource.id}'",
                "Connect a network resource to it.",
            )
            for one in pools
            if one.resource.id not in reached
        ]
    return problems


def _feeds(simulation: Simulation, pools: tuple[Placed, ...], database: Placed) -> bool:
    """Whether requests get from compute to the database; they do where nothing is connected."""
    if not simulation.connections:
        return True
    return any(database.resource.id in _targets(simulation, one.resource.id) for one in pools)
