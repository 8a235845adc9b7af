"""The observation vector as data: one line a component, the same layout for every scenario."""

from __future__ import annotations

from typing import NamedTuple


class Component(NamedTuple):
    """One component of the observation vector.

    Attributes:
        name: Its name in ``observation_names``.
        low: Lowest value it can take.
        high: Highest value it can take; larger ones are cut off there.
        meaning: What it is and how it is scaled.
    """

    name: str
    low: float
    high: float
    meaning: str


OBSERVATION: tuple[Component, ...] = (
    Component("demand_per_max_capacity", 0, 4, "arrivals / capacity of the largest fleet"),
    Component("demand_per_capacity", 0, 4, "arrivals / capacity of the ready fleet"),
    Component("demand_per_desired_capacity", 0, 4, "arrivals / capacity once launches are ready"),
    Component("demand_trend", -1, 1, "4 x change of arrivals in a tick / largest capacity"),
    Component("demand_anomaly", -1, 1, "2 x (arrivals - their 15-minute mean) / largest capacity"),
    Component("phase_sin", -1, 1, "sine of the phase of the day"),
    Component("phase_cos", -1, 1, "cosine of the phase of the day"),
    Component("ready", 0, 1, "ready instances / maximum"),
    Component("pending", 0, 1, "launching instances / maximum"),
    Component("draining", 0, 1, "draining instances / maximum"),
    Component("minimum", 0, 1, "minimum / maximum of the fleet"),
    Component("one_instance", 0, 1, "1 / maximum: the share of one instance"),
    Component("next_ready", 0, 1, "time to the next launch becoming ready / boot delay"),
    Component("boot_delay", 0, 1, "boot delay b in ticks, as b / (1 + b)"),
    Component("utilisation", 0, 1, "CPU utilisation of the ready fleet"),
    Component("latency", 0, 1, "x / (1 + x) of P95 / limit: 0.5 at the limit"),
    Component("errors", 0, 1, "x / (1 + x) of error rate / limit: 0.5 at the limit"),
    Component("latency_violated", 0, 1, "1 when P95 exceeds its limit"),
    Component("errors_violated", 0, 1, "1 when the error rate exceeds its limit"),
    Component("backlog", 0, 1, "x / (1 + x) of waiting requests / a second's capacity"),
    Component("cost_per_budget", 0, 4, "cost per hour / budget"),
    Component("connection_pressure", 0, 1, "connection pressure / 3"),
    Component("database_present", 0, 1, "1 when the service has a database"),
    Component("database_utilisation", 0, 1, "utilisation of the database's vCPUs"),
    Component("health", 0, 1, "0 healthy, 1/3 warning, 2/3 critical, 1 offline"),
    Component("cooldown", 0, 1, "share of the action cooldown that is left"),
    Component("last_scaling", -1, 1, "size of the last scaling action / maximum, signed"),
    Component("since_scaling", 0, 1, "ticks since it n, as n / (10 + n)"),
    Component("autoscaler_on", 0, 1, "1 when the built-in autoscaler runs"),
    Component("cpu_threshold", 0, 1, "its scale-out threshold; 0 when it is off"),
    Component("lost", 0, 1, "instances that faults have taken / maximum"),
    Component("notified", 0, 1, "spot instances under notice / maximum"),
    Component("other_capacity", 0, 4, "capacity of the other entry pools / largest capacity"),
    Component("cache_hit_rate", 0, 1, "share of the cache's visits that it answers; 0 without one"),
    Component("queue_age", 0, 1, "x / (1 + x) of the oldest message's age / latency limit"),
    Component("storage_utilisation", 0, 1, "IOPS of the busiest volume / its limit"),
    Component("cold_starts", 0, 1, "share of requests that waited for a cold start"),
)
OBSERVATION_SIZE = len(OBSERVATION)
