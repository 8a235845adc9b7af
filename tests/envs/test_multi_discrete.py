"""Actions on every resource: what they do, their masks, and the documents that say the same."""

from __future__ import annotations

from itertools import product
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cwm_gym.core.records import MULTI_CPU_PERCENT, MULTI_INSTANCES, MULTI_POLICIES, MULTI_SIZES
from cwm_gym.envs.scalar import CloudEnv
from cwm_gym.envs.vector import CloudVectorEnv
from cwm_gym.spec import SpecError
from tests.documents import ENV_ID, service
from tests.envs.landscape import FAULTS, landscape

EVERY = np.array(list(product(*map(range, MULTI_SIZES))))
PARTS = np.split(np.arange(sum(MULTI_SIZES)), np.cumsum(MULTI_SIZES)[:-1])
NO_OP, OUT, IN, ADJUST, ADD, REMOVE, POLICY = range(7)


def make(**kwargs: Any) -> CloudEnv:
    kwargs = {"simulation": landscape(), "action_mode": "multi_discrete", **kwargs}
    env = gym.make(ENV_ID, **kwargs).unwrapped
    assert isinstance(env, CloudEnv)
    env.reset(seed=0)
    return env


def make_vec(num_envs: int, **kwargs: Any) -> CloudVectorEnv:
    kwargs = {"simulation": landscape(), "action_mode": "multi_discrete", **kwargs}
    env = gym.make_vec(ENV_ID, num_envs=num_envs, **kwargs).unwrapped
    assert isinstance(env, CloudVectorEnv)
    env.reset(seed=0)
    return env


@pytest.mark.parametrize(
    "kwargs",
    [
        {"faults": FAULTS},
        {"simulation": service(), "autoscaler": "on", "action_cooldown_s": 120},
        {"simulation": service(maxInstances=3)},
    ],
    ids=["landscape", "autoscaler", "plain"],
)
def test_a_value_is_masked_only_if_nothing_with_it_is_possible(kwargs: dict[str, Any]) -> None:
    env, probe = make(**kwargs), make_vec(len(EVERY), **kwargs)
    rng = np.random.default_rng(3)
    masked = 0
    for step in range(12):
        mask = env.action_masks()
        states = np.repeat(env.get_state().reshape(1), len(EVERY))
        probe.set_state(states)
        probe.step(EVERY)
        done = probe.worlds["totals"]["ignored_actions"] == states["totals"]["ignored_actions"]
        for part, places in enumerate(PARTS):
            for value, allowed in enumerate(mask[places]):
                assert done[EVERY[:, part] == value].any() == allowed, (step, part, value)
        masked += int((~mask).sum())
        # Go where actions have changed something, with every kind in turn.
        possible = EVERY[done & (EVERY[:, 0] == [OUT, ADD, REMOVE, IN, POLICY, ADJUST][step % 6])]
        env.step(rng.choice(possible if len(possible) else EVERY[:1]))
    assert masked > 0


def test_masks_have_the_forms_that_samplers_take() -> None:
    env = make()
    _, info = env.reset(seed=1)
    kinds, targets, magnitudes = info["action_mask"]
    assert [part.shape for part in (kinds, targets, magnitudes)] == [(7,), (16,), (4,)]
    assert {part.dtype for part in (kinds, targets, magnitudes)} == {np.dtype(np.int8)}
    env.action_space.seed(0)
    drawn = {int(env.action_space.sample(mask=info["action_mask"])[0]) for _ in range(300)}
    assert drawn == set(np.flatnonzero(kinds).tolist())
    assert ADJUST not in drawn
    flat = env.action_masks()
    assert flat.dtype == np.bool_
    assert np.array_equal(flat, np.concatenate([kinds, targets, magnitudes]) == 1)
    venv = make_vec(3)
    _, infos = venv.reset(seed=1)
    assert infos["action_mask"].shape == venv.action_masks().shape == (3, 27)
    assert infos["action_mask"].dtype == np.int8
    assert np.array_equal(venv.action_masks(), infos["action_mask"] == 1)
    assert infos["_action_mask"].all()


