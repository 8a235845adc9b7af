"""A compiled scenario and how it is made."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cwm_gym import catalog
from cwm_gym.compiler import defaults
from cwm_gym.compiler.backends import storage_usd_per_hour, write_cache, write_volume
from cwm_gym.compiler.databases import write_database
from cwm_gym.compiler.demand import write_demand
from cwm_gym.compiler.faults import write_faults
from cwm_gym.compiler.fronts import fixed_usd_per_hour, gigabytes_per_request
from cwm_gym.compiler.options import Options, check_options
from cwm_gym.compiler.pools import write_pool
from cwm_gym.compiler.randomize import write_draws
from cwm_gym.compiler.regions import Places
from cwm_gym.compiler.routes import write_routes
from cwm_gym.compiler.topology import Topology, arrange
from cwm_gym.core.queueing.records import BACKEND
from cwm_gym.core.records import LAYOUT_VERSION, MAX_SAMPLES, PARAMS
from cwm_gym.core.records.params import MACHINES, REPLICAS, SERVERLESS
from cwm_gym.spec import EpisodeConfig, RewardConfig, Simulation
from cwm_gym.spec.errors import closest, invalid


@dataclass(frozen=True)
class Program:
    """A scenario ready for the kernel.

    Attributes:
        params: ``PARAMS`` record.
        tables: float64[M], samples that its demand patterns refer to.
        simulation: The document it was compiled from.
        episode: The episode in force.
        pools: Names of the pools, in the order of ``params["pool"]``.
        targets: Names of all tiers: a resource's id, ``<id>/<pool>`` for one of several node
            pools, ``<id>/replicas`` for a database's read replicas; empty for free slots.
        zones: Names of the zones, by number.
        regions: Codes of the regions, by number.
        randomized: Names of the parameters drawn per episode, in the order of the draws.
    """

    params: Any
    tables: NDArray[np.float64]
    simulation: Simulation
    episode: EpisodeConfig
    pools: tuple[str, ...]
    targets: tuple[str, ...]
    zones: tuple[str, ...]
    regions: tuple[str, ...]
    randomized: tuple[str, ...] = ()

    @property
    def primary(self) -> Any:
        """``POOL_PARAMS`` record of the pool that is scaled."""
        return self.params["pool"][int(self.params["episode"]["primary"])]

    @property
    def capacity_rps(self) -> float:
        """Capacity of the scaled pool's largest fleet, requests per second."""
        return _largest_rps(self.primary)

    def target_index(self, name: str, pointer: str = "") -> int:
        """Find the tier of a resource.

        Args:
            name: One of ``targets``, or the id of a cluster (then its first node pool).
            pointer: JSON pointer to the name.

        Returns:
            Its tier.

        Raises:
            SpecError: If no tier has that name.
        """
        if name and name in self.targets:
            return self.targets.index(name)
        for tier, target in enumerate(self.targets):
            if name and target.startswith(f"{name}/"):
                return tier
        known = [target for target in self.targets if target]
        raise invalid(
            pointer,
            f"Unknown resource '{name}'",
            f"Known resources: {', '.join(closest(str(name), known))}.",
        )


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
    check_options(options)
    episode = _merged(simulation.episode, episode)
    topology = arrange(simulation, clone=options.action_mode == "multi_discrete")
    places = Places(vertex.one for vertex in topology.vertices)
    record = np.zeros((), PARAMS)
    _write_tiers(record, topology, places, simulation, episode)
    write_routes(record, topology, places)
    _write_fixed(record["fixed"], topology)
    _write_episode(record["episode"], episode, options, topology)
    _write_autoscaler(record["autoscaler"], simulation, options, topology)
    write_faults(record, topology, places, simulation, episode, options.faults)
    tables = write_demand(
        record["demand"],
        simulation,
        episode,
        options.traffic,
        max_steps=int(record["episode"]["max_steps"]),
        split=options.split,
        capacity_rps=_largest_rps(record["pool"][topology.primary]),
    )
    _write_reward(record, options.reward or simulation.reward or RewardConfig())
    record["extras"] = int(_has_extras(record))
    names = write_draws(record, options.randomize, topology.targets)
    record["fingerprint"] = _fingerprint(record, tables)
    return Program(
        params=record,
        tables=tables,
        simulation=simulation,
        episode=episode,
        pools=tuple(topology.vertices[index].name for index in topology.pools),
        targets=topology.targets,
        zones=tuple(places.zones),
        regions=tuple(places.regions),
        randomized=names,
    )


