"""A compiled scenario and how it is made."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cwm_gym import catalog
from cwm_gym.compiler import defaults
from cwm_gym.compiler.demand import Traffic, write_demand
from cwm_gym.compiler.resources import write_database, write_fixed, write_pool
from cwm_gym.compiler.topology import Topology, arrange
from cwm_gym.core.queueing.records import MAX_POOLS
from cwm_gym.core.records import LAYOUT_VERSION, MAX_DRAWS, MAX_SAMPLES, PARAMS, parameter_offsets
from cwm_gym.spec import EpisodeConfig, RewardConfig, Simulation
from cwm_gym.spec.errors import ErrorCode, closest, invalid

AUTOSCALER_MODES = ("off", "on")
QUANTILES = ("p95", "all")
SPLITS = ("train", "test")
# The clock's grid belongs to all episodes alike.
_NEVER_DRAWN = frozenset({"episode.tick_s"})


@dataclass(frozen=True)
class Options:
    """What an environment may ask of the compiler beyond the documents.

    Attributes:
        traffic: Demand in place of the documents'.
        reward: Reward in place of the simulation's.
        randomize: Parameter name -> (low, high), drawn uniformly for every episode.
        metric_delay_s: Age of the observed metrics, s.
        action_cooldown_s: Pause after a scaling action of the agent, s.
        autoscaler: ``on`` lets the built-in autoscaler act.
        quantiles: ``all`` computes P50 and P99 besides P95.
        split: ``train`` or ``test``.
        max_episode_steps: Length of the episode in place of ``maxSteps``.
    """

    traffic: Traffic | None = None
    reward: RewardConfig | None = None
    randomize: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    metric_delay_s: float = 0.0
    action_cooldown_s: float = 0.0
    autoscaler: str = "off"
    quantiles: str = "p95"
    split: str = "train"
    max_episode_steps: int | None = None


@dataclass(frozen=True)
class Program:
    """A scenario ready for the kernel.

    Attributes:
        params: ``PARAMS`` record.
        tables: float64[M], samples that its demand patterns refer to.
        simulation: The document it was compiled from.
        episode: The episode in force.
        pools: Names of the compute pools, in the order of ``params["pool"]``.
        randomized: Names of the parameters drawn per episode, in the order of the draws.
    """

    params: Any
    tables: NDArray[np.float64]
    simulation: Simulation
    episode: EpisodeConfig
    pools: tuple[str, ...]
    randomized: tuple[str, ...] = ()

    @property
    def primary(self) -> Any:
        """``POOL_PARAMS`` record of the pool that is scaled."""
        return self.params["pool"][int(self.params["episode"]["primary"])]

    @property
    def capacity_rps(self) -> float:
        """Capacity of the scaled pool's largest fleet, requests per second."""
        p = self.primary
        return float(p["maximum"] * p["vcpus"] / p["cpu_s_per_request"])


def compile_simulation(
    simulation: Simulation, episode: EpisodeConfig | None = None, options: Options | None = None
) -> Program:
    """Compile a simulation, an episode and options into one scenario.

    Args:
        simulation: What runs.
        episode: Fields set here replace those of the simulation's own episode.
        options: What the environment asks for.

    Returns:
        The compiled scenario.

    Raises:
        SpecError: If something cannot be simulated or does not exist in the catalog.
    """
    options = options or Options()
    _check(options)
    episode = _merged(simulation.episode, episode)
    if episode.enable_failures:
        raise invalid(
            "/episode/enableFailures",
            "Random failures are not simulated yet",
            "Set enableFailures to false.",
        )
    topology = arrange(simulation)
    record = np.zeros((), PARAMS)
    record["n_pools"] = len(topology.pools)
    for index, one in enumerate(topology.pools):
        primary = index == topology.primary
        size = episode.compute_type if primary else None
        write_pool(record["pool"][index], one, simulation, primary, size)
    write_database(record["database"], topology.database, topology.database_reached)
    write_fixed(record, topology)
    _write_episode(record["episode"], episode, options, topology)
    _write_autoscaler(record["autoscaler"], simulation, options, topology)
    pool = record["pool"][topology.primary]
    capacity = float(pool["maximum"] * pool["vcpus"] / pool["cpu_s_per_request"])
    tables = write_demand(
        record["demand"],
        simulation,
        episode,
        options.traffic,
        max_steps=int(record["episode"]["max_steps"]),
        split=options.split,
        capacity_rps=capacity,
    )
    _write_reward(record, options.reward or simulation.reward or RewardConfig())
    names = _write_draws(record, options.randomize)
    record["fingerprint"] = _fingerprint(record, tables)
    return Program(
        params=record,
        tables=tables,
        simulation=simulation,
        episode=episode,
        pools=tuple(one.resource.id for one in topology.pools),
        randomized=names,
    )


