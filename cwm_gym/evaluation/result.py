"""What an evaluation found, and how two of them compare."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cwm_gym.evaluation.statistics import mean_interval
from cwm_gym.spec.errors import ErrorCode, invalid

Floats = NDArray[np.float64]

#: Columns with one number an episode: name -> field of the world's totals (``core.records``).
TOTALS = {
    "steps": "steps",
    "seconds": "seconds",
    "usd": "usd",
    "requests": "arrived",
    "failed": "failed",
    "violation_s": "violation_s",
    "scaling_actions": "scaling_actions",
    "ignored_actions": "ignored_actions",
    "instance_s": "instance_s",
}


@dataclass(frozen=True)
class Comparison:
    """The difference of two policies over the same episodes.

    Attributes:
        policy: The one.
        other: The one it is compared with.
        difference: Mean of (return of the one - return of the other) over the episodes.
        ci95: Its 95 % interval, by Student's t on the differences.
        better: Share of the episodes in which the one has the larger return.
    """

    policy: str
    other: str
    difference: float
    ci95: tuple[float, float]
    better: float

    def to_dict(self) -> dict[str, Any]:
        """Write the comparison as JSON-able values.

        Returns:
            The fields; infinite ends of the interval as None.
        """
        return {**dataclasses.asdict(self), "ci95": [finite(end) for end in self.ci95]}

    def __str__(self) -> str:
        low, high = self.ci95
        return (
            f"{self.policy} - {self.other}: {self.difference:+.3f} "
            f"[{low:+.3f}, {high:+.3f}], better in {self.better:.0%} of the episodes"
        )


@dataclass(frozen=True, eq=False)
class Evaluation:
    """Results of a policy, one entry an episode; episode i was seeded ``seed + i``.

    Rates are pooled over the episodes (all dollars over all hours), so that every second counts
    alike; returns are averaged over the episodes.

    Attributes:
        policy: Name of the policy.
        env_id: The environment.
        env_kwargs: Its arguments in JSON form.
        split: ``train`` or ``test``.
        seed: Seed of the first episode.
        returns: float64[E], sum of rewards.
        steps: int64[E], ticks.
        seconds: float64[E], simulated time, s.
        usd: float64[E], dollars spent.
        requests: float64[E], requests that arrived.
        failed: float64[E], of them timed out, rejected, refused or aborted.
        violation_s: float64[E], time in ticks that broke a promise of the SLA, s.
        latencies_p95_ms: float64[E], P95 latency, mean over the ticks of the episode, ms.
        scaling_actions: int64[E], changes of the fleet.
        ignored_actions: int64[E], actions that could do nothing.
        instance_s: float64[E], instance-seconds in service.
    """

    policy: str
    env_id: str
    env_kwargs: Mapping[str, Any]
    split: str
    seed: int
    returns: Floats
    steps: NDArray[np.int64]
    seconds: Floats
    usd: Floats
    requests: Floats
    failed: Floats
    violation_s: Floats
    latencies_p95_ms: Floats
    scaling_actions: NDArray[np.int64]
    ignored_actions: NDArray[np.int64]
    instance_s: Floats

    @classmethod
    def from_totals(
        cls,
        *,
        policy: str,
        env_id: str,
        env_kwargs: Mapping[str, Any],
        split: str,
        seed: int,
        returns: Floats,
        totals: NDArray[Any],
    ) -> Evaluation:
        """Build an evaluation from the totals of finished worlds.

        Args:
            policy: Name of the policy.
            env_id: The environment.
            env_kwargs: Its arguments; written in JSON form.
            split: ``train`` or ``test``.
            seed: Seed of the first episode.
            returns: float64[E].
            totals: ``TOTALS[E]``.

        Returns:
            The evaluation.
        """
        columns = {name: np.array(totals[field]) for name, field in TOTALS.items()}
        columns["latencies_p95_ms"] = 1e3 * totals["latency_p95_s"] / totals["steps"]
        columns["returns"] = np.array(returns)
        for column in columns.values():
            column.flags.writeable = False
        return cls(
            policy=policy,
            env_id=env_id,
            env_kwargs=jsonable(dict(env_kwargs)),
            split=split,
            seed=seed,
            **columns,
        )

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> Evaluation:
        """Read what :meth:`to_dict` has written.

        Args:
            document: The dictionary.

        Returns:
            The evaluation.
        """
        known = {field.name: document[field.name] for field in dataclasses.fields(cls)}
        for name in (*TOTALS, "latencies_p95_ms", "returns"):
            whole = name in ("steps", "scaling_actions", "ignored_actions")
            known[name] = np.array(known[name], dtype=np.int64 if whole else np.float64)
            known[name].flags.writeable = False
        return cls(**known)

    @property
    def episodes(self) -> int:
        """Number of episodes."""
        return len(self.returns)

    @property
    def return_mean(self) -> float:
        """Mean return of an episode."""
        return float(self.returns.mean())

    @property
    def return_ci95(self) -> tuple[float, float]:
        """95 % interval of the mean return, by Student's t over the episodes."""
        return mean_interval(self.returns)

    @property
    def usd_per_hour(self) -> float:
        """Dollars per simulated hour."""
        return float(self.usd.sum() / self.seconds.sum() * 3600.0)

    @property
    def sla_violation_share(self) -> float:
        """Share of the time in ticks that broke a promise of the SLA."""
        return float(self.violation_s.sum() / self.seconds.sum())

    @property
    def failed_share(self) -> float:
        """Share of the requests that failed."""
        arrived = float(self.requests.sum())
        return float(self.failed.sum()) / arrived if arrived > 0.0 else 0.0

    @property
    def latency_p95_ms(self) -> float:
        """P95 latency, mean over all ticks, ms."""
        return float((self.latencies_p95_ms * self.steps).sum() / self.steps.sum())

    @property
    def scaling_actions_per_hour(self) -> float:
        """Changes of the fleet per simulated hour."""
        return float(self.scaling_actions.sum() / self.seconds.sum() * 3600.0)

    @property
    def instances_mean(self) -> float:
        """Instances in service, mean over the time."""
        return float(self.instance_s.sum() / self.seconds.sum())

    def compare(self, other: Evaluation) -> Comparison:
        """Compare with another policy over the same episodes.

        Both met the same demand, so that the differences of paired episodes vary far less than the
        returns themselves.

        Args:
            other: The other policy's evaluation.

        Returns:
            The paired difference of returns.

        Raises:
            SpecError: INVALID_REQUEST if the episodes are not the same.
        """
        for name in ("env_id", "split", "seed", "episodes"):
            mine, its = getattr(self, name), getattr(other, name)
            if mine != its:
                raise _unpaired(f"{name} is {mine!r} here and {its!r} there")
        same_length = self.seconds == other.seconds
        apart = np.abs(self.requests - other.requests) > 1e-6 * self.requests
        if (same_length & apart).any():
            raise _unpaired("the requests that arrived differ")
        difference = self.returns - other.returns
        return Comparison(
            policy=self.policy,
            other=other.policy,
            difference=float(difference.mean()),
            ci95=mean_interval(difference),
            better=float((difference > 0.0).mean()),
        )

    def summary(self) -> dict[str, float]:
        """List the headline figures.

        Returns:
            Name -> number.
        """
        return {name: float(getattr(self, name)) for name in SUMMARY}

    def to_dict(self) -> dict[str, Any]:
        """Write the evaluation as JSON-able values.

        Returns:
            All fields, the headline figures, and ``return_ci95`` (None where infinite).
        """
        fields = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        return {
            **jsonable(fields),
            **self.summary(),
            "return_ci95": [finite(end) for end in self.return_ci95],
        }

    def __str__(self) -> str:
        low, high = self.return_ci95
        return (
            f"{self.policy} on {self.env_id}, {self.episodes} episodes: return "
            f"{self.return_mean:.2f} [{low:.2f}, {high:.2f}], {self.usd_per_hour:.3f} $/h, "
            f"SLA violated {self.sla_violation_share:.2%}, failed {self.failed_share:.3%}, "
            f"P95 {self.latency_p95_ms:.1f} ms, "
            f"{self.scaling_actions_per_hour:.2f} scaling actions/h"
        )


