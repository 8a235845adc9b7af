"""The normalised score: 0 = the best static fleet, 1 = the reference (the clairvoyant oracle)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cwm_gym.evaluation.result import Evaluation
from cwm_gym.evaluation.statistics import mean_interval
from cwm_gym.spec.errors import ErrorCode, invalid


@dataclass(frozen=True)
class Score:
    """A return between two references.

    Attributes:
        policy: The policy.
        mean: (return - zero) / (one - zero), of the mean returns; may lie outside 0..1.
        ci95: 95 % interval of ``mean`` by Student's t on the episodes' paired values; the distance
            of the references counts as known.
    """

    policy: str
    mean: float
    ci95: tuple[float, float]

    def __str__(self) -> str:
        return f"{self.policy}: {self.mean:.2f} [{self.ci95[0]:.2f}, {self.ci95[1]:.2f}]"


def score(evaluation: Evaluation, zero: Evaluation, one: Evaluation) -> Score:
    """Normalise a return between two references over the same episodes.

    Args:
        evaluation: The policy's results.
        zero: Results that score 0: those of :func:`cwm_gym.evaluation.best_static`.
        one: Results that score 1: those of the oracle.

    Returns:
        The score.

    Raises:
        SpecError: INVALID_REQUEST if the episodes differ, or if ``one`` is no better than
            ``zero``: then there is nothing to be gained, and no scale.
    """
    evaluation.compare(zero)
    distance = one.compare(zero).difference
    if not distance > 0.0:
        raise invalid(
            "",
            f"{one.policy} is no better than {zero.policy} (by {distance:.4g} an episode)",
            "Take references that differ; the best static fleet cannot be beaten here.",
            ErrorCode.INVALID_REQUEST,
        )
    values = (evaluation.returns - zero.returns) / distance
    return Score(evaluation.policy, float(np.mean(values)), mean_interval(values))
