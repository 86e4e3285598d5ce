from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import httpx

if TYPE_CHECKING:
    import ssl


@functools.cache
def authorities() -> ssl.SSLContext:
    """What a client trusts unless it is told otherwise. Making it takes longer than most tests, so all share one."""
    return httpx.create_ssl_context()
