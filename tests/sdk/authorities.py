from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import httpx

if TYPE_CHECKING:
    import ssl


@functools.cache
def authorities() -> ssl.SSLContext:
    """The default SSL context of a client. All tests share one, since creating it takes longer than most tests."""
    return httpx.create_ssl_context()
