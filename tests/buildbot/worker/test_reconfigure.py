"""A new configuration while servers are up or starting."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from twisted.internet import defer

from tests.buildbot._types import RETRY, SUCCESS, renderer
from tests.buildbot.harness import IMAGE, MasterCase, pause, until
from upcloud_sdk.buildbot import PaidHour
from upcloud_sdk.simulator import never
from upcloud_sdk.simulator.state.access import Access

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.buildbot.quick import QuickWorker


class ReconfigureCase(MasterCase):
    async def reconfigure(self, *workers: QuickWorker, steps: Sequence[object] = ()) -> None:
        self.config.update(self.configuration(*workers, steps=steps))
        await self.master.reconfig()


class Reconfigure(ReconfigureCase):
    async def test_an_unchanged_worker_keeps_its_warm_server(self) -> None:
        self.serve()
        await self.start_master(self.worker(build_wait_timeout=60))
        await self.build()
        await self.reconfigure(self.worker(build_wait_timeout=60))
        assert (await self.build()).results == [SUCCESS]
        assert self.cloud.count("POST /server") == 1

    async def test_a_start_under_way_goes_on(self) -> None:
        self.serve()
        self.cloud.boot_next(never())
        await self.start_master(self.worker())
        building = defer.ensureDeferred(self.build())
        server = await self.starting_server()
        await self.reconfigure(self.worker(hostconfig={"plan": "2xCPU-4GB"}))
        self.let_start(server)
        assert (await building).results == [SUCCESS]
        assert self.cloud.count("POST /server") == 1

    async def test_the_next_server_is_made_as_the_new_configuration_says(self) -> None:
        self.serve()
        await self.start_master(self.worker())
        await self.build()
        await self.reconfigure(self.worker(hostconfig={"plan": "2xCPU-4GB"}))
        assert (await self.build()).properties["upcloud_plan"] == "2xCPU-4GB"

    async def test_a_server_is_destroyed_where_it_was_made_though_the_next_is_made_elsewhere(self) -> None:
        first, before = self.serve(), self.worker(build_wait_timeout=0.5)
        second, after = self.serve(), self.worker(build_wait_timeout=0.5)
        await self.start_master(before)
        await self.build()
        await self.reconfigure(after)
        assert (await self.build()).results == [SUCCESS]
        assert first.servers == {}
        assert (first.count("POST /server"), second.count("POST /server")) == (1, 1)

    async def test_an_idle_server_of_the_old_configuration_is_destroyed(self) -> None:
        self.serve()
        await self.start_master(self.worker(build_wait_timeout=3600))
        await self.build()
        await self.reconfigure(self.worker(build_wait_timeout=3600, hostconfig={"plan": "2xCPU-4GB"}))
        while self.cloud.servers:
            await pause()

    async def test_a_server_on_which_a_build_runs_is_destroyed_after_it(self) -> None:
        self.serve()
        gate = self.gate()
        await self.start_master(self.worker(build_wait_timeout=3600), steps=[until(gate)])
        building = defer.ensureDeferred(self.build())
        await self.server_in("started")
        await self.reconfigure(self.worker(build_wait_timeout=3600, hostconfig={"plan": "2xCPU-4GB"}))
        gate.touch()
        assert (await building).results == [SUCCESS]
        while self.cloud.servers:
            await pause()

    async def test_what_does_not_change_the_server_does_not_replace_it(self) -> None:
        self.serve()
        await self.start_master(self.worker(build_wait_timeout=3600))
        await self.build()
        await self.reconfigure(self.worker(build_wait_timeout=3600, boot_timeout=100, masterFQDN="localhost"))
        assert (await self.build()).results == [SUCCESS]
        assert self.cloud.count("POST /server") == 1

    async def test_new_credentials_make_the_next_server_and_the_idle_one_is_destroyed_with_the_old(self) -> None:
        self.serve(username="user", password="secret-password", token="ucat_new")
        await self.start_master(self.worker(build_wait_timeout=3600))
        first = (await self.build()).properties["upcloud_uuid"]
        token: dict[str, Any] = {"api_username": None, "api_password": None, "api_token": "ucat_new"}
        await self.reconfigure(self.worker(build_wait_timeout=3600, **token))
        outcome = await self.build()
        assert outcome.results == [SUCCESS]
        assert outcome.properties["upcloud_uuid"] != first
        assert first not in self.cloud.servers

    async def test_the_first_configuration_can_come_back(self) -> None:
        self.serve()
        await self.start_master(self.worker())
        for plan, hostconfig in (("2xCPU-4GB", {"plan": "2xCPU-4GB"}), ("1xCPU-1GB", None)):
            await self.reconfigure(self.worker(hostconfig=hostconfig))
            assert (await self.build()).properties["upcloud_plan"] == plan

    async def test_the_first_zone_image_and_credentials_can_come_back(self) -> None:
        self.serve(username="user", password="secret-password", token="ucat_new")
        token: dict[str, Any] = {"api_username": None, "api_password": None, "api_token": "ucat_new"}
        await self.start_master(self.worker(owner="first"))
        await self.reconfigure(
            self.worker(owner="second", zone="fi-hel1", image="Ubuntu Server 24.04 LTS (Noble Numbat)", **token)
        )
        assert (await self.build()).properties["upcloud_zone"] == "fi-hel1"
        while self.cloud.servers:
            await pause()
        await self.reconfigure(self.worker(owner="first"))
        # The credentials of the second configuration are no longer valid.
        self.cloud.access = Access(username="user", password="secret-password")
        seen = (await self.build()).properties
        assert (seen["upcloud_zone"], seen["upcloud_image"]) == ("de-fra1", IMAGE)

    async def test_a_limit_of_servers_can_come_back(self) -> None:
        self.serve()
        gate = self.gate()
        await self.start_master(*(self.worker(f"bot-{number}", max_servers=1) for number in (1, 2)))
        for limit in (None, 1):
            workers = [self.worker(f"bot-{number}", max_servers=limit) for number in (1, 2)]
            await self.reconfigure(*workers, steps=[until(gate)])
        building = [defer.ensureDeferred(self.build()) for _ in range(2)]
        await self.server_in("started")
        while len(await self.master.data.get(("buildrequests",))) < 2:
            await pause()
        self.master.botmaster.maybeStartBuildsForAllBuilders()
        await pause(0.3)
        assert len(await self.master.data.get(("builds",))) == 1
        gate.touch()
        await defer.gatherResults(building)

    async def test_a_worker_that_is_renamed_takes_its_server_with_it(self) -> None:
        self.serve()
        await self.start_master(self.worker("old", build_wait_timeout=3600))
        await self.build("old")
        await self.reconfigure(self.worker("new", build_wait_timeout=3600))
        assert self.cloud.servers == {}
        assert (await self.build("new")).results == [SUCCESS]

    async def test_a_secret_that_is_not_there_for_a_moment_is_asked_for_again(self) -> None:
        self.serve()
        asked: list[object] = []

        @renderer
        def image(_: object) -> str:
            asked.append(None)
            if len(asked) < 3:
                raise ConnectionError("the vault is sealed")
            return IMAGE

        await self.start_master(self.worker(image=image))
        outcome = await self.build()
        assert outcome.results == [RETRY, RETRY, SUCCESS]
        assert "image cannot be rendered: ConnectionError" in outcome.logs
        assert "the vault is sealed" not in outcome.logs

    async def test_workers_are_added_while_another_builds(self) -> None:
        self.serve()
        self.cloud.boot_next(never())
        await self.start_master(self.worker("bot-1"))
        building = defer.ensureDeferred(self.build("bot-1"))
        server = await self.starting_server()
        await self.reconfigure(*(self.worker(f"bot-{number}") for number in (1, 2, 3)))
        for number in (2, 3):
            assert (await self.build(f"bot-{number}")).results == [SUCCESS]
        self.let_start(server)
        assert (await building).results == [SUCCESS]
        assert self.cloud.count("POST /server") == 3

    async def test_a_worker_that_is_taken_out_takes_its_server_with_it(self) -> None:
        self.serve()
        await self.start_master(self.worker("bot-1", build_wait_timeout=60), self.worker("bot-2"))
        await self.build("bot-1")
        await self.reconfigure(self.worker("bot-2"))
        assert self.cloud.servers == {}
        assert (await self.build("bot-2")).results == [SUCCESS]


class IdleServers(ReconfigureCase):
    """Idle servers are kept as long as the new configuration says."""

    async def is_given_up(self, before: object, after: object, **options: Any) -> None:  # noqa: ANN401 - the worker's
        self.serve()
        bot = self.worker(build_wait_timeout=before, **options)
        await self.start_master(bot)
        assert (await self.build()).results == [SUCCESS]
        while not bot.is_idle:
            await pause()
        await self.reconfigure(self.worker(build_wait_timeout=after, **options))
        while self.cloud.servers:
            await pause()
        assert (await self.build()).results == [SUCCESS]

    async def test_an_idle_server_is_given_up_that_need_not_stay_any_more(self) -> None:
        await self.is_given_up(3600, 0)

    async def test_an_idle_server_is_given_up_whose_paid_hour_is_of_no_use_any_more(self) -> None:
        await self.is_given_up(PaidHour(), 0)

    async def test_an_idle_server_is_given_up_if_the_new_margin_has_begun(self) -> None:
        await self.is_given_up(PaidHour(), PaidHour(margin=3599))

    async def test_an_idle_server_is_given_up_that_stayed_for_good(self) -> None:
        await self.is_given_up(-1, PaidHour(margin=3599))

    async def test_a_parked_server_is_given_up_if_the_new_margin_has_begun(self) -> None:
        await self.is_given_up(PaidHour(), PaidHour(margin=3599), fresh_disk=True)

    async def test_an_idle_server_stays_for_good_if_the_new_configuration_says_so(self) -> None:
        self.serve()
        bot = self.worker(build_wait_timeout=PaidHour())
        await self.start_master(bot)
        await self.build()
        while not bot.is_idle:
            await pause()
        timer = bot.build_wait_timer
        assert timer is not None
        await self.reconfigure(self.worker(build_wait_timeout=-1))
        assert not timer.active()
        assert (await self.build()).results == [SUCCESS]
        assert self.cloud.count("POST /server") == 1
        bot.insubstantiate()

    async def test_what_does_not_change_how_long_it_stays_gives_it_no_more_time(self) -> None:
        self.serve()
        bot = self.worker(build_wait_timeout=3600)
        await self.start_master(bot)
        await self.build()
        while not bot.is_idle:
            await pause()
        timer = bot.build_wait_timer
        await self.reconfigure(self.worker(build_wait_timeout=3600, boot_timeout=100))
        assert bot.build_wait_timer is timer
