from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from cwm_gym.evaluation import Evaluation, evaluate
from cwm_gym.spec import RewardConfig, SpecError

SHORT = {"max_episode_steps": 15}


@pytest.fixture(scope="module")
def idle() -> Evaluation:
    return evaluate("idle", episodes=6, env_kwargs=SHORT)


@pytest.fixture(scope="module")
def hpa() -> Evaluation:
    return evaluate("hpa", episodes=6, env_kwargs=SHORT)


def test_figures_are_pooled_over_the_episodes(idle: Evaluation):
    hours = idle.seconds.sum() / 3600.0
    assert hours == 6 * 15 / 60.0
    assert idle.return_mean == pytest.approx(idle.returns.mean())
    assert idle.usd_per_hour == pytest.approx(idle.usd.sum() / hours)
    assert idle.failed_share == pytest.approx(idle.failed.sum() / idle.requests.sum())
    assert idle.sla_violation_share == pytest.approx(idle.violation_s.sum() / 3600.0 / hours)
    assert idle.instances_mean == pytest.approx(6.0)
    assert idle.scaling_actions_per_hour == 0.0
    low, high = idle.return_ci95
    assert low < idle.return_mean < high
    # t(0.975, 5 degrees of freedom) = 2.571
    assert (high - low) / 2.0 == pytest.approx(
        2.570582 * idle.returns.std(ddof=1) / np.sqrt(6.0), rel=1e-4
    )


def test_it_is_frozen(idle: Evaluation):
    with pytest.raises(dataclasses.FrozenInstanceError):
        idle.seed = 3  # type: ignore[misc]
    with pytest.raises(ValueError, match="read-only"):
        idle.returns[0] = 1.0


def test_it_is_written_as_json_and_read_back(hpa: Evaluation):
    text = json.dumps(hpa.to_dict(), allow_nan=False)
    again = Evaluation.from_dict(json.loads(text))
    assert again.to_dict() == hpa.to_dict()
    assert np.array_equal(again.returns, hpa.returns)
    assert again.scaling_actions.dtype == np.int64
    assert json.loads(text)["return_ci95"] == list(hpa.return_ci95)


def test_all_kinds_of_arguments_are_written():
    kwargs = {
        **SHORT,
        "traffic": np.full(15, 500.0),
        "reward": RewardConfig(kind="dollars"),
        "randomize": {"pool.0.boot_s": (30, 90)},
    }
    one = evaluate("idle", episodes=1, env_kwargs=kwargs)
    written = json.loads(json.dumps(one.to_dict(), allow_nan=False))
    assert written["env_kwargs"]["traffic"] == [500.0] * 15
    assert written["env_kwargs"]["reward"] == {"kind": "dollars"}
    assert written["return_ci95"] == [None, None]
    function = evaluate("idle", episodes=1, env_kwargs={**SHORT, "reward": _reward})
    assert function.to_dict()["env_kwargs"]["reward"] == "_reward"
    from cwm_gym.evaluation.result import jsonable

    assert jsonable({"trace": Path("a.csv")}) == {"trace": "a.csv"}


def _reward(metrics):
    return -metrics["cost_usd_hr"]


def test_comparison_is_paired(idle: Evaluation, hpa: Evaluation):
    found = hpa.compare(idle)
    difference = hpa.returns - idle.returns
    assert found.difference == pytest.approx(hpa.return_mean - idle.return_mean)
    half = 2.570582 * difference.std(ddof=1) / np.sqrt(6.0)
    assert found.ci95 == pytest.approx((found.difference - half, found.difference + half), rel=1e-4)
    assert found.better == (difference > 0.0).mean()
    back = idle.compare(hpa)
    assert back.difference == -found.difference
    assert idle.compare(idle).ci95 == (0.0, 0.0)
    assert json.loads(json.dumps(found.to_dict()))["policy"] == "hpa(0.7)"


def test_only_the_same_episodes_compare(idle: Evaluation):
    for other in (
        evaluate("idle", episodes=5, env_kwargs=SHORT),
        evaluate("idle", episodes=6, seed=1, env_kwargs=SHORT),
        evaluate("idle", episodes=6, env_kwargs=SHORT, split="train"),
        evaluate("idle", episodes=6, env_kwargs={**SHORT, "traffic": np.full(15, 500.0)}),
    ):
        with pytest.raises(SpecError, match="do not compare"):
            idle.compare(other)


def test_the_line_for_people(hpa: Evaluation):
    line = str(hpa)
    assert line.startswith("hpa(0.7) on CloudAutoscale-v0, 6 episodes: return ")
    assert f"{hpa.usd_per_hour:.3f} $/h" in line
    assert "hpa(0.7) - hpa(0.7)" in str(hpa.compare(hpa))
