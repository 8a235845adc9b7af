"""Dict observations and the specification's Observation document."""

from __future__ import annotations

import json
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.error import ResetNeeded

from cwm_gym.core.events import EVENT_KINDS
from cwm_gym.envs.observations import DICT_OBSERVATION
from cwm_gym.envs.scalar import CloudEnv
from cwm_gym.spec import AutoscalingConfig, RecoveryPolicy
from tests.documents import ENV_ID, service, with_database
from tests.envs.landscape import FAULTS, SAMPLING, landscape

SHAPES = {
    "autoscaling_config": (5,),
    "scaling_history": (8, 4),
    "recent_events": (16, 4),
    "recovery_policies": (16, 4),
    "health_status": (16,),
    "resource_present": (16,),
}


def make(**kwargs: Any) -> CloudEnv:
    kwargs = {"simulation": landscape(), "observation_mode": "dict", **kwargs}
    env = gym.make(ENV_ID, **kwargs).unwrapped
    assert isinstance(env, CloudEnv)
    return env


def test_the_layout_is_the_same_for_every_scenario() -> None:
    for document in (service(), landscape()):
        env = make(simulation=document)
        assert isinstance(env.observation_space, spaces.Dict)
        assert env.observation_names == DICT_OBSERVATION
        seen, _ = env.reset(seed=0)
        assert set(seen) == set(DICT_OBSERVATION)
        for name, box in env.observation_space.spaces.items():
            assert isinstance(box, spaces.Box)
            assert box.shape == SHAPES.get(name, (1,))
            assert box.is_bounded()
            assert seen[name].shape == box.shape
            assert seen[name].dtype == np.float32


@pytest.mark.parametrize("delay", [0.0, 120.0])
def test_numbers_are_those_of_info(delay: float) -> None:
    env = make(metric_delay_s=delay, traffic=np.linspace(300, 3000, 40))
    env.reset(seed=0)
    history = []
    for step in range(12):
        seen, *_, info = env.step(0)
        history.append(info["metrics"])
        if step < 2:
            continue
        visible = history[step - round(delay / 60)]
        for name in set(DICT_OBSERVATION) & set(visible):
            assert seen[name][0] == pytest.approx(visible[name], rel=1e-6), name
    assert history[-1]["cache_hit_rate"] > 0
    assert history[-1]["k8s_node_utilization"] > 0


def test_absent_parts_are_zero() -> None:
    seen, _ = make(simulation=service()).reset(seed=0)
    assert seen["resource_present"].tolist() == [1] + 15 * [0]
    assert seen["recovery_policies"][1:].sum() == 0
    assert seen["recovery_policies"][0].tolist() == pytest.approx([0.8, 4, 0.7, 3])
    for name in ("cache_hit_rate", "queue_depth", "queue_age_s", "cold_start_share"):
        assert seen[name][0] == 0


def test_presence_and_status_are_those_of_the_tiers() -> None:
    env = make(faults=FAULTS)
    env.reset(seed=0)
    present = np.array([name not in ("", "more", "db2") for name in env.program.targets])
    statuses = set()
    for _ in range(25):
        seen, *_ = env.step(0)
        assert np.array_equal(seen["resource_present"] == 1, present)
        state = env.get_state()
        for tier, status in enumerate(seen["health_status"].tolist()):
            part = state["pool"][tier] if tier < 8 else state["backend"][tier - 8]
            assert status == (part["health"]["status"] if present[tier] else 0)
            statuses.add(status)
    assert statuses == {0.0, 1.0, 2.0, 3.0}


def test_thresholds_and_policies_are_those_in_force() -> None:
    env = make(autoscaler="on")
    seen, _ = env.reset(seed=0)
    assert seen["autoscaling_config"].tolist() == pytest.approx([0.7, 0.3, 1, 8, 300])
    seen, *_ = env.step_document({"type": "adjust_threshold", "parameters": {"cpuThreshold": 55}})
    assert seen["autoscaling_config"][0] == pytest.approx(0.55)
    policy = {
        "criticalCpuThreshold": 91,
        "criticalSteps": 2,
        "warningCpuThreshold": 61,
        "warningSteps": 5,
    }
    seen, *_ = env.step_document(
        {
            "type": "set_recovery_policy",
            "parameters": {"resourceId": "disk", "recoveryPolicy": policy},
        }
    )
    disk = env.program.targets.index("disk")
    assert seen["recovery_policies"][disk].tolist() == pytest.approx([0.91, 2, 0.61, 5])


def test_scaling_history_is_newest_first() -> None:
    env = make(simulation=service(instances=4))
    seen, _ = env.reset(seed=0)
    assert not seen["scaling_history"].any()
    for action in (1, 2, 0, 5):
        seen, *_ = env.step(action)
    assert seen["scaling_history"][:4].tolist() == [
        [180, -1, 6, 0],
        [60, 2, 7, 0],
        [0, 1, 5, 0],
        [0, 0, 0, 0],
    ]
    for action in [1, 5] * 5:
        seen, *_ = env.step(action)
    times = seen["scaling_history"][:, 0]
    assert (np.diff(times) == -60).all()
    assert len(times) == 8


def test_the_autoscalers_own_moves_are_told_apart() -> None:
    env = make(simulation=service(traffic=None), autoscaler="on", traffic=np.full(40, 700.0))
    env.reset(seed=0)
    for _ in range(6):
        seen, *_ = env.step(0)
    newest = seen["scaling_history"][0]
    assert newest[3] == 1
    assert newest[1] > 0
    assert newest[2] == env.get_state()["pool"]["desired"][0]


