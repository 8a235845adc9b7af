"""Record layouts of the queueing physics: what a tier is given, keeps, and answers.

Every field is eight bytes, times are seconds and rates are per second. ``QUEUE`` is state and
lives in the world; everything else is scratch that a caller allocates once per thread.
"""

from __future__ import annotations

import numpy as np

#: Tiers with a fleet, in one workspace.
MAX_POOLS = 8
#: Tiers of fixed size behind them: databases, caches, volumes.
MAX_BACKENDS = 8
#: Index of the first of these in ``WORKSPACE["tier"]``.
BACKEND = MAX_POOLS
MAX_TIERS = MAX_POOLS + MAX_BACKENDS
#: Instants at which one segment is looked at, at most.
MAX_NODES = 24
#: Latency components that a mixture holds before it is coarsened.
MIXTURE_CAPACITY = 2048

#: ``SERVICE.balancing``: one shared queue, or one queue per instance with random or cyclic choice.
CENTRAL = 0
RANDOM = 1
ROUND_ROBIN = 2

#: State of a tier between segments. All zero is an empty tier.
QUEUE = np.dtype(
    [
        ("waiting", "f8"),  # E[number waiting], whole pool
        ("waiting_sq", "f8"),  # E[number waiting ^ 2], whole pool
        ("wait_rate", "f8"),  # rate at which the requests now waiting arrived
        ("in_service", "f8"),  # E[number in service], whole pool
    ],
    align=True,
)

#: What a tier has to work with during one segment.
SERVICE = np.dtype(
    [
        ("arrival_rps", "f8"),  # whole pool; ignored for tiers that are fed by other tiers
        ("servers", "f8"),  # vCPUs in service, whole pool; fractions and 0 allowed
        ("service_rate", "f8"),  # completions per second of one busy server
        ("cs2", "f8"),  # squared coefficient of variation of the service time
        ("lognormal", "i8"),  # 1 when the service time is lognormal, 0 for gamma (or exponential)
        ("balancing", "i8"),  # CENTRAL, RANDOM or ROUND_ROBIN
        ("queues", "f8"),  # identical independent queues (ready instances); 1 for CENTRAL
        ("room", "f8"),  # most requests that may wait, whole pool; may be infinite
        ("timeout_s", "f8"),  # longest wait, may be infinite
        ("aborted", "f8"),  # requests in service that are lost at the start of the segment
        ("entry", "i8"),  # 1 = requests from outside come here
        ("detached", "i8"),  # 1 = serves messages that nobody waits for
        ("elastic", "i8"),  # 1 = instances come and go with each request (core.queueing.elastic)
        ("connections", "f8"),  # connections that requests may hold; infinite = not counted
        ("hold_s", "f8"),  # how long a visit holds its connection without waiting, for the caller
        ("refused_share", "f8"),  # fed tiers: share of the visits that are turned away at once
        ("extra_mean_s", "f8"),  # mean of further latency outside any queue
        ("extra_var_s2", "f8"),  # its variance
        ("concurrency", "f8"),  # elastic: requests that one instance serves at once
        ("limit", "f8"),  # elastic: most requests in service
        ("floor", "f8"),  # elastic: instances kept warm
        ("cold_s", "f8"),  # elastic: start of an instance
        ("keep_alive_s", "f8"),  # elastic: idle time after which an instance goes
    ],
    align=True,
)

#: What happened at a tier during one segment: numbers of requests, and averages over time.
#:
#: Conservation: ``waiting + offered = served + timed_out + rejected + waiting'`` and
#: ``in_service + served = completed + aborted + in_service'``.
FLOW = np.dtype(
    [
        ("offered", "f8"),  # arrivals
        ("served", "f8"),  # left the queue into service
        ("completed", "f8"),  # finished service
        ("timed_out", "f8"),
        ("rejected", "f8"),
        ("aborted", "f8"),  # lost in service; at most what was in service
        ("utilisation", "f8"),  # busy share of the servers, 0..1
        ("queue_mean", "f8"),  # time average of the number waiting
        ("busy", "f8"),  # time average of the busy servers
        ("active_connections", "f8"),  # time average of the connections in use
        ("refused", "f8"),  # fed tiers: visits turned away at once, not among the offered
        ("cold_starts", "f8"),  # elastic: instances started
    ],
    align=True,
)

