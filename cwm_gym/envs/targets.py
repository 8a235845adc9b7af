"""Resources of Action documents among a scenario's tiers, and tiers as resources."""

from __future__ import annotations

from typing import Any

from cwm_gym import catalog
from cwm_gym.compiler import Program
from cwm_gym.compiler.regions import Places
from cwm_gym.compiler.vertices import Placed, place
from cwm_gym.core.queueing.records import BACKEND
from cwm_gym.spec import AddResourceParams, Resource
from cwm_gym.spec.errors import ErrorCode, SpecError, closest, invalid
from cwm_gym.spec.problems import pointer

_FIXED = ("network", "security", "queue")  # types that stand as long as the simulation
_REPLICAS = "/replicas"


def impossible(why: str, where: str = "", hint: str = "") -> SpecError:
    """Build the error for an action that cannot be carried out.

    Args:
        why: The reason.
        where: JSON pointer into the action.
        hint: How to mend it.

    Returns:
        The error.
    """
    return invalid(
        where,
        f"The action cannot be carried out: {why}",
        hint or "See the action space of the environment.",
        ErrorCode.INVALID_REQUEST,
    )


def primary(program: Program) -> int:
    """Return the tier of the pool that is scaled where an action names no other."""
    return int(program.params["episode"]["primary"])


def split_name(program: Program, tier: int) -> tuple[str, str | None]:
    """Take the name of a tier apart.

    Args:
        program: The scenario.
        tier: A tier in use.

    Returns:
        Id of its resource, and the name of the node pool where a cluster has several.
    """
    name = program.targets[tier]
    ids = [one.id for one in (*program.simulation.resources, *program.simulation.spares)]
    for known in ids:
        if tier < BACKEND and name not in ids and name.startswith(f"{known}/"):
            return known, name[len(known) + 1 :]
    return name, None


def resource_of(program: Program, tier: int) -> Resource:
    """Find the resource that a tier stands for.

    Args:
        program: The scenario.
        tier: A tier in use.

    Returns:
        Its document, under the name of the tier. A part of a resource (a node pool, the replicas
        of a database) is the whole under the part's name; the copy of the scaled pool that stands
        by is the scaled pool's under a name of its own.
    """
    name = program.targets[tier]
    documents = {one.id: one for one in (*program.simulation.resources, *program.simulation.spares)}
    found = documents.get(name)
    if found is None:
        found = next((one for key, one in documents.items() if name.startswith(f"{key}/")), None)
    if found is None:
        found = resource_of(program, primary(program))
    return found if found.id == name else found.patched({"id": name})


def find_tier(program: Program, name: str, where: str) -> int:
    """Find the tier of a resource that an action names.

    Args:
        program: The scenario.
        name: Its id; ``<id>/<node pool>`` for one of several node pools.
        where: JSON pointer to the name.

    Returns:
        The tier.

    Raises:
        SpecError: INVALID_REQUEST for a resource that is unknown, has no tier, or has several.
    """
    if name and name in program.targets:
        return program.targets.index(name)
    raise _missing(program, name, where)


def _missing(program: Program, name: str, where: str) -> SpecError:
    """Say why no tier goes by a name."""
    parts = [target for target in program.targets if target.startswith(f"{name}/")]
    if parts:
        return impossible(
            f"'{name}' consists of {len(parts)} node pools", where, f"Name one: {_listed(parts)}."
        )
    known = [target for target in program.targets if target]
    if name in (one.id for one in program.simulation.resources):
        return impossible(
            f"'{name}' is a resource that no action changes",
            where,
            f"Resources that actions change: {_listed(known)}.",
        )
    return impossible(
        f"there is no resource '{name}'", where, f"Did you mean {_listed(closest(name, known, 3))}?"
    )


def find_pool(program: Program, name: str | None, node_pool: str | None) -> int:
    """Find the pool that an action scales.

    Args:
        program: The scenario.
        name: ``resourceId``; None = the scaled pool's resource.
        node_pool: ``nodePool`` of a Kubernetes cluster.

    Returns:
        Its tier.

    Raises:
        SpecError: INVALID_REQUEST where no such pool exists.
    """
    where = "/parameters/resourceId"
    if name is None and node_pool is None:
        return primary(program)
    whole = split_name(program, primary(program))[0] if name is None else name
    if node_pool is not None:
        return _find_node_pool(program, whole, node_pool)
    tier = find_tier(program, whole, where)
    if tier >= BACKEND:
        raise impossible(
            f"'{whole}' is a {resource_of(program, tier).type} without a fleet",
            where,
            f"Pools that can be scaled: {_listed(program.pools)}.",
        )
    return tier


