"""Finding things in a catalog by the names that documents use."""

from __future__ import annotations

import re
from functools import cache
from typing import Literal, overload

from cwm_gym.catalog.loader import load
from cwm_gym.catalog.provider import Provider
from cwm_gym.catalog.schema import ComputeSize, DatabaseSize, Region, ServiceFamily
from cwm_gym.spec.errors import ErrorCode, Problem, RegionSuggestion, SpecError, closest, invalid

Kind = Literal["compute", "database"]

_REMARK = re.compile(r"\s*\([^()]*\)$")
_FLEX = re.compile(r"(?P<shape>.+):(?P<ocpu>\d+)-(?P<gib>\d+)")


@overload
def resolve_size(
    provider: str,
    size: str,
    kind: Literal["compute"],
    *,
    service_family: str | None = None,
    engine: str | None = None,
    pointer: str = "",
) -> ComputeSize: ...
@overload
def resolve_size(
    provider: str,
    size: str,
    kind: Literal["database"],
    *,
    service_family: str | None = None,
    engine: str | None = None,
    pointer: str = "",
) -> DatabaseSize: ...
@overload
def resolve_size(
    provider: str,
    size: str,
    kind: Kind | None = None,
    *,
    service_family: str | None = None,
    engine: str | None = None,
    pointer: str = "",
) -> ComputeSize | DatabaseSize: ...
def resolve_size(
    provider: str,
    size: str,
    kind: Kind | None = None,
    *,
    service_family: str | None = None,
    engine: str | None = None,
    pointer: str = "",
) -> ComputeSize | DatabaseSize:
    """Find a size by name or alias, whatever the case.

    Blanks stand for hyphens and a remark in parentheses is passed over, as in the ``ATP 2 OCPU``
    and ``S0 (10 DTU)`` of price lists.

    Some database classes are sold in several service families and for several engines under one
    name. Where nothing narrows the choice, the first row of the data file is meant: RDS before
    Aurora, MySQL before PostgreSQL (as in the specification's benchmark).

    Args:
        provider: One of :func:`cwm_gym.catalog.providers`.
        size: Name of the size, an alias, or ``shape:OCPU-GiB`` inside the offered range.
        kind: ``"compute"`` or ``"database"``; ``None`` searches both.
        service_family: Only sizes of this family.
        engine: Only database sizes of this engine.
        pointer: JSON pointer to the field that names the size.

    Returns:
        The size.

    Raises:
        SpecError: UNKNOWN_PROVIDER; UNKNOWN_SIZE with the closest names; INVALID_FIELD if the size
            is no text.
    """
    catalog = load(provider, pointer=pointer)
    if not isinstance(size, str):
        raise invalid(pointer, f"The size is {size!r}", "Give the name of a size.")
    folded = _REMARK.sub("", size).strip().casefold().replace(" ", "-")
    index = _index(provider)
    name = index.get(folded, folded)
    for found in _sizes(provider).get(name.casefold(), ()):
        if _fits(found, kind, service_family, engine):
            return found
    if kind != "database" and (match := _FLEX.fullmatch(folded)):
        composed = _compose(catalog, match["shape"], int(match["ocpu"]), int(match["gib"]))
        if composed is not None and _fits(composed, kind, service_family, engine):
            return composed
    raise _unknown_size(catalog, size, kind, service_family, engine, pointer)


