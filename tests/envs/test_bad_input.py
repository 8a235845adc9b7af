"""Whatever is wrong with what a user gives: one clear error that says where and what to do."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

import cwm_gym
from cwm_gym.envs.autoscale import CloudAutoscaleEnv
from cwm_gym.spec import SpecError
from cwm_gym.spec.errors import ErrorCode, Problem
from tests.documents import ENV_ID, service, with_database, with_episode


def only_problem(caught: pytest.ExceptionInfo[SpecError]) -> Problem:
    (problem,) = caught.value.problems
    assert problem.message
    assert problem.suggestion, problem
    assert str(problem) in str(caught.value)
    return problem


def resource(changes: dict[str, Any], drop: tuple[str, ...] = ()) -> dict[str, Any]:
    document = copy.deepcopy(service())
    document["resources"][0].update(changes)
    for name in drop:
        del document["resources"][0][name]
    return document


def top(**changes: Any) -> dict[str, Any]:
    return {**service(), **changes}


def pattern(**fields: Any) -> dict[str, Any]:
    return top(workload={"patterns": [fields]})


WEB = "/resources/0"
SETTINGS = f"{WEB}/characteristics"

DOCUMENTS: dict[str, tuple[dict[str, Any], str]] = {
    "negative instances": (service(instances=-1), f"{SETTINGS}/instances"),
    "zero instances": (service(instances=0), f"{SETTINGS}/instances"),
    "fraction of an instance": (service(instances=1.5), f"{SETTINGS}/instances"),
    "instances as text": (service(instances="2"), f"{SETTINGS}/instances"),
    "instances as a flag": (service(instances=True), f"{SETTINGS}/instances"),
    "zero maximum": (service(maxInstances=0), f"{SETTINGS}/maxInstances"),
    "negative minimum": (service(minInstances=-2), f"{SETTINGS}/minInstances"),
    "min above max": (service(minInstances=9), f"{SETTINGS}/minInstances"),
    "more than max": (service(instances=9), f"{SETTINGS}/instances"),
    "fewer than min": (service(instances=1, minInstances=2), f"{SETTINGS}/instances"),
    "unknown size": (service(size="m5.lrge"), f"{SETTINGS}/size"),
    "size of another provider": (service(size="n2-standard-2"), f"{SETTINGS}/size"),
    "unknown region": (service(region="us-est-1"), f"{SETTINGS}/region"),
    "unknown provider": (resource({"provider": "awz"}), f"{WEB}/provider"),
    "unknown type": (resource({"type": "computer"}), f"{WEB}/type"),
    "nothing to scale": (resource({"type": "cache"}), "/resources"),
    "unknown family": (service(serviceFamily="ec3"), f"{SETTINGS}/serviceFamily"),
    "no resources": (top(resources=[]), "/resources"),
    "resources missing": ({"name": "empty"}, "/resources"),
    "only a database": (top(resources=with_database(service())["resources"][1:]), "/resources"),
    "empty id": (resource({"id": ""}), f"{WEB}/id"),
    "no id": (resource({}, ("id",)), f"{WEB}/id"),
    "unknown key": (top(trafic=5), "/trafic"),
    "unknown key of a resource": (resource({"regoin": "x"}), f"{WEB}/regoin"),
    "unknown setting": (service(bootSecond=5), f"{SETTINGS}/bootSecond"),
    "negative traffic": (top(traffic=-1), "/traffic"),
    "traffic NaN": (top(traffic=float("nan")), "/traffic"),
    "traffic infinite": (top(traffic=float("inf")), "/traffic"),
    "zero CPU time": (service(cpuSecondsPerRequest=0), f"{SETTINGS}/cpuSecondsPerRequest"),
    "zero timeout": (service(timeoutSeconds=0), f"{SETTINGS}/timeoutSeconds"),
    "negative boot": (service(bootSeconds=-1), f"{SETTINGS}/bootSeconds"),
    "warm-up at a standstill": (service(warmupSpeed=0), f"{SETTINGS}/warmupSpeed"),
    "spread without a law": (
        service(serviceDistribution="exponential", serviceCv2=2),
        f"{SETTINGS}/serviceCv2",
    ),
    "no connections": (
        with_database(service(), maxConnections=0),
        "/resources/1/characteristics/maxConnections",
    ),
    "nine databases": (
        top(
            resources=[
                *service()["resources"],
                *(
                    {"id": f"db{k}", "type": "database", "name": "x", "provider": "aws"}
                    for k in range(9)
                ),
            ]
        ),
        "/resources/9",
    ),
    "same id twice": (top(resources=service()["resources"] * 2), "/resources/1/id"),
    "connection to nowhere": (
        top(connections=[{"sourceId": "web", "targetId": "bd"}]),
        "/connections/0/targetId",
    ),
    "tick of zero": (with_episode(service(), tick_seconds=0), "/episode/tick_seconds"),
    "tick of 3601 s": (with_episode(service(), tick_seconds=3601), "/episode/tick_seconds"),
    "tick of 1.5 s": (with_episode(service(), tick_seconds=1.5), "/episode/tick_seconds"),
    "SLA of zero ms": (
        with_episode(service(), targetSLA={"maxLatencyP95": 0, "maxErrorRate": 1}),
        "/episode/targetSLA/maxLatencyP95",
    ),
    "SLA of zero percent": (
        with_episode(service(), targetSLA={"maxLatencyP95": 100, "maxErrorRate": 0}),
        "/episode/targetSLA/maxErrorRate",
    ),
    "SLA above 100 %": (
        with_episode(service(), targetSLA={"maxLatencyP95": 100, "maxErrorRate": 101}),
        "/episode/targetSLA/maxErrorRate",
    ),
    "half an SLA": (
        with_episode(service(), targetSLA={"maxLatencyP95": 100}),
        "/episode/targetSLA/maxErrorRate",
    ),
    "no budget": (with_episode(service(), costBudgetPerHour=0), "/episode/costBudgetPerHour"),
    "no steps": (with_episode(service(), maxSteps=0), "/episode/maxSteps"),
    "nine faults": (
        top(faults=[{"type": "cpu_spike", "startTime": k} for k in range(9)]),
        "/faults/8",
    ),
    "fault of a stranger": (
        top(faults=[{"type": "cpu_spike", "startTime": 1, "targetResourceId": "wbe"}]),
        "/faults/0/targetResourceId",
    ),
    "unknown compute type": (
        with_episode(service(), computeType="m5.larg"),
        "/episode/computeType",
    ),
    "unknown pattern": (pattern(type="wvae"), "/workload/patterns/0/type"),
    "custom without points": (pattern(type="custom"), "/workload/patterns/0/parameters/points"),
    "points out of order": (
        pattern(
            type="custom",
            parameters={"points": [{"timestamp": 5, "rps": 1}, {"timestamp": 5, "rps": 2}]},
        ),
        "/workload/patterns/0/parameters/points/1/timestamp",
    ),
    "points with NaN": (
        pattern(type="custom", parameters={"points": [{"timestamp": 5, "rps": float("nan")}]}),
        "/workload/patterns/0/parameters/points/0/rps",
    ),
    "pattern that ends first": (
        pattern(type="wave", startTime=5, endTime=5),
        "/workload/patterns/0/endTime",
    ),
    "no period": (pattern(type="wave", period=0), "/workload/patterns/0/period"),
    "too many patterns": (top(workload={"patterns": [{"type": "wave"}] * 9}), "/workload/patterns"),
    "negative noise": (top(workload={"noise": {"sigma": -1}}), "/workload/noise/sigma"),
    "offsets crossed": (
        top(workload={"startOffset": {"low": 2, "high": 1}}),
        "/workload/startOffset/low",
    ),
    "unknown reward": (top(reward="dolars"), "/reward"),
    "thresholds crossed": (
        top(autoscaling={"scaleInCpuThreshold": 80, "scaleOutCpuThreshold": 70}),
        "/autoscaling/scaleInCpuThreshold",
    ),
}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_wrong_document_is_one_clear_error(name: str) -> None:
    document, pointer = DOCUMENTS[name]
    with pytest.raises(SpecError) as caught:
        gym.make(ENV_ID, simulation=document)
    assert only_problem(caught).pointer == pointer


def test_several_mistakes_are_reported_together() -> None:
    document = service(instances=-1, timeoutSeconds=0)
    document["trafic"] = 5
    with pytest.raises(SpecError) as caught:
        gym.make(ENV_ID, simulation=document)
    assert len(caught.value.problems) == 3


def test_an_unknown_region_offers_the_closest_ones() -> None:
    with pytest.raises(SpecError) as caught:
        gym.make(ENV_ID, simulation=service(region="us-est-1"))
    problem = only_problem(caught)
    assert problem.code is ErrorCode.UNKNOWN_REGION
    assert 3 <= len(problem.suggestions) <= 5
    assert "us-east-1" in [one.region_label for one in problem.suggestions]


ARGUMENTS: dict[str, tuple[dict[str, Any], str]] = {
    "scenario": ({"scenario": "aws-web-ap"}, "/scenario"),
    "scenario by number": ({"scenario": 5}, "/scenario"),
    "both": ({"scenario": "aws-web-app", "simulation": service()}, ""),
    "list": ({"simulation": [service(), service()]}, "/scenario"),
    "simulation by number": ({"simulation": 5}, ""),
    "missing file": ({"simulation": "/no/such/file.json"}, ""),
    "action_mode": ({"action_mode": "discreet"}, "/action_mode"),
    "observation_mode": ({"observation_mode": None}, "/observation_mode"),
    "autoscaler": ({"autoscaler": True}, "/autoscaler"),
    "autoscaler of a fixed pool": (
        {"simulation": service(autoscaling=None), "autoscaler": "on"},
        f"{SETTINGS}/autoscaling",
    ),
    "quantiles": ({"quantiles": "p99"}, "/quantiles"),
    "split": ({"split": "validation"}, "/split"),
    "metric_delay_s": ({"metric_delay_s": -1}, "/metric_delay_s"),
    "metric_delay_s NaN": ({"metric_delay_s": float("nan")}, "/metric_delay_s"),
    "metric_delay_s text": ({"metric_delay_s": "60"}, "/metric_delay_s"),
    "metric_delay_s too long": ({"metric_delay_s": 901}, "/metric_delay_s"),
    "action_cooldown_s": ({"action_cooldown_s": None}, "/action_cooldown_s"),
    "episode": ({"episode": {"maxSteps": 0}}, "/episode/maxSteps"),
    "episode key": ({"episode": {"maxStep": 5}}, "/episode/maxStep"),
    "episode by number": ({"episode": 300}, "/episode"),
    "reward": ({"reward": "documentd"}, "/reward"),
    "reward key": ({"reward": {"costWeigth": 1}}, "/reward/costWeigth"),
    "reward NaN": ({"reward": {"costWeight": float("nan")}}, "/reward/costWeight"),
    "traffic name": ({"traffic": "wvae"}, "/traffic"),
    "traffic number": ({"traffic": 500}, "/traffic"),
    "traffic list": ({"traffic": [1.0, -2.0]}, "/traffic"),
    "traffic no patterns": ({"traffic": []}, "/traffic"),
    "traffic empty": ({"traffic": np.array([])}, "/traffic"),
    "traffic NaN": ({"traffic": np.array([1.0, np.nan])}, "/traffic"),
    "traffic one NaN": ({"traffic": np.array([np.nan])}, "/traffic"),
    "traffic negative": ({"traffic": np.array([-1.0])}, "/traffic"),
    "traffic square": ({"traffic": np.ones((2, 2))}, "/traffic"),
    "traffic complex": ({"traffic": np.array([1j, 2])}, "/traffic"),
    "traffic points": (
        {
            "traffic": {
                "name": "f",
                "dataPoints": [{"timestamp": 1, "rps": 1}, {"timestamp": 0, "rps": 1}],
            }
        },
        "/traffic/dataPoints/1/timestamp",
    ),
    "faults number": ({"faults": 5}, "/faults"),
    "faults text": ({"faults": "az_outage"}, "/faults"),
    "faults list of numbers": ({"faults": [5]}, "/faults/0"),
    "faults kind": ({"faults": {"type": "meteor", "startTime": 0}}, "/faults/type"),
    "faults second": (
        {"faults": [{"type": "cpu_spike", "startTime": 0}, {"type": "cpu_spike"}]},
        "/faults/1/startTime",
    ),
    "faults target": (
        {"faults": {"type": "cpu_spike", "startTime": 0, "targetId": "wbe"}},
        "/faults/0/targetId",
    ),
    "faults rate": (
        {"faults": {"ratesPerHour": {"cpu_spike": -1}}},
        "/faults/ratesPerHour/cpu_spike",
    ),
    "faults key": ({"faults": {"ratesPerHours": {}}}, "/faults/ratesPerHours"),
    "trace missing": ({"traffic": Path("/no/such/trace.csv")}, "/traffic/trace"),
    "trace key": ({"traffic": {"trace": "x.csv", "colum": 1}}, "/traffic/colum"),
    "randomize list": ({"randomize": [1]}, "/randomize"),
    "randomize name": ({"randomize": {"pool.0.boots_s": (1, 2)}}, "/randomize/pool.0.boots_s"),
    "randomize absent pool": ({"randomize": {"pool.1.boot_s": (1, 2)}}, "/randomize/pool.1.boot_s"),
    "randomize crossed": ({"randomize": {"pool.0.boot_s": (2, 1)}}, "/randomize/pool.0.boot_s"),
    "randomize zero": (
        {"randomize": {"pool.0.cpu_s_per_request": (0, 1)}},
        "/randomize/pool.0.cpu_s_per_request",
    ),
    "randomize NaN": (
        {"randomize": {"pool.0.boot_s": (float("nan"), 1)}},
        "/randomize/pool.0.boot_s",
    ),
    "randomize one number": ({"randomize": {"pool.0.boot_s": 5}}, "/randomize/pool.0.boot_s"),
}


@pytest.mark.parametrize("name", ARGUMENTS)
def test_a_wrong_argument_is_one_clear_error(name: str) -> None:
    kwargs, pointer = ARGUMENTS[name]
    base = {} if {"scenario", "simulation"} & set(kwargs) else {"simulation": service()}
    with pytest.raises(SpecError) as caught:
        gym.make(ENV_ID, **base, **kwargs)
    assert only_problem(caught).pointer == pointer


def test_a_wrong_render_mode() -> None:
    # gym.make warns before it asks the class.
    with pytest.raises(SpecError) as caught:
        CloudAutoscaleEnv(render_mode="rgb")
    assert only_problem(caught).pointer == "/render_mode"


@pytest.mark.parametrize("steps", [0, -1, 2.5, "5", True, float("inf")])
def test_a_wrong_length_of_the_episode(steps: Any) -> None:
    with pytest.raises(SpecError) as caught:
        gym.make_vec(ENV_ID, num_envs=1, max_episode_steps=steps)
    assert only_problem(caught).pointer == "/max_episode_steps"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("empty.json", ""),
        ("broken.json", "{"),
        ("list.json", "[1]"),
        ("twice.json", '{"name": "a", "name": "b"}'),
        ("binary.json", b"\xff\xfe\x00"),
    ],
)
def test_an_unusable_file_is_one_clear_error(tmp_path: Path, name: str, content: Any) -> None:
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(SpecError) as caught:
        gym.make(ENV_ID, simulation=path)
    assert only_problem(caught).code is ErrorCode.INVALID_REQUEST


@pytest.mark.parametrize(
    ("content", "word"),
    [
        ("", "empty"),
        ("timestamp,rps\n0,1\n60,nan\n120,3\n", "nan"),
        ("timestamp,rps\n0,1\n120,2\n60,3\n", "earlier"),
        ("timestamp,rps\n0,1\n60,-2\n120,3\n", "-2"),
        ("timestamp,rps\n0,1\n", "2"),
    ],
)
def test_an_unusable_trace_is_one_clear_error(tmp_path: Path, content: str, word: str) -> None:
    path = tmp_path / "trace.csv"
    path.write_text(content)
    with pytest.raises(SpecError) as caught:
        gym.make(ENV_ID, traffic=path)
    problem = only_problem(caught)
    assert problem.pointer == "/traffic/trace"
    assert word in problem.message.lower()


DISCRETE = [1.0, "a", None, -1, 13, True, np.True_, np.float32(2), [1], np.array([1]), [1, 2]]
CONTINUOUS = [
    1.0,
    "a",
    None,
    [0],
    [0, 0, 0],
    [np.nan, 0],
    [np.inf, 0],
    [True, False],
    ["a", "b"],
    [0, None],
    np.zeros((1, 2)),
    {},
]


@pytest.mark.parametrize(
    ("mode", "action"),
    [("discrete", one) for one in DISCRETE] + [("continuous", one) for one in CONTINUOUS],
    ids=str,
)
def test_a_wrong_action_is_one_clear_error_and_changes_nothing(mode: str, action: Any) -> None:
    env = gym.make(ENV_ID, simulation=service(), action_mode=mode).unwrapped
    env.reset(seed=0)
    before = env.get_state().tobytes()  # type: ignore[attr-defined]
    with pytest.raises(SpecError) as caught:
        env.step(action)
    assert only_problem(caught).pointer == "/action"
    assert env.get_state().tobytes() == before  # type: ignore[attr-defined]


@pytest.mark.parametrize("action", [0, np.int64(0), np.uint8(0), np.array(0)])
def test_integers_of_every_kind_are_actions(action: Any) -> None:
    env = gym.make(ENV_ID, simulation=service()).unwrapped
    env.reset(seed=0)
    env.step(action)


VECTOR_ACTIONS = [
    ("discrete", np.zeros(3, int)),
    ("discrete", np.zeros((2, 1), int)),
    ("discrete", np.zeros(2)),
    ("discrete", np.array([0, 13])),
    ("discrete", np.array([-1, 0])),
    ("discrete", np.zeros(2, bool)),
    ("discrete", 0),
    ("continuous", np.zeros(2)),
    ("continuous", np.zeros((2, 3))),
    ("continuous", np.full((2, 2), np.nan)),
    ("continuous", np.zeros((2, 2), bool)),
]


@pytest.mark.parametrize(("mode", "actions"), VECTOR_ACTIONS)
def test_a_wrong_batch_of_actions_is_one_clear_error(mode: str, actions: Any) -> None:
    env = gym.make_vec(ENV_ID, num_envs=2, simulation=service(), action_mode=mode).unwrapped
    env.reset(seed=0)
    before = env.get_state().tobytes()  # type: ignore[attr-defined]
    with pytest.raises(SpecError) as caught:
        env.step(actions)
    assert only_problem(caught).pointer == "/action"
    assert env.get_state().tobytes() == before  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("options", "pointer"),
    [
        ("fleet", "/options"),
        ({"fleat": 3}, "/options/fleat"),
        ({"fleet": -1}, "/options/fleet"),
        ({"fleet": True}, "/options/fleet"),
        ({"fleet": 1.5}, "/options/fleet"),
        ({"traffic_offset_s": -1}, "/options/traffic_offset_s"),
        ({"traffic_offset_s": "noon"}, "/options/traffic_offset_s"),
        ({"traffic_offset_s": float("nan")}, "/options/traffic_offset_s"),
        ({"warmup_steps": -1}, "/options/warmup_steps"),
        ({"warmup_steps": 1.5}, "/options/warmup_steps"),
        ({"warmup_steps": 1, "warmup_tick_seconds": 0}, "/options/warmup_tick_seconds"),
        ({"warmup_steps": 1, "warmup_tick_seconds": 3601}, "/options/warmup_tick_seconds"),
        ({"warmup_steps": 1, "warmup_tick_seconds": 1.5}, "/options/warmup_tick_seconds"),
        ({"warmup_tick_seconds": 60}, "/options/warmup_tick_seconds"),
        ({"fault": "az_outage"}, "/options/fault"),
        ({"fault": 5}, "/options/fault"),
        ({"fault": {"type": "meteor", "startTime": 0}}, "/options/fault/type"),
        ({"fault": [{"type": "cpu_spike"}]}, "/options/fault/0/startTime"),
        (
            {"fault": {"type": "cpu_spike", "startTime": 0, "targetId": "wbe"}},
            "/options/fault/0/targetId",
        ),
        ({"fault": [{"type": "cpu_spike", "startTime": k} for k in range(9)]}, "/options/fault/8"),
    ],
)
def test_a_wrong_reset_option_is_one_clear_error(options: dict[str, Any], pointer: str) -> None:
    env = gym.make(ENV_ID, simulation=service())
    with pytest.raises(SpecError) as caught:
        env.reset(seed=0, options=options)
    assert only_problem(caught).pointer == pointer


@pytest.mark.parametrize("result", [np.zeros(3), 0.0, np.zeros((2, 1))])
def test_a_reward_function_has_to_return_one_number_an_environment(result: Any) -> None:
    vector = gym.make_vec(ENV_ID, num_envs=2, reward=lambda metrics: result)
    scalar = gym.make(ENV_ID, reward=lambda metrics: result)
    for env, action in ((vector, np.zeros(2, int)), (scalar, 0)):
        env.reset(seed=0)
        with pytest.raises(SpecError) as caught:
            env.step(action)
        assert only_problem(caught).pointer == "/reward"


def test_the_error_is_a_value_error_of_the_package() -> None:
    assert issubclass(cwm_gym.SpecError, ValueError)
