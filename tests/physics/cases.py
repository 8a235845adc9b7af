"""Reference cases of the tiers beyond one pool and its database, and where they are stored.

``data/CATEGORY.json`` holds the cases of a category, as they stand in ``definitions``, with the
figures that the exact simulators of this package found; ``python -m tests.physics.regenerate``
writes them again.

Schema ``cwm_gym.physics.network/1``: ``{"schema", "category", "cases": [case, ...]}``. A case:

================ ==================================================================================
key
================ ==================================================================================
``id``           unique over all categories
``category``     ``cache``, ``queue``, ``pools``, ``chain``, ``storage``, ``databases``,
                 ``serverless``
``kind``         the simulator, hence the form of the inputs and figures: ``network``
                 (see ``tests.physics.network``) or ``serverless`` (``tests.physics.serverless``)
``description``
``compare_from`` first tick to compare; every case starts empty
``inputs``       everything that the simulator is told; ``null``: unlimited
``replications`` independent runs behind the figures
``seed``         of the simulation
``expected``     the simulator's figures, of which ``[T]`` is a list over the ticks and ``[P, T]``
                 or ``[K, T]`` a list of such lists; ``null`` where a figure has no value, as
                 the latency of a tick in which nothing is completed
``ci95``         half-widths of their 95 % confidence intervals, in the same form
================ ==================================================================================
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

SCHEMA = "cwm_gym.physics.network/1"
DATA = Path(__file__).parent / "data"
CATEGORIES = ("cache", "queue", "pools", "chain", "storage", "databases", "serverless")

Case = dict[str, Any]


def load_cases(category: str | None = None) -> list[Case]:
    """Read the stored cases.

    Args:
        category: One of ``CATEGORIES``; all when ``None``.

    Returns:
        The cases with their expected figures.

    Raises:
        ValueError: If a file is of another schema.
    """
    cases: list[Case] = []
    for name in CATEGORIES if category is None else (category,):
        path = DATA / f"{name}.json"
        document = json.loads(path.read_text(encoding="utf-8"))
        if document.get("schema") != SCHEMA:
            raise ValueError(f"{path}: expected schema {SCHEMA!r}")
        cases += document["cases"]
    return cases