@overload
def sizes(
    provider: str,
    kind: Literal["compute"] = "compute",
    family: str | None = None,
    *,
    service_family: str | None = None,
    engine: str | None = None,
    pointer: str = "",
) -> tuple[ComputeSize, ...]: ...
@overload
def sizes(
    provider: str,
    kind: Literal["database"],
    family: str | None = None,
    *,
    service_family: str | None = None,
    engine: str | None = None,
    pointer: str = "",
) -> tuple[DatabaseSize, ...]: ...
def sizes(
    provider: str,
    kind: Kind = "compute",
    family: str | None = None,
    *,
    service_family: str | None = None,
    engine: str | None = None,
    pointer: str = "",
) -> tuple[ComputeSize, ...] | tuple[DatabaseSize, ...]:
    """List sizes family by family, each family as the ladder that right-sizing climbs.

    Args:
        provider: One of :func:`cwm_gym.catalog.providers`.
        kind: ``"compute"`` or ``"database"``.
        family: Only this family; ``None`` lists all.
        service_family: Only sizes of this service family.
        engine: Only database sizes of this engine.
        pointer: JSON pointer to the field that asks.

    Returns:
        The sizes: families in the order of the data file, and within a family by vCPUs (or the
        provider's own unit), memory and price.

    Raises:
        SpecError: UNKNOWN_PROVIDER; INVALID_FIELD if there is no such kind or family.
    """
    catalog = load(provider, pointer=pointer)
    if kind not in ("compute", "database"):
        raise invalid(pointer, f"Unknown kind '{kind}'", "Use one of: compute, database")
    rows = catalog.compute.values() if kind == "compute" else catalog.databases
    families = list(dict.fromkeys((row.service_family, row.family) for row in rows))
    names = list(dict.fromkeys(name for _, name in families))
    if family is not None and family not in names:
        near = ", ".join(closest(family, names))
        raise invalid(
            pointer, f"Unknown {kind} family '{family}' for {provider}", f"Use one of: {near}"
        )
    chosen = [
        row
        for row in rows
        if family in (None, row.family) and _fits(row, kind, service_family, engine)
    ]
    chosen.sort(
        key=lambda row: (
            families.index((row.service_family, row.family)),
            (isinstance(row, DatabaseSize) and row.units) or row.vcpu or 0.0,
            row.memory_gib or 0.0,
            row.usd_per_hour or 0.0,
        )
    )
    return tuple(chosen)  # type: ignore[return-value]


def ladder(
    provider: str,
    size: str | ComputeSize | DatabaseSize,
    kind: Kind | None = None,
    *,
    service_family: str | None = None,
    engine: str | None = None,
    pointer: str = "",
) -> tuple[ComputeSize, ...] | tuple[DatabaseSize, ...]:
    """List the sizes that one size can be exchanged for, smallest first.

    Args:
        provider: One of :func:`cwm_gym.catalog.providers`.
        size: A size or its name.
        kind: As for :func:`resolve_size`.
        service_family: As for :func:`resolve_size`.
        engine: As for :func:`resolve_size`.
        pointer: JSON pointer to the field that names the size.

    Returns:
        All sizes of the same family, service family and (for databases) engine.

    Raises:
        SpecError: As :func:`resolve_size`.
    """
    if isinstance(size, str):
        size = resolve_size(
            provider, size, kind, service_family=service_family, engine=engine, pointer=pointer
        )
    if isinstance(size, DatabaseSize):
        return sizes(
            provider,
            "database",
            size.family,
            service_family=size.service_family,
            engine=engine or size.engine,
        )
    return sizes(provider, "compute", size.family, service_family=size.service_family)


def resolve_service_family(provider: str, name: str, *, pointer: str = "") -> ServiceFamily:
    """Find a service family.

    Args:
        provider: One of :func:`cwm_gym.catalog.providers`.
        name: For example ``ec2``.
        pointer: JSON pointer to the field that names the family.

    Returns:
        The service family.

    Raises:
        SpecError: UNKNOWN_PROVIDER; INVALID_FIELD if the provider has no such family.
    """
    known = load(provider, pointer=pointer).service_families
    if name not in known:
        raise invalid(
            pointer,
            f"Unknown service family '{name}' for {provider}",
            f"Use one of: {', '.join(closest(name, list(known)))}",
        )
    return known[name]


def resolve_region(provider: str, region: str | None, *, pointer: str = "") -> Region:
    """Find a region by code, short key or label, whatever the case and punctuation.

    Args:
        provider: One of :func:`cwm_gym.catalog.providers`.
        region: Name of the region; ``None`` means the provider's reference region.
        pointer: JSON pointer to the field that names the region.

    Returns:
        The region.

    Raises:
        SpecError: UNKNOWN_PROVIDER, or UNKNOWN_REGION with the closest regions.
    """
    catalog = load(provider, pointer=pointer)
    if region is None:
        return catalog.regions[catalog.reference_region]
    if region in catalog.regions:
        return catalog.regions[region]
    wanted = _fold(region)
    for known in catalog.regions.values():
        if wanted and wanted in {_fold(known.code), known.key, _fold(known.label)}:
            return known
    raise _unknown_region(catalog, region, pointer)