def test_a_mask_is_the_callers_own() -> None:
    env = make(action_cooldown_s=600, simulation=service())
    _, info = env.reset(seed=0)
    kept = [part.copy() for part in info["action_mask"]]
    for part in info["action_mask"]:
        assert not np.shares_memory(part, env._out)
    env.step([OUT, 0, 0])
    for part, copy in zip(info["action_mask"], kept, strict=True):
        assert np.array_equal(part, copy)


def test_every_kind_does_what_it_says() -> None:
    env = make(autoscaler="on")
    tier = env.program.targets.index

    def after(kind: int, target: int, magnitude: int) -> Any:
        env.step(np.array([kind, target, magnitude]))
        return env.get_state()

    blue = tier("cluster/blue")
    for magnitude, count in enumerate(MULTI_INSTANCES[:2]):
        before = int(env.get_state()["pool"]["desired"][blue])
        assert after(OUT, blue, magnitude)["pool"]["desired"][blue] == before + count
        assert after(IN, blue, magnitude)["pool"]["desired"][blue] == before
    for magnitude, percent in enumerate(MULTI_CPU_PERCENT):
        assert after(ADJUST, 0, magnitude)["autoscaler"]["out_cpu"] == percent / 100
    for magnitude, (critical, warning, steps) in enumerate(MULTI_POLICIES):
        policy = after(POLICY, tier("db"), magnitude)["backend"]["health"]["policy"]
        found = policy[tier("db") - 8].item()
        assert found == (critical / 100, steps, warning / 100, steps)
    more = tier("more")
    assert env.get_state()["pool"]["present"][more] == 0
    state = after(ADD, more, 0)
    assert (state["pool"]["present"][more], state["pool"]["desired"][more]) == (1, 2)
    assert after(REMOVE, more, 0)["pool"]["present"][more] == 0
    assert after(ADD, tier("db2"), 0)["backend"]["present"][tier("db2") - 8] == 1
    assert env.get_state()["totals"]["ignored_actions"] == 0


def test_without_spares_a_copy_of_the_scaled_pool_stands_by() -> None:
    env = make(simulation=service())
    assert env.program.targets[:2] == ("web", "web-2")
    capacity = env.get_state()["meter"]["capacity_rps"]
    assert capacity == 400
    env.step([ADD, 1, 0])
    env.step([NO_OP, 0, 0])
    assert env.get_state()["meter"]["capacity_rps"] == 800
    # The other modes have no use for it.
    assert gym.make(ENV_ID, simulation=service()).unwrapped.program.targets[1] == ""  # type: ignore[attr-defined]


def test_an_impossible_action_is_a_counted_no_op() -> None:
    env = make(simulation=service(instances=8))
    for action in ([OUT, 0, 0], [IN, 5, 0], [ADD, 0, 0], [REMOVE, 0, 0], [ADJUST, 0, 0]):
        before = env.get_state()
        *_, info = env.step(action)
        after = env.get_state()
        assert after["totals"]["ignored_actions"] == before["totals"]["ignored_actions"] + 1
        assert after["pool"]["desired"].tolist() == before["pool"]["desired"].tolist()
        assert "action_ignored" in [event["kind"] for event in info["events"]]


def expressible(action: Any) -> bool:
    try:
        ENV.document_from_action(action)
    except SpecError:
        return False
    return True


ENV = make()
PLAIN = make(simulation=service())
CANONICAL = [action for action in EVERY if expressible(action)]


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(range(len(CANONICAL))))
def test_documents_are_the_exact_inverse(index: int) -> None:
    action = CANONICAL[index]
    document = ENV.document_from_action(action)
    back = ENV.action_from_document(document)
    assert back.dtype == np.int64
    assert back in ENV.action_space
    assert ENV.document_from_action(back) == document
    assert ENV.document_from_action(ENV.action_from_document(document.to_document())) == document
    # What differs from the action that was described means nothing to its kind.
    used = {NO_OP: 1, ADJUST: 0b101, ADD: 0b11, REMOVE: 0b11}.get(int(action[0]), 0b111)
    for part in range(3):
        assert back[part] == action[part] or not used >> part & 1


def test_what_documents_can_say_is_known() -> None:
    kinds = {int(kind) for kind in np.array(CANONICAL)[:, 0]}
    assert kinds == set(range(7))
    named = [tier for tier, name in enumerate(ENV.program.targets) if name]
    for kind, targets in (
        (OUT, [tier for tier in named if tier < 8]),
        (ADD, named),
        (REMOVE, named),
        (POLICY, named),
    ):
        found = {int(target) for k, target, _ in CANONICAL if k == kind}
        assert found == set(targets)


