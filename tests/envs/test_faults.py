"""Faults of an environment: as an argument, and forced on one episode."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.envs.registration import EnvSpec

from cwm_gym.envs.scalar import CloudEnv
from cwm_gym.envs.vector import CloudVectorEnv
from cwm_gym.spec import Fault, FaultSampling, SpecError
from cwm_gym.testing.checkers import check_rollout, check_save_restore, check_vector_equals_scalar
from cwm_gym.testing.invariants import check_fleets
from tests.documents import ENV_ID, service, with_database, with_episode
from tests.envs.landscape import FAULTS, SAMPLING, landscape

KILL = {"type": "instance_kill", "startTime": 2, "endTime": 6, "targetResourceId": "web"}
SPIKE = {"type": "traffic_spike", "startTime": 3, "endTime": 5, "parameters": {"multiplier": 4}}
OFTEN = {"ratesPerHour": {"instance_kill": 30, "cpu_spike": 30}}

FORMS: dict[str, Any] = {
    "one": KILL,
    "list": [KILL, SPIKE],
    "sampling": OFTEN,
    "both": {"faults": [KILL], "sampling": OFTEN},
}
READ: dict[str, Any] = {
    "one": Fault.model_validate(KILL),
    "list": (Fault.model_validate(KILL), SPIKE),
    "sampling": FaultSampling.model_validate(OFTEN),
    "both": {
        "faults": (Fault.model_validate(KILL),),
        "sampling": FaultSampling.model_validate(OFTEN),
    },
}


def make(**kwargs: Any) -> CloudEnv:
    env = gym.make(ENV_ID, **{"simulation": service(), **kwargs}).unwrapped
    assert isinstance(env, CloudEnv)
    return env


def run(env: CloudEnv, steps: int = 12, **reset: Any) -> list[tuple[float, str]]:
    """The starts and ends of faults in an episode without action."""
    env.reset(**{"seed": 0, **reset})
    found = []
    for _ in range(steps):
        *_, info = env.step(0)
        found += [
            (event["time_s"], f"{event['kind']} {event['fault_kind']}")
            for event in info["events"]
            if event["kind"] in ("fault_started", "fault_ended")
        ]
    return found


def test_faults_happen_at_their_time() -> None:
    assert run(make(faults=KILL)) == [
        (120.0, "fault_started instance_kill"),
        (360.0, "fault_ended instance_kill"),
    ]


@pytest.mark.parametrize("form", FORMS)
def test_documents_in_every_form_are_the_same(form: str) -> None:
    ours, theirs = make(faults=FORMS[form]), make(faults=READ[form])
    assert ours.program.params.tobytes() == theirs.program.params.tobytes()
    found = run(ours)
    assert found
    assert found == run(theirs)


@pytest.mark.parametrize("form", FORMS)
def test_faults_survive_json_and_pickling(form: str) -> None:
    env = gym.make(ENV_ID, simulation=service(), faults=FORMS[form])
    assert env.spec is not None
    again = gym.make(EnvSpec.from_json(env.spec.to_json()))
    assert again.spec is not None
    assert again.spec.kwargs["faults"] == FORMS[form]
    base, other = env.unwrapped, again.unwrapped
    assert isinstance(base, CloudEnv)
    assert isinstance(other, CloudEnv)
    assert run(base) == run(other)
    base.reset(seed=3)
    base.step(0)
    for twin in (copy.deepcopy(base), pickle.loads(pickle.dumps(base))):
        state = base.get_state()
        np.testing.assert_equal([base.step(1) for _ in range(8)], [twin.step(1) for _ in range(8)])
        base.set_state(state)


def test_they_replace_the_simulations_own() -> None:
    document = {**service(), "faults": [SPIKE]}
    assert {name for _, name in run(make(simulation=document))} == {
        "fault_started traffic_spike",
        "fault_ended traffic_spike",
    }
    assert {name for _, name in run(make(simulation=document, faults=[KILL]))} == {
        "fault_started instance_kill",
        "fault_ended instance_kill",
    }
    assert run(make(simulation=document, faults=[])) == []


def test_a_sampling_happens_whatever_the_episode_says() -> None:
    quiet = with_episode(service(), enableFailures=False)
    assert run(make(simulation=quiet)) == []
    assert len(run(make(simulation=quiet, faults=OFTEN))) > 3


def test_actions_do_not_move_random_faults() -> None:
    def starts(action: int) -> list[float]:
        env = make(simulation=landscape(), faults=SAMPLING)
        env.reset(seed=4)
        events = [event for _ in range(30) for event in env.step(action)[4]["events"]]
        return [event["time_s"] for event in events if event["kind"] == "fault_started"]

    assert starts(0) == starts(2)
    assert len(starts(0)) > 3


def test_faults_are_in_the_fingerprint() -> None:
    one, other = make(faults=[KILL]), make(faults=[{**KILL, "startTime": 3}])
    one.reset(seed=0)
    with pytest.raises(SpecError):
        other.set_state(one.get_state())


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("action_mode", ["discrete", "multi_discrete"])
@pytest.mark.parametrize("observation_mode", ["vector", "dict"])
def test_vector_equals_scalar_under_faults(
    threads: int, action_mode: str, observation_mode: str
) -> None:
    kwargs = {
        "simulation": landscape(),
        "faults": {"faults": FAULTS, "sampling": SAMPLING},
        "action_mode": action_mode,
        "observation_mode": observation_mode,
        "episode": {"maxSteps": 30},
        "autoscaler": "on",
    }
    size = 3 if threads == 1 else 64
    steps = 150 if threads == 1 else 40
    run = check_vector_equals_scalar(
        ENV_ID, kwargs, num_envs=size, steps=steps, threads=threads, seed=5
    )
    assert run.truncated.any()
    assert (run.states["n_faults"] > 0).all()


def test_states_continue_under_faults() -> None:
    kwargs = {
        "simulation": landscape(),
        "faults": {"faults": FAULTS, "sampling": SAMPLING},
        "action_mode": "multi_discrete",
    }
    check_save_restore(ENV_ID, kwargs, steps=35)


@pytest.mark.parametrize("action_mode", ["discrete", "continuous", "multi_discrete"])
@pytest.mark.parametrize("observation_mode", ["vector", "dict"])
def test_every_invariant_holds_under_faults(action_mode: str, observation_mode: str) -> None:
    env = gym.make_vec(
        ENV_ID,
        num_envs=8,
        simulation=landscape(traffic=1500),
        faults={"faults": FAULTS, "sampling": SAMPLING},
        action_mode=action_mode,
        observation_mode=observation_mode,
        autoscaler="on",
        quantiles="all",
    )
    found = check_rollout(env, 90, seed=2)
    assert found.steps > 600
    assert found.stressed > 50


@pytest.mark.parametrize(
    ("part", "field", "value", "words"),
    [
        ("pool", "lost", 1, "desired is not ready"),
        ("pool", "notified", 99, "more are under notice"),
        ("meter", "cache_hit_rate", 1.1, "cache_hit_rate is no share"),
        ("meter", "connection_pressure", 3.1, "pressure exceeds 3"),
    ],
)
def test_wrong_books_are_found(part: str, field: str, value: float, words: str) -> None:
    env = gym.make_vec(ENV_ID, num_envs=3, simulation=landscape()).unwrapped
    assert isinstance(env, CloudVectorEnv)
    env.reset(seed=0)
    worlds = env.get_state()
    check_fleets(worlds, "now")
    worlds[part][field][1] = value
    with pytest.raises(AssertionError, match=rf"{words}.* environment \[1"):
        check_fleets(worlds, "now")


# Forced faults.


def test_a_forced_fault_is_that_of_one_episode() -> None:
    env = make()
    forced = {"fault": KILL}
    assert run(env, options=forced) == run(make(faults=KILL))
    assert run(env) == []
    assert run(env, options={"fault": [KILL, SPIKE]}) == run(make(faults=[KILL, SPIKE]))
    assert run(env, options={"fault": []}) == []


def test_a_forced_fault_does_what_a_scheduled_one_does() -> None:
    simulation = with_database(service(traffic=None))
    for fault in (
        {"type": "az_outage", "startTime": 1, "endTime": 4, "targetZone": "us-east-1a"},
        {"type": "database_crash", "startTime": 0, "endTime": 3, "targetId": "db"},
        {"type": "network_latency", "startTime": 2, "duration": 3, "severity": "severe"},
        {"type": "cpu_spike", "startTime": 1, "duration": 5, "parameters": {"slowdown": 3}},
    ):
        ours, theirs = make(simulation=simulation), make(simulation=simulation, faults=fault)
        ours.reset(seed=1, options={"fault": fault})
        theirs.reset(seed=1)
        for _ in range(8):
            np.testing.assert_equal(ours.step(0), theirs.step(0))
        one, other = ours.get_state(), theirs.get_state()
        for name in one.dtype.names or ():
            if name != "fingerprint":
                assert one[name].tobytes() == other[name].tobytes(), name


def test_its_times_count_from_the_end_of_the_warmup() -> None:
    options = {"warmup_steps": 3, "warmup_tick_seconds": 300, "fault": KILL}
    found = run(make(), options=options)
    assert found == [
        (900.0 + 120.0, "fault_started instance_kill"),
        (900.0 + 360.0, "fault_ended instance_kill"),
    ]


def test_it_stands_beside_the_scenarios_own() -> None:
    env = make(faults=SPIKE)
    assert len(run(env, options={"fault": KILL})) == 4
    full = make(faults=[{**KILL, "startTime": 20 + k, "endTime": 30 + k} for k in range(8)])
    with pytest.raises(SpecError) as caught:
        full.reset(seed=0, options={"fault": KILL})
    (problem,) = caught.value.problems
    assert (problem.code.value, problem.pointer) == ("INVALID_REQUEST", "/options/fault")
    assert "room for 0" in problem.message


def test_a_wrong_forced_fault_changes_nothing() -> None:
    env = make()
    env.reset(seed=0)
    env.step(1)
    before = env.get_state()
    with pytest.raises(SpecError):
        env.reset(options={"fault": {**KILL, "targetResourceId": "wbe"}})
    assert env.get_state().tobytes() == before.tobytes()


def test_a_batch_forces_faults_where_the_mask_says() -> None:
    documents = [service(), with_database(service())]
    env = gym.make_vec(ENV_ID, num_envs=4, simulation=documents).unwrapped
    assert isinstance(env, CloudVectorEnv)
    env.reset(seed=0)
    mask = np.array([True, True, False, False])
    env.reset(seed=0, options={"fault": KILL, "reset_mask": mask})
    for _ in range(4):
        env.step(np.zeros(4, int))
    assert env.worlds["n_faults"].tolist() == [1, 1, 0, 0]
    assert (env.worlds["pool"]["lost"][:, 0] > 0).tolist() == [True, True, False, False]


def test_long_warmup_ticks_take_as_long_as_they_say() -> None:
    env = make()
    _, info = env.reset(seed=0, options={"warmup_steps": 2, "warmup_tick_seconds": 300})
    assert info["sim_time_seconds"] == 600.0
    assert env.get_state()["step"] == 0
    *_, info = env.step(0)
    assert info["sim_time_seconds"] == 660.0
