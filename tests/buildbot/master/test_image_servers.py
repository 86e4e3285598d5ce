"""Servers that make images count for `max_servers` and the budget, like servers of builds."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING

import pytest
from pydantic import SecretStr
from twisted.internet import defer

from tests.buildbot._types import SUCCESS
from tests.buildbot.guests import Guests
from tests.buildbot.harness import pause, until
from tests.buildbot.master.record_case import RecordCase
from tests.buildbot.quick import QuickWorker
from upcloud_sdk import Recipe
from upcloud_sdk.buildbot import Budget
from upcloud_sdk.buildbot.master import image_servers
from upcloud_sdk.models.ownership import IMAGE

if TYPE_CHECKING:
    from collections.abc import Iterable

    from upcloud_sdk import ServerSpec
    from upcloud_sdk.buildbot.configuration.bootstrap import Guest
    from upcloud_sdk.buildbot.configuration.request import ServerRequest
    from upcloud_sdk.models import StorageSummary
    from upcloud_sdk.simulator.records.records import Server, Storage

RECIPE = Recipe(base="debian-13", commands=["apt-get install -y git"], name="tools")
CREATE = "POST /server"
PRICE = 0.00744
"""Price per hour of the test's servers, in EUR."""


class BakingGuests(Guests):
    """Guests of builds run workers. Guests that make an image power off when the test allows it."""

    def __init__(self) -> None:
        super().__init__()
        self.may_bake = True
        self._baking: list[str] = []

    def start(self, server: Server) -> None:
        if IMAGE in server.labels:
            self._baking.append(server.uuid)
        else:
            super().start(server)

    def poll(self) -> Iterable[str]:
        if not self.may_bake:
            return super().poll()
        gone, self._baking = self._baking, []
        return [*gone, *super().poll()]


class Warnings(logging.Handler):
    """Collects warnings of the SDK."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.said.append(record.getMessage())


class RecipeWorker(QuickWorker):
    """A worker with an image by recipe. Its guests get the document that the test's guests understand."""

    def wants(self, recipe: Recipe, *zones: str) -> bool:
        """Whether the master bakes this recipe for these zones again."""
        return self._service.images.is_wanted(recipe, zones)

    def server_specs(self, request: ServerRequest, template: StorageSummary, guest: Guest) -> list[ServerSpec]:
        told = {"host": guest.master, "port": str(guest.port), "name": guest.name}
        document = SecretStr(json.dumps({**told, "passwd": guest.password.get_secret_value()}))
        specs = super().server_specs(request, template, guest)
        return [spec.model_copy(update={"user_data": document}) for spec in specs]


