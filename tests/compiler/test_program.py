"""Documents become the parameters that they say."""

from __future__ import annotations

import numpy as np
import pytest

import cwm_gym
from cwm_gym.compiler import defaults
from cwm_gym.core.records import PARAMS, parameter_offsets
from tests.compiler.compiling import compiled
from tests.documents import service, with_database, with_episode


def test_a_pool_says_what_its_document_says() -> None:
    pool = compiled(
        service(
            warmupSeconds=30,
            warmupSpeed=0.25,
            timeoutSeconds=3,
            baseLatency=7,
            serviceCv2=0.5,
            serviceDistribution="lognormal",
            balancing="round_robin",
            market="on_demand",
        )
    ).primary
    expected = {
        "vcpus": 2,
        "cpu_s_per_request": 0.01,
        "cs2": 0.5,
        "lognormal": 1,
        "balancing": 2,
        "timeout_s": 3,
        "base_latency_s": 0.007,
        "initial": 2,
        "minimum": 1,
        "maximum": 8,
        "boot_s": 45,
        "warmup_s": 30,
        "warmup_speed": 0.25,
        "drain_s": 30,
        "usd_per_hour": cwm_gym.catalog.price("aws", "m5.large", "us-east-1"),
    }
    for name, value in expected.items():
        assert pool[name] == pytest.approx(value), name


def test_what_nobody_says_comes_from_the_catalog_or_the_documented_defaults() -> None:
    provider = cwm_gym.catalog.load("aws")
    bare = {
        "name": "bare",
        "resources": [{"id": "web", "type": "compute", "name": "web", "provider": "aws"}],
    }
    program = compiled(bare)
    pool = program.primary
    assert pool["boot_s"] == provider.timing.boot_seconds
    assert pool["cooldown_s"] == provider.timing.cooldown_seconds
    assert pool["billing_minimum_s"] == provider.billing.minimum_seconds
    assert pool["usd_per_hour"] == cwm_gym.catalog.price("aws", provider.default_compute)
    assert pool["timeout_s"] == defaults.TIMEOUT_SECONDS
    assert pool["cpu_s_per_request"] == defaults.CPU_SECONDS_PER_REQUEST
    assert program.params["episode"]["max_steps"] == 300
    assert program.params["demand"]["level_rps"] == 1000


@pytest.mark.parametrize("provider", ["aws", "gcp", "azure", "oci", "digitalocean"])
def test_every_provider_compiles(provider: str) -> None:
    document = {
        "name": provider,
        "resources": [
            {"id": kind, "type": kind, "name": kind, "provider": provider}
            for kind in ("network", "compute", "database", "storage")
        ],
    }
    params = compiled(document).params
    assert params["pool"]["usd_per_hour"][0] > 0
    assert params["fixed"]["usd_per_hour"] > 0
    assert params["backend"]["usd_per_hour"][0] > 0
    assert params["pool"]["boot_s"][0] > 0


def test_max_throughput_overrides_the_service_time() -> None:
    program = compiled(service(maxThroughput=500))
    assert program.primary["vcpus"] / program.primary["cpu_s_per_request"] == pytest.approx(500)
    assert program.capacity_rps == pytest.approx(8 * 500)


def test_the_second_shape_of_a_resource_means_the_same() -> None:
    first = service(bootSeconds=None, drainSeconds=None, cpuSecondsPerRequest=None)
    second = {
        **first,
        "resources": [
            {
                "id": "web",
                "type": "compute",
                "name": "web",
                "provider": "aws",
                "region": "us-east-1",
                "config": {
                    "instanceType": "m5.large",
                    "instances": 2,
                    "minInstances": 1,
                    "maxInstances": 8,
                    "autoScaling": True,
                },
            }
        ],
    }
    one, other = compiled(first), compiled(second)
    assert one.params["fingerprint"] == other.params["fingerprint"]


def test_the_marked_pool_is_the_one_that_is_scaled() -> None:
    document = service(autoscaling=None)
    document["resources"].append(
        {
            "id": "b",
            "type": "compute",
            "name": "b",
            "provider": "gcp",
            "characteristics": {"autoscaling": True, "instances": 3, "maxInstances": 4},
        }
    )
    program = compiled(document)
    assert program.pools == ("web", "b")
    assert program.params["episode"]["primary"] == 1
    assert program.primary["maximum"] == 4


def test_an_episode_changes_only_what_it_sets() -> None:
    document = with_episode(service(), initialTraffic=300, tick_seconds=30)
    program = compiled(
        document, {"maxSteps": 7, "targetSLA": {"maxLatencyP95": 50, "maxErrorRate": 2}}
    )
    episode = program.params["episode"]
    assert (episode["max_steps"], episode["tick_s"]) == (7, 30)
    assert (episode["latency_limit_s"], episode["error_limit"]) == (0.05, 0.02)
    assert program.params["demand"]["level_rps"] == 300
    assert (
        compiled(document, {"maxSteps": 7}, max_episode_steps=9).params["episode"]["max_steps"] == 9
    )
    assert compiled(document, {"computeType": "m5.xlarge"}).primary["vcpus"] == 4