def _merged(base: EpisodeConfig | None, over: EpisodeConfig | None) -> EpisodeConfig:
    if base is None or over is None:
        return over or base or EpisodeConfig()
    return base.patched({name: getattr(over, name) for name in over.model_fields_set})


def _check(options: Options) -> None:
    for value, known, name in (
        (options.autoscaler, AUTOSCALER_MODES, "autoscaler"),
        (options.quantiles, QUANTILES, "quantiles"),
        (options.split, SPLITS, "split"),
    ):
        if value not in known:
            raise invalid(
                f"/{name}", f"Unknown {name} {value!r}", f"Use one of: {', '.join(known)}."
            )
    for number, name in (
        (options.metric_delay_s, "metric_delay_s"),
        (options.action_cooldown_s, "action_cooldown_s"),
    ):
        if not (_is_number(number) and 0.0 <= number < float("inf")):
            raise invalid(f"/{name}", f"{name} is {number!r}", "Give seconds, 0 or more.")
    steps = options.max_episode_steps
    if steps is not None and not (_is_number(steps) and steps >= 1 and steps % 1 == 0):
        raise invalid(
            "/max_episode_steps",
            f"max_episode_steps is {steps!r}",
            "Give a whole number, 1 or more.",
        )


def _is_number(value: object) -> bool:
    return isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)


def _write_episode(
    record: Any, episode: EpisodeConfig, options: Options, topology: Topology
) -> None:
    tick_s = float(episode.tick_seconds)
    if options.metric_delay_s > (MAX_SAMPLES - 1) * tick_s:
        raise invalid(
            "/metric_delay_s",
            f"metric_delay_s is {options.metric_delay_s:g}; "
            f"samples are kept for {MAX_SAMPLES - 1} ticks",
            f"Give at most {(MAX_SAMPLES - 1) * tick_s:g} s.",
        )
    record["tick_s"] = tick_s
    record["max_steps"] = options.max_episode_steps or episode.max_steps
    record["latency_limit_s"] = episode.target_sla.max_latency_p95 / 1000.0
    record["error_limit"] = episode.target_sla.max_error_rate / 100.0
    record["budget_usd_per_hour"] = episode.cost_budget_per_hour
    record["metric_delay_s"] = options.metric_delay_s
    record["action_cooldown_s"] = options.action_cooldown_s
    record["all_quantiles"] = int(options.quantiles == "all")
    record["terminate_on_outage"] = episode.terminate_on_outage
    record["primary"] = topology.primary


def _write_autoscaler(
    record: Any, simulation: Simulation, options: Options, topology: Topology
) -> None:
    primary = topology.pools[topology.primary]
    provider = catalog.load(primary.provider)
    tuned = simulation.autoscaling

    def pick(name: str, otherwise: float) -> float:
        value = None if tuned is None else getattr(tuned, name)
        return otherwise if value is None else float(value)

    if options.autoscaler == "on" and primary.settings.autoscaling is not True:
        raise invalid(
            primary.at("autoscaling"),
            "The built-in autoscaler acts only in compute resources with autoscaling: true",
            f"Set autoscaling to true in resource '{primary.resource.id}'.",
        )
    record["on"] = int(options.autoscaler == "on")
    record["out_cpu"] = pick("scale_out_cpu_threshold", provider.autoscaler.scale_out_cpu_pct) / 100
    record["in_cpu"] = pick("scale_in_cpu_threshold", provider.autoscaler.scale_in_cpu_pct) / 100
    record["out_throughput"] = pick("scale_out_throughput_threshold", 0.0) / 100
    record["in_throughput"] = pick("scale_in_throughput_threshold", 0.0) / 100
    record["out_latency_s"] = pick("scale_out_latency_threshold", 0.0) / 1000
    record["cooldown_s"] = pick("cooldown_seconds", provider.timing.cooldown_seconds)
    record["sustain"] = int(pick("sustain_steps", defaults.AUTOSCALER_SUSTAIN))


