"""Short codes of regions."""

from __future__ import annotations

import re

_DIRECTION = re.compile("northeast|northwest|southeast|southwest|north|south|east|west|central")
_INITIALS = {"northeast": "ne", "northwest": "nw", "southeast": "se", "southwest": "sw"}
_AREAS = {"asia": "ap", "northamerica": "na", "southamerica": "sa"}


def region_key(code: str) -> str:
    """Derive the short code of a region.

    The rule: area, then direction, then place, then number, where

    - the area is the first two letters of the leading word (``asia`` counts as ``ap``,
      ``northamerica`` as ``na``, ``southamerica`` as ``sa``);
    - directions are their initials (``southeast`` is ``se``, ``central`` is ``c``);
    - a place, the middle word where it is not a direction, gives its first three letters;
    - a code of one word without a direction is its own key (``nyc3``).

    Args:
        code: The provider's name of the region.

    Returns:
        For example ``use2`` for ``us-east-2``, ``euw1`` for ``europe-west1``, ``usw2`` for
        ``westus2``, ``usash1`` for ``us-ashburn-1``.
    """
    words, number = code, ""
    if match := re.fullmatch(r"(.*?)-?(\d+)", code):
        words, number = match[1], match[2]
    area, dash, place = words.partition("-")
    if dash:
        rest = place
    else:
        # Azure writes direction and area as one word, in either order.
        found = _directions(area)
        if not found:
            return code
        rest = "".join(found)
        for direction in found:
            area = area.replace(direction, "", 1)
    directions = _directions(rest)
    short = "".join(_INITIALS.get(word, word[0]) for word in directions) or rest[:3]
    return f"{_AREAS.get(area, area[:2])}{short}{number}"


def _directions(word: str) -> list[str]:
    return _DIRECTION.findall(word)
