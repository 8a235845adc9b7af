"""Every ready-made service loads, compiles, runs, and is worth learning."""

from __future__ import annotations

import gymnasium as gym
import numpy as np
import pytest

import cwm_gym
from cwm_gym.envs.vector import CloudVectorEnv
from cwm_gym.spec import Simulation, SpecError
from cwm_gym.testing.checkers import check_rollout
from tests.documents import ENV_ID

NAMES = cwm_gym.scenarios()


def test_they_are_listed_in_order() -> None:
    assert "aws-web-app" in NAMES
    assert list(NAMES) == sorted(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_scenario_survives_being_written_and_read(name: str) -> None:
    document = cwm_gym.load_scenario(name)
    assert isinstance(document, Simulation)
    assert Simulation.model_validate(document.to_document()) == document
    assert document.difficulty
    assert document.description


@pytest.mark.parametrize("name", NAMES)
def test_random_steps_are_sane(name: str) -> None:
    seen = check_rollout(gym.make_vec(ENV_ID, num_envs=16, scenario=name), 150)
    assert seen.stressed > 0.05 * seen.steps


@pytest.mark.parametrize("name", NAMES)
def test_no_fixed_fleet_is_always_right(name: str) -> None:
    """The best fleet depends on demand, or there would be nothing to decide."""
    env = gym.make_vec(ENV_ID, num_envs=32, scenario=name, reward="dollars").unwrapped
    assert isinstance(env, CloudVectorEnv)
    highest = int(env.programs[0].primary["maximum"])
    rewards = []
    for fleet in range(1, highest + 1):
        env.reset(seed=0, options={"fleet": fleet})
        rewards.append(sum(env.step(np.zeros(32, int))[1] for _ in range(10)))
    best = np.argmax(rewards, axis=0)
    assert len(set(best.tolist())) > 1


def test_an_unknown_scenario_offers_the_closest() -> None:
    with pytest.raises(SpecError) as caught:
        cwm_gym.load_scenario("aws-webapp")
    assert "aws-web-app" in caught.value.problems[0].suggestion
