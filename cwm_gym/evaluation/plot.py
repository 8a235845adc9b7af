"""The picture of an episode."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cwm_gym.evaluation.history import History


def plot_history(history: History) -> Any:
    """Draw an episode in four panels over time.

    Args:
        history: The episode.

    Returns:
        matplotlib Figure: traffic against capacity, P95 latency against its limit, cost against
        the budget, and the fleet.

    Raises:
        ImportError: Without matplotlib; names the extra that brings it.
    """
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise ImportError("History.plot needs matplotlib: pip install 'cwm-gym[plot]'") from error
    hours = history["time_s"] / 3600.0
    figure, axes = plt.subplots(4, 1, sharex=True, figsize=(9.0, 9.0), layout="constrained")
    figure.suptitle(f"{history.simulation.name}: {history.policy}")
    traffic, latency, cost, fleet = axes

    traffic.plot(hours, history["offered_rps"], label="offered")
    traffic.plot(hours, history["throughput_rps"], label="served")
    traffic.step(hours, history["capacity_rps"], where="pre", label="capacity", color="0.5")
    traffic.set_ylabel("requests / s")

    latency.plot(hours, history["latency_p95"], label="P95")
    latency.axhline(history.latency_limit_ms, ls="--", color="tab:red", label="limit")
    # Overload reaches the client's timeout, hundreds of times the limit.
    latency.set_yscale("log")
    latency.set_ylabel("latency, ms")

    cost.step(hours, history["cost_usd_hr"], where="pre", label="cost")
    cost.axhline(history.budget_usd_hr, ls="--", color="tab:red", label="budget")
    cost.set_ylabel("$ / h")

    fleet.step(hours, history["ready"], where="pre", label="ready")
    fleet.step(hours, history["desired"], where="pre", ls=":", label="desired")
    fleet.set_ylabel("instances")
    fleet.set_xlabel("hours")
    for panel in (traffic, cost, fleet):
        panel.set_ylim(bottom=0.0)
    for panel in axes:
        panel.legend(loc="upper right", fontsize="small")
    return figure
