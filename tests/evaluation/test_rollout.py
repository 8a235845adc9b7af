from __future__ import annotations

import gymnasium as gym
import numpy as np
import pytest

import cwm_gym
from cwm_gym.evaluation import evaluate
from cwm_gym.policies import Policy, make
from cwm_gym.spec import SpecError

SHORT = {"max_episode_steps": 15}


class Fixed(Policy):
    """Plays a list of actions."""

    def __init__(self, actions) -> None:
        self.actions = actions

    def reset(self, venv, mask, seed):
        self.step = 0

    def act(self, obs, info, world):
        self.step += 1
        return np.full(len(world), self.actions[self.step - 1])


def test_episodes_are_those_of_scalar_environments():
    actions = [1, 0, 5, 2, 0, 0, 6, 3, 0, 7, 0, 0, 1, 1, 0]
    kwargs = {"episode": {"maxSteps": len(actions)}}
    result = evaluate(Fixed(actions), episodes=3, seed=40, env_kwargs=kwargs)
    for i in range(3):
        env = gym.make("CloudAutoscale-v0", split="test", **kwargs).unwrapped
        env.reset(seed=40 + i)
        total, seen = 0.0, []
        for action in actions:
            _, reward, terminated, truncated, info = env.step(action)
            total += reward
            seen.append(info["metrics"])
        assert truncated
        assert not terminated
        assert result.returns[i] == total
        latency = np.mean([metrics["latency_p95"] for metrics in seen])
        assert result.latencies_p95_ms[i] == pytest.approx(latency)
        violated = np.mean([metrics["sla_violations"] > 0 for metrics in seen])
        assert result.violation_s[i] / result.seconds[i] == pytest.approx(violated)
        cost = np.mean([metrics["cost_usd_hr"] for metrics in seen])
        assert result.usd[i] / result.seconds[i] * 3600.0 == pytest.approx(cost)


def test_demand_is_the_same_for_every_policy():
    results = [evaluate(p, episodes=4) for p in ("idle", "random", "hpa", "threshold", "trend")]
    for result in results[1:]:
        np.testing.assert_allclose(result.requests, results[0].requests, rtol=1e-9)
        assert not np.array_equal(result.returns, results[0].returns)
    assert len(set(np.round(results[0].requests))) == 4


@pytest.mark.parametrize("num_envs", [1, 2, 5, 7])
@pytest.mark.parametrize("policy", ["idle", "hpa"])
def test_results_do_not_depend_on_the_batch(num_envs: int, policy: str):
    once = evaluate(policy, episodes=5, env_kwargs=SHORT)
    parts = evaluate(policy, episodes=5, env_kwargs=SHORT, num_envs=num_envs)
    assert parts.episodes == 5
    for name in ("returns", "usd", "requests", "scaling_actions"):
        assert np.array_equal(getattr(once, name), getattr(parts, name))


def test_early_ends_do_not_push_others_out():
    # Episodes that begin without instances end first; they count where their seed stands.
    document = cwm_gym.load_scenario("aws-web-app").to_document()
    web = next(r for r in document["resources"] if r["id"] == "web")
    web["characteristics"]["minInstances"] = 0
    kwargs = {
        "simulation": document,
        "randomize": {"pool.0.initial": (0, 2)},
        "episode": {"terminateOnOutage": 3, "maxSteps": 8},
    }
    result = evaluate("idle", episodes=6, env_kwargs=kwargs)
    assert set(result.steps.tolist()) == {3, 8}
    for first in range(6):
        one = evaluate("idle", episodes=1, seed=first, env_kwargs=kwargs)
        assert one.steps[0] == result.steps[first]
        assert one.returns[0] == result.returns[first]
    np.testing.assert_allclose(result.seconds, 60.0 * result.steps)


def test_scenarios_are_dealt_out_by_episode():
    names = ["aws-web-app", "aws-web-app"]
    small = cwm_gym.load_scenario("aws-web-app").patched({"traffic": 2000.0, "name": "Small"})
    mixed = {"simulation": [cwm_gym.load_scenario("aws-web-app"), small], **SHORT}
    once = evaluate("hpa", episodes=5, env_kwargs=mixed)
    assert np.array_equal(
        once.returns, evaluate("hpa", episodes=5, env_kwargs=mixed, num_envs=1).returns
    )
    assert (once.requests[1::2] < once.requests[0::2].min()).all()
    same = evaluate("hpa", episodes=5, env_kwargs={"scenario": names, **SHORT})
    assert np.array_equal(once.returns[0::2], same.returns[0::2])


def test_a_reward_function_is_what_counts():
    result = evaluate(
        "idle", episodes=2, env_kwargs={**SHORT, "reward": lambda metrics: -metrics["cost_usd_hr"]}
    )
    np.testing.assert_allclose(result.returns, -result.usd / result.seconds * 3600.0 * result.steps)


def test_splits_are_unrelated():
    test, train = (evaluate("idle", episodes=2, split=split) for split in ("test", "train"))
    assert not np.array_equal(test.requests, train.requests)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"episodes": 0}, "episodes"),
        ({"episodes": 1.5}, "episodes"),
        ({"seed": -1}, "seed"),
        ({"num_envs": 0}, "num_envs"),
        ({"env_id": "CloudAutoscal-v0"}, "Did you mean CloudAutoscale-v0"),
        ({"env_id": "CartPole-v1"}, "not an environment of cwm_gym"),
        ({"env_kwargs": {"split": "train"}}, "split"),
        ({"env_kwargs": {"num_envs": 3}}, "num_envs"),
        ({"split": "validation"}, "split"),
        ({"policy": 3}, "no policy"),
        ({"policy": "nobody"}, "Unknown policy"),
    ],
)
def test_bad_arguments(arguments: dict, message: str):
    with pytest.raises(SpecError, match=message) as caught:
        evaluate(**{"policy": "idle", "episodes": 1, **arguments})
    assert len(caught.value.problems) == 1


def test_actions_of_the_wrong_form_are_refused():
    with pytest.raises(SpecError, match="action"):
        evaluate(Fixed([0.5]), episodes=1, env_kwargs={"max_episode_steps": 1})


def test_the_argument_is_not_changed():
    kwargs = dict(SHORT)
    evaluate(make("threshold"), episodes=1, env_kwargs=kwargs)
    assert kwargs == SHORT
