"""Builds on servers of the simulator, by a real master."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from twisted.internet import defer

from tests.buildbot._types import EXCEPTION, RETRY, SUCCESS, Interpolate
from tests.buildbot.harness import IMAGE, MasterCase, pause
from upcloud_sdk.simulator import never, to_error

if TYPE_CHECKING:
    from upcloud_sdk.simulator.records.records import Server

pytestmark = pytest.mark.usual


class Builds(MasterCase):
    async def test_any_number_of_builds_run_in_a_row(self) -> None:
        self.serve()
        await self.start_master(self.worker())
        for _ in range(3):
            assert (await self.build()).results == [SUCCESS]
        assert self.cloud.count("POST /server") == 3

    async def test_four_workers_build_at_the_same_time(self) -> None:
        self.serve()
        await self.start_master(*(self.worker(f"bot-{number}") for number in range(4)))
        outcomes = await defer.gatherResults([defer.ensureDeferred(self.build(f"bot-{n}")) for n in range(4)])
        assert [outcome.results for outcome in outcomes] == [[SUCCESS]] * 4
        assert self.cloud.count("POST /server") == 4

    async def test_a_warm_server_takes_the_next_build(self) -> None:
        self.serve()
        await self.start_master(self.worker(build_wait_timeout=60))
        assert (await self.build()).results == [SUCCESS]
        assert (await self.build()).results == [SUCCESS]
        assert self.cloud.count("POST /server") == 1

    async def test_a_worker_with_a_negative_build_wait_timeout_keeps_its_server(self) -> None:
        self.serve()
        await self.start_master(self.worker(build_wait_timeout=-1))
        assert (await self.build()).results == [SUCCESS]
        assert (await self.build()).results == [SUCCESS]
        assert self.cloud.count("POST /server") == 1

    async def test_a_build_never_runs_on_a_server_that_was_made_for_another_image(self) -> None:
        self.serve()
        await self.start_master(self.worker(image=Interpolate("%(prop:image)s"), build_wait_timeout=0.5))
        assert (await self.build(image=IMAGE)).results == [SUCCESS]
        assert (await self.build(image="Ubuntu Server 24.04 LTS (Noble Numbat)")).results == [SUCCESS]
        assert self.cloud.count("POST /server") == 2

    async def test_a_build_that_needs_another_server_does_not_wait_for_the_idle_one(self) -> None:
        self.serve()
        await self.start_master(self.worker(image=Interpolate("%(prop:image)s"), build_wait_timeout=3600))
        assert (await self.build(image=IMAGE)).results == [SUCCESS]
        assert (await self.build(image="Ubuntu Server 24.04 LTS (Noble Numbat)")).results == [SUCCESS]
        assert self.cloud.count("POST /server") == 2

    async def test_a_build_that_needs_another_server_does_not_wait_for_one_that_stays(self) -> None:
        self.serve()
        await self.start_master(self.worker(image=Interpolate("%(prop:image)s"), build_wait_timeout=-1))
        assert (await self.build(image=IMAGE)).results == [SUCCESS]
        assert (await self.build(image="Ubuntu Server 24.04 LTS (Noble Numbat)")).results == [SUCCESS]

    async def test_templates_and_prices_are_asked_for_once_for_many_servers(self) -> None:
        self.serve()
        await self.start_master(*(self.worker(f"bot-{number}") for number in range(4)))
        await defer.gatherResults([defer.ensureDeferred(self.build(f"bot-{number}")) for number in range(4)])
        assert [self.cloud.count(f"GET {path}") for path in ("/price", "/plan")] == [1, 1]
        # A list may need a second request, to be sure that it is whole.
        assert self.cloud.count("GET /storage/template") <= 2

    async def test_a_template_that_was_replaced_meanwhile_is_asked_for_again(self) -> None:
        self.serve()
        await self.start_master(self.worker())
        await self.build()
        looks = self.cloud.count("GET /storage/template")
        self.cloud.fail("POST /server", status=404, code="STORAGE_NOT_FOUND")
        assert (await self.build()).results == [SUCCESS]
        assert self.cloud.count("GET /storage/template") == 2 * looks

    async def test_an_unknown_price_delays_no_build(self) -> None:
        self.serve()
        self.cloud.fail("GET /price", status=404, times=None)
        await self.start_master(self.worker())
        outcome = await self.build()
        assert outcome.results == [SUCCESS]
        assert "upcloud_credits_per_hour" not in outcome.properties

    async def test_the_workers_page_shows_its_server(self) -> None:
        self.serve()
        await self.start_master(self.worker(build_wait_timeout=60))
        uuid = (await self.build()).properties["upcloud_uuid"]
        [worker] = await self.master.data.get(("workers",))
        assert worker["workerinfo"]["upcloud_uuid"] == uuid
        assert worker["workerinfo"]["version"]

    async def test_the_build_knows_its_server(self) -> None:
        self.serve()
        await self.start_master(self.worker())
        properties = (await self.build()).properties
        assert properties["upcloud_uuid"].startswith("00")
        assert (properties["upcloud_zone"], properties["upcloud_plan"]) == ("de-fra1", "1xCPU-1GB")
        assert properties["upcloud_image"] == IMAGE
        assert properties["upcloud_ipv4"]
        assert properties["upcloud_attach_seconds"] >= properties["upcloud_boot_seconds"] >= 0

    async def test_a_server_has_its_owner_and_the_end_of_its_lease(self) -> None:
        self.serve()
        await self.start_master(self.worker(build_wait_timeout=60, labels={"team": "ci"}))
        await self.build()
        [server] = self.cloud.servers.values()
        labels = server.labels
        assert labels["upcloud_sdk_owner"].startswith("buildbot-")
        assert "upcloud_sdk_lease" in labels
        assert labels["team"] == "ci"

    async def test_a_server_whose_guest_has_shut_down_is_destroyed_all_the_same(self) -> None:
        self.serve()
        bot = self.worker(build_wait_timeout=60)
        await self.start_master(bot)
        await self.build()
        [server] = self.cloud.servers.values()
        self.guests.shut_down(server.uuid)
        await self.server_in("stopped")
        while bot.conn is not None:
            await pause()
        assert (await self.build()).results[-1] == SUCCESS
        assert server.uuid not in self.cloud.servers


class Failures(MasterCase):
    async def tried(self) -> None:
        """Wait until a build has failed, which is tried again."""
        while RETRY not in {build["results"] for build in await self.master.data.get(("builds",))}:
            await pause()

    def let_go(self, server: Server) -> None:
        """Let a server that stays in maintenance or error become stopped: until then nobody can delete it."""
        self.cloud.break_server(server.uuid, leaves_after=0)

    async def test_a_server_that_ends_in_error_is_destroyed_and_the_build_tried_again(self) -> None:
        self.serve()
        self.cloud.boot_next(to_error(0.02))
        await self.start_master(self.worker())
        building = defer.ensureDeferred(self.build())
        server = await self.server_in("error")
        await self.tried()
        self.let_go(server)
        outcome = await building
        assert outcome.results == [RETRY, SUCCESS]
        assert "is in state 'error'" in outcome.logs

    async def test_a_server_that_switches_itself_off_fails_the_build_at_once(self) -> None:
        self.serve()
        self.cloud.boot_next(to_error(0, leaves_after=0))
        await self.start_master(self.worker())
        outcome = await self.build()
        assert outcome.results == [RETRY, SUCCESS]
        assert "is in state 'stopped'" in outcome.logs or "is in state 'error'" in outcome.logs

    async def test_a_server_that_stays_in_maintenance_has_a_deadline(self) -> None:
        self.serve()
        self.cloud.boot_next(never())
        await self.start_master(self.worker(boot_timeout=2))
        building = defer.ensureDeferred(self.build())
        server = await self.starting_server()
        await self.tried()
        self.let_go(server)
        outcome = await building
        assert (outcome.results[0], outcome.results[-1]) == (RETRY, SUCCESS)
        assert "to be started: not within 2 s" in outcome.logs

    async def test_a_server_that_breaks_before_its_worker_attaches_fails_the_build_at_once(self) -> None:
        self.serve()
        self.guests.attaches = False
        await self.start_master(self.worker(check_instance_interval=0.05))
        building = defer.ensureDeferred(self.build())
        server = await self.server_in("started")
        self.guests.attaches = True
        self.cloud.break_server(server.uuid, leaves_after=0.5)
        outcome = await building
        assert (outcome.results[0], outcome.results[-1]) == (RETRY, SUCCESS)
        # Or "stopped": that is what it becomes by itself.
        assert f"server {server.uuid} is in state" in outcome.logs

    async def test_a_worker_that_does_not_attach_has_a_deadline(self) -> None:
        self.serve()
        self.guests.attaches = False
        bot = self.worker(attach_timeout=300, check_instance_interval=0.05)
        await self.start_master(bot)
        building = defer.ensureDeferred(self.build())
        await self.server_in("started")
        while not bot.is_up:
            await pause()
        self.guests.attaches = True
        bot.pass_deadline()
        outcome = await building
        assert (outcome.results[0], outcome.results[-1]) == (RETRY, SUCCESS)
        assert "has not attached within attach_timeout=300 s" in outcome.logs

    async def test_an_image_that_does_not_exist_is_not_tried_again(self) -> None:
        self.serve()
        await self.start_master(self.worker(image="Debian GNU/Linux 99"))
        outcome = await self.build()
        assert outcome.results == [EXCEPTION]
        assert "Debian GNU/Linux 99" in outcome.logs

    async def test_a_create_is_not_repeated_by_itself_after_a_404_that_is_not_the_apis_own(self) -> None:
        self.serve()
        self.cloud.fail("POST /server", status=404)
        await self.start_master(self.worker())
        # A proxy wrote it: the build is tried again.
        assert (await self.build()).results == [RETRY, SUCCESS]
        assert self.cloud.count("POST /server") == 2

    async def test_a_default_plan_that_the_account_does_not_get_any_more_is_replaced(self) -> None:
        self.serve()
        self.cloud.fail("POST /server", status=400, code="PLAN_INVALID")
        await self.start_master(self.worker())
        assert [(await self.build()).results for _ in range(2)] == [[SUCCESS], [SUCCESS]]
        assert self.cloud.count("POST /server") == 3

    async def test_a_plan_of_the_configuration_is_not_replaced(self) -> None:
        self.serve()
        self.cloud.fail("POST /server", status=400, code="PLAN_INVALID")
        await self.start_master(self.worker(hostconfig={"plan": "1xCPU-1GB"}))
        assert (await self.build()).results == [EXCEPTION]

    async def test_credentials_that_are_refused_are_not_tried_again(self) -> None:
        self.serve(username="user", password="another")
        await self.start_master(self.worker())
        outcome = await self.build()
        assert outcome.results == [EXCEPTION]
        assert "AUTHENTICATION_FAILED" in outcome.logs

    async def test_a_limit_of_the_account_is_waited_out(self) -> None:
        self.serve()
        self.cloud.fail("POST /server", status=403, code="SERVER_CORE_LIMIT_REACHED")
        await self.start_master(self.worker())
        outcome = await self.build()
        assert outcome.results == [RETRY, SUCCESS]
        assert "SERVER_CORE_LIMIT_REACHED" in outcome.logs

    async def test_arguments_that_cannot_be_rendered_are_not_tried_again(self) -> None:
        self.serve()
        await self.start_master(self.worker(image=Interpolate("%(prop:image)s"), hostconfig=Interpolate("plan")))
        outcome = await self.build()
        assert outcome.results == [EXCEPTION]
        assert "hostconfig is a mapping" in outcome.logs

    async def test_an_address_of_the_master_that_renders_to_none_is_not_tried_again(self) -> None:
        self.serve()
        await self.start_master(self.worker(masterFQDN=Interpolate("wss://ci.example.com")))
        outcome = await self.build()
        assert outcome.results == [EXCEPTION]
        assert "masterFQDN is 'host' or 'host:port', such as" in outcome.logs
