"""Baking: an image of a recipe is found or made, and nothing else is left."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import anyio
import pytest

from tests.fleet.programs.test_missing_fields import without
from tests.images.baking import RECIPE, ZONE, Guests, complete_images
from tests.images.dying import killed_in
from tests.images.lagging import EditedAnswer, LaggingTransport, lagging
from tests.moved_time import DEBIAN, MovedCloud, server_spec
from upcloud_sdk import Recipe, StorageChanges, StorageDeviceSpec
from upcloud_sdk._identity import RUN
from upcloud_sdk.errors import BakeFailed, Forbidden, NoMatch, UpCloudError
from upcloud_sdk.events import BakeEvent, Event
from upcloud_sdk.models.ownership import IMAGE, IMAGE_BASE, IMAGE_NAME, IMAGE_USED, OWNER
from upcloud_sdk.simulator.records.records import Storage

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable

    from upcloud_sdk import ServerSpec, UpCloud

pytestmark = pytest.mark.anyio

DEBIAN_13 = "01000000-0000-4000-8000-000020080100"


async def test_an_image_is_made_once_and_then_found(moved: MovedCloud) -> None:
    events: list[Event] = []
    async with moved.client(on_event=events.append) as cloud:
        [image] = await cloud.images.bake(RECIPE, zones=[ZONE])
        count = len(moved.requests())
        assert await cloud.images.bake(RECIPE, zones=[ZONE]) == (image,)
        # The list of templates comes in two pages. It may be old, so the image is read, too.
        assert moved.requests()[count:] == ["GET /storage/template"] * 2 + [f"GET /storage/{image.uuid}"]
    [storage] = complete_images(moved)
    assert (image.uuid, image.zone, image.digest, image.base) == (storage.uuid, ZONE, RECIPE.digest, DEBIAN_13)
    assert storage.title.startswith(f"tools {RECIPE.digest[:12]} 2026-")
    assert {key: storage.labels[key] for key in (OWNER, IMAGE, IMAGE_BASE, IMAGE_NAME)} == {
        OWNER: "tests", IMAGE: RECIPE.digest, IMAGE_BASE: DEBIAN_13, IMAGE_NAME: "tools",
    }  # fmt: skip
    told = [(each.happened, each.uuid) for each in events if isinstance(each, BakeEvent)]
    assert [what for what, _ in told] == ["server", "commands", "cleaning", "copying", "made"]
    assert told[-1] == ("made", image.uuid)
    assert moved.count("POST /server") == 1


async def test_a_server_of_an_image_can_be_made_in_each_zone(moved: MovedCloud) -> None:
    async with moved.client() as cloud:
        images = await cloud.images.bake(RECIPE, zones=["de-fra1", ZONE, "de-fra1"])
        assert [image.zone for image in images] == ["de-fra1", ZONE]
        assert moved.count("POST /server") == 1
        assert len(complete_images(moved)) == 2
        for image in images:
            disk = StorageDeviceSpec.clone(image, size=25)
            async with cloud.servers.ephemeral(server_spec(zone=image.zone, storage_devices=(disk,))):
                pass
            spec = await cloud.servers.spec(image, zone=image.zone, plan="1xCPU-1GB", hostname="a")
            assert spec.metadata is True


async def test_a_zone_that_is_requested_later_gets_its_own_image(moved: MovedCloud) -> None:
    async with moved.client() as cloud:
        [first] = await cloud.images.bake(RECIPE, zones=[ZONE])
        again, second = await cloud.images.bake(RECIPE, zones=[ZONE, "de-fra1"])
    assert (again, second.zone) == (first, "de-fra1")
    assert len(complete_images(moved)) == 2


async def test_an_image_is_replaced_if_its_base_is_newer_or_it_is_too_old(moved: MovedCloud) -> None:
    async with moved.client() as cloud:
        [first] = await cloud.images.bake(RECIPE, zones=[ZONE])
        newer = Storage("01000000-0000-4000-8000-000020080200", "Debian GNU/Linux 13 (Trixie)", 10, type="template")
        newer.access, newer.template_type = "public", "cloud-init"
        newer.labels = {}
        del moved.sim.catalog.storages[DEBIAN_13]
        moved.sim.catalog.storages[newer.uuid] = newer
        [second] = await cloud.images.bake(RECIPE, zones=[ZONE])
        assert second.base == newer.uuid != first.base
        await moved.later(3600)
        assert await cloud.images.bake(RECIPE, zones=[ZONE], max_age=4000) == (second,)
        [third] = await cloud.images.bake(RECIPE, zones=[ZONE], max_age=3000)
        assert third.uuid not in {first.uuid, second.uuid}
    assert len(complete_images(moved)) == 3


async def test_images_of_other_owners_and_templates_that_only_look_like_images_are_not_used(moved: MovedCloud) -> None:
    async with moved.client("others") as others, moved.client() as cloud:
        [theirs] = await others.images.bake(RECIPE, zones=[ZONE])
        [mine] = await cloud.images.bake(RECIPE, zones=[ZONE])
        assert theirs.uuid != mine.uuid
        assert [image.uuid for image in await cloud.images.list()] == [mine.uuid]
        moved.sim.storages[mine.uuid].labels["upcloud_sdk_lease"] = "2020-01-01T00:00:00Z"
        assert await cloud.images.list() == ()


async def test_an_image_is_still_found_after_a_change_of_its_title_or_labels(moved: MovedCloud) -> None:

    async with moved.client() as cloud:
        [image] = await cloud.images.bake(RECIPE, zones=[ZONE])
        await cloud.storages.modify(image, StorageChanges(title="mine", labels={"env": "test", IMAGE: "0"}))
        [kept] = await cloud.images.list()
        assert (kept.title, kept.digest) == ("mine", RECIPE.digest)
        assert await cloud.images.bake(RECIPE, zones=[ZONE]) == (kept.__class__(**{
            name: getattr(kept, name) for name in kept.__dataclass_fields__ if name not in {"monthly", "currency"}
        }),)  # fmt: skip


async def test_the_use_of_an_image_is_recorded_once_a_day(moved: MovedCloud) -> None:
    async with moved.client() as cloud:
        [image] = await cloud.images.bake(RECIPE, zones=[ZONE])
        count = moved.count("PUT .*")
        for hours in (23, 23, 1, 1):
            await moved.later(hours * 3600)
            await cloud.images.bake(RECIPE, zones=[ZONE])
        assert moved.count("PUT .*") == count + 1  # The date from its completion counts as a use.
        assert moved.sim.storages[image.uuid].labels[IMAGE_USED].startswith("2026-01-02")
        [seen] = await cloud.images.list()
        assert seen.used == seen.last_use != seen.created


# --- failures ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seconds", "why"),
    [
        # Off, and then on: a guest whose commands failed, or that somebody switched off.
        ((100, None), "a command failed, or the server was switched off before the commands finished"),
        ((None,), "its commands did not finish within timeout=1200 s"),
    ],
)
async def test_commands_that_fail_or_do_not_end_raise_bake_failed_and_leave_nothing(
    seconds: tuple[float | None, ...], why: str
) -> None:
    events: list[Event] = []
    asked: list[str] = []

    async def explain(uuid: str) -> str:
        assert uuid in moved.sim.servers
        asked.append(uuid)
        return "E: Unable to locate package gti"

    async with MovedCloud.open(guests=Guests(*seconds)) as moved, moved.client(on_event=events.append) as cloud:
        began = moved.hand.now()
        with pytest.raises(BakeFailed) as failed:
            await cloud.images.bake(RECIPE, zones=[ZONE], timeout=1200, explain=explain)
        assert moved.hand.now() - began < 2000
        assert complete_images(moved) == []
    assert str(failed.value).endswith(f"{why}; its last output:\nE: Unable to locate package gti")
    assert [failed.value.uuid] == asked
    assert failed.value.digest == RECIPE.digest
    assert [each.happened for each in events if isinstance(each, BakeEvent)][-1] == "failed"


async def test_a_failing_explain_does_not_replace_the_error() -> None:
    async def explain(_: str) -> str:
        raise RuntimeError("no console")

    async with MovedCloud.open(guests=Guests(None)) as moved, moved.client() as cloud:
        with pytest.raises(
            BakeFailed, match=r"(?s)did not finish within.*explain failed: RuntimeError\('no console'\)"
        ):
            await cloud.images.bake(RECIPE, zones=[ZONE], timeout=60, explain=explain)
        assert complete_images(moved) == []


BAD: list[tuple[str, Callable[[UpCloud], Awaitable[object]], type[Exception], str]] = [
    ("no zone", lambda c: c.images.bake(RECIPE, zones=[]), ValueError, "write zones=['fi-hel1']"),
    ("one zone as text", lambda c: c.images.bake(RECIPE, zones=ZONE), ValueError, "write zones=['fi-hel1']"),
    ("no time", lambda c: c.images.bake(RECIPE, zones=[ZONE], timeout=0), ValueError, "timeout is 0"),
    ("no age", lambda c: c.images.bake(RECIPE, zones=[ZONE], max_age=-1), ValueError, "max_age is -1"),
    ("a recipe that is a base", lambda c: c.images.bake("debian-13", zones=[ZONE]), TypeError, "write Recipe(base="),  # type: ignore[arg-type]  # on purpose
    ("fewer than none kept", lambda c: c.images.prune(keep=-1), ValueError, "0 or more"),
    ("unused for less than nothing", lambda c: c.images.prune(unused_for=-1), ValueError, "0 or more"),
    ("a recipe that is a name", lambda c: c.images.prune("tools"), TypeError, "write Recipe(base="),  # type: ignore[arg-type]  # on purpose
]


@pytest.mark.parametrize(("call", "kind", "words"), [case[1:] for case in BAD], ids=[case[0] for case in BAD])
async def test_an_invalid_argument_is_refused_before_anything_is_sent(
    moved: MovedCloud, call: Callable[[UpCloud], Awaitable[object]], kind: type[Exception], words: str
) -> None:
    async with moved.client() as cloud:
        with pytest.raises(kind) as refused:
            await call(cloud)
    assert words in str(refused.value)
    assert moved.requests() == []


async def test_an_unknown_base_or_zone_makes_nothing(moved: MovedCloud) -> None:
    async with moved.client() as cloud:
        with pytest.raises(NoMatch, match="debian-31"):
            await cloud.images.bake(Recipe(base="debian-31"), zones=[ZONE])
        with pytest.raises(NoMatch, match="fi-hel9"):
            await cloud.images.bake(RECIPE, zones=["fi-hel9"])
    assert moved.count("POST .*") == 0


async def test_a_zone_that_refuses_the_copy_does_not_undo_complete_images(moved: MovedCloud) -> None:
    moved.sim.fail("POST /storage/{uuid}/clone", status=403, code="STORAGE_LIMIT_REACHED")
    async with moved.client() as cloud:
        with pytest.raises(Forbidden):
            await cloud.images.bake(RECIPE, zones=[ZONE, "de-fra1"])
        [storage] = complete_images(moved)
        assert storage.zone == ZONE
        assert len(await cloud.images.bake(RECIPE, zones=[ZONE, "de-fra1"])) == 2


# --- concurrent bakes -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("apart", "lag"), [(0, 0), (70, 0), (100, 0), (0, 30), (5, 30)])
async def test_two_bakes_of_one_recipe_make_one_image(moved: MovedCloud, apart: float, lag: float) -> None:
    """Two clients bake at the same time or one shortly after the other. If lists lag, one image is deleted again."""
    moved.sim.hide_from_lists(lag)
    baked: list[Any] = []

    async def bake(wait: float) -> None:
        await moved.later(wait)
        async with moved.client() as cloud:
            baked.append(await cloud.images.bake(RECIPE, zones=[ZONE, "de-fra1"]))

    async with anyio.create_task_group() as group:
        group.start_soon(bake, 0)
        group.start_soon(bake, apart)
    await moved.later(60)
    images = complete_images(moved)
    assert sorted(each.zone or "" for each in images) == ["de-fra1", ZONE]
    for each in baked:
        assert {image.uuid for image in each} == {image.uuid for image in images}
    assert moved.count("POST /storage/.*/templatize") == 2 or lag


async def test_concurrent_bakes_of_several_recipes_make_one_image_of_each(moved: MovedCloud) -> None:
    other = Recipe(base="debian-12", name="tools")

    async def bake(recipe: Recipe) -> None:
        async with moved.client() as cloud:
            await cloud.images.bake(recipe, zones=[ZONE])

    async with anyio.create_task_group() as group:
        for recipe in (RECIPE, other) * 2:
            group.start_soon(bake, recipe)
    assert {each.labels[IMAGE] for each in complete_images(moved)} == {RECIPE.digest, other.digest}
    assert len(moved.sim.storages) == 2


async def test_a_bake_whose_process_has_died_is_not_waited_for_longer_than_its_lease(
    moved: MovedCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(RUN, "id", "a-dead-run")
        async with moved.client() as dead:
            await dead.servers.create(server_spec(labels={IMAGE: RECIPE.digest}), lease=600)
    began = moved.hand.now()
    async with moved.client() as cloud:
        await cloud.images.bake(RECIPE, zones=[ZONE])
        assert 600 < moved.hand.now() - began < 900
        await cloud.leases.reap()
    assert len(complete_images(moved)) == 1


# --- failures of the process ------------------------------------------------------------------------------------------


async def test_a_bake_that_loses_its_lease_leaves_nothing_incomplete() -> None:
    async with MovedCloud.open(guests=Guests(400)) as moved, moved.client() as cloud, moved.client() as other:
        async with anyio.create_task_group() as group:

            async def bake() -> None:
                with pytest.raises(UpCloudError):
                    await cloud.images.bake(RECIPE, zones=[ZONE])

            group.start_soon(bake)
            await moved.later(100)
            [uuid] = moved.sim.servers
            await other.servers.destroy(uuid)
        assert complete_images(moved) == []


async def test_a_public_template_can_be_the_base_by_its_uuid(moved: MovedCloud) -> None:
    async with moved.client() as cloud:
        [image] = await cloud.images.bake(Recipe(base=DEBIAN, size=30), zones=[ZONE], plan="PREMIUM-1xCPU-1GB")
    assert (image.size, image.base, image.name) == (30, DEBIAN, None)


async def test_reserve_is_entered_before_the_create_and_left_when_the_server_is_gone(moved: MovedCloud) -> None:
    seen: list[tuple[str, str, int]] = []

    @asynccontextmanager
    async def reserve(spec: ServerSpec) -> AsyncGenerator[None]:
        seen.append(("asked", spec.zone, len(moved.sim.servers)))
        yield
        seen.append(("free", (spec.labels or {})[IMAGE], len(moved.sim.servers)))

    async with moved.client() as cloud:
        [image] = await cloud.images.bake(RECIPE, zones=[ZONE], reserve=reserve)
        assert seen == [("asked", ZONE, 0), ("free", RECIPE.digest, 0)]
        assert await cloud.images.bake(RECIPE, zones=[ZONE], reserve=reserve) == (image,)
    assert len(seen) == 2


async def test_an_image_that_another_bake_makes_while_reserve_waits_is_used(moved: MovedCloud) -> None:
    async with moved.client() as other, moved.client() as cloud:

        @asynccontextmanager
        async def reserve(_: ServerSpec) -> AsyncGenerator[None]:
            await other.images.bake(RECIPE, zones=[ZONE])
            yield

        [image] = await cloud.images.bake(RECIPE, zones=[ZONE], reserve=reserve)
    assert [each.uuid for each in complete_images(moved)] == [image.uuid]
    assert moved.count("POST /server") == 1


# --- odd answers, and lists that are old ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "place",
    [
        ("labels",),
        ("storage_devices",),
        ("storage_devices", "storage_device", 0, "type"),
        ("storage_devices", "storage_device", 0, "address"),
        ("storage_devices", "storage_device", 0, "storage"),
    ],
    ids=lambda place: str(place[-1]),
)
async def test_a_field_that_the_answer_to_the_create_does_not_have_ends_no_bake(
    moved: MovedCloud, place: tuple[str | int, ...]
) -> None:
    transport = EditedAnswer(moved)
    transport.wanted, transport.edit = "POST /server", without(("server", *place))
    async with moved.client(transport=transport) as cloud:
        [image] = await cloud.images.bake(RECIPE, zones=[ZONE])
    assert [each.uuid for each in complete_images(moved)] == [image.uuid]


async def test_an_image_that_only_an_old_list_shows_is_made_again() -> None:
    async with lagging(45) as (moved, lists), moved.client(transport=LaggingTransport(moved, lists)) as cloud:
        [first] = await cloud.images.bake(RECIPE, zones=[ZONE])
        await moved.later(60)
        await cloud.storages.delete(first.uuid)
        [second] = await cloud.images.bake(RECIPE, zones=[ZONE])
        assert [each.uuid for each in complete_images(moved)] == [second.uuid] != [first.uuid]


async def test_a_bake_keeps_its_image_although_an_old_list_shows_an_older_one_that_is_gone() -> None:
    async with lagging(45) as (moved, lists), moved.client(transport=LaggingTransport(moved, lists)) as cloud:
        baked: list[Any] = []

        async def bake() -> None:
            baked.append(await cloud.images.bake(RECIPE, zones=[ZONE]))

        async with anyio.create_task_group() as group:
            group.start_soon(bake)
            await moved.later(25)
            labels = {OWNER: "tests", IMAGE: RECIPE.digest, IMAGE_BASE: DEBIAN_13, IMAGE_NAME: "tools"}
            older = Storage(moved.sim.new_uuid("storage"), "tools", 10, type="template", zone=ZONE, labels=labels)
            older.created = 0
            moved.sim.storages[older.uuid] = older
            while not any(each.type == "template" for each in moved.sim.storages.values() if each is not older):
                await moved.later(1)
            del moved.sim.storages[older.uuid]
        [[image]] = baked
        assert [each.uuid for each in complete_images(moved)] == [image.uuid]
        assert moved.count("POST /server") == 1


async def test_an_explain_that_hangs_or_says_too_much_is_cut() -> None:
    async def hang(_: str) -> str:
        await moved.later(3600)
        return ""

    async def gush(_: str) -> str:
        return "x" * 10_000_000 + "the end"

    for explain, said in ((hang, "(explain did not answer within 60 s)"), (gush, "the end")):
        async with MovedCloud.open(guests=Guests(None)) as moved, moved.client() as cloud:
            with pytest.raises(BakeFailed) as failed:
                await cloud.images.bake(RECIPE, zones=[ZONE], timeout=60, explain=explain)
            assert str(failed.value).endswith(said)
            assert len(str(failed.value)) < 11_000
            assert complete_images(moved) == []


async def test_a_bake_that_waits_for_another_one_says_for_whom_and_until_when(
    moved: MovedCloud, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(RUN, "id", "a-dead-run")
        async with moved.client() as dead:
            server = await dead.servers.create(server_spec(labels={IMAGE: RECIPE.digest}), lease=600)
    async with moved.client() as cloud:
        await cloud.images.bake(RECIPE, zones=[ZONE])
        [said] = [each.getMessage() for each in caplog.records if "waiting for another bake" in each.getMessage()]
        for word in (server.uuid, "a-dead-run", "2026-01-01", "upcloud-sdk leases reap"):
            assert word in said
        await cloud.leases.reap()


async def test_a_killed_bake_is_taken_over_after_ten_minutes(
    moved: MovedCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its lease is as short as renewals allow, since they skip a server that is in maintenance."""
    await killed_in(moved, 3, monkeypatch, after=False)
    began = moved.hand.now()
    async with moved.client() as cloud:
        await cloud.images.bake(RECIPE, zones=[ZONE])
        assert moved.hand.now() - began < 600 + 200
        await moved.later(60)
        await cloud.leases.reap()
    assert len(complete_images(moved)) == 1
