"""Rates of storage, transfer and load balancers."""

from __future__ import annotations

import pytest

from cwm_gym import catalog


@pytest.mark.parametrize(
    ("provider", "key", "gb", "iops"),
    [
        ("aws", "gp3", 100, 3000),
        ("aws", "gp2", 10, 100),  # the floor
        ("aws", "gp2", 500, 1500),  # 3 per GB
        ("gcp", "pd-balanced", 100, 3600),  # 3,000 + 6 per GB
        ("oci", "block-balanced", 100, 6000),  # 60 per GB
        ("oci", "block-balanced", 1000, 25000),  # the ceiling
        ("azure", "premium-p10", 100, 500),
    ],
)
def test_volume_iops(provider: str, key: str, gb: float, iops: float) -> None:
    assert catalog.load(provider).storage[key].iops(gb) == iops


def test_object_storage_publishes_no_iops() -> None:
    assert catalog.load("aws").storage["s3-standard"].iops(100) is None


@pytest.mark.parametrize(
    ("provider", "key", "gb", "usd_per_month"),
    [
        ("aws", "gp3", 100, 8.0),
        ("oci", "block-balanced", 100, 4.25),  # 0.0255 + 10 x 0.0017 per GB
        ("azure", "premium-p10", 129, 2 * 19.71),  # two whole disks
        ("azure", "premium-p10", 0, 19.71),
        ("digitalocean", "spaces", 100, 5.0),  # inside the subscription
        ("digitalocean", "spaces", 350, 7.0),  # 100 GB beyond it
    ],
)
def test_storage_cost(provider: str, key: str, gb: float, usd_per_month: float) -> None:
    storage = catalog.load(provider).storage[key]
    assert storage.usd_per_hour(gb) * 730 == pytest.approx(usd_per_month)


def test_egress_skips_free_steps_and_knows_dear_regions() -> None:
    oracle = catalog.load("oci").egress
    assert oracle.internet_usd_per_gb() == 0.0085
    assert oracle.internet_usd_per_gb("us-phoenix-1") == 0.0085
    assert oracle.internet_usd_per_gb("ap-tokyo-1") == 0.025
    assert catalog.load("aws").egress.internet_usd_per_gb() == 0.09


@pytest.mark.parametrize("provider", catalog.providers())
def test_volume_steps_climb_in_volume_and_fall_in_price(provider: str) -> None:
    found = catalog.load(provider)
    for tiers in (found.egress.internet, *(cdn.egress for cdn in found.cdns.values())):
        bounds = [tier.up_to_gb or float("inf") for tier in tiers]
        assert bounds == sorted(set(bounds))
        paid = [tier.usd_per_gb for tier in tiers if tier.usd_per_gb > 0]
        assert paid == sorted(paid, reverse=True)


def test_what_a_capacity_unit_covers() -> None:
    unit = catalog.load("aws").load_balancers["alb"].unit
    assert unit is not None
    assert (unit.name, unit.new_connections_per_second, unit.active_connections) == (
        "LCU",
        25,
        3000,
    )
    assert unit.verified("usd_per_hour")


def test_capacity_units_follow_the_specification() -> None:
    units = catalog.load("aws").capacity_units
    assert units is not None
    assert units.tiers == (0.5, 1, 2, 4, 8, 16)
    assert (units.lag_steps, units.cost_lag_steps) == ((2, 4), (3, 6))
    for tier in units.tiers:
        assert catalog.price("aws", f"{tier:g}ACU") == pytest.approx(tier * units.usd_per_unit_hour)
