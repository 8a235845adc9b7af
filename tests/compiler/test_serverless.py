"""Functions and containers on demand become serverless pools."""

from __future__ import annotations

import pytest

from cwm_gym.compiler import Program, defaults
from cwm_gym.core.records.params import SERVERLESS
from cwm_gym.spec import SpecError
from tests.compiler.compiling import compiled, document, resource


def function(family: str = "lambda", provider: str = "aws", **settings: object) -> Program:
    return compiled(
        document(resource("f", "serverless", provider, serviceFamily=family, **settings))
    )


def test_a_function_serves_one_request_at_a_time_up_to_the_accounts_limit() -> None:
    f = function(memoryGB=0.5, cpuSecondsPerRequest=0.1).primary
    assert f["kind"] == SERVERLESS
    assert f["concurrency"] == f["vcpus"] == 1
    assert f["concurrency_limit"] == 1000
    assert f["usd_per_request"] == pytest.approx(0.2e-6)
    assert f["usd_per_busy_s"] == pytest.approx(0.5 * 1.66667e-5)
    assert f["usd_per_hour"] == pytest.approx(0.5 * 1.66667e-5 * 3600)
    assert (f["minimum"], f["initial"]) == (0, 0)
    assert f["cold_s"] == f["boot_s"] == defaults.COLD_START_SECONDS
    assert f["keep_alive_s"] == defaults.KEEP_ALIVE_SECONDS


def test_cloud_run_shares_an_instance_among_many() -> None:
    program = function("cloud-run", "gcp", maxInstances=10, memoryGB=2)
    run = program.primary
    assert run["concurrency"] == 80
    assert run["concurrency_limit"] == 800
    assert run["cold_s"] == 45
    assert run["usd_per_busy_s"] == pytest.approx((2.4e-5 + 2 * 2.5e-6) / 80)
    # The specification's example saturates here.
    assert program.capacity_rps == pytest.approx(10_000)
    assert function("cloud-run", "gcp", minInstances=1).primary["cold_s"] == 5


def test_stated_figures_win() -> None:
    f = function(
        concurrency=4, maxConcurrency=60, coldStartSeconds=2, keepAliveSeconds=30,
        minInstances=1, maxInstances=20, instances=5, maxThroughput=100,
    ).primary  # fmt: skip
    assert (f["minimum"], f["initial"], f["maximum"]) == (1, 5, 20)
    assert (f["cold_s"], f["keep_alive_s"], f["concurrency_limit"]) == (2, 30, 60)
    assert f["cpu_s_per_request"] == pytest.approx(0.04)


def test_too_much_concurrency_is_refused() -> None:
    with pytest.raises(SpecError, match="at most 1000"):
        function("cloud-run", "gcp", concurrency=1001)


def test_compute_of_a_serverless_family_is_serverless() -> None:
    program = compiled(document(resource("f", "compute", serviceFamily="lambda")))
    assert program.primary["kind"] == SERVERLESS


def test_a_size_names_a_rate() -> None:
    program = function("azure-functions", "azure", size="EP1")
    assert program.primary["kind"] != SERVERLESS
    assert program.primary["usd_per_hour"] == 0.21605
    with pytest.raises(SpecError) as caught:
        function("azure-functions", "azure", size="EP9")
    assert "azure-functions-ep1" in caught.value.problems[0].suggestion
