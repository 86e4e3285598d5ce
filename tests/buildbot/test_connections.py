"""A guest's own configuration, as the worker writes it, reaches the master: by each of Buildbot's protocols."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.buildbot._types import SUCCESS
from tests.buildbot.harness import MasterCase
from upcloud_sdk.buildbot import Bootstrap
from upcloud_sdk.simulator.process_guests import ProcessGuests

if TYPE_CHECKING:
    from tests.buildbot.quick import QuickWorker
    from upcloud_sdk.buildbot.bootstrap import Guest

BASEDIR = "/var/lib/upcloud-worker"


class Script(Bootstrap):
    """The same configuration, for a guest that is a process: a script, in a folder of its own."""

    def document(self, guest: Guest) -> str:
        tac = self._tac(guest).replace(BASEDIR, ".")
        return f"#!/bin/sh\ncat > buildbot.tac <<'END'\n{tac}END\nexec buildbot-worker start --nodaemon .\n"


class Connections(MasterCase):
    def setUp(self) -> None:
        super().setUp()
        self.guests: Any = ProcessGuests()

    def configuration(self, *workers: QuickWorker, **options: Any) -> dict[str, Any]:  # noqa: ANN401 - the harness's
        """A master that listens for both."""
        config = super().configuration(*workers, **options)
        # Any free port; Buildbot takes a number only there.
        websocket = {"port": 0}
        return {**config, "protocols": {**config["protocols"], "msgpack_experimental_v7": websocket}}

    async def a_build_over(self, bootstrap: Bootstrap) -> None:
        self.serve()
        await self.start_master(self.worker(bootstrap=bootstrap))
        for _ in range(2):
            outcome = await self.build()
            assert outcome.results == [SUCCESS], outcome.logs

    async def test_plain(self) -> None:
        await self.a_build_over(Script())

    async def test_websocket(self) -> None:
        await self.a_build_over(Script(connection="ws"))
