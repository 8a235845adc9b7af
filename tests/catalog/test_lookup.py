"""Finding sizes, regions, zones and families by name."""

from __future__ import annotations

from typing import Any

import pytest

from cwm_gym import catalog
from cwm_gym.spec.errors import ErrorCode, SpecError


def test_size_names_ignore_case() -> None:
    assert catalog.resolve_size("azure", "standard_d4S_V3").name == "Standard_D4s_v3"


@pytest.mark.parametrize(
    ("provider", "name", "found"),
    [
        ("azure", "S0 (10 DTU)", "S0"),
        ("azure", "GP_Gen5_4 (GP 4 vCores)", "GP_Gen5_4"),
        ("oci", "ATP 2 OCPU", "ATP-2-OCPU"),
        ("oci", "ATP 2 ECPU (minimum)", "ATP-2-ECPU"),
        ("aws", " m5.large ", "m5.large"),
    ],
)
def test_size_names_as_price_lists_write_them(provider: str, name: str, found: str) -> None:
    assert catalog.resolve_size(provider, name).name == found


@pytest.mark.parametrize("size", [None, 5, ["m5.large"]])
def test_a_size_that_is_no_text_is_refused(size: Any) -> None:
    with pytest.raises(SpecError) as caught:
        catalog.price("aws", size)
    assert caught.value.problems[0].code is ErrorCode.INVALID_FIELD


def test_a_bare_flexible_shape_is_four_ocpu_and_64_gb() -> None:
    size = catalog.resolve_size("oci", "VM.Standard3.Flex", "compute")
    assert (size.ocpu, size.vcpu, size.memory_gib) == (4, 8, 64)


def test_a_flexible_size_inside_the_range_is_composed() -> None:
    # Oracle parts B94176 and B94177: 0.04 per OCPU-hour and 0.0015 per GB-hour.
    size = catalog.resolve_size("oci", "vm.standard3.flex:3-24", "compute")
    assert size.usd_per_hour == pytest.approx(3 * 0.04 + 24 * 0.0015)
    assert size.vcpu == 6


@pytest.mark.parametrize("size", ["VM.Standard3.Flex:1000-8", "VM.Standard3.Flex:1-9000"])
def test_a_flexible_size_outside_the_range_is_unknown(size: str) -> None:
    with pytest.raises(SpecError) as caught:
        catalog.resolve_size("oci", size)
    assert caught.value.problems[0].code is ErrorCode.UNKNOWN_SIZE


def test_a_database_class_sold_twice_is_told_apart() -> None:
    assert catalog.resolve_size("aws", "db.r5.large", "database").engine == "mysql"
    postgres = catalog.resolve_size("aws", "db.r5.large", "database", engine="postgresql")
    assert (postgres.service_family, postgres.max_connections) == ("rds", 1802)
    aurora = catalog.resolve_size(
        "aws", "db.r5.large", "database", service_family="aurora-postgresql"
    )
    assert aurora.usd_per_hour == 0.29


def test_connection_limits_depend_on_the_engine() -> None:
    size = catalog.resolve_size("gcp", "db-f1-micro", "database")
    assert (size.connections(), size.connections("postgresql")) == (250, 25)


@pytest.mark.parametrize("provider", catalog.providers())
def test_an_unknown_size_brings_the_closest_names(provider: str) -> None:
    with pytest.raises(SpecError) as caught:
        catalog.resolve_size(provider, "m5.larg", pointer="/resources/1/characteristics/size")
    (problem,) = caught.value.problems
    assert problem.code is ErrorCode.UNKNOWN_SIZE
    assert problem.pointer == "/resources/1/characteristics/size"
    assert "'m5.larg'" in problem.message
    names = problem.suggestion.removeprefix("Use one of: ").split(", ")
    assert 3 <= len(names) <= 5
    assert all(catalog.resolve_size(provider, name) for name in names)
    assert (names[0] == "m5.large") == (provider == "aws")


def test_suggestions_stay_inside_what_was_asked_for() -> None:
    with pytest.raises(SpecError) as caught:
        catalog.resolve_size("aws", "db.m5.large", service_family="aurora-postgresql")
    for name in caught.value.problems[0].suggestion.removeprefix("Use one of: ").split(", "):
        catalog.resolve_size("aws", name, "database", service_family="aurora-postgresql")


def test_kind_keeps_compute_and_databases_apart() -> None:
    with pytest.raises(SpecError):
        catalog.resolve_size("aws", "m5.large", "database")
    with pytest.raises(SpecError):
        catalog.resolve_size("aws", "db.r5.large", "compute")


def test_sizes_are_a_ladder() -> None:
    assert [size.name for size in catalog.sizes("aws", "compute", "t3")] == [
        "t3.nano",
        "t3.micro",
        "t3.small",
        "t3.medium",
        "t3.large",
        "t3.xlarge",
        "t3.2xlarge",
    ]
    assert [size.name for size in catalog.ladder("azure", "sql-s2")] == [
        "Basic",
        "S0",
        "S1",
        "S2",
        "S3",
        "P1",
    ]


