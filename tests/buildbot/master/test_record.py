"""The record of a master's servers."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from twisted.internet import defer, threads

from tests.buildbot._types import EXCEPTION, RETRY, SUCCESS
from tests.buildbot.harness import IMAGE, pause
from tests.buildbot.master.record_case import RecordCase
from upcloud_sdk.buildbot.master.record import RECORD
from upcloud_sdk.events import LeaseEvent
from upcloud_sdk.simulator import after_polls

if TYPE_CHECKING:
    from tests.buildbot.quick import QuickWorker
    from upcloud_sdk.buildbot._buildbot.api import Properties
    from upcloud_sdk.buildbot.configuration.request import ServerRequest

AHEAD = "2096-11-25T10:00:00Z"
"""A time within the last month, so that the record keeps it."""


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
        assert server.builds[0].id == server.buildid
        assert all(build.began < build.ended for build in server.builds if build.began and build.ended)
        costs = [float(build.cost or 0) for build in server.builds]
        # Millionths of a euro.
        assert costs == pytest.approx([outcome.properties.get("upcloud_cost", 0) for outcome in outcomes], abs=1e-6)
        assert server.hours == 1
        assert (await self.service()).record.log.up == {}

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
        failed, _ = await self.all_gone()
        assert (failed.uuid, failed.hours, failed.state) == (None, 0, "gone")
        assert "SERVER_RESOURCES_UNAVAILABLE" in str(failed.error)

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
        failed, _ = await self.all_gone()
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
        failed, _ = await self.all_gone()
        assert (failed.uuid, failed.worker, failed.builder, failed.number) == (None, "bot", "any", 1)
        assert "the secret store does not answer" in str(failed.error)

    async def test_a_start_for_which_no_template_is_found_is_recorded(self) -> None:
        self.serve()
        await self.start_master(self.worker(image="Debian GNU/Linux 3 (Woody)"))
        assert (await self.build()).results == [EXCEPTION]
        [failed] = await self.all_gone()
        assert (failed.uuid, failed.hours, failed.buildid) == (None, 0, 1)
        assert "no template has the title" in str(failed.error)

    async def test_no_secret_is_in_the_record(self) -> None:
        self.serve()
        await self.start_master(self.worker(password="guests-secret"))
        await self.build()
        await self.all_gone()
        text = (Path(self.master.basedir) / RECORD).read_text(encoding="utf-8")
        assert not re.search("guests-secret|secret-password|user_data", text)

    async def test_a_disk_that_is_full_costs_no_build(self) -> None:
        self.serve()
        await self.start_master(self.worker())
        (Path(self.master.basedir) / RECORD).symlink_to("/dev/full")
        outcomes = [await self.build(), await self.build()]
        assert [outcome.results for outcome in outcomes] == [[SUCCESS], [SUCCESS]]

    async def test_a_record_that_was_cut_by_a_crash_is_continued(self) -> None:
        self.serve()
        await self.start_master(self.worker())
        record = Path(self.master.basedir) / RECORD
        line = {"v": 1, "id": "before", "worker": "bot", "uuid": "0", "gone": "2026-11-25T10:00:00Z"}
        record.write_text(f'{json.dumps({**line, "at": AHEAD})}\n{{"v": 1, "id": "cu')
        await self.build()
        servers = await self.all_gone()
        assert [server.id == "before" for server in servers] == [True, False]

    async def test_servers_of_an_earlier_run_get_their_end_when_they_are_reaped(self) -> None:
        self.serve()
        await self.start_master(self.worker())
        line = {"v": 1, "id": "a", "uuid": "00aa", "worker": "bot", "created": AHEAD, "at": AHEAD, "state": "building"}
        (Path(self.master.basedir) / RECORD).write_text(json.dumps(line) + "\n")
        reaped = LeaseEvent(at=0, uuid="00aa", happened="reaped")
        service = await self.service()
        [account] = service.accounts.all
        await threads.deferToThread(service._hear, account, reaped)  # pyright: ignore[reportPrivateUsage]  # as a client
        [server] = await self.all_gone()
        assert (server.uuid, server.worker, server.state) == ("00aa", "bot", "gone")
        assert server.span is not None
