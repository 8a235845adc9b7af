"""The data files hold together: prices make sense, names are unique, every figure is sourced."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import pytest
from pydantic import BaseModel

from cwm_gym import catalog
from cwm_gym.catalog import ComputeSize, DatabaseSize, Figures

PROVIDERS = catalog.providers()

SPECIFICATION_FAMILIES = {
    "aws": "ec2 rds aurora-postgresql aurora-dsql aurora-serverless dynamodb s3 elb cloudfront "
    "lambda",
    "gcp": "gce cloud-sql cloud-spanner bigtable-ssd bigtable-hdd cloud-run gcs "
    "cloud-load-balancing",
    "azure": "azure_vm azure-sql azure-functions blob-storage azure-lb",
    "oci": "oci_vm autonomous-db oci-container oci-lb",
    "digitalocean": "droplets managed_postgresql spaces load_balancer",
}

SPECIFICATION_SIZES = {
    "aws": "t2.micro t3.micro t3.small m5.large m5.xlarge m5.2xlarge m6i.large m6i.xlarge c5.large "
    "c5.xlarge c6i.large c6i.xlarge r5.large r5.xlarge r6i.large r6i.xlarge t3.large t3.medium "
    "db.t3.small db.r5.large",
    "gcp": "e2-medium e2-standard-4 n2-standard-4 n2-standard-8 c2-standard-8 db-f1-micro "
    "db-n1-standard-2 db-n1-standard-4 db-standard-4",
    "azure": "Standard_B2s Standard_D4s_v3 Standard_D8s_v3 Standard_F8s_v2 sql-basic sql-s2",
    "oci": "VM.Standard.E4.Flex VM.Standard3.Flex mysql-heatwave autonomous-db-std",
    "digitalocean": "s-1vcpu-1gb s-2vcpu-4gb s-2vcpu-4gb-amd s-4vcpu-8gb s-8vcpu-16gb c-4 "
    "db-s-1vcpu-1gb db-s-2vcpu-4gb db-2vcpu-4gb db-4vcpu-8gb",
}


def every_record(record: object) -> Iterator[Figures]:
    """Walk all records with figures inside a catalog."""
    if isinstance(record, Figures):
        yield record
    if isinstance(record, BaseModel):
        for _, value in record:
            yield from every_record(value)
    elif isinstance(record, dict):
        for value in record.values():
            yield from every_record(value)
    elif isinstance(record, tuple):
        for value in record:
            yield from every_record(value)


def all_sizes(provider: str) -> list[ComputeSize | DatabaseSize]:
    found = catalog.load(provider)
    return [*found.compute.values(), *found.databases]


@pytest.mark.parametrize("provider", PROVIDERS)
def test_every_figure_has_a_dated_source(provider: str) -> None:
    found = catalog.load(provider)
    records = list(every_record(found))
    assert len(records) > 50
    for record in records:
        for figure in record.figures():
            source = record.source_of(figure)
            assert found.sources[source.id] == source
            assert source.what
            assert source.date
            assert source.verified == (not source.id.startswith(("unverified", "rds-r5-large")))


@pytest.mark.parametrize("provider", PROVIDERS)
def test_every_source_is_used(provider: str) -> None:
    found = catalog.load(provider)
    used = {
        record.source_of(figure).id for record in every_record(found) for figure in record.figures()
    }
    assert used == set(found.sources)


@pytest.mark.parametrize("provider", PROVIDERS)
def test_every_on_demand_compute_price_is_verified(provider: str) -> None:
    for size in catalog.load(provider).compute.values():
        assert size.verified("usd_per_hour"), size.name


@pytest.mark.parametrize("provider", PROVIDERS)
def test_spot_is_never_dearer(provider: str) -> None:
    found = catalog.load(provider)
    sold = [size for size in found.compute.values() if size.spot_usd_per_hour is not None]
    assert bool(sold) == (found.spot is not None)
    for size in sold:
        for region in found.regions:
            on_demand = catalog.price(provider, size, region)
            assert 0 < catalog.price(provider, size, region, "spot") <= on_demand


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_standby_never_makes_a_database_cheaper(provider: str) -> None:
    priced = [size for size in catalog.load(provider).databases if size.ha_usd_per_hour]
    assert priced
    for size in priced:
        assert size.usd_per_hour is not None
        assert size.usd_per_hour <= size.ha_usd_per_hour


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("kind", ["compute", "database"])
def test_more_capacity_in_a_family_is_never_cheaper(provider: str, kind: str) -> None:
    rungs = 0
    for size in all_sizes(provider):
        if isinstance(size, ComputeSize) != (kind == "compute"):
            continue
        steps = catalog.ladder(provider, size)
        assert size in steps
        for lower, upper in pairwise(steps):
            rungs += 1
            if lower.usd_per_hour is not None and upper.usd_per_hour is not None:
                assert lower.usd_per_hour <= upper.usd_per_hour, (lower.name, upper.name)
    assert rungs > 0


@pytest.mark.parametrize("provider", PROVIDERS)
def test_names_are_unique(provider: str) -> None:
    found = catalog.load(provider)
    compute = [name.casefold() for name in found.compute]
    aliases = [name.casefold() for name in found.aliases]
    databases = [(row.name.casefold(), row.service_family, row.engine) for row in found.databases]
    bought = [*compute, *aliases, *{name for name, _, _ in databases}]
    assert len(bought) == len(set(bought))
    assert len(databases) == len(set(databases))
    keys = [region.key for region in found.regions.values()]
    assert len(keys) == len(set(keys))


@pytest.mark.parametrize("provider", PROVIDERS)
def test_every_alias_resolves(provider: str) -> None:
    found = catalog.load(provider)
    for name, alias in found.aliases.items():
        assert catalog.resolve_size(provider, name).name == alias.to


@pytest.mark.parametrize("provider", PROVIDERS)
def test_the_specification_finds_its_sizes(provider: str) -> None:
    for name in SPECIFICATION_SIZES[provider].split():
        assert catalog.price(provider, name) > 0


@pytest.mark.parametrize("provider", PROVIDERS)
def test_the_specification_finds_its_service_families(provider: str) -> None:
    families = catalog.load(provider).service_families
    listed = {name for name, family in families.items() if family.in_specification}
    assert listed == set(SPECIFICATION_FAMILIES[provider].split())


@pytest.mark.parametrize("provider", PROVIDERS)
def test_the_default_of_every_service_family_exists(provider: str) -> None:
    found = catalog.load(provider)
    for family in found.service_families.values():
        match family.behaviour, family.role:
            case ("compute", _) | ("database", _):
                size = catalog.resolve_size(provider, family.default, service_family=family.name)
                assert isinstance(size, ComputeSize) == (family.behaviour == "compute")
                continue
            case ("network", "load_balancer"):
                item: Figures = found.load_balancers[family.default]
            case ("network", "cdn"):
                item = found.cdns[family.default]
            case ("storage", _):
                item = found.storage[family.default]
            case ("kubernetes", _):
                item = found.kubernetes
            case _:
                item = found.serverless[family.default]
        assert item.service_family == family.name  # type: ignore[attr-defined]


@pytest.mark.parametrize("provider", PROVIDERS)
def test_defaults_and_reference_region_exist(provider: str) -> None:
    found = catalog.load(provider)
    catalog.resolve_size(provider, found.default_compute, "compute")
    catalog.resolve_size(provider, found.default_database, "database")
    assert found.regions[found.reference_region].price_index == 1.0
    assert found.volume.kind == "block"
    assert found.volume.iops(100.0)


@pytest.mark.parametrize("provider", PROVIDERS)
def test_regional_tables_name_known_regions_and_sizes(provider: str) -> None:
    found = catalog.load(provider)
    for region, rows in found.regional_prices.items():
        assert region in found.regions
        assert set(rows) <= set(found.compute)
    for region, quotes in (found.spot.quotes if found.spot else {}).items():
        assert region in found.regions
        assert set(quotes) <= set(found.compute)
    assert set(found.egress.regional_usd_per_gb) <= set(found.regions)


@pytest.mark.parametrize("provider", PROVIDERS)
def test_listed_regional_prices_are_near_the_index(provider: str) -> None:
    # The index comes from one size; a listed price far from it would be a misread row.
    found = catalog.load(provider)
    for region, rows in found.regional_prices.items():
        index = found.regions[region].price_index
        for name, row in rows.items():
            ratio = row.usd_per_hour / found.compute[name].usd_per_hour / index
            assert ratio == pytest.approx(1.0, abs=0.11), (region, name)


@pytest.mark.parametrize("provider", PROVIDERS)
def test_oracle_unit_is_two_threads_on_x86(provider: str) -> None:
    for size in catalog.load(provider).compute.values():
        if size.ocpu is not None:
            assert size.vcpu == size.ocpu * (1 if ".A1." in size.name else 2)
        else:
            assert provider != "oci"
