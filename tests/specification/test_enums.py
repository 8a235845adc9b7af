"""Every value of the specification's enumerations, by the effect that it has on metrics."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, get_args

import gymnasium as gym
import numpy as np
import pytest

import cwm_gym
from cwm_gym.core.records import FAULT_KINDS
from cwm_gym.spec import ActionType
from cwm_gym.spec.errors import SpecError
from cwm_gym.spec.resource import Provider, ResourceType, Status

RESOURCE_TYPES = ("compute", "network", "database", "storage", "kubernetes")
EXTENSION_TYPES = ("cache", "queue", "serverless")
PROVIDERS = ("aws", "gcp", "azure", "oci", "digitalocean")
STATUSES = ("healthy", "warning", "critical", "offline")
ACTIONS = (
    "adjust_threshold",
    "scale_out",
    "scale_in",
    "add_resource",
    "remove_resource",
    "no_op",
    "set_recovery_policy",
)
ADDABLE = ("compute", "database", "storage", "network", "security")
PATTERNS = ("constant", "ramp", "sine", "step", "spike", "custom")
EPISODE_PATTERNS = ("constant", "ramp", "burst", "step", "wave", "custom")
FAILURES = ("instance_kill", "az_outage", "database_overload", "network_latency")
INJECTIONS = (
    "kill_instance",
    "network_delay",
    "database_slowdown",
    "database_overload",
    "cpu_spike",
    "memory_pressure",
    "kill_zone",
)
SEVERITIES = ("info", "warning", "error", "success")
SIZES = {
    "aws": "m5.large",
    "gcp": "n2-standard-2",
    "azure": "Standard_F8s_v2",
    "oci": "VM.Standard3.Flex",
    "digitalocean": "s-2vcpu-4gb",
}


def part(name: str, kind: str, provider: str = "aws", **settings: Any) -> dict[str, Any]:
    status = settings.pop("status", "healthy")
    return {
        "id": name,
        "type": kind,
        "name": name,
        "provider": provider,
        "status": status,
        "characteristics": settings,
    }


def shop(*more: dict[str, Any], web: dict[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    pool = part(
        "web",
        "compute",
        size="m5.large",
        instances=4,
        minInstances=1,
        maxInstances=8,
        autoscaling=True,
        cpuSecondsPerRequest=0.002,
        zones=["us-east-1a", "us-east-1b"],
        bootSeconds=90,
        **(web or {}),
    )
    return {"name": "shop", "traffic": 2000, "resources": [pool, *more], **fields}


def database(**settings: Any) -> dict[str, Any]:
    return part("db", "database", size="db.m5.large", cpuSecondsPerRequest=0.0004, **settings)


def history(document: dict[str, Any], steps: int = 12, **arguments: Any) -> Any:
    return cwm_gym.simulate(document, steps, seed=1, env_kwargs=arguments)


@pytest.mark.parametrize("kind", RESOURCE_TYPES + EXTENSION_TYPES)
def test_every_type_of_resource_shows_in_the_metrics(kind: str) -> None:
    without = history(shop())
    more = {
        "compute": part("more", "compute", size="m5.large", instances=4),
        "network": part("more", "network", baseLatency=30),
        "database": database(),
        "storage": part("more", "storage", capacityGB=500, maxIops=500, visitProbability=0.2),
        "kubernetes": part("more", "kubernetes", nodeCount=3, size="m5.large"),
        "cache": part("more", "cache", size="m5.large", cacheHitRate=0.7),
        "queue": part("more", "queue"),
        "serverless": part("more", "serverless", serviceFamily="lambda", memoryGB=0.5),
    }[kind]
    found = history(shop(more))
    shows = {
        "compute": found["capacity_rps"][-1] > 1.5 * without["capacity_rps"][-1],
        "network": found["latency_p95"][-1] > without["latency_p95"][-1] + 29,
        "database": "connection_pressure" in found.columns,
        "storage": found.columns.get("storage_iops_utilization", np.zeros(1))[-1] > 0.5,
        "kubernetes": found.columns.get("k8s_node_utilization", np.zeros(1))[-1] > 0.0,
        "cache": found.columns.get("cache_hit_rate", np.zeros(1))[-1] == pytest.approx(0.7),
        "queue": "queue_depth" in found.columns,
        "serverless": "cold_start_share" in found.columns,
    }
    assert shows[kind]


@pytest.mark.parametrize("provider", PROVIDERS)
def test_every_provider_has_its_prices_and_boot_times(provider: str) -> None:
    size = SIZES[provider]
    document = {
        "name": "one",
        "traffic": 100,
        "resources": [part("web", "compute", provider, size=size, instances=2, maxInstances=9)],
    }
    found = history(document, 3)
    others = [
        cwm_gym.catalog.price(other, SIZES[other]) for other in PROVIDERS if other != provider
    ]
    own = cwm_gym.catalog.price(provider, size)
    assert found["cost_usd_hr"][-1] == pytest.approx(2 * own, rel=1e-9)
    assert all(own != other for other in others)


@pytest.mark.parametrize("status", STATUSES)
def test_every_status_at_the_start_shows_in_the_metrics(status: str) -> None:
    document = shop()
    document["resources"][0]["status"] = status
    found, healthy = history(document, 4), history(shop(), 4)
    if status == "healthy":
        assert found["latency_p95"].tolist() == healthy["latency_p95"].tolist()
    elif status == "warning":
        assert found["health"][0] == 1.0
    elif status == "critical":
        assert found["latency_p95"][0] > healthy["latency_p95"][0]
    else:
        assert found["served"][0] == 0.0
        assert found["served"][-1] > 0.0


def test_an_offline_database_restarts() -> None:
    found = history(shop({**database(), "status": "offline"}), 4)
    assert found["error_rate"][0] == pytest.approx(1.0, abs=1e-6)
    assert found["error_rate"][-1] < 0.01


@pytest.mark.parametrize("kind", ACTIONS)
def test_every_action_has_its_effect(kind: str) -> None:
    spare = part("extra", "compute", size="m5.large", instances=2, bootSeconds=0)
    document = shop(spares=[spare, {**database(), "id": "spare-db"}])
    document["resources"].append(part("side", "compute", size="m5.large", instances=2))
    policy = {
        "criticalCpuThreshold": 95,
        "criticalSteps": 1,
        "warningCpuThreshold": 20,
        "warningSteps": 1,
    }
    parameters: dict[str, Any] = {
        "scale_out": {"instanceCount": 2},
        "scale_in": {"instanceCount": 2},
        "adjust_threshold": {"cpuThreshold": 30, "throughputThreshold": 90},
        "add_resource": {"resource": spare},
        "remove_resource": {"resourceId": "side"},
        "set_recovery_policy": {"resourceId": "web", "recoveryPolicy": policy},
    }.get(kind, {})
    document["autoscaling"] = {"scaleInCpuThreshold": 0, "cooldownSeconds": 0}
    env = gym.make("CloudAutoscale-v0", simulation=document, autoscaler="on").unwrapped
    quiet = gym.make("CloudAutoscale-v0", simulation=document, autoscaler="on").unwrapped
    found = []
    for one, action in (
        (env, {"type": kind, "parameters": parameters}),
        (quiet, {"type": "no_op"}),
    ):
        one.reset(seed=0)
        one.step_document(action)
        for _ in range(5):
            *_, info = one.step(0)
        found.append((info["metrics"], one.get_state()))
    (metrics, world), (calm, before) = found
    ready, was = world["pool"]["ready"], before["pool"]["ready"]
    if kind == "no_op":
        assert metrics == calm
    elif kind == "scale_out":
        assert ready[0] == was[0] + 2
        assert metrics["cost_usd_hr"] > calm["cost_usd_hr"]
    elif kind == "scale_in":
        assert ready[0] == was[0] - 2
    elif kind == "adjust_threshold":
        assert ready[0] > was[0]
    elif kind == "add_resource":
        assert world["meter"]["capacity_rps"] > before["meter"]["capacity_rps"]
        assert metrics["cost_usd_hr"] > calm["cost_usd_hr"]
    elif kind == "remove_resource":
        assert world["meter"]["capacity_rps"] < before["meter"]["capacity_rps"]
    else:
        assert world["meter"]["health"] == 1.0
        assert before["meter"]["health"] == 0.0


@pytest.mark.parametrize("kind", ADDABLE)
def test_every_type_that_can_be_added(kind: str) -> None:
    live = cwm_gym.LiveSimulation(shop(), seed=1)
    live.step(2)
    before = live.metrics()
    action = {
        "type": "add_resource",
        "parameters": {"resourceType": kind, "provider": "aws"},
    }
    if kind == "security":
        # A firewall has no figures in any catalog: the document is read, and refused by name.
        with pytest.raises(SpecError, match="security"):
            live.act(action)
        return
    live.act(action)
    live.step(3)
    assert live.metrics()["costPerHour"] > before["costPerHour"]
    assert len(live.resources()) == 2


def shape(kind: str) -> dict[str, Any]:
    points = [{"timestamp": 0, "rps": 500}, {"timestamp": 20, "rps": 1500}]
    return {"type": kind, **({"parameters": {"points": points}} if kind == "custom" else {})}


@pytest.mark.parametrize("kind", sorted({*PATTERNS, *EPISODE_PATTERNS}))
def test_every_pattern_shapes_the_demand(kind: str) -> None:
    document = shop()
    document["workload"] = {"patterns": [shape("custom")]}
    traffic = [shape(kind)] if kind == "custom" else kind
    demand = history(document, 45, traffic=traffic)["offered_rps"]
    change = demand[1:] / demand[:-1]
    base = 2000.0
    assert {
        "constant": (demand == base).all(),
        "ramp": demand[-1] == pytest.approx(2.5 * base) and (change >= 1.0).all(),
        "sine": demand.max() > 1.35 * base and demand.min() < 0.65 * base,
        "wave": demand.max() > 1.35 * base and demand.min() < 0.65 * base,
        "step": sorted(set(demand.round())) == [base, 1.3 * base],
        "spike": demand[0] > 3.5 * base and (change < 1.0).all(),
        "burst": demand[0] == pytest.approx(4.2 * base) and demand[-1] == base,
        "custom": demand[0] < 600 and demand[-1] == pytest.approx(1500),
    }[kind]


@pytest.mark.parametrize("kind", sorted({*FAILURES, *INJECTIONS, *FAULT_KINDS}))
def test_every_fault_shows_in_the_metrics(kind: str) -> None:
    document = shop(database(maxConnections=60, idleConnectionsPerInstance=4))
    if kind == "spot_interruption":
        document["resources"].append(
            part("spot", "compute", size="m5.large", instances=4, market="spot",
                 spotHazard="advisor")
        )  # fmt: skip
    fault: dict[str, Any] = {"type": kind, "startTime": 3, "endTime": 7, "severity": 0.9}
    if kind in ("az_outage", "kill_zone"):
        fault["targetId"] = "us-east-1a"
    found, quiet = history({**document, "faults": [fault]}, 20), history(document, 20)
    names = ("latency_p95", "error_rate", "offered_rps", "capacity_rps", "utilisation")
    during, after = slice(3, 7), slice(-2, None)
    changed = [name for name in names if not np.allclose(found[name][during], quiet[name][during])]
    assert changed
    for name in names:
        np.testing.assert_allclose(found[name][after], quiet[name][after], rtol=0.02, atol=1e-6)


@pytest.mark.parametrize("severity", SEVERITIES)
def test_every_severity_of_an_event_occurs(severity: str) -> None:
    faults = [{"type": "az_outage", "targetId": "us-east-1a", "startTime": 2, "endTime": 5}]
    events = history(shop(faults=faults, traffic=4500), 20, autoscaler="on").event_documents()
    assert severity in {event["severity"] for event in events}


def test_the_lists_above_are_the_specifications() -> None:
    folder = Path(__file__).parents[2].parent / "shared" / "spec"
    if not folder.is_dir():
        pytest.skip("needs ../shared/spec, the specification document, which is not here")
    texts = [path.read_text() for path in sorted(folder.glob("*.txt"))]
    document = json.loads(next(text for text in texts if text.lstrip().startswith("{")))
    schemas, paths = document["components"]["schemas"], document["paths"]

    def listed(node: dict[str, Any], *names: str) -> set[str]:
        for name in names:
            node = node[name]
        return set(node["enum"])

    def body(path: str) -> dict[str, Any]:
        found: dict[str, Any] = paths[path]["post"]["requestBody"]["content"]
        return found["application/json"]["schema"]["properties"]

    assert listed(schemas, "Resource", "properties", "type") == set(RESOURCE_TYPES)
    assert listed(schemas, "Resource", "properties", "provider") == set(PROVIDERS)
    assert listed(schemas, "Resource", "properties", "status") == set(STATUSES)
    assert listed(schemas, "Action", "properties", "type") == set(ACTIONS)
    assert listed(schemas, "ResourceParams", "properties", "resourceType") == set(ADDABLE)
    episode = schemas["EpisodeConfig"]["properties"]
    assert listed(episode, "targetTrafficPattern") == set(EPISODE_PATTERNS)
    assert listed(schemas, "ChaosInjectionConfig", "properties", "type") == set(INJECTIONS)
    assert listed(body("/simulations/{simulationId}/patterns"), "type") == set(PATTERNS)
    assert listed(body("/simulations/{simulationId}/failures"), "type") == set(FAILURES)
    assert listed(body("/simulations/{simulationId}/events"), "severity") == set(SEVERITIES)


def test_the_library_knows_no_others() -> None:
    assert set(get_args(ResourceType)) == {*RESOURCE_TYPES, *EXTENSION_TYPES}
    assert set(get_args(Provider)) == set(PROVIDERS)
    assert set(get_args(Status)) == set(STATUSES)
    assert set(get_args(ActionType)) == set(ACTIONS)
