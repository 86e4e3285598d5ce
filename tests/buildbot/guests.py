"""Guests with real workers, which all run in one process."""

from __future__ import annotations

import json
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from subprocess import PIPE, Popen
from typing import TYPE_CHECKING, ClassVar

from upcloud_sdk.buildbot import Bootstrap

if TYPE_CHECKING:
    from collections.abc import Iterable

    from upcloud_sdk.buildbot.configuration.bootstrap import Guest
    from upcloud_sdk.simulator.records.records import Server


LOGIN = json.dumps({"host": "@MASTER@", "port": "@PORT@", "name": "@NAME@", "passwd": "@PASSWORD@"})
"""The document for such a guest, with the tokens that the master's worker replaces."""


@dataclass(frozen=True, kw_only=True)
class Login(Bootstrap):
    """The document for such a guest that attaches by another connection."""

    def document(self, guest: Guest) -> str:
        login = {"host": guest.master, "port": guest.port, "name": guest.name}
        password = guest.password.get_secret_value()
        return json.dumps({**login, "passwd": password, "connection": self.connection, "trusted": self.ca_certificate})


class GuestHost:
    """The process of the guests, shared by all tests."""

    script: ClassVar[Path] = Path(__file__).with_name("guest_host.py")
    _process: ClassVar[Popen[str] | None] = None
    _ordering: ClassVar[threading.Lock] = threading.Lock()
    """A lock, since each simulator starts guests in its own thread."""

    @classmethod
    def order(cls, line: str) -> None:
        """Send an order. The first one starts the process."""
        with cls._ordering:
            if cls._process is None:
                cls._process = Popen([sys.executable, str(cls.script)], stdin=PIPE, stdout=PIPE, text=True)
                assert cls._process.stdout is not None
                assert cls._process.stdout.readline() == "ready\n"
            assert cls._process.stdin is not None
            cls._process.stdin.write(line + "\n")
            cls._process.stdin.flush()

    @classmethod
    def wait(cls) -> None:
        """Wait until the guest is frozen."""
        assert cls._process is not None
        assert cls._process.stdout is not None
        assert cls._process.stdout.readline() == "done\n"

    @classmethod
    def close(cls) -> None:
        """End the process with all guests."""
        if cls._process is not None:
            cls._process.communicate(timeout=120)
            cls._process = None


class Guests:
    """A backend that runs the worker in a server's `user_data` while the server is started."""

    host: ClassVar[type[GuestHost]] = GuestHost

    def __init__(self) -> None:
        self.running: set[str] = set()
        self._shut_down: list[str] = []
        self.seen: list[str] = []
        """The `user_data` of all started servers, in order."""
        self.attaches = True
        """Whether guests start a worker at all."""
        self.freezes_at: str | None = None
        """The master's call at which the next guest freezes: its connection stays open, and it does not answer."""

    def start(self, server: Server) -> None:
        if self.attaches:
            self.connect(server.uuid, str(server.user_data))

    def stop(self, uuid: str, *, hard: bool) -> None:
        if uuid in self.running:
            self.running.remove(uuid)
            self.host.order(f"stop {uuid}")

    def is_running(self, uuid: str) -> bool:
        return uuid in self.running

    def poll(self) -> Iterable[str]:
        gone, self._shut_down = self._shut_down, []
        return gone

    def shut_down(self, uuid: str) -> None:
        """The guest powers itself off."""
        self.stop(uuid, hard=False)
        self._shut_down.append(uuid)

    def forget(self, uuid: str) -> None:
        """The guest may have been stopped before."""

    def console(self, uuid: str) -> Path | None:
        return None

    def close(self) -> None:
        for uuid in list(self.running):
            self.stop(uuid, hard=True)

    def connect(self, uuid: str, user_data: str) -> None:
        """Start a worker with the login in this document."""
        self.seen.append(user_data)
        self.running.add(uuid)
        if self.freezes_at is not None:
            user_data = json.dumps({**json.loads(user_data), "freezes_at": self.freezes_at})
            self.freezes_at = None
        self.host.order(f"start {uuid} {user_data}")

    def freeze(self, uuid: str, at: str = "") -> None:
        """Let its machine hang from now on, or from this call of the master's."""
        self.host.order(f"freeze {uuid} {at}")
        self.host.wait()
