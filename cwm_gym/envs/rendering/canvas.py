"""The few Pillow operations that the dashboard is drawn with, and its palette.

Pillow is imported on the first picture only: it belongs to the extra ``render``.
"""

from __future__ import annotations

import importlib
import math
from bisect import bisect_right
from functools import lru_cache
from types import ModuleType
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt
from gymnasium.error import DependencyNotInstalled

from cwm_gym.envs.rendering.raster import Mask

if TYPE_CHECKING:
    from PIL.Image import Image

Colour = tuple[int, int, int]

BACKGROUND: Colour = (13, 17, 23)
PANEL: Colour = (21, 27, 36)
BORDER: Colour = (36, 44, 56)
GRID: Colour = (35, 43, 55)
TEXT: Colour = (232, 238, 245)
MUTED: Colour = (134, 147, 164)
LIMIT: Colour = (186, 196, 209)
DEMAND: Colour = (78, 168, 255)
CAPACITY: Colour = (226, 232, 240)
LATENCY: Colour = (176, 148, 255)
COST: Colour = (245, 190, 88)
READY: Colour = (52, 199, 150)
PENDING: Colour = (120, 138, 160)
UTILISATION: Colour = (126, 214, 240)
BROKEN: Colour = (255, 99, 99)

_FINE = 4  # text and corners are drawn this many times too large, then averaged

# The embedded font is Latin only; these are the other characters that labels are likely to hold.
_PLAIN = str.maketrans(
    {"–": "-", "—": "-", "−": "-", "×": "x", "→": "->", "≤": "<=", "≥": ">=", "µ": "u", "’": "'"}
)


def pillow(module: str) -> ModuleType:
    """Import a module of Pillow.

    Args:
        module: Its name, such as ``Image``.

    Returns:
        The module.

    Raises:
        DependencyNotInstalled: Pillow is missing.
    """
    try:
        return importlib.import_module(f"PIL.{module}")
    except ImportError as error:
        raise DependencyNotInstalled(
            'Pillow is not installed; run `pip install "cwm-gym[render]"`'
        ) from error


class Canvas:
    """An RGB image with the dashboard's vocabulary: boxes, crisp rules, text, tinted masks.

    Args:
        image: What to draw on.
        unit: Size of one design pixel (the design is 960 x 540) in pixels of the image; scales
            text and pens, not positions.
    """

    def __init__(self, image: Image, unit: float) -> None:
        self._image: Any = image
        self._draw: Any = pillow("ImageDraw").Draw(image)
        self.unit = unit

    @classmethod
    def blank(cls, size: tuple[int, int], unit: float) -> Canvas:
        """A canvas of the background colour, ``size`` being (width, height) in pixels."""
        return cls(pillow("Image").new("RGB", size, BACKGROUND), unit)

    def copy(self) -> Canvas:
        """An independent canvas with the same picture."""
        return Canvas(self._image.copy(), self.unit)

    def array(self) -> npt.NDArray[np.uint8]:
        """The picture as a new writable array of shape (height, width, 3)."""
        return np.array(self._image)

    def box(self, box: tuple[int, int, int, int], fill: Colour, border: Colour | None) -> None:
        """A rounded rectangle, ``box`` being (left, top, right, bottom) with open ends."""
        left, top, right, bottom = box
        width, height = right - left, bottom - top
        for inset, colour in ((0.0, border), (self.unit, fill)):
            if colour is not None:
                mask = _rounded(width, height, 7 * self.unit, inset if border else 0.0)
                self._image.paste(colour, (left, top), mask)

    def rectangle(self, box: tuple[float, float, float, float], fill: Colour) -> None:
        """A sharp rectangle, ``box`` being (left, top, right, bottom) with open ends."""
        left, top, right, bottom = (round(edge) for edge in box)
        if right > left and bottom > top:
            self._image.paste(fill, (left, top, right, bottom))

    def rule(self, left: int, right: int, y: float, colour: Colour, dashed: bool = False) -> None:
        """A crisp horizontal line one design pixel thick."""
        thickness = max(1, round(self.unit))
        top = round(y - thickness / 2)
        if not dashed:
            self._image.paste(colour, (left, top, right, top + thickness))
            return
        self._image.paste(colour, (left, top), _dashes(right - left, thickness, self.unit))

    def tint(self, mask: Mask, at: tuple[int, int], colour: Colour) -> None:
        """Blend a colour in by a coverage mask whose top left corner is put ``at`` (x, y)."""
        self._image.paste(colour, at, pillow("Image").fromarray(mask))

    def text(
        self,
        at: tuple[float, float],
        text: str,
        size: float,
        colour: Colour,
        anchor: Literal["left", "middle", "right"] = "left",
    ) -> float:
        """Write one line.

        Args:
            at: Anchor of the line horizontally, its baseline vertically, in pixels.
            text: What to write.
            size: Font size in design pixels.
            colour: Colour of the text.
            anchor: Which end of the line ``at`` is.

        Returns:
            The width of the line in pixels.
        """
        mask, dx, dy, advance = _line(text, size * self.unit)
        shift = {"left": 0.0, "middle": advance / 2, "right": advance}[anchor]
        if mask is not None:
            self._image.paste(colour, (round(at[0] - shift) + dx, round(at[1]) + dy), mask)
        return advance

    def measure(self, text: str, size: float) -> float:
        """Width in pixels that :meth:`text` would take."""
        return _advance(text.translate(_PLAIN), size * self.unit)

    def fitted(self, text: str, size: float, room: float) -> str:
        """The text, cut with an ellipsis when it is wider than ``room`` pixels."""
        if self.measure(text, size) <= room:
            return text
        keep = bisect_right(
            range(1, len(text)), room, key=lambda n: self.measure(text[:n] + "…", size)
        )
        return text[:keep].rstrip() + "…" if keep else ""


