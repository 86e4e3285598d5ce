"""What is tried with an answer that cannot be read as it came, before it is said to be unreadable.

The API leaves out what is not there, nearly always: where it says null, "", {} or [] instead, and a field cannot have
that, it is read as if it were not there. A list of an answer may also come without its inner wrapping, as null or "".
All that costs nothing where answers are as they should be.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pydantic_core import ErrorDetails

Json = object


def mended(content: bytes, problems: Sequence[ErrorDetails], path: Sequence[str]) -> bytes | None:
    """The answer in a form that may be readable; None where nothing of it can be mended.

    `problems` are those of the first reading, `path` leads to what is wanted of the answer.
    """
    try:
        document: Json = json.loads(content)
    except (ValueError, RecursionError):
        return None
    changed = len(path) == 2 and _wrap(document, *path)
    for problem in problems:
        changed |= problem["loc"] not in ((), tuple(path)) and _drop(document, problem["loc"])
    return json.dumps(document).encode() if changed else None


def _is_empty(value: Json) -> bool:
    return value in (None, "", {}, [])


def _wrap(document: Json, outer: str, inner: str) -> bool:
    """Make `{outer: {inner: [...]}}` of a list that came bare, and an empty list of null and ""."""
    if not isinstance(document, dict) or outer not in document:
        return False
    fields = cast("dict[str, Json]", document)
    inside = fields[outer]
    if isinstance(inside, dict) and inner in inside:
        inside = cast("dict[str, Json]", inside)[inner]
        if inside not in (None, ""):
            return False
    if not isinstance(inside, list) and inside not in (None, ""):
        return False
    fields[outer] = {inner: inside or []}
    return True


def _drop(document: Json, place: Iterable[int | str]) -> bool:
    """Take out the empty field at a place, as pydantic says it: with names of its own, in brackets, on the way."""
    *way, key = (part for part in place if not str(part).endswith("]"))
    holder = document
    for part in way:
        if isinstance(holder, dict) and part in holder:
            holder = cast("dict[int | str, Json]", holder)[part]
        elif isinstance(holder, list) and isinstance(part, int):
            holder = cast("list[Json]", holder)[part]
        else:
            return False
    if not isinstance(holder, dict) or key not in holder:
        return False
    fields = cast("dict[int | str, Json]", holder)
    if not _is_empty(fields[key]):
        return False
    del fields[key]
    return True
