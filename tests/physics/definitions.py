"""The reference cases without their figures: the one place where a case is added or changed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.physics.cases import Case


def _steps(*parts: tuple[float, int]) -> list[float]:
    """A schedule per tick from (value, number of ticks)."""
    return [value for value, ticks in parts for _ in range(ticks)]


def _law(cs2: float, law: str | None) -> dict[str, Any]:
    return {"service_dist": law or ("exp" if cs2 == 1.0 else "gamma"), "cs2": cs2}


def _pool(
    name: str,
    instances: list[float],
    mu: float,
    vcpus: int = 1,
    cs2: float = 1.0,
    law: str | None = None,
    room: int | None = 5000,
    timeout: float | None = 10.0,
) -> dict[str, Any]:
    fleet = [int(n) for n in instances]
    pool = {"name": name, "instances": fleet, "vcpus": vcpus, "mu": mu}
    return {**pool, **_law(cs2, law), "room": room, "timeout": timeout}


def _tier(
    name: str,
    servers: list[float],
    mean_service: float,
    cs2: float = 1.0,
    law: str | None = None,
    room: int | None = 5000,
    timeout: float | None = 10.0,
) -> dict[str, Any]:
    tier = {"name": name, "servers": [int(n) for n in servers], "mean_service": mean_service}
    return {**tier, **_law(cs2, law), "room": room, "timeout": timeout}


def _network(
    name: str,
    description: str,
    rate: list[float],
    pools: list[dict[str, Any]],
    tiers: list[dict[str, Any]] | None = None,
    visit: list[list[float]] | None = None,
) -> Case:
    inputs = {
        "dt": 60.0,
        "arrival_rate": rate,
        "pools": pools,
        "tiers": tiers or [],
        "visit": visit or [[1.0] * len(tiers or []) for _ in pools],
    }
    return _case(name, "network", description, inputs)


def _serverless(name: str, description: str, rate: list[float], **given: Any) -> Case:
    inputs = {
        "dt": 60.0,
        "arrival_rate": rate,
        "mean_service": 0.2,
        **_law(1.0, None),
        "concurrency": 1,
        "limit": 1000,
        "cold_start_s": 1.0,
        "keep_alive_s": 300.0,
    }
    return _case(name, "serverless", description, inputs | given)


def _case(name: str, kind: str, description: str, inputs: dict[str, Any]) -> Case:
    return {
        "id": name,
        "category": name.rsplit("_", 1)[0],
        "kind": kind,
        "description": description,
        "compare_from": 1,
        "inputs": inputs,
    }


def _cache() -> Iterator[Case]:
    t = 8
    yield _network(
        "cache_000",
        "light load, hit rate 0.9",
        _steps((80, t)),
        [_pool("web", _steps((4, t)), mu=20.0, vcpus=2)],
        [_tier("cache", _steps((2, t)), 0.001), _tier("database", _steps((4, t)), 0.02)],
        [[1.0, 0.1]],
    )
    t = 10
    yield _network(
        "cache_001",
        "hit rate 0.5, busy database with lognormal service",
        _steps((100, 4), (130, 6)),
        [_pool("web", _steps((5, t)), mu=20.0, vcpus=2)],
        [
            _tier("cache", _steps((2, t)), 0.002),
            _tier("database", _steps((4, t)), 0.05, cs2=2.0, law="lognormal"),
        ],
        [[1.0, 0.5]],
    )
    yield _network(
        "cache_002",
        "hit rate 0.95, the cache itself grows busy",
        _steps((200, 3), (440, 5), (300, 2)),
        [_pool("web", _steps((8, 3), (14, 7)), mu=20.0, vcpus=2)],
        [_tier("cache", _steps((1, t)), 0.002, cs2=0.5), _tier("database", _steps((2, t)), 0.03)],
        [[1.0, 0.05]],
    )
    yield _network(
        "cache_003",
        "hit rate 0.6, a load jump overloads the database for three ticks",
        _steps((60, 3), (140, 3), (70, 4)),
        [_pool("web", _steps((5, t)), mu=20.0, vcpus=2)],
        [
            _tier("cache", _steps((2, t)), 0.002),
            _tier("database", _steps((2, t)), 0.05, room=200, timeout=2.0),
        ],
        [[1.0, 0.4]],
    )


def _queue() -> Iterator[Case]:
    free: dict[str, Any] = {"room": None, "timeout": None}
    yield _network(
        "queue_000",
        "steady, workers 70 % busy",
        _steps((5.6, 8)),
        [_pool("workers", _steps((4, 8)), mu=2.0, **free)],
    )
    yield _network(
        "queue_001",
        "overload for three ticks, then the backlog drains",
        _steps((15, 2), (30, 3), (10, 7)),
        [_pool("workers", _steps((5, 12)), mu=2.0, vcpus=2, **free)],
    )
    yield _network(
        "queue_002",
        "backlog until the workers are scaled out, scaled in again later",
        _steps((8, 2), (40, 6), (8, 4)),
        [_pool("workers", _steps((4, 5), (16, 5), (6, 2)), mu=4.0, **free)],
    )
    yield _network(
        "queue_003",
        "slow jobs of very different lengths, near saturation",
        _steps((2.7, 10)),
        [_pool("workers", _steps((6, 10)), mu=0.5, cs2=2.0, law="lognormal", **free)],
    )
    yield _network(
        "queue_004",
        "workers that write to a database, overload then drain",
        _steps((20, 2), (60, 3), (15, 5)),
        [_pool("workers", _steps((4, 10)), mu=10.0, cs2=0.5, **free)],
        [_tier("database", _steps((2, 10)), 0.03)],
        [[0.8]],
    )


def _pools() -> Iterator[Case]:
    yield _network(
        "pools_000",
        "a large and a small pool of the same speed",
        _steps((60, 4), (85, 4)),
        [
            _pool("large", _steps((8, 8)), mu=10.0),
            _pool("small", _steps((2, 8)), mu=10.0),
        ],
    )
    yield _network(
        "pools_001",
        "few fast and many slow instances behind one balancer, load jumps",
        _steps((80, 3), (150, 4), (100, 3)),
        [
            _pool("fast", _steps((2, 10)), mu=50.0),
            _pool("slow", _steps((12, 10)), mu=5.0, cs2=2.0, law="lognormal"),
        ],
    )
    yield _network(
        "pools_002",
        "three pools in front of a database, one scales out after a load jump",
        _steps((70, 3), (160, 6), (90, 3)),
        [
            _pool("a", _steps((2, 5), (8, 7)), mu=10.0, vcpus=2, room=800, timeout=5.0),
            _pool("b", _steps((4, 12)), mu=10.0, room=400, timeout=5.0),
            _pool("c", _steps((1, 12)), mu=20.0, room=200, timeout=5.0),
        ],
        [_tier("database", _steps((4, 12)), 0.02)],
        [[0.5], [0.5], [0.5]],
    )
    yield _network(
        "pools_003",
        "two overloaded pools with different patience",
        _steps((30, 2), (70, 6), (25, 4)),
        [
            _pool("patient", _steps((3, 12)), mu=10.0, room=2000, timeout=10.0),
            _pool("hasty", _steps((2, 12)), mu=10.0, cs2=0.5, room=20, timeout=2.0),
        ],
    )
    yield _network(
        "pools_004",
        "a pool that starts empty and takes over from another",
        _steps((45, 10)),
        [
            _pool("old", _steps((6, 4), (3, 2), (1, 4)), mu=10.0),
            _pool("new", _steps((0, 2), (2, 2), (4, 6)), mu=15.0),
        ],
    )


def _chain() -> Iterator[Case]:
    t = 8
    yield _network(
        "chain_000",
        "front, backend and database, steady",
        _steps((60, t)),
        [_pool("front", _steps((2, t)), mu=25.0, vcpus=2)],
        [_tier("backend", _steps((8, t)), 0.1), _tier("database", _steps((3, t)), 0.03)],
        [[1.0, 0.8]],
    )
    t = 12
    yield _network(
        "chain_001",
        "the backend is overloaded, requests give up there",
        _steps((40, 3), (90, 4), (40, 5)),
        [_pool("front", _steps((3, t)), mu=25.0, vcpus=2)],
        [
            _tier("backend", _steps((6, t)), 0.1, room=500, timeout=4.0),
            _tier("database", _steps((4, t)), 0.03),
        ],
        [[1.0, 0.7]],
    )
    yield _network(
        "chain_002",
        "load jump, the front scales out before the backend",
        _steps((50, 3), (120, 9)),
        [_pool("front", _steps((2, 5), (5, 7)), mu=20.0, vcpus=2, room=3000, timeout=20.0)],
        [
            _tier("backend", _steps((6, 8), (16, 4)), 0.1, room=3000, timeout=20.0),
            _tier("database", _steps((4, t)), 0.02),
        ],
        [[1.0, 0.5]],
    )
    t = 8
    yield _network(
        "chain_003",
        "four small tiers with lognormal service, load rises",
        _steps((4, 2), (6, 2), (7, 2), (8, 2)),
        [_pool("front", _steps((1, t)), mu=10.0, cs2=2.0, law="lognormal")],
        [
            _tier("logic", _steps((2, t)), 0.2, cs2=2.0, law="lognormal"),
            _tier("pricing", _steps((1, t)), 0.15, cs2=2.0, law="lognormal"),
            _tier("database", _steps((1, t)), 0.1, cs2=0.5),
        ],
        [[1.0, 0.7, 0.9]],
    )


def _storage() -> Iterator[Case]:
    yield _network(
        "storage_000",
        "two nearly regular servers, light to busy",
        _steps((60, 3), (110, 3), (145, 3)),
        [_pool("web", _steps((10, 9)), mu=20.0)],
        [_tier("storage", _steps((2, 9)), 0.0125, cs2=0.2)],
    )
    yield _network(
        "storage_001",
        "one regular server behind cache and database, overloaded for three ticks",
        _steps((80, 3), (150, 3), (90, 4)),
        [_pool("web", _steps((6, 10)), mu=20.0, vcpus=2)],
        [
            _tier("cache", _steps((2, 10)), 0.001),
            _tier("database", _steps((4, 10)), 0.02),
            _tier("storage", _steps((1, 10)), 0.025, cs2=0.2, room=300, timeout=5.0),
        ],
        [[1.0, 0.5, 0.3]],
    )


def _databases() -> Iterator[Case]:
    yield _network(
        "databases_000",
        "two pools, each with a database of its own",
        _steps((80, 4), (120, 4)),
        [
            _pool("shop", _steps((4, 8)), mu=20.0),
            _pool("search", _steps((6, 8)), mu=10.0, cs2=0.5),
        ],
        [_tier("orders", _steps((2, 8)), 0.04), _tier("index", _steps((2, 8)), 0.03, cs2=0.5)],
        [[0.6, 0.0], [0.0, 0.8]],
    )
    yield _network(
        "databases_001",
        "two pools that share one of two databases; it is overloaded for a while",
        _steps((70, 3), (120, 4), (80, 5)),
        [
            _pool("shop", _steps((4, 3), (6, 9)), mu=20.0),
            _pool("search", _steps((6, 12)), mu=10.0),
        ],
        [
            _tier("orders", _steps((2, 12)), 0.03),
            _tier("users", _steps((2, 12)), 0.03, room=400, timeout=5.0),
        ],
        [[0.7, 0.6], [0.2, 0.8]],
    )


def _functions() -> Iterator[Case]:
    yield _serverless("serverless_000", "steady", _steps((20, 10)))
    yield _serverless(
        "serverless_001",
        "ramp from nothing",
        [0.0, 0.0, 5.0, 10.0, 20.0, 30.0, 40.0, 50.0, 60.0, 60.0],
        cold_start_s=2.0,
    )
    yield _serverless(
        "serverless_002",
        "a burst, the instances that it leaves are reclaimed",
        _steps((10, 3), (150, 2), (10, 6)),
        keep_alive_s=120.0,
    )
    yield _serverless(
        "serverless_003",
        "throttled at the limit",
        _steps((30, 3), (70, 4), (30, 3)),
        limit=10,
    )
    yield _serverless(
        "serverless_004",
        "instances that serve twenty requests at once, load jumps",
        _steps((50, 3), (400, 4), (50, 3)),
        concurrency=20,
        cold_start_s=3.0,
        keep_alive_s=60.0,
    )
    yield _serverless(
        "serverless_005",
        "rare requests, instances kept for one minute",
        _steps((0.02, 12)),
        keep_alive_s=60.0,
        mean_service=1.0,
        cold_start_s=4.0,
    )
    yield _serverless(
        "serverless_006",
        "load on and off, instances kept for ten minutes",
        _steps((20, 3), (0.5, 3), (30, 3), (0.5, 3)),
        keep_alive_s=600.0,
    )
    yield _serverless(
        "serverless_007",
        "instances that serve twenty requests at once, throttled in a burst from nothing",
        _steps((0, 2), (300, 4), (40, 4)),
        concurrency=20,
        limit=100,
        cold_start_s=5.0,
        keep_alive_s=120.0,
    )
    yield _serverless(
        "serverless_008",
        "moderate load, instances kept for one minute, long service",
        _steps((2, 5), (4, 5)),
        keep_alive_s=60.0,
        mean_service=2.0,
        cold_start_s=5.0,
    )


def describe() -> list[Case]:
    """The cases as they are defined, without figures."""
    parts = (_cache, _queue, _pools, _chain, _storage, _databases, _functions)
    return [case for part in parts for case in part()]
