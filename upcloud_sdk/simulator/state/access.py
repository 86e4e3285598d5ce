"""Checks the Authorization header (chapter 2)."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from upcloud_sdk.simulator.wire.calls import ApiFault

if TYPE_CHECKING:
    from collections.abc import Mapping


class Access:
    """Without configured credentials, any credentials are accepted, but a request without credentials is refused."""

    def __init__(self, *, username: str | None = None, password: str | None = None, token: str | None = None) -> None:
        if (username is None) != (password is None):
            raise ValueError("give username and password together, or neither")
        self._allowed: set[str] = set()
        self.username = username or "simulator"
        """The name of the main account."""
        if username is not None and password is not None:
            self.allow_basic(username, password)
        if token is not None:
            self.allow_token(token)
        self._open = not self._allowed

    def allow_basic(self, username: str, password: str) -> None:
        self._allowed.add("Basic " + base64.b64encode(f"{username}:{password}".encode()).decode())

    def allow_token(self, token: str) -> None:
        self._allowed.add(f"Bearer {token}")

    def check(self, headers: Mapping[str, str]) -> None:
        """Raises `ApiFault`: 401 AUTHENTICATION_FAILED."""
        given = headers.get("authorization", "")
        accepted = given in self._allowed
        if self._open:
            accepted = given.startswith(("Basic ", "Bearer ")) and len(given) > 8
        if not accepted:
            raise ApiFault(401, "AUTHENTICATION_FAILED", "Authentication failed using the given credentials.")
