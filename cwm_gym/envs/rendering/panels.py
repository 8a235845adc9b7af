"""Where everything stands on the dashboard, and what is drawn there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cwm_gym.envs.rendering import canvas as c
from cwm_gym.envs.rendering import text
from cwm_gym.envs.rendering.canvas import Canvas, Colour
from cwm_gym.envs.rendering.frame import Frame, History, Scene, Series
from cwm_gym.envs.rendering.plot import Plot, Scale, counting, linear, logarithmic

Box = tuple[int, int, int, int]  # left, top, right, bottom in pixels, ends open

_SMALL, _BODY, _HEADING, _FIGURE, _TITLE = 10.5, 12.0, 13.0, 18.0, 20.0
_TILES = ("Simulated time", "Latency P95", "Errors", "Cost per hour", "Reward")
_FEWEST_STEPS = 60  # the time axis spans at least these, so that a young episode does not jump
_SHARE = Scale(0.0, 1.0, (0.0, 0.5, 1.0))


@dataclass(frozen=True)
class Layout:
    """Boxes of the dashboard in pixels, from the size of the image.

    Attributes:
        unit: Pixels per design pixel (the design is 960 x 540).
        tiles: The figures at the top right.
        traffic: The large chart.
        fleet: The chart below it.
        latency: The upper chart at the right.
        cost: The chart below it.
        footer: The strip with the action and the events.
    """

    unit: float
    tiles: tuple[Box, ...]
    traffic: Box
    fleet: Box
    latency: Box
    cost: Box
    footer: Box

    @classmethod
    def of(cls, size: tuple[int, int]) -> Layout:
        """The layout for an image of (width, height) pixels."""
        width, height = size
        unit = min(width / 960, height / 540)
        margin, gap = 14 * unit, 10 * unit
        tile, head = 112 * unit, 58 * unit
        lefts = [width - margin - (5 - i) * tile - (4 - i) * 0.8 * gap for i in range(5)]
        tiles = tuple(_rounded(x, margin, x + tile, margin + head) for x in lefts)
        strip = height - margin - 36 * unit
        top, bottom = margin + head + gap, strip - gap
        split = margin + 0.615 * (width - 2 * margin)
        right = split + gap
        fold = top + 0.6 * (bottom - top)
        half = (top + bottom) / 2
        return cls(
            unit=unit,
            tiles=tiles,
            traffic=_rounded(margin, top, split, fold - gap / 2),
            fleet=_rounded(margin, fold + gap / 2, split, bottom),
            latency=_rounded(right, top, width - margin, half - gap / 2),
            cost=_rounded(right, half + gap / 2, width - margin, bottom),
            footer=_rounded(margin, strip, width - margin, height - margin),
        )


def background(scene: Scene, layout: Layout, size: tuple[int, int]) -> Canvas:
    """Draw what no frame changes.

    Args:
        scene: Titles and limits.
        layout: Where things stand.
        size: Width and height of the image in pixels.

    Returns:
        A new canvas.
    """
    canvas, u = Canvas.blank(size, layout.unit), layout.unit
    left, top = layout.traffic[0], layout.tiles[0][1]
    room = layout.tiles[0][0] - left - 16 * u
    title = canvas.fitted(scene.title, _TITLE, room)
    subtitle = canvas.fitted(scene.subtitle, _BODY, room)
    canvas.text((left + 2 * u, top + (25 if subtitle else 36) * u), title, _TITLE, c.TEXT)
    canvas.text((left + 2 * u, top + 46 * u), subtitle, _BODY, c.MUTED)
    for name, box in zip(_TILES, layout.tiles, strict=True):
        canvas.box(box, c.PANEL, c.BORDER)
        canvas.text((box[0] + 11 * u, box[1] + 16 * u), name, _SMALL, c.MUTED)
    low, high = scene.fleet_bounds
    for box, heading, note in (
        (layout.traffic, "Traffic", "requests per second"),
        (layout.fleet, "Fleet", f"instances, {low} to {high} allowed"),
        (layout.latency, "Latency P95", "log scale"),
        (layout.cost, "Cost", "US dollars per hour"),
    ):
        canvas.box(box, c.PANEL, c.BORDER)
        at = box[0] + 13 * u, box[1] + 20 * u
        advance = canvas.text(at, heading, _HEADING, c.TEXT)
        canvas.text((at[0] + advance + 7 * u, at[1]), note, _SMALL, c.MUTED)
    canvas.box(layout.footer, c.PANEL, c.BORDER)
    return canvas


def foreground(canvas: Canvas, scene: Scene, layout: Layout, history: History) -> None:
    """Draw the history on a copy of the background.

    Args:
        canvas: What to draw on.
        scene: Titles and limits.
        layout: Where things stand.
        history: What to show; before the first frame the charts stay empty.
    """
    frame = history.latest
    if frame is None:
        _waiting(canvas, layout)
        return
    _tiles(canvas, scene, layout, history, frame)
    # Two points for three pixels: finer detail would only thicken the lines.
    series = history.series((layout.traffic[2] - layout.traffic[0]) * 2 // 3)
    fewest = min(_FEWEST_STEPS, scene.horizon_steps, history.limit)
    start, end = history.since_s, float(series.time[-1])
    span = (start, max(end, start + fewest * history.tick_s))
    _traffic(canvas, scene, layout.traffic, history, frame, series, span)
    _fleet(canvas, scene, layout.fleet, frame, series, span)
    _latency(canvas, scene, layout.latency, series, span)
    _cost(canvas, scene, layout.cost, series, span)
    _footer(canvas, layout.footer, history, frame)


def _waiting(canvas: Canvas, layout: Layout) -> None:
    left, top, right, bottom = layout.traffic
    centre = ((left + right) / 2, (top + bottom) / 2)
    canvas.text(centre, "waiting for the first step", _HEADING, c.MUTED, "middle")


def _tiles(canvas: Canvas, scene: Scene, layout: Layout, history: History, frame: Frame) -> None:
    u = layout.unit
    steps = f"step {history.steps} / {scene.horizon_steps}"
    figures = (
        (text.short_clock(frame.sim_time_s), steps, False),
        (
            text.milliseconds(frame.latency_p95_ms),
            f"SLA {text.milliseconds(scene.sla_latency_ms)}",
            frame.latency_p95_ms > scene.sla_latency_ms,
        ),
        (
            text.percent(frame.error_rate),
            f"SLA {text.percent(scene.sla_error_rate)}",
            frame.error_rate > scene.sla_error_rate,
        ),
        (
            text.dollars(frame.cost_usd_per_hour),
            f"budget {text.dollars(scene.budget_usd_per_hour)}",
            frame.cost_usd_per_hour > scene.budget_usd_per_hour,
        ),
        (text.signed(history.total_reward), f"last {frame.reward:+.3f}", False),
    )
    for (figure, note, broken), (left, top, right, bottom) in zip(
        figures, layout.tiles, strict=True
    ):
        inset, room = left + 11 * u, right - left - 20 * u
        colour = c.BROKEN if broken else c.TEXT
        canvas.text((inset, top + 36 * u), canvas.fitted(figure, _FIGURE, room), _FIGURE, colour)
        canvas.text((inset, top + 50.5 * u), canvas.fitted(note, _SMALL, room), _SMALL, c.MUTED)
        if broken:
            canvas.rectangle((left, top + 12 * u, left + 3 * u, bottom - 12 * u), c.BROKEN)


def _traffic(
    canvas: Canvas,
    scene: Scene,
    box: Box,
    history: History,
    frame: Frame,
    series: Series,
    span: tuple[float, float],
) -> None:
    scale = linear(1.04 * float(max(series.demand.max(), series.capacity.max())), 4)
    plot = Plot(canvas, _chart(box, canvas.unit), series.time, span, scale)
    plot.bands(series.errors > scene.sla_error_rate, c.BROKEN, 0.10)
    plot.axes(text.count)
    demand = plot.sloped(series.demand)
    served = np.maximum(demand - plot.sloped(series.lost), 0.0)
    plot.area(np.zeros_like(demand), served, c.DEMAND, 0.50, 0.12)
    plot.area(served, demand, c.BROKEN, 0.60)
    plot.line(demand, c.DEMAND)
    plot.line(plot.stepped(series.capacity), c.CAPACITY)
    for time, _ in history.events:
        if time >= span[0]:
            plot.flag(time, c.COST)
    plot.head(float(series.capacity[-1]), c.CAPACITY)
    plot.head(float(series.demand[-1]), c.DEMAND)
    lost = max(frame.demand_rps - frame.served_rps, 0.0)
    _legend(
        canvas,
        box,
        (
            (c.DEMAND, "demand", text.count(frame.demand_rps)),
            (c.CAPACITY, "capacity", text.count(frame.capacity_rps)),
            (c.BROKEN, "not served", text.count(lost)),
        ),
    )


def _fleet(
    canvas: Canvas,
    scene: Scene,
    box: Box,
    frame: Frame,
    series: Series,
    span: tuple[float, float],
) -> None:
    total = series.ready + series.pending
    scale = counting(int(total.max()) + 1, 3)
    plot = Plot(canvas, _chart(box, canvas.unit, right=46), series.time, span, scale)
    plot.axes(text.count)
    plot.right_axis(_SHARE, lambda value: f"{100 * value:.0f} %")
    ready, both = plot.stepped(series.ready), plot.stepped(total)
    plot.area(np.zeros_like(ready), ready, c.READY, 0.42, 0.5)
    plot.area(ready, both, c.PENDING, 0.55)
    plot.line(ready, c.READY)
    if scene.fleet_bounds[1] <= scale.top:
        plot.limit(scene.fleet_bounds[1])
    plot.line(plot.sloped(series.utilisation), c.UTILISATION, scale=_SHARE)
    plot.head(float(series.utilisation[-1]), c.UTILISATION, _SHARE)
    _legend(
        canvas,
        box,
        (
            (c.READY, "ready", str(frame.ready)),
            (c.PENDING, "pending", str(frame.pending)),
            (c.UTILISATION, "utilisation", text.percent(frame.utilisation)),
        ),
    )


def _latency(
    canvas: Canvas, scene: Scene, box: Box, series: Series, span: tuple[float, float]
) -> None:
    limit = scene.sla_latency_ms
    lowest = max(float(series.latency.min()), limit / 100)
    scale = logarithmic(min(lowest, limit / 5), max(float(series.latency.max()), 3 * limit))
    plot = Plot(canvas, _chart(box, canvas.unit), series.time, span, scale)
    broken = series.latency > limit
    plot.bands(broken, c.BROKEN, 0.10)
    plot.axes(text.milliseconds)
    latency = plot.sloped(series.latency)
    plot.area(np.full_like(latency, limit), latency.clip(min=limit), c.BROKEN, 0.45)
    plot.limit(limit)
    plot.line(latency, c.LATENCY, limit)
    plot.head(float(series.latency[-1]), c.BROKEN if broken[-1] else c.LATENCY)
    _limit_legend(canvas, box, f"SLA {text.milliseconds(limit)}")


def _cost(
    canvas: Canvas, scene: Scene, box: Box, series: Series, span: tuple[float, float]
) -> None:
    budget = scene.budget_usd_per_hour
    scale = linear(1.08 * max(float(series.cost.max()), budget), 3)
    plot = Plot(canvas, _chart(box, canvas.unit), series.time, span, scale)
    plot.axes(text.dollars)
    cost = plot.stepped(series.cost)
    plot.area(np.zeros_like(cost), cost.clip(max=budget), c.COST, 0.36, 0.3)
    plot.area(np.full_like(cost, budget), cost.clip(min=budget), c.BROKEN, 0.45)
    plot.limit(budget)
    plot.line(cost, c.COST, budget)
    plot.head(float(series.cost[-1]), c.BROKEN if series.cost[-1] > budget else c.COST)
    _limit_legend(canvas, box, f"budget {text.dollars(budget)}")


def _footer(canvas: Canvas, box: Box, history: History, frame: Frame) -> None:
    u = canvas.unit
    left, top, right, bottom = box
    baseline = (top + bottom) / 2 + 4 * u
    end = right - 14 * u
    if frame.connection_pressure is not None:
        end = _gauge(canvas, end, baseline, frame.connection_pressure) - 18 * u
    x = left + 13 * u
    x += canvas.text((x, baseline), "Action", _SMALL, c.MUTED) + 8 * u
    action = " ".join(frame.action.split()) or "none"
    canvas.text((x, baseline), canvas.fitted(action, _BODY, 126 * u), _BODY, c.TEXT)
    x = left + 196 * u
    x += canvas.text((x, baseline), "Events", _SMALL, c.MUTED) + 10 * u
    if not history.events:
        canvas.text((x, baseline), "none yet", _BODY, c.MUTED)
    for age, (time, event) in enumerate(reversed(history.events)):
        stamp = text.clock(time)
        room = end - x - canvas.measure(stamp, _SMALL) - 6 * u
        if room < (90 * u if age else 0):
            break
        x += canvas.text((x, baseline), stamp, _SMALL, c.COST) + 6 * u
        event = canvas.fitted(event, _BODY, room)
        x += canvas.text((x, baseline), event, _BODY, c.MUTED if age else c.TEXT) + 18 * u


def _gauge(canvas: Canvas, end: float, baseline: float, pressure: float) -> float:
    """Draw the database's connections right-aligned at ``end``; returns where it begins."""
    u = canvas.unit
    broken = pressure > 1.0
    canvas.text(
        (end, baseline), text.percent(pressure), _BODY, c.BROKEN if broken else c.TEXT, "right"
    )
    right, left = end - 44 * u, end - 114 * u
    top, bottom = baseline - 7 * u, baseline - u
    canvas.rectangle((left, top, right, bottom), c.BORDER)
    filled = left + min(max(pressure, 0.0), 1.0) * (right - left)
    canvas.rectangle((left, top, filled, bottom), c.BROKEN if broken else c.READY)
    label = "DB connections"
    canvas.text((left - 9 * u, baseline), label, _SMALL, c.MUTED, "right")
    return left - 9 * u - canvas.measure(label, _SMALL)


