from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import AutoresetMode

from cwm_gym import LiveSimulation, SpecError
from cwm_gym.envs.scalar import CloudEnv
from tests.live.running import live, ready


@pytest.fixture(scope="module")
def evolved() -> LiveSimulation:
    simulation = LiveSimulation("aws-web-app", 3)
    simulation.step(30)
    simulation.patch({"traffic": 9000})
    simulation.add_fault({"type": "cpu_spike", "startTime": 30, "endTime": 34, "severity": 0.4})
    simulation.act({"type": "scale_out", "parameters": {"instanceCount": 2}})
    return simulation


def test_episodes_begin_in_the_state(evolved: LiveSimulation) -> None:
    env = evolved.make_env(max_episode_steps=5)
    assert isinstance(env, CloudEnv)
    state = evolved.state
    for _ in range(3):
        _, info = env.reset()
        world = env.get_state()
        assert info["sim_time_seconds"] == 1800
        assert info["metrics"]["throughput_rps"] == state["meter"]["throughput_rps"]
        assert world["step"] == 0
        assert world["pool"].tobytes() == state["pool"].tobytes()
        for step in range(5):
            _, _, terminated, truncated, info = env.step(0)
            assert (terminated, truncated) == (False, step == 4)
        assert info["sim_time_seconds"] == 2100


def test_what_comes_is_what_would_have_come(evolved: LiveSimulation) -> None:
    env = evolved.make_env(quantiles="all", autoscaler="on")
    env.reset(options={"state": evolved.state})
    ahead = pickle.loads(pickle.dumps(evolved))
    for _ in range(10):
        ahead.step()
        info = env.step(0)[4]
        assert info["metrics"]["latency_p99"] == ahead.metrics()["latencyP99"]
    world, other = env.get_state(), ahead.state
    for part in ("pool", "backend", "fault", "noise_rng", "effect"):
        assert world[part].tobytes() == other[part].tobytes(), part


def test_seeds(evolved: LiveSimulation) -> None:
    env = evolved.make_env()

    def rates(**arguments: Any) -> list[float]:
        env.reset(**arguments)
        for _ in range(4):
            env.step(0)
        state = env.get_state()
        return [float(state["rate_rps"]), *state["fault_rng"].tolist()]

    assert rates(seed=1) == rates(seed=1) != rates(seed=2)
    assert rates(seed=1)[1:] != rates(seed=2)[1:]
    # Without a seed the environment's own streams go on.
    following = [rates(seed=1), rates(), rates()]
    assert len({one[0] for one in following}) == 3
    assert following == [rates(seed=1), rates(), rates()]


@pytest.mark.parametrize("mode", [AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP])
def test_a_batch_is_its_scalars(evolved: LiveSimulation, mode: AutoresetMode) -> None:
    venv = evolved.make_vec(3, max_episode_steps=4, autoreset_mode=mode)
    envs = [evolved.make_env(max_episode_steps=4) for _ in range(3)]
    venv.reset(seed=7)
    for index, env in enumerate(envs):
        env.reset(seed=7 + index)
    for step in range(1, 11):
        venv.step(np.ones(3, int))
        for env in envs:
            if mode == AutoresetMode.NEXT_STEP and step % 5 == 0:
                env.reset()
                continue
            done = env.step(1)[3]
            if done and mode == AutoresetMode.SAME_STEP:
                env.reset()
    times = venv.worlds["time_s"].tolist()
    assert times == [float(env.get_state()["time_s"]) for env in envs]
    for index, env in enumerate(envs):
        one, other = venv.get_state(index)[0], env.get_state()
        assert one["pool"].tobytes() == other["pool"].tobytes()
        assert one["noise_rng"].tolist() == other["noise_rng"].tolist()


def test_actions_on_everything(evolved: LiveSimulation) -> None:
    env = evolved.make_env(action_mode="multi_discrete", observation_mode="dict", autoscaler="on")
    env.reset(seed=0)
    assert "web-2" in env.program.targets
    env.step_document({"type": "set_recovery_policy", "parameters": {
        "resourceId": "db",
        "recoveryPolicy": {"criticalCpuThreshold": 80, "criticalSteps": 4,
                           "warningCpuThreshold": 70, "warningSteps": 3}}})  # fmt: skip
    venv = evolved.make_vec(2, action_mode="continuous", render_mode="ansi", threads=2)
    venv.reset(seed=0)
    venv.step(np.zeros((2, 2), np.float32))
    assert len(venv.render()) == 2


def test_the_environment_is_gymnasium_s(evolved: LiveSimulation) -> None:
    check_env(evolved.make_env(), skip_render_check=True)


def test_a_pickled_environment_goes_on(evolved: LiveSimulation) -> None:
    env = evolved.make_env(max_episode_steps=3)
    env.reset(seed=4)
    other = pickle.loads(pickle.dumps(env))
    for one in (env, other):
        one.step(1)
        one.reset()
        one.step(2)
    assert env.get_state().tobytes() == other.get_state().tobytes()


def test_environments_leave_the_simulation_alone() -> None:
    simulation = live()
    simulation.step(2)
    before = simulation.state.tobytes()
    env = simulation.make_env()
    env.reset(seed=1)
    env.step(1)
    assert simulation.state.tobytes() == before
    simulation.add_resource({"id": "db", "type": "database", "name": "d", "provider": "aws"})
    env.reset(seed=1)
    env.step(1)
    simulation.step(3)
    later = simulation.make_env()
    later.reset(seed=1)
    assert later.get_state()["time_s"] == 300
    # A state under other resources is another simulation's.
    with pytest.raises(SpecError):
        env.reset(options={"state": simulation.state})


def test_faults_go_on_in_episodes() -> None:
    simulation = live(pool={"instances": 6})
    simulation.add_fault(
        {"type": "az_outage", "targetZone": "us-east-1a", "startTime": 2, "endTime": 5}
    )
    simulation.step(3)
    assert ready(simulation) == 4
    env = simulation.make_env()
    for _ in range(2):
        env.reset(seed=0)
        counts = []
        for _ in range(4):
            env.step(0)
            counts.append(int(env.get_state()["pool"]["ready"][0]))
        assert counts == [4, 4, 6, 6]


def test_wishes_that_contradict_the_state(evolved: LiveSimulation) -> None:
    for arguments, where in (
        ({"scenario": "aws-web-app"}, "/scenario"),
        ({"simulation": "aws-web-app"}, "/simulation"),
        ({"faults": []}, "/faults"),
        ({"randomize": {"pool.0.boot_s": (1, 2)}}, "/randomize"),
        ({"episode": {"tick_seconds": 30}}, "/episode/tick_seconds"),
        ({"action_mode": "odd"}, "/action_mode"),
    ):
        for make in (evolved.make_env, lambda **kwargs: evolved.make_vec(2, **kwargs)):
            with pytest.raises(SpecError) as caught:
                make(**arguments)
            assert caught.value.problems[0].pointer == where
    env = evolved.make_env()
    for options in ({"fleet": 2}, {"traffic_offset_s": 60}):
        with pytest.raises(SpecError, match="contradicts the state"):
            env.reset(options=options)
