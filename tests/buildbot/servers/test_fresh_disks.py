"""With `fresh_disk`, a server is kept and each build gets a new disk."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio
import pytest
from twisted.internet import defer

from tests.buildbot._types import RETRY, SUCCESS, Interpolate, ShellCommand
from tests.buildbot.guests import Login
from tests.buildbot.harness import MasterCase, Outcome, pause
from tests.buildbot.quick import QuickWorker
from tests.buildbot.recorded import read_record
from upcloud_sdk.buildbot import PaidHour
from upcloud_sdk.buildbot._buildbot.api import ConfigErrors
from upcloud_sdk.buildbot.configuration.bootstrap import GuestPassword
from upcloud_sdk.ci import FreshDisk
from upcloud_sdk.simulator import after_polls

if TYPE_CHECKING:
    from collections.abc import Mapping

    from upcloud_sdk.buildbot._buildbot.api import Properties
    from upcloud_sdk.buildbot.configuration.request import ServerRequest
    from upcloud_sdk.ci import JobServer

CREATE, REBUILD = "POST /server", "POST /server/{uuid}/rebuild"


class FreshDisks(MasterCase):
    async def start(self, count: int = 1, *, steps: Any = (), **options: object) -> list[QuickWorker]:  # noqa: ANN401 - Buildbot's
        options = {"build_wait_timeout": PaidHour(), "fresh_disk": True, **options}
        workers = [self.worker(f"bot-{number}", **options) for number in range(1, count + 1)]
        await self.start_master(*workers, steps=steps)
        return workers

    def make_template(self) -> str:
        """A private template: its servers get clones."""
        [template] = [each for each in self.cloud.catalog.storages.values() if "Bookworm" in each.title]
        mine = type(template)(self.cloud.new_uuid("storage"), "golden", template.size, type="template", zone="fi-hel1")
        mine.template_type = "cloud-init"
        mine.state = "online"
        self.cloud.storages[mine.uuid] = mine
        return mine.uuid

    async def parked(self) -> None:
        while [server.state for server in list(self.cloud.servers.values())] != ["stopped"]:
            await pause()

    def passwords(self) -> list[str]:
        return [json.loads(document)["passwd"] for document in self.guests.seen]

    def disks(self) -> list[str]:
        return [uuid for uuid, each in list(self.cloud.storages.items()) if each.type == "normal"]

    async def test_builds_get_a_disk_each_of_one_server_and_a_password_each(self) -> None:
        cloud = self.serve()
        await self.start()
        seen: set[str] = set()
        for number in range(1, 4):
            outcome = await self.build()
            assert outcome.results == [SUCCESS], outcome.logs
            await self.parked()
            [disk] = self.disks()
            seen.add(disk)
            assert cloud.count(REBUILD) == number - 1
        assert cloud.count(CREATE) == 1
        assert len(seen) == 3
        assert len(set(self.passwords())) == 3

    def lines(self, logs: str) -> str:
        """The lines of a server's log, without their times."""
        return "\n".join(re.findall(r"^\d\d:\d\d:\d\d UTC  (.*)$", logs, re.MULTILINE))

    async def test_while_its_fresh_disk_boots_a_build_says_what_goes_on(self) -> None:
        cloud = self.serve(boot=after_polls(4))
        await self.start()
        first = await self.build()
        await self.parked()
        cloud.fail(REBUILD, status=429, code="TOO_MANY_REQUESTS")
        second = await self.build()
        uuid = first.properties["upcloud_uuid"]
        lines = self.lines(second.logs)
        assert lines.startswith(f"server {uuid} gets a fresh disk: 1xCPU-1GB in de-fra1\n")
        assert f"POST /server/{uuid}/rebuild is sent again in " in lines
        assert re.search(r"^maintenance(, \d+ %)?$", lines, re.MULTILINE)
        assert re.search(r"^its worker attached after \d+ s$", lines, re.MULTILINE)
        assert "requested" not in lines
        assert "gets a fresh disk" not in self.lines(first.logs)

    async def test_a_build_whose_server_cannot_be_started_again_says_why_and_what_comes_instead(self) -> None:
        cloud = self.serve()
        await self.start()
        assert (await self.build()).results == [SUCCESS]
        await self.parked()
        cloud.fail(REBUILD, status=500)
        outcome = await self.build()
        lines = self.lines(outcome.logs)
        assert "it could not be started again, and is replaced: " in lines
        assert "requested 1xCPU-1GB in de-fra1" in lines
        logs = [
            log
            for build in await self.master.data.get(("builds",))
            for step in await self.master.data.get(("builds", build["buildid"], "steps"))
            for log in await self.master.data.get(("steps", step["stepid"], "logs"))
            if log["name"].startswith("server")
        ]
        assert [log["complete"] for log in logs] == [True] * 3

    async def test_a_guest_that_calls_before_its_server_is_seen_to_be_started_is_no_replacement(self) -> None:
        self.serve()
        [worker] = await self.start()
        assert (await self.build()).results == [SUCCESS]
        await self.parked()
        told: list[str] = []

        def note_replaced(_server: JobServer[ServerRequest], reason: str) -> None:
            told.append(reason)

        self.patch(worker._service, "note_replaced", note_replaced)  # pyright: ignore[reportPrivateUsage]  # what it logs
        renew = FreshDisk.renew

        async def never_see_it(disk: FreshDisk, *args: Any, **options: Any) -> None:  # noqa: ANN401 - handed on
            await renew(disk, *args, **options)
            await anyio.sleep_forever()

        self.patch(FreshDisk, "renew", never_see_it)
        outcome = await self.build()
        assert outcome.results == [SUCCESS]
        assert told == []
        assert "its worker attached after" in self.lines(outcome.logs)

    async def test_a_build_that_comes_at_once_gets_the_server_too(self) -> None:
        cloud = self.serve()
        await self.start()
        outcomes = await defer.gatherResults([defer.ensureDeferred(self.build()) for _ in range(3)])
        assert [outcome.results for outcome in outcomes] == [[SUCCESS]] * 3
        assert (cloud.count(CREATE), cloud.count(REBUILD)) == (1, 2)

    async def test_a_server_that_is_parked_is_taken_before_another_is_made(self) -> None:
        cloud = self.serve()
        await self.start(4)
        for _ in range(4):
            assert (await self.build()).results == [SUCCESS]
            await self.parked()
        assert cloud.count(CREATE) == 1

    async def test_a_server_whose_paid_hour_ends_is_destroyed(self) -> None:
        cloud = self.serve()
        [worker] = await self.start(build_wait_timeout=PaidHour(margin=3599))
        assert (await self.build()).results == [SUCCESS]
        while cloud.servers:
            await pause()
        assert not worker.is_up
        assert (await self.build()).results == [SUCCESS]
        assert cloud.count(CREATE) == 2

    async def test_a_parked_server_goes_when_its_time_is_up(self) -> None:
        cloud = self.serve()
        await self.start(build_wait_timeout=0.5)
        assert (await self.build()).results == [SUCCESS]
        while cloud.servers:
            await pause()
        assert (await self.build()).results == [SUCCESS]
        assert cloud.count(CREATE) == 2

    async def test_a_parked_server_makes_way_for_a_build_of_another_worker(self) -> None:
        self.serve()
        await self.start(2, max_servers=1)
        assert (await self.build("bot-1")).results == [SUCCESS]
        assert (await self.build("bot-2")).results == [SUCCESS]

    async def test_a_build_whose_values_cannot_be_read_when_its_parked_server_starts_is_tried_again(self) -> None:
        self.serve()
        [worker] = await self.start()
        assert (await self.build()).results == [SUCCESS]
        await self.parked()
        request, failures = worker.server_request, [RuntimeError("the secret store does not answer")] * 2

        async def server_request(properties: Properties) -> ServerRequest:
            if worker.building and failures:
                raise failures.pop()
            return await request(properties)

        self.patch(worker, "server_request", server_request)
        assert (await self.build()).results == [RETRY, SUCCESS]

    async def test_a_parked_server_makes_way_for_a_build_that_wants_another_one(self) -> None:
        cloud = self.serve()
        await self.start(image=Interpolate("%(prop:image)s"))
        assert (await self.build(image="Debian GNU/Linux 12 (Bookworm)")).results == [SUCCESS]
        await self.parked()
        assert (await self.build(image="Debian GNU/Linux 13 (Trixie)")).results == [SUCCESS]
        assert cloud.count(CREATE) == 2

    async def test_a_worker_that_is_reconfigured_gives_a_parked_server_up(self) -> None:
        cloud = self.serve()
        await self.start()
        assert (await self.build()).results == [SUCCESS]
        await self.parked()
        again = self.worker("bot-1", build_wait_timeout=60, fresh_disk=False)
        self.config.update(self.configuration(again))
        await self.master.reconfig()
        while cloud.servers:
            await pause()
        assert (await self.build()).results == [SUCCESS]
        assert (cloud.count(CREATE), cloud.count(REBUILD)) == (2, 0)

    async def test_a_server_that_cannot_be_rebuilt_is_replaced(self) -> None:
        cloud = self.serve()
        await self.start()
        assert (await self.build()).results == [SUCCESS]
        await self.parked()
        cloud.fail(REBUILD, status=500)
        assert (await self.build()).results == [SUCCESS]
        assert (cloud.count(CREATE), cloud.count(REBUILD)) == (2, 1)
        assert len(cloud.servers) == 1

    async def test_a_server_that_cannot_be_switched_off_is_destroyed(self) -> None:
        cloud = self.serve()
        await self.start()
        cloud.fail("POST /server/{uuid}/stop", status=400, code="STOP_TYPE_INVALID")
        assert (await self.build()).results == [SUCCESS]
        while cloud.servers:
            await pause()
        assert (await self.build()).results == [SUCCESS]

    async def test_a_build_that_is_cancelled_while_its_disk_is_made_leaves_a_worker_that_works(self) -> None:
        self.serve()
        await self.start()
        assert (await self.build()).results == [SUCCESS]
        await self.parked()
        self.guests.attaches = False
        cancelled = defer.ensureDeferred(self.build())
        while self.cloud.count(REBUILD) == 0:
            await pause()
        await self.cancel(2)
        await cancelled
        self.guests.attaches = True
        assert (await self.build()).results == [SUCCESS]

    async def test_a_sealed_server_is_told_of_its_next_build_and_sealed_again(self) -> None:
        cloud = self.serve()
        await self.start(seal_metadata=True, steps=[ShellCommand(command=["sleep", "0.2"])])
        for _ in range(2):
            waiting = defer.ensureDeferred(self.build())
            while not self.guests.running:
                await pause()
            assert (await waiting).results == [SUCCESS]
            assert [server.metadata for server in cloud.servers.values()] == ["no"]
            await self.parked()

    async def test_a_client_with_the_password_of_a_build_does_not_get_the_next_one(self) -> None:
        """A cloned disk cannot get another password, and builds can read that of this document."""
        cloud = self.serve()
        template = self.make_template()
        await self.start(image=template, zone="fi-hel1", seal_metadata=True)
        assert (await self.build()).results == [SUCCESS]
        [stolen] = self.guests.seen
        while self.guests.running:
            await pause()
        self.guests.attaches = False
        logins: list[object] = []
        told = GuestPassword.getRenderingFor

        def getRenderingFor(password: GuestPassword, properties: Properties) -> str:  # noqa: N802 - Buildbot's
            logins.append(properties)
            return told(password, properties)

        self.patch(GuestPassword, "getRenderingFor", getRenderingFor)
        building = defer.ensureDeferred(self.build())
        while cloud.count("POST /server/{uuid}/start") == 0 and cloud.count(CREATE) == 1:
            await pause()
        server = await self.server_in("started")
        self.guests.connect("intruder", stolen)
        while not logins:
            await pause()
        self.guests.connect(server.uuid, str(server.user_data))
        outcome = await building
        assert outcome.results == [SUCCESS]
        assert f"/{server.uuid}/" in outcome.properties["builddir"]
        self.guests.stop("intruder", hard=True)
        await self.tested_master.shutdown()
        del cloud.storages[template]

    async def test_a_template_of_ones_own_is_cloned_for_guests_whose_password_no_build_can_read(self) -> None:
        cloud = self.serve()
        template = self.make_template()
        await self.start(image=template, zone="fi-hel1", seal_metadata=True, bootstrap=Login())
        seen: set[str] = set()
        for _ in range(3):
            outcome = await self.build()
            assert outcome.results == [SUCCESS], outcome.logs
            await self.parked()
            [device] = next(iter(cloud.servers.values())).devices
            seen.add(device.storage)
        assert (cloud.count(CREATE), cloud.count(REBUILD)) == (1, 0)
        assert (len(seen), len(set(self.passwords()))) == (3, 1)
        await self.tested_master.shutdown()
        assert list(cloud.storages) == [template]
        del cloud.storages[template]

    async def test_where_calls_fail_all_builds_end_and_each_server_of_the_bill_is_in_the_record(self) -> None:
        cloud = self.serve()
        await self.start(2)
        cloud.fail("*", status=503, rate=0.1, times=None)
        cloud.fail("*", status=503, rate=0.1, times=None, after_effect=True)
        for _ in range(3):
            outcomes = await defer.gatherResults([defer.ensureDeferred(self.build()) for _ in range(2)])
            assert [outcome.results[-1] for outcome in outcomes] == [SUCCESS] * 2
        cloud.faults.clear()
        await self.tested_master.shutdown()
        while cloud.servers:
            await pause()
        billed = {usage.resource_id for usage in cloud.usages if usage.category == "server"}
        recorded = {server.uuid: server for server in read_record(Path(self.master.basedir)).values()}
        assert billed == set(recorded)

    async def test_costs_of_builds_and_the_bill_agree_over_several_disks(self) -> None:
        cloud = self.serve()
        await self.start()
        paid = 0.0
        for _ in range(2):
            outcome: Outcome = await self.build()
            paid += float(outcome.properties["upcloud_cost"])
            await self.parked()
        assert 0 < paid < 0.00744
        await self.tested_master.shutdown()
        [usage] = [each for each in cloud.usages if each.category == "server"]
        [recorded] = read_record(Path(self.master.basedir)).values()
        assert recorded.uuid == usage.resource_id


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"fresh_disk": "yes"}, "fresh_disk is True or False, not str"),
        ({"fresh_disk": True, "build_wait_timeout": 0}, "give build_wait_timeout=PaidHour()"),
        ({"fresh_disk": True, "build_wait_timeout": -1}, "give build_wait_timeout=PaidHour()"),
        ({"fresh_disk": True, "max_builds": 2}, "leave max_builds out, or give 1"),
    ],
)
def test_invalid_arguments_are_refused(options: Mapping[str, object], problem: str) -> None:
    with pytest.raises(ConfigErrors, match=problem.replace("(", r"\(").replace(")", r"\)")):
        QuickWorker("bot", api_token="t", image="x", **options)
