"""An HTTP answer, and whether it is from the API."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from upcloud_sdk._transport.words import words_of
from upcloud_sdk.errors import ForeignAnswer

if TYPE_CHECKING:
    from collections.abc import Sequence

    import httpx

CLOSE_TIMEOUT = 5.0
"""Limit for closing an answer that is no longer needed, in seconds."""


@dataclass(slots=True, repr=False)
class Answer:
    """A complete HTTP answer."""

    request: httpx.Request
    status: int
    raw_headers: Sequence[tuple[bytes, bytes]]
    content: bytes
    at: float = 0.0
    """Time of its arrival, by the client's clock."""
    wall: float = 0.0
    """Time of its arrival, by the clock of this host."""
    attempt: int = 1
    """The number of the attempt that it answers."""

    def __repr__(self) -> str:
        """Without headers and body: they may contain secrets."""
        return f"<Answer {self.status}>"

    def header(self, name: bytes) -> str | None:
        """The value of a header. Give the name in lower case."""
        for key, value in self.raw_headers:
            if key.lower() == name:
                return value.decode("latin-1")
        return None

    @property
    def is_success(self) -> bool:
        """Whether the status is 2xx."""
        return 200 <= self.status < 300

    def may_be_the_apis(self) -> bool:
        """Whether a successful answer can be from the API, whose documents are JSON."""
        return not self.content or self.content.lstrip()[:1] in {b"{", b"["}

    def words(self, text: str) -> str:
        """A text of this answer for errors and logs: without the credentials of its request."""
        return words_of(text, self.request)

    def foreign(self, call: str) -> ForeignAnswer:
        """The error for an answer that is not from the API."""
        content_type = self.words(self.header(b"content-type") or "")
        return ForeignAnswer(call, status=self.status, content_type=content_type)