#: One queue during one (part of a) segment, in the form the equations need it.
PHASE = np.dtype(
    [
        ("begin", "f8"),  # start inside the segment, s
        ("span", "f8"),  # length, s
        ("queues", "f8"),
        ("arrival", "f8"),  # arrivals per second, one queue
        ("servers", "f8"),  # one queue, at least one
        ("rate", "f8"),  # of one server
        ("capacity", "f8"),  # servers * rate
        ("cs2", "f8"),
        ("ca2", "f8"),
        ("lognormal", "i8"),
        ("room", "f8"),
        ("patience", "f8"),
        ("barrier", "f8"),  # longest wait that room or patience allow
        ("load", "f8"),  # arrival / capacity
        ("gain", "f8"),  # density of the wait at 0+, per idle probability
        ("drift", "f8"),  # decrease of the head-of-line wait per second
        ("diffusion", "f8"),  # variance rate of the head-of-line wait
        ("skew", "f8"),  # conditional-wait correction, Whitt
        ("busy", "f8"),  # stationary: probability that a served request waits
        ("wait", "f8"),  # stationary: mean wait of served requests
        ("wait_sq", "f8"),
        ("loss", "f8"),  # stationary: lost share of the arrivals
        ("queue", "f8"),  # stationary: mean number waiting
        ("queue_sq", "f8"),
        ("shrink", "f8"),  # truncated over untruncated stationary mean
        ("shrink_sq", "f8"),
        ("far_rate", "f8"),  # rate at which the far barrier is felt
        ("settled", "i8"),  # the stationary part is a distribution to fall back on
        ("steady", "i8"),  # the whole segment is stationary
        ("weight", "f8"),  # probability of the transient part
        ("backlog", "f8"),  # its number waiting at the start
        ("variance", "f8"),  # its variance, where it is taken as normal
        ("full", "f8"),  # time in which more wait than the room holds (it has shrunk)
        ("head_wait", "f8"),  # wait of its first request at the start
        ("clear", "f8"),  # when its last old request has left the queue
        ("gone", "f8"),  # its requests that lose patience until then
        ("age", "f8"),  # head start of the diffusion: what the variance at `clear` stands for
        ("lag", "f8"),  # time in which idle servers fill before anything queues
        ("spread", "f8"),  # variance of the wait at the start
        ("old_rate", "f8"),  # rate at which the backlog arrived
        ("drained", "f8"),  # when its backlog or its growth ends
    ],
    align=True,
)

#: The wait of a tier at one instant.
NODE = np.dtype(
    [
        ("time", "f8"),
        ("share", "f8"),  # of the segment's time
        ("first", "i8"),  # first and last slice of an interval between break points
        ("last", "i8"),
    ],
    align=True,
)

#: Latencies of completed requests as weighted two-moment components.
MIXTURE = np.dtype(
    [
        ("count", "i8"),
        ("ready", "i8"),  # components whose quantile form is up to date
        ("lognormals", "i8"),
        ("total", "f8"),  # sum of the weights: completed requests
        ("first", "f8"),  # sum of weight * mean
        ("second", "f8"),  # sum of weight * (variance + mean^2)
        ("weight", "f8", (MIXTURE_CAPACITY,)),
        ("mean", "f8", (MIXTURE_CAPACITY,)),
        ("variance", "f8", (MIXTURE_CAPACITY,)),
        ("lognormal", "f8", (MIXTURE_CAPACITY,)),
        ("slope", "f8", (MIXTURE_CAPACITY,)),
        ("offset", "f8", (MIXTURE_CAPACITY,)),
    ],
    align=True,
)

#: The wait of one tier at each node.
PROFILE = np.dtype(
    [
        ("busy", "f8"),  # probability of waiting
        ("delay", "f8"),  # mean wait of those that wait, s
        ("variance", "f8"),  # its variance, s^2
        ("rate", "f8"),  # completions per second of one queue
        ("queue", "f8"),  # E[number waiting], one queue
    ],
    align=True,
)

TIER = np.dtype(
    [
        ("service", SERVICE),
        ("queue", QUEUE),
        ("flow", FLOW),
        ("warm", "f8"),  # elastic: E[instances that are up], state like the queue
        ("idle_s", "f8"),  # elastic: time for which not all of these have been needed, state too
        ("needed", "f8"),  # elastic: most instances needed since then, state
        ("needed_s", "f8"),  # elastic: time since when, state
        ("phases", "i8"),  # parts that the segment was taken in, 1 or 2
        ("phase", PHASE, (2,)),
        ("profile", PROFILE, (MAX_NODES,)),
    ],
    align=True,
)

#: Scratch of one thread.
WORKSPACE = np.dtype(
    [
        ("tier", TIER, (MAX_TIERS,)),
        ("visit", "f8", (MAX_POOLS, MAX_TIERS)),  # of what passes a tier, the share that visits it
        ("went", "f8", (MAX_POOLS, MAX_TIERS)),  # requests through a tier, by first pool
        ("passing", "f8", (MAX_POOLS,)),  # requests that are still on their way, by first pool
        ("capacity", "f8", (MAX_POOLS,)),  # requests per second, for the caller
        ("excess", "f8", (MAX_POOLS,)),  # ca2 - 1 of these, where they are now
        ("offered", "f8", (MAX_POOLS,)),  # requests at each front
        ("admitted", "f8", (MAX_POOLS,)),  # of them per second let in, for the caller
        ("answered", "f8", (MAX_POOLS,)),  # successful requests of each front
        ("seen_busy_s", "f8", (MAX_POOLS,)),  # gauges at the last evaluation, for the caller
        ("seen_server_s", "f8", (MAX_POOLS,)),
        ("seen_gauge_s", "f8", (MAX_POOLS,)),
        ("seen_arrived", "f8", (MAX_POOLS,)),
        ("early", PROFILE),  # of a pool, at an earlier instant than a node
        ("node", NODE, (MAX_NODES,)),
        ("n_cuts", "i8"),
        ("cuts", "f8", (MAX_NODES,)),  # break points of the segment, sorted, s
        ("mixture", MIXTURE),
    ],
    align=True,
)


def new_workspace(threads: int = 1) -> np.ndarray:
    """Allocate zeroed scratch memory.

    Args:
        threads: Number of workspaces.

    Returns:
        Array of ``WORKSPACE`` records, one per thread.
    """
    return np.zeros(threads, WORKSPACE)
