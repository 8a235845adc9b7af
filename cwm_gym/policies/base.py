"""What a policy is, in two forms: an agent's, and an operator's.

An agent's :class:`Policy` answers observations with actions, once a tick. An operator's
:class:`FleetPolicy` runs on a period of its own, reads what a monitoring system reports and sets
the number of instances directly, as autoscalers do. Rewards, delays and costs apply equally.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from cwm_gym.spec.errors import ErrorCode, SpecError, invalid

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
NOTHING: Mapping[str, Any] = MappingProxyType({})


class Policy(ABC):
    """Answers observations with actions.

    Attributes:
        env_kwargs: Arguments that the environment has to have for this policy to make sense.
        reset_options: What ``reset(options=...)`` has to be given at the start of an episode.
    """

    env_kwargs: Mapping[str, Any] = NOTHING
    reset_options: Mapping[str, Any] = NOTHING

    def reset(  # noqa: B027
        self, venv: Any, mask: NDArray[np.bool_], seed: int | Sequence[int]
    ) -> None:
        """Prepare for episodes that begin.

        Args:
            venv: The vector environment.
            mask: bool[N], the environments that begin an episode.
            seed: Of the policy's own randomness: ``seed + i`` for environment i, or one each.
        """

    @abstractmethod
    def act(self, obs: Any, info: dict[str, Any], world: NDArray[Any]) -> Any:
        """Choose actions.

        Args:
            obs: Batched observation.
            info: Info that came with it.
            world: ``WORLD[N]``, the true state, to be read only. A policy that reads more of it
                than an operator could know is not to be compared with those that do not.

        Returns:
            Element of the environment's batched action space.
        """


@dataclass(frozen=True)
class Signals:
    """What an autoscaler can know at a decision: one entry a world.

    Fleet counts are those of this moment. Measurements cover the time between two decisions and
    are as old as the environment's ``metric_delay_s``; before anything has been measured,
    utilisation is NaN.

    Attributes:
        time_s: float64[N], s since the start of the episode.
        ready: int64[N], instances that take requests.
        pending: int64[N], instances that are launching.
        desired: int64[N], ready + pending.
        settled: int64[N], instances that were ready during the whole measurement and still are.
        minimum: int64[N], smallest fleet allowed.
        maximum: int64[N], largest fleet allowed.
        measured_at_s: float64[N], end of the measurement, s since the start of the episode.
        utilisation: float64[N], CPU utilisation of the ready instances, 0..1, or NaN.
        demand_rps: float64[N], arrivals, requests per second.
        instance_rps: float64[N], requests per second that one instance serves at utilisation 1.
        boot_s: float64[N], s from launch to serving.
    """

    time_s: Floats
    ready: Integers
    pending: Integers
    desired: Integers
    settled: Integers
    minimum: Integers
    maximum: Integers
    measured_at_s: Floats
    utilisation: Floats
    demand_rps: Floats
    instance_rps: Floats
    boot_s: Floats

    def __len__(self) -> int:
        return len(self.time_s)


class FleetPolicy(ABC):
    """Sets the number of instances on a period of its own.

    It decides at 0, ``period_s``, 2 ``period_s``, ... of every episode, all worlds of a batch at
    once. What it wants is cut to the pool's bounds; wanting the present size does nothing.

    Attributes:
        period_s: Time between two decisions, s.
        env_kwargs: As of :class:`Policy`.
        reset_options: As of :class:`Policy`.
    """

    period_s: float
    env_kwargs: ClassVar[Mapping[str, Any]] = NOTHING
    reset_options: ClassVar[Mapping[str, Any]] = NOTHING

    def begin(self, signals: Signals) -> None:  # noqa: B027
        """Forget the past: all worlds begin an episode.

        Args:
            signals: What is known at time 0; the first call of :meth:`desired` gets the same.
        """

    @abstractmethod
    def desired(self, signals: Signals) -> Integers:
        """Decide how many instances there should be.

        Args:
            signals: What is known now.

        Returns:
            int64[N], wanted instances, launching ones included.
        """


def policy_name(policy: Any) -> str:
    """Name a policy for reports.

    Args:
        policy: Any policy.

    Returns:
        Its ``name`` attribute, else the name of its class.
    """
    name = getattr(policy, "name", None)
    return name if isinstance(name, str) else type(policy).__name__


def episode_seeds(seed: int | Sequence[int], size: int) -> list[int]:
    """Spread a seed over environments.

    Args:
        seed: ``seed + i`` for environment i, or one each.
        size: Number of environments.

    Returns:
        One seed an environment.

    Raises:
        SpecError: For the wrong number of seeds.
    """
    if isinstance(seed, int | np.integer):
        return [int(seed) + i for i in range(size)]
    if len(seed) != size:
        raise invalid("/seed", f"{len(seed)} seeds for {size} environments", "Give one each.")
    return [int(one) for one in seed]


def bad_parameter(name: str, value: object, wanted: str) -> SpecError:
    """Build the error for an unusable parameter of a policy.

    Args:
        name: The parameter.
        value: What was given.
        wanted: What it must be.

    Returns:
        The error.
    """
    return invalid(f"/{name}", f"{name} is {value!r}", f"Give {wanted}.", ErrorCode.INVALID_FIELD)


def check_number(
    name: str, value: Any, low: float, high: float = float("inf"), *, open_low: bool = False
) -> float:
    """Check a parameter that is a number in a range.

    Args:
        name: The parameter.
        value: What was given.
        low: Smallest value.
        high: Largest value.
        open_low: Whether ``low`` itself is excluded.

    Returns:
        The number.

    Raises:
        SpecError: If it is no finite number in the range.
    """
    numeric = isinstance(value, int | float | np.number) and not isinstance(value, bool)
    number = float(value) if numeric else float("nan")
    inside = low < number if open_low else low <= number
    if not (inside and number <= high and number < float("inf")):
        more = f"more than {low:g}" if open_low else f"at least {low:g}"
        most = f" and at most {high:g}" if high < float("inf") else ""
        raise bad_parameter(name, value, f"a number {more}{most}")
    return number