@pytest.mark.parametrize("index", range(0, len(CANONICAL), 7))
def test_an_action_and_its_document_do_the_same(index: int) -> None:
    ours, theirs = ENV, PAIR
    for env in (ours, theirs):
        env.reset(seed=2)
    action = CANONICAL[index]
    document = theirs.document_from_action(action)
    np.testing.assert_equal(ours.step(action)[:4], theirs.step_document(document)[:4])
    one, other = ours.get_state(), theirs.get_state()
    for name in ("pool", "backend", "totals", "autoscaler", "meter"):
        assert one[name].tobytes() == other[name].tobytes(), name


PAIR = make()


def test_the_scaled_pool_is_written_without_its_name() -> None:
    assert ENV.document_from_action([OUT, 0, 1]).to_document() == {
        "type": "scale_out",
        "parameters": {"instanceCount": 2},
    }
    green = ENV.program.targets.index("cluster/green")
    assert ENV.document_from_action([IN, green, 0]).to_document() == {
        "type": "scale_in",
        "parameters": {"instanceCount": 1, "resourceId": "cluster", "nodePool": "green"},
    }
    named = {"type": "scale_out", "parameters": {"instanceCount": 2, "resourceId": "web"}}
    assert ENV.action_from_document(named).tolist() == [OUT, 0, 1]


@pytest.mark.parametrize(
    ("document", "pointer"),
    [
        ({"type": "scale_out", "parameters": {"instanceCount": 3}}, "/parameters/instanceCount"),
        ({"type": "scale_out", "tick_seconds": 30}, ""),
        (
            {"type": "adjust_threshold", "parameters": {"cpuThreshold": 65}},
            "/parameters/cpuThreshold",
        ),
        ({"type": "adjust_threshold", "parameters": {"latencyThreshold": 65}}, ""),
        (
            {
                "type": "set_recovery_policy",
                "parameters": {
                    "resourceId": "web",
                    "recoveryPolicy": {
                        "criticalCpuThreshold": 81,
                        "criticalSteps": 4,
                        "warningCpuThreshold": 70,
                        "warningSteps": 4,
                    },
                },
            },
            "/parameters/recoveryPolicy",
        ),
    ],
)
def test_what_the_table_does_not_hold_is_refused(document: dict[str, Any], pointer: str) -> None:
    with pytest.raises(SpecError) as caught:
        PLAIN.action_from_document(document)
    (problem,) = caught.value.problems
    assert (problem.code.value, problem.pointer) == ("INVALID_REQUEST", pointer)
    assert problem.suggestion


@pytest.mark.parametrize("action", [[OUT, 5, 0], [OUT, 9, 0], [POLICY, 7, 1], [REMOVE, 15, 0]])
def test_actions_on_nothing_have_no_document(action: list[int]) -> None:
    with pytest.raises(SpecError) as caught:
        PLAIN.document_from_action(action)
    assert caught.value.problems[0].code.value == "INVALID_REQUEST"


WRONG = [
    0,
    [0, 0],
    [7, 0, 0],
    [0, 16, 0],
    [0, 0, 4],
    [-1, 0, 0],
    [0.0, 0.0, 0.0],
    [True, False, False],
    [True, 0, 0, 0],
    None,
    "abc",
    np.zeros((1, 3), int),
]


@pytest.mark.parametrize("action", WRONG, ids=str)
def test_a_wrong_action_is_one_clear_error_and_changes_nothing(action: Any) -> None:
    before = PLAIN.get_state().tobytes()
    with pytest.raises(SpecError) as caught:
        PLAIN.step(action)
    assert caught.value.problems[0].pointer == "/action"
    assert PLAIN.get_state().tobytes() == before


@pytest.mark.parametrize(
    "actions", [np.zeros(3, int), np.zeros((2, 3)), np.full((2, 3), 7), np.zeros((3, 3), int)]
)
def test_a_wrong_batch_of_actions_is_one_clear_error(actions: Any) -> None:
    env = make_vec(2, simulation=service())
    with pytest.raises(SpecError) as caught:
        env.step(actions)
    assert caught.value.problems[0].pointer == "/action"