@pytest.mark.full
class ImageServers(RecordCase):
    def setUp(self) -> None:
        super().setUp()
        self.guests: BakingGuests = BakingGuests()

    async def start(self, *, step: object = None, **options: object) -> RecipeWorker:
        cloud = self.serve()
        self.most = 0
        boot = cloud.start_boot

        def count(server: Server) -> None:
            boot(server)
            self.most = max(self.most, len(cloud.servers))

        self.patch(cloud, "start_boot", count)
        worker = self.recipe_worker(**options)
        await self.start_master(worker, steps=[step] if step else ())
        self.addCleanup(self.forget_images)
        return worker

    def recipe_worker(self, **options: object) -> RecipeWorker:
        own = {"api_username": "user", "api_password": "secret-password", "base_url": self.url}
        options = {"image": RECIPE, "masterFQDN": "127.0.0.1", "build_wait_timeout": 0, **own, **options}
        return RecipeWorker("bot", bootstrap="image", **options)

    def images(self) -> list[Storage]:
        with self.cloud.lock:
            return [each for each in self.cloud.storages.values() if each.type == "template" and IMAGE in each.labels]

    @property
    def is_baking(self) -> bool:
        with self.cloud.lock:
            return any(IMAGE in server.labels for server in self.cloud.servers.values())

    async def baked(self) -> str:
        """Wait until the server of the image is gone. Returns the title of the image."""
        while not self.images() or self.is_baking:
            await pause()
        return self.images()[0].title

    def forget_images(self) -> None:
        for image in self.images():
            del self.cloud.storages[image.uuid]

    async def test_an_image_and_builds_take_turns_if_one_server_is_allowed(self) -> None:
        gate = self.gate()
        worker = await self.start(step=until(gate), max_servers=1)
        self.guests.may_bake = False
        first = defer.ensureDeferred(self.build())
        while not worker.an_image_waits:
            await pause()
        second = defer.ensureDeferred(self.build())
        gate.touch()
        outcome = await first
        assert outcome.results == [SUCCESS], outcome.logs
        assert outcome.properties["upcloud_image"].endswith("with the commands of its recipe")
        while not self.is_baking:
            await pause()
        assert not second.called
        self.guests.may_bake = True
        title = await self.baked()
        outcome = await second
        assert outcome.results == [SUCCESS], outcome.logs
        assert outcome.properties["upcloud_image"] == title
        assert (self.most, self.cloud.count(CREATE)) == (1, 3)
        recorded = await self.history()
        # The next process of this master puts right what this one leaves.
        assert {record.master for record in recorded} == {self.master.name}
        of_builds = [record for record in recorded if record.worker == "bot"]
        assert [(record.uuid is None, record.gone is None) for record in recorded if record not in of_builds] == [
            (False, False)
        ]
        assert {record.image: record.image_made is not None for record in of_builds} == {
            "Debian GNU/Linux 13 (Trixie), with the commands of its recipe": False,
            title: True,
        }

    async def test_an_idle_server_makes_way_for_the_server_of_an_image(self) -> None:
        await self.start(max_servers=1, build_wait_timeout=-1)
        assert (await self.build()).results == [SUCCESS]
        await self.baked()
        assert (self.most, self.cloud.count(CREATE)) == (1, 2)

    async def test_an_image_waits_until_the_budget_has_room_for_its_server(self) -> None:
        gate = self.gate()
        await self.start(step=until(gate), budget=Budget(per_hour=1.5 * PRICE))
        building = defer.ensureDeferred(self.build())
        await self.server_in("started")
        gate.touch()
        assert (await building).results[-1] == SUCCESS
        await self.baked()
        assert (self.most, self.cloud.count(CREATE)) == (1, 2)

    async def test_an_image_for_which_there_is_no_room_is_given_up_for_an_hour_and_builds_go_on(self) -> None:
        self.patch(image_servers, "_WAIT", 0)
        await self.start(max_servers=1)
        heard = Warnings()
        logging.getLogger("upcloud_sdk").addHandler(heard)
        self.addCleanup(logging.getLogger("upcloud_sdk").removeHandler, heard)
        assert [(await self.build()).results for _ in range(2)] == [[SUCCESS]] * 2
        while not any("max_servers or the budget had no room for its server in an hour" in each for each in heard.said):
            await pause()
        assert self.cloud.count(CREATE) == 2

    async def test_what_left_the_configuration_is_not_baked_again(self) -> None:
        newer = Recipe(base="debian-13", commands=["apt-get install -y git make"], name="tools")
        worker = await self.start(zones=["fi-hel1", "de-fra1"])
        await self.build()
        await self.baked()
        assert worker.wants(RECIPE, "fi-hel1", "de-fra1")
        for options in ({"zones": ["fi-hel1"]}, {"zone": "fi-hel1", "image": newer}):
            self.config.update(self.configuration(self.recipe_worker(**options)))
            await self.master.reconfig()
            assert not worker.wants(RECIPE, "fi-hel1", "de-fra1")
            await self.build()
            await self.baked()
        assert worker.wants(newer, "fi-hel1")
        assert not worker.wants(RECIPE, "fi-hel1")
        self.config.update(self.configuration(self.worker("other")))
        await self.master.reconfig()
        assert not worker.wants(newer, "fi-hel1")
