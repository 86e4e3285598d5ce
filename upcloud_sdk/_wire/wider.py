"""What the API may widen one day: a word or a size that this release does not know is sent, with a warning."""

from __future__ import annotations

import re
import warnings
from collections.abc import Sized
from typing import TYPE_CHECKING, get_args

from pydantic import AfterValidator
from pydantic_core import core_schema

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler

_CALLER = 4
"""Frames from a warning to whoever makes the model."""


def _warn(value: object, expected: str) -> None:
    warnings.warn(f"{value!r} is not {expected}, as far as this release knows: sent as it is", stacklevel=_CALLER)


class Words:
    """Marks a `Literal` whose words are those that are known."""

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        known: tuple[str, ...] = get_args(source)

        def check(word: str) -> str:
            if word not in known:
                _warn(word, "one of " + ", ".join(map(repr, known)))
            return word

        return core_schema.no_info_after_validator_function(check, core_schema.str_schema())


def at_most(limit: int, of: str) -> AfterValidator:
    """Marks a number of things, or a sequence of them, with the most that is known to be taken."""

    def check(value: int | Sized) -> int | Sized:
        if (len(value) if isinstance(value, Sized) else value) > limit:
            _warn(value if isinstance(value, int) else len(value), f"{limit} {of} at most")
        return value

    return AfterValidator(check)


def like(pattern: str, expected: str) -> AfterValidator:
    """Marks text with the pattern that is known."""
    known = re.compile(pattern)

    def check(text: str) -> str:
        if known.fullmatch(text) is None:
            _warn(text, expected)
        return text

    return AfterValidator(check)
