"""What comes back."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

CONNECT_TIMEOUT = 10.0
"""Seconds for a connection to be made; the rest of a call's limit is for its answer."""

CLOSE_TIMEOUT = 5.0
"""Seconds for an answer that is no longer wanted to be closed."""

NOT_OPEN = "the client is not open; use it inside `async with UpCloud(...) as cloud:`"


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer of the API, whole."""

    status: int
    raw_headers: Sequence[tuple[bytes, bytes]]
    content: bytes = field(repr=False)
    at: float = 0.0
    """When it came, by the client's clock."""

    def header(self, name: bytes) -> str | None:
        """The value of a header, its name in lower case."""
        for key, value in self.raw_headers:
            if key.lower() == name:
                return value.decode("latin-1")
        return None
