"""The owner label of a master, and the plugin entry point of the worker."""

from __future__ import annotations

from typing import Any

from sqlalchemy import text

from tests.buildbot._types import plugins
from tests.buildbot.harness import MasterCase
from upcloud_sdk.buildbot import UpcloudLatentWorker
from upcloud_sdk.buildbot.accounts.owner import owner_of, recorded_owner, short_hash


def forget(connection: Any) -> None:  # noqa: ANN401 - SQLAlchemy's
    connection.execute(text("DELETE FROM object_state"))
    connection.commit()


class Owner(MasterCase):
    async def owner(self) -> str:
        self.serve()
        await self.start_master(self.worker())
        return await owner_of(self.master)

    async def test_an_owner_is_made_once_and_kept_in_the_database(self) -> None:
        made = await self.owner()
        assert await owner_of(self.master) == made
        assert await recorded_owner(self.master, self.master.name) == made
        assert made.endswith(short_hash(self.master))

    async def test_two_masters_of_one_name_are_two_owners(self) -> None:
        first = await self.owner()
        # As a database of its own would be: it has never made one.
        await self.master.db.pool.do(forget)
        assert await owner_of(self.master) != first

    async def test_a_base_directory_that_was_copied_with_its_database_is_another_owner(self) -> None:
        first, name = await self.owner(), self.master.name
        self.master.name = f"{name}-copy"
        copied = await owner_of(self.master)
        self.master.name = name
        assert copied != first
        assert await owner_of(self.master) == first

    async def test_an_owner_that_an_older_release_wrote_into_the_database_stays(self) -> None:
        self.serve()
        await self.start_master(self.worker())
        name = f"upcloud_sdk owner {short_hash(self.master)}"
        objectid = await self.master.db.state.getObjectId(name, "upcloud_sdk.buildbot.owner")
        await self.master.db.state.setState(objectid, "id", "0123456789ab")
        assert await owner_of(self.master) == f"buildbot-0123456789ab-{short_hash(self.master)}"

    async def test_a_master_that_never_had_a_worker_has_no_owner(self) -> None:
        await self.owner()
        assert await recorded_owner(self.master, "another:/buildbot/master") is None

    async def test_an_owner_in_the_configuration_is_used_instead(self) -> None:
        self.serve()
        await self.start_master(self.worker(build_wait_timeout=60, owner="ci-team"))
        await self.build()
        [server] = self.cloud.servers.values()
        assert server.labels["upcloud_sdk_owner"] == "ci-team"


def test_buildbot_finds_the_worker_among_its_plugins() -> None:
    assert plugins.worker.upcloud_sdk.UpcloudLatentWorker is UpcloudLatentWorker
