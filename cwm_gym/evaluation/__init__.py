"""Policies over batches of episodes, and one episode looked at closely."""

from __future__ import annotations

from cwm_gym.evaluation.history import History, simulate
from cwm_gym.evaluation.recorded import replay
from cwm_gym.evaluation.result import Comparison, Evaluation
from cwm_gym.evaluation.rollout import evaluate
from cwm_gym.evaluation.static import StaticSearch, best_static

__all__ = [
    "Comparison",
    "Evaluation",
    "History",
    "StaticSearch",
    "best_static",
    "evaluate",
    "replay",
    "simulate",
]
