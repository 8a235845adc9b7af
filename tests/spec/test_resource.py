from __future__ import annotations

from typing import Any

import pytest

from cwm_gym.spec import Characteristics, Connection, RecoveryPolicy, Resource, SpecError

WEB = {"id": "web", "type": "compute", "name": "Web", "provider": "aws"}


def pointers(data: dict[str, Any]) -> list[str]:
    with pytest.raises(SpecError) as caught:
        Resource.model_validate(WEB | data)
    return [problem.pointer for problem in caught.value.problems]


def test_the_three_shapes_have_the_same_settings() -> None:
    first = Resource.model_validate(
        WEB
        | {
            "characteristics": {
                "serviceFamily": "ec2",
                "size": "t3.large",
                "region": "us-east-1",
                "instances": 4,
                "autoscaling": True,
                "minInstances": 2,
                "maxInstances": 12,
            }
        }
    )
    second = Resource.model_validate(
        WEB
        | {
            "serviceFamily": "ec2",
            "region": "us-east-1",
            "config": {
                "instanceType": "t3.large",
                "instances": 4,
                "autoScaling": True,
                "minInstances": 2,
                "maxInstances": 12,
            },
        }
    )
    assert first.settings() == second.settings() == first.characteristics
    assert Resource.model_validate(WEB | {"instances": 4}).settings() == Characteristics(
        instances=4
    )
    assert Resource.model_validate(WEB).settings() == Characteristics()


def test_config_fields_mean_characteristics() -> None:
    resource = Resource.model_validate(
        WEB
        | {
            "config": {
                "multiAZ": True,
                "storageGB": 500,
                "tier": "standard",
                "targetCapacity": 10000,
            }
        }
    )
    assert resource.settings() == Characteristics(
        ha=True, capacity_gb=500, tier="standard", max_throughput=10000
    )


def test_characteristics_accept_instance_type_for_size() -> None:
    assert Characteristics.model_validate({"instanceType": "t3.medium"}).size == "t3.medium"
    assert Characteristics(size="t3.medium").to_document() == {"size": "t3.medium"}


def test_shapes_may_be_mixed_but_not_contradict() -> None:
    mixed = {"characteristics": {"bootSeconds": 60, "size": "m5.large"}, "instances": 3}
    assert Resource.model_validate(WEB | mixed).settings() == Characteristics(
        boot_seconds=60, size="m5.large", instances=3
    )
    assert pointers(mixed | {"config": {"instances": 4, "instanceType": "m5.large"}}) == [
        "/config/instances"
    ]
    assert pointers(mixed | {"config": {"instanceType": "m5.xlarge"}}) == ["/characteristics/size"]


