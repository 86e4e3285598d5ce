"""Reads the API's error answers: two document formats, and an empty body for a missing storage."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from upcloud_sdk._wire.json_text import parse_json
from upcloud_sdk.errors import ApiError, api_error_class

if TYPE_CHECKING:
    from collections.abc import Callable

_CODE = re.compile(r"[A-Za-z0-9_.-]+")
"""Format of an error code: not a URL, not a sentence."""


_STORAGE = re.compile(r"GET /storage/[0-9a-f-]{36}|POST /storage/[0-9a-f-]{36}/clone")
"""Calls whose 404 may have no body."""


def read_error(call: str, status: int, content: bytes, words: Callable[[str], str] = str) -> ApiError | None:
    """The error for an unsuccessful answer. None if the answer is not from the API. Never raises.

    `words` makes texts of the answer fit for errors and logs.
    """
    problem = _read(content)
    if problem is None and status == 404 and not content and _STORAGE.fullmatch(call):
        # By the contract, this answer has no body. (A proxy sends a page.)
        problem = Problem("STORAGE_NOT_FOUND", "The storage does not exist.")
    # An answer with a correlation id is from the API, even without a code.
    if problem is None:
        return None
    if not _CODE.fullmatch(problem.code):
        if not problem.correlation_id:
            return None
        problem = problem._replace(code="")
    return api_error_class(status, problem.code)(
        call,
        status=status,
        code=words(problem.code),
        message=words(problem.message),
        correlation_id=problem.correlation_id and words(problem.correlation_id),
        invalid_params=[(words(name), words(reason)) for name, reason in problem.invalid_params],
    )


class Problem(NamedTuple):
    """The error in a body."""

    code: str = ""
    message: str = ""
    correlation_id: str | None = None
    invalid_params: tuple[tuple[str, str], ...] = ()


def _read(content: bytes) -> Problem | None:
    try:
        document = parse_json(content)
    except ValueError:
        return None
    if not isinstance(document, dict):
        return None
    fields = cast("dict[str, Any]", document)
    legacy = fields.get("error")
    if isinstance(legacy, dict):
        inner = cast("dict[str, Any]", legacy)
        # Recorded with these names; the contract of some chapters has them without `error_`.
        code, message = inner.get("error_code") or inner.get("code"), inner.get("error_message") or inner.get("message")
        return Problem(_text(code), _text(message))
    if "type" in fields or "title" in fields:
        return Problem(
            _text(fields.get("type")).rpartition("#")[2].removeprefix("ERROR_"),
            _text(fields.get("title")) or _text(fields.get("detail")),
            _text(fields.get("correlation_id")) or None,
            _params(fields.get("invalid_params")),
        )
    return None


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _params(value: object) -> tuple[tuple[str, str], ...]:
    if not isinstance(value, list):
        return ()
    entries = [cast("dict[str, Any]", entry) for entry in cast("list[object]", value) if isinstance(entry, dict)]
    return tuple((_text(entry.get("name")), _text(entry.get("reason"))) for entry in entries)
