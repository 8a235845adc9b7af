"""A million random steps over hundreds of unpleasant services."""

from __future__ import annotations

from dataclasses import dataclass, field

import gymnasium as gym
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

import cwm_gym  # noqa: F401
from cwm_gym.testing.checkers import check_rollout, imbalance
from tests.documents import ENV_ID, arguments, service, with_database, with_episode

WORLDS, STEPS, DOCUMENTS = 64, 33, 640


@dataclass
class Counts:
    steps: int = 0
    stressed: int = 0
    worst: float = 0.0
    documents: set[int] = field(default_factory=set)


def test_a_million_random_steps(capsys: pytest.CaptureFixture[str]) -> None:
    counts = Counts()

    @settings(
        max_examples=DOCUMENTS,
        deadline=None,
        database=None,
        derandomize=True,
        phases=(Phase.explicit, Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )
    @given(arguments(), st.integers(0, 2**32))
    def run(given_arguments: dict[str, object], seed: int) -> None:
        env = gym.make_vec(ENV_ID, num_envs=WORLDS, **given_arguments)
        seen = check_rollout(env, STEPS, seed)
        program = env.unwrapped.programs[0]  # type: ignore[attr-defined]
        counts.documents.add(int(program.params["fingerprint"]))
        counts.steps += seen.steps
        counts.stressed += seen.stressed
        counts.worst = max(counts.worst, seen.imbalance)

    run()
    with capsys.disabled():
        print(
            f"\n{counts.steps} random steps over {len(counts.documents)} documents, "
            f"{counts.stressed / counts.steps:.0%} stressed; worst imbalance {counts.worst:.1e}"
        )
    assert counts.steps >= 1_000_000
    assert len(counts.documents) >= 500
    assert counts.stressed >= 0.2 * counts.steps


@pytest.mark.parametrize("traffic", [1e9, 1e12])
def test_absurd_traffic_stays_finite(traffic: float) -> None:
    document = with_database({**service(), "traffic": traffic})
    check_rollout(gym.make_vec(ENV_ID, num_envs=4, simulation=document), 50)


def test_no_traffic_at_all_is_a_quiet_service() -> None:
    env = gym.make_vec(ENV_ID, num_envs=4, simulation=with_database({**service(), "traffic": 0}))
    seen = check_rollout(env, 50)
    assert seen.stressed == 0
    assert (env.unwrapped.worlds["totals"]["arrived"] == 0).all()  # type: ignore[attr-defined]


def test_a_hopelessly_slow_database_stays_finite() -> None:
    document = with_database(
        service(instances=2, maxInstances=3, minInstances=0, cpuSecondsPerRequest=1e-4),
        cpuSecondsPerRequest=0.1,
        maxConnections=None,
    )
    document = {**with_episode(document, tick_seconds=7, maxSteps=300), "traffic": 52414.32}
    ranges = {"pool.0.initial": (0, 12), "pool.0.cpu_s_per_request": (1e-4, 0.1)}
    check_rollout(
        gym.make_vec(ENV_ID, num_envs=64, simulation=document, randomize=ranges), 100, 146
    )


def test_a_single_lost_request_would_be_found() -> None:
    env = gym.make_vec(ENV_ID, num_envs=3, simulation=with_database(service())).unwrapped
    env.reset(seed=0)
    before = env.get_state()  # type: ignore[attr-defined]
    env.step([0, 1, 5])
    after = env.get_state()  # type: ignore[attr-defined]
    assert (imbalance(before, after) < 1e-12).all()
    for change in (1e-3, -1e-3):
        for place in ("served", "arrived", "timed_out", "rejected", "failed", "backlog_change"):
            wrong = after.copy()
            wrong["meter"][place][1] += change
            assert (imbalance(before, wrong) > 1e-9).tolist() == [False, True, False], place
    hidden = after.copy()
    hidden["pool"]["queue"]["waiting"][2, 0] += 1e-3
    assert (imbalance(before, hidden) > 1e-9).tolist() == [False, False, True]
