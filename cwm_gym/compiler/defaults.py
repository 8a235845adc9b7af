"""What applies where neither a document nor the catalog says anything.

These are assumptions, not measurements; each can be set in the document that it stands in for.
"""

from __future__ import annotations

from cwm_gym.spec import RecoveryPolicy

CPU_SECONDS_PER_REQUEST = 0.0015
"""One request on one vCPU, s. A 2-vCPU instance then serves 1,333 rps; the specification's
2-vCPU droplet serves 1,800."""

DATABASE_CPU_SECONDS_PER_REQUEST = 0.0002
"""The queries of one request on one vCPU of the database, s. A 2-vCPU database then answers
10,000 rps, so that the specification's "AWS Production Web App", sized for that, is limited by
its servers and not by its ``db.r5.large``."""

SERVICE_CV2 = 1.0
"""Squared coefficient of variation of service times: exponential."""

TIMEOUT_SECONDS = 10.0
"""A client gives up after waiting this long, s."""

QUEUE_PER_INSTANCE = 1000
"""Requests that may wait at one instance."""

DATABASE_QUEUE = 1000
"""Queries that may wait where ``refuseWhenFull`` is false."""

DRAIN_SECONDS = 30.0
"""Connection draining, s: the specification's figure for load balancers."""

WARMUP_SPEED = 0.5
"""Speed of a fresh instance relative to a warm one, where a warm-up time is given."""

MAX_CONNECTIONS = 100
"""Connection limit of a database of unknown size: the specification's default."""

RESPONSE_KILOBYTES = 0.0
"""Mean response billed as egress, kB: none unless the document states it."""

REQUESTS_PER_CONNECTION = 100.0
"""Requests that a client sends over one kept-alive connection; balancers bill new connections."""

STORAGE_GB = 100.0
"""Provisioned storage where the document states none, GB."""

AUTOSCALER_SUSTAIN = 2
"""Evaluations in a row for which a trigger must hold (the specification's window)."""

CRITICAL_SPEED = 0.98
"""Speed of a resource while its health is critical, relative to full speed."""

RECOVERY_POLICY = RecoveryPolicy()
"""Policy of resources that state none: the specification's 80 % for 4 steps, 70 % for 3."""

SHARED_TENANT_JITTER_SECONDS = 0.001
"""Standard deviation that DigitalOcean's shared tenancy adds to the latency of a request, s. The
specification names the jitter and gives no figure."""

EDGE_SECONDS = 0.005
"""Time in a point of presence of a content delivery network, s."""

CACHE_HIT_RATE = 0.8
"""Share of requests that a cache or a content delivery network answers: the specification's."""

CACHE_SECONDS = 0.0001
"""One look-up in a cache on one vCPU, s."""

READ_SHARE = 0.8
"""Share of a database's queries that replicas can answer."""

FAILOVER_SECONDS = 60.0
"""Until a standby serves, s: the specification's bound for AWS, GCP and DigitalOcean."""

AUTONOMOUS_FAILOVER_SECONDS = 30.0
"""The same for Autonomous Data Guard: the specification's bound."""

STORAGE_VISIT_PROBABILITY = 0.1
"""Share of the requests upstream that need a volume: most reads come from memory."""

IOPS_WARNING = 0.8
"""Share of its IOPS at which a volume is in warning: the specification's."""

IO_SECONDS = 0.001
"""One I/O operation on a volume, s."""

IO_CV2 = 0.2
"""Squared coefficient of variation of that time."""

SERVERLESS_SECONDS_PER_REQUEST = 0.08
"""Time of a request in an instance that serves many at once, waiting for others included, s: the
specification's Cloud Run of 10 instances with 80 requests each saturates at 10,000 rps."""

CONTAINER_CONCURRENCY = 80
"""Requests that one instance serves at once, where instances are billed: Cloud Run's default."""

SERVERLESS_MEMORY_GB = 1.0
"""Memory of a serverless instance, GB."""

