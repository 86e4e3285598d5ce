"""The record of a master's servers."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from twisted.internet import defer, threads

from tests.buildbot._types import CANCELLED, EXCEPTION, RETRY, SUCCESS
from tests.buildbot.harness import IMAGE, pause
from tests.buildbot.master.record_case import RecordCase
from tests.buildbot.recorded import record_files
from upcloud_sdk.buildbot.master.record import RECORD, url_in
from upcloud_sdk.ci import Phase, Record, ServerChange
from upcloud_sdk.ci.record.changes import MILLION
from upcloud_sdk.events import LeaseEvent
from upcloud_sdk.simulator import after_polls, never

if TYPE_CHECKING:
    from tests.buildbot.quick import QuickWorker
    from upcloud_sdk.buildbot._buildbot.api import Properties
    from upcloud_sdk.buildbot.configuration.request import ServerRequest


class Records(RecordCase):
    async def test_a_server_is_recorded_from_when_it_is_asked_for_until_it_is_gone_with_its_builds(self) -> None:
        self.serve(boot=after_polls(6))
        await self.start_master(self.worker(build_wait_timeout=600, owner="ci"))
        outcomes = [await self.build("bot"), await self.build("any")]
        await self.master.workers.workers["bot"].insubstantiate()
        [server] = await self.all_gone()
        assert (server.master, server.owner, server.worker) == (self.master.name, "ci", "bot")
        assert (server.builder, server.number) == ("bot", 1)
        assert (server.zone, server.plan, server.image) == ("de-fra1", "1xCPU-1GB", IMAGE)
        assert server.uuid == outcomes[0].properties["upcloud_uuid"]
        assert not server.has_failed
        times = [server.asked, server.made, server.started, server.attached, server.stopping, server.gone]
        assert None not in times
        assert server.asked <= server.made <= server.attached <= server.stopping <= server.gone  # type: ignore[operator]  # none is None
        assert [(build.builder, build.number, build.result) for build in server.builds] == [
            ("bot", 1, "success"),
            ("any", 1, "success"),
        ]
        assert server.builds[0].build == server.build
        assert all(build.began < build.ended for build in server.builds if build.ended)
        costs = [(build.cost or 0) / MILLION for build in server.builds]
        # Millionths of a euro.
        assert costs == pytest.approx([outcome.properties.get("upcloud_cost", 0) for outcome in outcomes], abs=1e-6)
        assert server.hours == 1
        assert await self.phases() == []

    async def test_a_server_whose_build_ends_before_its_create_is_answered_is_recorded(self) -> None:
        cloud = self.serve(boot_seconds=0.05)
        await self.start_master(self.worker())
        cloud.fail("POST /server", status=503, after_effect=True)
        cloud.fail("GET /server", status=503, times=3)
        assert (await self.build()).results == [SUCCESS]
        [server] = await self.all_gone()
        [usage] = [each for each in cloud.usages if each.category == "server"]
        assert server.uuid == usage.resource_id

    async def test_a_start_that_fails_is_recorded_with_the_reason_and_no_server(self) -> None:
        self.serve()
        self.cloud.fail("POST /server", status=409, code="SERVER_RESOURCES_UNAVAILABLE")
        await self.start_master(self.worker())
        assert (await self.build()).results == [RETRY, SUCCESS]
        [failed] = [server for server in await self.all_gone() if server.has_failed]
        assert (failed.uuid, failed.hours, failed.phase) == (None, 0, Phase.GONE)
        assert "SERVER_RESOURCES_UNAVAILABLE" in str(failed.error)

    async def test_a_start_that_is_cancelled_is_no_failure(self) -> None:
        self.serve()
        self.cloud.boot_next(never())
        await self.start_master(self.worker())
        building = defer.ensureDeferred(self.build())
        server = await self.starting_server()
        await self.cancel(1)
        self.let_start(server)
        assert (await building).results == [CANCELLED]
        # Two entries if its create is answered after the cancel.
        assert {(server.phase, server.error) for server in await self.all_gone()} == {(Phase.GONE, None)}

    async def test_a_server_whose_worker_never_calls_is_recorded_with_the_reason(self) -> None:
        self.serve()
        self.guests.attaches = False
        await self.start_master(self.worker(check_instance_interval=0.1))
        building = defer.ensureDeferred(self.build())
        server = await self.server_in("started")
        worker: QuickWorker = self.master.workers.workers["bot"]
        while not worker.is_up:
            await pause()
        self.guests.attaches = True
        worker.pass_deadline()
        outcome = await building
        assert outcome.results == [RETRY, SUCCESS]
        [failed] = [server for server in await self.all_gone() if server.has_failed]
        assert failed.uuid == server.uuid
        assert "has not attached within attach_timeout=600 s" in str(failed.error)
        assert "its worker attaches to 127.0.0.1:" in outcome.logs
        assert str(failed.error) in outcome.logs

    async def test_a_start_that_fails_before_a_server_is_asked_for_is_recorded_with_its_build(self) -> None:
        self.serve()
        worker = self.worker()
        await self.start_master(worker)
        request, failures = worker.server_request, [RuntimeError("the secret store does not answer")]

        async def server_request(properties: Properties) -> ServerRequest:
            if failures:
                raise failures.pop()
            return await request(properties)

        self.patch(worker, "server_request", server_request)
        assert (await self.build()).results == [RETRY, SUCCESS]
        [failed] = [server for server in await self.all_gone() if server.has_failed]
        assert (failed.uuid, failed.worker, failed.builder, failed.number) == (None, "bot", "any", 1)
        assert "the start failed: RuntimeError in " in str(failed.error)

    async def test_a_start_for_which_no_template_is_found_is_recorded(self) -> None:
        self.serve()
        await self.start_master(self.worker(image="Debian GNU/Linux 3 (Woody)"))
        assert (await self.build()).results == [EXCEPTION]
        [failed] = await self.all_gone()
        assert (failed.uuid, failed.hours, failed.build) == (None, 0, "1")
        assert "no template has the title" in str(failed.error)

    async def test_no_secret_is_in_the_record(self) -> None:
        self.serve()
        await self.start_master(self.worker(password="guests-secret"))
        await self.build()
        await self.all_gone()
        for file in record_files(self.master.basedir):
            assert not re.search(b"guests-secret|secret-password|user_data", file.read_bytes())

    async def test_a_record_that_cannot_be_written_costs_no_build_and_is_said(self) -> None:
        self.serve()
        await self.start_master(self.worker())
        record = (await self.service()).record
        await record.ready()
        file = Path(self.master.basedir) / RECORD
        for each in record_files(self.master.basedir):
            each.unlink()
        file.mkdir()
        outcomes = [await self.build(), await self.build()]
        assert [outcome.results for outcome in outcomes] == [[SUCCESS], [SUCCESS]]
        while self.cloud.servers or await self.phases():
            await pause()
        [problem] = record.problems()
        assert "The record cannot be written" in problem
        file.rmdir()
        assert record.database is not None
        assert await threads.deferToThread(record.database.flush, self.timeout)
        assert len(await self.history()) == 2

    async def test_servers_of_an_earlier_run_get_their_end_when_they_are_reaped(self) -> None:
        self.serve()
        await self.start_master(self.worker())
        earlier = Record(url_in(Path(self.master.basedir)))
        began = datetime.now(UTC) - timedelta(hours=3)
        for phase, uuid in ((Phase.ASKED, None), (Phase.MADE, "00aa")):
            earlier.tell(ServerChange(id="a", at=began, phase=phase, uuid=uuid, created=began, worker="bot"))
        await threads.deferToThread(earlier.close, self.timeout)
        service = await self.service()
        [account] = service.accounts.all
        reaped = LeaseEvent(at=0, uuid="00aa", happened="reaped")
        await threads.deferToThread(service._hear, account, reaped)  # pyright: ignore[reportPrivateUsage]  # as a client
        [server] = await self.all_gone()
        assert (server.uuid, server.worker, server.phase) == ("00aa", "bot", Phase.GONE)
        # It has cost what it lived.
        assert server.hours in {3, 4}

    async def test_servers_that_an_earlier_run_left_and_the_api_does_not_list_are_put_right(self) -> None:
        self.serve()
        await self.start_master(self.worker())
        earlier = Record(url_in(Path(self.master.basedir)))
        began = datetime.now(UTC) - timedelta(hours=5)
        claims = (await self.service()).claims
        [account] = (await self.service()).accounts.all
        told = partial(
            ServerChange, id="a", at=began, created=began, master=self.master.name, owner=account.cloud.owner
        )
        for phase, uuid in ((Phase.ASKED, None), (Phase.MADE, str(uuid4()))):
            earlier.tell(told(phase=phase, uuid=uuid))
        await threads.deferToThread(earlier.close, self.timeout)
        assert await claims.put_right_of(self.master.name, account.cloud.owner)
        [server] = await self.all_gone()
        assert server.gone is not None
        assert server.gone <= began + timedelta(hours=1)

    async def test_a_server_that_a_list_lacks_counts_until_the_api_says_that_it_is_gone(self) -> None:
        cloud = self.serve()
        await self.start_master(self.worker(), self.worker("second", max_servers=1))
        service = await self.service()
        [account] = service.accounts.all
        uuid = await self.leave(account.cloud.owner, run="r")
        earlier = Record(url_in(Path(self.master.basedir)))
        began = datetime.now(UTC) - timedelta(hours=5)
        told = partial(
            ServerChange, id="a", at=began, created=began, master="never comes back", owner=account.cloud.owner
        )
        for phase, named in ((Phase.ASKED, None), (Phase.MADE, uuid)):
            earlier.tell(told(phase=phase, uuid=named))
        await threads.deferToThread(earlier.close, self.timeout)
        cloud.fail("GET /server", status=200, body='{"servers": {"server": []}}', times=None)
        assert await service.claims.put_right_of(self.master.name, account.cloud.owner)
        assert [server.uuid for server in await self.history() if server.is_open] == [uuid]
        cloud.servers.clear()
        cloud.storages.clear()
        assert await service.claims.put_right_of(self.master.name, account.cloud.owner)
        assert [server.uuid for server in await self.history() if server.is_open] == []

    async def test_a_server_of_a_dead_master_with_another_owner_counts_until_its_own_account_says_that_it_is_gone(
        self,
    ) -> None:
        cloud = self.serve()
        await self.start_master(self.worker(max_servers=1))
        service = await self.service()
        [account] = service.accounts.all
        here, elsewhere = await self.leave("dead", run="r"), str(uuid4())
        earlier = Record(url_in(Path(self.master.basedir)))
        began = datetime.now(UTC) - timedelta(hours=5)
        for uuid in (here, elsewhere):
            told = partial(ServerChange, id=uuid, at=began, created=began, master="never comes back", owner="dead")
            earlier.tell(told(phase=Phase.ASKED))
            earlier.tell(told(phase=Phase.MADE, uuid=uuid))
        await threads.deferToThread(earlier.close, self.timeout)

        async def counted() -> set[str | None]:
            assert await service.claims.put_right_of(self.master.name, account.cloud.owner)
            return {server.uuid for server in await self.history() if server.is_open}

        assert await counted() == {here, elsewhere}
        cloud.servers.clear()
        cloud.storages.clear()
        while here in await counted():
            await pause()  # The list is kept for two seconds.
        # An account answers alike for a server that is gone and for one of another account.
        assert await counted() == {elsewhere}
