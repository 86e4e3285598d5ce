"""Protects a simulator that runs code from web pages: browsers cannot forge Host, or send JSON without permission."""

from __future__ import annotations

from typing import TYPE_CHECKING

from upcloud_sdk.simulator.wire.calls import Answer, ApiFault

if TYPE_CHECKING:
    from collections.abc import Mapping

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "[::1]"})


class Gate:
    """Refuses requests by their headers.

    Args:
        hosts: Allowed host names. None: all. Loopback is always allowed.
        json_only: Require `application/json` for bodies.
    """

    def __init__(self, *, hosts: frozenset[str] | None = None, json_only: bool = False) -> None:
        self._hosts = None if hosts is None else hosts | _LOOPBACK
        self._json_only = json_only

    def refusal(self, method: str, headers: Mapping[str, str], *, upload: bool) -> Answer | None:
        """The refusal of a request, or None. Uploads may have any type, since pages cannot PUT without permission."""
        if self._hosts is not None and _host_name(headers.get("host", "")) not in self._hosts:
            return ApiFault(403, "ACTION_FORBIDDEN", "The simulator does not answer to this host name.").answer()
        if not self._json_only or upload or method not in {"POST", "PUT", "PATCH"}:
            return None
        has_body = headers.get("content-length", "0") != "0" or "transfer-encoding" in headers
        kind = headers.get("content-type", "").partition(";")[0].strip().lower()
        if has_body and kind != "application/json":
            return ApiFault(400, "INVALID_REQUEST", "The body must be sent as application/json.").answer()
        return None


def _host_name(host: str) -> str:
    name, _, port = host.rpartition(":")
    return name.lower() if port.isdigit() and name else host.lower()
