"""What applies where neither a document nor the catalog says anything.

These are assumptions, not measurements; each can be set in the document that it stands in for.
"""

from __future__ import annotations

CPU_SECONDS_PER_REQUEST = 0.0015
"""One request on one vCPU, s. A 2-vCPU instance then serves 1,333 rps; the specification's
2-vCPU droplet serves 1,800."""

DATABASE_CPU_SECONDS_PER_REQUEST = 0.0005
"""The queries of one request on one vCPU of the database, s."""

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
