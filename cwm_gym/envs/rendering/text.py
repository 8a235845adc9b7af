"""Numbers as people read them, and the dashboard as text."""

from __future__ import annotations

import numpy as np

from cwm_gym.envs.rendering.frame import Column, History, Scene

WIDTH = 80
_BLOCKS = "▁▂▃▄▅▆▇█"
_SPARK = 44


def count(value: float) -> str:
    """A number of things in at most five characters, such as ``812``, ``4.2`` or ``1.25k``."""
    for divisor, suffix in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= 0.9995 * divisor:
            return _three_digits(value / divisor) + suffix
    return _three_digits(value)


def milliseconds(value: float) -> str:
    """A latency with its unit: ``182 ms`` or ``1.84 s``."""
    if value < 999.5:
        return f"{_three_digits(value)} ms"
    return f"{count(value / 1e3)} s"


def dollars(value: float) -> str:
    """An amount of US dollars: ``$3.42`` or ``$1.25k``."""
    return f"${value:.2f}" if value < 99.995 else f"${count(value)}"


def percent(fraction: float) -> str:
    """A fraction as a percentage: ``0.42 %`` or ``64 %``."""
    value = 100.0 * fraction
    if value == 0.0:
        return "0 %"
    return (
        "<0.01 %" if value < 0.01 else f"{_three_digits(value) if value < 10 else f'{value:.0f}'} %"
    )


def clock(seconds: float) -> str:
    """A simulated time: ``02:14:30``, or ``1d 02:14:30`` from the second day on."""
    minutes, second = divmod(round(seconds), 60)
    hours, minute = divmod(minutes, 60)
    days, hour = divmod(hours, 24)
    day = f"{days}d " if days else ""
    return f"{day}{hour:02d}:{minute:02d}:{second:02d}"


def short_clock(seconds: float) -> str:
    """Like :func:`clock`, without the seconds from the second day on: ``12d 02:14``."""
    full = clock(seconds)
    return full[:-3] if "d" in full else full


def signed(value: float) -> str:
    """A sum of rewards with its sign: ``+12.84`` or ``-1204``."""
    return f"{value:+.{2 if abs(value) < 999.995 else 0}f}"


def duration(seconds: float) -> str:
    """A tick of a time axis in at most two units: ``45s``, ``15m``, ``1h30m``, ``2d``."""
    left = round(seconds)
    parts = []
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "m"), (1, "s")):
        whole, left = divmod(left, size)
        if whole:
            parts.append(f"{whole}{unit}")
    return "".join(parts[:2]) or "0"


def _three_digits(value: float) -> str:
    size = abs(value)
    digits = 0 if size >= 99.95 else 1 if size >= 9.995 else 2
    text = f"{value:.{digits}f}"
    return text.rstrip("0").rstrip(".") if digits else text


def sparkline(values: Column, width: int, floor: float, top: float) -> str:
    """A row of block characters, the newest value at the right.

    Args:
        values: What to draw, oldest first; the maximum of each bin when longer than ``width``.
        width: Characters of the result.
        floor: Value of the lowest block.
        top: Value of the full block.

    Returns:
        Exactly ``width`` characters, padded with blanks at the left.
    """
    if len(values) > width:
        starts = np.arange(width) * len(values) // width
        values = np.maximum.reduceat(values, starts)
    span = max(top - floor, 1e-12)
    levels = np.clip((values - floor) / span * (len(_BLOCKS) - 1), 0, len(_BLOCKS) - 1).round()
    return "".join(_BLOCKS[int(level)] for level in levels).rjust(width)


def dashboard(history: History, scene: Scene) -> str:
    """The whole dashboard as text; ``!`` marks what breaks its limit.

    Args:
        history: What to show.
        scene: Titles and limits.

    Returns:
        At most 12 lines of at most 80 columns, joined by newlines, without a trailing one.
    """
    rule = "─" * WIDTH
    heading = f"{scene.title} · {scene.subtitle}" if scene.subtitle else scene.title
    frame = history.latest
    if frame is None:
        return "\n".join(_fit(line) for line in (heading, rule, "waiting for the first step"))
    series = history.series(WIDTH)
    low, high = scene.fleet_bounds
    fleet = f"{frame.ready} ready + {frame.pending} pending of {low}-{high}"
    database = (
        []
        if frame.connection_pressure is None
        else [f"db connections {percent(frame.connection_pressure)}"]
    )
    lost = max(frame.demand_rps - frame.served_rps, 0.0)
    rows = [
        _row(
            "demand",
            f"{count(frame.demand_rps)} of {count(frame.capacity_rps)} rps",
            frame.demand_rps > frame.capacity_rps,
            sparkline(series.demand, _SPARK, 0.0, float(series.demand.max())),
        ),
        _row(
            "p95",
            f"{milliseconds(frame.latency_p95_ms)} / {milliseconds(scene.sla_latency_ms)}",
            frame.latency_p95_ms > scene.sla_latency_ms,
            # Logarithmic as in the picture: overload is orders of magnitude above normal.
            _latency_spark(series.latency, scene.sla_latency_ms),
        ),
        _row(
            "cost",
            f"{dollars(frame.cost_usd_per_hour)} / {dollars(scene.budget_usd_per_hour)} per hour",
            frame.cost_usd_per_hour > scene.budget_usd_per_hour,
            sparkline(series.cost, _SPARK, 0.0, max(float(series.cost.max()), 1e-9)),
        ),
        _row(
            "errors",
            f"{percent(frame.error_rate)} / {percent(scene.sla_error_rate)}",
            frame.error_rate > scene.sla_error_rate,
            f"lost {count(lost)} rps",
        ),
    ]
    state = [fleet, f"utilisation {percent(frame.utilisation)}", *database]
    step = f"{clock(frame.sim_time_s)}  step {history.steps}/{scene.horizon_steps}"
    reward = f"reward {frame.reward:+.3f}, sum {history.total_reward:+.2f}"
    events = " · ".join(f"{clock(t)} {text}" for t, text in list(history.events)[:-4:-1])
    lines = [
        _ends(heading, step),
        rule,
        *rows,
        f"fleet   {' · '.join(state)}",
        _ends(f"action  {' '.join(frame.action.split())}", reward),
        rule,
        f"events  {events or 'none yet'}",
    ]
    return "\n".join(_fit(line) for line in lines)


def _latency_spark(latency: Column, limit: float) -> str:
    floor = np.log10(limit / 10)
    logs = np.log10(np.maximum(latency, limit / 10))
    return sparkline(logs, _SPARK, float(floor), float(max(logs.max(), np.log10(3 * limit))))


def _row(name: str, value: str, broken: bool, tail: str) -> str:
    return f"{name:<7} {value:<24} {'!' if broken else ' '} {tail}"


def _ends(left: str, right: str) -> str:
    room = WIDTH - len(right) - 2
    return f"{_fit(left, room):<{room}}  {right}"


def _fit(line: str, width: int = WIDTH) -> str:
    return line if len(line) <= width else line[: width - 1] + "…"
