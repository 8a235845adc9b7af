"""Documents for tests: one plain service to vary, and strategies that draw adversarial ones."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
from hypothesis import strategies as st

ENV_ID = "CloudAutoscale-v0"
# Ticks longer than 60 s take as many sub-ticks as they are minutes long: seldom, for speed.
TICKS = [1, 7, 20, 30, 45, 59, 60, 60, 60, 61, 90, 120, 30, 45, 60, 60, 60, 60, 60, 3600]


def service(**compute: Any) -> dict[str, Any]:
    """One pool of m5.large without noise, balancer or database; keywords change the pool."""
    characteristics = {
        "size": "m5.large",
        "region": "us-east-1",
        "instances": 2,
        "minInstances": 1,
        "maxInstances": 8,
        "autoscaling": True,
        "cpuSecondsPerRequest": 0.01,
        "bootSeconds": 45,
        "drainSeconds": 30,
        **compute,
    }
    return {
        "name": "service",
        "traffic": 200,
        "resources": [
            {
                "id": "web",
                "type": "compute",
                "name": "web",
                "provider": "aws",
                "characteristics": {k: v for k, v in characteristics.items() if v is not None},
            }
        ],
        "episode": {
            "maxSteps": 40,
            "targetSLA": {"maxLatencyP95": 100, "maxErrorRate": 1},
            "costBudgetPerHour": 1.0,
        },
    }


def with_database(document: dict[str, Any], **database: Any) -> dict[str, Any]:
    """Put a small database behind a service; None leaves a setting out."""
    characteristics = {
        "size": "db.m5.large",
        "region": "us-east-1",
        "maxConnections": 100,
        **database,
    }
    changed = copy.deepcopy(document)
    changed["resources"].append(
        {
            "id": "db",
            "type": "database",
            "name": "db",
            "provider": "aws",
            "characteristics": {k: v for k, v in characteristics.items() if v is not None},
        }
    )
    return changed


def with_episode(document: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """Change fields of a document's episode."""
    return {**document, "episode": {**document["episode"], **fields}}


def _optional(draw: st.DrawFn, target: dict[str, Any], name: str, choices: list[Any]) -> None:
    value = draw(st.sampled_from([None, *choices]))
    if value is not None:
        target[name] = value


@st.composite
def pools(draw: st.DrawFn, name: str, primary: bool) -> dict[str, Any]:
    """One compute resource with extreme settings."""
    low = draw(st.sampled_from([0, 1, 2]))
    high = draw(st.sampled_from([1, 2, 3, 12, 40]))
    high = max(high, low, 1)
    first = draw(st.integers(max(low, 1), high))
    found: dict[str, Any] = {"minInstances": low, "maxInstances": high, "instances": first}
    if primary:
        found["autoscaling"] = True
    found["size"] = draw(st.sampled_from(["m5.large", "t3.micro", "c5.2xlarge"]))
    _optional(draw, found, "cpuSecondsPerRequest", [1e-4, 0.0015, 0.02, 0.5, 20.0])
    _optional(draw, found, "bootSeconds", [0, 1, 45, 60, 61.5, 300, 5000])
    _optional(draw, found, "warmupSeconds", [0, 0.5, 60, 400])
    _optional(draw, found, "warmupSpeed", [0.01, 0.5, 1.0])
    _optional(draw, found, "drainSeconds", [0, 1, 45, 1000])
    _optional(draw, found, "timeoutSeconds", [1e-3, 0.05, 1, 30, 1e4])
    _optional(draw, found, "queueCapacity", [0, 1, 10, 100000])
    _optional(draw, found, "balancing", ["random", "round_robin", "least_outstanding"])
    _optional(draw, found, "baseLatency", [0, 5, 900])
    law = draw(st.sampled_from([None, "exponential", "gamma", "lognormal"]))
    if law is not None:
        found["serviceDistribution"] = law
    if law != "exponential":
        _optional(draw, found, "serviceCv2", [0, 0.01, 0.5, 4, 50])
    _optional(draw, found, "responseKilobytes", [0, 20, 5000])
    return {
        "id": name,
        "type": "compute",
        "name": name,
        "provider": "aws",
        "characteristics": found,
    }


@st.composite
def databases(draw: st.DrawFn) -> dict[str, Any]:
    """A database with few connections, or many idle ones."""
    found: dict[str, Any] = {"size": draw(st.sampled_from(["db.m5.large", "db.r5.large"]))}
    _optional(draw, found, "maxConnections", [1, 2, 20, 200, 5000])
    _optional(draw, found, "idleConnectionsPerInstance", [0, 0.5, 10, 100])
    _optional(draw, found, "refuseWhenFull", [True, False])
    _optional(draw, found, "visitProbability", [0, 0.1, 0.9, 1])
    _optional(draw, found, "cpuSecondsPerRequest", [1e-5, 0.002, 0.1])
    _optional(draw, found, "timeoutSeconds", [1e-3, 0.5, 100])
    _optional(draw, found, "queueCapacity", [0, 3, 10000])
    _optional(draw, found, "ha", [True, False])
    law = draw(st.sampled_from([None, "lognormal", "gamma"]))
    if law is not None:
        found["serviceDistribution"] = law
        _optional(draw, found, "serviceCv2", [0, 0.3, 20])
    return {
        "id": "db",
        "type": "database",
        "name": "db",
        "provider": "aws",
        "characteristics": found,
    }


