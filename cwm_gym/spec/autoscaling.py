"""The built-in autoscaler's configuration."""

from __future__ import annotations

from collections.abc import Iterable

from cwm_gym.spec.base import Document
from cwm_gym.spec.errors import ErrorCode, Problem
from cwm_gym.spec.problems import pointer, range_problems, read_number
from cwm_gym.spec.quantities import Count, NonNegative, Percent, Whole


class AutoscalingConfig(Document):
    """Thresholds, cooldown and bounds of the built-in autoscaler.

    A field left out takes the value of the provider's autoscaling profile in the catalog.
    """

    scale_out_cpu_threshold: Percent | None = None
    """CPU utilisation above which an instance is added, percent."""
    scale_in_cpu_threshold: Percent | None = None
    """CPU utilisation below which an instance is removed, percent."""
    scale_out_throughput_threshold: Percent | None = None
    """Share of the pool's capacity above which an instance is added, percent."""
    scale_in_throughput_threshold: Percent | None = None
    """Share of the pool's capacity below which an instance is removed, percent."""
    scale_out_latency_threshold: NonNegative | None = None
    """P95 latency above which an instance is added, ms."""
    cooldown_seconds: NonNegative | None = None
    """Pause after a scaling action, s."""
    min_instances: Whole | None = None
    """Smallest fleet."""
    max_instances: Count | None = None
    """Largest fleet."""
    sustain_steps: Count | None = None
    """Evaluations in a row for which a trigger must hold before it fires (extension)."""

    @classmethod
    def _conflicts(cls, node: object) -> Iterable[Problem]:
        yield from range_problems(node, "minInstances", "maxInstances")
        for metric in ("Cpu", "Throughput"):
            low, high = f"scaleIn{metric}Threshold", f"scaleOut{metric}Threshold"
            inner, outer = read_number(node, low), read_number(node, high)
            if inner is not None and outer is not None and inner >= outer:
                yield Problem(
                    ErrorCode.INVALID_FIELD,
                    pointer(low),
                    f"{low} ({inner:g}) must be below {high} ({outer:g})",
                    "Otherwise the fleet would grow and shrink at the same load.",
                )
