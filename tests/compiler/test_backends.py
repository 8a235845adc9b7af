"""Caches and volumes become backends."""

from __future__ import annotations

import math

import pytest

from cwm_gym import catalog
from cwm_gym.compiler import defaults
from cwm_gym.core.records.params import CACHE, STORAGE
from cwm_gym.spec import SpecError
from tests.compiler.compiling import backend, compiled, document, resource


def test_a_cache_runs_on_machines_of_its_size() -> None:
    program = compiled(
        document(resource("web"), resource("c", "cache", size="cache.r5.xlarge", instances=2))
    )
    cache = backend(program, "c")
    assert cache["kind"] == CACHE
    assert cache["hit_rate"] == defaults.CACHE_HIT_RATE
    assert cache["servers"] == 8
    assert cache["service_s"] == defaults.CACHE_SECONDS
    assert cache["usd_per_hour"] == 2 * catalog.price("aws", "r5.xlarge")
    assert math.isinf(cache["connections"])


def test_a_volume_serves_its_iops() -> None:
    program = compiled(
        document(
            resource("web"),
            resource("disk", "storage", serviceFamily="ebs", capacityGB=500, ioPerRequest=4),
        )
    )
    disk = backend(program, "disk")
    assert disk["kind"] == STORAGE
    assert disk["max_iops"] == 3000
    assert disk["io_per_visit"] == 4
    assert disk["servers"] / disk["service_s"] == pytest.approx(3000 / 4)
    assert disk["visit"] == defaults.STORAGE_VISIT_PROBABILITY
    assert disk["usd_per_hour"] == pytest.approx(500 * 0.08 / 730)
    assert program.params["fixed"]["usd_per_hour"] == 0


def test_provisioned_iops_limit_and_cost() -> None:
    program = compiled(
        document(resource("web"), resource("disk", "storage", maxIops=5000, capacityGB=100))
    )
    disk = backend(program, "disk")
    assert disk["max_iops"] == 5000
    assert disk["usd_per_hour"] == pytest.approx((100 * 0.08 + 2000 * 0.005) / 730)


def test_disks_that_are_sold_whole_add_up() -> None:
    program = compiled(
        document(resource("web"), resource("disk", "storage", "azure", capacityGB=300))
    )
    assert backend(program, "disk")["max_iops"] == 3 * 500


def test_a_class_without_published_iops_needs_them_stated() -> None:
    with pytest.raises(SpecError) as caught:
        compiled(document(resource("web"), resource("disk", "storage", size="io2")))
    assert caught.value.problems[0].pointer == "/resources/1/characteristics/maxIops"
    with pytest.raises(SpecError) as caught:
        compiled(document(resource("web"), resource("disk", "storage", size="gp9")))
    assert caught.value.problems[0].code.value == "UNKNOWN_SIZE"


def test_a_bucket_with_iops_is_a_volume() -> None:
    program = compiled(
        document(resource("web"), resource("s", "storage", serviceFamily="s3", maxIops=100))
    )
    assert backend(program, "s")["max_iops"] == 100
