"""The reward of a tick, from its metrics and the changes made in it.

``documented``: 0.35 performance + 0.25 cost + 0.20 stability + 0.20 sla + connection pressure.
``dollars``: minus what the tick cost, with prices for slow and failed requests and for scaling.
Every constant is a parameter (``RewardConfig``); all terms are smooth where they can be and none
saturates on the bad side, so that worse is always worth less.
"""

from __future__ import annotations

from typing import Any

from cwm_gym.core.jit import jit

DOCUMENTED, DOLLARS = range(2)


@jit
def latency_score(ratio: float) -> float:
    """Score P95 / limit: 1 - x^2/2 up to 1, then 1/(2 x^2).

    Args:
        ratio: P95 latency over its limit, >= 0.

    Returns:
        A number in (0, 1], falling in ``ratio``.
    """
    return 1.0 - 0.5 * ratio * ratio if ratio <= 1.0 else 0.5 / (ratio * ratio)


@jit
def error_score(ratio: float) -> float:
    """Score error rate / limit: 1 - x/2 up to 1, then 1/(2 x).

    Args:
        ratio: Error rate over its limit, >= 0.

    Returns:
        A number in (0, 1], falling in ``ratio``.
    """
    return 1.0 - 0.5 * ratio if ratio <= 1.0 else 0.5 / ratio


@jit
def cost_score(ratio: float, slope: float) -> float:
    """Score cost / budget: 1 - slope x up to 1, then (1 - slope) / x^2.

    Args:
        ratio: Cost per hour over the budget, >= 0.
        slope: Fall of the score up to the budget.

    Returns:
        A number in (0, 1], falling in ``ratio``.
    """
    return 1.0 - slope * ratio if ratio <= 1.0 else (1.0 - slope) / (ratio * ratio)


@jit
def pressure_penalty(r: Any, pressure: float, seen_steps: float) -> float:
    """Punish connection pressure: 0 up to 1.0, then two slopes down to a floor.

    Args:
        r: ``REWARD_PARAMS`` record.
        pressure: Connections wanted over connections there are.
        seen_steps: Steps since the database appeared; the penalty ramps in over
            ``pressure_ramp_steps``.

    Returns:
        A number in [floor, 0].
    """
    if pressure <= 1.0:
        return 0.0
    penalty = r.pressure_slope * (min(pressure, r.pressure_knee) - 1.0)
    if pressure > r.pressure_knee:
        penalty += r.pressure_slope_beyond * (pressure - r.pressure_knee)
    ramp = min(seen_steps / r.pressure_ramp_steps, 1.0) if r.pressure_ramp_steps > 0.0 else 1.0
    return max(penalty, r.pressure_floor) * ramp


@jit
def write_reward(params: Any, w: Any) -> None:
    """Compute the reward and its components from the tick's meter, and store them there.

    Args:
        params: ``PARAMS`` record.
        w: ``WORLD`` record whose meter, counters and totals describe the finished tick.
    """
    episode = params.episode
    r = params.reward
    m = w.meter
    latency = m.latency_p95_s / episode.latency_limit_s
    errors = m.error_rate / episode.error_limit
    m.safe_cost = 0.5 * min(max(latency - 1.0, 0.0), 1.0) + 0.5 * min(max(errors - 1.0, 0.0), 1.0)
    if r.kind == DOLLARS:
        share = r.request_usd * r.dollar_scale
        m.performance = -r.kappa * share * m.arrived if m.sla_violations > 0.0 else 0.0
        m.cost = -m.usd * r.dollar_scale
        minute = params.pool[episode.primary].usd_per_hour / 60.0
        m.stability = -r.sigma * minute * w.changes * r.dollar_scale
        m.sla = -r.phi * share * (m.timed_out + m.rejected + m.failed)
        m.pressure_penalty = 0.0
        m.reward = m.performance + m.cost + m.stability + m.sla
        return
    m.performance = r.latency_share * latency_score(latency) + (
        1.0 - r.latency_share
    ) * error_score(errors)
    m.cost = cost_score(m.cost_usd_per_hour / episode.budget_usd_per_hour, r.cost_slope)
    m.stability = max(
        r.scaling_penalty * w.changes
        + r.config_penalty * w.config_changes
        + r.reversal_penalty * w.reversals,
        r.stability_floor,
    )
    m.stability += 0.0  # not -0.0
    m.sla = r.violation_penalty * m.sla_violations + 0.0
    m.pressure_penalty = 0.0
    if w.pressure_steps > 0:
        seen = float(w.pressure_steps)
        m.pressure_penalty = pressure_penalty(r, m.connection_pressure, seen)
    m.reward = (
        r.w_performance * m.performance
        + r.w_cost * m.cost
        + r.w_stability * m.stability
        + r.w_sla * m.sla
        + r.w_pressure * m.pressure_penalty
    )
