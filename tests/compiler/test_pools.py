"""Machines, nodes and containers become pools."""

from __future__ import annotations

from typing import Any

import pytest

from cwm_gym import catalog
from cwm_gym.compiler import defaults
from cwm_gym.core.records.params import MACHINES, NODES
from cwm_gym.spec import SpecError
from tests.compiler.compiling import compiled, document, pool, resource
from tests.documents import service


def test_new_settings_of_a_pool() -> None:
    program = compiled(service(contention=0.02, criticalSpeed=0.5, usdPerHour=0.2))
    web = program.primary
    assert web["kind"] == MACHINES
    assert web["contention"] == 0.02
    assert web["critical_speed"] == 0.5
    assert web["usd_per_hour"] == 0.2
    assert web["autoscaled"] == 1
    assert web["spare"] == web["group"] == web["queued"] == 0
    # n / (1 + sigma (n - 1)) of eight instances.
    assert program.capacity_rps == pytest.approx(8 / (1 + 0.02 * 7) * 2 / 0.01)
    plain = compiled(service(autoscaling=None)).primary
    assert plain["critical_speed"] == defaults.CRITICAL_SPEED
    assert plain["autoscaled"] == 0


def test_a_pool_has_the_documented_recovery_policy_or_its_own() -> None:
    web = service()
    assert tuple(compiled(web).primary["policy"]) == (0.8, 4, 0.7, 3)
    web["resources"][0]["recoveryPolicy"] = {
        "criticalCpuThreshold": 90, "criticalSteps": 2,
        "warningCpuThreshold": 60, "warningSteps": 5,
    }  # fmt: skip
    assert tuple(compiled(web).primary["policy"]) == (0.9, 2, 0.6, 5)


def test_shared_tenants_jitter() -> None:
    droplet = compiled(document(resource("d", provider="digitalocean")))
    machine = compiled(document(resource("m")))
    assert droplet.primary["jitter_s2"] == defaults.SHARED_TENANT_JITTER_SECONDS**2
    assert machine.primary["jitter_s2"] == 0


def test_a_cluster_of_one_pool() -> None:
    program = compiled(
        document(
            resource(
                "k", "kubernetes", "digitalocean", nodeCount=4, minNodes=2, maxNodes=9,
                size="s-4vcpu-8gb", maxThroughput=2000,
            )
        )
    )  # fmt: skip
    nodes = pool(program, "k")
    assert program.targets[:2] == ("k", "")
    assert nodes["kind"] == NODES
    assert (nodes["minimum"], nodes["initial"], nodes["maximum"]) == (2, 4, 9)
    # The throughput is that of the four nodes at the start.
    assert nodes["vcpus"] / nodes["cpu_s_per_request"] == pytest.approx(500)
    assert nodes["usd_per_hour"] == catalog.price("digitalocean", "s-4vcpu-8gb")
    assert nodes["cooldown_s"] == 150


def test_node_pools_supersede_the_single_one() -> None:
    pools = [
        {"name": "general", "nodeCount": 2, "perNodeRate": 0.5},
        {"nodeCount": 1, "minNodes": 1, "maxNodes": 3, "size": "m5.xlarge"},
    ]
    program = compiled(
        document(resource("k", "kubernetes", nodeCount=7, nodePools=pools, maxThroughput=900))
    )
    assert program.pools == ("k/general", "k/1")
    assert program.target_index("k") == 0
    general, other = program.params["pool"][:2]
    assert general["usd_per_hour"] == 0.5
    assert other["usd_per_hour"] == catalog.price("aws", "m5.xlarge")
    assert [p["initial"] for p in (general, other)] == [2, 1]
    # All three nodes together serve what the cluster does.
    assert general["vcpus"] / general["cpu_s_per_request"] == pytest.approx(300)
    assert general["entry"] == other["entry"] == 1


def test_a_cluster_behind_others_shares_among_its_node_pools() -> None:
    pools = [{"name": "a", "nodeCount": 1}, {"name": "b", "nodeCount": 1}]
    program = compiled(
        document(
            resource("web"),
            resource("k", "kubernetes", nodePools=pools, visitProbability=0.5),
            edges="web>k",
        )
    )
    assert [pool(program, f"k/{name}")["group"] for name in "ab"] == [1, 1]
    assert [pool(program, f"k/{name}")["visit"] for name in "ab"] == [0.5, 0.5]


def test_containers_by_the_hour_are_a_fleet() -> None:
    program = compiled(
        document(resource("c", "serverless", serviceFamily="fargate", memoryGB=2, instances=3))
    )
    tasks = program.primary
    assert tasks["kind"] == MACHINES
    assert tasks["usd_per_hour"] == pytest.approx(0.04048 + 2 * 0.004445)
    assert tasks["initial"] == 3
    assert tasks["usd_per_busy_s"] == 0


def test_zones_are_stated_or_the_regions_first_three() -> None:
    def zones(**settings: Any) -> list[str]:
        program = compiled(document(resource("web", **settings)))
        web = program.primary
        return [program.zones[k] for k in web["zone"][: int(web["zones"])]]

    assert zones() == ["us-east-1a"]
    assert zones(region="us-east-1") == ["us-east-1a", "us-east-1b", "us-east-1c"]
    assert zones(region="us-east-1", zones=["us-east-1f", "us-east-1b"]) == [
        "us-east-1f",
        "us-east-1b",
    ]
    assert zones(region="us-west-1") == ["us-west-1a", "us-west-1b"]
    with pytest.raises(SpecError) as caught:
        zones(region="us-east-1", zones=["us-west-2a"])
    assert caught.value.problems[0].pointer == "/resources/0/characteristics/zones/0"


def test_a_datacenter_is_the_only_zone() -> None:
    program = compiled(document(resource("d", provider="digitalocean", region="sfo3")))
    assert program.zones == ("sfo3",)
    assert program.primary["zones"] == 1
