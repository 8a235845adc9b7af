"""Saving and restoring: the same bytes go on the same way, anywhere."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from cwm_gym.core.records import LAYOUT_VERSION
from cwm_gym.envs.scalar import CloudEnv
from cwm_gym.envs.vector import CloudVectorEnv
from cwm_gym.spec import SpecError
from cwm_gym.testing.checkers import check_save_restore
from tests.documents import ENV_ID, service, with_database

RANDOMIZED = {"randomize": {"pool.0.boot_s": (10, 200), "pool.0.cpu_s_per_request": (0.001, 0.003)}}
ROOT = Path(__file__).parents[2]

CONTINUE = """
import json, sys
import gymnasium as gym, numpy as np
import cwm_gym
folder, kwargs = sys.argv[1], json.loads(sys.argv[2])
states = np.load(folder + "/states.npy")
actions = np.load(folder + "/actions.npy")
env = gym.make("CloudAutoscale-v0", **kwargs).unwrapped
env.reset(seed=12345)
found = []
for first, state in enumerate(states):
    env.set_state(state)
    for action in actions[first:]:
        seen, reward, terminated, truncated, _ = env.step(int(action))
        if terminated or truncated:
            seen, _ = env.reset()
        found.append(np.append(seen.astype(np.float64), reward))
