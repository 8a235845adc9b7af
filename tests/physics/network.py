"""Exact discrete-event simulation of a network of queueing tiers.

Requests arrive as a Poisson process whose rate is constant within a tick. Each enters one of
several parallel pools, chosen with probability proportional to the pool's capacity in that tick
(instances x vCPUs x mu); the system starts empty. When the pool has served it, the request passes
the downstream tiers in their order and visits each with the probability of its pool and that tier,
independently of everything else. A request has succeeded when it has passed the last tier.

A pool and a tier are both a *station*: one central queue, first come first served, in front of
some number of equal servers. A request that finds no free server and the waiting room full is
rejected; one that has waited as long as the station's timeout, counted from joining that station,
gives up; either is an error. A service that has begun always ends. When servers are taken away,
busy ones finish first and no service begins until fewer are busy than there are servers. A server
is free again before the request joins the next station.

Every outcome is counted in the tick in which it happens.

Inputs (``T`` ticks, ``P`` pools, ``K`` downstream tiers):

========================= ========= ===============================================================
key                       unit
========================= ========= ===============================================================
``dt``                    s         length of a tick
``arrival_rate[T]``       1/s       of the whole network
``pools[P]``                        the entry pools, each with
``  .name``
``  .instances[T]``                 ready instances; a change takes effect as the tick begins
``  .vcpus``                        servers per instance
``  .mu``                 1/s       requests that one vCPU serves
``  .service_dist, .cs2``           ``exp`` (cs2 = 1), ``gamma`` or ``lognormal``; squared
                                    coefficient of variation of the service time
``  .room``                         most requests waiting, not counting those in service;
                                    ``None``: unlimited
``  .timeout``            s         longest wait; ``None``: unlimited
``tiers[K]``                        the downstream tiers in the order in which they are passed
``  .name``
``  .servers[T]``
``  .mean_service``       s
``  .service_dist, .cs2, .room, .timeout``  as for pools
``visit[P][K]``           0..1      probability that a request of the pool visits the tier
========================= ========= ===============================================================

Figures, float64 ``[T]`` for the network:

=========================== ======= ===============================================================
``arrivals, throughput``    1/s     requests that arrive; that succeed
``latency_mean``            s       arrival to success, of requests that succeed in the tick
``p50, p95, p99``           s       the same, pooled over the replications
``error_rate``              0..1    errors / (errors + successes) in the tick
``rejects_per_s``           1/s     rejected at any station
``timeouts_per_s``          1/s     given up at any station
=========================== ======= ===============================================================

and float64 ``[P, T]`` under ``pool_*``, ``[K, T]`` under ``tier_*``:

=========================== ======= ===============================================================
``*_offered``               1/s     requests that come to the station, rejected ones included
``*_util``                  0..1    time average of min(busy, servers) / servers
``*_queue_len``                     time average of the number waiting
``*_oldest_age``            s       time average of how long the first in line has waited;
                                    0 while nobody waits
``*_rejects_per_s``         1/s
``*_timeouts_per_s``        1/s
=========================== ======= ===============================================================
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from tests.physics.estimate import estimate, latencies, ratio
from tests.physics.events import (
    BINS,
    EVENT,
    Floats,
    draw_service,
    latency_bin,
    law_of,
    schedule,
    take_first,
)

NOBODY = -1
UNLIMITED = np.iinfo(np.int64).max

#: A station: what it is told, and how it stands.
STATION = np.dtype(
    [
        ("law", np.int64),
        ("mean", np.float64),  # s
        ("cs2", np.float64),
        ("room", np.int64),
        ("timeout", np.float64),  # s, may be infinite
        ("servers", np.int64),  # in this tick
        ("busy", np.int64),
        ("waiting", np.int64),
        ("first", np.int64),  # slot of the first in line
        ("last", np.int64),
        ("gives_up", np.float64),  # s, when the first in line gives up
        ("counted", np.float64),  # s, up to when its time averages are summed
    ]
)

#: A request inside the network; it keeps its slot in the table until it leaves.
REQUEST = np.dtype(
    [
        ("arrived", np.float64),  # s
        ("joined", np.float64),  # s, when it came to its present station
        ("pool", np.int64),
        ("station", np.int64),
        ("behind", np.int64),  # next in line, or next free slot
    ]
)

#: Sums over replications, for each tick and station: events, and integrals over time.
STATION_SUMS = np.dtype(
    [(n, np.float64) for n in ("offered", "rejected", "timed_out", "busy", "waiting", "age")]
)
#: Sums over replications, for each tick.
NETWORK_SUMS = np.dtype([(n, np.float64) for n in ("arrived", "succeeded", "latency")])


class Plan(NamedTuple):
    """What the simulation is told; stations are the pools, then the downstream tiers."""

    dt: float  # s
    rate: Floats  # [T] 1/s
    chance: Floats  # [T, P] cumulative probability of the pools
    visit: Floats  # [P, K]
    servers: NDArray[np.int64]  # [T, S]
    stations: NDArray[Any]  # STATION[S], empty


@numba.njit
def _more_slots(requests: Any) -> Any:
    """Twice as many slots; the new ones are linked as free."""
    old = len(requests)
    longer = np.empty(2 * old, REQUEST)
    for slot in range(old):
        longer[slot] = requests[slot]
        longer[old + slot].behind = old + slot + 1
    longer[2 * old - 1].behind = NOBODY
    return longer


@numba.njit
def _count(station: Any, requests: Any, sums: Any, time: float) -> None:
    """Sum the time averages of a station up to now; due before anything changes there."""
    start = station.counted
    elapsed = time - start
    station.counted = time
    sums.busy += elapsed * min(station.busy, station.servers)
    if station.waiting > 0:
        sums.waiting += elapsed * station.waiting
        sums.age += elapsed * (0.5 * (start + time) - requests[station.first].joined)


@numba.njit
def _serve(station: Any, calendar: Any, running: int, rng: Any, slot: int, time: float) -> int:
    """Begin a service; how many are now running in the network."""
    end = time + draw_service(rng, station.law, station.mean, station.cs2)
    schedule(calendar, running, end, slot)
    station.busy += 1
    return running + 1


@numba.njit
def _advance(station: Any, requests: Any) -> int:
    """Take the first in line out of it."""
    slot: int = station.first
    station.first = requests[slot].behind
    station.waiting -= 1
    station.gives_up = np.inf
    if station.waiting > 0:
        station.gives_up = requests[station.first].joined + station.timeout
    return slot


@numba.njit
def _serve_waiting(
    station: Any, requests: Any, calendar: Any, running: int, rng: Any, time: float
) -> int:
    """Give free servers to those in line; how many services are now running."""
    while station.waiting > 0 and station.busy < station.servers:
        running = _serve(station, calendar, running, rng, _advance(station, requests), time)
    return running


@numba.njit
def _wait(station: Any, requests: Any, slot: int, time: float) -> None:
    """Put a request at the end of the line."""
    if station.waiting == 0:
        station.first = slot
        station.gives_up = time + station.timeout
    else:
        requests[station.last].behind = slot
    station.last = slot
    station.waiting += 1


@numba.njit
def _next_station(visit: Floats, rng: Any, pool: int, station: int) -> int:
    """Where a request goes from a station; ``NOBODY`` when it has passed them all."""
    pools, tiers = len(visit), visit.shape[1]
    for tier in range(max(station - pools + 1, 0), tiers):
        if rng.random() < visit[pool, tier]:
            return pools + tier
    return NOBODY


@numba.njit
def _choose(chance: Floats, tick: int, uniform: float) -> int:
    """Pool of an arrival, from a number drawn uniformly from [0, 1)."""
    pool = 0
    while uniform >= chance[tick, pool]:
        pool += 1
    return pool


@numba.njit(nogil=True)
def _replicate(
    dt: float,
    rate: Floats,
    chance: Floats,
    visit: Floats,
    servers: NDArray[np.int64],
    stations: Any,
    rng: Any,
    network_sums: Any,
    station_sums: Any,
    histogram: Floats,
) -> None:
    """Run the network once from empty, to the end of the last tick; add to the sums."""
    ticks, number = servers.shape
    most = 0
    for s in range(number):
        most += servers[:, s].max()
    calendar = np.empty(most, EVENT)  # the end of each running service
    running = 0
    requests = np.empty(1, REQUEST)
    requests[0].behind = NOBODY
    free = 0
    for tick in range(ticks):
        begin, end = tick * dt, (tick + 1) * dt
        for s in range(number):
            stations[s].servers = servers[tick, s]
            running = _serve_waiting(stations[s], requests, calendar, running, rng, begin)
        # A Poisson process has no memory: the next arrival may be drawn afresh in every tick.
        arrival = np.inf
        if rate[tick] > 0.0:
            arrival = begin + rng.standard_exponential() / rate[tick]
        while True:
            impatient = 0
            for s in range(1, number):
                if stations[s].gives_up < stations[impatient].gives_up:
                    impatient = s
            completion = calendar[0].time if running > 0 else np.inf
            time = min(arrival, completion, stations[impatient].gives_up)
            if time >= end:
                break
            joins = left = NOBODY
            if time == arrival:
                arrival = time + rng.standard_exponential() / rate[tick]
                if free == NOBODY:
                    free = len(requests)
                    requests = _more_slots(requests)
                slot = free
                free = requests[slot].behind
                joins = _choose(chance, tick, rng.random())
                requests[slot].arrived = time
                requests[slot].pool = joins
                network_sums[tick].arrived += 1
            elif time == completion:
                slot = take_first(calendar, running)
                running -= 1
                s = requests[slot].station
                _count(stations[s], requests, station_sums[tick, s], time)
                stations[s].busy -= 1
                running = _serve_waiting(stations[s], requests, calendar, running, rng, time)
                joins = _next_station(visit, rng, requests[slot].pool, s)
                if joins == NOBODY:
                    latency = time - requests[slot].arrived
                    network_sums[tick].succeeded += 1
                    network_sums[tick].latency += latency
                    histogram[tick, latency_bin(latency)] += 1
                    left = slot
            else:
                _count(stations[impatient], requests, station_sums[tick, impatient], time)
                left = _advance(stations[impatient], requests)
                station_sums[tick, impatient].timed_out += 1
            if joins != NOBODY:
                station = stations[joins]
                _count(station, requests, station_sums[tick, joins], time)
                station_sums[tick, joins].offered += 1
                requests[slot].station = joins
                requests[slot].joined = time
                if station.busy < station.servers:
                    running = _serve(station, calendar, running, rng, slot, time)
                elif station.waiting < station.room:
                    _wait(station, requests, slot, time)
                else:
                    station_sums[tick, joins].rejected += 1
                    left = slot
            if left != NOBODY:
                requests[left].behind = free
                free = left
        for s in range(number):
            _count(stations[s], requests, station_sums[tick, s], end)


def plan_of(inputs: Mapping[str, Any]) -> Plan:
    """Read the inputs of a network.

    Args:
        inputs: See the module.

    Returns:
        The same as arrays.

    Raises:
        ValueError: If lengths do not agree, a tick has no capacity, or a law is unknown.
    """
    rate = np.asarray(inputs["arrival_rate"], dtype=np.float64)
    pools, tiers = inputs["pools"], inputs["tiers"]
    servers = [np.asarray(p["instances"], dtype=np.int64) * p["vcpus"] for p in pools]
    servers += [np.asarray(t["servers"], dtype=np.int64) for t in tiers]
    if any(len(s) != len(rate) for s in servers):
        raise ValueError("every schedule must have as many ticks as arrival_rate")
    capacity = np.array([s * p["mu"] for s, p in zip(servers, pools, strict=False)])
    if (capacity.sum(axis=0) <= 0.0).any():
        raise ValueError("every tick needs a pool with an instance")
    means = [1.0 / p["mu"] for p in pools] + [t["mean_service"] for t in tiers]
    stations = np.zeros(len(means), STATION)
    for station, given, mean in zip(stations, [*pools, *tiers], means, strict=True):
        station["law"] = law_of(given["service_dist"], given["cs2"])
        station["mean"], station["cs2"] = mean, given["cs2"]
        station["room"] = UNLIMITED if given["room"] is None else given["room"]
        station["timeout"] = np.inf if given["timeout"] is None else given["timeout"]
    stations["first"] = stations["last"] = NOBODY
    stations["gives_up"] = np.inf
    chance = np.cumsum(capacity, axis=0).T
    return Plan(
        dt=float(inputs["dt"]),
        rate=rate,
        chance=np.ascontiguousarray(chance / chance[:, -1:]),
        visit=np.asarray(inputs["visit"], dtype=np.float64).reshape(len(pools), len(tiers)),
        servers=np.array(servers).T.copy(),
        stations=stations,
    )


def simulate_network(
    inputs: Mapping[str, Any], replications: int, seed: int
) -> tuple[dict[str, Floats], dict[str, Floats]]:
    """Simulate a network of tiers.

    Args:
        inputs: See the module.
        replications: Independent runs from empty; a multiple of ``estimate.GROUPS``.
        seed: Equal seeds give equal figures.

    Returns:
        The figures listed in the module, and the half-widths of their 95 % confidence intervals.

    Raises:
        ValueError: If the inputs do not fit together.
    """
    plan = plan_of(inputs)
    ticks, stations = plan.servers.shape
    pools = len(plan.visit)

    def run(rng: np.random.Generator, runs: int) -> tuple[Floats, ...]:
        network = np.zeros(ticks, NETWORK_SUMS)
        station = np.zeros((ticks, stations), STATION_SUMS)
        histogram = np.zeros((ticks, BINS))
        for _ in range(runs):
            empty = plan._replace(stations=plan.stations.copy())
            _replicate(*empty, rng, network, station, histogram)
        return network.view(np.float64), station.view(np.float64), histogram

    def figures(sums: tuple[Floats, ...], runs: int) -> dict[str, Floats]:
        seconds = runs * plan.dt
        network = sums[0].view(NETWORK_SUMS)
        station = sums[1].view(STATION_SUMS).T
        succeeded = network["succeeded"]
        rejected, timed_out = station["rejected"].sum(axis=0), station["timed_out"].sum(axis=0)
        errors = rejected + timed_out
        found = {
            "arrivals": network["arrived"] / seconds,
            "throughput": succeeded / seconds,
            **latencies(sums[2], network["latency"], succeeded),
            "error_rate": ratio(errors, errors + succeeded),
            "rejects_per_s": rejected / seconds,
            "timeouts_per_s": timed_out / seconds,
        }
        utilisation = ratio(station["busy"], seconds * plan.servers.T.astype(np.float64))
        for prefix, part in (("pool", slice(0, pools)), ("tier", slice(pools, None))):
            found[f"{prefix}_offered"] = station["offered"][part] / seconds
            found[f"{prefix}_util"] = utilisation[part]
            found[f"{prefix}_queue_len"] = station["waiting"][part] / seconds
            found[f"{prefix}_oldest_age"] = station["age"][part] / seconds
            found[f"{prefix}_rejects_per_s"] = station["rejected"][part] / seconds
            found[f"{prefix}_timeouts_per_s"] = station["timed_out"][part] / seconds
        return found

    return estimate(run, figures, replications, seed)
