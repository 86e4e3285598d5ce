"""The worker under test, in a hurry; in a module of its own, which masters that are processes can import."""

from __future__ import annotations

from typing import ClassVar

from upcloud_sdk import WaitPolicy
from upcloud_sdk.buildbot import UpcloudLatentWorker
from upcloud_sdk.buildbot._buildbot_api import listening_port
from upcloud_sdk.ci.cache import TimedCache


class QuickWorker(UpcloudLatentWorker):
    """Looks often, and is not kept away for long after a failure."""

    waits: ClassVar[WaitPolicy] = WaitPolicy(first_look=0, pause=0.02, look_for_create=(0.05, 0.1, 0.5), look_on=1)
    quarantine_timeout = quarantine_initial_timeout = 0.05

    @property
    def is_up(self) -> bool:
        """Whether its server was seen to be started."""
        return self._server is not None and self._server.up_since is not None

    @property
    def websocket_port(self) -> int:
        """Where its master listens for workers that come by websocket."""
        return listening_port(self, websocket=True)

    def let_pass(self, seconds: float) -> None:
        """Let it be so much longer ago that its server was made."""
        assert self._server is not None
        assert self._server.asked_at is not None
        self._server.asked_at -= seconds

    def begin_new_month(self) -> None:
        """Let its master know nothing of what this month has cost, and look whether there is room."""
        assert self._account is not None
        self._service.costs._ended = None  # pyright: ignore[reportPrivateUsage]  # a month takes long
        self._account.cache._bills = TimedCache(600)  # pyright: ignore[reportPrivateUsage]  # the same
        self._service.wake_builders()

    def pass_deadline(self) -> None:
        """Let it be as long ago that its server was started as its worker may take to attach."""
        assert self._server is not None
        assert self._server.up_since is not None
        self._server.up_since -= self._arguments.attach_timeout
