"""What must always hold, over graphs of every resource type under faults of every kind."""

from __future__ import annotations

from collections import Counter
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st

import cwm_gym  # noqa: F401
from cwm_gym.core.records import FAULT_KINDS
from cwm_gym.spec.errors import SpecError
from cwm_gym.testing.checkers import check_rollout
from tests.documents import ENV_ID
from tests.graphs import TYPES, graphs

_FEW = settings(
    max_examples=60,
    deadline=None,
    database=None,
    derandomize=True,
    phases=(Phase.explicit, Phase.generate, Phase.shrink),
    suppress_health_check=list(HealthCheck),
)


def batch(document: dict[str, Any], size: int, **arguments: Any) -> Any:
    try:
        return gym.make_vec(ENV_ID, num_envs=size, simulation=document, **arguments)
    except SpecError:
        assume(False)


def test_any_graph_under_any_faults_conserves_requests(
    capsys: pytest.CaptureFixture[str],
) -> None:
    types: Counter[str] = Counter()
    kinds: Counter[str] = Counter()
    totals = np.zeros(3)

    @settings(_FEW, max_examples=400)
    @given(graphs(), st.sampled_from(["discrete", "multi_discrete", "continuous"]))
    def run(document: dict[str, Any], mode: str) -> None:
        env = batch(document, 16, action_mode=mode)
        seen = check_rollout(env, 30, 1)
        types.update(one["type"] for one in document["resources"])
        kinds.update(one["type"] for one in document["faults"])
        totals[:] += seen.steps, seen.stressed, 1.0
        totals[2] = max(totals[2] - 1.0, seen.imbalance)

    run()
    with capsys.disabled():
        print(
            f"\n{totals[0]:.0f} steps of random graphs, {totals[1] / totals[0]:.0%} stressed; "
            f"worst imbalance {totals[2]:.1e}"
        )
    assert set(types) == set(TYPES)
    assert set(kinds) == set(FAULT_KINDS)
    assert totals[1] > 0.2 * totals[0]


@given(graphs(), st.integers(0, 2**31))
@_FEW
def test_scalar_and_vector_agree_bit_for_bit(document: dict[str, Any], seed: int) -> None:
    env = batch(document, 3)
    env.reset(seed=seed)
    alone = gym.make(ENV_ID, simulation=document).unwrapped
    alone.reset(seed=seed + 2)
    rng = np.random.default_rng(seed)
    for _ in range(5):
        actions = rng.integers(0, 13, 3)
        observations, rewards, *_ = env.step(actions)
        observation, reward, _, truncated, _ = alone.step(int(actions[2]))
        assert observation.tobytes() == observations[2].tobytes()
        assert reward == rewards[2]
        if truncated:
            break
        assert alone.get_state().tobytes() == _same(env.unwrapped.get_state([2]), alone)


def _same(states: Any, alone: Any) -> bytes:
    """A world of the batch as it would stand in a batch of one."""
    state = states[0].copy()
    state["row"] = alone.get_state()["row"]
    return bytes(state.tobytes())


@given(graphs(), st.integers(0, 2**31))
@_FEW
def test_a_restored_world_goes_on_as_it_did(document: dict[str, Any], seed: int) -> None:
    env = batch(document, 4)
    env.reset(seed=seed)
    actions = np.random.default_rng(seed).integers(0, 13, (6, 4))
    for k in range(3):
        env.step(actions[k])
    saved = env.unwrapped.get_state()
    first = [env.step(actions[k])[1] for k in range(3, 5)]
    env.unwrapped.set_state(saved)
    again = [env.step(actions[k])[1] for k in range(3, 5)]
    np.testing.assert_array_equal(first, again)


@given(graphs())
@_FEW
def test_the_same_seed_is_the_same_episode(document: dict[str, Any]) -> None:
    found = []
    for _ in range(2):
        env = batch(document, 2)
        env.reset(seed=5)
        found.append([env.step(np.array([k % 13, 0]))[0].tobytes() for k in range(4)])
    assert found[0] == found[1]


@given(graphs())
@_FEW
def test_dearer_is_never_cheaper(document: dict[str, Any]) -> None:
    """Money follows prices: the same episode at twice the prices costs twice as much."""
    env = batch(document, 1)
    env.reset(seed=3)
    dear = batch(document, 1).unwrapped
    _double_prices(dear.batch.params)
    dear.reset(seed=3)
    for _ in range(4):
        env.step(np.zeros(1, np.int64))
        dear.step(np.zeros(1, np.int64))
        usd = env.unwrapped.worlds["meter"]["usd"]
        assert dear.worlds["meter"]["usd"] == pytest.approx(2.0 * usd, rel=1e-9, abs=1e-15)


def _double_prices(params: Any) -> None:
    for part in ("pool", "backend", "front", "fixed"):
        for name in params[part].dtype.names:
            if "usd" in name:
                params[part][name] *= 2.0


@given(graphs())
@_FEW
def test_more_instances_never_raise_utilisation(document: dict[str, Any]) -> None:
    quiet = {**document, "faults": []}
    quiet["workload"] = {"noise": {"sigma": 0, "correlationSeconds": 60}}
    quiet["episode"] = {**document["episode"], "enableFailures": False, "maxSteps": 40}
    fleet = quiet["resources"][0]["characteristics"]
    # With contention of 1 no instance adds capacity; with rooms below a request queues are odd.
    fleet.update(contention=0.0, queueCapacity=100, minInstances=1, maxInstances=8)
    env = batch(quiet, 1).unwrapped
    utilisation = []
    for instances in (2, 4, 8):
        env.reset(seed=0, options={"fleet": instances})
        for _ in range(6):
            env.step(np.zeros(1, np.int64))
        utilisation.append(float(env.worlds["meter"]["utilisation"][0]))
    assert utilisation[0] + 0.02 >= utilisation[1]
    assert utilisation[1] + 0.02 >= utilisation[2]
