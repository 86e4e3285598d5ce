"""The view of running servers for the page and `check`."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import Any
from unittest import mock

import anyio
from twisted.internet import defer, threads

from tests.buildbot._types import SUCCESS
from tests.buildbot.harness import pause, until
from tests.buildbot.master.record_case import RecordCase
from tests.buildbot.recorded import read_record
from upcloud_sdk.buildbot.accounts.owner import owner_of
from upcloud_sdk.buildbot.check import KnownWorker, check_workers
from upcloud_sdk.buildbot.master.service import UpcloudService
from upcloud_sdk.buildbot.www import live
from upcloud_sdk.buildbot.www.live import live_view
from upcloud_sdk.ci import AccountCache

OTHER_MASTER = "buildbot-0123456789ab-abcdef"
PASSES = re.compile(r"for \d+ min|deleted by \d\d:\d\d UTC")


class Views(RecordCase):
    async def test_a_server_that_builds_is_shown_with_its_build(self) -> None:
        self.serve()
        may_end = self.gate()
        await self.start_master(self.worker(), steps=[until(may_end)])
        building = defer.ensureDeferred(self.build())
        view = await self.view()
        while [(server.state, server.api_state) for server in view.servers] != [("building", "started")]:
            await pause(0.05)
            view = await self.view()
        [server] = view.servers
        assert view.problems == ()
        assert (server.worker, server.master, server.held_by) == ("bot", self.master.name, "this master")
        assert server.build is not None
        assert (server.build.builder, server.build.number, server.build.result) == ("any", 1, None)
        assert server.api_state == "started"
        assert server.paid_until is not None
        may_end.touch()
        await building
        await self.all_gone()
        while (await self.view()).servers:
            await pause(0.1)

    async def test_servers_of_other_masters_and_of_nobody_are_shown_and_those_of_scripts_are_not(self) -> None:
        self.serve()
        await self.start_master(self.worker())
        mine = await owner_of(self.master)
        uuids = [await self.leave(owner, run="r") for owner in (OTHER_MASTER, mine, "a-script")]
        found = {server.uuid: server for server in (await self.view()).servers}
        assert set(found) == set(uuids[:2])
        assert (found[uuids[0]].held_by, found[uuids[0]].owner) == ("another master", OTHER_MASTER)
        assert (found[uuids[1]].held_by, found[uuids[1]].master) == ("nobody", self.master.name)
        assert found[uuids[1]].reaped_by is not None
        self.cloud.servers.clear()
        self.cloud.storages.clear()

    async def test_two_masters_that_share_an_account_show_the_servers_of_both_and_say_whose_each_is(self) -> None:
        self.serve()
        owners: list[str] = []
        masters: list[Any] = []
        for name in ("first", "second"):
            await self.start_master(self.worker(name, build_wait_timeout=60))
            assert (await self.build(name)).results == [SUCCESS]
            owners.append(await owner_of(self.master))
            masters.append((self.master, self.tested_master))
            await self.until_idle()
        for mine, (master, _) in enumerate(masters):
            await self.forget(master)
            view = await live_view(await UpcloudService.of(master))
            assert (view.problems, view.disks) == ((), ())
            assert len(view.servers) == 2
            seen = {server.owner: server for server in view.servers}
            ours, theirs = seen[owners[mine]], seen[owners[1 - mine]]
            assert (ours.held_by, ours.state, ours.master) == ("this master", "idle", master.name)
            assert (theirs.held_by, theirs.state, theirs.worker) == ("another master", "started", "")
            assert theirs.title.startswith(f"buildbot-{('first', 'second')[1 - mine]}-")
            recorded = (await UpcloudService.of(master)).record.view
            assert [server.uuid for server in recorded.servers] == [ours.uuid]
        await masters[0][1].shutdown()

    async def test_an_api_that_does_not_answer_is_named_and_the_record_is_shown(self) -> None:
        self.serve()
        await self.start_master(self.worker(build_wait_timeout=60))
        await self.build()
        await self.until_idle()
        await self.forget(self.master)
        self.cloud.fail("GET /server", status=403, code="ACTION_FORBIDDEN", times=None)
        view = await self.view()
        assert [server.state for server in view.servers] == ["idle"]
        assert re.match(r"Not listed: .*servers of buildbot-", view.problems[0])
        self.cloud.faults.clear()

    async def test_a_disk_whose_server_is_gone_is_shown_with_the_time_of_its_end(self) -> None:
        self.serve()
        await self.start_master(self.worker())
        mine = await owner_of(self.master)
        uuids = {owner: await self.leave(owner, run="r") for owner in (mine, "a-script")}
        [disk] = [each.storage for each in self.cloud.servers[uuids[mine]].devices]
        self.cloud.storages[disk].servers.clear()
        self.cloud.servers.clear()
        view = await self.view()
        assert (view.servers, view.problems) == ((), ())
        [left] = view.disks
        assert (left.uuid, left.owner, left.master) == (disk, mine, self.master.name)
        assert left.reaped_by is not None
        self.cloud.storages.clear()

    async def test_a_request_without_an_answer_is_named_after_the_time_limit(self) -> None:
        self.serve()
        await self.start_master(self.worker(build_wait_timeout=60))
        await self.build()
        await self.until_idle()
        await self.forget(self.master)
        self.cloud.fail("GET /server", timeout=True, times=None)
        self.cloud.fail("GET /storage", timeout=True, times=None)
        with mock.patch.object(live, "ANSWERS_WITHIN", 0.2):
            view = await self.view()
        assert [server.state for server in view.servers] == ["idle"]
        [problem] = view.problems
        assert re.match(r"Not listed: disks of \S+, servers of \S+\. The API has not answered within 0.2 s\.", problem)
        self.cloud.faults.clear()

    async def test_an_answer_that_is_not_from_the_api_is_named(self) -> None:
        self.serve()
        await self.start_master(self.worker(build_wait_timeout=60))
        await self.build()
        await self.until_idle()
        faults: list[dict[str, Any]] = [{"status": 200, "body": "<html>please log in</html>"}, {"truncate": 20}]
        for fault in faults:
            await self.forget(self.master)
            self.cloud.fail("GET /server", times=None, **fault)
            with mock.patch.object(live, "ANSWERS_WITHIN", 2.0):
                view = await self.view()
            assert [server.state for server in view.servers] == ["idle"]
            assert any("servers of" in problem for problem in view.problems), view.problems
            assert not any("log in" in problem for problem in view.problems)
            self.cloud.faults.clear()

    @staticmethod
    async def forget(master: Any) -> None:  # noqa: ANN401 - Buildbot's
        """Clear the cached lists."""
        for account in (await UpcloudService.of(master)).accounts.all:
            account.cache = AccountCache(account.cloud)

    async def until_idle(self) -> None:
        """Wait until the record shows the master's server as idle."""
        while await self.phases() != ["idle"]:
            await pause()

    async def test_check_and_the_page_describe_servers_and_disks_in_the_same_words(self) -> None:
        self.serve()
        may_end = self.gate()
        await self.start_master(self.worker(), steps=[until(may_end)])
        building = defer.ensureDeferred(self.build())
        service = await self.service()
        up = service.record
        while [(each.phase, each.currency) for each in up.view.servers] != [("building", "EUR")]:
            await pause()
        self.leave_a_disk(await owner_of(self.master))
        await self.forget(self.master)
        view = await self.view()
        await service.record.ready()
        records = list(read_record(Path(self.master.basedir)).values())
        given = self.master.workers.workers["bot"].arguments_as_given
        known = KnownWorker(name="bot", arguments=given, open=frozenset(), problems=(), protocols={})
        findings = await threads.deferToThread(lambda: anyio.run(check_workers, [known], records))
        # Time has passed between the two.
        said = {found.question: (found.worker, PASSES.sub("", found.answer)) for found in findings}
        [server], [disk] = view.servers, view.disks
        assert said["up"] == ("bot", PASSES.sub("", str(server)))
        assert (server.state, server.held_by) == ("building", "this master")
        assert said["left"] == ("left-os", PASSES.sub("", str(disk)))
        may_end.touch()
        await building
        await self.all_gone()
        self.cloud.storages.clear()

    def leave_a_disk(self, owner: str) -> None:
        """Of a server that is gone."""
        [disk] = [each for each in self.cloud.storages.values() if each.type == "normal"][:1]
        labels = {"owner": owner, "run": "r", "attempt": "gone", "lease": "2020-01-01T00:00:00Z"}
        left = dataclasses.replace(
            disk,
            uuid=self.cloud.new_uuid("storage"),
            title="left-os",
            servers=[],
            labels={f"upcloud_sdk_{key}": value for key, value in labels.items()},
        )
        self.cloud.storages[left.uuid] = left

    async def test_the_workers_page_is_emptied_when_its_server_is_gone(self) -> None:
        self.serve()
        await self.start_master(self.worker(build_wait_timeout=0.5))
        await self.build()
        await self.all_gone()
        while any(name.startswith("upcloud_") for name in (await self.page())):
            await pause(0.05)
        [worker] = await self.master.data.get(("workers",))
        while worker["connected_to"]:
            await pause(0.05)
            [worker] = await self.master.data.get(("workers",))

    async def page(self) -> dict[str, Any]:
        [worker] = await self.master.data.get(("workers",))
        info: dict[str, Any] = worker["workerinfo"]
        return info
