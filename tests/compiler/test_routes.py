"""Graphs of connections become visits."""

from __future__ import annotations

import math

import pytest

from cwm_gym.compiler import defaults
from cwm_gym.spec import SpecError
from tests.compiler.compiling import backend, compiled, document, pool, reach, resource, stages


def test_the_default_path_leads_through_the_types() -> None:
    program = compiled(
        document(
            resource("disk", "storage"),
            resource("db", "database", visitProbability=0.5),
            resource("cache", "cache", cacheHitRate=0.75),
            resource("web"),
            resource("lb", "network", baseLatency=3),
        )
    )
    assert program.targets[0] == "web"
    assert stages(program) == ["cache", "db", "disk"]
    assert pool(program, "web")["entry"] == 1
    assert pool(program, "web")["base_latency_s"] == pytest.approx(0.003)
    assert [reach(program, "web", name) for name in ("cache", "db")] == [1, 1]
    # Kernel: reach x visit x misses; half of the queries that the cache leaves, a tenth with I/O.
    assert reach(program, "web", "disk") == pytest.approx(0.5)
    cache = program.target_index("cache") - 8
    assert backend(program, "db")["behind"] == backend(program, "disk")["behind"] == cache
    assert backend(program, "disk")["visit"] == defaults.STORAGE_VISIT_PROBABILITY
    assert backend(program, "cache")["behind"] == -1


@pytest.mark.parametrize("edges", ["lb>web web>cache cache>db", "lb>web web>cache web>db"])
def test_a_database_gets_the_misses_of_the_cache_before_or_beside_it(edges: str) -> None:
    program = compiled(
        document(
            resource("lb", "network"),
            resource("web"),
            resource("cache", "cache"),
            resource("db", "database"),
            edges=edges,
        )
    )
    assert backend(program, "db")["behind"] == program.target_index("cache") - 8
    assert reach(program, "web", "db") == pytest.approx(1.0)
    assert stages(program) == ["cache", "db"]


def test_what_is_never_looked_up_goes_to_the_database_at_once() -> None:
    program = compiled(
        document(
            resource("web"),
            resource("cache", "cache", cacheHitRate=0.5, visitProbability=0.6),
            resource("db", "database"),
            edges="web>cache web>db",
        )
    )
    # 0.4 unasked and 0.6 x 0.5 missed, which the kernel sees as misses of everything.
    assert reach(program, "web", "db") * 0.5 == pytest.approx(0.4 + 0.6 * 0.5)


def test_a_chain_multiplies_the_visits_in_between() -> None:
    program = compiled(
        document(
            resource("lb", "network"),
            resource("web"),
            resource("api", visitProbability=0.5),
            resource("auth", visitProbability=0.4),
            resource("db", "database", visitProbability=0.3),
            edges="lb>web web>api api>auth auth>db",
        )
    )
    assert stages(program) == ["api", "auth", "db"]
    assert [pool(program, name)["entry"] for name in ("web", "api", "auth")] == [1, 0, 0]
    assert pool(program, "api")["visit"] == 0.5
    assert reach(program, "web", "api") == 1
    assert reach(program, "web", "auth") == 0.5
    assert reach(program, "web", "db") == pytest.approx(0.2)


def test_a_tier_reached_twice_counts_once_for_twice_as_long() -> None:
    corners = (
        resource("lb", "network"),
        resource("web"),
        resource("left", visitProbability=1),
        resource("right", visitProbability=1),
    )
    once = compiled(
        document(*corners, resource("db", "database"), edges="lb>web web>left left>db web>right")
    )
    twice = compiled(
        document(
            *corners,
            resource("db", "database"),
            edges="lb>web web>left web>right left>db right>db",
        )
    )
    assert reach(once, "web", "db") == reach(twice, "web", "db") == 1
    assert backend(twice, "db")["service_s"] == 2 * backend(once, "db")["service_s"]
    assert pool(twice, "left")["group"] == pool(twice, "right")["group"] == 0


def test_children_without_a_visit_probability_share_by_capacity() -> None:
    program = compiled(
        document(
            resource("lb", "network"),
            resource("web"),
            resource("a", size="m5.large", instances=3),
            resource("b", size="m5.xlarge", instances=1),
            resource("db", "database"),
            resource("other", "database"),
            edges="lb>web web>a web>b a>db b>db a>other",
        )
    )
    assert pool(program, "a")["group"] == pool(program, "b")["group"] == 1
    assert reach(program, "web", "a") == reach(program, "web", "b") == 1
    assert reach(program, "web", "db") == pytest.approx(1.0)
    # a has 6 of the 10 vCPUs.
    assert reach(program, "web", "other") == pytest.approx(0.6)


def test_an_internal_balancer_shares_too_and_adds_its_latency() -> None:
    program = compiled(
        document(
            resource("lb", "network"),
            resource("web"),
            resource("inner", "network", baseLatency=4),
            resource("a"),
            resource("b"),
            edges="lb>web web>inner inner>a inner>b",
        )
    )
    assert pool(program, "a")["group"] == pool(program, "b")["group"] == 1
    assert pool(program, "web")["base_latency_s"] == pytest.approx(0.004)
    # One of the two is passed, each with probability one half.
    assert pool(program, "web")["jitter_s2"] == pytest.approx(2 * 0.25 * 0.004**2)
    assert program.params["n_fronts"] == 1


