"""Random streams: seeds, splits, common random numbers, and no look into the future."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from cwm_gym.envs.scalar import CloudEnv
from cwm_gym.envs.vector import CloudVectorEnv
from cwm_gym.spec import SpecError
from cwm_gym.testing.checkers import check_determinism
from tests.documents import ENV_ID, service, with_database

NOISY = {
    **service(),
    "workload": {
        "patterns": [{"type": "wave", "period": 20}],
        "noise": {"sigma": 0.3, "correlationSeconds": 120},
        "startOffset": {"low": 0, "high": 20},
    },
}


def make(**kwargs: Any) -> CloudEnv:
    env = gym.make(ENV_ID, **{"simulation": NOISY, **kwargs}).unwrapped
    assert isinstance(env, CloudEnv)
    return env


def demand(env: CloudEnv, steps: int = 30, actions: Any = None) -> list[float]:
    found = []
    for step in range(steps):
        env.step(0 if actions is None else int(actions[step]))
        found.append(float(env.get_state()["meter"]["arrived"]))
    return found


@pytest.mark.parametrize("kwargs", [{}, {"observation_mode": "dict"}, {"simulation": NOISY}])
def test_equal_seeds_give_equal_runs(kwargs: dict[str, Any]) -> None:
    check_determinism(ENV_ID, kwargs, steps=60)


def test_seed_zero_is_a_seed() -> None:
    env = make()
    env.reset(seed=0)
    first = demand(env)
    env.reset(seed=0)
    assert demand(env) == first
    env.reset(seed=1)
    assert demand(env) != first


def test_a_reset_without_a_seed_continues_the_stream() -> None:
    one, other = make(), make()
    episodes = []
    for env in (one, other):
        env.reset(seed=5)
        runs = [demand(env)]
        env.reset()
        runs.append(demand(env))
        env.reset()
        runs.append(demand(env))
        episodes.append(runs)
    assert episodes[0] == episodes[1]
    assert len({tuple(run) for run in episodes[0]}) == 3


def test_an_environment_that_was_never_seeded_differs_each_time() -> None:
    runs = set()
    for _ in range(3):
        env = make()
        env.reset()
        runs.add(tuple(demand(env, 5)))
    assert len(runs) == 3


def test_train_and_test_are_unrelated_streams() -> None:
    found = {}
    for split in ("train", "test"):
        for seed in range(3):
            env = make(split=split)
            env.reset(seed=seed)
            found[split, seed] = tuple(demand(env))
    assert len(set(found.values())) == 6
    logs = {key: np.log(values) for key, values in found.items()}
    assert abs(np.corrcoef(logs["train", 0], logs["test", 0])[0, 1]) < 0.9


def test_np_random_is_seeded_and_never_drawn_from() -> None:
    env = make()
    env.reset(seed=9)
    fresh = gym.utils.seeding.np_random(9)[0]
    demand(env, 10)
    env.reset()
    assert env.np_random.bit_generator.state == fresh.bit_generator.state


def test_actions_do_not_change_the_demand() -> None:
    rng = np.random.default_rng(0)
    runs = []
    for actions in (np.zeros(60), np.full(60, 4), rng.integers(0, 13, 60)):
        env = make(autoscaler="off")
        env.reset(seed=2)
        runs.append(demand(env, 60, actions))
        env.reset()
        runs[-1] += demand(env, 60, actions)
    # The same requests, though counted in other pieces where a launch splits the tick.
    assert runs[1] == pytest.approx(runs[0], rel=1e-12)
    assert runs[2] == pytest.approx(runs[0], rel=1e-12)


def test_tick_lengths_do_not_change_the_demand() -> None:
    # Whatever the steps are, the requests of the first ten minutes are the same.
    totals = []
    for ticks in ([60] * 10, [1] * 50 + [550], [600], [17, 43, 90, 450]):
        env = make()
        env.reset(seed=4)
        for tick in ticks:
            env.step_document({"type": "no_op", "tick_seconds": tick})
        totals.append(float(env.get_state()["totals"]["arrived"]))
    assert totals == pytest.approx([totals[0]] * 4, rel=1e-9)


@pytest.mark.parametrize("observation_mode", ["vector", "dict"])
@pytest.mark.parametrize("delay", [0, 120])
def test_nothing_shows_what_demand_will_be(observation_mode: str, delay: float) -> None:
    change = 12  # the tick in which the two demands part
    common = np.linspace(100, 300, change)
    futures = (np.full(20, 20.0), np.full(20, 2000.0))
    runs = []
    for future in futures:
        env = make(
            simulation=with_database(service()),
            traffic=np.concatenate([common, future]),
            observation_mode=observation_mode,
            metric_delay_s=delay,
            quantiles="all",
        )
        seen, info = env.reset(seed=0)
        rows = [(seen, info)]
        for step in range(change + 5):
            seen, reward, *_, info = env.step([1, 5, 0][step % 3])
            rows.append((seen, {**info, "reward": reward}))
        runs.append(rows)
    for step, (one, other) in enumerate(zip(*runs, strict=True)):
        if step <= change:
            np.testing.assert_equal(one, other, f"the future shows in step {step}")
    with pytest.raises(AssertionError):
        np.testing.assert_equal(*(run[change + 4] for run in runs))


def test_the_vector_environment_seeds_its_members_one_by_one() -> None:
    env = gym.make_vec(ENV_ID, num_envs=4, simulation=NOISY).unwrapped
    assert isinstance(env, CloudVectorEnv)
    env.reset(seed=10)
    first = env.get_state()
    env.reset(seed=[13, 12, 11, 10])
    assert np.array_equal(env.get_state()["rng"][::-1], first["rng"])
    env.reset(seed=[None, 3, None, None])
    assert len({tuple(row) for row in env.worlds["noise_rng"]}) == 4
    assert not (env.worlds["rng"] == env.worlds["noise_rng"]).any()


def test_options_choose_the_start() -> None:
    env = make()
    env.reset(seed=0, options={"traffic_offset_s": 600.0, "fleet": 5})
    state = env.get_state()
    assert state["offset_s"] == 600.0
    assert state["pool"]["ready"][0] == 5
    with pytest.raises(SpecError, match="fleet is 100"):
        env.reset(seed=0, options={"fleet": 100})
    _, info = env.reset(seed=0, options={"warmup_steps": 4})
    state = env.get_state()
    assert info["sim_time_seconds"] == 240.0
    assert (state["step"], state["totals"]["steps"]) == (0, 0)
    assert info["metrics"]["latency_p95"] > 0


def test_an_offset_does_not_move_the_noise() -> None:
    rates = []
    for offset in (0.0, 1200.0):  # one period apart: the same curve
        env = make()
        env.reset(seed=3, options={"traffic_offset_s": offset})
        rates.append(demand(env))
    assert rates[0] == pytest.approx(rates[1], rel=1e-9)


def test_the_first_observation_shows_the_tick_before_not_the_one_to_come() -> None:
    first = [
        make(traffic=np.array([rps, 700.0, 700.0])).reset(seed=0)[0] for rps in (100.0, 5000.0)
    ]
    np.testing.assert_array_equal(first[0], first[1])


def test_seeds_beyond_64_bits_are_seeds_of_their_own() -> None:
    rates = []
    for seed in (0, 2**70, 2**64):
        env = make()
        env.reset(seed=seed)
        rates.append(tuple(demand(env, 3)))
    assert len(set(rates)) == 3
