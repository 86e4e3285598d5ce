"""The checks of a worker's servers before its first build."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.images.baking import RECIPE, ZONE
from tests.moved_time import MovedCloud, server_spec
from upcloud_sdk.ci import ServerChoice
from upcloud_sdk.ci.servers.check import EACH_BUILD, ServerCheck, check_limits, find_what_is_up, state_of_images
from upcloud_sdk.placement import Budget

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

pytestmark = pytest.mark.anyio


@pytest.fixture
async def moved() -> AsyncGenerator[MovedCloud]:
    async with MovedCloud.open(boot_seconds=33, stop_seconds=16, storage_seconds=17) as cloud:
        yield cloud


async def test_an_image_has_its_age_and_a_zone_without_one_what_is_done_there(moved: MovedCloud) -> None:
    async with moved.client() as cloud:
        [image] = await cloud.images.bake(RECIPE, zones=[ZONE])
        await moved.later(3 * 86_400 + 60)
        said = await state_of_images(cloud, RECIPE, [ZONE, "de-fra1"])
    assert f"{image.title} in {ZONE}, 3 days old; none in de-fra1 yet: the master makes it" in said


CHOICE = ServerChoice(image="Debian GNU/Linux 12 (Bookworm)", zones=(ZONE,), plans=("PREMIUM-1xCPU-1GB",))


def answers(check: ServerCheck) -> dict[str, tuple[bool | None, str]]:
    assert {finding.worker for finding in check.findings} == {"one"}
    return {finding.question: (finding.good, finding.answer) for finding in check.findings}


async def test_a_worker_whose_servers_can_be_created_is_told_what_they_cost(moved: MovedCloud) -> None:
    check = ServerCheck("one", max_servers=2)
    async with moved.client() as cloud:
        account = await check.ask_account(cloud)
        await check.ask_place(cloud, CHOICE)
        assert await check.ask_image(cloud, CHOICE) is not None
        estimate = await check.ask_cost(cloud, server_spec())
        assert account is not None
        assert estimate is not None
        check.tell_budget(Budget(per_hour=3 * estimate.hourly), estimate)
        limits = check_limits([check, check], account, ())
    found = answers(check)
    assert {good for good, _ in found.values()} == {True}
    assert found["place"] == (True, f"PREMIUM-1xCPU-1GB in {ZONE}")
    assert found["budget"] == (True, "room for 3 servers at once")
    assert (limits.worker, limits.answer) == ("2 workers", "room for 2 servers at once")


async def test_zones_plans_and_images_that_do_not_exist_are_named(moved: MovedCloud) -> None:
    check, wrong = ServerCheck("one"), ServerChoice(image="Debain", zones=("fi-hel9",), plans=("small",))
    async with moved.client() as cloud:
        await check.ask_place(cloud, wrong)
        assert await check.ask_image(cloud, wrong) is None
    assert answers(check)["place"] == (False, "no zone 'fi-hel9'; no plan 'small'")
    assert answers(check)["image"][0] is False


async def test_what_each_build_decides_is_not_known(moved: MovedCloud) -> None:
    check = ServerCheck("one")
    async with moved.client() as cloud:
        await check.ask_place(cloud, CHOICE, is_known=False)
        await check.ask_image(cloud, CHOICE, is_known=False)
    assert set(answers(check).values()) == {(None, EACH_BUILD)}


async def test_servers_with_a_lease_are_listed_if_a_master_has_their_owner(moved: MovedCloud) -> None:
    async with moved.client(owner="runner") as cloud:
        server = await cloud.servers.create(server_spec(), lease=3600)
        [up] = await find_what_is_up(cloud, [], master_of={"runner": "here"}.get, worker="1 worker")
        assert await find_what_is_up(cloud, [], master_of=lambda _: None, worker="1 worker") == []
    assert (up.question, up.good) == ("up", None)
    assert up.answer.endswith(f"held by another master (here), {server.uuid}")
