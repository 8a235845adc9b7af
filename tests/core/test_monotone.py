"""More capacity never makes the same demand harder."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from numpy.typing import NDArray

from cwm_gym.envs.vector import CloudVectorEnv
from tests.documents import ENV_ID, service, with_database

FLEETS = list(range(1, 9))


def totals(document: dict[str, Any], ticks: int = 12) -> dict[str, NDArray[np.float64]]:
    """Run the same demand over fleets of 1..8 and collect the meters: name -> [tick, fleet]."""
    documents = []
    for count in FLEETS:
        changed = {**document, "resources": [*document["resources"]]}
        web = changed["resources"][0]
        settings = {**web["characteristics"], "instances": count}
        changed["resources"][0] = {**web, "characteristics": settings}
        documents.append(changed)
    env = gym.make_vec(ENV_ID, num_envs=len(FLEETS), simulation=documents).unwrapped
    assert isinstance(env, CloudVectorEnv)
    env.reset(seed=[3] * len(FLEETS))
    meters = []
    for _ in range(ticks):
        env.step(np.zeros(len(FLEETS), int))
        meters.append(env.worlds["meter"].copy())
    found = np.array(meters)
    assert np.ptp(found["arrived"], axis=1).max() == pytest.approx(0, abs=1e-9)
    return {name: found[name] for name in found.dtype.names or ()}


LOADS = [5.0, 150.0, 390.0, 700.0, 1500.0]
NOISE = {"noise": {"sigma": 0.3, "correlationSeconds": 200}}


@pytest.mark.parametrize("load", LOADS)
@pytest.mark.parametrize("cv2", [0.3, 1.0, 4.0])
@pytest.mark.parametrize("balancing", ["least_outstanding", "random", "round_robin"])
def test_more_instances_never_raise_utilisation_or_losses(
    load: float, cv2: float, balancing: str
) -> None:
    pool = service(
        timeoutSeconds=2, serviceDistribution="gamma", serviceCv2=cv2, balancing=balancing
    )
    found = totals({**pool, "traffic": load, "workload": NOISE})
    assert (np.diff(found["utilisation"], axis=1) <= 1e-9).all()
    lost = (found["timed_out"] + found["rejected"] + found["failed"]).sum(axis=0)
    assert (np.diff(lost) <= 1e-6 * found["arrived"].sum(axis=0)[1:]).all()
    assert (np.diff(found["cost_usd_per_hour"], axis=1) > 0).all()


@pytest.mark.parametrize("load", [150.0, 390.0])
def test_more_instances_never_slow_a_steady_service_down(load: float) -> None:
    found = totals({**service(), "traffic": load})
    calm = found["utilisation"][-1] < 0.999
    for name in ("latency_mean_s", "latency_p95_s"):
        assert (np.diff(found[name][-1][calm]) <= 1e-9).all()


def test_a_larger_database_lowers_pressure_and_utilisation() -> None:
    pressure, utilisation = [], []
    for limit in (5, 20, 80, 320):
        document = with_database(
            service(instances=4),
            maxConnections=limit,
            idleConnectionsPerInstance=3,
            cpuSecondsPerRequest=0.004,
            criticalSpeed=1.0,
        )
        found = totals({**document, "traffic": 400})
        pressure.append(found["connection_pressure"][-1])
        utilisation.append(found["database_utilisation"][-1])
    assert (np.diff(pressure, axis=0) < 0).all()
    assert (np.diff(utilisation, axis=0) >= -1e-9).all()  # fewer are turned away
    # Idle connections of a larger fleet use up a fixed limit.
    rising = np.diff(pressure, axis=1)
    assert (rising[np.array(pressure)[:, 1:] < 3.0] > 0).all()
    assert (rising >= 0).all()


def test_offered_load_is_what_utilisation_shows_below_saturation() -> None:
    found = totals({**service(), "traffic": 150.0})
    expected = 150.0 / (200.0 * np.array(FLEETS))
    assert found["utilisation"][-1] == pytest.approx(expected, rel=1e-6)