def resolve_zone(
    provider: str, zone: str, region: str | None = None, *, pointer: str = ""
) -> tuple[Region, int]:
    """Find an availability zone.

    Punctuation and the word ``zone`` do not matter: ``east-us-zone-1`` finds ``eastus-1``.

    Args:
        provider: One of :func:`cwm_gym.catalog.providers`.
        zone: Name of the zone, for example ``us-east-1a`` or ``AD-1``.
        region: Region that the zone is in; needed where zone names repeat (Oracle). ``None``
            searches the reference region first, then all others.
        pointer: JSON pointer to the field that names the zone.

    Returns:
        The region and the index of the zone in ``region.zones``.

    Raises:
        SpecError: UNKNOWN_PROVIDER, UNKNOWN_REGION, or INVALID_FIELD for an unknown zone.
    """
    catalog = load(provider, pointer=pointer)
    if region is None:
        searched = [catalog.regions[catalog.reference_region], *catalog.regions.values()]
    else:
        searched = [resolve_region(provider, region, pointer=pointer)]
    wanted = _fold(zone).replace("zone", "")
    for candidate in searched:
        for index, name in enumerate(candidate.zones):
            if _fold(name) == wanted:
                return candidate, index
    known = [name for candidate in searched for name in candidate.zones]
    near = list(dict.fromkeys(closest(zone, known, limit=8)))[:5]
    where = f" region '{searched[0].code}'" if region is not None else ""
    raise invalid(
        pointer,
        f"Unknown zone '{zone}' for {provider}{where}",
        f"Use one of: {', '.join(near)}" if near else "The region has no zones.",
    )


def _fits(
    size: ComputeSize | DatabaseSize,
    kind: Kind | None,
    service_family: str | None,
    engine: str | None,
) -> bool:
    if service_family is not None and size.service_family != service_family:
        return False
    if isinstance(size, DatabaseSize):
        return kind != "compute" and (engine is None or engine in size.engines)
    return kind != "database"


def _rows(catalog: Provider) -> list[ComputeSize | DatabaseSize]:
    return [*catalog.compute.values(), *catalog.databases]


@cache
def _index(provider: str) -> dict[str, str]:
    """Aliases by folded name."""
    return {alias.casefold(): row.to for alias, row in load(provider).aliases.items()}


@cache
def _sizes(provider: str) -> dict[str, list[ComputeSize | DatabaseSize]]:
    """Rows by folded name, in the order of the data file."""
    table: dict[str, list[ComputeSize | DatabaseSize]] = {}
    for row in _rows(load(provider)):
        table.setdefault(row.name.casefold(), []).append(row)
    return table


def _compose(catalog: Provider, shape: str, ocpu: int, gib: int) -> ComputeSize | None:
    """Compose a flexible size if it lies inside the range of the listed ones."""
    for flex in catalog.flex.values():
        if flex.name.casefold() != shape:
            continue
        pairs = [tuple(int(part) for part in pair.split("-")) for pair in flex.sizes]
        ocpus, memories = zip(*pairs, strict=True)
        if min(ocpus) <= ocpu <= max(ocpus) and min(memories) <= gib <= max(memories):
            return flex.compose(ocpu, gib)
    return None


def _unknown_size(
    catalog: Provider,
    size: str,
    kind: Kind | None,
    service_family: str | None,
    engine: str | None,
    pointer: str,
) -> SpecError:
    known = _rows(catalog)
    rows = [row for row in known if _fits(row, kind, service_family, engine)] or known
    targets = {row.name for row in rows}
    names = dict.fromkeys(row.name for row in rows)
    names |= dict.fromkeys(alias for alias, row in catalog.aliases.items() if row.to in targets)
    near = ", ".join(closest(size, list(names)))
    where = " ".join(part for part in (catalog.name, service_family, engine) if part)
    return invalid(
        pointer,
        f"Unknown size '{size}' for {where}",
        f"Use one of: {near}",
        ErrorCode.UNKNOWN_SIZE,
    )


def _fold(name: str) -> str:
    return re.sub("[^a-z0-9]", "", name.casefold())


def _unknown_region(catalog: Provider, region: str, pointer: str) -> SpecError:
    names = {
        name: known
        for known in catalog.regions.values()
        for name in (known.label, known.key, known.code)
    }
    near = list({names[name].code: names[name] for name in closest(region, list(names), 15)})[:5]
    suggestions = tuple(
        RegionSuggestion(region_key=catalog.regions[code].key, region_label=code) for code in near
    )
    return SpecError(
        Problem(
            ErrorCode.UNKNOWN_REGION,
            pointer,
            f"Unknown region '{region}' for {catalog.name}",
            f"Use one of: {', '.join(near)}",
            suggestions,
        )
    )
