from __future__ import annotations

import pytest

from cwm_gym.spec import RewardConfig, SpecError


def test_the_documented_weights_reproduce_the_specification_s_example() -> None:
    config = RewardConfig.preset("documented")
    assert config == RewardConfig()
    reward = (
        config.performance_weight * 0.578
        + config.cost_weight * 1.0
        + config.stability_weight * -0.2
        + config.sla_weight * -0.5
    )
    assert round(reward, 3) == 0.312


def test_the_dollars_preset() -> None:
    config = RewardConfig.preset("dollars")
    assert (config.kind, config.kappa, config.phi, config.sigma) == ("dollars", 2, 10, 0.25)
    assert RewardConfig.model_validate("dollars") == config
    with pytest.raises(SpecError, match="valid names are documented, dollars"):
        RewardConfig.preset("dollar")
    with pytest.raises(SpecError, match="Did you mean 'dollars'"):
        RewardConfig.model_validate("dollar")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("latencyShare", 1.1),
        ("stabilityFloor", 0.5),
        ("scalingPenalty", -0.1),
        ("pressureKnee", 0.9),
        ("pressureRampSteps", 1.5),
        ("referenceLoad", 0),
        ("dollarScale", 0),
        ("kappa", -1),
    ],
)
def test_wrong_constants_are_refused(name: str, value: float) -> None:
    with pytest.raises(SpecError) as caught:
        RewardConfig.model_validate({name: value})
    assert [problem.pointer for problem in caught.value.problems] == [f"/{name}"]
