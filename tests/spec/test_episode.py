from __future__ import annotations

from typing import Any

import pytest

from cwm_gym.spec import EpisodeConfig, ErrorCode, SpecError, TargetSLA


def test_defaults_are_the_specification_s() -> None:
    config = EpisodeConfig()
    assert config.target_traffic_pattern == "constant"
    assert config.initial_traffic == 1000
    assert config.cost_budget_per_hour == 10
    assert config.enable_failures is False
    assert config.tick_seconds == 60
    assert (config.max_steps, config.target_sla) == (
        300,
        TargetSLA(max_latency_p95=200, max_error_rate=1),
    )
    assert config.model_fields_set == set()


@pytest.mark.parametrize(
    ("data", "where"),
    [
        ({"maxSteps": 0}, "/maxSteps"),
        ({"tick_seconds": 0}, "/tick_seconds"),
        ({"tickSeconds": 3601}, "/tickSeconds"),
        ({"initialTraffic": -1}, "/initialTraffic"),
        ({"costBudgetPerHour": 0}, "/costBudgetPerHour"),
        ({"targetSLA": {"maxLatencyP95": 0, "maxErrorRate": 1}}, "/targetSLA/maxLatencyP95"),
        ({"targetSLA": {"maxLatencyP95": 1, "maxErrorRate": 0}}, "/targetSLA/maxErrorRate"),
        ({"targetSLA": {"maxLatencyP95": 1, "maxErrorRate": 101}}, "/targetSLA/maxErrorRate"),
        ({"targetTrafficPattern": "waves"}, "/targetTrafficPattern"),
        ({"terminateOnOutage": -1}, "/terminateOnOutage"),
        ({"computeType": ""}, "/computeType"),
    ],
)
def test_wrong_values_are_refused(data: dict[str, Any], where: str) -> None:
    with pytest.raises(SpecError) as caught:
        EpisodeConfig.model_validate(data)
    assert [problem.pointer for problem in caught.value.problems] == [where]


@pytest.mark.parametrize("tick", [1, 3600])
def test_tick_bounds_are_allowed(tick: int) -> None:
    assert EpisodeConfig(tick_seconds=tick).tick_seconds == tick


def test_half_a_service_level_is_missing_the_other_half() -> None:
    with pytest.raises(SpecError) as caught:
        EpisodeConfig.model_validate({"targetSLA": {"maxLatencyP95": 200}})
    (problem,) = caught.value.problems
    assert (problem.code, problem.pointer) == (
        ErrorCode.MISSING_REQUIRED,
        "/targetSLA/maxErrorRate",
    )