SUMMARY = (
    "return_mean",
    "usd_per_hour",
    "sla_violation_share",
    "failed_share",
    "latency_p95_ms",
    "scaling_actions_per_hour",
    "instances_mean",
)


def finite(value: float) -> float | None:
    """Write a number for JSON, which knows no infinity.

    Args:
        value: A number.

    Returns:
        The number, or None if it is infinite or NaN.
    """
    return value if math.isfinite(value) else None


def jsonable(value: Any) -> Any:
    """Write arguments of an environment as JSON-able values.

    Args:
        value: Documents, arrays, paths, functions, and containers of them.

    Returns:
        Plain values; a function becomes its qualified name.
    """
    if isinstance(value, Mapping):
        return {
            # A path given as traffic is a trace; a string there would be the name of a pattern.
            str(key): {"trace": str(one)}
            if key == "traffic" and isinstance(one, PurePath)
            else jsonable(one)
            for key, one in value.items()
        }
    if isinstance(value, list | tuple):
        return [jsonable(one) for one in value]
    if isinstance(value, np.ndarray | np.generic):
        return jsonable(value.tolist())
    if isinstance(value, PurePath):
        return str(value)
    if isinstance(value, float):
        return finite(value)
    if hasattr(value, "to_document"):
        return value.to_document()
    if value is None or isinstance(value, str | int):
        return value
    return getattr(value, "__qualname__", None) or repr(value)


def _unpaired(why: str) -> Exception:
    return invalid(
        "",
        f"The evaluations do not compare: {why}",
        "Evaluate both policies with the same id, arguments, split, seed and episodes.",
        ErrorCode.INVALID_REQUEST,
    )
