"""One chart: scales, axes, and the curves in it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cwm_gym.envs.rendering import canvas as c
from cwm_gym.envs.rendering import raster
from cwm_gym.envs.rendering.canvas import Canvas, Colour
from cwm_gym.envs.rendering.frame import Column
from cwm_gym.envs.rendering.text import duration

LABEL = 10.5
_STROKE = 1.7
_TIME_STEPS = (
    *(1, 2, 5, 10, 15, 30),
    *(60 * m for m in (1, 2, 5, 10, 15, 30)),
    *(3600 * h for h in (1, 2, 3, 6, 12)),
    *(86_400 * d for d in (1, 2, 4, 7, 14, 28, 91, 182, 364)),
)


@dataclass(frozen=True)
class Scale:
    """A value axis.

    Attributes:
        floor: Value at the bottom.
        top: Value at the top.
        ticks: Values that get a label and a grid line.
        log: Whether the axis is logarithmic.
    """

    floor: float
    top: float
    ticks: tuple[float, ...]
    log: bool = False

    def height(self, values: Column) -> Column:
        """Place values on the axis: 0 is the bottom, 1 the top, values outside are clipped."""
        if self.log:
            span = math.log(self.top / self.floor)
            placed: Column = np.log(np.maximum(values, self.floor) / self.floor) / span
        else:
            placed = (values - self.floor) / (self.top - self.floor)
        return placed.clip(0.0, 1.0)


def linear(largest: float, intervals: int) -> Scale:
    """An axis from zero to a round value above ``largest``, in about ``intervals`` steps."""
    step = _round_up(max(largest, 1e-9) / intervals, (1.0, 2.0, 2.5, 5.0))
    steps = max(math.ceil(largest / step - 1e-9), 1)
    return Scale(0.0, steps * step, tuple(i * step for i in range(steps + 1)))


def counting(largest: int, intervals: int) -> Scale:
    """An axis of whole things, from zero to a round number of at least ``largest``."""
    step = max(round(_round_up(largest / intervals, (1.0, 2.0, 5.0))), 1) if largest else 1
    steps = max(math.ceil(largest / step), 1)
    return Scale(0.0, float(steps * step), tuple(float(i * step) for i in range(steps + 1)))


def logarithmic(smallest: float, largest: float) -> Scale:
    """A logarithmic axis between round values around two positive ones, with up to six labels."""
    series = [
        factor * 10.0**power
        for power in range(math.floor(math.log10(smallest)), math.ceil(math.log10(largest)) + 1)
        for factor in (1.0, 2.0, 5.0)
    ]
    floor = max(value for value in series if value <= smallest * (1 + 1e-9))
    top = min(value for value in series if value >= largest * (1 - 1e-9))
    ticks = [value for value in series if floor <= value <= top]
    if len(ticks) > 6:
        ticks = [value for value in ticks if math.log10(value) % 1 < 1e-9]
    stride = -(-len(ticks) // 6)
    return Scale(floor, top, tuple(ticks[::stride]), log=True)


def _round_up(value: float, factors: Sequence[float]) -> float:
    power: float = 10.0 ** math.floor(math.log10(value))
    return next((f * power for f in factors if f * power >= value * (1 - 1e-9)), 10.0 * power)


class Plot:
    """A chart area over time.

    Args:
        canvas: What to draw on.
        box: (left, top, right, bottom) of the area between the axes, in pixels, ends open.
        times: Times of the data in seconds, increasing, at least one; each datum holds for the
            time since the one before.
        span: First and last time of the axis; the first datum holds from the start.
        scale: The value axis.
    """

    def __init__(
        self,
        canvas: Canvas,
        box: tuple[int, int, int, int],
        times: Column,
        span: tuple[float, float],
        scale: Scale,
    ) -> None:
        self.canvas = canvas
        self.left, self.top, self.right, self.bottom = box
        self.width, self.height = self.right - self.left, self.bottom - self.top
        self._times, self._span, self.scale = times, span, scale
        start, end = span
        self._at = start + raster.subcolumn_centres(self.width) / self.width * (end - start)
        self._last = int(np.searchsorted(self._at, times[-1], side="right"))
        self._holder = np.searchsorted(times, self._at).clip(max=len(times) - 1)

    def sloped(self, values: Column) -> Column:
        """The values at each subcolumn, straight between the data points."""
        return np.interp(self._at, self._times, values)

    def stepped(self, values: Column) -> Column:
        """The values at each subcolumn, each holding from the previous data point to its own."""
        held: Column = values[self._holder]
        return held

    def y(self, values: Column, scale: Scale | None = None) -> Column:
        """Pixels downward from the top of the area."""
        # Half a pen is kept free at both ends, so that a line on the border shows whole.
        inset = _STROKE * self.canvas.unit / 2
        shown: Column = (scale or self.scale).height(values) * (self.height - 2 * inset)
        return self.height - inset - shown

    def x_of(self, time: float) -> float:
        """Horizontal position of a time, in pixels of the canvas."""
        start, end = self._span
        return self.left + (time - start) / (end - start) * self.width

    def y_of(self, value: float, scale: Scale | None = None) -> float:
        """Vertical position of a value, in pixels of the canvas."""
        return self.top + float(self.y(np.array([value]), scale)[0])

    def axes(self, label: Callable[[float], str]) -> None:
        """Draw the grid, the value labels at the left and the time labels below."""
        unit = self.canvas.unit
        for value in self.scale.ticks:
            y = self.y_of(value)
            self.canvas.rule(self.left, self.right, y, c.GRID)
            at = (self.left - 7 * unit, y + 3.6 * unit)
            self.canvas.text(at, label(value), LABEL, c.MUTED, "right")
        start, end = self._span
        most = max(2, int(self.width / (78 * unit)))
        step = next((s for s in _TIME_STEPS if (end - start) / s <= most), (end - start) / most)
        beneath = self.bottom + 13.5 * unit
        for i in range(max(math.ceil(start / step - 1e-9), 0), math.floor(end / step + 1e-9) + 1):
            text = duration(i * step)
            half = self.canvas.measure(text, LABEL) / 2
            x = min(self.x_of(i * step), self.right - half)
            self.canvas.text((x, beneath), text, LABEL, c.MUTED, "middle")

    def right_axis(self, scale: Scale, label: Callable[[float], str]) -> None:
        """Draw the labels of a second value axis at the right."""
        unit = self.canvas.unit
        for value in scale.ticks:
            at = (self.right + 7 * unit, self.y_of(value, scale) + 3.6 * unit)
            self.canvas.text(at, label(value), LABEL, c.MUTED)

    def area(
        self, lower: Column, upper: Column, colour: Colour, opacity: float, fade: float = 1.0
    ) -> None:
        """Fill between two curves (values per subcolumn).

        Args:
            lower: The lower curve.
            upper: The upper curve.
            colour: Colour of the filling.
            opacity: Its opacity at the top of the chart, 0 to 1.
            fade: Its opacity at the bottom, as a fraction of that at the top.
        """
        top, bottom = self.y(upper), self.y(lower)
        top[self._last :] = bottom[self._last :]
        mask, first = raster.cover(top, bottom, self.height)
        shade = np.linspace(opacity, opacity * fade, self.height)[first : first + len(mask)]
        self._tint(mask * shade[:, None], colour, first)

    def bands(self, where: npt.NDArray[np.bool_], colour: Colour, opacity: float) -> None:
        """Shade the whole height over the data points (one flag each) that break a limit."""
        if where.any():
            shown = self.stepped(where.astype(float)) * self.scale.top
            self.area(np.zeros_like(shown), shown, colour, opacity)

    def line(
        self,
        values: Column,
        colour: Colour,
        limit: float | None = None,
        scale: Scale | None = None,
    ) -> None:
        """Draw a curve (values per subcolumn), in the colour of violation above ``limit``."""
        thickness = _STROKE * self.canvas.unit
        y = self.y(values, scale)
        mask, first = raster.stroke(y, thickness, self.height, self._last)
        border = 0 if limit is None else round(self.y_of(limit, scale)) - self.top - first
        border = min(max(border, 0), len(mask))
        self._tint(mask[:border], c.BROKEN, first)
        self._tint(mask[border:], colour, first + border)

    def limit(self, value: float) -> None:
        """Draw a dashed line at a value."""
        self.canvas.rule(self.left, self.right, self.y_of(value), c.LIMIT, dashed=True)

    def head(self, value: float, colour: Colour, scale: Scale | None = None) -> None:
        """Mark the newest value of a curve with a dot."""
        unit = self.canvas.unit
        x, y = self.x_of(float(self._times[-1])), self.y_of(value, scale)
        for radius, shade in ((4.2 * unit, c.PANEL), (2.8 * unit, colour)):
            dot = raster.disc(radius)
            half = len(dot) // 2
            self.canvas.tint(dot, (round(x) - half, round(y) - half), shade)

    def flag(self, time: float, colour: Colour) -> None:
        """Mark a moment with a small stroke at the foot of the chart."""
        unit = self.canvas.unit
        x = self.x_of(time)
        self.canvas.rectangle((x - unit, self.bottom - 5 * unit, x + unit, self.bottom), colour)

    def _tint(self, mask: npt.NDArray[np.generic], colour: Colour, row: int) -> None:
        if len(mask):
            self.canvas.tint(mask.astype(np.uint8), (self.left, self.top + row), colour)
