"""What operators would deploy today, and the form in which anything else is evaluated."""

from __future__ import annotations

from cwm_gym.policies.base import FleetPolicy, Policy, Signals, policy_name
from cwm_gym.policies.hpa import HPA
from cwm_gym.policies.hpa_rule import ScalingPolicy
from cwm_gym.policies.models import ModelPolicy, as_policy
from cwm_gym.policies.operator import Operator
from cwm_gym.policies.registry import make, names
from cwm_gym.policies.simple import Idle, Random, Static, Threshold
from cwm_gym.policies.trend import Trend

__all__ = [
    "HPA",
    "FleetPolicy",
    "Idle",
    "ModelPolicy",
    "Operator",
    "Policy",
    "Random",
    "ScalingPolicy",
    "Signals",
    "Static",
    "Threshold",
    "Trend",
    "as_policy",
    "make",
    "names",
    "policy_name",
]
