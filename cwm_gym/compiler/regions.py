"""Where resources stand: regions and zones by number, and how far they are from each other."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable

from cwm_gym import catalog
from cwm_gym.catalog import Region
from cwm_gym.compiler import defaults
from cwm_gym.compiler.vertices import Placed
from cwm_gym.core.records import MAX_ZONES
from cwm_gym.spec.errors import SpecError, closest, invalid

_EARTH_RADIUS_KM = 6371.0
_DEFAULT_ZONES = 3


class Places:
    """The regions and zones of one simulation, numbered in the order in which they are met.

    A resource that states no region stands in the first region that a resource of its provider
    states, else nowhere in particular: in the provider's reference region, and at no distance.

    Attributes:
        regions: Codes of the regions.
        zones: Names of the zones; where a provider repeats them, with the region before them.
    """

    def __init__(self, placed: Iterable[Placed]) -> None:
        self.regions: list[str] = []
        self.zones: list[str] = []
        self._homes: dict[str, Region] = {}
        self._providers: list[str] = []
        for one in placed:
            if one.provider not in self._providers:
                self._providers.append(one.provider)
            stated = _stated(one)
            if stated is not None:
                self._homes.setdefault(one.provider, stated)

    def known(self, one: Placed) -> Region | None:
        """Return the region of a resource; None where the document does not tell."""
        return _stated(one) or self._homes.get(one.provider)

    def region(self, one: Placed) -> Region:
        """Return the region of a resource, the reference region where nothing is told."""
        return self.known(one) or catalog.resolve_region(one.provider, None)

    def number(self, one: Placed) -> int:
        """Return the number of a resource's region."""
        return _number(self.regions, self.region(one).code)

    def zones_of(self, one: Placed, most: int = MAX_ZONES) -> list[int]:
        """Return the zones that a resource is spread over.

        Those that it states; else the first zones of its own region, at most three; else one.

        Args:
            one: The resource.
            most: How many it can stand in.

        Returns:
            Numbers of the zones, at least one.

        Raises:
            SpecError: For unknown zones, and for more than the kernel counts.
        """
        region = self.region(one)
        names = one.settings.zones
        if names is None:
            count = _DEFAULT_ZONES if _stated(one) is not None else 1
            zones = region.zones[:count] or (region.code,)
            return [self._zone(region, zone) for zone in zones[:most]]
        if len(names) > MAX_ZONES:
            raise invalid(
                one.at("zones"),
                f"'{one.resource.id}' is spread over {len(names)} zones; at most {MAX_ZONES} count",
                "Leave some out.",
            )
        found = []
        for index, name in enumerate(names[:most]):
            where = f"{one.at('zones')}/{index}"
            place, k = catalog.resolve_zone(one.provider, name, region.code, pointer=where)
            found.append(self._zone(place, place.zones[k]))
        return list(dict.fromkeys(found))

    def find_zone(self, name: str, near: Placed | None, pointer: str) -> int:
        """Find a zone by one of its names.

        Args:
            name: For example ``us-east-1a``, ``east-us-zone-1``, ``AD-1`` or ``nyc3``.
            near: Resource in whose region it is, where one is named; it decides between regions
                that name their zones alike.
            pointer: JSON pointer to the name.

        Returns:
            Its number. A zone in which nothing stands gets one too: its loss changes nothing.

        Raises:
            SpecError: If no provider of the simulation has such a zone.
        """
        wanted = _fold(name)
        if near is None:
            for number, zone in enumerate(self.zones):
                if wanted in (_fold(zone), _fold(zone.rpartition("/")[2])):
                    return number
        providers = self._providers if near is None else [near.provider]
        region = None if near is None else self.region(near).code
        for provider in providers:
            try:
                place, k = catalog.resolve_zone(provider, name, region)
            except SpecError:
                continue
            return self._zone(place, place.zones[k])
        raise invalid(
            pointer,
            f"Unknown zone '{name}'",
            f"Zones of this simulation: {', '.join(closest(name, self.zones))}.",
        )

    def find_link(self, name: str) -> tuple[int, int] | None:
        """Find the regions at the two ends of a link such as ``nyc3-sfo3-link``.

        Args:
            name: Names of two regions of the simulation's providers, joined by hyphens.

        Returns:
            Their numbers; None if the name is not that of a link.
        """
        parts = name.removesuffix("-link").split("-")
        for cut in range(1, len(parts)):
            ends = [self._region_named("-".join(part)) for part in (parts[:cut], parts[cut:])]
            if ends[0] is not None and ends[1] is not None:
                return _number(self.regions, ends[0].code), _number(self.regions, ends[1].code)
        return None

    def round_trip_s(self, one: Placed, other: Placed) -> float:
        """Estimate the round trip between two resources.

        Light in fibre along the great circle, times the usual detour. Within a region, and where
        the document does not say where something stands, it is 0.

        Args:
            one: A resource.
            other: Another one.

        Returns:
            Seconds.
        """
        ends = self.known(one), self.known(other)
        if ends[0] is None or ends[1] is None or ends[0].code == ends[1].code:
            return 0.0
        detour = defaults.FIBRE_DETOUR / defaults.FIBRE_KM_PER_SECOND
        return 2.0 * distance_km(ends[0], ends[1]) * detour

    def _zone(self, region: Region, zone: str) -> int:
        whole = _fold(zone).startswith(_fold(region.code))
        return _number(self.zones, zone if whole else f"{region.code}/{zone}")

    def _region_named(self, name: str) -> Region | None:
        for provider in self._providers:
            try:
                return catalog.resolve_region(provider, name)
            except SpecError:
                continue
        return None


def distance_km(one: Region, other: Region) -> float:
    """Return the great-circle distance of two regions (haversine formula).

    Args:
        one: A region.
        other: Another one.

    Returns:
        Kilometres.
    """
    north, south = math.radians(one.lat), math.radians(other.lat)
    across = math.radians(other.lon - one.lon)
    half = math.sin((south - north) / 2.0) ** 2
    half += math.cos(north) * math.cos(south) * math.sin(across / 2.0) ** 2
    return 2.0 * _EARTH_RADIUS_KM * math.asin(math.sqrt(half))


def _stated(one: Placed) -> Region | None:
    if one.settings.region is None:
        return None
    where = f"{one.pointer}/region" if one.resource.region else one.at("region")
    return catalog.resolve_region(one.provider, one.settings.region, pointer=where)


def _number(names: list[str], name: str) -> int:
    if name not in names:
        names.append(name)
    return names.index(name)


def _fold(name: str) -> str:
    return re.sub("[^a-z0-9]", "", name.casefold()).replace("zone", "")
