"""Records refuse figures without a source."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from cwm_gym import catalog
from cwm_gym.catalog import RegionalPrice, Source

SOURCE = Source(id="list", what="A price list", date="2026-01-01", verified=True)
GUESS = Source(id="unverified", what="Common knowledge", date="undated", verified=False)


def test_each_figure_answers_for_its_own_source() -> None:
    price = RegionalPrice(
        usd_per_hour=1.0, spot_usd_per_hour=0.5, sources={"*": SOURCE, "spot_usd_per_hour": GUESS}
    )
    assert price.verified("usd_per_hour")
    assert not price.verified("spot_usd_per_hour")
    assert set(price.figures()) == {"usd_per_hour", "spot_usd_per_hour"}
    with pytest.raises(KeyError):
        price.source_of("usd")


def test_a_figure_needs_a_source() -> None:
    RegionalPrice(usd_per_hour=1.0, sources={"usd_per_hour": SOURCE})
    with pytest.raises(ValidationError, match="without a source"):
        RegionalPrice(usd_per_hour=1.0, spot_usd_per_hour=0.5, sources={"usd_per_hour": SOURCE})


def test_a_source_must_belong_to_a_figure() -> None:
    with pytest.raises(ValidationError, match="unknown figures"):
        RegionalPrice(usd_per_hour=1.0, sources={"*": SOURCE, "usd": SOURCE})


def test_burstable_sizes() -> None:
    for provider, size, burstable in (
        ("aws", "t3.medium", True),
        ("aws", "m5.large", False),
        ("gcp", "e2-medium", True),
        ("gcp", "e2-standard-2", False),
        ("azure", "Standard_B2s", True),
        ("digitalocean", "s-2vcpu-4gb", True),
        ("digitalocean", "c-4", False),
    ):
        assert catalog.resolve_size(provider, size, "compute").burstable is burstable
