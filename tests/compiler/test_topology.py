"""Roles, spares and limits of the request graph."""

from __future__ import annotations

from typing import Any

import pytest

from cwm_gym import catalog
from cwm_gym.core.queueing.records import MAX_BACKENDS, MAX_POOLS, MAX_TIERS
from cwm_gym.core.records.params import (
    CACHE,
    DATABASE,
    MACHINES,
    NODES,
    SERVERLESS,
    STORAGE,
)
from cwm_gym.spec import SpecError
from tests.compiler.compiling import backend, compiled, document, pool, reach, resource
from tests.documents import service, with_database

FAMILIES = [
    (provider, family.name)
    for provider in catalog.providers()
    for family in catalog.load(provider).service_families.values()
]
BY_THE_HOUR = ("fargate", "oci-container", "app-platform")


@pytest.mark.parametrize(("provider", "name"), FAMILIES)
def test_every_service_family_behaves_like_its_class(provider: str, name: str) -> None:
    family = catalog.resolve_service_family(provider, name)
    parts = [resource("it", family.behaviour, provider, serviceFamily=name, region=None)]
    parts[0]["characteristics"].pop("region")
    pools = ("compute", "kubernetes", "serverless")
    if family.behaviour not in pools:
        parts.append(resource("web", provider=provider))
    program = compiled(document(*parts))
    params = program.params
    if family.behaviour in pools:
        serverless = MACHINES if name in BY_THE_HOUR else SERVERLESS
        kinds = {"compute": MACHINES, "kubernetes": NODES, "serverless": serverless}
        it = pool(program, "it")
        assert it["kind"] == kinds[family.behaviour]
        assert program.capacity_rps > 100
        assert it["usd_per_hour"] + it["usd_per_busy_s"] > 0
    elif family.behaviour == "database" or family.role == "block":
        it = backend(program, "it")
        assert it["kind"] == (STORAGE if family.role == "block" else DATABASE)
        assert it["servers"] / it["service_s"] >= 500
        assert it["usd_per_hour"] + it["usd_per_request"] + it["usd_per_unit_hour"] > 0
        assert reach(program, "web", "it") == 1
    elif family.role == "cdn":
        assert params["front"]["hit_rate"][0] == 0.8
        assert params["front"]["edge_usd_per_gb"][0] > 0
    else:
        assert params["fixed"]["usd_per_hour"] > 0
        assert params["n_backends"] == 0


def test_the_specifications_families_are_all_there() -> None:
    stated = (
        "ec2 rds aurora-postgresql aurora-dsql aurora-serverless dynamodb s3 elb cloudfront lambda "
        "gce cloud-sql cloud-spanner bigtable-ssd bigtable-hdd cloud-run gcs cloud-load-balancing "
        "azure_vm azure-sql azure-functions blob-storage azure-lb oci_vm autonomous-db "
        "oci-container oci-lb droplets managed_postgresql spaces load_balancer"
    )
    assert set(stated.split()) <= {name for _, name in FAMILIES}


def test_a_family_that_does_not_fit_its_type_is_refused() -> None:
    for kind, family in (("compute", "rds"), ("database", "s3"), ("queue", "ec2")):
        with pytest.raises(SpecError) as caught:
            compiled(document(resource("web"), resource("it", kind, serviceFamily=family)))
        assert caught.value.problems[0].pointer == "/resources/1/characteristics/serviceFamily"


def test_a_simulation_needs_something_to_scale() -> None:
    with pytest.raises(SpecError) as caught:
        compiled(document(resource("db", "database")))
    assert caught.value.problems[0].pointer == "/resources"


@pytest.mark.parametrize("kind", ["compute", "kubernetes", "serverless"])
def test_the_first_of_any_kind_of_pool_is_scaled_unless_one_is_marked(kind: str) -> None:
    first = compiled(document(resource("a", kind), resource("b")))
    assert first.params["episode"]["primary"] == 0
    marked = compiled(document(resource("b"), resource("a", kind, autoscaling=True)))
    assert marked.params["episode"]["primary"] == 1


