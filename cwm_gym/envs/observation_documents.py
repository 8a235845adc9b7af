"""What an agent sees of a world as the specification's ``Observation`` document."""

from __future__ import annotations

from typing import Any

from cwm_gym.compiler import Program
from cwm_gym.core.queueing.records import BACKEND, MAX_TIERS
from cwm_gym.core.records import MAX_EVENTS, MAX_SAMPLES
from cwm_gym.core.records.params import SERVERLESS
from cwm_gym.envs.events import STATUS, event_document, events_since
from cwm_gym.envs.info import optional_metrics
from cwm_gym.envs.observations import EVENT_ROWS, SCALING_ROWS
from cwm_gym.envs.targets import resource_of, split_name

_SCALING = {
    "scale_out": "scale_out",
    "scale_in": "scale_in",
    "autoscale_out": "scale_out",
    "autoscale_in": "scale_in",
}
# Settings that the number of instances now replaces.
_COUNTS = ("instances", "nodeCount")


def observation_document(program: Program, params: Any, world: Any, seen: int) -> dict[str, Any]:
    """Write an observation.

    Args:
        program: The scenario.
        params: ``PARAMS`` record in force.
        world: ``WORLD`` record.
        seen: Which of its samples the agent may see.

    Returns:
        JSON types: rates in percent, latencies in ms, times in whole seconds since the start of
        the episode's clock. Metrics of resources that are not there are left out, and so are
        those that are only known of the last tick while older ones are shown.
    """
    events = events_since(world, int(world["n_events"]) - MAX_EVENTS, program.targets)
    seconds = int(world["time_s"])
    return {
        "metrics": _metrics(params, world, seen),
        "resources": resource_documents(program, world),
        "traffic": float(world["sample"][seen]["offered_rps"]),
        "currentTime": seconds,
        "sim_time_seconds": seconds,
        "tick_seconds": int(world["tick_s"]),
        "autoscalingConfig": autoscaling_document(params, world),
        "scalingHistory": [
            {
                "timestamp": int(event["time_s"]),
                "action": _SCALING[event["kind"]],
                "reason": event_document(event)["message"],
            }
            for event in events
            if event["kind"] in _SCALING
        ][-SCALING_ROWS:],
        "recentEvents": [event_document(event) for event in events[-EVENT_ROWS:]],
    }


def _metrics(params: Any, world: Any, seen: int) -> dict[str, float]:
    sample, meter = world["sample"][seen], world["meter"]
    newest = seen == (int(world["n_samples"]) - 1) % MAX_SAMPLES
    there = optional_metrics(params.reshape(1))
    quantiles = newest and int(params["episode"]["all_quantiles"]) == 1
    figures = (
        ("cpuUsage", 100.0 * sample["utilisation"], True),
        ("latencyP50", 1e3 * meter["latency_p50_s"], quantiles),
        ("latencyP95", 1e3 * sample["latency_p95_s"], True),
        ("latencyP99", 1e3 * meter["latency_p99_s"], quantiles),
        ("errorRate", 100.0 * sample["error_rate"], True),
        ("throughput", sample["throughput_rps"], True),
        ("costPerHour", sample["cost_usd_per_hour"], True),
        ("connectionPressure", sample["connection_pressure"], "connection_pressure" in there),
        ("cacheHitRate", 100.0 * sample["cache_hit_rate"], "cache_hit_rate" in there),
        ("queueDepth", sample["queue_depth"], "queue_depth" in there),
        (
            "k8sNodeUtilization",
            100.0 * sample["node_utilisation"],
            "k8s_node_utilization" in there,
        ),
        (
            "storageIopsUtilization",
            100.0 * sample["storage_utilisation"],
            "storage_iops_utilization" in there,
        ),
    )
    return {name: float(figure) for name, figure, known in figures if known}


def autoscaling_document(params: Any, world: Any) -> dict[str, float]:
    """Write the autoscaler's settings in force.

    Args:
        params: ``PARAMS`` record in force.
        world: ``WORLD`` record.

    Returns:
        ``AutoscalingConfig`` as JSON types; triggers that are off are left out.
    """
    tuned = world["autoscaler"]
    pool = params["pool"][int(params["episode"]["primary"])]
    figures = {
        "scaleOutCpuThreshold": 100.0 * tuned["out_cpu"],
        "scaleInCpuThreshold": 100.0 * tuned["in_cpu"],
        "scaleOutThroughputThreshold": 100.0 * tuned["out_throughput"],
        "scaleInThroughputThreshold": 100.0 * tuned["in_throughput"],
        "scaleOutLatencyThreshold": 1e3 * tuned["out_latency_s"],
    }
    found: dict[str, float] = {
        name: round(float(figure), 6)
        for name, figure in figures.items()
        if "Cpu" in name or figure > 0.0
    }
    found["cooldownSeconds"] = float(pool["cooldown_s"])
    found["minInstances"] = int(pool["minimum"])
    found["maxInstances"] = int(pool["maximum"])
    return found


def resource_documents(program: Program, world: Any) -> list[dict[str, Any]]:
    """Write the resources that are there, each as it stands.

    Args:
        program: The scenario.
        world: ``WORLD`` record.

    Returns:
        ``Resource`` documents with ``status`` (of several parts the worst), ``instances`` that
        are ready (of all parts) and, where it has one, the ``recoveryPolicy`` in effect. Added
        spares come after the simulation's own resources.
    """
    parts: dict[str, list[int]] = {}
    for tier in range(MAX_TIERS):
        if program.targets[tier]:
            name = split_name(program, tier)[0].removesuffix("/replicas")
            parts.setdefault(name, []).append(tier)
    found = []
    for resource in program.simulation.resources:
        tiers = parts.pop(resource.id, None)
        if tiers is None:
            found.append({**resource.to_document(), "status": "healthy", "instances": 1})
        else:
            found += _as_it_stands(resource.to_document(), program, world, tiers)
    for name, tiers in parts.items():
        document = {**resource_of(program, tiers[0]).to_document(), "id": name}
        found += _as_it_stands(document, program, world, tiers)
    return found


def _as_it_stands(
    document: dict[str, Any], program: Program, world: Any, tiers: list[int]
) -> list[dict[str, Any]]:
    tiers = [tier for tier in tiers if int(_state(world, tier)["present"]) == 1]
    if not tiers:
        return []
    health = [_state(world, tier)["health"] for tier in tiers]
    for part in ("characteristics", "config"):
        if part in document:
            kept = {key: one for key, one in document[part].items() if key not in _COUNTS}
            document = {**document, part: kept}
    policy = health[0]["policy"]
    fleets = [_instances(program, world, tier) for tier in tiers if tier < BACKEND]
    return [
        {
            **document,
            "status": STATUS[max(int(one["status"]) for one in health)],
            "instances": sum(fleets) if fleets else 1,
            "recoveryPolicy": {
                "criticalCpuThreshold": round(100.0 * float(policy["critical_cpu"]), 6),
                "criticalSteps": int(policy["critical_steps"]),
                "warningCpuThreshold": round(100.0 * float(policy["warning_cpu"]), 6),
                "warningSteps": int(policy["warning_steps"]),
            },
        }
    ]


def _instances(program: Program, world: Any, pool: int) -> int:
    """Instances that take requests; of serverless pools those that are up."""
    fleet = world["pool"][pool]
    if program.params["pool"][pool]["kind"] == SERVERLESS:
        return round(float(fleet["warm"]))
    return int(fleet["ready"])


def _state(world: Any, tier: int) -> Any:
    return world["pool"][tier] if tier < BACKEND else world["backend"][tier - BACKEND]