@lru_cache(maxsize=32)
def _font(size: float) -> Any:
    font: Any = pillow("ImageFont").load_default(size)
    return font


@lru_cache(maxsize=2048)
def _advance(plain: str, size: float) -> float:
    return float(_font(_FINE * size).getlength(plain)) / _FINE


@lru_cache(maxsize=1024)
def _line(text: str, size: float) -> tuple[Any, int, int, float]:
    """Coverage of a line of text, its offset from the baseline's left end, and its advance.

    Drawn four times too large: at its own size the font's advances are rounded to whole pixels,
    which closes the gaps between words.
    """
    plain = text.translate(_PLAIN)
    font = _font(_FINE * size)
    left, top, right, bottom = font.getbbox(plain, anchor="ls")
    advance = _advance(plain, size)
    if right <= left or bottom <= top:
        return None, 0, 0, advance
    dx, dy = math.floor(left / _FINE), math.floor(top / _FINE)
    width, height = math.ceil(right / _FINE) - dx, math.ceil(bottom / _FINE) - dy
    mask = pillow("Image").new("L", (_FINE * width, _FINE * height))
    origin = (-_FINE * dx, -_FINE * dy)
    pillow("ImageDraw").Draw(mask).text(origin, plain, 255, font, anchor="ls")
    return mask.reduce(_FINE), dx, dy, advance


@lru_cache(maxsize=64)
def _rounded(width: int, height: int, radius: float, inset: float) -> Any:
    """Coverage of a rounded rectangle, drawn four times too large for smooth corners."""
    mask = pillow("Image").new("L", (_FINE * width, _FINE * height))
    edge = round(_FINE * inset)
    pillow("ImageDraw").Draw(mask).rounded_rectangle(
        (edge, edge, _FINE * width - 1 - edge, _FINE * height - 1 - edge),
        _FINE * radius - edge,
        255,
    )
    return mask.reduce(_FINE)


@lru_cache(maxsize=32)
def _dashes(width: int, thickness: int, unit: float) -> Any:
    period, drawn = 8 * unit, 4.5 * unit
    row = np.where(np.arange(width) % period < drawn, 255, 0).astype(np.uint8)
    return pillow("Image").fromarray(np.tile(row, (thickness, 1)))
