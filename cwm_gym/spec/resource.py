"""A cloud resource, in the three shapes that the specification uses, and its connections."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Literal

from pydantic import Field
from pydantic.alias_generators import to_camel

from cwm_gym.spec.base import Document
from cwm_gym.spec.characteristics import Characteristics
from cwm_gym.spec.errors import ErrorCode, Problem
from cwm_gym.spec.problems import pointer, range_problems, read, shown
from cwm_gym.spec.quantities import Count, Flag, Percent, Positive, Text, Whole

Provider = Literal["aws", "gcp", "azure", "oci", "digitalocean"]
ResourceType = Literal[
    "compute", "network", "database", "storage", "kubernetes", "cache", "queue", "serverless"
]
Status = Literal["healthy", "warning", "critical", "offline"]


class RecoveryPolicy(Document):
    """How calm a resource must be, and for how long, before its health improves.

    The warning threshold may not be above the critical one, defaults included.
    """

    critical_cpu_threshold: Percent = 80.0
    """critical -> warning needs CPU at or below this, percent."""
    critical_steps: Count = 4
    """... for this many steps in a row."""
    warning_cpu_threshold: Percent = 70.0
    """warning -> healthy needs CPU at or below this, percent."""
    warning_steps: Count = 3
    """... for this many steps in a row."""

    @classmethod
    def _conflicts(cls, node: object) -> Iterable[Problem]:
        low, high = "warningCpuThreshold", "criticalCpuThreshold"
        # Where the warning threshold is the default, the other one is what the user wrote.
        default = isinstance(node, RecoveryPolicy) and not node.is_set("warning_cpu_threshold")
        for problem in range_problems(node, low, high):
            yield replace(problem, pointer=pointer(high if default else low))


class ResourceConfig(Document):
    """Second shape of a resource's settings, under ``config``."""

    instance_type: Text | None = None
    """Size, for example ``t3.large``; :attr:`Characteristics.size`."""
    instances: Count | None = None
    """Instances at the start."""
    auto_scaling: Flag | None = None
    """The built-in autoscaler may act on it; :attr:`Characteristics.autoscaling`."""
    min_instances: Whole | None = None
    """Smallest fleet."""
    max_instances: Count | None = None
    """Largest fleet."""
    multi_az: Flag | None = Field(default=None, alias="multiAZ")
    """A standby in another zone; :attr:`Characteristics.ha`."""
    storage_gb: Positive | None = Field(default=None, alias="storageGB")
    """Provisioned storage, GB; :attr:`Characteristics.capacity_gb`."""
    tier: Text | None = None
    """Service tier, for example ``standard``."""
    target_capacity: Positive | None = None
    """Requests per second that the service is sized for; :attr:`Characteristics.max_throughput`."""

    @classmethod
    def _conflicts(cls, node: object) -> Iterable[Problem]:
        return range_problems(node, "minInstances", "maxInstances", "instances")


# Where a setting may stand besides ``characteristics``, and which of its attributes it means.
_ELSEWHERE: tuple[tuple[tuple[str, ...], str], ...] = (
    (("serviceFamily",), "service_family"),
    (("region",), "region"),
    (("instances",), "instances"),
    (("config", "instanceType"), "size"),
    (("config", "instances"), "instances"),
    (("config", "autoScaling"), "autoscaling"),
    (("config", "minInstances"), "min_instances"),
    (("config", "maxInstances"), "max_instances"),
    (("config", "multiAZ"), "ha"),
    (("config", "storageGB"), "capacity_gb"),
    (("config", "tier"), "tier"),
    (("config", "targetCapacity"), "max_throughput"),
)


class Resource(Document):
    """One cloud resource.

    Settings may stand in ``characteristics`` (first shape), in ``config`` with ``serviceFamily``
    and ``region`` beside it (second shape), or as a bare ``instances`` (third shape, of
    observations). The shapes may be mixed as long as they do not contradict each other;
    :meth:`settings` gives them merged.
    """

    id: Text
    """Unique within the simulation."""
    type: ResourceType
    """What it is; decides the class of its behaviour."""
    name: str
    """For people."""
    provider: Provider
    """Cloud provider."""
    status: Status = "healthy"
    """Health at the start."""
    characteristics: Characteristics | None = None
    """Settings, first shape."""
    config: ResourceConfig | None = None
    """Settings, second shape."""
    service_family: Text | None = None
    """Second shape: the provider's service, for example ``ec2``."""
    region: Text | None = None
    """Second shape: the provider's region, for example ``us-east-1``."""
    instances: Count | None = None
    """Third shape: instances at the start."""
    recovery_policy: RecoveryPolicy | None = None
    """When its health improves; None means the defaults of :class:`RecoveryPolicy`."""

    def settings(self) -> Characteristics:
        """Merge the three shapes.

        Returns:
            All settings as :class:`Characteristics`; what nobody set is None.
        """
        merged = {} if self.characteristics is None else dict(self.characteristics)
        merged |= {target: places[0][1] for target, places in _stated(self).items()}
        set_ones = {name: value for name, value in merged.items() if value is not None}
        return Characteristics.model_construct(**set_ones)

    @classmethod
    def _conflicts(cls, node: object) -> Iterable[Problem]:
        stated = _stated(node)
        for places in stated.values():
            first, value = places[0]
            for other, another in places[1:]:
                if another != value:
                    yield Problem(
                        ErrorCode.INVALID_FIELD,
                        other,
                        f"{other[1:]} ({shown(another)}) contradicts {first[1:]} ({shown(value)})",
                        "Set it in one place.",
                    )
        yield from _fleet_problems(stated)


def _stated(node: object) -> dict[str, list[tuple[str, Any]]]:
    """Find every place of a setting: attribute of Characteristics -> [(pointer, value), ...]."""
    found: dict[str, list[tuple[str, Any]]] = {}
    places = dict.fromkeys(target for _, target in _ELSEWHERE)
    inner = [(("characteristics", target), target) for target in places]
    for path, target in (*_ELSEWHERE, *inner):
        value: Any = node
        for token in path:
            value = read(value, token)
        if value is not None:
            names = (*path[:-1], to_camel(path[-1]))
            found.setdefault(target, []).append((pointer(*names), value))
    return found


def _fleet_problems(stated: Mapping[str, list[tuple[str, Any]]]) -> Iterable[Problem]:
    """Compare instances with bounds of another shape; within a shape it checks its own."""
    names = {"min_instances": "minInstances", "max_instances": "maxInstances"}
    names["instances"] = "instances"
    first = {names[target]: places[0] for target, places in stated.items() if target in names}
    if len({where.rpartition("/")[0] for where, _ in first.values()}) < 2:
        return
    values = {name: value for name, (_, value) in first.items()}
    for problem in range_problems(values, "minInstances", "maxInstances", "instances"):
        yield replace(problem, pointer=first[problem.pointer[1:]][0])


class Connection(Document):
    """A directed edge along which requests flow."""

    source_id: Text
    """Resource that sends."""
    target_id: Text
    """Resource that receives."""

    @classmethod
    def _conflicts(cls, node: object) -> Iterable[Problem]:
        source = read(node, "sourceId")
        if source is not None and source == read(node, "targetId"):
            yield Problem(
                ErrorCode.INVALID_FIELD,
                pointer("targetId"),
                f"Resource '{source}' is connected to itself",
                "Remove the connection.",
            )
