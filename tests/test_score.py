from __future__ import annotations

import pytest

from cwm_gym.evaluation import evaluate
from cwm_gym.policies import make
from cwm_gym.score import score
from cwm_gym.spec import SpecError

SHORT = {"max_episode_steps": 40}


def test_the_references_score_zero_and_one():
    zero = evaluate(make("static", n=3), episodes=4, env_kwargs=SHORT)
    one = evaluate(make("static", n=12), episodes=4, env_kwargs=SHORT)
    assert one.return_mean > zero.return_mean
    assert score(zero, zero, one).mean == 0.0
    assert score(one, zero, one).mean == pytest.approx(1.0)
    middle = evaluate(make("static", n=7), episodes=4, env_kwargs=SHORT)
    found = score(middle, zero, one)
    distance = one.return_mean - zero.return_mean
    assert found.mean == pytest.approx((middle.return_mean - zero.return_mean) / distance)
    assert found.ci95[0] < found.mean < found.ci95[1]
    assert str(found).startswith("static(7): ")


def test_there_is_no_scale_without_a_distance():
    zero = evaluate(make("static", n=3), episodes=2, env_kwargs=SHORT)
    with pytest.raises(SpecError, match="no better"):
        score(zero, zero, zero)
