"""A served simulator whose servers are machines, and the consoles of its guests."""

from __future__ import annotations

import json
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING, Any, Self, TypeVar

from anyio.from_thread import start_blocking_portal

from tests.buildbot.processes import eventually
from tests.vm.master import OWNER
from upcloud_sdk import Token, UpCloud
from upcloud_sdk.simulator import Simulator
from upcloud_sdk.simulator.guests.machine import VmGuests

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from upcloud_sdk.simulator.records.records import Server

T = TypeVar("T")

BOOTS_WITHIN = 1800.0
"""Seconds for a boot. It takes 30 on an idle machine, 100 with packages, and ten times as long on a busy one."""
TEMPLATES = {"debian-12": "Debian GNU/Linux 12 (Bookworm)", "debian-13": "Debian GNU/Linux 13 (Trixie)"}


class VmCloud:
    """An account on this machine, and a client of it. Use as a context manager."""

    token = "ucat_vm"

    def __init__(self, *, ports: list[int], **options: Any) -> None:  # noqa: ANN401 - the guests'
        guests = VmGuests(ports=ports, machines=1, **options)
        self.simulator = Simulator(token=self.token, guests=guests, boot_seconds=0.5, stop_seconds=0.5)

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            stack.enter_context(self.simulator)
            self.url = stack.enter_context(self.simulator.serve())
            self._portal = stack.enter_context(start_blocking_portal())
            client = UpCloud(Token(self.token), base_url=self.url, owner=OWNER)
            self.client = stack.enter_context(self._portal.wrap_async_context_manager(client))
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def call(self, method: Callable[..., Awaitable[T]], *args: Any, **kwargs: Any) -> T:  # noqa: ANN401 - the method's
        """Call a method of the client, and return its result."""
        return self._portal.call(partial(method, *args, **kwargs))

    @property
    def is_empty(self) -> bool:
        return self.simulator.servers == {} and self.simulator.storages == {}

    def server(self, hostname: str) -> Server:
        """Wait for a server with this host name, and return it."""
        found: list[Server] = eventually(
            f"a server {hostname}",
            lambda: [each for each in list(self.simulator.servers.values()) if each.hostname == hostname],
        )
        return found[0]

    def console(self, uuid: str) -> str:
        """The guest's console so far. It is kept as long as the server."""
        path = self.simulator.guests.console(uuid)
        return path.read_text(encoding="utf-8", errors="replace") if path is not None and path.exists() else ""

    def console_with(self, uuid: str, text: str) -> str:
        """Wait until the console contains this text, and return the console."""
        self.until(lambda: text in self.console(uuid), f"{text!r} on the console", uuid)
        return self.console(uuid)

    def until(self, look: Callable[[], bool], what: str, uuid: str) -> None:
        """Wait until `look` returns true. After the timeout, fail with the end of the guest's console."""
        try:
            eventually(what, look, BOOTS_WITHIN, pause=0.5)
        except AssertionError as error:
            end = "\n".join(self.console(uuid).splitlines()[-60:])
            raise AssertionError(f"{error} The console ends:\n{end}") from None

    def wait_until_stopped(self, uuid: str) -> None:
        self.until(lambda: self.simulator.servers[uuid].state == "stopped", "a server that is stopped", uuid)


def password_in(user_data: str) -> str:
    """The worker's password in the worker's own document."""
    document: dict[str, list[dict[str, str]]] = json.loads(user_data.partition("\n")[2])
    (password,) = [file["content"] for file in document["write_files"] if file["path"].endswith("/password")]
    return password
