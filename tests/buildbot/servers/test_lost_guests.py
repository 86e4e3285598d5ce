"""Guests whose connection is lost: during their login, while no build runs, and as a build begins."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from twisted.internet import defer
from twisted.spread.pb import DeadReferenceError

from tests.buildbot._types import CANCELLED, RETRY, SUCCESS, PingException
from tests.buildbot.harness import MasterCase, pause
from upcloud_sdk.buildbot._buildbot.private import is_lost

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.buildbot.quick import QuickWorker


class LostGuests(MasterCase):
    async def hang_up(self, bot: QuickWorker) -> None:
        """Let its guest disconnect, and wait until the master has closed the connection too."""
        conn = bot.conn
        assert conn is not None
        for uuid in list(self.guests.running):
            self.guests.stop(uuid, hard=True)
        while conn.mind is not None and not is_lost(conn):
            await pause()

    async def test_a_guest_that_hangs_up_while_its_login_is_recorded_blocks_nothing(self) -> None:
        self.serve()
        bot = self.worker()
        await self.start_master(bot)
        write, writes = self.master.data.updates.workerConnected, 0

        async def hang_up_during_the_second(**values: Any) -> None:  # noqa: ANN401 - Buildbot's
            nonlocal writes
            writes += 1
            if writes == 2:
                await self.hang_up(bot)
            await write(**values)

        def patched(**values: Any) -> defer.Deferred[None]:  # noqa: ANN401 - the same
            return defer.ensureDeferred(hang_up_during_the_second(**values))

        self.patch(self.master.data.updates, "workerConnected", patched)
        outcome = await self.build()
        assert outcome.results[-1] == SUCCESS
        assert set(outcome.results) <= {RETRY, SUCCESS}
        # Buildbot logs the call that met the lost connection: the ping of a build, or the list of builders.
        self.flushLoggedErrors(PingException, DeadReferenceError)

    async def test_a_guest_that_comes_back_while_no_build_runs_gets_the_next_build(self) -> None:
        self.serve()
        bot = self.worker(build_wait_timeout=3600)
        await self.start_master(bot)
        await self.build()
        lost = bot.conn
        assert lost is not None
        lost.loseConnection()
        while bot.conn in {lost, None}:
            await pause()
        assert (await self.build()).results == [SUCCESS]
        assert self.cloud.count("POST /server") == 1

    async def test_the_server_of_a_guest_that_does_not_come_back_is_destroyed_after_attach_timeout(self) -> None:
        self.serve()
        bot = self.worker(build_wait_timeout=3600)
        await self.start_master(bot)
        await self.build()
        self.config.update(self.configuration(self.worker(build_wait_timeout=3600, attach_timeout=1)))
        await self.master.reconfig()
        await self.hang_up(bot)
        while self.cloud.servers:
            await pause()

    async def test_a_guest_that_is_lost_as_its_build_begins_is_replaced_and_the_build_is_tried_again(self) -> None:
        """Buildbot itself would show the build as running forever."""
        self.serve()
        await self.lose_as_a_build_begins(self.worker(), self.shut_down)

    async def test_a_guest_whose_connection_is_lost_as_its_build_begins_may_come_back_after_the_build(self) -> None:
        self.serve()
        await self.lose_as_a_build_begins(self.worker(build_wait_timeout=60), self.lose_connection)

    async def test_a_guest_of_a_server_that_stays_may_be_lost_as_its_build_begins(self) -> None:
        self.serve()
        await self.lose_as_a_build_begins(self.worker(build_wait_timeout=-1), self.lose_connection)

    async def test_a_guest_whose_server_is_given_up_as_its_build_begins_is_replaced(self) -> None:
        """For example because another build that waited for this server is cancelled."""
        self.serve()
        await self.lose_as_a_build_begins(self.worker(), self.send_away)

    def shut_down(self, _: QuickWorker) -> None:
        self.guests.shut_down(next(iter(self.cloud.servers)))

    def lose_connection(self, bot: QuickWorker) -> None:
        assert bot.conn is not None
        bot.conn.loseConnection()

    def send_away(self, bot: QuickWorker) -> None:
        bot.insubstantiate()

    async def lose_as_a_build_begins(self, bot: QuickWorker, lose: Callable[[QuickWorker], None]) -> None:
        await self.start_master(bot)
        tell, told = self.master.data.updates.setStepStateString, 0

        async def lose_before_the_first_step(stepid: int, text: str) -> None:
            nonlocal told
            if text.endswith(" ready") and not told:
                told = 1
                lose(bot)
                while bot.conn is not None:
                    await pause()
            await tell(stepid, text)

        def patched(stepid: int, text: str) -> defer.Deferred[None]:
            return defer.ensureDeferred(lose_before_the_first_step(stepid, text))

        self.patch(self.master.data.updates, "setStepStateString", patched)
        outcome = await self.build()
        assert outcome.results == [RETRY, SUCCESS]
        assert len(self.flushLoggedErrors(AttributeError)) == 1


class Requests(MasterCase):
    async def test_a_request_that_is_cancelled_as_its_build_begins_is_cancelled(self) -> None:
        """Buildbot itself would wait forever."""
        self.serve()
        await self.start_master(self.worker())
        add = self.master.data.updates.addBuild

        async def cancel_before(**values: Any) -> tuple[int, int]:  # noqa: ANN401 - Buildbot's
            self.patch(self.master.data.updates, "addBuild", add)
            request = values["buildrequestid"]
            await self.master.data.control("cancel", {"reason": "a user said so"}, ("buildrequests", str(request)))
            while not self.master.botmaster._starting_brid_to_cancel[request]:
                await pause()
            return await add(**values)  # type: ignore[no-any-return]  # Buildbot's

        def patched(**values: Any) -> defer.Deferred[tuple[int, int]]:  # noqa: ANN401 - the same
            return defer.ensureDeferred(cancel_before(**values))

        self.patch(self.master.data.updates, "addBuild", patched)
        assert (await self.build()).results == [CANCELLED]
        assert (await self.build()).results == [SUCCESS]
        assert self.cloud.count("POST /server") == 1
