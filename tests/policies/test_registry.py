from __future__ import annotations

import pytest

from cwm_gym import policies
from cwm_gym.policies.models import ModelPolicy, as_policy
from cwm_gym.spec import SpecError
from cwm_gym.spec.errors import ErrorCode


def test_every_name_can_be_made():
    for name in policies.names():
        parameters = {"n": 3} if name == "static" else {}
        assert policies.policy_name(policies.make(name, **parameters)).startswith(name)


def test_unknown_names_suggest_the_closest():
    with pytest.raises(SpecError, match="treshold") as caught:
        policies.make("treshold")
    assert caught.value.problems[0].suggestion.startswith("Did you mean threshold")


def test_unknown_and_missing_parameters():
    with pytest.raises(SpecError, match="Did you mean target"):
        policies.make("hpa", tarrget=0.5)
    with pytest.raises(SpecError, match="takes no parameters"):
        policies.make("random", n=3)
    with pytest.raises(SpecError) as caught:
        policies.make("static")
    assert caught.value.problems[0].code is ErrorCode.MISSING_REQUIRED
    for bad in (-1, 2.5, True, "3"):
        with pytest.raises(SpecError, match="whole number"):
            policies.make("static", n=bad)


def test_what_counts_as_a_policy():
    class Model:
        def predict(self, observation, state=None, episode_start=None, deterministic=False):
            return observation, state

    assert isinstance(as_policy(Model()), ModelPolicy)
    assert isinstance(as_policy("hpa"), policies.HPA)
    made = policies.make("static", n=2)
    assert as_policy(made) is made
    for bad in (None, 3, object(), Model):
        with pytest.raises(SpecError, match="no policy"):
            as_policy(bad)
