"""Checks whether guests can reach the master, as far as this can be known before its first build."""

from __future__ import annotations

import contextlib
import ipaddress
import os
import re
import socket
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import anyio

from upcloud_sdk.buildbot.configuration.bootstrap import IN_TLS, Bootstrap
from upcloud_sdk.buildbot.configuration.request import bootstrap_of
from upcloud_sdk.buildbot.configuration.values import host_and_port, mapping
from upcloud_sdk.ci.servers.check import EACH_BUILD

if TYPE_CHECKING:
    from collections.abc import Sequence

    from upcloud_sdk.buildbot.check.config import KnownWorker

_ANSWERS_WITHIN = 3.0
_PORT = re.compile(r"(?:\w+:)?(?:port=)?(\d+)(?::|$)")
"""The port in an endpoint string of Buildbot or Twisted."""


async def find_master(worker: KnownWorker) -> tuple[bool | None, str]:
    """Whether guests can reach the master of a worker (None: each build decides), and a text about it."""
    arguments = worker.arguments
    if "masterFQDN" in worker.open:
        return None, EACH_BUILD
    try:
        host, port = host_and_port(arguments.masterFQDN or socket.getfqdn())
    except ValueError as error:
        return False, str(error)
    host, listens = host.strip("[]"), _listens_at(worker)
    if port is None and (deaf := _deaf(worker)) is not None:
        return False, deaf
    try:
        found = await anyio.getaddrinfo(host, None)
    except OSError:
        return False, f"{host} has no address: give masterFQDN as guests can resolve it"
    addresses = {ipaddress.ip_address(str(entry[4][0]).partition("%")[0]) for entry in found}
    base_url = arguments.base_url or os.environ.get("UPCLOUD_DEBUG_API_BASE_URL")
    good, answer = reachable(host, addresses, arguments.networks, base_url)
    port = port or listens
    return good, f"{answer}; {await _answers(host, port)}" if good and port else answer


def _own_bootstrap(worker: KnownWorker) -> Bootstrap | None:
    """The bootstrap of its guests, if it is the worker's own and is known."""
    arguments = worker.arguments
    if worker.open & {"bootstrap", "hostconfig"} or mapping(arguments.hostconfig).get("user_data"):
        return None
    bootstrap = bootstrap_of(arguments.bootstrap)
    return bootstrap if isinstance(bootstrap, Bootstrap) else None


def _port_of(worker: KnownWorker, protocol: str) -> Any:  # noqa: ANN401 - a number or an endpoint
    return worker.protocols.get(protocol, {}).get("port")


def _listens_at(worker: KnownWorker) -> int | None:
    """The port to which guests connect if `masterFQDN` has none."""
    bootstrap = _own_bootstrap(worker)
    found = _PORT.match(str(_port_of(worker, "pb" if bootstrap is None else bootstrap.protocol)))
    return int(found[1]) if found is not None else None


def _deaf(worker: KnownWorker) -> str | None:
    """Why guests cannot use the port where the master listens. None if they can, or if that is not known."""
    bootstrap = _own_bootstrap(worker)
    if bootstrap is None:
        return None
    protocol = bootstrap.protocol
    port = _port_of(worker, protocol)
    if port is None:
        return f"connection={bootstrap.connection!r}, but c['protocols'] has no port for {protocol!r}"
    is_in_tls = str(port).startswith(("ssl:", "tls:"))
    if is_in_tls == (bootstrap.connection in IN_TLS):
        return None
    speaks = "is in TLS" if is_in_tls else "is not in TLS: name the proxy's port in masterFQDN, if one is before it"
    return f"connection={bootstrap.connection!r}, but the port for {protocol!r} {speaks}"


async def _answers(host: str, port: int) -> str:
    """A text that says whether something listens at the port now."""
    with anyio.move_on_after(_ANSWERS_WITHIN), contextlib.suppress(OSError):
        async with await anyio.connect_tcp(host, port):
            return f"port {port} answers"
    return f"port {port} does not answer from here, which is right if the master does not run"


def reachable(
    host: str,
    addresses: set[ipaddress.IPv4Address | ipaddress.IPv6Address],
    networks: Sequence[Any] | None,
    base_url: str | None,
) -> tuple[bool, str]:
    """Whether servers with these networks can reach a master at one of these addresses."""
    shown = ", ".join(sorted(map(str, addresses)))
    at_home = urlsplit(base_url or "").hostname in {"127.0.0.1", "localhost", "::1"}
    if at_home:
        return True, f"{host} ({shown}); servers are simulated on this machine"
    if all(address.is_loopback for address in addresses):
        return False, f"{host} is {shown}, which for a guest is the guest itself: set masterFQDN"
    private = networks is not None and any(network not in {"public", "public-ipv6"} for network in networks)
    if all(address.is_private for address in addresses) and not private:
        return False, f"{host} is {shown}: a private address, and no private network in networks="
    return True, f"{host} ({shown})"
