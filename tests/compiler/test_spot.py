"""Spot markets become hazards."""

from __future__ import annotations

import math

import pytest

from cwm_gym import catalog
from cwm_gym.compiler import defaults
from cwm_gym.compiler.spot import advised_hazard
from cwm_gym.spec import SpecError
from tests.compiler.compiling import compiled, document, pool, resource
from tests.documents import service


def test_spot_costs_less_and_is_taken_back() -> None:
    web = compiled(service(market="spot", maxInstances=6)).primary
    assert web["usd_per_hour"] == catalog.price("aws", "m5.large", "us-east-1", "spot")
    assert web["notice_s"] == 120
    assert web["block_share"] == 0
    low, high = catalog.spot_quote("aws", "m5.large", "us-east-1").interruption_30d or (0, 0)
    monthly = 1 - math.exp(-web["interruptions_per_hour"] * web["zones"] / 6 * 720)
    assert low < monthly < high
    scarce = compiled(service(market="spot", spotHazard="scarce")).primary
    assert scarce["interruptions_per_hour"] == pytest.approx(defaults.SCARCE_EVENTS_PER_HOUR)
    assert scarce["block_share"] == defaults.SCARCE_BLOCK_SHARE
    assert scarce["return_s"] > web["return_s"]


def test_stated_hazards_are_what_one_instance_suffers() -> None:
    single = compiled(service(market="spot", interruptionsPerHour=0.3, maxInstances=6)).primary
    # Six instances at most in three zones: two in each.
    assert single["interruptions_per_hour"] == pytest.approx(0.6)
    blocks = compiled(
        service(market="spot", interruptionsPerHour=0.3, blockShare=0.5, noticeSeconds=7,
                capacityReturnSeconds=90)
    ).primary  # fmt: skip
    assert blocks["interruptions_per_hour"] * blocks["block_share"] == pytest.approx(0.3)
    assert (blocks["notice_s"], blocks["return_s"]) == (7, 90)
    assert compiled(service()).primary["notice_s"] == 0


def test_there_is_no_spot_market_at_digitalocean() -> None:
    with pytest.raises(SpecError, match="no spot market"):
        compiled(document(resource("d", provider="digitalocean", market="spot")))


def test_a_nodes_market_may_differ_from_the_clusters() -> None:
    pools = [{"name": "base", "nodeCount": 1}, {"name": "cheap", "nodeCount": 1, "market": "spot"}]
    program = compiled(document(resource("k", "kubernetes", size="m5.large", nodePools=pools)))
    base, cheap = (pool(program, f"k/{name}") for name in ("base", "cheap"))
    assert cheap["usd_per_hour"] < base["usd_per_hour"]
    assert base["interruptions_per_hour"] == 0 < cheap["interruptions_per_hour"]


def test_a_market_without_an_advisor_has_the_usual_hazard() -> None:
    size = catalog.resolve_size("gcp", "n2-standard-4", "compute")
    assert advised_hazard("gcp", size, "us-central1") == defaults.ADVISOR_HAZARD_PER_HOUR
