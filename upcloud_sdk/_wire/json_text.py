"""Reads the JSON of answers, also where a string or a number in it is not valid."""

from __future__ import annotations

import json
from typing import cast

_DEEPEST = 100
"""Nesting that the fast reader accepts, with room for what is around it. Deeper values are read as None."""

_LONGEST = 1000
"""Digits of the largest number. A longer one is read as text."""


def parse_json(content: bytes) -> object:
    """The document of an answer.

    Invalid UTF-8 and lone surrogates are replaced by U+FFFD, and control characters in strings are kept, so that an odd
    string costs a character and not the answer.

    Raises:
        ValueError: It is not a JSON document.
    """
    try:
        text = content.decode("utf-8-sig", "replace")
        return _cleaned(json.loads(text, strict=False, parse_int=_read_int), _DEEPEST)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def _read_int(digits: str) -> int | str:
    return int(digits) if len(digits) <= _LONGEST else digits


def _cleaned(value: object, depth: int) -> object:
    if isinstance(value, str):
        return value if value.isascii() else value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if not isinstance(value, dict | list):
        return value
    if depth == 0:
        return None
    if isinstance(value, list):
        return [_cleaned(item, depth - 1) for item in cast("list[object]", value)]
    pairs = cast("dict[str, object]", value).items()
    return {str(_cleaned(key, 1)): _cleaned(item, depth - 1) for key, item in pairs}