def patterns() -> st.SearchStrategy[dict[str, Any]]:
    """Traffic patterns of every type."""
    whole = st.integers(1, 40)
    return st.one_of(
        st.builds(
            lambda p, a: {"type": "wave", "period": p, "amplitude": a},
            whole,
            st.sampled_from([-1.0, 0.4, 0.9, 1.0]),
        ),
        st.builds(
            lambda d, e: {"type": "ramp", "parameters": {"endTraffic": e, "duration": d}},
            whole,
            st.sampled_from([0, 100, 1e5]),
        ),
        st.builds(
            lambda p, m: {
                "type": "burst",
                "period": p + 3,
                "parameters": {"multiplier": m, "duration": 3},
            },
            whole,
            st.sampled_from([0, 2, 50]),
        ),
        st.builds(
            lambda s, m: {
                "type": "spike",
                "startTime": s,
                "parameters": {"multiplier": m, "duration": 4},
            },
            whole,
            st.sampled_from([0.5, 4, 100]),
        ),
        st.builds(
            lambda levels: {"type": "step", "parameters": {"levels": levels, "duration": 20}},
            st.lists(st.sampled_from([0, 10, 1000, 50000]), min_size=1, max_size=5),
        ),
        st.builds(
            lambda v: {
                "type": "custom",
                "parameters": {
                    "points": [{"timestamp": 3 * k, "rps": rate} for k, rate in enumerate(v)]
                },
            },
            st.lists(st.sampled_from([0, 1, 500, 20000]), min_size=1, max_size=8),
        ),
    )


@st.composite
def simulations(draw: st.DrawFn) -> dict[str, Any]:
    """Whole documents, most of them unpleasant."""
    count = draw(st.sampled_from([1, 1, 1, 2, 3]))
    resources = [draw(pools(f"pool{i}", i == 0)) for i in range(count)]
    if draw(st.booleans()):
        resources.append(draw(databases()))
    if draw(st.booleans()):
        resources.append(
            {
                "id": "lb",
                "type": "network",
                "name": "lb",
                "provider": "aws",
                "characteristics": {"baseLatency": draw(st.sampled_from([0, 2, 50]))},
            }
        )
    if draw(st.booleans()):
        resources.append({"id": "disk", "type": "storage", "name": "disk", "provider": "aws"})
    capacity = 0.0
    for one in resources[:count]:
        own = one["characteristics"]
        capacity += own["maxInstances"] * 2 / own.get("cpuSecondsPerRequest", 0.0015)
    load = draw(st.sampled_from([0.0, 1e-6, 0.05, 0.3, 0.6, 0.9, 1.0, 1.3, 3.0, 100.0]))
    document: dict[str, Any] = {
        "name": "drawn",
        "traffic": load * capacity * draw(st.floats(0.7, 1.3)),
        "resources": resources,
        "workload": {
            "patterns": draw(st.lists(patterns(), max_size=2)),
            "noise": {
                "sigma": draw(st.sampled_from([0, 0.05, 0.3, 1.5])),
                "correlationSeconds": draw(st.sampled_from([0, 30, 1000])),
            },
            "startOffset": {"low": 0, "high": draw(st.sampled_from([0, 10]))},
        },
        "episode": {
            "maxSteps": draw(st.sampled_from([3, 17, 300])),
            "tick_seconds": draw(st.sampled_from(TICKS)),
            "targetSLA": {
                "maxLatencyP95": draw(st.sampled_from([0.1, 50, 200, 1e5])),
                "maxErrorRate": draw(st.sampled_from([1e-3, 1, 100])),
            },
            "costBudgetPerHour": draw(st.sampled_from([1e-3, 1, 1000])),
            "terminateOnOutage": draw(st.sampled_from([0, 0, 2])),
        },
        "autoscaling": {
            "scaleOutCpuThreshold": draw(st.sampled_from([30, 70, 100])),
            "scaleInCpuThreshold": draw(st.sampled_from([0, 20])),
            "scaleOutThroughputThreshold": draw(st.sampled_from([0.5, 80])),
            "scaleOutLatencyThreshold": draw(st.sampled_from([0, 100])),
            "cooldownSeconds": draw(st.sampled_from([0, 60, 600])),
            "sustainSteps": draw(st.sampled_from([1, 3])),
        },
    }
    if draw(st.booleans()):
        del document["autoscaling"]["scaleOutThroughputThreshold"]
    return document


@st.composite
def arguments(draw: st.DrawFn) -> dict[str, Any]:
    """Arguments of an environment, the simulation among them."""
    found: dict[str, Any] = {
        "simulation": draw(simulations()),
        "action_mode": draw(st.sampled_from(["discrete", "continuous"])),
        "reward": draw(st.sampled_from(["documented", "dollars"])),
        "quantiles": draw(st.sampled_from(["p95", "all"])),
        "autoscaler": draw(st.sampled_from(["off", "on"])),
        "observation_mode": draw(st.sampled_from(["vector", "vector", "dict"])),
    }
    tick = found["simulation"]["episode"]["tick_seconds"]
    found["metric_delay_s"] = tick * draw(st.sampled_from([0, 0.5, 1, 3, 15]))
    found["action_cooldown_s"] = draw(st.sampled_from([0, 0, tick, 600]))
    traffic = draw(st.sampled_from([None, None, "wave", "spike", "array"]))
    if traffic == "array":
        size = draw(st.integers(1, 30))
        peak = found["simulation"]["traffic"] + draw(st.sampled_from([0, 10, 1e6]))
        traffic = peak * np.random.default_rng(draw(st.integers(0, 99))).random(size)
    if traffic is not None:
        found["traffic"] = traffic
    if draw(st.booleans()):
        found["randomize"] = {
            "pool.0.boot_s": (1, 400),
            "pool.0.initial": (0, 12),
            "pool.0.cpu_s_per_request": (1e-4, 0.1),
            "episode.budget_usd_per_hour": (0.01, 10),
        }
    return found
