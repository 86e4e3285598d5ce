"""The tested worker with short waits. It has its own module, so that masters in other processes can import it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import ClassVar

from upcloud_sdk import WaitPolicy
from upcloud_sdk.buildbot import UpcloudLatentWorker
from upcloud_sdk.buildbot._buildbot.api import States
from upcloud_sdk.buildbot._buildbot.private import listening_port
from upcloud_sdk.ci.account.cache import TimedCache


class QuickWorker(UpcloudLatentWorker):
    """Polls often, and has a short quarantine after a failure."""

    waits: ClassVar[WaitPolicy] = WaitPolicy(
        first_read_after=0, pause=0.02, search_pauses=(0.05, 0.1, 0.5), search_timeout=1
    )
    quarantine_timeout = quarantine_initial_timeout = 0.05

    @property
    def is_up(self) -> bool:
        """Whether its server has been seen started."""
        return self._current.server is not None and self._current.server.up_since is not None

    @property
    def an_image_waits(self) -> bool:
        """Whether the server of an image waits for a slot."""
        return self._service.claims.is_awaited

    @property
    def knows_server(self) -> bool:
        """Whether its server is known, because the create was answered."""
        return self._current.server is not None and self._current.server.details is not None

    @property
    def websocket_port(self) -> int:
        """The port where its master listens for websocket workers."""
        return listening_port(self, websocket=True)

    @property
    def has_server(self) -> bool:
        """Whether it has a server or requests one."""
        return self._current.server is not None

    @property
    def is_idle(self) -> bool:
        """Whether it has an idle server with a running timer."""
        is_settled = self.build_wait_timer is not None or self.build_wait_timeout < 0
        return self._current.is_idle and is_settled

    @property
    def is_outdated(self) -> bool:
        """Whether its server may take no other build."""
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
        """Make the renewal of its server's lease due."""
        assert self._current.server is not None
        account, uuid = self._current.server.account, self._current.server.uuid
        fleet = account.cloud._fleet  # pyright: ignore[reportPrivateUsage]  # half an hour takes long

        def renew() -> None:
            fleet.records.held[uuid].due = 0.0
            fleet.renewal._wake.set()  # pyright: ignore[reportPrivateUsage]  # the same

        self._service.bridge.call(renew)

    def let_pass(self, seconds: float) -> None:
        """Move the create of its server this many seconds into the past."""
        assert self._current.server is not None
        assert self._current.server.asked_at is not None
        self._current.server.asked_at -= seconds

    def begin_new_month(self) -> None:
        """Let its master believe in a later month, and check the budget."""
        assert self._current.account is not None
        later = datetime.now(UTC) + timedelta(days=40)
        self._service.claims.now = lambda *_: later  # type: ignore[method-assign]  # a month takes long
        self._current.account.cache._bills = TimedCache(600)  # pyright: ignore[reportPrivateUsage]  # the same
        self._service.wake_builders()

    def forget_answers(self) -> None:
        """Let its master read prices, bill and lists again."""
        assert self._current.account is not None
        account = self._current.account.cache
        account.__init__(account.cloud)  # type: ignore[misc]  # as good as new

    @property
    def builds_wait(self) -> bool:
        """Whether a limit has refused a server of its master since builders looked last."""
        return self._service.claims.refused is not None

    async def look_again(self) -> None:
        """Let its master read bill and lists again, which it does every half a minute while a build waits."""
        await self._service.claims._look_again()  # pyright: ignore[reportPrivateUsage]  # half a minute takes long

    def pass_deadline(self) -> None:
        """Move the start of its server into the past, so that `attach_timeout` is over."""
        assert self._current.server is not None
        assert self._current.server.up_since is not None
        self._current.server.up_since -= self._current.arguments.attach_timeout
