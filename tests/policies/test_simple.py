from __future__ import annotations

import gymnasium as gym
import numpy as np
import pytest

from cwm_gym.evaluation import evaluate, simulate
from cwm_gym.policies import make
from cwm_gym.spec import SpecError


def test_static_holds_from_the_first_second():
    history = simulate("aws-web-app", 20, make("static", n=9), seed=3)
    assert (history["ready"] == 9).all()
    assert not [e for e in history.events if e["kind"].startswith("scale")]
    assert history["capacity_rps"][0] == pytest.approx(history["capacity_rps"][-1])


def test_static_outside_the_bounds_says_so():
    with pytest.raises(SpecError, match="Give 1 to 12 instances"):
        simulate("aws-web-app", 2, make("static", n=99))


def test_random_is_reproducible_and_does_not_depend_on_the_batch():
    kwargs = {"env_kwargs": {"max_episode_steps": 20}}
    all_at_once = evaluate("random", episodes=5, **kwargs)
    assert np.array_equal(all_at_once.returns, evaluate("random", episodes=5, **kwargs).returns)
    in_pairs = evaluate("random", episodes=5, num_envs=2, **kwargs)
    assert np.array_equal(all_at_once.returns, in_pairs.returns)
    other = evaluate("random", episodes=5, seed=100, **kwargs)
    assert not np.array_equal(all_at_once.returns, other.returns)


def test_random_draws_every_possible_action_and_no_other():
    policy = make("random")
    venv = gym.make_vec("CloudAutoscale-v0", num_envs=4)
    policy.reset(venv, np.ones(4, np.bool_), 0)
    mask = np.zeros((4, venv.single_action_space.n), np.int8)
    mask[:, [0, 3, 7]] = 1
    drawn = [policy.act(None, {"action_mask": mask}, venv.worlds) for _ in range(200)]
    counts = np.bincount(np.concatenate(drawn), minlength=13)
    assert counts.nonzero()[0].tolist() == [0, 3, 7]
    assert counts[[0, 3, 7]].min() > 200
    assert len(np.unique(np.array(drawn), axis=1).T) > 1
    venv.close()


def test_random_runs_in_continuous_mode():
    kwargs = {"max_episode_steps": 10, "action_mode": "continuous"}
    assert evaluate("random", episodes=2, env_kwargs=kwargs).scaling_actions.min() > 0


def test_threshold_is_the_built_in_autoscaler():
    history = simulate("aws-web-app", 120, "threshold")
    kinds = {event["kind"] for event in history.events}
    assert "autoscale_out" in kinds
    assert "scale_out" not in kinds
    same = evaluate("idle", episodes=2, env_kwargs={"autoscaler": "on"})
    assert np.array_equal(evaluate("threshold", episodes=2).returns, same.returns)


def test_threshold_does_not_run_with_the_autoscaler_off():
    with pytest.raises(SpecError, match="needs autoscaler='on'"):
        evaluate("threshold", episodes=1, env_kwargs={"autoscaler": "off"})
