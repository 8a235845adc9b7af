"""Options that need no document to be wrong."""

from __future__ import annotations

from typing import Any

import pytest

from cwm_gym.spec import SpecError
from tests.compiler.compiling import compiled
from tests.documents import service


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("action_mode", "quantum"),
        ("autoscaler", "maybe"),
        ("quantiles", "p42"),
        ("split", "validation"),
        ("metric_delay_s", -1),
        ("metric_delay_s", 16 * 60),
        ("action_cooldown_s", float("nan")),
        ("max_episode_steps", 0),
        ("max_episode_steps", True),
    ],
)
def test_bad_options_are_refused(name: str, value: Any) -> None:
    with pytest.raises(SpecError) as caught:
        compiled(service(), **{name: value})
    assert caught.value.problems[0].pointer == f"/{name}"


def test_the_autoscaler_needs_a_marked_pool() -> None:
    assert compiled(service(), autoscaler="on").params["autoscaler"]["on"] == 1
    with pytest.raises(SpecError) as caught:
        compiled(service(autoscaling=None), autoscaler="on")
    assert caught.value.problems[0].pointer == "/resources/0/characteristics/autoscaling"