def test_two_databases_are_visited_each_with_its_own_share() -> None:
    program = compiled(
        document(
            resource("web"),
            resource("users", "database", visitProbability=0.9),
            resource("orders", "database", visitProbability=0.2, provider="gcp"),
        )
    )
    assert reach(program, "web", "users") == reach(program, "web", "orders") == 1
    assert [backend(program, name)["visit"] for name in ("users", "orders")] == [0.9, 0.2]


def test_a_queue_in_front_of_the_only_pool_keeps_the_client_waiting() -> None:
    program = compiled(document(resource("lb", "network"), resource("web"), resource("q", "queue")))
    web = pool(program, "web")
    assert (web["entry"], web["queued"], web["detached"]) == (1, 1, 0)
    assert math.isinf(web["room"])
    assert web["room_per_instance"] == 0
    assert math.isinf(web["timeout_s"])
    assert program.params["n_fronts"] == 1
    capped = compiled(document(resource("web"), resource("q", "queue", queueCapacity=50)))
    assert pool(capped, "web")["room"] == 50


@pytest.mark.parametrize("edges", ["", "lb>web web>q q>worker web>db worker>db"])
def test_workers_behind_a_queue_start_a_stream_of_their_own(edges: str) -> None:
    program = compiled(
        document(
            resource("lb", "network"),
            resource("web"),
            resource("worker", visitProbability=0.2),
            resource("q", "queue"),
            resource("db", "database", baseLatency=5),
            edges=edges,
        )
    )
    worker = pool(program, "worker")
    assert (worker["entry"], worker["queued"], worker["detached"]) == (0, 1, 1)
    assert worker["visit"] == 0.2
    assert reach(program, "web", "worker") == 1
    # What the workers ask of the database is not the client's.
    assert reach(program, "web", "db") == reach(program, "worker", "db") == 1
    assert reach(program, "worker", "worker") == 0
    assert stages(program) == ["worker", "db"]
    assert backend(program, "db")["base_latency_s"] == 0.005


def test_a_pool_with_two_kinds_of_sources_is_refused() -> None:
    base = (resource("lb", "network"), resource("web"), resource("api"), resource("q", "queue"))
    for edges, what in (
        ("lb>web lb>api web>api", "from outside"),
        ("lb>web web>api web>q q>api", "behind a queue"),
    ):
        with pytest.raises(SpecError) as caught:
            compiled(document(*base, edges=edges))
        assert caught.value.problems[0].pointer == "/resources/2/id"
        assert what in str(caught.value)


def test_a_pool_that_nothing_leads_to_is_refused() -> None:
    base = (resource("lb", "network"), resource("web"), resource("b"))
    with pytest.raises(SpecError) as caught:
        compiled(document(*base, edges="lb>web"))
    assert caught.value.problems[0].pointer == "/resources/2/id"


def test_a_bucket_only_delays_and_costs() -> None:
    program = compiled(
        document(
            resource("web"),
            resource(
                "s3", "storage", serviceFamily="s3", baseLatency=40, visitProbability=0.25,
                capacityGB=100,
            ),
        )
    )  # fmt: skip
    assert program.params["n_backends"] == 0
    assert pool(program, "web")["base_latency_s"] == pytest.approx(0.01)
    assert program.params["fixed"]["usd_per_hour"] == pytest.approx(100 * 0.023 / 730)


def test_regions_far_apart_add_their_round_trip() -> None:
    def across(region: str | None) -> float:
        settings = {} if region is None else {"region": region}
        program = compiled(
            document(
                resource("lb", "network", region="us-east-1"),
                resource("web", region="us-east-1"),
                resource("db", "database", visitProbability=0.5, **settings),
                edges="lb>web web>db",
            )
        )
        web = pool(program, "web")
        assert web["jitter_s2"] == pytest.approx(web["base_latency_s"] ** 2)
        return float(web["base_latency_s"])

    assert across("us-east-1") == across(None) == 0
    # 5,400 km of fibre with detours, there and back, for half of the requests.
    assert across("eu-west-1") == pytest.approx(0.5 * 0.081, rel=0.03)


def test_a_distant_pool_is_slower_from_its_balancer() -> None:
    program = compiled(
        document(
            resource("lb", "network", region="us-east-1"),
            resource("near", region="us-east-1"),
            resource("far", "compute", "gcp", region="europe-west1"),
            edges="lb>near lb>far",
        )
    )
    assert pool(program, "near")["base_latency_s"] == 0
    assert pool(program, "far")["base_latency_s"] > 0.06
    assert pool(program, "far")["jitter_s2"] == 0
    assert program.regions == ("us-east-1", "europe-west1")
    assert [pool(program, name)["region"] for name in ("near", "far")] == [0, 1]
