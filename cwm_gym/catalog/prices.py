"""What a size costs in a region and market."""

from __future__ import annotations

from cwm_gym.catalog.loader import load
from cwm_gym.catalog.lookup import resolve_region, resolve_size
from cwm_gym.catalog.operation import SpotQuote
from cwm_gym.catalog.provider import Provider
from cwm_gym.catalog.schema import ComputeSize, DatabaseSize, Region
from cwm_gym.spec.errors import invalid

MARKETS = ("on_demand", "spot")
"""Names of the markets that virtual machines are bought in."""


def price(
    provider: str,
    size: str | ComputeSize | DatabaseSize,
    region: str | None = None,
    market: str = "on_demand",
    ha: bool | None = None,
    *,
    service_family: str | None = None,
    engine: str | None = None,
    spot_discount: float | None = None,
    pointer: str = "",
) -> float:
    """Return what one hour of a size costs.

    A price that the provider lists for the region is used as it is; elsewhere it is the price of
    the provider's reference region times the region's price index. Spot: the quoted price of the
    region, else the regional price less the discount quoted there, else less the discount of the
    reference region.

    Args:
        provider: One of :func:`cwm_gym.catalog.providers`.
        size: Compute or database size, or its name.
        region: Region by any of its names; ``None`` means the reference region.
        market: ``"on_demand"`` or ``"spot"`` (virtual machines only).
        ha: Whether a database has a standby; ``None`` means it has none.
        service_family: Only sizes of this family.
        engine: Only database sizes of this engine.
        spot_discount: Share of the on-demand price that spot saves, in place of the recorded one.
        pointer: JSON pointer to the field that names the size.

    Returns:
        USD per hour.

    Raises:
        SpecError: UNKNOWN_PROVIDER, UNKNOWN_SIZE, UNKNOWN_REGION; INVALID_FIELD for an unknown
            market, a size that is not sold on the spot market, a standby where there is none, or
            a size that is billed by use only.
    """
    catalog = load(provider, pointer=pointer)
    if not isinstance(size, ComputeSize | DatabaseSize):
        size = resolve_size(
            provider, size, service_family=service_family, engine=engine, pointer=pointer
        )
    place = resolve_region(provider, region, pointer=pointer)
    if market not in MARKETS:
        raise invalid(pointer, f"Unknown market '{market}'", f"Use one of: {', '.join(MARKETS)}")
    if isinstance(size, DatabaseSize):
        if market == "spot":
            raise invalid(
                pointer,
                f"Database size '{size.name}' is not sold on the spot market",
                "Use market 'on_demand'.",
            )
        return _database(size, place, ha or False, pointer)
    if ha:
        raise invalid(
            pointer,
            f"Compute size '{size.name}' has no standby",
            "Run more instances; 'ha' is for databases.",
        )
    if spot_discount is not None and not 0.0 <= spot_discount < 1.0:
        raise invalid(
            pointer,
            f"A spot discount is a share in [0, 1), not {spot_discount}",
            "Give 0.7 for 70 per cent.",
        )
    return _compute(catalog, size, place, market, spot_discount, pointer)


def spot_quote(
    provider: str,
    size: str | ComputeSize,
    region: str | None = None,
    *,
    pointer: str = "",
) -> SpotQuote:
    """Return discount and interruption band of a size on the spot market.

    Args:
        provider: One of :func:`cwm_gym.catalog.providers`.
        size: Compute size or its name.
        region: Region by any of its names; ``None`` means the reference region.
        pointer: JSON pointer to the field that names the size.

    Returns:
        The quote published for the region, else the one of the reference region, else the
        recorded discount without a band.

    Raises:
        SpecError: UNKNOWN_PROVIDER, UNKNOWN_SIZE, UNKNOWN_REGION; INVALID_FIELD if the size is not
            sold on the spot market.
    """
    catalog = load(provider, pointer=pointer)
    if isinstance(size, str):
        size = resolve_size(provider, size, "compute", pointer=pointer)
    place = resolve_region(provider, region, pointer=pointer)
    if catalog.spot is not None:
        for code in (place.code, catalog.reference_region):
            if quote := catalog.spot.quotes.get(code, {}).get(size.name):
                return quote
            listed = catalog.regional_prices.get(code, {}).get(size.name)
            if listed is not None and listed.spot_usd_per_hour is not None:
                return SpotQuote(
                    discount=1.0 - listed.spot_usd_per_hour / listed.usd_per_hour,
                    sources={"*": listed.source_of("spot_usd_per_hour")},
                )
    if size.spot_discount is None:
        raise _not_spot(catalog, size, pointer)
    return SpotQuote(
        discount=size.spot_discount, sources={"*": size.source_of("spot_usd_per_hour")}
    )


def _compute(
    catalog: Provider,
    size: ComputeSize,
    place: Region,
    market: str,
    discount: float | None,
    pointer: str,
) -> float:
    listed = catalog.regional_prices.get(place.code, {}).get(size.name)
    usd = listed.usd_per_hour if listed else _scaled(size.usd_per_hour, place)
    if market == "on_demand":
        return usd
    if size.spot_usd_per_hour is None or size.spot_discount is None:
        raise _not_spot(catalog, size, pointer)
    if discount is None:
        if listed is not None and listed.spot_usd_per_hour is not None:
            return listed.spot_usd_per_hour
        if place.code == catalog.reference_region:
            return size.spot_usd_per_hour
        discount = spot_quote(catalog.name, size, place.code).discount
    return round(usd * (1.0 - discount), 9)


def _database(size: DatabaseSize, place: Region, ha: bool, pointer: str) -> float:
    if size.usd_per_hour is None:
        raise invalid(
            pointer,
            f"Database size '{size.name}' is billed by use and has no hourly price",
            "Use the rates of its service family in the catalog.",
        )
    if not ha or size.standby_included:
        return _scaled(size.usd_per_hour, place)
    if size.ha_usd_per_hour is None:
        raise invalid(
            pointer,
            f"Database size '{size.name}' has no priced standby",
            "Use a larger size, or do without the standby.",
        )
    return _scaled(size.ha_usd_per_hour, place)


def _scaled(usd: float, place: Region) -> float:
    return usd if place.price_index == 1.0 else round(usd * place.price_index, 9)


def _not_spot(catalog: Provider, size: ComputeSize, pointer: str) -> Exception:
    if catalog.spot is None:
        message = f"Provider '{catalog.name}' has no spot market"
    else:
        message = f"Compute size '{size.name}' is not sold on the spot market"
    return invalid(pointer, message, "Use market 'on_demand'.")
