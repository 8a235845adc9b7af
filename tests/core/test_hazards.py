"""Random faults: the documented law, the same for every policy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import stats

from cwm_gym.core.records import FAULT_KINDS
from cwm_gym.spec.fault_sampling import DEFAULT_RATES, FaultDurations
from tests.core.injected import ran, shop, watched
from tests.documents import with_episode

HOURS, ENVS = 8, 256
LIKELY = 1e-3  # a sound law fails a test at this level once in a thousand streams; ours is fixed

Event = dict[str, Any]


def random_faults(**sampling: Any) -> dict[str, Any]:
    document = with_episode(shop(), enableFailures=True, tick_seconds=600)
    return {**document, "faultSampling": sampling} if sampling else document


def started(events: list[Event]) -> list[Event]:
    return [event for event in events if event["kind"] == "fault_started"]


@pytest.fixture(scope="module")
def episodes() -> list[list[Event]]:
    return watched(random_faults(), ENVS, HOURS * 6)[0]


def test_every_kind_comes_at_its_rate(episodes: list[list[Event]]) -> None:
    counts = dict.fromkeys(FAULT_KINDS, 0)
    for events in episodes:
        for event in started(events):
            counts[event["fault_kind"]] += 1
    expected = {kind: getattr(DEFAULT_RATES, kind) * HOURS * ENVS for kind in FAULT_KINDS}
    assert [kind for kind in counts if counts[kind] > 0 and expected[kind] == 0] == []
    kinds = [kind for kind in FAULT_KINDS if expected[kind] > 0]
    chi2 = sum((counts[kind] - expected[kind]) ** 2 / expected[kind] for kind in kinds)
    assert stats.chi2.sf(chi2, len(kinds)) > LIKELY, counts
    total = sum(expected.values())
    assert sum(counts.values()) == pytest.approx(total, abs=4 * np.sqrt(total))


def test_they_come_as_a_poisson_process(episodes: list[list[Event]]) -> None:
    counts = np.array([len(started(events)) for events in episodes])
    dispersion = counts.var(ddof=1) / counts.mean()
    assert stats.chi2.cdf(dispersion * (ENVS - 1), ENVS - 1) == pytest.approx(0.5, abs=0.4995)
    firsts = [started(events)[0]["time_s"] / 3600 for events in episodes if started(events)]
    rate = sum(getattr(DEFAULT_RATES, kind) for kind in FAULT_KINDS)
    # Nearly all episodes have one within eight hours.
    assert stats.kstest(firsts, "expon", args=(0, 1 / rate)).pvalue > LIKELY


def test_they_last_an_exponential_time_and_are_uniformly_bad(episodes: list[list[Event]]) -> None:
    relative, severities = [], []
    for events in episodes:
        ends = {
            event["fault"]: event["time_s"] for event in events if event["kind"] == "fault_ended"
        }
        for event in started(events):
            severities.append(event["severity"])
            mean = getattr(FaultDurations(), event["fault_kind"])
            if event["fault_kind"] == "instance_kill":
                assert ends[event["fault"]] == event["time_s"]
            elif event["time_s"] < 3600 * (HOURS - 4):
                relative.append((ends[event["fault"]] - event["time_s"]) / mean)
    assert len(relative) > 500
    assert stats.kstest(relative, "expon").pvalue > LIKELY
    assert stats.kstest(severities, "uniform", args=(0.25, 0.75)).pvalue > LIKELY


def test_a_table_of_rates_stands_for_itself() -> None:
    table = {
        "ratesPerHour": {"az_outage": 3, "database_crash": 1},
        "meanDurationSeconds": {"az_outage": 60},
        "severity": {"low": 0.5, "high": 0.5},
    }
    events, _ = watched(random_faults(**table), 64, 24)
    found = [event for one in events for event in started(one)]
    zones = [event for event in found if event["fault_kind"] == "az_outage"]
    assert {event["fault_kind"] for event in found} == {"az_outage", "database_crash"}
    assert len(zones) == pytest.approx(3 * 4 * 64, abs=4 * np.sqrt(3 * 4 * 64))
    assert len(found) - len(zones) == pytest.approx(4 * 64, abs=4 * np.sqrt(4 * 64))
    assert {event["severity"] for event in found} == {0.5}
    lost = [event for one in events for event in one if event["kind"] == "instances_lost"]
    by_zone = np.bincount([event["zone"] for event in lost], minlength=3)
    assert stats.chisquare(by_zone).pvalue > LIKELY
    assert {event["resource"] for event in found if event["fault_kind"] != "az_outage"} == {"db"}


def test_a_random_kill_takes_one_instance() -> None:
    events, _ = watched(random_faults(ratesPerHour={"instance_kill": 2}), 32, 24)
    lost = [event for one in events for event in one if event["kind"] == "instances_lost"]
    assert len(lost) > 150
    assert {event["instances"] for event in lost} == {1}


def test_faults_that_nothing_can_suffer_do_not_happen() -> None:
    document = random_faults(ratesPerHour={"database_crash": 5, "spot_interruption": 5})
    del document["resources"][1]
    events, _ = watched(document, 8, 12)
    assert [event for one in events for event in started(one)] == []


def test_failures_that_are_not_enabled_do_not_happen() -> None:
    document = with_episode(random_faults(ratesPerHour={"cpu_spike": 50}), enableFailures=False)
    assert ran(document, steps=10).events == ()


def facts(episodes: list[list[Event]]) -> list[list[tuple[Any, ...]]]:
    names = ("time_s", "fault_kind", "resource", "severity", "fault")
    return [[tuple(event[name] for name in names) for event in started(one)] for one in episodes]


def test_every_policy_meets_the_same_faults() -> None:
    often = random_faults(
        ratesPerHour={"instance_kill": 2, "az_outage": 1, "network_latency": 2, "traffic_spike": 1,
                      "database_crash": 1, "memory_leak": 1}
    )  # fmt: skip
    rng = np.random.default_rng(5)
    moves = rng.integers(0, 9, (36, 32))
    still, _ = watched(often, 32, 36)
    acting, _ = watched(often, 32, 36, lambda step: moves[step])
    assert facts(still) == facts(acting)
    assert sum(map(len, facts(still))) > 500
    assert any(event["kind"] == "scale_out" for one in acting for event in one)


def test_seeds_decide_and_splits_are_unrelated() -> None:
    document = random_faults(ratesPerHour={"cpu_spike": 4})
    first = facts(watched(document, 16, 24)[0])
    assert first == facts(watched(document, 16, 24)[0])
    # Environment i of a batch is the one seeded s + i, whatever the batch.
    assert first[3:7] == facts(watched(document, 4, 24, seed=3)[0])
    assert len({tuple(one) for one in first}) == 16
    test = facts(watched(document, 16, 24, split="test")[0])
    assert all(one != other for one, other in zip(first, test, strict=True))
