"""One simulation with a resource of every type, for tests of what acts on all of them."""

from __future__ import annotations

from typing import Any

from tests.documents import with_episode


def landscape(**fields: Any) -> dict[str, Any]:
    """A web pool that is scaled, a cluster of two node pools, functions, and all that they call."""
    document: dict[str, Any] = {
        "name": "landscape",
        "traffic": 900,
        "resources": [
            _resource("lb", "network"),
            _resource("web", "compute", size="m5.large", autoscaling=True, instances=3,
                      minInstances=1, maxInstances=8, cpuSecondsPerRequest=0.01, bootSeconds=45,
                      drainSeconds=30),
            _resource("cluster", "kubernetes", size="m5.large", nodePools=[
                {"name": "blue", "nodeCount": 2, "minNodes": 1, "maxNodes": 6},
                {"name": "green", "nodeCount": 1, "minNodes": 1, "maxNodes": 4, "market": "spot"},
            ], spotHazard="scarce", cpuSecondsPerRequest=0.01),
            _resource("fn", "serverless", serviceFamily="lambda"),
            _resource("jobs", "queue"),
            _resource("worker", "compute", size="m5.large", instances=1, minInstances=0,
                      maxInstances=4, cpuSecondsPerRequest=0.005),
            _resource("redis", "cache", cacheHitRate=0.7),
            _resource("db", "database", size="db.m5.large", maxConnections=60, ha=True,
                      readReplicas=1),
            _resource("disk", "storage", maxIops=3000),
        ],
        "connections": [
            {"sourceId": source, "targetId": target}
            for source, target in (
                ("lb", "web"), ("lb", "cluster"), ("web", "fn"), ("web", "redis"), ("web", "jobs"),
                ("cluster", "redis"), ("redis", "db"), ("jobs", "worker"), ("db", "disk"),
            )
        ],
        "spares": [
            _resource("more", "compute", size="c5.large", region="us-west-2", instances=2,
                      minInstances=1, maxInstances=4, cpuSecondsPerRequest=0.01),
            _resource("db2", "database", size="db.r5.large", maxConnections=200),
        ],
        "workload": {"noise": {"sigma": 0.2, "correlationSeconds": 300}},
    }  # fmt: skip
    document["episode"] = {
        "maxSteps": 40,
        "targetSLA": {"maxLatencyP95": 200, "maxErrorRate": 1},
        "costBudgetPerHour": 3.0,
    }
    return with_episode({**document, **fields})


def _resource(name: str, kind: str, **settings: Any) -> dict[str, Any]:
    return {
        "id": name,
        "type": kind,
        "name": name,
        "provider": "aws",
        "characteristics": {"region": "us-east-1", **settings},
    }


FAULTS: list[dict[str, Any]] = [
    {"type": "instance_kill", "startTime": 2, "targetResourceId": "web"},
    {"type": "az_outage", "startTime": 4, "endTime": 9, "targetZone": "us-east-1a"},
    {"type": "database_crash", "targetId": "db", "injectionTime": 12, "duration": 4},
    {"type": "traffic_spike", "startTime": 18, "endTime": 24, "parameters": {"multiplier": 6}},
]
"""Faults for it that take instances, a zone and a database, and flood it."""

SAMPLING: dict[str, Any] = {
    "ratesPerHour": {"instance_kill": 6, "az_outage": 1, "cpu_spike": 6, "database_crash": 2,
                     "spot_interruption": 3, "memory_leak": 2, "network_latency": 4},
}  # fmt: skip
"""Random faults, often."""
