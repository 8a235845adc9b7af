"""Reading a document from whatever the user has: the document, a mapping or a JSON file."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from cwm_gym.spec.base import Document, parse_json
from cwm_gym.spec.errors import ErrorCode, invalid
from cwm_gym.spec.problems import shown

D = TypeVar("D", bound=Document)


def load_document(cls: type[D], source: D | Mapping[str, Any] | str | os.PathLike[str]) -> D:
    """Read a document.

    Args:
        cls: The document's class.
        source: A document of that class, a mapping with its fields, or the path of a JSON file.

    Returns:
        The document; ``source`` itself where it already is one.

    Raises:
        SpecError: If the file is missing, unreadable, empty or not JSON, or if the document is
            wrong.
    """
    if isinstance(source, cls):
        return source
    if isinstance(source, Mapping):
        return cls.model_validate(source)
    if not isinstance(source, (str, os.PathLike)):
        raise invalid(
            "",
            f"Cannot read a {cls.__name__} from {shown(source)}",
            f"Give a {cls.__name__}, a mapping or the path of a JSON file.",
            code=ErrorCode.INVALID_REQUEST,
        )
    path = Path(source)
    try:
        content = path.read_bytes()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise invalid(
            "",
            f"Cannot read '{path}': {reason}",
            f"Give a {cls.__name__}, a mapping or the path of a JSON file.",
            code=ErrorCode.INVALID_REQUEST,
        ) from None
    return cls.model_validate(parse_json(content))
