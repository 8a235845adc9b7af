"""Changes to documents of a running simulation: pure functions from document to document."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from typing import Any

from cwm_gym import catalog
from cwm_gym.compiler.vertices import place
from cwm_gym.spec import (
    AddResourceParams,
    EpisodeConfig,
    Fault,
    Resource,
    Simulation,
    TrafficPattern,
    Workload,
)
from cwm_gym.spec.errors import ErrorCode, SpecError, closest, invalid
from cwm_gym.spec.problems import pointer

_POOLS = ("compute", "kubernetes", "serverless")
# What says the same as a pattern's own amplitude or period.
_SAME = {
    "amplitude": ("amplitude", "multiplier", "peakToTrough", "endTraffic"),
    "period": ("period",),
}


def moved(error: SpecError, places: Mapping[str, str]) -> SpecError:
    """Point problems into what the caller wrote.

    Args:
        error: Problems of the whole document.
        places: Beginning of a pointer -> what stands for it in the caller's document.

    Returns:
        The same problems with pointers moved where they begin so.
    """
    found = []
    for problem in error.problems:
        for old, new in places.items():
            if problem.pointer == old or problem.pointer.startswith(f"{old}/"):
                problem = replace(problem, pointer=new + problem.pointer[len(old) :])
                break
        found.append(problem)
    return SpecError(found)


def unknown(kind: str, name: object, known: Collection[str]) -> SpecError:
    """Build the error for something that does not exist.

    Args:
        kind: What it is: ``pattern``, ``fault`` or ``resource``.
        name: Its id.
        known: Ids that exist.

    Returns:
        INVALID_REQUEST with the closest ids.
    """
    near = ", ".join(f"'{one}'" for one in closest(str(name), list(known), 3))
    return invalid(
        pointer(f"{kind}s", str(name)),
        f"There is no {kind} '{name}'",
        f"Did you mean {near}?" if near else "There is none at all.",
        ErrorCode.INVALID_REQUEST,
    )


def fresh_id(prefix: str, taken: Collection[str]) -> str:
    """Make an id that is not taken: ``<prefix>-<number>``."""
    number = 1
    while f"{prefix}-{number}" in taken:
        number += 1
    return f"{prefix}-{number}"


def settled(simulation: Simulation, episode: EpisodeConfig) -> Simulation:
    """Let one document say everything: what the episode asks for becomes base traffic and patterns.

    Args:
        simulation: As given.
        episode: The episode in force.

    Returns:
        A simulation with that episode, in which every pattern and every fault has an id; faults
        that are written without one get one.

    Raises:
        SpecError: For a pattern that the simulation has not, and for ids that stand twice.
    """
    workload = simulation.workload or Workload()
    patterns = list(workload.patterns)
    if workload.forecast is not None:
        points = [{"timestamp": p.timestamp, "rps": p.rps} for p in workload.forecast.data_points]
        forecast = {"type": "custom", "name": workload.forecast.name}
        parameters = {"parameters": {"points": points}}
        patterns.insert(0, TrafficPattern.model_validate({**forecast, **parameters}))
    if episode.is_set("target_traffic_pattern"):
        name = episode.target_traffic_pattern
        same = [one for one in patterns if _kind(one.type) == _kind(name)]
        try:
            patterns = same or [TrafficPattern.named(name)]
        except SpecError as error:
            raise error.under("/episode/targetTrafficPattern") from None
    traffic = simulation.traffic
    if episode.is_set("initial_traffic"):
        traffic = episode.initial_traffic
    rest = episode.patched({"targetTrafficPattern": None, "initialTraffic": None})
    documents: list[Fault | TrafficPattern] = [*simulation.faults, *patterns]
    taken = {one.id for one in documents if one.id is not None}
    faults = []
    for fault in simulation.faults:
        fault_id = fault.id or fresh_id("fault", taken)
        taken.add(fault_id)
        faults.append(fault.patched({"id": fault_id}))
    named: list[TrafficPattern] = []
    for index, pattern in enumerate(patterns):
        if pattern.id in [one.id for one in named]:
            raise invalid(
                pointer("workload", "patterns", index, "id"),
                f"Pattern id '{pattern.id}' is already used",
                "Give each pattern its own id, or none.",
            )
        pattern_id = pattern.id or fresh_id("pattern", taken)
        taken.add(pattern_id)
        named.append(pattern.patched({"id": pattern_id}))
    changes = {"traffic": traffic, "faults": faults, "episode": rest}
    return with_patterns(simulation, named).patched(changes)


def _kind(name: str) -> str:
    return {"sine": "wave"}.get(name, name)


def with_patterns(simulation: Simulation, patterns: Iterable[TrafficPattern]) -> Simulation:
    """Replace the patterns, the forecast among them; noise and the rest of the workload stay."""
    workload = simulation.workload or Workload()
    changed = workload.patched(
        {"forecast": None, "patterns": [one.to_document() for one in patterns]}
    )
    return simulation.patched({"workload": changed})


def patched_pattern(pattern: TrafficPattern, changes: Mapping[str, Any]) -> TrafficPattern:
    """Change a pattern; a new amplitude or period replaces whatever says the same.

    Args:
        pattern: As it is.
        changes: From :meth:`cwm_gym.spec.PatternPatch.changes`.

    Returns:
        The changed pattern.

    Raises:
        SpecError: If the result is not a valid pattern.
    """
    parameters = pattern.to_document().get("parameters", {})
    gone = [name for key, names in _SAME.items() if changes.get(key) is not None for name in names]
    if changes.get("period") is not None and changes.get("type", pattern.type) in ("ramp", "step"):
        gone.append("duration")
    kept = {name: value for name, value in parameters.items() if name not in gone}
    return pattern.patched({**changes, "parameters": kept or None})


def connected(simulation: Simulation, fresh: Collection[str]) -> Simulation:
    """Connect new resources that no connection names like those that are there already.

    A resource takes the connections of the first one of its kind, a pool those of the first pool
    that takes requests from outside; a cache is only called. Without an example a network resource
    calls the pools and queues that nothing calls, and any other resource is called by those pools.
    Where nothing is connected the default path holds.

    Args:
        simulation: With the new resources.
        fresh: Their ids.

    Returns:
        The simulation with further connections.
    """
    pairs = [(one.source_id, one.target_id) for one in simulation.connections]
    types = {one.id: one.type for one in simulation.resources}
    for name in fresh if pairs else ():
        if any(name in pair for pair in pairs):
            continue
        entries = _entries(types, pairs, fresh)
        group = _POOLS if types[name] in _POOLS else (types[name],)
        peers = [one for one in types if types[one] in group and one not in fresh]
        peers = entries if group is _POOLS else peers
        peer = next((one for one in peers if any(one in pair for pair in pairs)), None)
        if peer is not None:
            more = [(source, name) for source, target in pairs if target == peer]
            if types[name] != "cache":
                more += [(name, target) for source, target in pairs if source == peer]
        elif types[name] == "network":
            called = {target for _, target in pairs}
            ways_in = (*_POOLS, "queue")
            more = [
                (name, one)
                for one, kind in types.items()
                if kind in ways_in and one not in called and one not in fresh
            ]
        else:
            more = [(entry, name) for entry in entries]
        pairs += more
    return simulation.patched({"connections": _connections(pairs)})


def _entries(
    types: Mapping[str, str], pairs: list[tuple[str, str]], fresh: Collection[str]
) -> list[str]:
    """Pools that take requests from outside."""
    found = []
    for name, kind in types.items():
        sources = [source for source, target in pairs if target == name]
        outside = not sources or any(types.get(source) == "network" for source in sources)
        if kind in _POOLS and name not in fresh and outside:
            found.append(name)
    return found


def _connections(pairs: Iterable[tuple[str, str]]) -> list[dict[str, str]]:
    return [
        {"sourceId": source, "targetId": target}
        for source, target in dict.fromkeys(pairs)
        if source != target
    ]


def without(simulation: Simulation, name: str) -> Simulation:
    """Take a resource out; what only it led to is connected to what led to it.

    Args:
        simulation: As it is.
        name: Id of the resource.

    Returns:
        The simulation without it.

    Raises:
        SpecError: If nothing can run without it.
    """
    pairs = [(one.source_id, one.target_id) for one in simulation.connections]
    before = [source for source, target in pairs if target == name]
    after = [target for source, target in pairs if source == name]
    kept = [pair for pair in pairs if name not in pair]
    reached = {target for _, target in kept}
    kept += [(source, target) for source in before for target in after if target not in reached]
    document = simulation.to_document()
    document["resources"] = [one for one in document["resources"] if one["id"] != name]
    document["connections"] = _connections(kept)
    return Simulation.model_validate(document)


def new_resource(simulation: Simulation, given: AddResourceParams) -> Resource:
    """Write the resource that an ``add_resource`` asks for.

    Args:
        simulation: What it joins.
        given: The whole resource, or its type, provider, size and region.

    Returns:
        The resource, with an id of its own.

    Raises:
        SpecError: For a type that has no behaviour of its own.
    """
    if given.resource is not None:
        return given.resource
    if given.resource_type == "security":
        raise invalid(
            "/resourceType",
            "A resource of type 'security' does nothing that a simulation could show",
            "Leave it out.",
            ErrorCode.INVALID_REQUEST,
        )
    taken = {one.id for one in (*simulation.resources, *simulation.spares)}
    name = fresh_id(str(given.resource_type), taken)
    document: dict[str, Any] = {"id": name, "name": name, "provider": given.provider}
    document["type"] = given.resource_type
    settings = {"size": given.target_size, "region": given.region_key}
    document["characteristics"] = {key: one for key, one in settings.items() if one is not None}
    return Resource.model_validate(document)


def resized(simulation: Simulation, size: str) -> tuple[Simulation, int]:
    """Give every compute resource one size, where its provider has it.

    A stated throughput is that of the old size: it grows with the number of vCPUs. A stated price
    is the old size's as well and gives way to the catalog's.

    Args:
        simulation: As it is.
        size: The size.

    Returns:
        The changed simulation, and how many resources have been given the size.

    Raises:
        SpecError: UNKNOWN_SIZE where no compute resource can have it.
    """
    changed, errors = [], []
    for one in place(simulation):
        if one.spare or one.resource.type != "compute" or one.behaviour != "compute":
            continue
        provider = catalog.load(one.provider)
        try:
            new = catalog.resolve_size(one.provider, size, "compute", pointer="/dropletSize")
        except SpecError as error:
            errors.append(error)
            continue
        settings = one.settings
        old = catalog.resolve_size(
            one.provider, settings.size or provider.default_compute, "compute"
        )
        document = one.resource.to_document()
        if "instanceType" in document.get("config", {}):
            document["config"]["instanceType"] = size
        own = document.setdefault("characteristics", {})
        if "size" in own or "instanceType" not in document.get("config", {}):
            own["size"] = size
        own.pop("usdPerHour", None)
        for part, field in (("characteristics", "maxThroughput"), ("config", "targetCapacity")):
            if field in document.get(part, {}):
                document[part][field] *= new.vcpu / old.vcpu
        changed.append(document)
    if not changed:
        raise (
            errors[0]
            if errors
            else invalid(
                "/dropletSize",
                "There is no compute resource to resize",
                "Add one first.",
                ErrorCode.INVALID_REQUEST,
            )
        )
    return simulation.patched({"resources": changed}), len(changed)
