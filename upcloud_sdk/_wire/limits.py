"""Limits that the API may extend: unknown words and larger sizes are sent, with a warning."""

from __future__ import annotations

import inspect
import re
import warnings
from collections.abc import Sized
from typing import TYPE_CHECKING, get_args

from pydantic import AfterValidator
from pydantic_core import core_schema

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler

_NOT_THE_CALLER = frozenset({"upcloud_sdk", "pydantic"})


def _warn(value: object, expected: str) -> None:
    text = f"{value!r} is not {expected}, as far as this release knows: sent as it is"
    # Show the caller's line, not a line of the SDK or of pydantic.
    frame, level = inspect.currentframe(), 1
    while frame is not None and frame.f_globals.get("__name__", "").partition(".")[0] in _NOT_THE_CALLER:
        frame, level = frame.f_back, level + 1
    warnings.warn(text, stacklevel=level)


class Words:
    """For a `Literal` with the known words."""

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        known: tuple[str, ...] = get_args(source)

        def check(word: str) -> str:
            if word not in known:
                _warn(word, "one of " + ", ".join(map(repr, known)))
            return word

        return core_schema.no_info_after_validator_function(check, core_schema.str_schema())


def at_most(limit: int, of: str) -> AfterValidator:
    """For a number or a sequence, with the known maximum."""

    def check(value: int | Sized) -> int | Sized:
        if (len(value) if isinstance(value, Sized) else value) > limit:
            _warn(value if isinstance(value, int) else len(value), f"{limit} {of} at most")
        return value

    return AfterValidator(check)


def like(pattern: str, expected: str) -> AfterValidator:
    """For text, with the known pattern."""
    known = re.compile(pattern)

    def check(text: str) -> str:
        if known.fullmatch(text) is None:
            _warn(text, expected)
        return text

    return AfterValidator(check)