@pytest.mark.parametrize("kind", ["compute", "database"])
@pytest.mark.parametrize("provider", catalog.providers())
def test_sizes_lists_everything_once(provider: str, kind: str) -> None:
    found = catalog.load(provider)
    rows = found.compute.values() if kind == "compute" else found.databases
    listed = catalog.sizes(provider, kind)  # type: ignore[call-overload]
    assert len(listed) == len(rows)
    assert all(row in listed for row in rows)


def test_an_unknown_kind_or_family_is_refused() -> None:
    for arguments in (("storage",), ("compute", "m9")):
        with pytest.raises(SpecError) as caught:
            catalog.sizes("aws", *arguments)  # type: ignore[call-overload]
        assert caught.value.problems[0].code is ErrorCode.INVALID_FIELD


@pytest.mark.parametrize(
    ("provider", "name", "code"),
    [
        ("aws", "us-east-2", "us-east-2"),
        ("aws", "use2", "us-east-2"),
        ("aws", "US East (Ohio)", "us-east-2"),
        ("azure", "East US 2", "eastus2"),
        ("gcp", "US-CENTRAL1", "us-central1"),
        ("digitalocean", "nyc3", "nyc3"),
        ("oci", None, "us-ashburn-1"),
    ],
)
def test_regions_are_found_by_any_name(provider: str, name: str | None, code: str) -> None:
    assert catalog.resolve_region(provider, name).code == code


@pytest.mark.parametrize("provider", catalog.providers())
def test_every_region_is_found_by_code_key_and_label(provider: str) -> None:
    for region in catalog.load(provider).regions.values():
        for name in (region.code, region.key, region.label):
            assert catalog.resolve_region(provider, name) == region


@pytest.mark.parametrize("name", ["us-east-3", "", "Ohio", "atlantis-7"])
@pytest.mark.parametrize("provider", catalog.providers())
def test_an_unknown_region_brings_the_closest_ones(provider: str, name: str) -> None:
    with pytest.raises(SpecError) as caught:
        catalog.resolve_region(provider, name, pointer="/resources/0/region")
    (problem,) = caught.value.problems
    assert problem.code is ErrorCode.UNKNOWN_REGION
    assert problem.pointer == "/resources/0/region"
    assert 3 <= len(problem.suggestions) <= 5
    for near in problem.suggestions:
        assert catalog.resolve_region(provider, near.region_key).code == near.region_label


def test_the_closest_region_comes_first() -> None:
    with pytest.raises(SpecError) as caught:
        catalog.resolve_region("aws", "us-eest-2")
    first = caught.value.problems[0].suggestions[0]
    assert (first.region_key, first.region_label) == ("use2", "us-east-2")


@pytest.mark.parametrize(
    ("provider", "zone", "region", "found"),
    [
        ("aws", "us-east-1a", None, ("us-east-1", 0)),
        ("aws", "eu-west-1c", None, ("eu-west-1", 2)),
        ("gcp", "us-central1-b", None, ("us-central1", 1)),
        ("azure", "eastus-zone-2", None, ("eastus", 1)),
        ("azure", "east-us-zone-1", "eastus", ("eastus", 0)),
        ("oci", "AD-2", "eu-frankfurt-1", ("eu-frankfurt-1", 1)),
        ("digitalocean", "nyc3", None, ("nyc3", 0)),
    ],
)
def test_zones_are_found(
    provider: str, zone: str, region: str | None, found: tuple[str, int]
) -> None:
    place, index = catalog.resolve_zone(provider, zone, region)
    assert (place.code, index) == found


@pytest.mark.parametrize(
    ("provider", "zone", "region"),
    [("aws", "us-east-1z", "us-east-1"), ("azure", "westus-1", "westus"), ("gcp", "", None)],
)
def test_an_unknown_zone_is_refused(provider: str, zone: str, region: str | None) -> None:
    with pytest.raises(SpecError) as caught:
        catalog.resolve_zone(provider, zone, region, pointer="/targetZone")
    (problem,) = caught.value.problems
    assert (problem.code, problem.pointer) == (ErrorCode.INVALID_FIELD, "/targetZone")


def test_service_families() -> None:
    assert catalog.resolve_service_family("aws", "aurora-serverless").behaviour == "database"
    assert not catalog.resolve_service_family("aws", "dynamodb").connection_limited
    with pytest.raises(SpecError) as caught:
        catalog.resolve_service_family("gcp", "ec2", pointer="/resources/0/serviceFamily")
    (problem,) = caught.value.problems
    assert problem.code is ErrorCode.INVALID_FIELD
    assert problem.pointer == "/resources/0/serviceFamily"
    assert "gce" in problem.suggestion
