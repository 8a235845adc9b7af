from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import cwm_gym
from cwm_gym import policies
from cwm_gym.spec import SpecError


def recorded(policy="random", **kwargs):
    history = cwm_gym.simulate("gcp-web-app", 30, policies.make(policy), seed=3, **kwargs)
    return history, json.loads(json.dumps(history.to_document()))


@pytest.mark.parametrize(
    "env_kwargs",
    [
        {},
        {"action_mode": "continuous"},
        {"traffic": "burst", "metric_delay_s": 120},
        {"traffic": np.linspace(1000.0, 9000.0, 30)},
    ],
)
def test_a_recorded_episode_repeats_from_its_document(env_kwargs):
    history, document = recorded(env_kwargs=env_kwargs, split="test")
    again = cwm_gym.replay(document)
    assert again.policy == history.policy
    for name in history.columns:
        np.testing.assert_array_equal(again[name], history[name])


def test_a_recorded_trace_is_named_as_one(tmp_path: Path):
    trace = tmp_path / "trace.csv"
    rows = [f"{60 * i},{500 + i % 97}" for i in range(400)]
    trace.write_text("\n".join(["time,rps", *rows]) + "\n")
    history, document = recorded(env_kwargs={"traffic": trace})
    assert document["env_kwargs"]["traffic"] == {"trace": str(trace)}
    np.testing.assert_array_equal(cwm_gym.replay(document)["reward"], history["reward"])


def test_a_static_fleet_keeps_its_start():
    history = cwm_gym.simulate("aws-web-app", 10, policies.make("static", n=3))
    again = cwm_gym.replay(json.loads(json.dumps(history.to_document())))
    assert (again["ready"] == 3).all()


def test_a_changed_record_is_noticed():
    _, document = recorded()
    document["actions"][10] = 8 if document["actions"][10] != 8 else 4
    with pytest.raises(SpecError, match="does not repeat") as caught:
        cwm_gym.replay(document)
    assert caught.value.problems[0].pointer.startswith("/rewards/1")


def test_what_cannot_be_replayed_says_so():
    with pytest.raises(SpecError, match="acts inside ticks"):
        cwm_gym.simulate("aws-web-app", 5, policies.make("hpa")).to_document()
    with pytest.raises(SpecError, match="Not a recorded episode"):
        cwm_gym.replay({"actions": []})
