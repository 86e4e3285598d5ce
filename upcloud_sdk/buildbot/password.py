"""The password of a guest: a new one for each server, so that no guest of an earlier server can take its place."""

from __future__ import annotations

import hmac
import secrets
from typing import TYPE_CHECKING

from pydantic import SecretStr

if TYPE_CHECKING:
    from upcloud_sdk.buildbot._types import Properties


class GuestPassword:
    """What Buildbot's listeners compare a login with.

    It is registered once, and stays the same object when what it stands for changes: to register another one closes
    the listening port for a moment where the worker is the only one on it, which turns guests away.
    """

    def __init__(self) -> None:
        self._fixed: str | None = None
        self._text = secrets.token_urlsafe(24)

    def fix(self, password: str | None) -> None:
        """Use this one for every guest from now on; None: a random one for each."""
        self._fixed = password

    def renew(self) -> SecretStr:
        """The password of the next guest."""
        self._text = self._fixed if self._fixed is not None else secrets.token_urlsafe(24)
        return SecretStr(self._text)

    def getRenderingFor(self, _: Properties) -> str:  # noqa: N802 - Buildbot's
        """The password that is valid now, for the PB listener."""
        return self._text

    def __eq__(self, other: object) -> bool:
        """Whether it is the password that is valid now, for the msgpack listener; or this very object."""
        if isinstance(other, str):
            return hmac.compare_digest(other.encode(), self._text.encode())
        return other is self

    __hash__ = object.__hash__