def _has_extras(record: Any) -> bool:
    """Whether there is more to measure than machines and databases show."""
    pools = record["pool"][: int(record["n_pools"])]
    backends = record["backend"][: int(record["n_backends"])]
    fronts = record["front"][: int(record["n_fronts"])]
    special = (pools["kind"] != MACHINES) | (pools["queued"] == 1)
    found = special.any() or (backends["kind"] > REPLICAS).any() or (fronts["hit_rate"] > 0).any()
    return bool(found)


def _largest_rps(pool: Any) -> float:
    """Capacity of a pool's largest fleet, requests per second."""
    if pool["kind"] == SERVERLESS:
        return float(pool["concurrency_limit"] / pool["cpu_s_per_request"])
    most = float(pool["maximum"])
    most /= 1.0 + float(pool["contention"]) * max(0.0, most - 1.0)
    return float(most * pool["vcpus"] / pool["cpu_s_per_request"])


def _write_tiers(
    record: Any, topology: Topology, places: Places, simulation: Simulation, episode: EpisodeConfig
) -> None:
    record["n_pools"] = len(topology.pools)
    record["n_backends"] = len(topology.backends)
    for tier, index in enumerate(topology.pools):
        scaled = tier == topology.primary
        size = episode.compute_type if scaled else None
        write_pool(record["pool"][tier], topology.vertices[index], places, simulation, scaled, size)
    for slot, index in enumerate(topology.backends):
        vertex = topology.vertices[index]
        one = record["backend"][slot]
        if vertex.role == "cache":
            write_cache(one, vertex.one, places, vertex.spare)
        elif vertex.role == "volume":
            write_volume(one, vertex.one, places, vertex.spare)
        elif topology.tier(index) == BACKEND + slot:
            records = [record["backend"][k] for k, i in enumerate(topology.backends) if i == index]
            write_database(records, vertex.one, places, vertex.spare)


def _write_fixed(record: Any, topology: Topology) -> None:
    record["usd_per_hour"] = fixed_usd_per_hour(topology)
    for index in topology.of("bucket"):
        record["usd_per_hour"] += storage_usd_per_hour(topology.vertices[index].one)
    record["gb_per_request"] = gigabytes_per_request(topology)


def _merged(base: EpisodeConfig | None, over: EpisodeConfig | None) -> EpisodeConfig:
    if base is None or over is None:
        return over or base or EpisodeConfig()
    return base.patched({name: getattr(over, name) for name in over.model_fields_set})


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
    record["all_targets"] = int(options.action_mode == "multi_discrete")


def _write_autoscaler(
    record: Any, simulation: Simulation, options: Options, topology: Topology
) -> None:
    primary = topology.vertices[topology.pools[topology.primary]].one
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
    if pool["kind"] == SERVERLESS:
        in_service = pool["usd_per_busy_s"] * pool["cpu_s_per_request"]
        record["request_usd"] = pool["usd_per_request"] + in_service


def _fingerprint(record: Any, tables: NDArray[np.float64]) -> int:
    digest = hashlib.sha256(f"{LAYOUT_VERSION}/{PARAMS}".encode())
    digest.update(record.tobytes())
    digest.update(tables.tobytes())
    return int.from_bytes(digest.digest()[:8], "little")
