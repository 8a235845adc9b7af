"""The golden trajectories still hold."""

from __future__ import annotations

import json

import numpy as np
import pytest

import cwm_gym
from cwm_gym.registration import ENVIRONMENTS
from tests.golden.regenerate import FILE, trajectory

CASES = [(env_id, name) for env_id in ENVIRONMENTS for name in cwm_gym.scenarios()]
# Results are bit-identical on one machine; another's mathematical library may differ in the last
# bits, which a queue near saturation amplifies.
TOLERANCE = 1e-6


@pytest.mark.parametrize(("env_id", "scenario"), CASES)
def test_a_trajectory_is_what_it_was(env_id: str, scenario: str) -> None:
    expected = json.loads(FILE.read_text())[f"{env_id}/{scenario}"]
    found = trajectory(env_id, scenario)
    message = "if this was meant, run python -m tests.golden.regenerate and say why"
    for name in ("rewards", "observations"):
        np.testing.assert_allclose(
            found[name], expected[name], rtol=TOLERANCE, atol=TOLERANCE, err_msg=message
        )
