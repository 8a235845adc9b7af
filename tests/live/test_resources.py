from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from cwm_gym import LiveSimulation, SpecError
from tests.live.running import kinds, live, offered, ready

EXTRA: dict[str, Any] = {
    "id": "extra",
    "type": "compute",
    "name": "Extra",
    "provider": "aws",
    "characteristics": {"size": "m5.large", "region": "us-east-1", "instances": 2,
                        "cpuSecondsPerRequest": 0.01, "bootSeconds": 90},
}  # fmt: skip
POLICY = {
    "criticalCpuThreshold": 85,
    "criticalSteps": 2,
    "warningCpuThreshold": 60,
    "warningSteps": 5,
}


def ids(simulation: LiveSimulation) -> list[str]:
    return [one["id"] for one in simulation.resources()]


def edges(simulation: LiveSimulation) -> list[str]:
    found = simulation.document()["connections"]
    return [f"{one['sourceId']}>{one['targetId']}" for one in found]


def conserved(simulation: LiveSimulation) -> None:
    history, world = simulation.history(), simulation.state
    spent = sum(history[name].sum() for name in ("served", "timed_out", "rejected", "failed"))
    left = sum(
        float(part["queue"][field].sum())
        for part in (world["pool"], world["backend"])
        for field in ("waiting", "in_service")
    )
    assert history["arrived"].sum() == pytest.approx(spent + left, abs=1.0)


def test_base_traffic_name_and_description() -> None:
    simulation = live()
    simulation.step()
    found = simulation.patch({"traffic": 320, "name": "Load test", "description": "x"})
    assert (found["name"], found["description"], found["traffic"]) == ("Load test", "x", 320)
    simulation.step()
    assert offered(simulation) == pytest.approx(320)
    assert "description" not in simulation.patch({"description": None})


def test_an_appended_pool_boots_and_takes_its_share() -> None:
    simulation = LiveSimulation("aws-web-app", autoscaler="off")
    simulation.step(5)
    simulation.patch({"resources": [EXTRA]})
    assert edges(simulation)[-3:] == ["lb>extra", "extra>db", "extra>assets"]
    assert ready(simulation, "extra") == 0
    simulation.step(1)
    assert ready(simulation, "extra") == 0
    simulation.step(2)
    assert ready(simulation, "extra") == 2
    assert simulation.state["pool"]["arrived_tick"][1] > 0
    conserved(simulation)


def test_a_known_id_replaces_and_what_runs_goes_on() -> None:
    simulation = live(traffic=380)
    simulation.step(3)
    before = simulation.metrics()
    web = simulation.document()["resources"][0]
    web["characteristics"] = {**web["characteristics"], "size": "m5.2xlarge"}
    simulation.patch({"resources": [web]})
    assert ready(simulation) == 2
    after = simulation.step()
    assert after["cpuUsage"] == pytest.approx(before["cpuUsage"] / 4, rel=0.1)
    assert after["costPerHour"] == pytest.approx(before["costPerHour"] * 4, rel=0.01)
    assert simulation.current_step == 4
    conserved(simulation)


def test_anything_can_be_added() -> None:
    simulation = LiveSimulation("aws-web-app", autoscaler="off")
    simulation.step(2)
    plain = simulation.metrics()
    for kind in ("cache", "compute", "storage", "database", "network", "serverless", "kubernetes"):
        events = simulation.act(
            {"type": "add_resource", "parameters": {"resourceType": kind, "provider": "aws"}}
        )
        assert [(event["type"], event["resource"]) for event in events] == [
            ("resource_added", f"{kind}-1")
        ]
    simulation.step(10)
    assert ids(simulation)[4:] == [
        f"{kind}-1"
        for kind in ("cache", "compute", "storage", "database", "network", "serverless",
                     "kubernetes")
    ]  # fmt: skip
    found = simulation.metrics()
    assert found["costPerHour"] > plain["costPerHour"]
    assert 0 < found["cacheHitRate"] <= 100
    assert "k8sNodeUtilization" in found
    conserved(simulation)


def test_sizes_and_regions_of_added_resources() -> None:
    simulation = live()
    parameters = {
        "resourceType": "compute",
        "provider": "gcp",
        "targetSize": "n2-standard-8",
        "regionKey": "us-central1",
    }
    assert simulation.add_resource(parameters) == "compute-1"
    assert simulation.document()["resources"][1]["characteristics"] == {
        "size": "n2-standard-8",
        "region": "us-central1",
    }
    for name, value in (("targetSize", "huge"), ("regionKey", "atlantis")):
        with pytest.raises(SpecError) as caught:
            simulation.act({"type": "add_resource", "parameters": {**parameters, name: value}})
        assert caught.value.problems[0].pointer == f"/parameters/{name}"