def test_traffic_beats_the_episode_and_the_episode_the_simulation() -> None:
    document = {**service(), "workload": {"patterns": [{"type": "burst", "amplitude": 1}]}}
    kinds = [
        int(compiled(document, episode, traffic=traffic).params["demand"]["pattern"]["kind"][0])
        for episode, traffic in (
            (None, None),
            ({"targetTrafficPattern": "ramp"}, None),
            ({"targetTrafficPattern": "ramp"}, "wave"),
        )
    ]
    assert kinds == [5, 1, 4]
    # A bare name takes the parameters of the document's own pattern of that type.
    assert compiled(document, traffic="burst").params["demand"]["pattern"]["amplitude"][0] == 1
    assert compiled(document, traffic="spike").params["demand"]["pattern"]["amplitude"][0] == 3.2


def test_a_random_offset_covers_a_period_of_a_pattern_named_by_the_user() -> None:
    assert compiled(service(), traffic="wave").params["demand"]["offset_high_s"] == 24 * 60
    assert compiled(service()).params["demand"]["offset_high_s"] == 0


def test_fingerprints_tell_scenarios_apart_and_nothing_else() -> None:
    marks = {
        int(compiled(document).params["fingerprint"])
        for document in (
            service(),
            {**service(), "name": "renamed", "description": "the same service"},
            service(bootSeconds=46),
            {**service(), "traffic": 201},
            with_database(service()),
            with_episode(service(), maxSteps=41),
        )
    }
    assert len(marks) == 5
    arrays = [compiled(service(), traffic=np.array(rates)) for rates in ([1.0, 2.0], [1.0, 3.0])]
    assert arrays[0].params["fingerprint"] != arrays[1].params["fingerprint"]


def test_every_parameter_has_a_name_and_a_place_of_its_own() -> None:
    places = parameter_offsets()
    offsets = [place for place, _ in places.values()]
    assert sorted(offsets) == list(range(PARAMS.itemsize // 8))
    params = compiled(service()).params.reshape(1)
    flat = params.view(np.float64)
    assert flat[places["pool.0.boot_s"][0]] == 45
    assert params.view(np.int64)[places["pool.0.maximum"][0]] == 8
    assert places["pool.0.maximum"][1]
    assert not places["pool.0.boot_s"][1]


def test_randomised_parameters_are_drawn_within_their_range() -> None:
    import gymnasium as gym

    from cwm_gym.envs.vector import CloudVectorEnv

    ranges = {
        "pool.0.boot_s": (20.0, 100.0),
        "pool.0.initial": (2, 5),
        "episode.budget_usd_per_hour": (0.5, 0.5),
    }
    env = gym.make_vec("CloudAutoscale-v0", num_envs=400, simulation=service(), randomize=ranges)
    assert isinstance(env.unwrapped, CloudVectorEnv)
    env.reset(seed=0)
    params = env.unwrapped.batch.params
    boots = params["pool"]["boot_s"][:, 0]
    assert 20 <= boots.min() < 25
    assert 95 < boots.max() <= 100
    assert boots.mean() == pytest.approx(60, abs=5)
    assert set(env.unwrapped.worlds["pool"]["ready"][:, 0]) == {2, 3, 4, 5}
    assert (params["episode"]["budget_usd_per_hour"] == 0.5).all()
    before = boots.copy()
    env.reset()
    assert (params["pool"]["boot_s"][:, 0] != before).all()
    # The scenario itself stays as it was compiled.
    assert env.unwrapped.batch.scenarios["pool"]["boot_s"][0, 0] == 45


def test_a_draw_added_at_the_end_leaves_the_others_alone() -> None:
    from cwm_gym.envs.batch import Batch

    draws = []
    for ranges in ({"pool.0.boot_s": (1, 9)}, {"pool.0.boot_s": (1, 9), "pool.0.drain_s": (1, 9)}):
        batch = Batch([compiled(service(), randomize=ranges)], 1, "train")
        batch.seed([4], np.ones(1, np.bool_))
        batch.reset(np.ones(1, np.bool_))
        draws.append(float(batch.worlds["draw"][0, 0]))
    assert draws[0] == draws[1]


def test_pools_share_traffic_by_capacity() -> None:
    import gymnasium as gym

    document = service(instances=3)
    document["resources"].append(
        {
            "id": "big",
            "type": "compute",
            "name": "big",
            "provider": "aws",
            "characteristics": {"size": "m5.xlarge", "instances": 1, "cpuSecondsPerRequest": 0.01},
        }
    )
    env = gym.make_vec("CloudAutoscale-v0", num_envs=1, simulation=document).unwrapped
    env.reset(seed=0)
    env.step(np.zeros(1, int))
    arrived = env.worlds["pool"]["arrived"][0, :2]  # type: ignore[attr-defined]
    assert arrived == pytest.approx([200 * 60 * 6 / 10, 200 * 60 * 4 / 10], rel=1e-9)
