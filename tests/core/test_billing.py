"""Bills against sums done by hand, and prices that move the right way."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import pytest

import cwm_gym
from cwm_gym.envs.scalar import CloudEnv
from tests.documents import ENV_ID, service, with_database


def bill(document: dict[str, Any], steps: int = 5, **kwargs: Any) -> float:
    env = gym.make(ENV_ID, simulation=document, **kwargs).unwrapped
    assert isinstance(env, CloudEnv)
    env.reset(seed=0)
    for _ in range(steps):
        env.step(0)
    return float(env.get_state()["totals"]["usd"])


def test_instances_and_database_by_the_hour() -> None:
    hours = 5 / 60
    price = cwm_gym.catalog.price("aws", "m5.large", "us-east-1")
    plain = service()
    assert bill(plain) == pytest.approx(2 * price * hours, rel=1e-12)
    alone = with_database(plain)
    database = cwm_gym.catalog.price("aws", "db.m5.large", "us-east-1")
    assert bill(alone) == pytest.approx((2 * price + database) * hours, rel=1e-12)
    standby = cwm_gym.catalog.price("aws", "db.m5.large", "us-east-1", ha=True)
    assert bill(with_database(plain, ha=True)) == pytest.approx(
        (2 * price + standby) * hours, rel=1e-12
    )
    assert standby == pytest.approx(2 * database, rel=1e-2)


def test_run_rate_and_dollars_agree() -> None:
    env = gym.make(ENV_ID)
    env.reset(seed=3)
    total = sum(env.step(a % 9)[4]["metrics"]["cost_usd_hr"] / 60 for a in range(50))
    state = env.unwrapped.get_state()  # type: ignore[attr-defined]
    assert state["totals"]["usd"] == pytest.approx(total, rel=1e-12)


def test_egress_is_paid_by_the_gigabyte() -> None:
    free, heavy = bill(service()), bill(service(responseKilobytes=100))
    gigabytes = 200 * 300 * 100e3 / 1e9
    rate = cwm_gym.catalog.load("aws").egress.internet_usd_per_gb("us-east-1")
    assert heavy - free == pytest.approx(gigabytes * rate, rel=1e-3)


@pytest.mark.parametrize(
    ("cheap", "dear"),
    [
        (service(instances=2), service(instances=3)),
        (service(size="m5.large"), service(size="m5.xlarge")),
        (service(), with_database(service())),
        (with_database(service()), with_database(service(), ha=True)),
        (with_database(service()), with_database(service(), size="db.m5.xlarge")),
        (service(responseKilobytes=1), service(responseKilobytes=50)),
        ({**service(responseKilobytes=5), "traffic": 50}, service(responseKilobytes=5)),
    ],
)
def test_more_costs_more(cheap: dict[str, Any], dear: dict[str, Any]) -> None:
    assert bill(cheap) < bill(dear)


def test_a_balancer_costs_its_hours_at_least() -> None:
    balanced = service()
    balanced["resources"] = [
        {"id": "lb", "type": "network", "name": "lb", "provider": "aws"},
        *balanced["resources"],
    ]
    lowest = next(iter(cwm_gym.catalog.load("aws").load_balancers.values())).usd_per_hour
    assert bill(balanced) - bill(service()) >= lowest * 5 / 60 - 1e-12
