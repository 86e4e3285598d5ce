"""Reads a CSV of builds from a file or a URL."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, cast
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import urlopen

from upcloud_sdk.replay.trace import UnreadableTrace, read_csv

if TYPE_CHECKING:
    from upcloud_sdk.replay.trace import Trace

_TIMEOUT = 60.0


def is_address(source: str) -> bool:
    """Whether this is an http or https URL. Otherwise, it is the path of a file."""
    return urlsplit(source).scheme in {"http", "https"}


def read_source(source: str) -> Trace:
    """Read the builds from a CSV in a file or at a URL.

    Raises:
        UnreadableTrace: The CSV cannot be used.
        OSError: The file or the URL cannot be read.
    """
    if is_address(source):
        return _csv(fetch(source))
    try:
        return _csv(Path(source).read_bytes())
    except FileNotFoundError:
        raise UnreadableTrace("no such file; an address begins with http:// or https://") from None


def _csv(content: bytes) -> Trace:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UnreadableTrace(f"it is not text in UTF-8: {error}") from None
    return read_csv(io.StringIO(text, newline=""))


def fetch(address: str) -> bytes:
    """Download the content at a URL. See `is_address`.

    Raises:
        OSError: It cannot be read.
        http.client.HTTPException: The server does not speak HTTP.
    """
    try:
        with urlopen(address, timeout=_TIMEOUT) as answer:  # noqa: S310 - http or https: the caller has looked
            return cast("bytes", answer.read())
    except HTTPError as error:
        error.close()  # an answer with an error status must be closed too
        raise
