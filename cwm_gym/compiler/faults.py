"""Faults on schedule and at random: documents to parameters."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from cwm_gym.compiler import defaults
from cwm_gym.compiler.regions import Places
from cwm_gym.compiler.topology import Topology
from cwm_gym.core.queueing.records import BACKEND
from cwm_gym.core.records import FAULT_KINDS, MAX_FAULTS
from cwm_gym.spec import EpisodeConfig, Fault, FaultSampling, Simulation
from cwm_gym.spec.errors import SpecError, closest, invalid

_OF_DATABASES = ("database_slowdown", "database_overload", "database_crash")
_OF_POOLS = ("instance_kill", "spot_interruption", "bad_deployment", "memory_leak")
_LINKS = ("network_latency", "network_partition")


def write_faults(
    params: Any,
    topology: Topology,
    places: Places,
    simulation: Simulation,
    episode: EpisodeConfig,
    asked: Any,
) -> None:
    """Fill in the faults of an episode.

    Args:
        params: ``PARAMS`` record.
        topology: The request graph.
        places: Regions and zones; zones that only a fault names are added.
        simulation: The document with its own faults.
        episode: Base tick, which steps refer to, and whether random faults happen.
        asked: What the environment was given: fault documents, a sampling, or both (a mapping
            with ``faults`` and ``sampling``); each replaces the simulation's. A sampling asked
            for here happens whatever the episode says.

    Raises:
        SpecError: For unknown targets, zones and links, for a kind that its target cannot suffer,
            and for more faults than fit.
    """
    n_zones = len(places.zones)
    schedule, sampling = faults_asked(asked)
    if schedule is None:
        schedule = simulation.faults
    if sampling is None and episode.enable_failures:
        sampling = simulation.fault_sampling or FaultSampling()
    active = [(index, fault) for index, fault in enumerate(schedule) if fault.is_active]
    offline = _offline_tiers(topology)
    if len(active) + len(offline) > MAX_FAULTS:
        last = active[MAX_FAULTS - len(offline)][0] if len(offline) < MAX_FAULTS else 0
        also = f" and {len(offline)} resources start offline" if offline else ""
        raise invalid(
            f"/faults/{last}",
            f"{len(active)} faults are scheduled{also}; at most {MAX_FAULTS} can be",
            "Leave some out, or let random ones happen.",
        )
    params["n_faults"] = len(active) + len(offline)
    for slot, tier in enumerate(offline, start=len(active)):
        _write_offline(params["fault"][slot], tier)
    for slot, (index, fault) in enumerate(active):
        record = params["fault"][slot]
        _write_fault(record, fault, topology, places, f"/faults/{index}")
        record["start_s"] = fault.start_step * episode.tick_seconds
        record["end_s"] = fault.end_step * episode.tick_seconds
    if sampling is not None:
        _write_sampling(params["sampling"], sampling, n_zones)


def _offline_tiers(topology: Topology) -> list[int]:
    """Tiers of resources that the document has offline at the start."""
    return [
        topology.tier(index)
        for index in (*topology.pools, *topology.backends)
        if topology.vertices[index].one.resource.status == "offline"
        and not topology.vertices[index].spare
    ]


def _write_offline(record: Any, tier: int) -> None:
    """What is offline at the start starts anew: a pool boots, a backend takes its restart time."""
    record["target"], record["zone"] = tier, -1
    record["region"] = record["other_region"] = -1
    record["kind"] = FAULT_KINDS.index("instance_kill" if tier < BACKEND else "database_crash")
    record["severity"] = 1.0
    record["end_s"] = 0.0 if tier < BACKEND else defaults.RESTART_SECONDS
    record["amount"] = record["errors"] = math.nan
    record["notice_s"] = -1.0


def faults_asked(
    asked: Any, where: str = "/faults"
) -> tuple[tuple[Fault, ...] | None, FaultSampling | None]:
    """Read what an environment was given as ``faults``.

    Args:
        asked: None; a fault or a sampling, or their documents; a list of them; or a mapping with
            ``faults`` and ``sampling``.
        where: JSON pointer to it.

    Returns:
        The schedule and the sampling; None for what was not given. An empty list is a schedule
        without faults.

    Raises:
        SpecError: If it is none of these.
    """
    if asked is None:
        return None, None
    if isinstance(asked, FaultSampling):
        return None, asked
    if isinstance(asked, Fault):
        return (asked,), None
    if isinstance(asked, Mapping):
        if asked and set(asked) <= {"faults", "sampling"}:
            schedule = faults_asked(asked.get("faults"), f"{where}/faults")[0]
            return schedule, faults_asked(asked.get("sampling"), f"{where}/sampling")[1]
        kind = Fault if "type" in asked else FaultSampling
        try:
            return faults_asked(kind.model_validate(asked), where)
        except SpecError as error:
            raise error.under(where) from None
    if isinstance(asked, Sequence) and not isinstance(asked, str | bytes):
        read = [faults_asked(one, f"{where}/{index}") for index, one in enumerate(asked)]
        drawn = [sampling for _, sampling in read if sampling is not None]
        listed = tuple(fault for faults, _ in read for fault in faults or ())
        return (listed if listed or not drawn else None), (drawn[-1] if drawn else None)
    raise invalid(
        where,
        f"{where[1:]} is {asked!r}",
        "Give fault documents, a sampling ({'ratesPerHour': {...}}), or both.",
    )


def _write_fault(record: Any, fault: Fault, topology: Topology, places: Places, where: str) -> None:
    record["kind"] = FAULT_KINDS.index(fault.kind)
    record["target"] = record["zone"] = record["region"] = record["other_region"] = -1
    record["severity"] = fault.severity_value
    target, zone, near = fault.target, fault.zone, None
    if fault.target_zone is None and zone is not None and find_vertex(topology, zone) is not None:
        # The outage names a resource where others name a zone.
        target, zone = target or zone, None
    if target is not None:
        field = "targetResourceId" if fault.target_resource_id is not None else "targetId"
        near = _aim(record, fault.kind, target, topology, places, f"{where}/{field}")
    if zone is not None:
        field = "targetZone" if fault.target_zone is not None else "targetId"
        one = None if near is None else topology.vertices[near].one
        record["zone"] = places.find_zone(zone, one, f"{where}/{field}")
    given = fault.parameters
    stated: list[float | None] = []
    if given is not None:
        stated = [given.slowdown, given.multiplier, given.instances]
    if given is not None and given.latency_ms is not None:
        stated = [given.latency_ms / 1000.0]
    if fault.kind == "instance_kill" and fault.severity is None:
        stated.append(1.0)
    record["amount"] = next((float(size) for size in stated if size is not None), math.nan)
    errors = None if given is None else given.error_rate_increase
    record["errors"] = math.nan if errors is None else errors
    notice = None if given is None else given.notice_seconds
    record["notice_s"] = -1.0 if notice is None else notice


def _aim(
    record: Any, kind: str, name: str, topology: Topology, places: Places, where: str
) -> int | None:
    """Point a fault at its target; returns the vertex where it is a resource."""
    vertex = find_vertex(topology, name)
    if vertex is None:
        link = places.find_link(name) if kind in _LINKS else None
        if link is None:
            raise _unknown(topology, name, where)
        record["region"], record["other_region"] = link
        return None
    tier = topology.tier(vertex)
    role = topology.vertices[vertex].role
    if role == "queue":
        tier = _behind(topology, vertex)
    fits = tier >= 0 or kind in (*_LINKS, "traffic_spike")
    if kind in _OF_DATABASES:
        fits = role == "database"
    elif kind in _OF_POOLS:
        fits = 0 <= tier < BACKEND
    if not fits:
        raise invalid(
            where,
            f"A fault of type {kind} cannot hit '{name}' ({role})",
            "Name a database." if kind in _OF_DATABASES else "Name a compute resource.",
        )
    record["target"] = tier
    return vertex


def find_vertex(topology: Topology, name: str) -> int | None:
    """Find a vertex by its own name or by its resource's id (then the first of them)."""
    for index, vertex in enumerate(topology.vertices):
        if name == vertex.name:
            return index
    for index, vertex in enumerate(topology.vertices):
        if name == vertex.one.resource.id:
            return index
    return None


def _behind(topology: Topology, queue: int) -> int:
    """Tier of the first pool that takes from a queue."""
    tiers = [topology.tier(child) for child in topology.children[queue]]
    return next((tier for tier in tiers if tier >= 0), -1)


def _unknown(topology: Topology, name: str, where: str) -> SpecError:
    known: Iterable[str] = dict.fromkeys(vertex.name for vertex in topology.vertices)
    return invalid(
        where,
        f"Unknown resource '{name}'",
        f"Known resources: {', '.join(closest(name, list(known)))}.",
    )


def _write_sampling(record: Any, sampling: FaultSampling, n_zones: int) -> None:
    record["on"] = 1
    rates, durations = sampling.rates(), sampling.durations()
    for kind, rate in rates.items():
        index = FAULT_KINDS.index(kind)
        record["rate_per_hour"][index] = rate
        record["duration_s"][index] = durations[kind]
    record["severity_low"] = sampling.severity.low
    record["severity_high"] = sampling.severity.high
    record["n_zones"] = n_zones
