"""Reads a CSV of builds from a file or a URL."""

from __future__ import annotations

import io
import queue
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, cast
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import urlopen

from upcloud_sdk.replay.trace import UnreadableTrace, read_csv

if TYPE_CHECKING:
    from upcloud_sdk.replay.trace import Trace

_DEADLINE = 300.0
"""For all answers of a source together, in seconds."""
_SOCKET_TIMEOUT = 60.0
_MOST_BYTES = 100_000_000
"""A larger file or answer is refused. A million builds are about 50 MB."""


class Deadline:
    """The time that all answers of a source have together."""

    def __init__(self) -> None:
        self._ends = time.monotonic() + _DEADLINE

    def left(self) -> float:
        """Seconds until its end, 0 or more."""
        return max(0.0, self._ends - time.monotonic())


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
        return _csv(fetch(source, Deadline()))
    try:
        with Path(source).open("rb") as file:
            return _csv(_checked_size(file.read(_MOST_BYTES + 1)))
    except FileNotFoundError:
        raise UnreadableTrace("no such file; an address begins with http:// or https://") from None


def _checked_size(content: bytes) -> bytes:
    if len(content) > _MOST_BYTES:
        raise UnreadableTrace(f"it has more than {_MOST_BYTES // 1_000_000} MB: give a part of the builds")
    return content


def _csv(content: bytes) -> Trace:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UnreadableTrace(f"it is not text in UTF-8: {error}") from None
    return read_csv(io.StringIO(text, newline=""))


def fetch(address: str, deadline: Deadline) -> bytes:
    """Download the content at a URL. See `is_address`.

    Raises:
        UnreadableTrace: It is too large, or is not complete at the deadline.
        OSError: It cannot be read.
        http.client.HTTPException: The server does not speak HTTP.
    """
    # In a thread, since a socket's timeout is for each piece, and a server can send a byte a second.
    outcomes: queue.SimpleQueue[bytes | Exception] = queue.SimpleQueue()

    def download() -> None:
        try:
            outcomes.put(_download(address))
        except Exception as error:  # noqa: BLE001 - raised again below
            outcomes.put(error)

    threading.Thread(target=download, daemon=True).start()
    try:
        outcome = outcomes.get(timeout=deadline.left())
    except queue.Empty:
        raise UnreadableTrace(f"{address} was not read completely within {_DEADLINE:g} s") from None
    if isinstance(outcome, Exception):
        raise outcome
    return _checked_size(outcome)


def _download(address: str) -> bytes:
    try:
        with urlopen(address, timeout=_SOCKET_TIMEOUT) as answer:  # noqa: S310 - http or https: the caller has looked
            return cast("bytes", answer.read(_MOST_BYTES + 1))
    except HTTPError as error:
        error.close()  # an answer with an error status must be closed too
        raise
