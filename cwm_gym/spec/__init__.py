"""Documents that users write and read, and the one error that a bad document raises."""

from cwm_gym.spec.action import (
    PARAMS,
    Action,
    ActionType,
    AddResourceParams,
    AdjustThresholdParams,
    BatchStepRequest,
    NoParams,
    RemoveResourceParams,
    ScaleParams,
    SetRecoveryPolicyParams,
    StepRequest,
)
from cwm_gym.spec.autoscaling import AutoscalingConfig
from cwm_gym.spec.base import Document
from cwm_gym.spec.characteristics import Characteristics, NodePool
from cwm_gym.spec.episode import EpisodeConfig, TargetSLA
from cwm_gym.spec.errors import ErrorCode, Problem, RegionSuggestion, SpecError
from cwm_gym.spec.forecast import TrafficForecast, TrafficForecastPoint
from cwm_gym.spec.loading import load_document
from cwm_gym.spec.resource import (
    Connection,
    Provider,
    RecoveryPolicy,
    Resource,
    ResourceConfig,
    ResourceType,
)
from cwm_gym.spec.reward import RewardConfig
from cwm_gym.spec.simulation import Simulation
from cwm_gym.spec.traffic import PatternParameters, PatternType, Shape, TrafficPattern
from cwm_gym.spec.workload import Noise, StartOffset, Workload

__all__ = [
    "PARAMS",
    "Action",
    "ActionType",
    "AddResourceParams",
    "AdjustThresholdParams",
    "AutoscalingConfig",
    "BatchStepRequest",
    "Characteristics",
    "Connection",
    "Document",
    "EpisodeConfig",
    "ErrorCode",
    "NoParams",
    "NodePool",
    "Noise",
    "PatternParameters",
    "PatternType",
    "Problem",
    "Provider",
    "RecoveryPolicy",
    "RegionSuggestion",
    "RemoveResourceParams",
    "Resource",
    "ResourceConfig",
    "ResourceType",
    "RewardConfig",
    "ScaleParams",
    "SetRecoveryPolicyParams",
    "Shape",
    "Simulation",
    "SpecError",
    "StartOffset",
    "StepRequest",
    "TargetSLA",
    "TrafficForecast",
    "TrafficForecastPoint",
    "TrafficPattern",
    "Workload",
    "load_document",
]
