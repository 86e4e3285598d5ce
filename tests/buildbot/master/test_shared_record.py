"""The record of servers in a database."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from tests.buildbot._types import RETRY, SUCCESS
from tests.buildbot.harness import MasterCase, pause
from tests.buildbot.quick import QuickWorker
from upcloud_sdk.buildbot._buildbot.api import ConfigErrors
from upcloud_sdk.ci.record.changes import Phase

if TYPE_CHECKING:
    from upcloud_sdk.ci.record.recorded import RecordedServer


class Databases(MasterCase):
    async def view(self) -> tuple[RecordedServer, ...]:
        worker: QuickWorker = self.master.workers.workers["bot"]
        database = worker._service.record.database  # pyright: ignore[reportPrivateUsage]  # there is no page yet
        assert database is not None
        assert database.flush(self.timeout)
        return database.view.servers

    def read(self, columns: str) -> list[tuple[object, ...]]:
        engine = sa.create_engine(f"sqlite:///{Path(self.master.basedir) / 'upcloud.sqlite'}")
        with engine.connect() as connection:
            rows = connection.execute(sa.text(f"select {columns} from upcloud_servers order by asked")).all()
        engine.dispose()
        return [tuple(row) for row in rows]

    async def test_a_server_is_in_the_database_with_its_builds_until_it_is_gone(self) -> None:
        self.serve()
        await self.start_master(self.worker(build_wait_timeout=600))
        assert (await self.build()).results == [SUCCESS]
        while [server.phase for server in await self.view()] != [Phase.IDLE]:
            await pause()
        [server] = await self.view()
        assert (server.worker, server.build, server.master) == ("bot", "1", self.master.name)
        assert [(build.builder, build.result) for build in server.builds] == [("any", "success")]
        worker: QuickWorker = self.master.workers.workers["bot"]
        await worker.insubstantiate()
        while await self.view():
            await pause()
        assert self.read("uuid, gone is null") == [(server.uuid, False)]

    async def test_a_start_that_fails_is_in_the_database_with_its_reason(self) -> None:
        self.serve()
        self.cloud.fail("POST /server", status=409, code="SERVER_RESOURCES_UNAVAILABLE")
        await self.start_master(self.worker())
        assert (await self.build()).results == [RETRY, SUCCESS]
        await self.view()
        [reason] = [error for uuid, error in self.read("uuid, error") if uuid is None]
        assert "SERVER_RESOURCES_UNAVAILABLE" in str(reason)


def test_a_record_in_a_database_that_is_not_supported_is_refused() -> None:
    with pytest.raises(ConfigErrors, match="is not supported"):
        QuickWorker("bot", api_token="t", image="x", record="mysql://host/record")