def test_a_spare_comes_in() -> None:
    simulation = live(spares=[EXTRA])
    simulation.step()
    assert ids(simulation) == ["web"]
    assert simulation.add_resource(EXTRA) == "extra"
    simulation.step(3)
    assert (ids(simulation), ready(simulation, "extra")) == (["web", "extra"], 2)
    assert "spares" not in simulation.document() or simulation.document()["spares"] == []


def test_a_removed_resource_takes_its_requests_with_it() -> None:
    simulation = LiveSimulation("aws-web-app", autoscaler="off")
    simulation.add_resource(EXTRA)
    simulation.step(6)
    busy = simulation.state["pool"]["queue"]["in_service"][1]
    assert busy > 0
    simulation.remove_resource("extra")
    assert kinds(simulation)[-1] == "resource_removed"
    simulation.step()
    assert simulation.history()["failed"][-1] >= busy
    assert ids(simulation) == ["lb", "web", "db", "assets"]
    conserved(simulation)


def test_the_scaled_pool_can_go_when_another_stands() -> None:
    simulation = live(traffic=150)
    simulation.add_resource(EXTRA)
    simulation.step(4)
    simulation.remove_resource("web")
    simulation.step(3)
    assert simulation.program.pools == ("extra",)
    assert simulation.metrics()["throughput"] == pytest.approx(150, rel=0.01)
    conserved(simulation)
    with pytest.raises(SpecError, match="needs at least one resource"):
        simulation.remove_resource("extra")


def test_what_stood_behind_is_connected_anew() -> None:
    simulation = LiveSimulation("aws-web-app")
    simulation.add_resource({"id": "memory", "type": "cache", "name": "m", "provider": "aws"})
    assert edges(simulation)[-1] == "web>memory"
    simulation.remove_resource("memory")
    simulation.remove_resource("lb")
    assert edges(simulation) == ["web>db", "web>assets"]
    simulation.step()
    assert kinds(simulation).count("resource_removed") == 2

    chain = [{"sourceId": a, "targetId": b} for a, b in (("web", "api"), ("api", "db"))]
    db = {"id": "db", "type": "database", "name": "db", "provider": "aws"}
    web = live().document()["resources"][0]
    simulation = LiveSimulation(
        {"name": "x", "resources": [web, {**EXTRA, "id": "api"}, db], "connections": chain}
    )
    simulation.remove_resource("api")
    assert edges(simulation) == ["web>db"]


def test_a_first_balancer_stands_before_every_way_in() -> None:
    queue = {"id": "jobs", "type": "queue", "name": "q", "provider": "aws"}
    parts = [queue, {**EXTRA, "id": "worker"}, {**EXTRA, "id": "api"}]
    simulation = LiveSimulation(
        {
            "name": "x",
            "traffic": 100,
            "resources": parts,
            "connections": [{"sourceId": "jobs", "targetId": "worker"}],
        }
    )
    simulation.add_resource({"resourceType": "network", "provider": "aws"})
    assert edges(simulation) == ["jobs>worker", "network-1>jobs", "network-1>api"]
    assert simulation.step(3)["throughput"] > 90


def test_node_pools_suffer_faults() -> None:
    simulation = LiveSimulation("aws-eks-mixed", 1)
    simulation.step(2)
    name = next(one for one in simulation.program.pools if "/" in one)
    simulation.add_fault({"type": "cpu_spike", "startTime": 0, "targetResourceId": name})
    assert simulation.faults()[0]["targetResourceId"] == name
    LiveSimulation(simulation.document())
    env = simulation.make_env()
    env.reset(seed=1)
    assert env.get_state()["effect"]["stolen"].max() > 0


def test_serverless_instances_can_be_killed() -> None:
    simulation = LiveSimulation("aws-lambda-api", 1)
    simulation.step(5)
    simulation.inject_failure()
    assert "instances_lost" in kinds(simulation)


def test_faults_on_a_removed_resource_are_over() -> None:
    simulation = live(database=True)
    simulation.add_fault({"type": "database_slowdown", "startTime": 0, "targetId": "db"})
    simulation.add_fault({"type": "az_outage", "startTime": 90, "targetId": "db"})
    simulation.add_fault({"type": "cpu_spike", "startTime": 90, "targetId": "web"})
    simulation.step()
    simulation.remove_resource("db")
    assert [one["state"] for one in simulation.faults()] == ["over", "over", "scheduled"]
    assert [one["type"] for one in simulation.document()["faults"]][-1] == "cpu_spike"
    LiveSimulation(simulation.document())
    simulation.step(100)
    assert [one["state"] for one in simulation.faults()] == ["over", "over", "active"]


def test_faults_keep_their_targets_when_tiers_move() -> None:
    simulation = live(pool={"instances": 4, "bootSeconds": 0})
    simulation.add_resource({**EXTRA, "id": "api"})
    simulation.add_fault({"type": "bad_deployment", "startTime": 5, "targetId": "api"})
    simulation.step(3)
    order = simulation.program.targets.index("api")
    simulation.remove_resource("web")
    assert simulation.program.targets.index("api") != order
    simulation.step(3)
    assert (ready(simulation, "api"), simulation.faults()[0]["state"]) == (1, "active")
    simulation.remove_fault("fault-1")
    simulation.step(3)
    assert ready(simulation, "api") == 2


