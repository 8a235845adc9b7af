"""Short documents for tests of the compiler."""

from __future__ import annotations

from typing import Any

from cwm_gym.compiler import Options, Program, compile_simulation
from cwm_gym.core.queueing.records import BACKEND, MAX_TIERS
from cwm_gym.spec import EpisodeConfig, Simulation


def compiled(
    document: dict[str, Any], episode: dict[str, Any] | None = None, **options: Any
) -> Program:
    over = None if episode is None else EpisodeConfig.model_validate(episode)
    return compile_simulation(Simulation.model_validate(document), over, Options(**options))


def resource(
    id: str, type: str = "compute", provider: str = "aws", **settings: Any
) -> dict[str, Any]:
    return {
        "id": id,
        "type": type,
        "name": id,
        "provider": provider,
        "characteristics": settings,
    }


def document(*resources: dict[str, Any], edges: str = "", **fields: Any) -> dict[str, Any]:
    """A simulation; ``edges`` are pairs like ``"lb>web web>db"``."""
    pairs = [pair.split(">") for pair in edges.split()]
    connections = [{"sourceId": source, "targetId": target} for source, target in pairs]
    return {"name": "test", "resources": list(resources), "connections": connections, **fields}


def pool(program: Program, name: str) -> Any:
    return program.params["pool"][program.target_index(name)]


def backend(program: Program, name: str) -> Any:
    return program.params["backend"][program.target_index(name) - BACKEND]


def reach(program: Program, first: str, target: str) -> float:
    tier = program.target_index(target)
    return float(program.params["route"]["reach"][program.target_index(first) * MAX_TIERS + tier])


def stages(program: Program) -> list[str]:
    route = program.params["route"]
    return [program.targets[tier] for tier in route["stage"][: int(route["n_stages"])]]
