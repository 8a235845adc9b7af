"""Reading the data files."""

from __future__ import annotations

import tomllib
from importlib.resources import files
from typing import Any

import pytest
from pydantic import ValidationError

from cwm_gym import catalog
from cwm_gym.catalog.loader import build
from cwm_gym.spec.errors import ErrorCode, SpecError


@pytest.fixture
def document() -> dict[str, Any]:
    text = files("cwm_gym.catalog").joinpath("data", "gcp.toml").read_text("utf-8")
    return tomllib.loads(text)


def test_providers_stand_in_the_order_of_the_specification() -> None:
    assert catalog.providers() == ("aws", "gcp", "azure", "oci", "digitalocean")


def test_a_provider_is_read_once() -> None:
    assert catalog.load("aws") is catalog.load("aws")


def test_an_unknown_provider_is_refused_in_the_specification_words() -> None:
    with pytest.raises(SpecError) as caught:
        catalog.load("gce", pointer="/resources/0/provider")
    (problem,) = caught.value.problems
    assert problem.code is ErrorCode.UNKNOWN_PROVIDER
    assert problem.pointer == "/resources/0/provider"
    assert (
        problem.message
        == "Unknown provider 'gce'; valid values are aws, gcp, azure, oci, digitalocean"
    )
    assert problem.suggestion == "Use one of: aws, gcp, azure, oci, digitalocean"


def test_catalogs_are_immutable() -> None:
    with pytest.raises(ValidationError):
        catalog.load("aws").compute["m5.large"].usd_per_hour = 0.0  # type: ignore[misc]


def test_rows_inherit_from_their_group_and_override_it(document: dict[str, Any]) -> None:
    found = build(document)
    assert found.compute["e2-medium"].cpu == "shared"
    assert found.compute["e2-standard-2"].cpu == "full"
    assert found.compute["e2-medium"].source_of("vcpu").id == "machine-types"
    assert found.compute["e2-medium"].source_of("usd_per_hour").id == "skypilot"


def test_a_misspelt_field_is_refused(document: dict[str, Any]) -> None:
    document["compute"][0]["rows"][0]["usd_per_huor"] = 1.0
    with pytest.raises(ValidationError, match="usd_per_huor"):
        build(document)


def test_a_figure_without_a_source_is_refused(document: dict[str, Any]) -> None:
    del document["autoscaler"]["source"]
    with pytest.raises(ValidationError):
        build(document)


def test_an_undeclared_source_is_refused(document: dict[str, Any]) -> None:
    document["timing"]["source"] = "hearsay"
    with pytest.raises(KeyError, match="hearsay"):
        build(document)


def test_a_size_that_stands_twice_is_refused(document: dict[str, Any]) -> None:
    rows = document["compute"][0]["rows"]
    rows.append(dict(rows[0]))
    with pytest.raises(ValueError, match="stands twice"):
        build(document)


def test_timing_and_autoscaler_follow_the_specification() -> None:
    cooldown = {name: catalog.load(name).timing.cooldown_seconds for name in catalog.providers()}
    assert cooldown == {"aws": 300, "gcp": 120, "azure": 300, "oci": 300, "digitalocean": 180}
    bounds = {
        name: tuple(value for _, value in catalog.load(name).autoscaler)[2:]
        for name in catalog.providers()
    }
    assert bounds == {
        "aws": (70, 30, 2, 12),
        "gcp": (68, 30, 2, 10),
        "azure": (70, 30, 2, 10),
        "oci": (65, 28, 2, 10),
        "digitalocean": (65, 35, 1, 8),
    }
