"""From pydantic's errors to the library's problems: code, JSON pointer, message, suggestion."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from cwm_gym.spec.errors import ErrorCode, Problem, SpecError

_LONGEST_VALUE = 60
_LAST = 1 << 30


def fold(name: str) -> str:
    """Reduce a field name to what camelCase and snake_case share.

    Args:
        name: A field name in either spelling.

    Returns:
        The name in lower case without underscores.
    """
    return name.replace("_", "").casefold()


def pointer(*tokens: str | int) -> str:
    """Join reference tokens to a JSON pointer (RFC 6901).

    Args:
        *tokens: Keys and indices from the root of the document.

    Returns:
        For example ``/resources/0/provider``; ``""`` without tokens.
    """
    return "".join("/" + str(t).replace("~", "~0").replace("/", "~1") for t in tokens)


@cache
def _attributes(cls: type[BaseModel]) -> dict[str, str]:
    return {fold(name): name for name in cls.model_fields}


def read(node: object, name: str) -> Any:
    """Read a field of a document, validated or not.

    Args:
        node: A document, the mapping that is to become one, or anything else.
        name: Name of the field, in either spelling.

    Returns:
        The value; None where the node has no such field.
    """
    if isinstance(node, BaseModel):
        attribute = _attributes(type(node)).get(fold(name))
        return None if attribute is None else getattr(node, attribute)
    if isinstance(node, Mapping):
        for key, value in node.items():
            if isinstance(key, str) and fold(key) == fold(name):
                return value
    return None


def read_number(node: object, name: str) -> float | None:
    """Read a field as a number.

    Args:
        node: As for :func:`read`.
        name: Name of the field, in either spelling.

    Returns:
        The number; None where there is none.
    """
    value = read(node, name)
    return value if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def read_items(node: object, name: str) -> Sequence[Any]:
    """Read a field as a list.

    Args:
        node: As for :func:`read`.
        name: Name of the field, in either spelling.

    Returns:
        The list; an empty one where there is none.
    """
    value = read(node, name)
    return value if isinstance(value, (list, tuple)) else ()


def range_problems(node: object, low: str, high: str, within: str = "") -> Iterable[Problem]:
    """Check that a lower bound does not exceed its upper bound, and a value lies between.

    Args:
        node: As for :func:`read`.
        low: Camel-case name of the lower bound.
        high: Camel-case name of the upper bound.
        within: Camel-case name of a value that must lie between them, if any.

    Yields:
        One problem for crossed bounds, or else one for a value outside.
    """
    least, most = read_number(node, low), read_number(node, high)
    if least is not None and most is not None and least > most:
        yield Problem(
            ErrorCode.INVALID_FIELD,
            pointer(low),
            f"{low} ({least:g}) is above {high} ({most:g})",
            f"Lower {low} or raise {high}.",
        )
        return
    value = read_number(node, within) if within else None
    if value is None:
        return
    if least is not None and value < least:
        bound, limit, side = low, least, "below"
    elif most is not None and value > most:
        bound, limit, side = high, most, "above"
    else:
        return
    yield Problem(
        ErrorCode.INVALID_FIELD,
        pointer(within),
        f"{within} ({value:g}) is {side} {bound} ({limit:g})",
        f"Change {within} or {bound}.",
    )


def translate(error: ValidationError, names: Mapping[str, str], label: str) -> list[Problem]:
    """Turn pydantic's findings on one document into problems.

    Args:
        error: What pydantic raised.
        names: Every accepted spelling of the class's fields -> the one that is written.
        label: Name of the document's class, for messages.

    Returns:
        The problems, with pointers relative to the document.
    """
    found: list[Problem] = []
    details = error.errors(include_url=False)
    places = [detail["loc"] for detail in details]
    for detail in details:
        depth = len(detail["loc"])
        inside = (place[:depth] == detail["loc"] and len(place) > depth for place in places)
        if detail["type"] == "too_short" and any(inside):
            # pydantic counts only the items that are right.
            continue
        where = pointer(*detail["loc"])
        cause = detail.get("ctx", {}).get("error")
        if isinstance(cause, SpecError):
            found.extend(_moved(problem, where) for problem in cause.problems)
        else:
            found.append(_problem(detail, where, names, label))
    return found


def _moved(problem: Problem, where: str) -> Problem:
    """Place a problem of a part in the whole: a wrong part is not a wrong request."""
    code = problem.code
    if where and not problem.pointer and code is ErrorCode.INVALID_REQUEST:
        code = ErrorCode.INVALID_FIELD
    return replace(problem, pointer=where + problem.pointer, code=code)


def _problem(detail: ErrorDetails, where: str, names: Mapping[str, str], label: str) -> Problem:
    kind, value = detail["type"], detail["input"]
    name = str(detail["loc"][-1]) if detail["loc"] else label
    if kind == "missing":
        return Problem(
            ErrorCode.MISSING_REQUIRED,
            where,
            f"Missing required field '{name}'",
            f"Add '{name}'.",
        )
    if kind == "extra_forbidden":
        return _unknown_field(where, name, names, label)
    if kind in ("literal_error", "enum"):
        return _unknown_value(where, name, value, str(detail.get("ctx", {}).get("expected", "")))
    if kind in ("model_type", "model_attributes_type", "dict_type"):
        code = ErrorCode.INVALID_FIELD if detail["loc"] else ErrorCode.INVALID_REQUEST
        return Problem(
            code, where, f"{name} must be a JSON object, not {shown(value)}", "Write {...}."
        )
    if kind in ("too_short", "too_long"):
        context = detail["ctx"]
        bound = "at least {min_length}" if kind == "too_short" else "at most {max_length}"
        message = f"{name} must have {bound.format(**context)} item(s)"
        hint = f"Give {bound.format(**context)}."
        return Problem(ErrorCode.INVALID_FIELD, where, message, hint)
    message = detail["msg"].removeprefix("Value error, ").replace("Input should", "must", 1)
    message = message.replace("a valid tuple", "a list").replace("a valid ", "a ")
    message = message.replace("a integer", "an integer")
    message = f"{name} {message}; got {shown(value)}"
    return Problem(ErrorCode.INVALID_FIELD, where, message, _hint(detail))


_BOUNDS = {"ge": "at least", "gt": "above", "le": "at most", "lt": "below"}
_HINTS = {
    "bool": "Write true or false.",
    "finite": "Give a finite number.",
    "float": "Give a number.",
    "int": "Give a whole number.",
    "string_too_short": "Give a text that is not empty, or leave the field out.",
    "string": "Give a text.",
    "not_a_number": "Give a number, without quotes.",
    "too_large": "Give a smaller number.",
    "tuple": "Write [...].",
}


def _hint(detail: ErrorDetails) -> str:
    """Say what a value of the wrong size or type should be instead."""
    context = detail.get("ctx", {})
    for bound, words in _BOUNDS.items():
        if bound in context:
            return f"Give a number {words} {context[bound]:g}."
    matching = (hint for start, hint in _HINTS.items() if detail["type"].startswith(start))
    return next(matching, "See the description of the field.")


def shown(value: object) -> str:
    """Show a value in a message.

    Args:
        value: Anything.

    Returns:
        Its representation, shortened where it is long.
    """
    text = repr(value)
    return text if len(text) <= _LONGEST_VALUE else text[: _LONGEST_VALUE - 3] + "..."


def _unknown_field(where: str, name: str, names: Mapping[str, str], label: str) -> Problem:
    if name in names:
        message = f"Field '{name}' is given twice, in two spellings"
        return Problem(ErrorCode.INVALID_FIELD, where, message, f"Keep '{names[name]}' only.")
    known = {fold(spelling): written for spelling, written in names.items()}
    near = difflib.get_close_matches(fold(name), list(known), n=1, cutoff=0.6)
    if near:
        hint = f"Did you mean '{known[near[0]]}'?"
    elif known:
        hint = f"Known fields: {', '.join(sorted(set(known.values())))}."
    else:
        hint = "No fields are allowed here."
    return Problem(ErrorCode.INVALID_FIELD, where, f"Unknown field '{name}' in {label}", hint)


def _unknown_value(where: str, name: str, value: object, expected: str) -> Problem:
    valid = ", ".join(re.findall(r"'([^']*)'", expected))
    code = ErrorCode.UNKNOWN_PROVIDER if name == "provider" else ErrorCode.INVALID_FIELD
    word = value if isinstance(value, str) else shown(value)
    return Problem(
        code, where, f"Unknown {name} '{word}'; valid values are {valid}", f"Use one of: {valid}"
    )


def as_written(problems: Iterable[Problem], data: object) -> SpecError:
    """Spell the pointers as the user spelled the keys, in the order of the document.

    Args:
        problems: Problems with pointers from the root of ``data``.
        data: What the user wrote.

    Returns:
        One error with every distinct problem.
    """
    placed: dict[Problem, tuple[int, ...]] = {}
    for problem in problems:
        tokens, order = _walk(problem.pointer, data)
        placed.setdefault(replace(problem, pointer=tokens), order)
    return SpecError(sorted(placed, key=placed.__getitem__))


def _walk(where: str, data: object) -> tuple[str, tuple[int, ...]]:
    spelled, order = "", []
    for raw in where.split("/")[1:]:
        token = raw.replace("~1", "/").replace("~0", "~")
        place = _LAST
        if isinstance(data, Mapping):
            keys = [key for key in data if isinstance(key, str)]
            same = [k for k in keys if k == token] or [k for k in keys if fold(k) == fold(token)]
            if same:
                token, place = same[0], keys.index(same[0])
            data = data.get(token)
        elif isinstance(data, (list, tuple)) and token.isdigit() and int(token) < len(data):
            place = int(token)
            data = data[place]
        else:
            data = None
        spelled += pointer(token)
        order.append(place)
    return spelled, tuple(order)
