"""The one error that a bad document raises, and the closest-name search behind its suggestions."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum


class ErrorCode(StrEnum):
    """Machine-readable category of a problem (the specification's ``ValidationErrorCode``)."""

    INVALID_FIELD = "INVALID_FIELD"
    MISSING_REQUIRED = "MISSING_REQUIRED"
    UNKNOWN_PROVIDER = "UNKNOWN_PROVIDER"
    UNKNOWN_SIZE = "UNKNOWN_SIZE"
    UNKNOWN_REGION = "UNKNOWN_REGION"
    INVALID_REQUEST = "INVALID_REQUEST"


@dataclass(frozen=True)
class RegionSuggestion:
    """One region offered in place of an unknown one.

    Attributes:
        region_key: Short code, for example ``use2``.
        region_label: The provider's own name, for example ``us-east-2``.
    """

    region_key: str
    region_label: str


@dataclass(frozen=True)
class Problem:
    """One thing wrong with a document: what, where, and how to mend it.

    Attributes:
        code: Category of the problem.
        pointer: JSON pointer (RFC 6901) to the offending field; ``""`` means the whole document.
        message: What is wrong.
        suggestion: How to mend it; empty when nothing better than the message can be said.
        suggestions: Closest regions, filled for ``UNKNOWN_REGION`` only.
    """

    code: ErrorCode
    pointer: str
    message: str
    suggestion: str = ""
    suggestions: tuple[RegionSuggestion, ...] = field(default=())

    def __str__(self) -> str:
        where = self.pointer or "(document)"
        hint = f" {self.suggestion}" if self.suggestion else ""
        return f"{where}: {self.message} [{self.code.value}]{hint}"


class SpecError(ValueError):
    """Raised for a bad document; lists every problem found, not only the first.

    Attributes:
        problems: All problems, in the order in which they stand in the document.
    """

    problems: tuple[Problem, ...]

    def __init__(self, problems: Problem | Iterable[Problem]) -> None:
        self.problems = (problems,) if isinstance(problems, Problem) else tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))

    def under(self, pointer: str) -> SpecError:
        """Move the problems into a larger document or argument.

        Args:
            pointer: JSON pointer to what they were found in.

        Returns:
            The same problems with pointers that begin there.
        """
        return SpecError(replace(one, pointer=pointer + one.pointer) for one in self.problems)

    def __reduce__(self) -> tuple[type[SpecError], tuple[tuple[Problem, ...]]]:
        return (type(self), (self.problems,))


def invalid(
    pointer: str, message: str, suggestion: str = "", code: ErrorCode = ErrorCode.INVALID_FIELD
) -> SpecError:
    """Build a :class:`SpecError` that holds a single problem.

    Args:
        pointer: JSON pointer to the field; ``""`` means the whole document.
        message: What is wrong.
        suggestion: How to mend it.
        code: Category of the problem.

    Returns:
        The error, ready to be raised.
    """
    return SpecError(Problem(code, pointer, message, suggestion))


def closest(name: str, known: Sequence[str], limit: int = 5) -> list[str]:
    """Rank the known names by likeness to a wrong one.

    Args:
        name: The name that was not found.
        known: All names that exist.
        limit: How many to return at most.

    Returns:
        Up to ``limit`` names, closest first (ties keep the order of ``known``).
    """
    folded = name.casefold()
    return sorted(
        known, key=lambda k: -difflib.SequenceMatcher(None, folded, k.casefold()).ratio()
    )[:limit]
