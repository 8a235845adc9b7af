"""Databases of every kind become backends."""

from __future__ import annotations

import math
from typing import Any

import pytest

from cwm_gym import catalog
from cwm_gym.compiler import Program, defaults
from cwm_gym.core.records.params import DATABASE, REPLICAS
from cwm_gym.spec import SpecError
from tests.compiler.compiling import backend, compiled, document, reach, resource, stages


def database(provider: str = "aws", **settings: Any) -> Program:
    return compiled(document(resource("web"), resource("db", "database", provider, **settings)))


def test_a_database_of_fixed_size() -> None:
    db = backend(
        database(size="db.m5.large", ha=True, baseLatency=2, idleConnectionsPerInstance=3), "db"
    )
    assert db["kind"] == DATABASE
    assert db["servers"] == 2
    assert db["service_s"] == defaults.DATABASE_CPU_SECONDS_PER_REQUEST
    assert db["connections"] == 682
    assert db["idle_per_instance"] == 3
    assert db["base_latency_s"] == 0.002
    assert db["usd_per_hour"] == 0.342
    assert (db["standby"], db["failover_s"]) == (1, 60)
    assert db["units_max"] == 0
    assert backend(database(), "db")["connections"] == defaults.MAX_CONNECTIONS
    assert backend(database(failoverSeconds=7), "db")["failover_s"] == 7


def test_read_replicas_take_their_share_of_the_reads() -> None:
    program = database(size="db.m5.large", readReplicas=2, readShare=0.75, visitProbability=0.4)
    primary, replicas = backend(program, "db"), backend(program, "db/replicas")
    assert program.targets[8:10] == ("db", "db/replicas")
    assert replicas["kind"] == REPLICAS
    assert replicas["servers"] == 2 * primary["servers"]
    assert replicas["connections"] == 2 * primary["connections"]
    assert replicas["usd_per_hour"] == 2 * primary["usd_per_hour"]
    assert primary["visit"] == pytest.approx(0.1)
    assert replicas["visit"] == pytest.approx(0.3)
    assert reach(program, "web", "db") == reach(program, "web", "db/replicas") == 1
    assert replicas["standby"] == 0


def test_aurora_serverless_grows_by_units() -> None:
    db = backend(database(serviceFamily="aurora-serverless"), "db")
    assert (db["units_min"], db["units_max"]) == (0.5, 16)
    assert db["servers"] == 0.5 * defaults.AURORA_VCPUS_PER_UNIT
    assert db["usd_per_hour"] == 0
    assert db["usd_per_unit_hour"] == pytest.approx(0.12)
    assert db["unit_lag_steps"] == 2
    # The limit follows the largest size.
    assert db["connections"] == 3360
    small = backend(
        database(
            serviceFamily="aurora-serverless", minCapacityUnits=1, maxCapacityUnits=4, ha=True
        ),
        "db",
    )
    assert (small["units_min"], small["units_max"], small["connections"]) == (1, 4, 823)
    assert small["usd_per_unit_hour"] == pytest.approx(0.24)
    with pytest.raises(SpecError, match="capacity units"):
        database(serviceFamily="aurora-serverless", maxCapacityUnits=0.25)


def test_an_autonomous_database_scales_to_three_times_its_base() -> None:
    db = backend(database("oci", serviceFamily="autonomous-db", size="ATP 2 OCPU"), "db")
    assert (db["units_min"], db["units_max"], db["unit_lag_steps"]) == (2, 6, 0)
    assert db["servers"] == 4
    assert db["usd_per_unit_hour"] == pytest.approx(1.3441)
    assert db["failover_s"] == 30
    fixed = database("oci", serviceFamily="autonomous-db", autoscaling=False)
    assert backend(fixed, "db")["units_max"] == backend(fixed, "db")["units_min"]


def test_databases_billed_by_use_have_no_limit_of_their_own() -> None:
    db = backend(database(serviceFamily="dynamodb", readShare=0.5), "db")
    assert math.isinf(db["connections"])
    assert db["usd_per_hour"] == 0
    assert db["usd_per_request"] == pytest.approx((0.5 * 0.125 + 0.5 * 0.625) / 1e6)
    assert db["standby"] == 1
    assert backend(database(serviceFamily="aurora-dsql"), "db")["connections"] == 10000
    slow = backend(database(serviceFamily="dynamodb", maxThroughput=50), "db")
    assert slow["servers"] / slow["service_s"] == pytest.approx(50)


def test_nodes_serve_what_is_published_for_them() -> None:
    db = backend(database("gcp", serviceFamily="bigtable-ssd", nodeCount=3), "db")
    assert db["servers"] / db["service_s"] == pytest.approx(30_000)
    assert db["usd_per_hour"] == pytest.approx(3 * 0.65)
    slow = backend(database("gcp", serviceFamily="bigtable-hdd", readShare=1), "db")
    assert slow["servers"] / slow["service_s"] == pytest.approx(500)


def test_transaction_units_are_shares_of_a_core() -> None:
    db = backend(database("azure", serviceFamily="azure-sql", size="S0"), "db")
    assert db["servers"] == 1
    assert db["service_s"] == pytest.approx(10 * defaults.DATABASE_CPU_SECONDS_PER_REQUEST)
    assert db["connections"] == 60


def test_provisioned_storage_is_paid_for() -> None:
    bare = backend(database(size="db.m5.large"), "db")["usd_per_hour"]
    with_disk = backend(database(size="db.m5.large", capacityGB=200), "db")["usd_per_hour"]
    assert with_disk - bare == pytest.approx(200 * 0.115 / 730)


def test_a_database_nobody_reaches_gets_no_requests() -> None:
    parts = (resource("web"), resource("db", "database"), resource("lb", "network"))
    alone = compiled(document(*parts, edges="lb>web"))
    assert reach(alone, "web", "db") == 0
    # It is there all the same, and idle.
    assert stages(alone) == ["db"]
    assert reach(compiled(document(*parts, edges="lb>web web>db")), "web", "db") == 1


@pytest.mark.parametrize("provider", catalog.providers())
def test_every_default_database_compiles(provider: str) -> None:
    db = backend(database(provider), "db")
    assert db["usd_per_hour"] > 0
    assert db["servers"] / db["service_s"] > 1000
