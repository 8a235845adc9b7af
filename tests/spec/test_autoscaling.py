from __future__ import annotations

from typing import Any

import pytest

from cwm_gym.spec import AutoscalingConfig, SpecError


def test_what_is_left_out_is_left_to_the_provider() -> None:
    config = AutoscalingConfig.model_validate({"scaleOutCpuThreshold": 70, "maxInstances": 12})
    assert config.to_document() == {"scaleOutCpuThreshold": 70, "maxInstances": 12}
    assert config.scale_in_cpu_threshold is None


@pytest.mark.parametrize(
    ("data", "where"),
    [
        ({"scaleOutCpuThreshold": 101}, "/scaleOutCpuThreshold"),
        ({"scaleOutLatencyThreshold": -1}, "/scaleOutLatencyThreshold"),
        ({"cooldownSeconds": -1}, "/cooldownSeconds"),
        ({"minInstances": 5, "maxInstances": 4}, "/minInstances"),
        ({"maxInstances": 0}, "/maxInstances"),
        ({"maxInstances": 2.5}, "/maxInstances"),
        ({"scaleInCpuThreshold": 70, "scaleOutCpuThreshold": 70}, "/scaleInCpuThreshold"),
        (
            {"scaleInThroughputThreshold": 80, "scaleOutThroughputThreshold": 70},
            "/scaleInThroughputThreshold",
        ),
    ],
)
def test_wrong_values_are_refused(data: dict[str, Any], where: str) -> None:
    with pytest.raises(SpecError) as caught:
        AutoscalingConfig.model_validate(data)
    assert [problem.pointer for problem in caught.value.problems] == [where]
