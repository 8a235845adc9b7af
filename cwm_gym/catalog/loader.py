"""Reads ``data/<provider>.toml`` into a :class:`~cwm_gym.catalog.provider.Provider`.

The data files group rows that share a service family and a source; a row may override what its
group says. ``source`` names the source of every figure of a row, ``sources`` those that differ.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from cwm_gym.catalog.provider import Provider
from cwm_gym.catalog.regions import region_key
from cwm_gym.catalog.schema import DEFAULT_SOURCE, ComputeSize, FlexShape, Source
from cwm_gym.spec.errors import ErrorCode, invalid

_PROVIDERS = ("aws", "gcp", "azure", "oci", "digitalocean")

Row = dict[str, Any]


def providers() -> tuple[str, ...]:
    """Return the identifiers of all providers, in the specification's order."""
    return _PROVIDERS


def load(provider: str, *, pointer: str = "") -> Provider:
    """Return the catalog of one provider, read on first use and kept.

    Args:
        provider: One of :func:`providers`.
        pointer: JSON pointer to the field that names the provider.

    Returns:
        The catalog; the same object every time.

    Raises:
        SpecError: UNKNOWN_PROVIDER if there is no such provider.
    """
    if provider not in _PROVIDERS:
        known = ", ".join(_PROVIDERS)
        raise invalid(
            pointer,
            f"Unknown provider '{provider}'; valid values are {known}",
            f"Use one of: {known}",
            ErrorCode.UNKNOWN_PROVIDER,
        )
    return _read(provider)


@cache
def _read(provider: str) -> Provider:
    text = files("cwm_gym.catalog").joinpath("data", f"{provider}.toml").read_text("utf-8")
    return build(tomllib.loads(text))


def build(document: Mapping[str, Any]) -> Provider:
    """Turn a parsed data file into a catalog.

    Args:
        document: Content of a data file.

    Returns:
        The validated catalog.

    Raises:
        ValueError: If a row is malformed, lacks a source, or repeats a key.
    """
    data = dict(document)
    known = {id_: Source(id=id_, **row) for id_, row in data.pop("sources").items()}

    def cite(row: Row) -> Row:
        """Replace the source ids of a row, and of the rows inside it, by the sources."""
        row = {key: _nested(value, cite) for key, value in row.items()}
        cited = {figure: known[id_] for figure, id_ in row.pop("sources", {}).items()}
        if "source" in row:
            cited[DEFAULT_SOURCE] = known[row.pop("source")]
        return {**row, "sources": cited} if cited else row

    spot = data.pop("spot", None)
    quotes = _quotes(spot.pop("quotes", {}), cite) if spot is not None else {}
    discount = spot.pop("discount", None) if spot is not None else None
    reference = data["reference_region"]
    compute = [cite(row) for row in _grouped(data.pop("compute", []))]
    for row in compute:
        _fill_spot(row, quotes.get(reference, {}).get(row["name"]), discount and cite(discount))
    regional = {
        region: {
            name: {**cite({**shared, **row})}
            for shared in [{k: v for k, v in table.items() if k in ("source", "sources", "note")}]
            for name, row in table["prices"].items()
        }
        for region, table in data.pop("regional_prices", {}).items()
    }
    for region, rows in regional.items():
        for name, row in rows.items():
            _fill_spot(row, quotes.get(region, {}).get(name), None)

    shapes = _keyed([cite(row) for row in data.pop("flex", [])], "name")
    flex = {name: FlexShape.model_validate(row) for name, row in shapes.items()}
    sizes = _keyed(compute, "name") | {size.name: size for size in _composed(flex)}
    families = {name: {"name": name, **row} for name, row in data.pop("service_families").items()}
    regions = {
        row["code"]: {**cite(row), "key": region_key(row["code"])}
        for row in _grouped([data.pop("regions")])
    }
    return Provider.model_validate(
        {
            **{key: value for key, value in data.items() if isinstance(value, str)},
            "sources": known,
            "service_families": families,
            "regions": regions,
            "compute": sizes,
            "flex": flex,
            "databases": [cite(row) for row in _grouped(data.pop("databases"))],
            "regional_prices": regional,
            "aliases": data.pop("aliases", {}),
            "spot": None if spot is None else {**cite(spot), "quotes": quotes},
            **{
                key: cite(data[key])
                for key in ("timing", "billing", "autoscaler", "egress", "kubernetes")
            },
            "capacity_units": cite(data["capacity_units"]) if "capacity_units" in data else None,
            **{
                key: _keyed([cite(row) for row in data.get(key, [])], "key")
                for key in ("load_balancers", "cdns", "storage", "serverless", "other")
            },
        }
    )


def _nested(value: Any, cite: Any) -> Any:
    if isinstance(value, dict) and "source" in value:
        return cite(value)
    if isinstance(value, list):
        return tuple(_nested(part, cite) for part in value)
    return value


def _grouped(groups: list[Row]) -> list[Row]:
    """Spread what a group says over its rows; a row's own words win."""
    rows = []
    for group in groups:
        shared = {key: value for key, value in group.items() if key != "rows"}
        for row in group["rows"]:
            sources = {**shared.get("sources", {}), **row.get("sources", {})}
            rows.append({**shared, **row, **({"sources": sources} if sources else {})})
    return rows


def _keyed(rows: list[Row], key: str) -> dict[str, Any]:
    table = {row[key]: row for row in rows}
    if len(table) != len(rows):
        raise ValueError(f"a {key} stands twice: {sorted(row[key] for row in rows)}")
    return table


def _quotes(tables: Row, cite: Any) -> dict[str, dict[str, Row]]:
    """Read per-size spot quotes: ``region -> size -> {discount, band}``."""
    return {
        region: {
            name: cite({"source": table["source"], "discount": pct / 100.0, "band": band})
            for name, (pct, band) in table["rows"].items()
        }
        for region, table in tables.items()
    }


def _fill_spot(row: Row, quote: Row | None, discount: Row | None) -> None:
    """Work out the spot price of a row that states none from a quoted or a general discount."""
    if "spot_usd_per_hour" in row or row.pop("spot", True) is False:
        return
    if quote is None and discount is not None:
        quote = {"discount": discount["share"], "sources": discount["sources"]}
    if quote is not None:
        row["spot_usd_per_hour"] = round(row["usd_per_hour"] * (1.0 - quote["discount"]), 9)
        row["sources"] = {
            **row["sources"],
            "spot_usd_per_hour": quote["sources"][DEFAULT_SOURCE],
        }


def _composed(flex: Mapping[str, FlexShape]) -> list[ComputeSize]:
    return [
        shape.compose(*(int(part) for part in pair.split("-")))
        for shape in flex.values()
        for pair in shape.sizes
    ]
