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
from cwm_gym.spec.fault import (
    DEFAULT_SEVERITY,
    FAULT_ALIASES,
    FAULT_KINDS,
    SEVERITY_WORDS,
    Fault,
    FaultKind,
    FaultParameters,
    FaultType,
    target_problems,
)
from cwm_gym.spec.fault_sampling import (
    DEFAULT_RATES,
    FaultDurations,
    FaultRates,
    FaultSampling,
    SeverityRange,
)
from cwm_gym.spec.forecast import TrafficForecast, TrafficForecastPoint
from cwm_gym.spec.live import (
    AdvanceRequest,
    AnalysisRequest,
    Annotation,
    BulkResize,
    EventSeverity,
    FaultPatch,
    HybridAdvanceRequest,
    HybridConfig,
    InjectTraffic,
    PatternPatch,
    SimulationPatch,
    TroubleshootRequest,
)
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
    "DEFAULT_RATES",
    "DEFAULT_SEVERITY",
    "FAULT_ALIASES",
    "FAULT_KINDS",
    "PARAMS",
    "SEVERITY_WORDS",
    "Action",
    "ActionType",
    "AddResourceParams",
    "AdjustThresholdParams",
    "AdvanceRequest",
    "AnalysisRequest",
    "Annotation",
    "AutoscalingConfig",
    "BatchStepRequest",
    "BulkResize",
    "Characteristics",
    "Connection",
    "Document",
    "EpisodeConfig",
    "ErrorCode",
    "EventSeverity",
    "Fault",
    "FaultDurations",
    "FaultKind",
    "FaultParameters",
    "FaultPatch",
    "FaultRates",
    "FaultSampling",
    "FaultType",
    "HybridAdvanceRequest",
    "HybridConfig",
    "InjectTraffic",
    "NoParams",
    "NodePool",
    "Noise",
    "PatternParameters",
    "PatternPatch",
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
    "SeverityRange",
    "Shape",
    "Simulation",
    "SimulationPatch",
    "SpecError",
    "StartOffset",
    "StepRequest",
    "TargetSLA",
    "TrafficForecast",
    "TrafficForecastPoint",
    "TrafficPattern",
    "TroubleshootRequest",
    "Workload",
    "load_document",
    "target_problems",
]