@pytest.mark.parametrize(
    ("data", "where"),
    [
        ({"config": {"minInstances": 3, "maxInstances": 2}}, "/config/minInstances"),
        ({"config": {"instances": 9, "maxInstances": 8}}, "/config/instances"),
        ({"config": {"instances": 1, "min_instances": 2}}, "/config/instances"),
        ({"instances": 9, "config": {"maxInstances": 8}}, "/instances"),
        ({"instances": 9, "characteristics": {"maxInstances": 8}}, "/instances"),
        ({"instances": 0}, "/instances"),
        ({"config": {"maxInstances": 0}}, "/config/maxInstances"),
        ({"characteristics": {"minNodes": 3, "maxNodes": 2}}, "/characteristics/minNodes"),
        (
            {"characteristics": {"nodePools": [{"nodeCount": 5, "maxNodes": 4}]}},
            "/characteristics/nodePools/0/nodeCount",
        ),
        (
            {"characteristics": {"nodePools": [{"name": "a"}, {"name": "a"}]}},
            "/characteristics/nodePools/1",
        ),
        ({"characteristics": {"zones": ["a", "a"]}}, "/characteristics/zones/1"),
        ({"characteristics": {"cacheHitRate": 85}}, "/characteristics/cacheHitRate"),
        ({"characteristics": {"visitProbability": 1.1}}, "/characteristics/visitProbability"),
        ({"characteristics": {"maxThroughput": 0}}, "/characteristics/maxThroughput"),
        ({"characteristics": {"bootSeconds": -1}}, "/characteristics/bootSeconds"),
        ({"characteristics": {"market": "preemptible"}}, "/characteristics/market"),
        (
            {"characteristics": {"serviceCv2": 2, "serviceDistribution": "exponential"}},
            "/characteristics/serviceCv2",
        ),
        ({"type": "vm"}, "/type"),
        ({"status": "fine"}, "/status"),
        ({"id": ""}, "/id"),
        ({"recoveryPolicy": {"criticalSteps": 0}}, "/recoveryPolicy/criticalSteps"),
        ({"recoveryPolicy": {"warningCpuThreshold": 101}}, "/recoveryPolicy/warningCpuThreshold"),
        ({"recoveryPolicy": {"warningCpuThreshold": 81}}, "/recoveryPolicy/warningCpuThreshold"),
        ({"recoveryPolicy": {"criticalCpuThreshold": 69}}, "/recoveryPolicy/criticalCpuThreshold"),
        ({"characteristics": {"contention": 1.1}}, "/characteristics/contention"),
        ({"characteristics": {"readShare": -0.1}}, "/characteristics/readShare"),
        ({"characteristics": {"failoverSeconds": -1}}, "/characteristics/failoverSeconds"),
        ({"characteristics": {"maxConcurrency": 0}}, "/characteristics/maxConcurrency"),
        ({"characteristics": {"coldStartSeconds": -1}}, "/characteristics/coldStartSeconds"),
        ({"characteristics": {"keepAliveSeconds": -1}}, "/characteristics/keepAliveSeconds"),
        ({"characteristics": {"memoryGB": 0}}, "/characteristics/memoryGB"),
        ({"characteristics": {"ioPerRequest": -1}}, "/characteristics/ioPerRequest"),
        ({"characteristics": {"spotHazard": "calm"}}, "/characteristics/spotHazard"),
        (
            {"characteristics": {"interruptionsPerHour": -1}},
            "/characteristics/interruptionsPerHour",
        ),
        ({"characteristics": {"blockShare": 2}}, "/characteristics/blockShare"),
        ({"characteristics": {"noticeSeconds": -1}}, "/characteristics/noticeSeconds"),
        (
            {"characteristics": {"capacityReturnSeconds": -1}},
            "/characteristics/capacityReturnSeconds",
        ),
        ({"characteristics": {"usdPerHour": -1}}, "/characteristics/usdPerHour"),
        ({"characteristics": {"criticalSpeed": 0}}, "/characteristics/criticalSpeed"),
        (
            {"characteristics": {"market": "on_demand", "noticeSeconds": 120}},
            "/characteristics/noticeSeconds",
        ),
    ],
)
def test_wrong_settings_are_refused(data: dict[str, Any], where: str) -> None:
    assert pointers(data) == [where]


def test_limits_themselves_are_allowed() -> None:
    fleet = {"config": {"instances": 2, "minInstances": 2, "maxInstances": 2}}
    assert Resource.model_validate(WEB | fleet).settings().instances == 2
    exponential = {"serviceCv2": 1, "serviceDistribution": "exponential"}
    assert Characteristics.model_validate(exponential).service_cv2 == 1


def test_defaults_are_the_documented_ones() -> None:
    assert Resource.model_validate(WEB).status == "healthy"
    policy = RecoveryPolicy()
    assert (policy.critical_cpu_threshold, policy.critical_steps) == (80, 4)
    assert (policy.warning_cpu_threshold, policy.warning_steps) == (70, 3)
    equal = RecoveryPolicy(critical_cpu_threshold=70)
    assert equal.warning_cpu_threshold == equal.critical_cpu_threshold


def test_spot_settings_need_something_that_is_bought_as_spot() -> None:
    spot = {"spotHazard": "scarce", "blockShare": 0.5, "noticeSeconds": 120}
    assert Characteristics.model_validate(spot | {"market": "spot"}).spot_hazard == "scarce"
    assert Characteristics.model_validate(spot).market is None
    pools = {"market": "on_demand", "nodePools": [{"name": "a"}, {"name": "b", "market": "spot"}]}
    assert Characteristics.model_validate(spot | pools).block_share == 0.5


def test_a_resource_cannot_be_connected_to_itself() -> None:
    with pytest.raises(SpecError, match="/target_id: Resource 'a' is connected to itself"):
        Connection(source_id="a", target_id="a")