def test_recent_events_are_those_of_info() -> None:
    env = make(faults=FAULTS)
    seen, _ = env.reset(seed=0)
    assert seen["recent_events"][:, 1].tolist() == [-1] * 16
    told: list[dict[str, Any]] = []
    for action in [1, 5, 0, 11] * 6:
        seen, *_, info = env.step(action)
        told += info["events"]
        for row, event in zip(seen["recent_events"].tolist(), reversed(told), strict=False):
            name = event["resource"]
            tier = 0 if name is None else env.program.targets.index(name) + 1
            assert row == pytest.approx(
                [event["time_s"], EVENT_KINDS.index(event["kind"]), tier, event["value"]], rel=1e-6
            )
        padding = seen["recent_events"][len(told) :]
        assert (padding == [0, -1, 0, 0]).all()
    assert len(told) > 16


def test_scalar_and_vector_see_the_same() -> None:
    kwargs = {"faults": SAMPLING, "randomize": {"web.boot_s": (10, 90)}}
    single = make(**kwargs)
    many = gym.make_vec(
        ENV_ID, num_envs=3, simulation=landscape(), observation_mode="dict", **kwargs
    )
    many.reset(seed=0)
    single.reset(seed=1)
    for action in [1, 0, 5, 0] * 5:
        ours, *_ = single.step(action)
        theirs, *_ = many.step(np.full(3, action))
        for name, value in ours.items():
            assert np.array_equal(theirs[name][1], value), name


# The document.


def test_the_document_says_what_the_specification_asks() -> None:
    env = make(faults=FAULTS, quantiles="all", autoscaler="on")
    with pytest.raises(ResetNeeded):
        env.observation_document()
    env.reset(seed=0)
    for action in [1, 5, 0, 0] * 3:
        *_, info = env.step(action)
    found = json.loads(json.dumps(env.observation_document()))
    metrics = info["metrics"]
    assert found["metrics"] == pytest.approx(
        {
            "cpuUsage": 100 * float(env.get_state()["meter"]["utilisation"]),
            "latencyP50": metrics["latency_p50"],
            "latencyP95": metrics["latency_p95"],
            "latencyP99": metrics["latency_p99"],
            "errorRate": 100 * metrics["error_rate"],
            "throughput": metrics["throughput_rps"],
            "costPerHour": metrics["cost_usd_hr"],
            "connectionPressure": metrics["connection_pressure"],
            "cacheHitRate": 100 * metrics["cache_hit_rate"],
            "queueDepth": metrics["queue_depth"],
            "k8sNodeUtilization": 100 * metrics["k8s_node_utilization"],
            "storageIopsUtilization": 100 * metrics["storage_iops_utilization"],
        }
    )
    assert found["currentTime"] == found["sim_time_seconds"] == 720
    assert found["tick_seconds"] == 60
    assert found["traffic"] == pytest.approx(float(env.get_state()["meter"]["offered_rps"]))
    config = AutoscalingConfig.model_validate(found["autoscalingConfig"])
    assert (config.scale_out_cpu_threshold, config.scale_in_cpu_threshold) == (70, 30)
    assert (config.min_instances, config.max_instances, config.cooldown_seconds) == (1, 8, 300)
    for entry in found["scalingHistory"]:
        assert entry["action"] in ("scale_out", "scale_in")
        assert isinstance(entry["timestamp"], int)
        assert entry["reason"].startswith("web: ")
    assert len(found["scalingHistory"]) > 1
    assert len(found["recentEvents"]) == 16
    for event in found["recentEvents"]:
        assert event["severity"] in ("info", "warning", "error", "success")
        assert event["message"]


def test_the_document_lists_resources_as_they_stand() -> None:
    env = make(faults=FAULTS)
    env.reset(seed=0)
    names = [one["id"] for one in landscape()["resources"]]
    shown = {one["id"]: one for one in env.observation_document()["resources"]}
    assert list(shown) == names
    assert shown["web"]["instances"] == 3
    assert shown["cluster"]["instances"] == 3
    assert "instances" not in shown["web"]["characteristics"]
    assert "recoveryPolicy" not in shown["lb"]
    RecoveryPolicy.model_validate(shown["db"]["recoveryPolicy"])
    env.step(1)
    env.step_document({"type": "remove_resource", "parameters": {"resourceId": "worker"}})
    env.step_document(
        {"type": "add_resource", "parameters": {"resourceType": "compute", "provider": "aws"}}
    )
    env.step(0)
    env.step(0)
    shown = {one["id"]: one for one in env.observation_document()["resources"]}
    assert list(shown) == [name for name in names if name != "worker"] + ["more"]
    # One zone of three is out.
    assert shown["web"]["status"] == "critical"
    state = env.get_state()
    assert shown["web"]["instances"] == state["pool"]["ready"][0] < state["pool"]["desired"][0]


def test_the_document_is_as_old_as_the_metrics() -> None:
    env = make(simulation=with_database(service()), metric_delay_s=120, quantiles="all")
    env.reset(seed=0)
    seen = [env.step(1)[0] for _ in range(5)][-1]
    found = env.observation_document()
    assert found["metrics"]["latencyP95"] == pytest.approx(float(seen["latency_p95"][0]), rel=1e-6)
    assert "latencyP99" not in found["metrics"]
    assert found["traffic"] == pytest.approx(float(seen["traffic"][0]), rel=1e-6)


def test_a_plain_service_has_no_metrics_of_what_it_lacks() -> None:
    env = make(simulation=service())
    env.reset(seed=0)
    env.step(0)
    assert set(env.observation_document()["metrics"]) == {
        "cpuUsage",
        "latencyP95",
        "errorRate",
        "throughput",
        "costPerHour",
    }
