from __future__ import annotations

import pickle
from typing import Any

import pytest

from cwm_gym.spec import (
    DEFAULT_RATES,
    FAULT_KINDS,
    FaultDurations,
    FaultRates,
    FaultSampling,
    SpecError,
)


def sampling(document: dict[str, Any]) -> FaultSampling:
    found = FaultSampling.model_validate(document)
    assert FaultSampling.model_validate(found.to_document()) == found
    assert hash(found) == hash(pickle.loads(pickle.dumps(found)))
    return found


def test_the_tables_cover_every_kind_in_order() -> None:
    assert tuple(FaultRates.model_fields) == FAULT_KINDS
    assert tuple(FaultDurations.model_fields) == FAULT_KINDS
    found = sampling({})
    assert tuple(found.rates()) == tuple(found.durations()) == FAULT_KINDS


def test_defaults_are_rare_and_leave_markets_and_demand_alone() -> None:
    found = sampling({})
    assert found.rates_per_hour == DEFAULT_RATES
    never = {kind for kind, rate in found.rates().items() if rate == 0}
    assert never == {"spot_interruption", "traffic_spike"}
    assert 0 < sum(found.rates().values()) < 2
    lasting = {kind: seconds for kind, seconds in found.durations().items() if seconds}
    assert set(FAULT_KINDS) - set(lasting) == {"instance_kill", "spot_interruption"}
    assert all(300 <= seconds <= 1200 for seconds in lasting.values())
    assert (found.severity.low, found.severity.high) == (0.25, 1.0)


def test_a_table_of_rates_stands_for_itself() -> None:
    rates = sampling({"ratesPerHour": {"az_outage": 1.5}}).rates()
    assert {kind: rate for kind, rate in rates.items() if rate} == {"az_outage": 1.5}
    assert not any(sampling({"ratesPerHour": {}}).rates().values())


def test_durations_left_out_keep_their_defaults() -> None:
    changed = sampling({"meanDurationSeconds": {"instance_kill": 60}}).durations()
    assert changed == sampling({}).durations() | {"instance_kill": 60}


def test_kinds_may_be_spelled_as_in_faults() -> None:
    found = sampling({"ratesPerHour": {"kill_zone": 1, "networkLatency": 2, "kill_instance": 3}})
    assert found.to_document() == {
        "ratesPerHour": {"az_outage": 1, "network_latency": 2, "instance_kill": 3}
    }


@pytest.mark.parametrize(
    ("document", "where"),
    [
        ({"ratesPerHour": {"az_outage": -1}}, "/ratesPerHour/az_outage"),
        ({"ratesPerHour": {"meteor": 1}}, "/ratesPerHour/meteor"),
        ({"ratesPerHour": {"az_outage": 1, "kill_zone": 1}}, "/ratesPerHour/kill_zone"),
        ({"meanDurationSeconds": {"az_outage": 0}}, "/meanDurationSeconds/az_outage"),
        ({"severity": {"low": 0.6, "high": 0.5}}, "/severity/low"),
        ({"severity": {"high": 1.5}}, "/severity/high"),
        ({"severity": {"low": 0, "high": 0}}, "/severity/high"),
    ],
)
def test_wrong_tables_are_refused(document: dict[str, Any], where: str) -> None:
    with pytest.raises(SpecError) as caught:
        FaultSampling.model_validate(document)
    assert [problem.pointer for problem in caught.value.problems] == [where]


def test_an_unknown_kind_is_met_with_the_closest() -> None:
    with pytest.raises(SpecError, match="Did you mean 'az_outage'"):
        FaultSampling.model_validate({"ratesPerHour": {"az_outge": 1}})
