"""Strategies that draw graphs of every resource type under faults of every kind."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from cwm_gym.core.records import FAULT_KINDS
from tests.documents import patterns

TYPES = ("compute", "kubernetes", "serverless", "database", "cache", "queue", "storage", "network")
_SERVES = ("compute", "kubernetes", "serverless")
_OF_DATABASES = ("database_slowdown", "database_overload", "database_crash")
# Requests go from left to right, so that no connection closes a cycle.
_RANK = {"network": 0, "compute": 1, "kubernetes": 1, "serverless": 1, "queue": 2}
_SETTINGS: dict[str, dict[str, list[Any]]] = {
    "compute": {
        "instances": [2, 3],
        "maxInstances": [4, 12],
        "bootSeconds": [0, 45, 300],
        "warmupSeconds": [0, 100],
        "cpuSecondsPerRequest": [1e-4, 0.0015, 0.05],
        "contention": [0.0, 0.1, 1.0],
        "timeoutSeconds": [0.05, 5],
        "queueCapacity": [0, 20],
        "market": ["spot"],
        "balancing": ["random", "round_robin"],
        "visitProbability": [0.0, 0.4],
        "criticalSpeed": [0.5],
    },
    "kubernetes": {
        "nodeCount": [2, 3],
        "minNodes": [1],
        "maxNodes": [6],
        "bootSeconds": [0, 200],
        "visitProbability": [0.7],
    },
    "serverless": {
        "maxConcurrency": [1, 20, 1000],
        "coldStartSeconds": [0, 0.4, 5],
        "keepAliveSeconds": [1, 600],
        "concurrency": [1, 20],
        "cpuSecondsPerRequest": [0.01, 0.5],
    },
    "database": {
        "maxConnections": [2, 50, 1000],
        "idleConnectionsPerInstance": [0, 5, 40],
        "visitProbability": [0.0, 0.3, 1.0],
        "readReplicas": [1, 3],
        "ha": [True],
        "cpuSecondsPerRequest": [1e-4, 0.01],
        "refuseWhenFull": [False],
        "serviceFamily": ["aurora-serverless", "dynamodb"],
    },
    "cache": {"cacheHitRate": [0.0, 0.5, 1.0], "cpuSecondsPerRequest": [1e-4, 0.01]},
    "queue": {"queueCapacity": [5, 100000]},
    "storage": {
        "maxIops": [10, 3000],
        "ioPerRequest": [0.1, 20],
        "visitProbability": [0.1, 1.0],
        "capacityGB": [100],
    },
    "network": {"baseLatency": [0, 3], "maxThroughput": [50, 1e6], "serviceFamily": ["cloudfront"]},
}


@st.composite
def resources(draw: st.DrawFn, name: str, kind: str) -> dict[str, Any]:
    """One resource with some settings, most of them extreme."""
    found = {}
    for setting, choices in _SETTINGS[kind].items():
        value = draw(st.sampled_from([None, None, *choices]))
        if value is not None:
            found[setting] = value
    if found.get("serviceFamily") == "aurora-serverless":
        found.pop("readReplicas", None)
    return {
        "id": name,
        "type": kind,
        "name": name,
        "provider": "aws",
        "region": draw(st.sampled_from(["us-east-1", "us-east-1", "eu-west-1"])),
        "characteristics": found,
    }


@st.composite
def faults(draw: st.DrawFn, parts: list[dict[str, Any]]) -> dict[str, Any]:
    """One fault of any kind, at a resource that it can concern, at a zone or at large."""
    kind = draw(st.sampled_from(FAULT_KINDS))
    start = draw(st.sampled_from([0, 0.25, 1, 3, 8]))
    found: dict[str, Any] = {"type": kind, "startTime": start, "name": kind}
    length = draw(st.sampled_from([None, 0.5, 2, 10]))
    if length is not None:
        found["endTime"] = start + length
    wanted = ("database",) if kind in _OF_DATABASES else ("compute", "kubernetes")
    targets = [one["id"] for one in parts if one["type"] in wanted]
    if kind == "az_outage":
        found["targetZone"] = draw(st.sampled_from(["us-east-1a", "us-east-1b", "eu-west-1a"]))
    elif kind == "spot_interruption":
        targets = [one["id"] for one in parts if one["characteristics"].get("market") == "spot"]
    if kind not in ("az_outage", "traffic_spike") and targets and draw(st.booleans()):
        found["targetResourceId"] = draw(st.sampled_from(targets))
    severity = draw(st.sampled_from([None, 0.0, 0.3, 1.0, "severe"]))
    if severity is not None:
        found["severity"] = severity
    return found


@st.composite
def graphs(draw: st.DrawFn) -> dict[str, Any]:
    """A simulation of up to eight resources, connected anyhow or by the default path."""
    kinds = ["compute", *draw(st.lists(st.sampled_from(TYPES), max_size=7))]
    parts = [draw(resources(f"r{i}", kind)) for i, kind in enumerate(kinds)]
    parts[0]["characteristics"].pop("market", None)
    edges = []
    if draw(st.booleans()):
        order = sorted(range(len(parts)), key=lambda i: (_RANK.get(kinds[i], 3), i))
        for a, source in enumerate(order):
            for target in order[a + 1 :]:
                if draw(st.integers(0, 2)) == 0:
                    edges.append({"sourceId": f"r{source}", "targetId": f"r{target}"})
    return {
        "name": "drawn",
        "traffic": draw(st.sampled_from([0, 0.1, 20, 1000, 20000])),
        "resources": parts,
        "connections": edges,
        "faults": draw(st.lists(faults(parts), max_size=4)),
        "workload": {
            "patterns": draw(st.lists(patterns(), max_size=1)),
            "noise": {"sigma": draw(st.sampled_from([0, 0.3])), "correlationSeconds": 60},
        },
        "episode": {
            "maxSteps": draw(st.sampled_from([5, 40])),
            "tick_seconds": draw(st.sampled_from([7, 60, 60, 60, 150])),
            "targetSLA": {"maxLatencyP95": 100, "maxErrorRate": 1},
            "costBudgetPerHour": 2,
            "enableFailures": draw(st.booleans()),
        },
    }
