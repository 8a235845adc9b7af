"""Every ready-made service loads, compiles, runs, and is worth learning."""

from __future__ import annotations

import re
from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest

import cwm_gym
from cwm_gym.core.records.params import SERVERLESS
from cwm_gym.envs.vector import CloudVectorEnv
from cwm_gym.evaluation import best_static, evaluate
from cwm_gym.spec import Simulation, SpecError
from cwm_gym.testing.checkers import check_rollout
from tests.documents import ENV_ID

NAMES = cwm_gym.scenarios()
PAGE = Path(__file__).parents[2] / "docs" / "scenarios.md"
# How many times the first level the forecast reaches, as the specification tells of them.
FORECASTS = {
    "aws-aurora-flash-sale": 6.25,
    "aws-black-friday": 6.0,
    "azure-product-launch": 10.0,
    "digitalocean-viral": 6.0,
    "oci-month-end": 3.25,
}


def test_they_are_listed_in_order() -> None:
    assert len(NAMES) >= 18
    assert list(NAMES) == sorted(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_scenario_survives_being_written_and_read(name: str) -> None:
    document = cwm_gym.load_scenario(name)
    assert isinstance(document, Simulation)
    assert Simulation.model_validate(document.to_document()) == document
    assert document.description
    assert document.difficulty is not None
    assert document.difficulty.endswith((".", "?"))
    assert document.episode is not None


@pytest.mark.parametrize("name", NAMES)
def test_the_page_lists_it(name: str) -> None:
    document = cwm_gym.load_scenario(name)
    cells = (f"`{name}`", document.provider, document.category, document.difficulty)
    assert f"| {' | '.join(map(str, cells))} |\n" in PAGE.read_text(encoding="utf-8")


def test_the_page_lists_nothing_else() -> None:
    listed = re.findall(r"^\| `([\w-]+)` \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert listed == list(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_its_provider_is_that_of_its_resources(name: str) -> None:
    document = cwm_gym.load_scenario(name)
    providers = {resource.provider for resource in document.resources}
    assert document.provider == (providers.pop() if len(providers) == 1 else "multi")


def test_they_cover_the_field() -> None:
    documents = [cwm_gym.load_scenario(name) for name in NAMES]
    providers = [document.provider for document in documents]
    for provider in ("aws", "gcp", "azure", "oci", "digitalocean"):
        assert providers.count(provider) >= 3
    assert "multi" in providers
    assert {document.category for document in documents} >= {"web", "api", "data", "ml"}
    resources = [resource for document in documents for resource in document.resources]
    types = {resource.type for resource in resources}
    assert types == {
        *("compute", "network", "database", "storage"),
        *("kubernetes", "cache", "queue", "serverless"),
    }
    settings = [resource.settings() for resource in resources]
    assert {one.spot_hazard for one in settings} == {None, "advisor", "scarce"}
    assert {len(one.node_pools or ()) for one in settings} >= {0, 2}
    assert any(document.faults for document in documents)
    assert any(document.episode and document.episode.enable_failures for document in documents)
    regions = [{r.settings().region for r in document.resources} - {None} for document in documents]
    assert any(len(found) > 1 for found in regions)


@pytest.mark.parametrize("name", FORECASTS)
def test_a_forecast_reaches_its_multiple(name: str) -> None:
    workload = cwm_gym.load_scenario(name).workload
    assert workload is not None
    assert workload.forecast is not None
    first = workload.forecast.data_points[0].rps
    assert workload.forecast.peak_rps / first == pytest.approx(FORECASTS[name])


def test_the_viral_post_is_five_times_the_traffic_within_fifteen_steps() -> None:
    workload = cwm_gym.load_scenario("digitalocean-viral").workload
    assert workload is not None
    assert workload.forecast is not None
    quiet, onset = workload.forecast.data_points[1:3]
    assert onset.timestamp - quiet.timestamp == 15
    assert onset.rps == 5 * quiet.rps


@pytest.mark.parametrize("name", NAMES)
def test_random_steps_are_sane(name: str) -> None:
    env = gym.make_vec(ENV_ID, num_envs=16, scenario=name)
    seen = check_rollout(env, 50)
    assert seen.steps == 16 * 50
    assert isinstance(env.unwrapped, CloudVectorEnv)
    # Nothing waits at instances that come by themselves; requests to them start cold instead.
    assert seen.stressed > 0 or env.unwrapped.programs[0].primary["kind"] == SERVERLESS


@pytest.mark.parametrize("name", NAMES)
def test_it_is_neither_won_nor_lost_from_the_start(name: str) -> None:
    """The best static fleet lies inside the bounds, and an operator fares otherwise."""
    kwargs = {"scenario": name}
    search = best_static(episodes=8, env_kwargs=kwargs)
    sizes = sorted(search.return_means)
    assert sizes[0] < search.size < sizes[-1]
    episode = cwm_gym.load_scenario(name).episode
    assert episode is not None
    best, largest = search.evaluation, search.evaluations[sizes[-1]]
    assert largest.usd_per_hour > 1.2 * episode.cost_budget_per_hour
    assert best.sla_violation_share < 0.25
    assert 0.3 < best.return_mean / episode.max_steps < 0.65
    operators = [evaluate(one, episodes=8, env_kwargs=kwargs) for one in ("hpa", "trend")]
    assert max(abs(one.return_mean - best.return_mean) for one in operators) > 1.0


@pytest.mark.parametrize("name", NAMES)
def test_no_fixed_fleet_is_always_right(name: str) -> None:
    """The best fleet depends on demand, or there would be nothing to decide."""
    env = gym.make_vec(ENV_ID, num_envs=8, scenario=name).unwrapped
    assert isinstance(env, CloudVectorEnv)
    lowest, highest = (int(env.programs[0].primary[bound]) for bound in ("minimum", "maximum"))
    rewards = []
    for fleet in range(lowest, highest + 1):
        env.reset(seed=0, options={"fleet": fleet})
        steps = [env.step(np.zeros(8, int))[1] for _ in range(120)]
        rewards.append(np.reshape(steps, (60, 2, 8)).sum(axis=1))
    # Of every environment, in every two steps.
    best = np.argmax(rewards, axis=0)
    assert len(np.unique(best)) > 2


def test_an_unknown_scenario_offers_the_closest() -> None:
    with pytest.raises(SpecError) as caught:
        cwm_gym.load_scenario("aws-webapp")
    assert "aws-web-app" in caught.value.problems[0].suggestion
