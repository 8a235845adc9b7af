"""Actions: what an agent or an operator may ask for, and for how long a step."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import AliasChoices, Field, ValidationInfo, field_validator

from cwm_gym.spec.base import Document
from cwm_gym.spec.errors import ErrorCode, Problem
from cwm_gym.spec.problems import pointer, read
from cwm_gym.spec.quantities import Count, NonNegative, Percent, Text, TickSeconds
from cwm_gym.spec.resource import Provider, RecoveryPolicy, Resource

ActionType = Literal[
    "adjust_threshold",
    "scale_out",
    "scale_in",
    "add_resource",
    "remove_resource",
    "no_op",
    "set_recovery_policy",
]
AddableType = Literal[
    "compute",
    "database",
    "storage",
    "network",
    "security",
    "kubernetes",
    "cache",
    "queue",
    "serverless",
]


class NoParams(Document):
    """Parameters of ``no_op``: none."""


class ScaleParams(Document):
    """Parameters of ``scale_out`` and ``scale_in``."""

    instance_count: Count = 1
    """Instances to add or remove."""
    resource_id: Text | None = None
    """Resource to scale; None = the scaled pool of the simulation (extension)."""
    node_pool: Text | None = None
    """Kubernetes: name of the node pool (extension)."""


class AdjustThresholdParams(Document):
    """Parameters of ``adjust_threshold``: the scale-out side of the built-in autoscaler."""

    cpu_threshold: Percent | None = None
    """CPU utilisation, percent; None leaves it as it is."""
    throughput_threshold: Percent | None = None
    """Share of capacity, percent; None leaves it as it is."""
    latency_threshold: NonNegative | None = None
    """P95 latency, ms; None leaves it as it is."""
    resource_id: Text | None = None
    """Resource whose autoscaler is meant; None = that of the scaled pool (extension)."""


class AddResourceParams(Document):
    """Parameters of ``add_resource``: a whole resource, or its type, provider and size."""

    resource: Resource | None = None
    """The resource to add."""
    resource_type: AddableType | None = None
    """Type of the resource to add."""
    provider: Provider | None = None
    """Provider of the resource to add."""
    target_size: Text | None = None
    """Size of the resource to add; None = the catalog's default for its type."""
    region_key: Text | None = None
    """Region of the resource to add; None = that of the simulation's first resource."""

    @classmethod
    def _conflicts(cls, node: object) -> Iterable[Problem]:
        parts = ("resourceType", "provider", "targetSize", "regionKey")
        given = [name for name in parts if read(node, name) is not None]
        if read(node, "resource") is not None:
            for name in given:
                yield Problem(
                    ErrorCode.INVALID_FIELD,
                    pointer(name),
                    f"{name} cannot stand beside a whole resource",
                    "Set it inside resource.",
                )
            return
        for name in ("resourceType", "provider"):
            if name not in given:
                yield Problem(
                    ErrorCode.MISSING_REQUIRED,
                    pointer(name),
                    f"Missing required field '{name}'",
                    "Give a whole resource, or at least resourceType and provider.",
                )


class RemoveResourceParams(Document):
    """Parameters of ``remove_resource``."""

    resource_id: Text
    """Resource to remove."""


class SetRecoveryPolicyParams(Document):
    """Parameters of ``set_recovery_policy``."""

    resource_id: Text
    """Resource whose policy changes."""
    recovery_policy: RecoveryPolicy
    """The new policy; all four fields are required."""

    @classmethod
    def _conflicts(cls, node: object) -> Iterable[Problem]:
        policy = read(node, "recoveryPolicy")
        if not isinstance(policy, (RecoveryPolicy, Mapping)):
            return
        for name, field in RecoveryPolicy.model_fields.items():
            alias = field.alias or name
            given = (
                policy.is_set(name) if isinstance(policy, RecoveryPolicy) else read(policy, name)
            )
            if given in (None, False):
                yield Problem(
                    ErrorCode.MISSING_REQUIRED,
                    pointer("recoveryPolicy", alias),
                    f"Missing required field '{alias}'",
                    f"Add '{alias}'.",
                )


ActionParams = (
    NoParams
    | ScaleParams
    | AdjustThresholdParams
    | AddResourceParams
    | RemoveResourceParams
    | SetRecoveryPolicyParams
)

PARAMS: dict[str, type[Document]] = {
    "no_op": NoParams,
    "scale_out": ScaleParams,
    "scale_in": ScaleParams,
    "adjust_threshold": AdjustThresholdParams,
    "add_resource": AddResourceParams,
    "remove_resource": RemoveResourceParams,
    "set_recovery_policy": SetRecoveryPolicyParams,
}
"""Class of the parameters of each type of action."""


class Action(Document):
    """One action. The type alone decides how ``parameters`` are read.

    ``parameters`` may be left out where none are required, so that a bare ``scale_out`` adds one
    instance.
    """

    type: ActionType
    """What to do."""
    parameters: ActionParams = Field(default=NoParams(), validate_default=True)
    """How; an instance of ``PARAMS[type]``."""
    tick_seconds: TickSeconds | None = Field(
        default=None,
        validation_alias=AliasChoices("tick_seconds", "tickSeconds"),
        serialization_alias="tick_seconds",
    )
    """Length of this step alone, s; None = the episode's (extension: the specification writes it
    beside the action, as :class:`StepRequest` does)."""

    @field_validator("parameters", mode="before")
    @classmethod
    def _by_type(cls, value: Any, info: ValidationInfo) -> Any:
        kind = info.data.get("type")
        if kind is None or (isinstance(value, NoParams) and kind != "no_op"):
            value = {}
        return PARAMS.get(kind or "", NoParams).model_validate(value) if kind else NoParams()

    @classmethod
    def from_document(cls, document: Self | Mapping[str, Any]) -> Self:
        """Read an action, bare or inside a step request.

        Args:
            document: An action, its mapping, or ``{"action": {...}, "tick_seconds": ...}``.

        Returns:
            The action, with the request's ``tick_seconds``.

        Raises:
            SpecError: If the document is wrong.
        """
        if isinstance(document, Mapping) and "action" in document:
            request = StepRequest.model_validate(document)
            changes = {"tick_seconds": request.tick_seconds} if request.tick_seconds else {}
            return cls.model_validate({**request.action.to_document(), **changes})
        return cls.model_validate(document)


class StepRequest(Document):
    """An action and the length of its step, as the specification's step request has them."""

    action: Action
    """The action."""
    tick_seconds: TickSeconds | None = Field(
        default=None,
        validation_alias=AliasChoices("tick_seconds", "tickSeconds"),
        serialization_alias="tick_seconds",
    )
    """Length of this step alone, s; None = the episode's."""


class BatchStepRequest(Document):
    """Up to 30 steps to take one after the other."""

    steps: Annotated[tuple[StepRequest, ...], Field(min_length=1, max_length=30)]
    """The steps, in order."""
