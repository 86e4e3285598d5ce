"""A served simulator whose servers are machines, and what its guests print."""

from __future__ import annotations

import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Self

import anyio
import pytest

from upcloud_sdk import Token, UpCloud
from upcloud_sdk.simulator import Simulator
from upcloud_sdk.simulator.vm_guests import VmGuests

if TYPE_CHECKING:
    from collections.abc import Callable

BOOTS_WITHIN = 600.0
"""Seconds. It takes 30 where nothing else runs, and several minutes where much does: all of it is emulated."""
TOKEN = "ucat_vm"
_LOOK_EVERY = 0.25


class VmCloud:
    """An account on this machine. Use as a context manager."""

    def __init__(self, *, ports: list[int], manufacturer: str = "UpCloud") -> None:
        guests = VmGuests(ports=ports, machines=2, manufacturer=manufacturer)
        self.simulator = Simulator(token=TOKEN, guests=guests, boot_seconds=0.5, stop_seconds=0.5)
        self.url = ""

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            stack.enter_context(self.simulator)
            self.url = stack.enter_context(self.simulator.serve())
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def client(self) -> UpCloud:
        return UpCloud(Token(TOKEN), base_url=self.url, owner="vm-test")

    def console(self, uuid: str) -> str:
        """What the guest has printed so far; it is kept as long as the server."""
        path = self.simulator.guests.console(uuid)
        return path.read_text(encoding="utf-8", errors="replace") if path is not None and path.exists() else ""

    async def console_with(self, uuid: str, text: str, *, timeout: float = BOOTS_WITHIN) -> str:
        """The console once it has this text."""
        await self.until(lambda: text in self.console(uuid), f"{text!r} is on the console", uuid, timeout=timeout)
        return self.console(uuid)

    async def until(self, look: Callable[[], bool], what: str, uuid: str, *, timeout: float = BOOTS_WITHIN) -> None:
        """Return when `look` is true; else fail with the end of the guest's console."""
        give_up = time.monotonic() + timeout
        while not look():
            if time.monotonic() > give_up:
                end = "\n".join(self.console(uuid).splitlines()[-60:])
                pytest.fail(f"not within {timeout:g} s: {what}. The console ends:\n{end}")
            await anyio.sleep(_LOOK_EVERY)
