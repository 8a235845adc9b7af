"""What all documents share: frozen, strict, two spellings, one kind of error."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Self

from pydantic import AliasChoices, BaseModel, ConfigDict, ValidationError, model_validator
from pydantic.alias_generators import to_camel
from pydantic.functional_validators import ModelWrapValidatorHandler

from cwm_gym.spec.errors import ErrorCode, Problem, SpecError, invalid
from cwm_gym.spec.problems import as_written, fold, translate


class Document(BaseModel):
    """A frozen, hashable document, written in camelCase or snake_case.

    Unknown fields, booleans in place of numbers, NaN and infinity are refused. Every way of
    building one (the constructor, ``model_validate``, ``model_validate_json``) raises
    :class:`~cwm_gym.spec.errors.SpecError` with all problems found.
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(
        alias_generator=to_camel,
        populate_by_name=True,
        frozen=True,
        extra="forbid",
        allow_inf_nan=False,
        use_attribute_docstrings=True,
        validate_default=False,
    )

    def __init__(self, /, **data: Any) -> None:
        try:
            super().__init__(**data)
        except ValidationError as error:
            raise self._translated(error, data) from None

    # Without this mark pydantic would build nested documents through __init__, and their
    # problems would lose their place in the whole.
    __init__.__pydantic_base_init__ = True  # type: ignore[attr-defined]

    @classmethod
    def model_validate(cls, obj: Any, **kwargs: Any) -> Self:
        """Read a document from a mapping.

        Args:
            obj: A mapping with the document's fields, or a document of this class.
            **kwargs: Passed on to pydantic.

        Returns:
            The document.

        Raises:
            SpecError: If anything is wrong; lists every problem.
        """
        try:
            return super().model_validate(obj, **kwargs)
        except ValidationError as error:
            raise cls._translated(error, obj) from None

    @classmethod
    def model_validate_json(cls, json_data: str | bytes | bytearray, **kwargs: Any) -> Self:
        """Read a document from JSON text.

        Args:
            json_data: The text, UTF-8 where it is bytes.
            **kwargs: Passed on to pydantic.

        Returns:
            The document.

        Raises:
            SpecError: If the text is not JSON or the document is wrong.
        """
        return cls.model_validate(parse_json(json_data), **kwargs)

    def to_document(self) -> dict[str, Any]:
        """Write the document as JSON types, with the fields that were set and no others.

        ``model_dump`` fills in the defaults, after which everything counts as set; this keeps
        the difference, so that reading it back gives an equal document in every respect.

        Returns:
            A new mapping with camelCase keys.
        """
        return self.model_dump(mode="json", by_alias=True, exclude_unset=True, exclude_none=True)

    def patched(self, changes: Mapping[str, Any]) -> Self:
        """Replace some fields, as a PATCH request does; None resets a field to its default.

        Args:
            changes: Field names in either spelling and their new values.

        Returns:
            A new, validated document.

        Raises:
            SpecError: If the result is not a valid document.
        """
        known = {fold(name): alias for name, alias in self._names().items()}
        merged = self.to_document()
        for key, value in changes.items():
            alias = known.get(fold(key), key)
            if value is None and alias in known.values():
                merged.pop(alias, None)
            else:
                merged[alias] = value
        return self.model_validate(merged)

    def is_set(self, name: str) -> bool:
        """Tell a value that the user wrote from a default.

        Args:
            name: Attribute name.

        Returns:
            True if the document gives the field a value other than null.
        """
        return name in self.model_fields_set and getattr(self, name) is not None

    @classmethod
    def _conflicts(cls, node: object) -> Iterable[Problem]:
        """Find what no field alone can show; pointers are relative to the document.

        The node is the validated document, or what the user wrote where some field was wrong
        (so that one error still lists everything): read it with the helpers of
        :mod:`cwm_gym.spec.problems`.
        """
        return ()

    @model_validator(mode="wrap")
    @classmethod
    def _collect(cls, data: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        try:
            document = handler(data)
        except ValidationError as error:
            found = translate(error, cls._names(), cls.__name__)
            raise SpecError([*found, *cls._conflicts(_without(data, found))]) from None
        problems = list(cls._conflicts(document))
        if problems:
            raise SpecError(problems)
        return document

    @classmethod
    def _names(cls) -> dict[str, str]:
        """Map every accepted spelling of a field to the one that is written."""
        found: dict[str, str] = {}
        for name, field in cls.model_fields.items():
            written = field.serialization_alias or name
            choices = field.validation_alias
            others = choices.choices if isinstance(choices, AliasChoices) else []
            found |= dict.fromkeys([name, written, *map(str, others)], written)
        return found

    @classmethod
    def _translated(cls, error: ValidationError, data: object) -> SpecError:
        return as_written(translate(error, cls._names(), cls.__name__), data)


def _without(data: object, problems: Iterable[Problem]) -> object:
    """Leave out numbers that are wrong by themselves: comparing them would say so twice."""
    if not isinstance(data, Mapping):
        return data
    wrong = {fold(problem.pointer[1:]) for problem in problems}
    return {
        key: value
        for key, value in data.items()
        if not (isinstance(value, int | float) and fold(str(key)) in wrong)
    }


def parse_json(text: str | bytes | bytearray) -> Any:
    """Parse JSON text; duplicate keys are an error, not a silent choice.

    Args:
        text: The text, UTF-8 where it is bytes; a byte-order mark is ignored.

    Returns:
        The value.

    Raises:
        SpecError: INVALID_REQUEST if the text is empty or not JSON.
    """
    try:
        decoded = text if isinstance(text, str) else bytes(text).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _unreadable(f"Not UTF-8 text: {error}") from None
    decoded = decoded.removeprefix("\ufeff")
    if not decoded.strip():
        raise _unreadable("The document is empty")
    try:
        return json.loads(decoded, object_pairs_hook=_unique)
    except SpecError:
        raise
    except json.JSONDecodeError as error:
        message = f"Not valid JSON: {error.msg} (line {error.lineno}, column {error.colno})"
        raise _unreadable(message) from None
    except (RecursionError, ValueError) as error:
        raise _unreadable(f"Not valid JSON: {error}") from None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise _unreadable(f"Key '{twice}' is given twice", "Keep one of them.")
    return found


def _unreadable(message: str, hint: str = "Give a JSON object: {...}.") -> SpecError:
    return invalid("", message, hint, ErrorCode.INVALID_REQUEST)
