"""Draw what every kind of fault does to a service: docs/assets/faults/<kind>.png.

    python benchmarks/fault_pictures.py [--output docs/assets/faults]

A web service at 60 % load with a database behind it, nobody acts. The fault lasts from step 5 to
step 15; it begins and ends in the middle of a step. The pictures are the same on every run.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

import cwm_gym
from cwm_gym.spec.fault import FAULT_KINDS

TARGET = Path(__file__).resolve().parents[1] / "docs" / "assets" / "faults"
STEPS = 24
START, END = 4.5, 14.5
SERVED, ASKED, BAD, WINDOW = "#2a6f97", "#8d99ae", "#c1121f", "#f1e3c8"

# What a kind needs besides its default severity to show in this service.
FIELDS: dict[str, dict[str, Any]] = {
    "instance_kill": {"parameters": {"instances": 2}},
    "az_outage": {"targetZone": "us-east-1b"},
    "network_partition": {"severity": 0.3},
    "database_overload": {"severity": 0.8},
    "memory_leak": {"severity": 0.3},
    "spot_interruption": {"severity": 0.5},
    "traffic_spike": {"parameters": {"multiplier": 2}},
}


def service(market: str) -> dict[str, Any]:
    """Describe the service.

    Args:
        market: How its instances are bought.

    Returns:
        A Simulation document without faults.
    """
    where = {"region": "us-east-1"}
    web = {
        **where,
        "size": "m5.large",
        "market": market,
        "instances": 6,
        "maxInstances": 12,
        "zones": ["us-east-1a", "us-east-1b", "us-east-1c"],
        "cpuSecondsPerRequest": 0.01,
        "bootSeconds": 60,
        "warmupSeconds": 60,
        "timeoutSeconds": 5,
    }
    if market == "spot":
        web["interruptionsPerHour"] = 0
    database = {
        **where,
        "size": "db.m5.large",
        "cpuSecondsPerRequest": 0.0015,
        "maxConnections": 100,
        "idleConnectionsPerInstance": 5,
        "visitProbability": 0.7,
        "ha": True,
        "failoverSeconds": 150,
    }
    resources = [
        {"id": "web", "type": "compute", "name": "web", "characteristics": web},
        {"id": "db", "type": "database", "name": "db", "characteristics": database},
    ]
    return {
        "name": "shop",
        "traffic": 720,
        "resources": [{**resource, "provider": "aws"} for resource in resources],
    }


def draw(kind: str) -> Figure:
    """Simulate one fault and draw it.

    Args:
        kind: Canonical name.

    Returns:
        Throughput, P95 latency and errors over the steps.
    """
    fault = {"type": kind, "startTime": START, "endTime": END, **FIELDS.get(kind, {})}
    document = service("spot" if kind == "spot_interruption" else "on_demand")
    history = cwm_gym.simulate({**document, "faults": [fault]}, STEPS)
    steps = np.arange(STEPS) + 0.5
    figure = Figure(figsize=(9.0, 2.3), layout="constrained")
    axes = figure.subplots(1, 3, sharex=True)
    axes[0].step(steps, history["capacity_rps"], where="mid", color=ASKED, label="capacity")
    axes[0].step(steps, history["offered_rps"], where="mid", color=ASKED, ls=":", label="demand")
    axes[0].step(steps, history["throughput_rps"], where="mid", color=SERVED, label="served")
    axes[0].set(title="requests per second", ylim=(0, 1600))
    axes[0].legend(frameon=False, fontsize=7, ncols=3, loc="upper left")
    axes[1].step(steps, history["latency_p95"], where="mid", color=SERVED)
    axes[1].set(title="P95 latency, ms", yscale="log", ylim=(10, 2e4))
    axes[2].step(steps, 100 * history["error_rate"], where="mid", color=BAD)
    axes[2].set(title="errors, %", ylim=(-3, 103))
    for panel in axes:
        panel.axvspan(START, END, color=WINDOW, zorder=0)
        panel.spines[["top", "right"]].set_visible(False)
        panel.set_xlabel("step", fontsize=8)
        panel.tick_params(labelsize=7)
        panel.title.set_fontsize(9)
    figure.suptitle(kind, fontsize=10, fontweight="bold", x=0.01, ha="left")
    return figure


def main(arguments: Sequence[str] | None = None) -> int:
    """Write all pictures."""
    parser = argparse.ArgumentParser(description="draw the effects of faults")
    parser.add_argument("--output", type=Path, default=TARGET)
    options = parser.parse_args(arguments)
    options.output.mkdir(parents=True, exist_ok=True)
    # No version of the library in the file: the picture depends on the service alone.
    with mpl.rc_context({"font.family": "DejaVu Sans", "svg.hashsalt": "faults"}):
        for kind in FAULT_KINDS:
            path = options.output / f"{kind}.png"
            draw(kind).savefig(path, dpi=110, metadata={"Software": None})
            print(path.name, f"{path.stat().st_size / 1024:.0f} KiB")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
