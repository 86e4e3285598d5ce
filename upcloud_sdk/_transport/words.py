"""Texts of answers that go into errors and logs.

A gateway may quote the Authorization header of the request in its answer. Errors and logs are read by more people than
may use the account.
"""

from __future__ import annotations

import functools
import html
import re
from typing import TYPE_CHECKING
from urllib.parse import unquote, unquote_plus

from upcloud_sdk.credentials import secrets_in

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx

_UNSAFE = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
"""Control characters, which a terminal obeys, and halves of surrogate pairs, which cannot be written."""

_DECODERS: tuple[Callable[[str], str], ...] = (str, html.unescape, unquote, unquote_plus)
"""A gateway may quote a header as it is, or escaped as in HTML or in a URL."""


def words_of(text: str, request: httpx.Request) -> str:
    """A text of an answer as errors and logs may show it: without the credentials that its request had."""
    secrets = secrets_of(request)
    for decode in _DECODERS:
        decoded = decode(text)
        # The API's own words stay as they are.
        if any(secret in decoded for secret in secrets):
            text = functools.reduce(_without, secrets, decoded)
    return _UNSAFE.sub(_shown, text)


def secrets_of(request: httpx.Request) -> tuple[str, ...]:
    """The texts that must not be shown of an answer to this request, the longest first."""
    return secrets_in(request.headers.get("authorization", ""))


def _without(text: str, secret: str) -> str:
    return text.replace(secret, "***")


def _shown(found: re.Match[str]) -> str:
    character = found[0]
    return "\ufffd" if character >= "\ud800" else ascii(character)[1:-1]
