"""Fault documents become parameters."""

from __future__ import annotations

import math
from typing import Any

import pytest

from cwm_gym import spec
from cwm_gym.compiler import Program
from cwm_gym.core import records
from cwm_gym.core.records import FAULT_KINDS, MAX_FAULTS
from cwm_gym.spec import FaultSampling, SpecError
from cwm_gym.spec.fault_sampling import DEFAULT_RATES
from tests.compiler.compiling import compiled, document, resource

PARTS = (
    resource("lb", "network", region="us-east-1"),
    resource("web", region="us-east-1"),
    resource("db", "database", region="eu-west-1"),
)
EDGES = "lb>web web>db"


def faulty(*faults: dict[str, Any], **more: Any) -> Program:
    return compiled(document(*PARTS, edges=EDGES, faults=list(faults), **more))


def test_times_become_seconds() -> None:
    program = compiled(
        document(
            *PARTS,
            edges=EDGES,
            episode={"tick_seconds": 30},
            faults=[
                {"type": "kill_zone", "injectionTime": 4, "duration": 6, "targetId": "us-east-1b"},
                {"type": "cpu_spike", "startTime": 2},
                {"type": "instance_kill", "startTime": 5},
                {"type": "memory_leak", "startTime": 1, "isActive": False},
            ],
        )
    )
    assert program.params["n_faults"] == 3
    first, second, third = program.params["fault"][:3]
    assert FAULT_KINDS[first["kind"]] == "az_outage"
    assert (first["start_s"], first["end_s"]) == (120, 300)
    assert program.zones[first["zone"]] == "us-east-1b"
    assert first["severity"] == 1
    assert math.isinf(second["end_s"])
    assert second["target"] == second["zone"] == second["region"] == -1
    assert third["start_s"] == third["end_s"] == 150


def test_targets_become_tiers() -> None:
    program = faulty(
        {"type": "database_crash", "startTime": 1, "targetResourceId": "db"},
        {"type": "cpu_spike", "startTime": 1, "targetId": "web", "severity": "severe"},
        {"type": "network_latency", "startTime": 1, "targetId": "lb"},
        {"type": "network_partition", "startTime": 1, "targetId": "us-east-1-eu-west-1-link"},
        {"type": "az_outage", "startTime": 1, "targetId": "web"},
    )
    faults = program.params["fault"]
    assert faults["target"][:5].tolist() == [8, 0, -1, -1, 0]
    assert faults["severity"][1] == 0.8
    ends = [program.regions[faults[end][3]] for end in ("region", "other_region")]
    assert ends == ["us-east-1", "eu-west-1"]
    assert faults["region"][:3].tolist() == [-1, -1, -1]
    assert faults["zone"][4] == -1


def test_a_queue_as_target_means_the_pool_behind_it() -> None:
    program = compiled(
        document(
            resource("web"),
            resource("q", "queue"),
            resource("worker"),
            edges="web>q q>worker",
            faults=[{"type": "cpu_spike", "startTime": 0, "targetId": "q"}],
        )
    )
    assert program.params["fault"]["target"][0] == program.target_index("worker")


@pytest.mark.parametrize(
    ("kind", "parameters", "field", "value"),
    [
        ("network_latency", {"latencyMs": 250}, "amount", 0.25),
        ("database_slowdown", {"slowdown": 3}, "amount", 3),
        ("traffic_spike", {"multiplier": 5}, "amount", 5),
        ("instance_kill", {"instances": 2}, "amount", 2),
        ("az_outage", {"errorRateIncrease": 0.4}, "errors", 0.4),
        ("spot_interruption", {"noticeSeconds": 12}, "notice_s", 12),
    ],
)
def test_stated_effects(kind: str, parameters: dict[str, float], field: str, value: float) -> None:
    record = faulty({"type": kind, "startTime": 1, "parameters": parameters}).params["fault"][0]
    assert record[field] == value
    bare = faulty({"type": kind, "startTime": 1}).params["fault"][0]
    if kind == "instance_kill":
        # A bare kill takes a single instance; a severity is a share of them.
        assert bare["amount"] == 1
        share = faulty({"type": kind, "startTime": 1, "severity": 0.5}).params["fault"][0]
        assert math.isnan(share["amount"])
    else:
        assert math.isnan(bare["amount"])
    assert math.isnan(bare["errors"])
    assert bare["notice_s"] == -1


@pytest.mark.parametrize(
    ("provider", "name", "zone"),
    [
        ("aws", "us-east-1a", "us-east-1a"),
        ("gcp", "us-central1-a", "us-central1-a"),
        ("azure", "east-us-zone-1", "eastus-1"),
        ("oci", "AD-1", "us-ashburn-1/AD-1"),
        ("digitalocean", "nyc3", "nyc3"),
    ],
)
def test_the_specifications_names_of_zones(provider: str, name: str, zone: str) -> None:
    program = compiled(
        document(
            resource("web", provider=provider),
            faults=[{"type": "az_outage", "startTime": 0, "targetZone": name}],
        )
    )
    fault = program.params["fault"][0]
    assert program.zones[fault["zone"]] == zone
    assert fault["zone"] == program.primary["zone"][0]


