"""Protects the simulator from web pages: browsers cannot forge Host and Origin, or send JSON without permission."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING

from upcloud_sdk.simulator.wire.calls import Answer, ApiFault

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "[::1]"})
_ALL_INTERFACES = frozenset({"0.0.0.0", "[::]"})  # noqa: S104 - compared, not listened on


class Gate:
    """Refuses requests by their headers.

    Args:
        host: The host that the simulator listens on. If it is all interfaces, any IP address is allowed: a page whose
            name leads here sends this name.
        names: More allowed host names. Loopback is always allowed.
        json_only: Require `application/json` for bodies.
    """

    def __init__(self, host: str, names: Iterable[str] = (), *, json_only: bool = False) -> None:
        self._hosts = _LOOPBACK | {name.lower() for name in (host, *names)}
        self._any_address = host in _ALL_INTERFACES
        self._json_only = json_only

    def refusal(self, method: str, headers: Mapping[str, str], *, upload: bool) -> Answer | None:
        """The refusal of a request, or None. Uploads may have any type, since pages cannot PUT without permission."""
        host = headers.get("host", "").lower()
        if not self._is_ours(_host_name(host)):
            message = "The simulator does not answer to this host name; --allowed-host allows it."
            return ApiFault(403, "ACTION_FORBIDDEN", message).answer()
        if headers.get("origin", f"http://{host}").lower() not in {f"http://{host}", f"https://{host}"}:
            return ApiFault(403, "ACTION_FORBIDDEN", "The simulator does not answer to web pages.").answer()
        if not self._json_only or upload or method not in {"POST", "PUT", "PATCH"}:
            return None
        has_body = headers.get("content-length", "0") != "0" or "transfer-encoding" in headers
        kind = headers.get("content-type", "").partition(";")[0].strip().lower()
        if has_body and kind != "application/json":
            return ApiFault(400, "INVALID_REQUEST", "The body must be sent as application/json.").answer()
        return None

    def _is_ours(self, name: str) -> bool:
        return name in self._hosts or (self._any_address and _is_address(name.strip("[]")))


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _host_name(host: str) -> str:
    name, _, port = host.rpartition(":")
    return name if port.isdigit() and name else host
