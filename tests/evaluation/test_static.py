from __future__ import annotations

import numpy as np
import pytest

from cwm_gym.evaluation import StaticSearch, best_static, evaluate
from cwm_gym.policies import make
from cwm_gym.spec import SpecError

SHORT = {"max_episode_steps": 30}


def test_it_is_the_largest_mean_of_all_sizes():
    search = best_static(episodes=4, env_kwargs=SHORT)
    assert list(search.evaluations) == list(range(1, 13))
    alone = {
        n: evaluate(make("static", n=n), episodes=4, env_kwargs=SHORT) for n in search.evaluations
    }
    for n, one in alone.items():
        assert np.array_equal(one.returns, search.evaluations[n].returns)
        assert np.array_equal(one.usd, search.evaluations[n].usd)
    assert search.size == max(alone, key=lambda n: alone[n].return_mean)
    assert search.return_means[search.size] == max(search.return_means.values())
    assert search.policy.n == search.size
    assert search.evaluation.policy == f"static({search.size})"
    assert len(set(search.return_means.values())) == 12


def test_the_search_runs_in_groups_too(monkeypatch: pytest.MonkeyPatch):
    whole = best_static(episodes=3, env_kwargs=SHORT, sizes=[2, 9, 5])
    monkeypatch.setattr("cwm_gym.evaluation.static._LARGEST_BATCH", 4)
    parts = best_static(episodes=3, env_kwargs=SHORT, sizes=[2, 9, 5])
    assert list(parts.evaluations) == [2, 5, 9]
    assert parts.return_means == whole.return_means


def test_among_equals_the_smaller_fleet_wins():
    search = best_static(episodes=2, env_kwargs=SHORT, sizes=[11, 12])
    level = StaticSearch(dict.fromkeys((14, 12, 13), search.evaluations[12]))
    assert level.size == 12


def test_bad_sizes():
    for sizes in ([], [-1], [1.5]):
        with pytest.raises(SpecError, match="size"):
            best_static(episodes=1, sizes=sizes)