def test_more_than_fits_is_refused_with_the_limit() -> None:
    pools = [resource(f"w{i}") for i in range(MAX_POOLS + 1)]
    databases = [resource(f"d{i}", "database", readReplicas=1) for i in range(MAX_BACKENDS)]
    for parts, at in ((pools, MAX_POOLS), ([resource("w"), *databases], MAX_BACKENDS // 2 + 1)):
        with pytest.raises(SpecError, match=f"at most {MAX_POOLS}") as caught:
            compiled(document(*parts))
        assert caught.value.problems[0].pointer == f"/resources/{at}"


def test_targets_name_the_tiers() -> None:
    program = compiled(with_database(service()))
    assert len(program.targets) == MAX_TIERS
    assert program.targets[0] == "web"
    assert program.targets[MAX_POOLS] == "db"
    assert program.target_index("db") == MAX_POOLS
    for name in ("wbe", ""):
        with pytest.raises(SpecError) as caught:
            program.target_index(name, "/here")
        assert caught.value.problems[0].pointer == "/here"
        assert "web" in caught.value.problems[0].suggestion


def spared(*spares: dict[str, Any], edges: str = "") -> Any:
    return compiled(
        document(
            resource("lb", "network"),
            resource("web"),
            resource("db", "database", size="db.m5.large"),
            edges=edges,
            spares=list(spares),
        )
    )


@pytest.mark.parametrize("edges", ["", "lb>web web>db"])
def test_spares_stand_where_their_like_stands(edges: str) -> None:
    program = spared(
        resource("more", size="m5.xlarge"),
        resource("db2", "database"),
        resource("cache", "cache"),
        edges=edges,
    )
    more = pool(program, "more")
    assert (more["spare"], more["entry"], more["front"]) == (1, 1, 0)
    assert backend(program, "db2")["spare"] == backend(program, "cache")["spare"] == 1
    assert backend(program, "db")["spare"] == pool(program, "web")["spare"] == 0
    for first in ("web", "more"):
        for target in ("db", "db2", "cache"):
            assert reach(program, first, target) == pytest.approx(1.0)
    # The kernel counts no hits while the cache is not there.
    assert backend(program, "db")["behind"] == program.target_index("cache") - MAX_POOLS
    assert backend(program, "cache")["kind"] == CACHE
    assert program.params["n_fronts"] == 1


def test_connections_may_name_spares() -> None:
    program = spared(resource("api"), edges="lb>web web>db web>api")
    assert (pool(program, "api")["entry"], pool(program, "api")["spare"]) == (0, 1)
    assert reach(program, "web", "api") == 1


def test_balancers_and_buckets_cannot_be_spares() -> None:
    for one in (resource("x", "network"), resource("x", "storage", serviceFamily="s3")):
        with pytest.raises(SpecError) as caught:
            spared(one)
        assert caught.value.problems[0].pointer == "/spares/0/type"


def test_a_copy_of_the_scaled_pool_stands_by_for_actions_on_every_resource() -> None:
    program = compiled(with_database(service()), action_mode="multi_discrete")
    assert program.pools == ("web", "web-2")
    assert program.params["episode"]["all_targets"] == 1
    copy = pool(program, "web-2")
    assert (copy["spare"], copy["entry"]) == (1, 1)
    assert copy["vcpus"] == program.primary["vcpus"]
    assert reach(program, "web-2", "db") == 1
    assert compiled(service()).pools == ("web",)
    own = {**service(), "spares": [resource("b")]}
    assert compiled(own, action_mode="multi_discrete").pools == ("web", "b")


def test_a_copy_of_a_called_pool_shares_with_it() -> None:
    program = compiled(
        document(
            resource("web"),
            resource("api", autoscaling=True, visitProbability=0.5),
            resource("db", "database"),
            edges="web>api api>db",
        ),
        action_mode="multi_discrete",
    )
    assert pool(program, "api")["group"] == pool(program, "api-2")["group"] == 1
    assert pool(program, "api-2")["visit"] == 0.5
    # The copy takes over calls of the original, it makes none of its own.
    assert reach(program, "web", "db") == pytest.approx(0.5)