def _legend(canvas: Canvas, box: Box, items: Sequence[tuple[Colour, str, str]]) -> None:
    """Write the newest values with their colours; each has a fixed room, so nothing wobbles."""
    u = canvas.unit
    baseline = box[1] + 20 * u
    x = box[2] - 10 * u
    for colour, name, value in reversed(items):
        x -= 40 * u
        canvas.text((x, baseline), value, _BODY, c.TEXT)
        x -= 5 * u
        canvas.text((x, baseline), name, _SMALL, c.MUTED, "right")
        x -= canvas.measure(name, _SMALL) + 6 * u
        swatch = (x - 8 * u, baseline - 8 * u, x, baseline)
        canvas.rectangle(swatch, colour)
        x -= 16 * u


def _limit_legend(canvas: Canvas, box: Box, label: str) -> None:
    u = canvas.unit
    baseline, end = box[1] + 20 * u, box[2] - 14 * u
    canvas.text((end, baseline), label, _SMALL, c.MUTED, "right")
    end -= canvas.measure(label, _SMALL) + 7 * u
    canvas.rule(round(end - 20 * u), round(end), baseline - 3.5 * u, c.LIMIT, dashed=True)


def _chart(box: Box, unit: float, right: float = 14) -> Box:
    """The area between the axes of a panel."""
    left, top, end, bottom = box
    return _rounded(left + 52 * unit, top + 33 * unit, end - right * unit, bottom - 23 * unit)


def _rounded(left: float, top: float, right: float, bottom: float) -> Box:
    return round(left), round(top), round(right), round(bottom)
