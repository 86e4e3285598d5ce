"""Only the guest of the starting server may attach."""

from __future__ import annotations

from twisted.internet import defer

from tests.buildbot._types import SUCCESS, UnauthorizedLogin
from tests.buildbot.harness import MasterCase, pause
from upcloud_sdk.simulator import never


class Guests(MasterCase):
    async def test_each_server_has_a_password_of_its_own(self) -> None:
        self.serve()
        await self.start_master(self.worker())
        await self.build()
        await self.build()
        assert len(self.guests.seen) == len(set(self.guests.seen)) == 2

    async def test_a_guest_of_an_earlier_server_cannot_take_the_place_of_the_next(self) -> None:
        self.serve()
        await self.start_master(self.worker())
        await self.build()
        self.cloud.boot_next(never())
        building = defer.ensureDeferred(self.build())
        server = await self.starting_server()
        self.guests.connect("impostor", self.guests.seen[0])
        while not self.flushLoggedErrors(UnauthorizedLogin):
            await pause()
        self.let_start(server)
        assert (await building).results == [SUCCESS]

    async def test_a_guest_that_attaches_while_none_is_awaited_is_sent_away_and_the_master_still_stops(self) -> None:
        self.serve()
        await self.start_master(self.worker(password="fixed"))
        await self.build()
        self.guests.connect("impostor", self.guests.seen[0])
        while not self.flushLoggedErrors(UnauthorizedLogin):
            await pause()
        # It has the same password as the next guest. If it tried again now, one of the two would be refused.
        self.guests.stop("impostor", hard=True)
        assert (await self.build()).results == [SUCCESS]

    async def test_a_fixed_password_is_that_of_every_guest(self) -> None:
        self.serve()
        await self.start_master(self.worker(password="fixed"))
        await self.build()
        assert '"passwd": "fixed"' in self.guests.seen[0]