def _find_node_pool(program: Program, name: str, node_pool: str) -> int:
    if f"{name}/{node_pool}" in program.pools:
        return program.pools.index(f"{name}/{node_pool}")
    parts = [one[len(name) + 1 :] for one in program.pools if one.startswith(f"{name}/")]
    if name in program.pools:
        # A cluster's only node pool goes by the name of the cluster.
        found = resource_of(program, program.pools.index(name)).settings().node_pools or ()
        parts = [one.name for one in found if one.name]
        if node_pool in parts:
            return program.pools.index(name)
    if not parts:
        if name not in program.targets:
            raise _missing(program, name, "/parameters/resourceId")
        raise impossible(
            f"'{name}' has no node pools", "/parameters/nodePool", "Leave nodePool out."
        )
    raise impossible(
        f"'{name}' has no node pool '{node_pool}'",
        "/parameters/nodePool",
        f"Did you mean {_listed(closest(node_pool, parts, 3))}?",
    )


def find_addition(program: Program, given: AddResourceParams, world: Any = None) -> int:
    """Find the resource that an ``add_resource`` brings in.

    A whole resource is found by its id and has to say what the declared one says. Otherwise it is
    the first spare that fits; where the world is known, one that is not there yet goes first.

    Args:
        program: The scenario.
        given: Parameters of the action.
        world: ``WORLD`` record that it is for.

    Returns:
        Its tier.

    Raises:
        SpecError: INVALID_REQUEST where nothing of the kind stands by.
    """
    if given.resource is not None:
        return _find_whole(program, given.resource)
    if given.resource_type in _FIXED:
        raise impossible(
            f"a {given.resource_type} resource cannot be brought in while an episode runs",
            "/parameters/resourceType",
            "Declare it under 'resources' of the simulation.",
        )
    fitting = [tier for tier in _spares(program) if _fits(program, given, tier)]
    if not fitting:
        raise _undeclared(program, f"no {given.provider} {given.resource_type} of that kind")
    absent = [tier for tier in fitting if world is not None and not _present(world, tier)]
    return (absent or fitting)[0]


def _find_whole(program: Program, resource: Resource) -> int:
    where = "/parameters/resource"
    if resource.id not in program.targets:
        if any(target.startswith(f"{resource.id}/") for target in program.targets):
            raise _missing(program, resource.id, f"{where}/id")
        raise _undeclared(program, f"no resource '{resource.id}'", f"{where}/id")
    tier = program.targets.index(resource.id)
    declared = resource_of(program, tier)
    for name in ("type", "provider"):
        if getattr(resource, name) != getattr(declared, name):
            raise impossible(
                f"'{resource.id}' is declared with {name} '{getattr(declared, name)}'",
                f"{where}{pointer(name)}",
                "Say the same here, or use another id.",
            )
    stated, known = resource.settings(), declared.settings()
    for name, field in type(stated).model_fields.items():
        value = getattr(stated, name)
        if value is not None and value != getattr(known, name):
            raise impossible(
                f"'{resource.id}' is declared with another {field.alias}",
                f"{where}/characteristics/{field.alias}",
                "Say the same here, or leave it out.",
            )
    return tier


def _undeclared(program: Program, what: str, where: str = "/parameters") -> SpecError:
    spares = [program.targets[tier] for tier in _spares(program)]
    standing = f" (there are: {_listed(spares)})" if spares else ""
    return impossible(
        f"{what} stands by{standing}",
        where,
        "Declare the resource under 'spares' of the simulation.",
    )


def _spares(program: Program) -> list[int]:
    params = program.params
    pools = [k for k in range(int(params["n_pools"])) if params["pool"][k]["spare"] == 1]
    backends = [k for k in range(int(params["n_backends"])) if params["backend"][k]["spare"] == 1]
    found = pools + [BACKEND + k for k in backends]
    return [tier for tier in found if not program.targets[tier].endswith(_REPLICAS)]


def _present(world: Any, tier: int) -> bool:
    one = world["pool"][tier] if tier < BACKEND else world["backend"][tier - BACKEND]
    return int(one["present"]) == 1


def _fits(program: Program, given: AddResourceParams, tier: int) -> bool:
    resource = resource_of(program, tier)
    if (resource.type, resource.provider) != (given.resource_type, given.provider):
        return False
    size = resource.settings().size
    if given.target_size is not None:
        stated = size or _default_size(resource)
        if given.target_size.casefold() != stated.casefold():
            return False
    if given.region_key is None:
        return True
    placed = place(program.simulation)
    wanted = catalog.resolve_region(
        resource.provider, given.region_key, pointer="/parameters/regionKey"
    )
    home = Places(placed).region(Placed(resource, resource.settings(), ""))
    return home.code == wanted.code


def _default_size(resource: Resource) -> str:
    provider = catalog.load(resource.provider)
    defaults = {"compute": provider.default_compute, "database": provider.default_database}
    return defaults.get(resource.type, "")


def _listed(names: Any) -> str:
    return ", ".join(f"'{name}'" for name in names)
