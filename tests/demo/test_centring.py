from __future__ import annotations

import numpy as np
import pytest

from cwm_gym.demo.centring import CentredReward
from cwm_gym.integrations.sb3 import make_vec_env


def test_rewards_lose_their_mean_and_keep_their_differences():
    plain, centred = (make_vec_env("CloudAutoscale-v0", 8, seed=3) for _ in range(2))
    centred = CentredReward(centred, memory=50)
    np.testing.assert_array_equal(plain.reset(), centred.reset())
    found = []
    for _ in range(400):
        _, rewards, dones, _ = plain.step(np.zeros(8, int))
        _, shifted, same, _ = centred.step(np.zeros(8, int))
        np.testing.assert_array_equal(dones, same)
        np.testing.assert_allclose(np.diff(shifted), np.diff(rewards), atol=1e-6)
        found.append(shifted.mean())
    assert np.mean(found[100:]) == pytest.approx(0.0, abs=0.02)
    assert shifted.dtype == np.float32
