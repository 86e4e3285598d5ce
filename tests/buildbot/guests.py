"""Guests that are real workers, in one process for all of them."""

from __future__ import annotations

import json
import sys
import threading
from pathlib import Path
from subprocess import PIPE, Popen
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Iterable

    from upcloud_sdk.simulator.records.records import Server


LOGIN = json.dumps({"host": "@MASTER@", "port": "@PORT@", "name": "@NAME@", "passwd": "@PASSWORD@"})
"""What such a guest is told, with the tokens that the worker in the master replaces."""


class GuestHost:
    """The process that guests run in; one for all tests."""

    script: ClassVar[Path] = Path(__file__).with_name("guest_host.py")
    _process: ClassVar[Popen[str] | None] = None
    _ordering: ClassVar[threading.Lock] = threading.Lock()
    """Each simulator starts its servers' guests in a thread of its own."""

    @classmethod
    def order(cls, line: str) -> None:
        """Give an order; the process is started for the first."""
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
        """Wait until the order to freeze is carried out."""
        assert cls._process is not None
        assert cls._process.stdout is not None
        assert cls._process.stdout.readline() == "done\n"

    @classmethod
    def close(cls) -> None:
        """End it, with all guests."""
        if cls._process is not None:
            cls._process.communicate(timeout=120)
            cls._process = None


class Guests:
    """The worker that a server's `user_data` describes, for as long as the server is started."""

    host: ClassVar[type[GuestHost]] = GuestHost

    def __init__(self) -> None:
        self.running: set[str] = set()
        self._shut_down: list[str] = []
        self.seen: list[str] = []
        """The `user_data` of every server that started, in order."""
        self.attaches = True
        """Whether guests start a worker at all."""
        self.freezes_at: str | None = None
        """The call of the master's at which the next guest freezes: its connection stays, and it answers nothing."""

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
        """It was stopped before."""

    def console(self, uuid: str) -> Path | None:
        return None

    def close(self) -> None:
        for uuid in list(self.running):
            self.stop(uuid, hard=True)

    def connect(self, uuid: str, user_data: str) -> None:
        """A worker that says what this document tells it to say."""
        self.seen.append(user_data)
        self.running.add(uuid)
        if self.freezes_at is not None:
            user_data = json.dumps({**json.loads(user_data), "freezes_at": self.freezes_at})
            self.freezes_at = None
        self.host.order(f"start {uuid} {user_data}")

    def freeze(self, uuid: str, at: str = "") -> None:
        """Its machine hangs from now on, or from this call of the master's."""
        self.host.order(f"freeze {uuid} {at}")
        self.host.wait()
