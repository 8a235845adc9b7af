"""Prices by region, market and standby."""

from __future__ import annotations

from typing import Any

import pytest

from cwm_gym import catalog
from cwm_gym.spec.errors import ErrorCode, SpecError


@pytest.mark.parametrize(
    ("provider", "size", "usd"),
    [
        ("aws", "m5.large", 0.096),  # AWS price list, us-east-1
        ("aws", "db.r5.large", 0.24),  # majority of third-party tables
        ("gcp", "e2-medium", 0.033506),  # infracost golden: $24.46 over 730 h
        ("gcp", "db-standard-4", 0.27021),  # Cloud SQL, 4 vCPU and 15 GB
        ("azure", "Standard_D4s_v3", 0.192),  # Azure retail prices, eastus
        ("azure", "sql-s2", 0.10082),  # five times S0
        ("oci", "VM.Standard3.Flex", 0.256),  # 4 x 0.04 + 64 x 0.0015
        ("oci", "autonomous-db-std", 1.3441),  # part B90453
        ("digitalocean", "s-2vcpu-4gb-amd", 0.04167),  # $28 over 672 h
        ("digitalocean", "db-s-1vcpu-1gb", 0.02232),  # $15 over 672 h
    ],
)
def test_list_prices(provider: str, size: str, usd: float) -> None:
    assert catalog.price(provider, size) == usd


def test_a_listed_regional_price_wins_over_the_index() -> None:
    assert catalog.price("aws", "m5.large", "eu-west-1") == 0.107
    index = catalog.resolve_region("aws", "eu-west-1").price_index
    assert catalog.price("aws", "m6i.large", "euw1") == pytest.approx(0.096 * index)


def test_databases_follow_the_index() -> None:
    index = catalog.resolve_region("azure", "brazilsouth").price_index
    assert catalog.price("azure", "S3", "brazilsouth", ha=True) == pytest.approx(0.40323 * index)


def test_digitalocean_and_oracle_cost_the_same_everywhere() -> None:
    for provider in ("digitalocean", "oci"):
        found = catalog.load(provider)
        size = found.default_compute
        assert len({catalog.price(provider, size, region) for region in found.regions}) == 1


def test_spot_uses_the_quote_of_the_region() -> None:
    # Spot Advisor: m5.large saves 66 % in us-east-1, 62 % in us-west-2, 57 % in eu-west-1.
    assert catalog.price("aws", "m5.large", market="spot") == pytest.approx(0.096 * 0.34)
    assert catalog.price("aws", "m5.large", "us-west-2", "spot") == pytest.approx(0.096 * 0.38)
    assert catalog.price("aws", "m5.large", "eu-west-1", "spot") == pytest.approx(0.107 * 0.43)


def test_spot_without_a_quote_uses_the_reference_discount() -> None:
    on_demand = catalog.price("aws", "m5.large", "us-east-2")
    assert catalog.price("aws", "m5.large", "use2", "spot") == pytest.approx(on_demand * 0.34)


def test_the_spot_discount_is_a_parameter() -> None:
    azure = catalog.load("azure").spot
    assert azure is not None
    assert azure.discount_range == (0.6, 0.8)
    price = catalog.price(
        "azure", "Standard_D4s_v3", market="spot", spot_discount=azure.assumed_discount
    )
    assert price == pytest.approx(0.192 * 0.3)


def test_spot_quotes_carry_the_interruption_band() -> None:
    quote = catalog.spot_quote("aws", "m5.xlarge", "us-east-1")
    assert (quote.discount, quote.band) == (0.66, ">20%")
    assert quote.interruption_30d == (0.20, 1.0)
    gcp = catalog.spot_quote("gcp", "n2-standard-4", "europe-west1")
    assert gcp.interruption_30d is None
    assert gcp.discount == pytest.approx(0.857, abs=0.0005)


def test_a_standby() -> None:
    assert catalog.price("gcp", "db-n1-standard-2", ha=True) == 0.27021
    assert catalog.price("gcp", "db-n1-standard-2", ha=False) == 0.1351
    # Business Critical pays for its replicas already.
    assert catalog.price("azure", "BC_Gen5_2", ha=True) == catalog.price("azure", "BC_Gen5_2")


@pytest.mark.parametrize(
    ("provider", "size", "options", "code"),
    [
        ("gce", "n2-standard-4", {}, ErrorCode.UNKNOWN_PROVIDER),
        ("aws", "m5.huge", {}, ErrorCode.UNKNOWN_SIZE),
        ("aws", "m5.large", {"region": "eastus"}, ErrorCode.UNKNOWN_REGION),
        ("aws", "m5.large", {"market": "reserved"}, ErrorCode.INVALID_FIELD),
        ("aws", "m5.large", {"ha": True}, ErrorCode.INVALID_FIELD),
        ("aws", "db.r5.large", {"market": "spot"}, ErrorCode.INVALID_FIELD),
        ("aws", "DPU", {}, ErrorCode.INVALID_FIELD),
        ("digitalocean", "db-s-1vcpu-1gb", {"ha": True}, ErrorCode.INVALID_FIELD),
        ("digitalocean", "c-4", {"market": "spot"}, ErrorCode.INVALID_FIELD),
        ("azure", "Standard_B2s", {"market": "spot"}, ErrorCode.INVALID_FIELD),
        (
            "aws",
            "m5.large",
            {"market": "spot", "spot_discount": 70.0},
            ErrorCode.INVALID_FIELD,
        ),
    ],
)
def test_impossible_prices_are_refused(
    provider: str, size: str, options: dict[str, Any], code: ErrorCode
) -> None:
    with pytest.raises(SpecError) as caught:
        catalog.price(provider, size, pointer="/resources/0/config", **options)
    (problem,) = caught.value.problems
    assert problem.code is code
    assert problem.pointer == "/resources/0/config"
    assert problem.suggestion


def test_no_quote_where_there_is_no_spot_market() -> None:
    for provider, size in (("digitalocean", "c-4"), ("azure", "Standard_B2s")):
        with pytest.raises(SpecError, match="spot"):
            catalog.spot_quote(provider, size)