def test_every_action_runs() -> None:
    simulation = live(traffic=300, pool={"autoscaling": True})
    simulation.step()
    act = simulation.act
    assert act({"type": "no_op"}) == []
    assert [one["type"] for one in act({"type": "scale_out", "parameters": {}})] == ["scale_out"]
    assert act({"action": {"type": "scale_in", "parameters": {"instanceCount": 1}}})
    tuned = act({"type": "adjust_threshold", "parameters": {"cpuThreshold": 65}})
    assert tuned[0]["type"] == "threshold_changed"
    assert simulation.state["autoscaler"]["out_cpu"] == 0.65
    assert act({"type": "add_resource", "parameters": {"resource": EXTRA}})
    assert act({"type": "remove_resource", "parameters": {"resourceId": "extra"}})
    policy = {"resourceId": "web", "recoveryPolicy": POLICY}
    assert act({"type": "set_recovery_policy", "parameters": policy})
    # What is impossible is counted and told.
    bound = {"type": "scale_in", "parameters": {"instanceCount": 1}}
    for _ in range(5):
        found = act(bound)
    assert [one["type"] for one in found] == ["action_ignored"]
    assert simulation.state["totals"]["ignored_actions"] > 0
    # Thresholds outlive other changes.
    simulation.patch({"traffic": 100})
    assert simulation.state["autoscaler"]["out_cpu"] == 0.65


def test_actions_between_steps_count_in_the_next() -> None:
    simulation = live(pool={"bootSeconds": 600})
    simulation.step()
    simulation.act({"type": "scale_out", "parameters": {"instanceCount": 3}})
    simulation.act({"type": "scale_in", "parameters": {"instanceCount": 3}})
    # EC2 bills a minute at least, also of launches that are cancelled.
    simulation.step(2)
    usd = simulation.history()["usd"]
    assert usd[1] == pytest.approx(usd[2] * 2.5, rel=1e-6)
    assert simulation.history()["reward_stability"][1] == pytest.approx(-0.4)
    np.testing.assert_array_equal(simulation.history()["desired"], [2, 2, 2])


def test_recovery_policies_last() -> None:
    simulation = live(database=True)
    for name in ("web", "db"):
        simulation.set_recovery_policy(name, POLICY)
    simulation.patch({"traffic": 100})
    simulation.step(2)
    assert [one["recoveryPolicy"] for one in simulation.resources()] == [POLICY] * 2
    assert simulation.document()["resources"][0]["recoveryPolicy"] == POLICY
    assert kinds(simulation).count("policy_changed") == 2


def test_bulk_resize() -> None:
    one = {**EXTRA, "provider": "digitalocean", "config": {"instanceType": "s-2vcpu-4gb"}}
    one["characteristics"] = {"instances": 2, "maxThroughput": 300}
    other = {**one, "id": "other", "config": None, "characteristics": {"size": "s-4vcpu-8gb"}}
    lone = {**EXTRA, "id": "aws"}
    parts = [{k: v for k, v in part.items() if v is not None} for part in (one, other, lone)]
    simulation = LiveSimulation({"name": "x", "traffic": 100, "resources": parts})
    simulation.step()
    cheap = simulation.metrics()["costPerHour"]
    assert simulation.bulk_resize("s-4vcpu-8gb") == {"resizedCount": 2}
    first, second, third = simulation.document()["resources"]
    assert first["config"]["instanceType"] == "s-4vcpu-8gb"
    assert first["characteristics"]["maxThroughput"] == 600
    assert second["characteristics"]["size"] == "s-4vcpu-8gb"
    assert third["characteristics"]["size"] == "m5.large"
    assert simulation.step()["costPerHour"] > cheap
    assert simulation.bulk_resize("m5.xlarge") == {"resizedCount": 1}
    with pytest.raises(SpecError) as caught:
        simulation.bulk_resize("m5.hugest")
    assert caught.value.problems[0].pointer == "/dropletSize"
    assert caught.value.problems[0].code == "UNKNOWN_SIZE"


def test_problems_point_into_the_request() -> None:
    simulation = live()
    wrong = {**EXTRA, "characteristics": {"size": "m5.hugest"}}
    web = simulation.document()["resources"][0]
    for call, where in (
        (lambda: simulation.patch({"resources": [web, wrong]}), "/resources/1/"),
        (lambda: simulation.patch({"resources": [wrong, web]}), "/resources/0/"),
        (lambda: simulation.add_resource(wrong), "/"),
        (
            lambda: simulation.act({"type": "add_resource", "parameters": {"resource": wrong}}),
            "/parameters/resource/",
        ),
    ):
        with pytest.raises(SpecError) as caught:
            call()
        assert caught.value.problems[0].pointer == f"{where}characteristics/size"
