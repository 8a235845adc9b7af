"""The report's picture: the learning curve, and one held-out episode side by side."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cwm_gym.demo.training import LearningCurve
from cwm_gym.evaluation import Evaluation, History

_COLOURS = {"ppo": "#1f77b4", "other": "#d97706", "demand": "#94a3b8", "limit": "#b91c1c"}


def draw_report(
    path: Path,
    *,
    title: str,
    curve: LearningCurve,
    levels: Mapping[str, float],
    results: Mapping[str, Evaluation],
    episodes: Mapping[str, History],
) -> None:
    """Draw and save the report.

    Args:
        path: PNG file to write.
        title: Heading.
        curve: Learning curve of the agent.
        levels: Mean return of other policies on the validation episodes, by name.
        results: Evaluations on held-out episodes, for the bars.
        episodes: The same held-out episode under two policies, by name; the agent's first.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(14, 9), layout="constrained")
    figure.suptitle(title, fontsize=14, x=0.01, ha="left")
    grid = figure.add_gridspec(4, 2, height_ratios=[1.25, 1, 1, 1])
    _draw_curve(figure.add_subplot(grid[0, 0]), curve, levels)
    _draw_bars(figure.add_subplot(grid[0, 1]), results)
    shared: dict[int, Any] = {}
    for column, (name, history) in enumerate(episodes.items()):
        hours = history["time_s"] / 3600.0
        colour = _COLOURS["ppo"] if column == 0 else _COLOURS["other"]
        rows = [
            figure.add_subplot(grid[row + 1, column], sharey=shared.get(row)) for row in range(3)
        ]
        shared.update(dict(enumerate(rows)) if column == 0 else {})
        traffic, latency, cost = rows
        traffic.set_title(f"{name}: one held-out episode", loc="left", fontsize=11)
        traffic.fill_between(hours, history["offered_rps"], color=_COLOURS["demand"], alpha=0.6,
                             linewidth=0, label="demand")  # fmt: skip
        traffic.step(hours, history["capacity_rps"], color=colour, where="pre", label="capacity")
        traffic.set_ylabel("requests/s")
        traffic.legend(loc="upper right", fontsize=8, frameon=False, ncols=2)
        latency.semilogy(hours, history["latency_p95"].clip(min=0.1), color=colour)
        latency.axhline(
            history.latency_limit_ms, color=_COLOURS["limit"], linestyle="--", linewidth=1
        )
        latency.set_ylabel("P95 latency, ms")
        cost.plot(hours, history["cost_usd_hr"], color=colour)
        cost.axhline(history.budget_usd_hr, color=_COLOURS["limit"], linestyle="--", linewidth=1)
        cost.set_ylabel("USD/h")
        cost.set_xlabel("hours")
        for axes in rows:
            axes.spines[["top", "right"]].set_visible(False)
            axes.set_xlim(0, hours[-1])
    figure.savefig(path, dpi=110)


def _draw_curve(axes: Any, curve: LearningCurve, levels: Mapping[str, float]) -> None:
    axes.plot([t / 1e6 for t in curve.timesteps], curve.returns, color=_COLOURS["ppo"], label="PPO")
    for index, (name, level) in enumerate(levels.items()):
        axes.axhline(level, color=f"C{index + 1}", linestyle="--", linewidth=1, label=name)
    axes.set_xlabel("million training steps")
    axes.set_ylabel("return, validation episodes")
    axes.set_title("learning curve", loc="left", fontsize=11)
    floor = min([*levels.values(), *curve.returns[len(curve.returns) // 5 :]])
    ceiling = max([*levels.values(), *curve.returns])
    margin = 0.1 * (ceiling - floor) + 1e-9
    axes.set_ylim(floor - margin, ceiling + margin)
    axes.legend(fontsize=8, frameon=False, ncols=2)
    axes.spines[["top", "right"]].set_visible(False)


def _draw_bars(axes: Any, results: Mapping[str, Evaluation]) -> None:
    ranked = sorted(results.items(), key=lambda item: item[1].return_mean)
    colours = [_COLOURS["ppo"] if name == "PPO" else _COLOURS["demand"] for name, _ in ranked]
    axes.barh(
        [name for name, _ in ranked],
        [result.return_mean for _, result in ranked],
        xerr=[result.return_ci95[1] - result.return_mean for _, result in ranked],
        color=colours,
        error_kw={"elinewidth": 1},
    )
    axes.set_title("return on held-out episodes (95 % interval)", loc="left", fontsize=11)
    axes.spines[["top", "right"]].set_visible(False)
