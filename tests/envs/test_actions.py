"""Actions in their three forms, masks, and actions that can do nothing."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cwm_gym.core.actions import continuous_reach
from cwm_gym.core.records import DISCRETE_ACTIONS
from cwm_gym.envs import action_documents
from cwm_gym.envs.scalar import CloudEnv
from cwm_gym.spec import Action, SpecError
from tests.documents import ENV_ID, service

# What a no-op that was asked for something else leaves behind.
TRACES = ("totals", "event", "n_events")


def make(**kwargs: Any) -> CloudEnv:
    env = gym.make(ENV_ID, **{"simulation": service(), **kwargs}).unwrapped
    assert isinstance(env, CloudEnv)
    env.reset(seed=0)
    return env


@pytest.mark.parametrize("action", range(len(DISCRETE_ACTIONS)))
def test_documents_are_the_exact_inverse_of_discrete_actions(action: int) -> None:
    env = make()
    document = env.document_from_action(action)
    assert env.action_from_document(document) == action
    assert env.action_from_document(document.to_document()) == action
    assert env.document_from_action(env.action_from_document(document)) == document


units = st.floats(-1, 1, width=32)


@settings(max_examples=300, deadline=None)
@example(fleet=0.0, target=float(np.float32(0.05)), threshold=0.5, highest=1)
@example(fleet=0.0, target=float(np.float32(-0.05)), threshold=0.123456789, highest=1)
@given(fleet=units, target=units, threshold=st.floats(0.01, 1.0), highest=st.integers(1, 60))
def test_documents_are_the_inverse_of_continuous_actions(
    fleet: float, target: float, threshold: float, highest: int
) -> None:
    reach = continuous_reach.py_func(highest, 1)
    for pair in ((fleet, 0.0), (0.0, target)):
        action = np.array(pair, np.float32)
        document = action_documents.document_from_continuous(action, reach, threshold)
        back = action_documents.continuous_from_document(document, reach, threshold)
        assert back.dtype == np.float32
        assert (abs(back) <= 1).all()
        assert action_documents.document_from_continuous(back, reach, threshold) == document


@settings(max_examples=60, deadline=None)
@given(fleet=units, target=units)
def test_a_continuous_action_and_its_document_do_the_same(fleet: float, target: float) -> None:
    for pair in ((fleet, 0.0), (0.0, target)):
        ours, theirs = (make(action_mode="continuous", autoscaler="on") for _ in range(2))
        action = np.array(pair, np.float32)
        document = theirs.document_from_action(action)
        ours.step(action)
        theirs.step_document(document)
        one, other = ours.get_state(), theirs.get_state()
        assert one["pool"]["desired"][0] == other["pool"]["desired"][0]
        assert one["config_changes"] == other["config_changes"]
        assert one["autoscaler"]["out_cpu"] == pytest.approx(
            other["autoscaler"]["out_cpu"], abs=1e-6
        )
        assert one["meter"]["reward"] == pytest.approx(other["meter"]["reward"], abs=1e-9)


@pytest.mark.parametrize("action", range(len(DISCRETE_ACTIONS)))
def test_a_discrete_action_and_its_document_do_the_same(action: int) -> None:
    ours, theirs = make(autoscaler="on"), make(autoscaler="on")
    document = theirs.document_from_action(action)
    np.testing.assert_equal(ours.step(action), theirs.step_document(document))
    assert ours.get_state().tobytes() == theirs.get_state().tobytes()


def test_a_scale_action_moves_the_fleet_by_its_count() -> None:
    for action, (kind, count) in enumerate(DISCRETE_ACTIONS):
        env = make(simulation=service(instances=20, minInstances=1, maxInstances=60))
        env.step(action)
        sign = {"scale_out": 1, "scale_in": -1}.get(kind, 0)
        assert env.get_state()["pool"]["desired"][0] == 20 + sign * count


@pytest.mark.parametrize(("share", "change"), [(1, 4), (-1, -4), (0.5, 2), (0.1, 0), (9, 4)])
def test_a_continuous_action_moves_by_half_of_the_range(share: float, change: int) -> None:
    env = make(
        simulation=service(instances=5, maxInstances=8, minInstances=1), action_mode="continuous"
    )
    env.step(np.array([share, 0], np.float32))
    expected = min(max(5 + change, 1), 8)
    assert env.get_state()["pool"]["desired"][0] == expected


def test_a_scale_action_goes_to_the_bound() -> None:
    env = make(simulation=service(instances=6, maxInstances=8))
    env.step(4)
    assert env.get_state()["pool"]["desired"][0] == 8
    assert env.get_state()["totals"]["ignored_actions"] == 0


BLOCKED: list[tuple[dict[str, Any], list[int], int]] = [
    ({"simulation": service(instances=8)}, [], 1),
    ({"simulation": service(instances=1)}, [], 5),
    ({}, [], 11),
    ({"action_cooldown_s": 600}, [1], 1),
    ({"action_cooldown_s": 600}, [1], 5),
]


@pytest.mark.parametrize(("kwargs", "before", "action"), BLOCKED)
def test_a_masked_action_sent_anyway_is_a_counted_no_op(
    kwargs: dict[str, Any], before: list[int], action: int
) -> None:
    idle, asked = make(**kwargs), make(**kwargs)
    for env in (idle, asked):
        for earlier in before:
            env.step(earlier)
        assert not env.action_masks()[action]
    quiet, loud = idle.step(0), asked.step(action)
    np.testing.assert_equal(quiet[:4], loud[:4])
    assert loud[4]["events"][0]["kind"] == "action_ignored"
    one, other = idle.get_state(), asked.get_state()
    for name in one.dtype.names or ():
        if name not in TRACES:
            assert one[name].tobytes() == other[name].tobytes(), name
    counted = other["totals"].copy()
    assert counted["ignored_actions"] == one["totals"]["ignored_actions"] + 1
    counted["ignored_actions"] -= 1
    assert counted.tobytes() == one["totals"].tobytes()


def test_masks_are_exact() -> None:
    """An action is masked exactly when it would change nothing."""
    rng = np.random.default_rng(0)
    for kwargs in ({}, {"action_cooldown_s": 120}, {"autoscaler": "on"}):
        env = make(simulation=service(maxInstances=3), **kwargs)
        for _ in range(25):
            state, mask = env.get_state(), env.action_masks()
            for action in range(1, len(DISCRETE_ACTIONS)):
                env.set_state(state)
                ignored = int(state["totals"]["ignored_actions"])
                env.step(action)
                did = int(env.get_state()["totals"]["ignored_actions"]) == ignored
                assert did == mask[action]
            assert mask[0]
            env.set_state(state)
            env.step(int(rng.integers(13)))


def test_only_known_documents_become_actions() -> None:
    env = make()
    for document in (
        {"type": "scale_out", "parameters": {"instanceCount": 3}},
        {"type": "scale_out", "parameters": {"instanceCount": 1, "resourceId": "web"}},
        {"type": "adjust_threshold", "parameters": {"cpuThreshold": 65}},
        {"type": "adjust_threshold", "parameters": {"cpuThreshold": 50, "latencyThreshold": 5}},
        {"type": "remove_resource", "parameters": {"resourceId": "web"}},
        {"action": {"type": "no_op"}, "tick_seconds": 30},
    ):
        with pytest.raises(SpecError) as caught:
            env.action_from_document(document)
        assert caught.value.problems[0].code.value == "INVALID_REQUEST"
    continuous = make(action_mode="continuous")
    for document in (
        {"type": "scale_out", "parameters": {"instanceCount": 5}},
        {"type": "adjust_threshold", "parameters": {"cpuThreshold": 99}},
        {"type": "adjust_threshold", "parameters": {"cpuThreshold": 70, "resourceId": "web"}},
        {"type": "no_op", "tick_seconds": 5},
    ):
        with pytest.raises(SpecError):
            continuous.action_from_document(document)
    with pytest.raises(SpecError):
        continuous.document_from_action(np.ones(2, np.float32))
    with pytest.raises(SpecError):
        continuous.action_masks()


def test_documents_reach_what_the_table_does_not() -> None:
    env = make(simulation=service(instances=2), autoscaler="on")
    env.step_document(
        {"type": "scale_out", "parameters": {"instanceCount": 3, "resourceId": "web"}}
    )
    assert env.get_state()["pool"]["desired"][0] == 5
    env.step_document(
        {"type": "adjust_threshold", "parameters": {"cpuThreshold": 65, "latencyThreshold": 80}}
    )
    tuned = env.get_state()["autoscaler"]
    assert (tuned["out_cpu"], tuned["out_latency_s"]) == (0.65, 0.08)
    for document, pointer in (
        ({"type": "scale_out", "parameters": {"resourceId": "db"}}, "/parameters/resourceId"),
        ({"type": "remove_resource", "parameters": {"resourceId": "db"}}, "/parameters/resourceId"),
        ({"type": "scale_up"}, "/type"),
        ({"type": "scale_out", "parameters": {"instanceCount": 0}}, "/parameters/instanceCount"),
    ):
        with pytest.raises(SpecError) as caught:
            env.step_document(document)
        assert [problem.pointer for problem in caught.value.problems] == [pointer]


def test_a_document_reads_back_what_it_says() -> None:
    document = make().document_from_action(2)
    assert document == Action.model_validate(
        {"type": "scale_out", "parameters": {"instanceCount": 2}}
    )


def test_the_autoscalers_moves_do_not_start_the_agents_cooldown() -> None:
    env = gym.make(
        "CloudAutoscale-v0", autoscaler="on", action_cooldown_s=600, traffic=np.full(50, 15000.0)
    ).unwrapped
    _, info = env.reset(seed=0)
    kinds: set[str] = set()
    while "autoscale_out" not in kinds:
        *_, info = env.step(0)
        kinds |= {event["kind"] for event in info["events"]}
    assert info["action_mask"][1] == 1
    *_, info = env.step(1)
    assert info["action_mask"][1] == 0
