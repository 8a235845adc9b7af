"""Anti-aliased curves of one value per time, as exact coverage masks.

A curve over time crosses each pixel column once, so what it covers of a column is a vertical
interval. Summing the interval's ends into a difference array and accumulating it down the rows
gives the covered fraction of every pixel at the cost of one pass, whatever the number of points.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from cwm_gym.envs.rendering.frame import Column

Mask = npt.NDArray[np.uint8]

SUBCOLUMNS = 4


def subcolumn_centres(width: int) -> Column:
    """Horizontal sample positions of a plot.

    Args:
        width: Width of the plot in pixels.

    Returns:
        ``SUBCOLUMNS`` positions per pixel, in pixels from the left edge, shape
        ``(SUBCOLUMNS * width,)``.
    """
    return (np.arange(SUBCOLUMNS * width) + 0.5) / SUBCOLUMNS


def cover(top: Column, bottom: Column, height: int) -> tuple[Mask, int]:
    """Coverage of the area between two curves.

    Args:
        top: Upper edge at each subcolumn, in pixels downward, shape ``(SUBCOLUMNS * width,)``.
        bottom: Lower edge, same shape; where it is not below ``top`` nothing is covered.
        height: Rows of the plot; what reaches beyond them is cut off.

    Returns:
        Mask of shape ``(rows, width)``, in which 255 is a pixel covered whole, and the row of the
        plot at which it begins. It holds only the rows that the area touches, perhaps none.
    """
    width = len(top) // SUBCOLUMNS
    top = top.clip(0, height)
    bottom = bottom.clip(top, height)
    drawn = np.flatnonzero(bottom > top)
    if not len(drawn):
        return np.zeros((0, width), np.uint8), 0
    top, bottom = top[drawn], bottom[drawn]
    first = int(top.min())
    rows = math.ceil(bottom.max()) - first
    edges = np.concatenate((top, bottom)) - first
    row = edges.astype(np.int64)
    weight = np.repeat((255.0 / SUBCOLUMNS, -255.0 / SUBCOLUMNS), len(drawn))
    below = (edges - row) * weight
    cell = row * width + np.tile(drawn // SUBCOLUMNS, 2)
    change = np.bincount(
        np.concatenate((cell, cell + width)),
        np.concatenate((weight - below, below)),
        minlength=(rows + 2) * width,
    ).reshape(rows + 2, width)
    return (change[:rows].cumsum(axis=0) + 0.5).astype(np.uint8), first


def stroke(y: Column, thickness: float, height: int, end: int) -> tuple[Mask, int]:
    """Coverage of a line drawn along a curve with a round pen.

    Args:
        y: The curve at each subcolumn, in pixels downward, shape ``(SUBCOLUMNS * width,)``.
        thickness: Diameter of the pen in pixels.
        height: Rows of the plot.
        end: The subcolumn before which the curve ends.

    Returns:
        A mask and its first row, as from :func:`cover`.
    """
    radius = thickness / 2
    reach = math.floor(radius * SUBCOLUMNS)
    padded = np.pad(y[:end], reach, mode="edge") if end else np.zeros(2 * reach)
    top, bottom = np.zeros_like(y), np.zeros_like(y)
    top[:end], bottom[:end] = np.inf, -np.inf
    for shift in range(-reach, reach + 1):
        half = math.sqrt(radius**2 - (shift / SUBCOLUMNS) ** 2)
        near = padded[reach + shift : reach + shift + end]
        np.minimum(top[:end], near - half, out=top[:end])
        np.maximum(bottom[:end], near + half, out=bottom[:end])
    return cover(top, bottom, height)


def disc(radius: float) -> Mask:
    """Coverage of a disc that touches the edges of its square mask."""
    size = 2 * math.ceil(radius)
    x = subcolumn_centres(size) - size / 2
    half = np.sqrt(np.maximum(radius**2 - x**2, 0.0))
    mask, _ = cover(size / 2 - half, size / 2 + half, size)
    return mask