np.save(folder + "/found.npy", np.array(found))
np.save(folder + "/last.npy", env.get_state())
"""


def make(**kwargs: Any) -> CloudEnv:
    env = gym.make(ENV_ID, **kwargs).unwrapped
    assert isinstance(env, CloudEnv)
    return env


def make_vec(num_envs: int, **kwargs: Any) -> CloudVectorEnv:
    env = gym.make_vec(ENV_ID, num_envs=num_envs, **kwargs).unwrapped
    assert isinstance(env, CloudVectorEnv)
    return env


@pytest.mark.parametrize("kwargs", [{}, RANDOMIZED], ids=["default", "randomized"])
def test_any_step_continues_bit_identically_in_a_new_process(
    tmp_path: Path, kwargs: dict[str, Any]
) -> None:
    kwargs = {**kwargs, "episode": {"maxSteps": 15}}
    env = make(**kwargs)
    env.reset(seed=4)
    actions = np.random.default_rng(1).integers(0, 13, 40)
    states, rows = [], []
    for action in actions:
        states.append(env.get_state())
        seen, reward, terminated, truncated, _ = env.step(int(action))
        if terminated or truncated:
            seen, _ = env.reset()
        rows.append(np.append(seen.astype(np.float64), reward))
    np.save(tmp_path / "states.npy", np.array(states))
    np.save(tmp_path / "actions.npy", actions)
    subprocess.run(
        [sys.executable, "-c", CONTINUE, str(tmp_path), json.dumps(kwargs)],
        check=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    expected = [row for first in range(len(actions)) for row in rows[first:]]
    assert np.array_equal(np.load(tmp_path / "found.npy"), expected)
    assert np.load(tmp_path / "last.npy").tobytes() == env.get_state().tobytes()


@pytest.mark.parametrize(
    "kwargs",
    [
        {"simulation": with_database(service(), maxConnections=5), "metric_delay_s": 180},
        {"action_mode": "continuous", "autoscaler": "on"},
        {**RANDOMIZED, "episode": {"maxSteps": 20}},
    ],
)
def test_states_continue_in_another_environment(kwargs: dict[str, Any]) -> None:
    check_save_restore(ENV_ID, kwargs)


def test_a_state_moves_between_scalar_and_vector() -> None:
    scalar, vector = make(), make_vec(3)
    scalar.reset(seed=0)
    vector.reset(seed=100)
    scalar.step(2)
    vector.set_state(scalar.get_state(), [1])
    for action in (0, 3, 5):
        seen, rewards, *_ = vector.step(np.array([0, action, 0]))
        one, reward, *_ = scalar.step(action)
        assert np.array_equal(seen[1], one)
        assert rewards[1] == reward
    scalar.set_state(vector.get_state([1])[0])
    assert scalar.get_state().tobytes() == vector.get_state([1])[0].tobytes()


def test_masks_and_numbers_choose_environments() -> None:
    env = make_vec(4)
    env.reset(seed=0)
    whole = env.get_state()
    assert len(env.get_state([2, 0])) == 2
    assert env.get_state(np.array([False, True, True, False])).tobytes() == whole[1:3].tobytes()
    env.set_state(whole[[0, 0]], [2, 3])
    assert env.worlds["offset_s"][2] == env.worlds["offset_s"][0]


def test_a_forked_state_meets_the_same_demand_under_other_actions() -> None:
    env = make()
    env.reset(seed=1)
    env.step(0)
    fork = env.get_state()
    arrivals = []
    for action in (4, 8):
        env.set_state(fork)
        run = []
        for _ in range(10):
            env.step(action)
            run.append(float(env.get_state()["meter"]["offered_rps"]))
        arrivals.append(run)
    assert arrivals[0] == pytest.approx(arrivals[1], rel=1e-12)


def test_a_saved_state_is_a_copy() -> None:
    env = make()
    env.reset(seed=0)
    state = env.get_state()
    held = state.tobytes()
    env.step(4)
    assert state.tobytes() == held
    env.set_state(state)
    state["time_s"] = -1.0
    assert env.get_state().tobytes() == held


def test_reset_starts_from_a_state() -> None:
    env = make()
    env.reset(seed=0)
    for _ in range(5):
        env.step(1)
    state = env.get_state()
    env.reset(options={"state": state})
    now = env.get_state()
    assert now["time_s"] == state["time_s"]
    assert now["step"] == 0
    assert np.array_equal(now["pool"], state["pool"])
    runs = []
    for seed in (7, 7, 8):
        env.reset(seed=seed, options={"state": state})
        runs.append([env.step(0)[1] for _ in range(10)])
    assert runs[0] == runs[1] != runs[2]


def foreign_states() -> dict[str, Any]:
    env = make(simulation=service())
    env.reset(seed=0)
    state = env.get_state()
    version, mark = state.copy(), state.copy()
    version["version"] = LAYOUT_VERSION + 1
    mark["fingerprint"] += np.uint64(1)
    other = make(simulation=service(bootSeconds=46))
    other.reset(seed=0)
    return {
        "layout version": version,
        "fingerprint": mark,
        "scenario": other.get_state(),
        "dtype": np.zeros(1, [("x", "f8")]),
        "nothing": np.zeros(5),
        "number": np.repeat(state.reshape(1), 2),
    }


@pytest.mark.parametrize(
    "kind", ["layout version", "fingerprint", "scenario", "dtype", "nothing", "number"]
)
def test_a_foreign_state_is_refused_and_changes_nothing(kind: str) -> None:
    env = make(simulation=service())
    env.reset(seed=3)
    before = env.get_state().tobytes()
    with pytest.raises(SpecError) as caught:
        env.set_state(foreign_states()[kind])
    (problem,) = caught.value.problems
    assert "restore" in problem.message
    assert problem.suggestion
    assert env.get_state().tobytes() == before


@pytest.mark.parametrize(
    "change",
    [
        {"episode": {"maxSteps": 41}},
        {"reward": "dollars"},
        {"traffic": np.array([1.0, 2.0])},
        {"randomize": {"pool.0.boot_s": (1, 2)}},
        {"metric_delay_s": 60},
        {"autoscaler": "on"},
        {"quantiles": "all"},
    ],
)
def test_every_argument_that_matters_is_in_the_fingerprint(change: dict[str, Any]) -> None:
    one, other = make(simulation=service()), make(simulation=service(), **change)
    one.reset(seed=0)
    with pytest.raises(SpecError):
        other.set_state(one.get_state())


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_child_steps_in_threads_of_its_own() -> None:
    program = """
import os, numpy as np, gymnasium as gym, cwm_gym, warnings
warnings.simplefilter("ignore")
envs = [gym.make_vec("CloudAutoscale-v0", num_envs=64, threads=n).unwrapped for n in (1, 2)]
for env in envs:
    env.reset(seed=0)
    env.step(np.ones(64, int))
expected = envs[0].step(np.full(64, 2))[1]
child = os.fork()
rewards = envs[1].step(np.full(64, 2))[1]
if child == 0:
    os._exit(0 if np.array_equal(rewards, expected) else 1)
assert np.array_equal(rewards, expected)
_, status = os.waitpid(child, 0)
assert status == 0, status
"""
    subprocess.run(
        [sys.executable, "-c", program],
        check=True,
        timeout=120,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
