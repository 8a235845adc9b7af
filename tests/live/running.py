"""Running simulations for tests."""

from __future__ import annotations

import pickle
from typing import Any

from cwm_gym import LiveSimulation
from tests.documents import service, with_database


def live(seed: int = 0, database: bool = False, **fields: Any) -> LiveSimulation:
    """One pool (200 of 400 rps), without noise; ``fields`` change the document."""
    pool = fields.pop("pool", {})
    document = service(**{"autoscaling": None, **pool})
    if database:
        document = with_database(document)
    arguments = {key: fields.pop(key) for key in ("tick_seconds", "autoscaler") if key in fields}
    return LiveSimulation({**document, **fields}, seed, **arguments)


def offered(simulation: LiveSimulation) -> float:
    """Arrivals of the last step, rps."""
    return float(simulation.state["meter"]["offered_rps"])


def ready(simulation: LiveSimulation, name: str = "web") -> int:
    """Instances that are ready."""
    return int(next(one["instances"] for one in simulation.resources() if one["id"] == name))


def kinds(simulation: LiveSimulation) -> list[str]:
    """Types of all events."""
    return [event["type"] for event in simulation.events()]


def everything(simulation: LiveSimulation) -> list[Any]:
    """All that a refused call must leave alone."""
    return [
        simulation.state.tobytes(),
        simulation.metrics(),
        simulation.document(),
        simulation.resources(),
        simulation.patterns(),
        simulation.faults(),
        simulation.events(),
        {name: column.tolist() for name, column in simulation.history().columns.items()},
        pickle.dumps(simulation),
    ]