def _write_reward(params: Any, reward: RewardConfig) -> None:
    record = params["reward"]
    record["kind"] = int(reward.kind == "dollars")
    for name, value in (
        ("w_performance", reward.performance_weight),
        ("w_cost", reward.cost_weight),
        ("w_stability", reward.stability_weight),
        ("w_sla", reward.sla_weight),
        ("w_pressure", reward.connection_pressure_weight),
        ("latency_share", reward.latency_share),
        ("cost_slope", reward.cost_slope),
        ("scaling_penalty", -reward.scaling_penalty),
        ("config_penalty", -reward.config_penalty),
        ("reversal_penalty", -reward.reversal_penalty),
        ("stability_floor", reward.stability_floor),
        ("violation_penalty", -reward.violation_penalty),
        ("pressure_slope", -reward.pressure_slope),
        ("pressure_knee", reward.pressure_knee),
        ("pressure_slope_beyond", -reward.pressure_slope_beyond),
        ("pressure_floor", reward.pressure_floor),
        ("pressure_ramp_steps", reward.pressure_ramp_steps),
        ("kappa", reward.kappa),
        ("phi", reward.phi),
        ("sigma", reward.sigma),
        ("dollar_scale", reward.dollar_scale),
    ):
        record[name] = value
    pool = params["pool"][int(params["episode"]["primary"])]
    rps = pool["vcpus"] / pool["cpu_s_per_request"]
    record["request_usd"] = pool["usd_per_hour"] / 3600.0 / (reward.reference_load * rps)


def _write_draws(params: Any, randomize: Mapping[str, tuple[float, float]]) -> tuple[str, ...]:
    record = params["draw"]
    compiled = params.reshape(1).view(np.float64)
    known = {
        name: place
        for name, place in parameter_offsets().items()
        if name.endswith(".initial") or not (place[1] or name in _NEVER_DRAWN or "draw." in name)
    }
    for index in range(int(params["n_pools"]), MAX_POOLS):
        known = {name: place for name, place in known.items() if f"pool.{index}." not in name}
    if len(randomize) > MAX_DRAWS:
        raise invalid(
            "/randomize",
            f"{len(randomize)} parameters are randomised; at most {MAX_DRAWS} can be",
            "Leave some out.",
        )
    for index, (name, bounds) in enumerate(randomize.items()):
        if name not in known:
            raise invalid(
                f"/randomize/{name}",
                f"Unknown parameter '{name}'",
                f"Did you mean {', '.join(closest(name, list(known), 3))}?",
            )
        low, high = _range(name, bounds)
        positive = not known[name][1] and compiled[known[name][0]] > 0.0
        if low < 0.0 or (positive and low == 0.0):
            raise invalid(
                f"/randomize/{name}",
                f"The range of '{name}' starts at {low:g}",
                "Give a positive lower bound." if positive else "Give a lower bound of 0 or more.",
            )
        record["offset"][index], record["integer"][index] = known[name]
        record["low"][index], record["high"][index] = low, high
    record["count"] = len(randomize)
    return tuple(randomize)


def _range(name: str, bounds: Any) -> tuple[float, float]:
    try:
        low, high = (float(bound) for bound in bounds)
    except (TypeError, ValueError):
        low, high = float("nan"), float("nan")
    if not (abs(low) < float("inf") and abs(high) < float("inf") and low <= high):
        raise invalid(
            f"/randomize/{name}",
            f"The range of '{name}' is {bounds!r}",
            "Give (low, high), both finite, low <= high.",
            ErrorCode.INVALID_FIELD,
        )
    return low, high


def _fingerprint(record: Any, tables: NDArray[np.float64]) -> int:
    digest = hashlib.sha256(f"{LAYOUT_VERSION}/{MAX_POOLS}/{PARAMS}".encode())
    digest.update(record.tobytes())
    digest.update(tables.tobytes())
    return int.from_bytes(digest.digest()[:8], "little")
