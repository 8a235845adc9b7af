"""Balancers and content delivery networks become fronts."""

from __future__ import annotations

import math

import pytest

from cwm_gym import catalog
from cwm_gym.compiler import defaults
from cwm_gym.spec import SpecError
from tests.compiler.compiling import compiled, document, pool, resource


def test_without_a_network_the_front_is_neutral() -> None:
    program = compiled(document(resource("web")))
    front = program.params["front"][0]
    assert program.params["n_fronts"] == 1
    assert math.isinf(front["limit_rps"])
    assert front["hit_rate"] == 0
    assert front["unit_usd_per_hour"] == 0
    assert program.params["fixed"]["usd_per_hour"] == 0
    assert front["usd_per_gb"] == catalog.load("aws").egress.internet_usd_per_gb()


def test_a_balancer_limits_costs_and_bills_units() -> None:
    program = compiled(document(resource("lb", "network", maxThroughput=900), resource("web")))
    alb = catalog.load("aws").load_balancers["alb"]
    front = program.params["front"][0]
    assert front["limit_rps"] == 900
    assert front["unit_usd_per_hour"] == alb.unit.usd_per_hour  # type: ignore[union-attr]
    assert program.params["fixed"]["usd_per_hour"] == alb.usd_per_hour


def test_the_target_capacity_of_the_second_shape_is_the_limit() -> None:
    lb = {
        "id": "lb", "type": "network", "name": "lb", "provider": "aws", "serviceFamily": "elb",
        "config": {"targetCapacity": 10000},
    }  # fmt: skip
    assert compiled(document(lb, resource("web"))).params["front"]["limit_rps"][0] == 10000


def test_a_delivery_network_answers_before_the_balancer() -> None:
    program = compiled(
        document(
            resource("lb", "network", maxThroughput=500, baseLatency=2),
            resource("edge", "network", serviceFamily="cloudfront", cacheHitRate=0.4),
            resource("web"),
        )
    )
    front = program.params["front"][0]
    assert front["hit_rate"] == 0.4
    assert front["edge_latency_s"] == defaults.EDGE_SECONDS
    assert front["edge_usd_per_request"] == pytest.approx(1e-6)
    assert front["edge_usd_per_gb"] == front["usd_per_gb"] == 0.085
    assert front["limit_rps"] == 500
    # The kernel hands the balancer what the edge lets through; its units cost what they cost.
    assert front["unit_usd_per_hour"] == pytest.approx(0.008)
    assert pool(program, "web")["base_latency_s"] == pytest.approx(0.002 + defaults.EDGE_SECONDS)


def test_balancers_side_by_side_add_up_and_in_a_row_the_narrowest_counts() -> None:
    balancers = (
        resource("a", "network", maxThroughput=300),
        resource("b", "network", maxThroughput=500),
        resource("web"),
    )
    beside = compiled(document(*balancers, edges="a>web b>web")).params
    in_a_row = compiled(document(*balancers, edges="a>b b>web")).params
    assert beside["front"]["limit_rps"][0] == 800
    assert in_a_row["front"]["limit_rps"][0] == 300
    assert beside["n_fronts"] == in_a_row["n_fronts"] == 1


def test_pools_with_balancers_of_their_own_have_fronts_of_their_own() -> None:
    clouds = [
        resource(f"{kind}-{provider}", kind, provider)
        for provider in ("aws", "gcp")
        for kind in ("network", "compute")
    ]
    program = compiled(document(*clouds))
    assert program.params["n_fronts"] == 2
    assert [pool(program, f"compute-{p}")["front"] for p in ("aws", "gcp")] == [0, 1]
    assert program.params["front"]["usd_per_gb"][0] == pytest.approx(0.09)
    assert program.params["front"]["usd_per_gb"][1] == pytest.approx(0.128)


def test_more_ways_in_than_fit_are_refused() -> None:
    count = 5
    parts = [resource(f"lb{i}", "network") for i in range(count)]
    parts += [resource(f"web{i}") for i in range(count)]
    edges = " ".join(f"lb{i}>web{i}" for i in range(count))
    with pytest.raises(SpecError, match="at most 4"):
        compiled(document(*parts, edges=edges))


def test_a_cluster_pays_its_control_plane_once() -> None:
    pools = [{"name": "a", "nodeCount": 1}, {"name": "b", "nodeCount": 2}]
    program = compiled(document(resource("k", "kubernetes", nodePools=pools)))
    rate = catalog.load("aws").kubernetes.usd_per_cluster_hour
    assert program.params["fixed"]["usd_per_hour"] == rate > 0