SERVERLESS_VCPUS = 1.0
"""vCPUs of a serverless instance, and of a container that is billed by the hour."""

SERVERLESS_GHZ_PER_GB = 1.4
"""CPU that comes with a gigabyte of a function's memory, GHz, where it is billed apart."""

SERVERLESS_INSTANCES = 100
"""Most instances of a serverless service whose provider and document state no limit."""

COLD_START_SECONDS = 0.5
"""Start of a serverless instance where neither document nor catalog says anything, s."""

KEEP_ALIVE_SECONDS = 600.0
"""Idle time after which a serverless instance is reclaimed, s."""

SPOT_HAZARD = "advisor"
"""Preset of spot instances that state none."""

ADVISOR_HAZARD_PER_HOUR = 1e-4
"""Interruptions of one instance per hour where the advisor publishes no band: the order of all
of its bands."""

ADVISOR_OPEN_BAND = 0.25
"""Share interrupted in 30 days that stands for the advisor's open band of more than 20 %."""

SCARCE_EVENTS_PER_HOUR = 0.5
"""Blocks of capacity lost in a zone per hour. Probed capacity of scarce sizes was lost 0.1-1.4
times per node and hour, in blocks; with the share below one node is lost 0.35 times an hour."""

SCARCE_BLOCK_SHARE = 0.7
"""Share of a zone's instances that such an event takes."""

CAPACITY_RETURN_SECONDS = {"advisor": 300.0, "scarce": 1800.0}
"""Mean time until the spot market gives instances again, s."""

AURORA_VCPUS_PER_UNIT = 0.25
"""vCPUs of an Aurora capacity unit of 2 GiB: 8 GiB per vCPU, as in the ``r`` instance classes."""

AUTONOMOUS_VCPUS_PER_UNIT = {"ocpu": 2.0, "ecpu": 0.5}
"""vCPUs of the units of Autonomous Database: an OCPU is two hardware threads and about four
ECPU."""

AUTONOMOUS_SCALING = 3.0
"""Compute auto scaling, on by default, reaches three times the base count (Oracle, "Use Auto
Scaling", docs.oracle.com/en/cloud/paas/atp-cloud/atpgs/autonomous-auto-scale.html)."""

DTU_PER_VCPU = {"standard": 100.0, "premium": 125.0}
"""Azure's rule of thumb for exchanging transaction units for vCores."""

NODE_READS_PER_SECOND = {
    "bigtable-ssd": 10_000.0,
    "bigtable-hdd": 500.0,
    "cloud-spanner": 10_000.0,
}
"""Reads that one node serves (Google, "Understanding Cloud Bigtable Performance"; Spanner: the
published guidance of the same time)."""

NODE_WRITES_PER_SECOND = {
    "bigtable-ssd": 10_000.0,
    "bigtable-hdd": 10_000.0,
    "cloud-spanner": 2_000.0,
}
"""Writes that one node serves; sources as for reads."""

BY_USE_SERVERS = 10_000.0
"""Parallel queries of a database that is billed by use: more than ever meet."""

USE_UNITS_PER_REQUEST = 1.0
"""Units that one request takes where a database bills units of its own (DPU)."""

REPLICATED_FAMILIES = frozenset({"aurora-dsql", "dynamodb", "cloud-spanner"})
"""Databases that are spread over zones by design, without a standby that is paid for apart."""

FIBRE_KM_PER_SECOND = 200_000.0
"""Light in fibre, km/s."""

FIBRE_DETOUR = 1.5
"""Path of a packet over the great circle between two regions. Between 1.3, the median of the
shortest paths in laid fibre, and 2.1, what the public Internet reaches (Bozkurt et al. 2018,
"Dissecting Latency in the Internet's Fiber Infrastructure"); providers have networks of their
own."""

RESTART_SECONDS = 60.0
"""A database that is offline at the start, or any backend, runs again after this long, s."""
