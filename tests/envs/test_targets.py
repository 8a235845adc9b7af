"""Action documents that name resources: who is meant, and who cannot be."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import pytest

from cwm_gym.envs.scalar import CloudEnv
from cwm_gym.envs.targets import resource_of, split_name
from cwm_gym.spec import Resource, SpecError
from tests.documents import ENV_ID, service
from tests.envs.landscape import landscape

POLICY = {
    "criticalCpuThreshold": 85,
    "criticalSteps": 2,
    "warningCpuThreshold": 65,
    "warningSteps": 1,
}


def make(**kwargs: Any) -> CloudEnv:
    env = gym.make(ENV_ID, **{"simulation": landscape(), **kwargs}).unwrapped
    assert isinstance(env, CloudEnv)
    env.reset(seed=0)
    return env


def tier(env: CloudEnv, name: str) -> int:
    return int(env.program.targets.index(name))


def spare(name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(one for one in landscape()["spares"] if one["id"] == name)
    return found


@pytest.mark.parametrize(
    ("parameters", "name"),
    [
        ({}, "web"),
        ({"resourceId": "web"}, "web"),
        ({"resourceId": "worker"}, "worker"),
        ({"resourceId": "cluster", "nodePool": "green"}, "cluster/green"),
        ({"resourceId": "cluster/blue"}, "cluster/blue"),
    ],
)
def test_a_fleet_is_scaled_by_name(parameters: dict[str, Any], name: str) -> None:
    env = make()
    before = env.get_state()["pool"]["desired"].copy()
    env.step_document({"type": "scale_out", "parameters": {"instanceCount": 1, **parameters}})
    change = env.get_state()["pool"]["desired"] - before
    assert change[tier(env, name)] == 1
    assert change.sum() == 1


def test_a_cluster_with_one_node_pool_goes_by_its_own_name() -> None:
    document = service()
    document["resources"].append(
        {
            "id": "cluster",
            "type": "kubernetes",
            "name": "cluster",
            "provider": "aws",
            "characteristics": {
                "region": "us-east-1",
                "nodePools": [{"name": "main", "nodeCount": 1, "minNodes": 1, "maxNodes": 3}],
            },
        }
    )
    env = make(simulation=document)
    for parameters in ({"nodePool": "main"}, {}):
        env.step_document(
            {"type": "scale_out", "parameters": {"resourceId": "cluster", **parameters}}
        )
    assert env.get_state()["pool"]["desired"][tier(env, "cluster")] == 3


def test_resources_come_and_go() -> None:
    env = make()
    more, db2, redis = (tier(env, name) for name in ("more", "db2", "redis"))
    env.step_document({"type": "add_resource", "parameters": {"resource": spare("more")}})
    env.step_document(
        {
            "type": "add_resource",
            "parameters": {
                "resourceType": "database",
                "provider": "aws",
                "targetSize": "DB.R5.LARGE",
                "regionKey": "use1",
            },
        }
    )
    env.step_document({"type": "remove_resource", "parameters": {"resourceId": "redis"}})
    state = env.get_state()
    assert state["pool"]["present"][more] == 1
    assert state["backend"]["present"][[db2 - 8, redis - 8]].tolist() == [1, 0]
    assert state["totals"]["ignored_actions"] == 0
    # What was removed may come back, and needs nothing but its name.
    bare = {"id": "redis", "type": "cache", "name": "redis", "provider": "aws"}
    env.step_document({"type": "add_resource", "parameters": {"resource": bare}})
    assert env.get_state()["backend"]["present"][redis - 8] == 1


def test_of_like_spares_the_one_that_is_not_there_yet_is_added() -> None:
    twins = [{**spare("more"), "id": name} for name in ("one", "two")]
    env = make(simulation=landscape(spares=twins))
    wanted = {"resourceType": "compute", "provider": "aws", "regionKey": "us-west-2"}
    for present in (1, 2, 2):
        env.step_document({"type": "add_resource", "parameters": wanted})
        pools = env.get_state()["pool"]["present"]
        assert pools[tier(env, "one") : tier(env, "two") + 1].sum() == present
    assert env.get_state()["totals"]["ignored_actions"] == 1


def test_a_recovery_policy_is_in_effect_for_one_resource() -> None:
    env = make()
    for name in ("worker", "disk"):
        env.step_document(
            {
                "type": "set_recovery_policy",
                "parameters": {"resourceId": name, "recoveryPolicy": POLICY},
            }
        )
    shown = {one["id"]: one.get("recoveryPolicy") for one in _resources(env)}
    assert shown["worker"] == shown["disk"] == POLICY
    assert shown["web"] == {
        "criticalCpuThreshold": 80,
        "criticalSteps": 4,
        "warningCpuThreshold": 70,
        "warningSteps": 3,
    }


def _resources(env: CloudEnv) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = env.observation_document()["resources"]
    return found


def scale(**parameters: Any) -> dict[str, Any]:
    return {"type": "scale_out", "parameters": parameters}


def add(**parameters: Any) -> dict[str, Any]:
    return {"type": "add_resource", "parameters": parameters}


def remove(name: str) -> dict[str, Any]:
    return {"type": "remove_resource", "parameters": {"resourceId": name}}


NAME = "/parameters/resourceId"
IMPOSSIBLE: dict[str, tuple[dict[str, Any], str, str]] = {
    "unknown pool": (scale(resourceId="wbe"), NAME, "Did you mean 'web'"),
    "database": (scale(resourceId="db"), NAME, "'web', 'cluster/blue'"),
    "balancer": (scale(resourceId="lb"), NAME, "'web'"),
    "whole cluster": (scale(resourceId="cluster"), NAME, "'cluster/blue', 'cluster/green'"),
    "unknown node pool": (
        scale(resourceId="cluster", nodePool="gren"),
        "/parameters/nodePool",
        "Did you mean 'green'",
    ),
    "no node pools": (
        scale(resourceId="worker", nodePool="x"),
        "/parameters/nodePool",
        "Leave nodePool out",
    ),
    "node pool of the scaled pool": (
        scale(nodePool="x"),
        "/parameters/nodePool",
        "Leave nodePool out",
    ),
    "node pool of a stranger": (scale(resourceId="x", nodePool="y"), NAME, "Did you mean"),
    "threshold of a stranger": (
        {"type": "adjust_threshold", "parameters": {"resourceId": "x", "cpuThreshold": 50}},
        NAME,
        "Did you mean",
    ),
    "removing a stranger": (remove("rds"), NAME, "Did you mean"),
    "removing a balancer": (remove("lb"), NAME, "'web'"),
    "removing a cluster": (remove("cluster"), NAME, "'cluster/blue'"),
    "policy of a stranger": (
        {
            "type": "set_recovery_policy",
            "parameters": {"resourceId": "x", "recoveryPolicy": POLICY},
        },
        NAME,
        "Did you mean",
    ),
    "undeclared": (
        add(resource={**spare("more"), "id": "new"}),
        "/parameters/resource/id",
        "under 'spares'",
    ),
    "undeclared kind": (
        add(resourceType="cache", provider="aws"),
        "/parameters",
        "under 'spares'",
    ),
    "undeclared provider": (
        add(resourceType="compute", provider="gcp"),
        "/parameters",
        "under 'spares'",
    ),
    "undeclared size": (
        add(resourceType="compute", provider="aws", targetSize="m5.large"),
        "/parameters",
        "under 'spares'",
    ),
    "undeclared region": (
        add(resourceType="compute", provider="aws", regionKey="use1"),
        "/parameters",
        "under 'spares'",
    ),
    "balancer to add": (
        add(resourceType="network", provider="aws"),
        "/parameters/resourceType",
        "under 'resources'",
    ),
    "declared otherwise": (
        add(resource={**spare("more"), "characteristics": {"size": "c5.xlarge"}}),
        "/parameters/resource/characteristics/size",
        "Say the same",
    ),
    "declared of another provider": (
        add(resource={**spare("more"), "provider": "gcp", "characteristics": {}}),
        "/parameters/resource/provider",
        "Say the same",
    ),
    "whole cluster to add": (
        add(resource=landscape()["resources"][2]),
        "/parameters/resource/id",
        "'cluster/blue'",
    ),
}


@pytest.fixture(scope="module")
def still() -> CloudEnv:
    return make()


@pytest.mark.parametrize("name", IMPOSSIBLE)
def test_a_target_that_does_not_suit_is_one_clear_error(still: CloudEnv, name: str) -> None:
    document, pointer, suggestion = IMPOSSIBLE[name]
    before = still.get_state().tobytes()
    with pytest.raises(SpecError) as caught:
        still.step_document(document)
    (problem,) = caught.value.problems
    assert problem.code.value == "INVALID_REQUEST"
    assert problem.pointer == pointer
    assert suggestion in problem.suggestion
    assert still.get_state().tobytes() == before


def test_an_unknown_region_says_so(still: CloudEnv) -> None:
    with pytest.raises(SpecError) as caught:
        still.step_document(add(resourceType="compute", provider="aws", regionKey="us-wst-2"))
    (problem,) = caught.value.problems
    assert (problem.code.value, problem.pointer) == ("UNKNOWN_REGION", "/parameters/regionKey")


def test_tiers_are_resources(still: CloudEnv) -> None:
    program = still.program
    for index, name in enumerate(program.targets):
        if name:
            resource = resource_of(program, index)
            assert isinstance(resource, Resource)
            assert resource.id == name
    assert split_name(program, tier(still, "cluster/green")) == ("cluster", "green")
    assert split_name(program, tier(still, "db/replicas")) == ("db/replicas", None)
    assert split_name(program, 0) == ("web", None)
