"""The comparison table, on screen and as data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table

from cwm_gym.evaluation import Evaluation


def comparison_table(
    results: Mapping[str, Evaluation], title: str, reference: str | None = None
) -> Table:
    """Lay out evaluations, best return first.

    Args:
        results: Evaluations by policy, on the same episodes.
        title: Heading.
        reference: Policy to which the others' returns are compared, pair by pair.

    Returns:
        The table.
    """
    table = Table(
        title=title,
        caption="± half of the 95 % interval, differences paired by episode; "
        "share of time beyond the SLA; share of requests failed; scaling actions an hour",
        box=SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        pad_edge=False,
    )
    table.add_column("policy", no_wrap=True)
    columns = ["return", "USD/h", "SLA %", "fail %", "P95 ms", "scale/h"]
    if reference is not None:
        columns.insert(1, "vs static")
    for name in columns:
        table.add_column(name, justify="right", no_wrap=True)
    for name, result in sorted(results.items(), key=lambda item: -item[1].return_mean):
        cells = [
            f"{result.return_mean:.2f}",
            f"{result.usd_per_hour:.3f}",
            f"{100 * result.sla_violation_share:.2f}",
            f"{100 * result.failed_share:.3f}",
            f"{result.latency_p95_ms:.1f}",
            f"{result.scaling_actions_per_hour:.1f}",
        ]
        if reference is None:
            cells[0] = _with_margin(result.return_mean, result.return_ci95)
        else:
            cells.insert(1, "" if name == reference else _versus(result, results[reference]))
        table.add_row(name, *cells)
    return table


def _with_margin(mean: float, ends: tuple[float, float], sign: str = "") -> str:
    return f"{mean:{sign}.2f} ± {ends[1] - mean:.2f}"


def _versus(result: Evaluation, other: Evaluation) -> str:
    comparison = result.compare(other)
    return _with_margin(comparison.difference, comparison.ci95, "+")


def comparison_rows(results: Mapping[str, Evaluation], reference: str) -> list[dict[str, Any]]:
    """Write the same as data.

    Args:
        results: Evaluations by policy, on the same episodes.
        reference: Policy to which the others' returns are compared.

    Returns:
        One mapping a policy, best return first.
    """
    rows = []
    for name, result in sorted(results.items(), key=lambda item: -item[1].return_mean):
        difference = result.compare(results[reference])
        rows.append(
            {
                "policy": name,
                "return_mean": result.return_mean,
                "return_ci95": list(result.return_ci95),
                "difference_mean": difference.difference,
                "difference_ci95": list(difference.ci95),
                "usd_per_hour": result.usd_per_hour,
                "sla_violation_share": result.sla_violation_share,
                "failed_share": result.failed_share,
                "latency_p95_ms": result.latency_p95_ms,
                "scaling_actions_per_hour": result.scaling_actions_per_hour,
            }
        )
    return rows
