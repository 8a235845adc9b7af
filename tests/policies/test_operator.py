"""Fleet policies at work inside ticks."""

from __future__ import annotations

import gymnasium as gym
import numpy as np
import pytest

import cwm_gym
from cwm_gym.core.records import METRIC_NAMES
from cwm_gym.evaluation import evaluate, simulate
from cwm_gym.policies import FleetPolicy, Policy
from cwm_gym.spec import SpecError


class Plan(FleetPolicy):
    """Wants what a function of time says, and remembers what it was told."""

    def __init__(self, period_s: float, wanted=None) -> None:
        self.period_s = period_s
        self.wanted = wanted
        self.seen = []

    def desired(self, signals):
        self.seen.append(signals)
        if self.wanted is None:
            return signals.desired
        return np.full(len(signals), self.wanted(float(signals.time_s[0])), np.int64)


class Stairs(Policy):
    """The agent's way to the same plan: one instance more each tick."""

    def act(self, obs, info, world):
        return np.ones(len(world), np.int64)


def test_a_period_of_one_tick_is_acting_once_a_tick():
    stairs = Plan(60.0, lambda time_s: 7 + round(time_s / 60.0))
    inside = evaluate(stairs, episodes=3, env_kwargs={"max_episode_steps": 12})
    agent = Stairs()
    outside = evaluate(agent, episodes=3, env_kwargs={"max_episode_steps": 12})
    assert np.array_equal(inside.returns, outside.returns)
    assert np.array_equal(inside.usd, outside.usd)
    assert np.array_equal(inside.scaling_actions, outside.scaling_actions)


def test_quarter_ticks_without_action_are_the_whole_tick():
    quiet = {"traffic": np.full(20, 3000.0), "episode": {"maxSteps": 20}}
    whole = simulate("aws-web-app", 20, Plan(60.0), env_kwargs=quiet)
    quarters = simulate("aws-web-app", 20, Plan(15.0), env_kwargs=quiet)
    assert whole["utilisation"].max() < 0.8
    metrics = [name for name in METRIC_NAMES if name in whole.columns]
    for name in (*metrics, "reward", "usd", "served", "utilisation", "capacity_rps"):
        np.testing.assert_allclose(quarters[name], whole[name], rtol=1e-6, err_msg=name)


def test_quarter_ticks_of_an_overloaded_day_change_no_result():
    # Above saturation a queue carries its state from piece to piece as two moments only, so single
    # ticks may differ by percents; the episodes may not.
    whole, quarters = evaluate(Plan(60.0), episodes=4), evaluate(Plan(15.0), episodes=4)
    assert whole.sla_violation_share > 0.2
    np.testing.assert_allclose(quarters.returns, whole.returns, rtol=1e-3)
    np.testing.assert_allclose(quarters.usd, whole.usd, rtol=1e-6)
    np.testing.assert_allclose(quarters.failed, whole.failed, rtol=1e-3)


@pytest.mark.parametrize("period_s", [15.0, 60.0, 45.0, 150.0])
def test_decisions_are_due_on_the_period(period_s: float):
    policy = Plan(period_s)
    history = simulate("aws-web-app", 10, policy)
    times = [float(signals.time_s[0]) for signals in policy.seen]
    np.testing.assert_allclose(times, np.arange(0.0, 600.0, period_s))
    # Demand is averaged over the period, whatever the tick.
    if period_s == 150.0:
        expected = history["offered_rps"][:2].sum() * 60.0 + history["offered_rps"][2] * 30.0
        assert policy.seen[1].demand_rps[0] == pytest.approx(expected / 150.0)
    if period_s == 60.0:
        seen = [float(signals.demand_rps[0]) for signals in policy.seen[1:]]
        np.testing.assert_allclose(seen, history["offered_rps"][:-1])
        used = [float(signals.utilisation[0]) for signals in policy.seen[1:]]
        np.testing.assert_allclose(used, history["utilisation"][:-1])


def test_nothing_is_measured_at_first_but_demand():
    policy = Plan(15.0)
    simulate("aws-web-app", 1, policy)
    assert np.isnan(policy.seen[0].utilisation).all()
    assert (policy.seen[0].demand_rps > 0.0).all()
    assert np.isfinite(policy.seen[1].utilisation).all()


def test_launches_are_pending_then_new_then_settled():
    policy = Plan(15.0, lambda time_s: 6 if time_s < 30.0 else 8)
    simulate("aws-web-app", 4, policy)
    told = {round(s.time_s[0]): s for s in policy.seen}
    fleet = {t: (int(s.ready[0]), int(s.pending[0]), int(s.settled[0])) for t, s in told.items()}
    assert fleet[30] == (6, 0, 6)
    assert fleet[45] == (6, 2, 6)
    # Launched at 30 s, ready at 90 s, measured over the whole window from 90 s to 105 s.
    assert fleet[90] == (8, 0, 6)
    assert fleet[105] == (8, 0, 8)


def test_metrics_are_as_old_as_the_delay_and_the_fleet_is_not():
    fresh, stale = Plan(15.0), Plan(15.0)
    simulate("aws-web-app", 6, fresh)
    simulate("aws-web-app", 6, stale, env_kwargs={"metric_delay_s": 60.0})
    old = np.array([s.utilisation[0] for s in stale.seen])
    new = np.array([s.utilisation[0] for s in fresh.seen])
    np.testing.assert_array_equal(old[4:], new[:-4])
    assert np.isnan(old[:5]).all()
    assert [float(s.time_s[0] - s.measured_at_s[0]) for s in stale.seen[4:]] == [60.0] * 20


def test_wishes_are_cut_to_the_bounds_and_cost_nothing_there():
    result = evaluate(Plan(15.0, lambda _: 999), episodes=2, env_kwargs={"max_episode_steps": 5})
    assert result.scaling_actions.tolist() == [1, 1]
    assert result.ignored_actions.tolist() == [0, 0]


def test_ended_episodes_are_left_alone():
    # Half of the episodes begin without a single instance and end after three ticks of outage.
    document = cwm_gym.load_scenario("aws-web-app").to_document()
    web = next(r for r in document["resources"] if r["id"] == "web")
    web["characteristics"]["minInstances"] = 0
    kwargs = {
        "simulation": document,
        "randomize": {"pool.0.initial": (0, 2)},
        "episode": {"terminateOnOutage": 3, "maxSteps": 8},
    }
    alone = [evaluate(Plan(15.0), episodes=1, seed=i, env_kwargs=kwargs) for i in range(6)]
    together = evaluate(Plan(15.0), episodes=6, env_kwargs=kwargs)
    assert set(together.steps.tolist()) == {3, 8}
    assert together.steps.tolist() == [int(one.steps[0]) for one in alone]
    assert together.returns.tolist() == [float(one.returns[0]) for one in alone]
    assert together.requests.tolist() == [float(one.requests[0]) for one in alone]


def test_bad_answers_and_bad_periods():
    class Wrong(Plan):
        def desired(self, signals):
            return [0.5]

    with pytest.raises(SpecError, match="whole numbers"):
        evaluate(Wrong(60.0), episodes=2)
    with pytest.raises(SpecError, match="period_s"):
        evaluate(Plan(0.0), episodes=1)


def test_it_takes_over_at_the_start_of_an_episode_only():
    from cwm_gym.policies import Operator

    venv = gym.make_vec("CloudAutoscale-v0", num_envs=1)
    venv.reset(seed=0, options={"warmup_steps": 2})
    with pytest.raises(SpecError, match="start of an episode"):
        Operator(Plan(15.0), venv.batch)
    venv.close()
