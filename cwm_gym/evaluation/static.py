"""The best static fleet: the zero of the normalised score."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cwm_gym.evaluation.result import Evaluation
from cwm_gym.evaluation.rollout import DEFAULT_ID, make_batch, play, whole
from cwm_gym.policies.simple import Static
from cwm_gym.spec.errors import invalid

_LARGEST_BATCH = 4096


@dataclass(frozen=True, eq=False)
class StaticSearch:
    """Every static fleet over the same episodes.

    Attributes:
        evaluations: Size -> results.
    """

    evaluations: Mapping[int, Evaluation]

    @property
    def size(self) -> int:
        """Instances of the fleet with the largest mean return; the smaller of equals."""
        return max(sorted(self.evaluations), key=lambda n: self.evaluations[n].return_mean)

    @property
    def policy(self) -> Static:
        """The policy that holds the best fleet."""
        return Static(self.size)

    @property
    def evaluation(self) -> Evaluation:
        """Results of the best fleet."""
        return self.evaluations[self.size]

    @property
    def return_means(self) -> dict[int, float]:
        """Size -> mean return."""
        return {n: one.return_mean for n, one in self.evaluations.items()}


def best_static(
    env_id: str = DEFAULT_ID,
    episodes: int = 24,
    seed: int = 0,
    *,
    env_kwargs: Mapping[str, Any] | None = None,
    split: str = "test",
    sizes: Sequence[int] | None = None,
) -> StaticSearch:
    """Find the best fleet of constant size, on the evaluation episodes themselves.

    One fleet for all episodes, chosen with hindsight: more than an operator could do without
    looking ahead, and the bar that any policy which changes the fleet has to clear.

    Args:
        env_id: The environment.
        episodes: As of :func:`cwm_gym.evaluate`.
        seed: As of :func:`cwm_gym.evaluate`.
        env_kwargs: As of :func:`cwm_gym.evaluate`.
        split: As of :func:`cwm_gym.evaluate`.
        sizes: Fleets to try; from the smallest to the largest allowed if None.

    Returns:
        The best fleet and the results of all.

    Raises:
        SpecError: For anything wrong in the arguments.
    """
    whole("episodes", episodes, 1)
    whole("seed", seed, 0)
    given = {**(env_kwargs or {})}
    probe = make_batch(None, env_id, 1, given, split)
    programs = probe.programs
    probe.close()
    if sizes is None:
        pools = [program.primary for program in programs]
        low, high = min(int(p["minimum"]) for p in pools), max(int(p["maximum"]) for p in pools)
        sizes = range(low, high + 1)
    tried = sorted({whole("sizes", n, 0) for n in sizes})
    if not tried:
        raise invalid("/sizes", "There is no size to try", "Give at least one.")
    # Whole rounds, as in evaluate.
    share = -(-episodes // len(programs)) * len(programs)
    found: dict[int, Evaluation] = {}
    at_once = max(1, _LARGEST_BATCH // share)
    for start in range(0, len(tried), at_once):
        group = tried[start : start + at_once]
        for n, (returns, totals) in zip(
            group, _play_sizes(group, share, env_id, seed, given, split), strict=True
        ):
            found[n] = Evaluation.from_totals(
                policy=f"static({n})",
                env_id=env_id,
                env_kwargs=given,
                split=split,
                seed=int(seed),
                returns=returns[:episodes],
                totals=totals[:episodes],
            )
    return StaticSearch(found)


def _play_sizes(
    group: Sequence[int],
    share: int,
    env_id: str,
    seed: int,
    env_kwargs: Mapping[str, Any],
    split: str,
) -> list[tuple[NDArray[np.float64], NDArray[Any]]]:
    """Run all sizes side by side, ``share`` episodes each."""
    venv = make_batch(None, env_id, len(group) * share, env_kwargs, split)
    seeds = [seed + i for i in range(share)] * len(group)
    member = np.repeat(np.arange(len(group)), share)

    def begin() -> tuple[Any, dict[str, Any]]:
        for k, n in enumerate(group):
            options = {"fleet": n, "reset_mask": member == k}
            started = venv.reset(seed=seeds, options=options)
        return started  # type: ignore[no-any-return]

    try:
        returns = play(venv, Static(group[0]), seeds, begin)
        totals = venv.worlds["totals"].copy()
    finally:
        venv.close()
    return [(returns[member == k], totals[member == k]) for k in range(len(group))]
