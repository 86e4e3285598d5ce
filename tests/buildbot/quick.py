"""The worker under test, in a hurry; in a module of its own, which masters that are processes can import."""

from __future__ import annotations

from typing import ClassVar

from upcloud_sdk import WaitPolicy
from upcloud_sdk.buildbot import UpcloudLatentWorker
from upcloud_sdk.buildbot._buildbot.api import States
from upcloud_sdk.buildbot._buildbot.private import listening_port
from upcloud_sdk.ci.account.cache import TimedCache


class QuickWorker(UpcloudLatentWorker):
    """Looks often, and is not kept away for long after a failure."""

    waits: ClassVar[WaitPolicy] = WaitPolicy(first_look=0, pause=0.02, look_for_create=(0.05, 0.1, 0.5), look_on=1)
    quarantine_timeout = quarantine_initial_timeout = 0.05

    @property
    def is_up(self) -> bool:
        """Whether its server was seen to be started."""
        return self._current.server is not None and self._current.server.up_since is not None

    @property
    def an_image_waits(self) -> bool:
        """Whether the server of an image waits for a place."""
        return self._service.limit.is_awaited

    @property
    def knows_server(self) -> bool:
        """Whether its server is known here: the create was answered."""
        return self._current.server is not None and self._current.server.details is not None

    @property
    def websocket_port(self) -> int:
        """Where its master listens for workers that come by websocket."""
        return listening_port(self, websocket=True)

    @property
    def has_server(self) -> bool:
        """Whether it has a server, or asks for one."""
        return self._current.server is not None

    @property
    def is_idle(self) -> bool:
        """Whether it has a server on which no build runs, and knows when to give it up."""
        is_settled = self.build_wait_timer is not None or self.build_wait_timeout < 0
        return self._idle.is_idle and is_settled

    @property
    def is_outdated(self) -> bool:
        """Whether its server is for no other build."""
        return self._current.server is not None and self._current.server.is_outdated

    @property
    def is_building(self) -> bool:
        """Whether its guest has attached for a build that has not ended."""
        return self.conn is not None and bool(self.building) and self.state is States.SUBSTANTIATED

    @property
    def has_reaped(self) -> bool:
        """Whether the reaper's first round, for which its first server waits, has ended."""
        assert self._current.account is not None
        reaper = self._current.account._reaper  # pyright: ignore[reportPrivateUsage]  # it tells nobody
        return reaper is not None and reaper._first_round_ended  # pyright: ignore[reportPrivateUsage]  # the same

    def renew_lease(self) -> None:
        """Let the lease of its server be due for a renewal."""
        assert self._current.server is not None
        account, uuid = self._current.server.account, self._current.server.uuid
        fleet = account.cloud._fleet  # pyright: ignore[reportPrivateUsage]  # half an hour takes long

        def renew() -> None:
            fleet.records.held[uuid].due = 0.0
            fleet.renewal._wake.set()  # pyright: ignore[reportPrivateUsage]  # the same

        account.bridge.call(renew)

    def let_pass(self, seconds: float) -> None:
        """Let it be so much longer ago that its server was made."""
        assert self._current.server is not None
        assert self._current.server.asked_at is not None
        self._current.server.asked_at -= seconds

    def begin_new_month(self) -> None:
        """Let its master know nothing of what this month has cost, and look whether there is room."""
        assert self._current.account is not None
        self._service.costs._ended = {}  # pyright: ignore[reportPrivateUsage]  # a month takes long
        self._current.account.cache._bills = TimedCache(600)  # pyright: ignore[reportPrivateUsage]  # the same
        self._service.wake_builders()

    def forget_prices(self) -> None:
        """Let what its master knows of prices and other masters be old, and look whether there is room."""
        self._service.spending._prices.clear()  # pyright: ignore[reportPrivateUsage]  # a minute takes long
        self._service.wake_builders()

    def pass_deadline(self) -> None:
        """Let it be as long ago that its server was started as its worker may take to attach."""
        assert self._current.server is not None
        assert self._current.server.up_since is not None
        self._current.server.up_since -= self._current.arguments.attach_timeout