def test_zones_and_links_where_nothing_stands_change_nothing() -> None:
    program = faulty(
        {"type": "az_outage", "startTime": 0, "targetZone": "us-west-2a"},
        {"type": "network_partition", "startTime": 0, "targetId": "us-east-1-us-west-2-link"},
        episode={"enableFailures": True},
    )
    fault = program.params["fault"][0]
    assert program.zones[fault["zone"]] == "us-west-2a"
    assert fault["zone"] not in program.primary["zone"][: program.primary["zones"]]
    # Random outages hit zones in which something stands.
    assert program.params["sampling"]["n_zones"] == 4


@pytest.mark.parametrize(
    ("fault", "pointer"),
    [
        ({"type": "az_outage", "targetZone": "us-east-9z"}, "/faults/0/targetZone"),
        ({"type": "network_partition", "targetId": "us-east-1-moon-link"}, "/faults/0/targetId"),
        ({"type": "database_crash", "targetId": "web"}, "/faults/0/targetId"),
        ({"type": "instance_kill", "targetResourceId": "db"}, "/faults/0/targetResourceId"),
        ({"type": "cpu_spike", "targetId": "lb"}, "/faults/0/targetId"),
    ],
)
def test_what_cannot_be_hit_is_refused(fault: dict[str, Any], pointer: str) -> None:
    with pytest.raises(SpecError) as caught:
        faulty({"startTime": 0, **fault})
    assert caught.value.problems[0].pointer == pointer


def test_more_faults_than_fit_are_refused() -> None:
    many = [{"type": "cpu_spike", "startTime": step} for step in range(MAX_FAULTS + 1)]
    with pytest.raises(SpecError) as caught:
        faulty(*many)
    assert caught.value.problems[0].pointer == f"/faults/{MAX_FAULTS}"


def test_random_faults_happen_where_failures_are_enabled() -> None:
    table = {"ratesPerHour": {"instance_kill": 2}, "severity": {"low": 0.1, "high": 0.2}}
    assert faulty(faultSampling=table).params["sampling"]["on"] == 0
    enabled = {"enableFailures": True}
    own = faulty(faultSampling=table, episode=enabled).params["sampling"]
    assert own["on"] == 1
    assert own["rate_per_hour"].tolist() == [2] + [0] * (len(FAULT_KINDS) - 1)
    assert own["duration_s"][FAULT_KINDS.index("az_outage")] == 1200
    assert (own["severity_low"], own["severity_high"]) == (0.1, 0.2)
    default = faulty(episode=enabled).params["sampling"]
    assert default["rate_per_hour"][FAULT_KINDS.index("cpu_spike")] == DEFAULT_RATES.cpu_spike


def test_what_the_environment_is_given_replaces_the_documents() -> None:
    base = document(*PARTS, edges=EDGES, faults=[{"type": "cpu_spike", "startTime": 1}])
    spike = {"type": "traffic_spike", "startTime": 2}
    rates = {"ratesPerHour": {"az_outage": 1}}
    for asked, count, kind, on in (
        (None, 1, "cpu_spike", 0),
        ([], 0, None, 0),
        (spike, 1, "traffic_spike", 0),
        ([spike, {**spike, "startTime": 9}], 2, "traffic_spike", 0),
        (rates, 1, "cpu_spike", 1),
        (FaultSampling.model_validate(rates), 1, "cpu_spike", 1),
        ([spike, rates], 1, "traffic_spike", 1),
        ({"faults": [spike], "sampling": rates}, 1, "traffic_spike", 1),
        ({"sampling": rates}, 1, "cpu_spike", 1),
    ):
        params = compiled(base, faults=asked).params
        assert params["n_faults"] == count, asked
        if kind is not None:
            assert FAULT_KINDS[params["fault"]["kind"][0]] == kind, asked
        assert params["sampling"]["on"] == on, asked


@pytest.mark.parametrize(
    ("asked", "pointer"),
    [
        (3, "/faults"),
        ("cpu_spike", "/faults"),
        ([3], "/faults/0"),
        ({"type": "cpu_spik", "startTime": 1}, "/faults/type"),
        ([{"type": "cpu_spike"}], "/faults/0/startTime"),
        ({"faults": [{"type": "cpu_spike"}]}, "/faults/faults/0/startTime"),
        ({"sampling": {"severity": {"low": 2}}}, "/faults/sampling/severity/low"),
        ([{"type": "cpu_spike", "startTime": 1, "targetId": "wbe"}], "/faults/0/targetId"),
    ],
)
def test_what_are_not_faults_is_refused(asked: Any, pointer: str) -> None:
    with pytest.raises(SpecError) as caught:
        compiled(document(*PARTS, edges=EDGES), faults=asked)
    assert caught.value.problems[0].pointer == pointer


def test_documents_and_kernel_know_the_same_kinds() -> None:
    assert spec.FAULT_KINDS == records.FAULT_KINDS
