"""Number and flag types of the documents: finite, never a boolean, never a numeral in a string.

The bounds are plain metadata, not ``Field``: pydantic 2.9 lets the default of one field leak into
others through a ``Field`` that they share.
"""

from __future__ import annotations

import numbers
from typing import Annotated, Any

from annotated_types import Ge, Gt, Le, MinLen
from pydantic import BeforeValidator, StrictBool
from pydantic_core import PydanticCustomError


def _number(value: Any) -> float | int:
    """Let numbers through (NumPy's too) and nothing that merely converts to one."""
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise PydanticCustomError("not_a_number", "Input should be a number")
    if not isinstance(value, numbers.Integral):
        return float(value)
    whole = int(value)
    # Beyond 2**53 a float no longer tells two integers apart.
    if abs(whole) > 2**53:
        raise PydanticCustomError("too_large", "Input should be at most 2**53 in magnitude")
    return whole


Number = Annotated[float, BeforeValidator(_number)]
"""Any finite number."""

Positive = Annotated[float, BeforeValidator(_number), Gt(0)]
"""A finite number above 0."""

NonNegative = Annotated[float, BeforeValidator(_number), Ge(0)]
"""A finite number of at least 0."""

NonPositive = Annotated[float, BeforeValidator(_number), Le(0)]
"""A finite number of at most 0."""

Fraction = Annotated[float, BeforeValidator(_number), Ge(0), Le(1)]
"""A share between 0 and 1, both included."""

Percent = Annotated[float, BeforeValidator(_number), Ge(0), Le(100)]
"""A share between 0 and 100 %, both included."""

Whole = Annotated[int, BeforeValidator(_number), Ge(0)]
"""An integer of at least 0."""

Count = Annotated[int, BeforeValidator(_number), Ge(1)]
"""An integer of at least 1."""

TickSeconds = Annotated[int, BeforeValidator(_number), Ge(1), Le(3600)]
"""Length of a tick: a whole number of seconds, 1 to 3600."""

Flag = StrictBool
"""true or false; 0, 1 and "yes" are refused."""

Text = Annotated[str, MinLen(1)]
"""A string with at least one character."""
