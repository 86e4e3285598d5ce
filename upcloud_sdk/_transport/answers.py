"""An answer, and whether it is one of the API's own."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from upcloud_sdk.errors import ForeignAnswer

if TYPE_CHECKING:
    from collections.abc import Sequence

CLOSE_TIMEOUT = 5.0
"""Seconds for an answer that is no longer wanted to be closed."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer of the API, whole."""

    status: int
    raw_headers: Sequence[tuple[bytes, bytes]]
    content: bytes = field(repr=False)
    at: float = 0.0
    """When it came, by the client's clock."""
    wall: float = 0.0
    """The same, by the clock of this host."""

    def header(self, name: bytes) -> str | None:
        """The value of a header, its name in lower case."""
        for key, value in self.raw_headers:
            if key.lower() == name:
                return value.decode("latin-1")
        return None

    @property
    def is_success(self) -> bool:
        """Whether its status says so."""
        return 200 <= self.status < 300

    def may_be_the_apis(self) -> bool:
        """Whether a success looks like one of the API, whose documents are JSON."""
        return not self.content or self.content.lstrip()[:1] in {b"{", b"["}

    def foreign(self, call: str) -> ForeignAnswer:
        """The error for an answer that is not the API's own."""
        return ForeignAnswer(call, status=self.status, content_type=self.header(b"content-type") or "")
