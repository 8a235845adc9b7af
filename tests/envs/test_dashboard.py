"""What the dashboard is fed with."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np

from tests.documents import ENV_ID


def test_the_dashboard_shows_the_reward_that_the_agent_gets() -> None:
    def reward(metrics: dict[str, Any]) -> Any:
        return np.full_like(metrics["cost_usd_hr"], 123.25)

    env = gym.make(ENV_ID, render_mode="ansi", reward=reward)
    env.reset(seed=0)
    env.step(0)
    assert "+123.25" in str(env.render())
    venv = gym.make_vec(ENV_ID, num_envs=2, render_mode="ansi", reward=reward)
    venv.reset(seed=0)
    venv.step(np.zeros(2, int))
    assert all("+123.25" in text for text in venv.render() or ())


def test_events_are_lines_that_a_reader_understands() -> None:
    env = gym.make(ENV_ID, render_mode="ansi", action_cooldown_s=300)
    env.reset(seed=0, options={"fleet": 1})
    env.step(3)
    env.step(3)
    shown = str(env.render())
    assert "scale out 4" in shown
    assert "action ignored" in shown
    assert "action ignored 1" not in shown


def test_actions_of_every_mode_are_named() -> None:
    for mode, action, words in (
        ("discrete", np.int64(3), "scale out 4"),
        ("continuous", np.array([0.5, -0.25], np.float32), "+0.50, -0.25"),
        ("multi_discrete", np.array([1, 0, 3]), "scale out 8 @0"),
        ("multi_discrete", np.array([5, 9, 0]), "remove resource @9"),
        ("multi_discrete", np.array([0, 9, 0]), "no op"),
    ):
        env = gym.make(ENV_ID, render_mode="ansi", action_mode=mode)
        env.reset(seed=0)
        env.step(action)
        assert words in str(env.render())
