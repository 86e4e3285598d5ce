"""The endpoints of storages, and finding a template."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.sdk import documents
from tests.sdk.documents import DISK, TEMPLATE
from tests.sdk.sent import lines
from upcloud_sdk import Storage, StorageState
from upcloud_sdk.errors import Ambiguous, Conflict, NoMatch, NotFound, ResourceFailed, WaitTimeout
from upcloud_sdk.models import StorageSummary

if TYPE_CHECKING:
    import respx

    from tests.sdk.clock import AutojumpClock
    from upcloud_sdk import UpCloud
    from upcloud_sdk.models.storages import StorageKind

Calls = list[tuple["Callable[[UpCloud], Awaitable[object]]", str]]


async def _list(kind: StorageKind, cloud: UpCloud) -> object:
    return await cloud.storages.list(kind)


LISTS: Calls = [
    (lambda c: c.storages.list(), "GET /storage?limit=100&offset=0"),
    *[
        (partial(_list, kind), f"GET /storage/{kind}{'' if kind == 'favorite' else '?limit=100&offset=0'}")
        for kind in ("public", "private", "normal", "backup", "cdrom", "template", "favorite")
    ],
    (lambda c: c.storages.list(labels={"color": "red"}), "GET /storage?label=color%3Dred&limit=100&offset=0"),
    (
        lambda c: c.storages.list("private", labels={"a": "b", "c": None}),
        "GET /storage/private?label=a%3Db&label=c&limit=100&offset=0",
    ),
]


@pytest.mark.parametrize(("call", "line"), LISTS, ids=[line for _, line in LISTS])
async def test_storages_are_listed_by_kind_and_label(
    api: respx.MockRouter, cloud: UpCloud, call: Callable[[UpCloud], Awaitable[object]], line: str
) -> None:
    api.route(method="GET").respond(json=documents.storages({}))
    found = await call(cloud)
    assert isinstance(found, tuple)
    assert [type(each) for each in found] == [StorageSummary]  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]  # any list
    assert lines(api) == [line]


async def test_an_unknown_kind_is_refused(api: respx.MockRouter, cloud: UpCloud) -> None:
    with pytest.raises(ValueError, match=r"kind is 'templates': write one of .*template"):
        await cloud.storages.list("templates")  # type: ignore[arg-type]  # the fault
    assert not api.calls


async def test_a_storage_is_read_with_all_its_fields(api: respx.MockRouter, cloud: UpCloud) -> None:
    api.get(f"/storage/{DISK}").respond(json=documents.storage())
    assert isinstance(await cloud.storages.get(DISK), Storage)
    assert lines(api) == [f"GET /storage/{DISK}"]


async def test_a_delete_sends_what_happens_to_the_backups(api: respx.MockRouter, cloud: UpCloud) -> None:
    api.delete(f"/storage/{DISK}").respond(204)
    await cloud.storages.delete(DISK)
    await cloud.storages.delete(DISK, backups="keep_latest")
    assert lines(api) == [f"DELETE /storage/{DISK}", f"DELETE /storage/{DISK}?backups=keep_latest"]


async def test_an_attached_disk_is_a_conflict(api: respx.MockRouter, cloud: UpCloud) -> None:
    api.delete(f"/storage/{DISK}").respond(409, json=documents.refusal("STORAGE_ATTACHED"))
    with pytest.raises(Conflict, match="STORAGE_ATTACHED"):
        await cloud.storages.delete(DISK)


@pytest.mark.parametrize("uuid", ["", ".."])
async def test_an_empty_uuid_is_refused(api: respx.MockRouter, cloud: UpCloud, uuid: str) -> None:
    with pytest.raises(ValueError, match="the uuid is empty"):
        await cloud.storages.delete(uuid)
    assert not api.calls


# --- find_template ----------------------------------------------------------------------------------------------------

DEBIAN_12 = {"uuid": TEMPLATE, "title": "Debian GNU/Linux 12 (Bookworm)"}
DEBIAN_13 = {"uuid": "01000000-0000-4000-8000-000020080100", "title": "Debian GNU/Linux 13 (Trixie)"}
DEBIAN_9 = {"uuid": "01000000-0000-4000-8000-000020090100", "title": "Debian GNU/Linux 9 (Stretch)"}
UBUNTU = {"uuid": "01000000-0000-4000-8000-000030240200", "title": "Ubuntu Server 24.04 LTS (Noble Numbat)"}
OWN_OLD = {"uuid": "01aa", "title": "our image", "access": "private", "created": "2026-01-01T00:00:00Z"}
OWN_NEW = {"uuid": "0199", "title": "our image", "access": "private", "created": "2026-02-01T00:00:00Z"}
ALL = documents.templates(DEBIAN_12, DEBIAN_13, DEBIAN_9, UBUNTU, OWN_OLD, OWN_NEW)

Which = str | re.Pattern[str] | Callable[[StorageSummary], bool]


def _is_noble(template: StorageSummary) -> bool:
    return "Numbat" in (template.title or "")


def _is_own(template: StorageSummary) -> bool:
    return template.access == "private"


def _is_any(template: StorageSummary) -> bool:
    return True


def _is_none(template: StorageSummary) -> bool:
    return False


@pytest.mark.parametrize(
    ("which", "found"),
    [
        (TEMPLATE, DEBIAN_12),
        ("Debian GNU/Linux 12 (Bookworm)", DEBIAN_12),
        (re.compile(r"^Debian GNU/Linux"), DEBIAN_13),
        (re.compile(r"debian.*\(s", re.IGNORECASE), DEBIAN_9),
        (re.compile("our image"), OWN_NEW),
        (_is_noble, UBUNTU),
        (_is_own, OWN_NEW),
        (_is_any, OWN_NEW),
    ],
    ids=[
        "uuid",
        "title",
        "expression, the highest number",
        "expression with a flag",
        "expression, the newest",
        "function",
        "function, the newest",
        "a template of ours is newer than a public one, which has no date",
    ],
)
async def test_a_template_is_found_by_slug_title_uuid_expression_and_function(
    api: respx.MockRouter, cloud: UpCloud, which: Which, found: dict[str, str]
) -> None:
    api.get("/storage/template").respond(json=ALL)
    template = await cloud.storages.find_template(which)
    assert (template.uuid, template.title) == (found["uuid"], found["title"])
    assert lines(api) == ["GET /storage/template?limit=100&offset=0"]


async def test_the_error_for_a_misspelt_title_has_suggestions(api: respx.MockRouter, cloud: UpCloud) -> None:
    api.get("/storage/template").respond(json=ALL)
    with pytest.raises(
        NoMatch, match=r"no template has the title 'Debian GNU/Linux 12'; did you mean 'Debian"
    ) as caught:
        await cloud.storages.find_template("Debian GNU/Linux 12")
    assert caught.value.candidates[0].startswith("Debian GNU/Linux")
    assert set(caught.value.candidates) == {each["title"] for each in (DEBIAN_12, DEBIAN_13, DEBIAN_9, UBUNTU, OWN_OLD)}


async def test_the_error_for_an_unrelated_title_has_candidates_but_no_suggestion(
    api: respx.MockRouter, cloud: UpCloud
) -> None:
    api.get("/storage/template").respond(json=documents.templates(DEBIAN_12))
    with pytest.raises(NoMatch, match=r"'zzz': storages\.list\('template'\) lists all$") as caught:
        await cloud.storages.find_template("zzz")
    assert caught.value.candidates == (DEBIAN_12["title"],)


async def test_the_error_for_an_unknown_uuid_calls_it_a_uuid(api: respx.MockRouter, cloud: UpCloud) -> None:
    api.get("/storage/template").respond(json=documents.templates(DEBIAN_12))
    with pytest.raises(NoMatch, match="no template has the uuid '01000000-0000-4000-8000-000000000000'"):
        await cloud.storages.find_template("01000000-0000-4000-8000-000000000000")


async def test_two_templates_with_the_same_title_are_ambiguous(api: respx.MockRouter, cloud: UpCloud) -> None:
    api.get("/storage/template").respond(json=ALL)
    with pytest.raises(Ambiguous, match="2 templates have the title 'our image': give the uuid of one") as caught:
        await cloud.storages.find_template("our image")
    assert caught.value.candidates == ("01aa", "0199")


@pytest.mark.parametrize(
    ("which", "says"),
    [
        (re.compile("Slackware"), "no template's title matches 'Slackware'"),
        (_is_none, "no template's title is accepted by the function given"),
    ],
)
async def test_an_expression_that_matches_nothing_raises_no_match(
    api: respx.MockRouter, cloud: UpCloud, which: Which, says: str
) -> None:
    api.get("/storage/template").respond(json=ALL)
    with pytest.raises(NoMatch, match=says) as caught:
        await cloud.storages.find_template(which)
    assert UBUNTU["title"] in caught.value.candidates


# --- wait_for_state ---------------------------------------------------------------------------------------------------


async def test_a_wait_returns_the_storage(api: respx.MockRouter, cloud: UpCloud, clock: AutojumpClock) -> None:
    route = api.get(f"/storage/{DISK}")
    route.side_effect = [_at(state) for state in ("maintenance", "maintenance", "online")]
    storage = await cloud.storages.wait_for_state(DISK, StorageState.ONLINE, timeout=60)
    assert storage.state == StorageState.ONLINE
    assert clock.now() == 2.0


async def test_a_wait_ends_immediately_in_state_error(
    api: respx.MockRouter, cloud: UpCloud, clock: AutojumpClock
) -> None:
    api.get(f"/storage/{DISK}").respond(json=documents.storage(state="error"))
    with pytest.raises(ResourceFailed) as caught:
        await cloud.storages.wait_for_state(DISK, "online", timeout=60)
    assert (caught.value.kind, caught.value.uuid, caught.value.state) == ("storage", DISK, "error")
    assert clock.now() == 0.0


async def test_the_state_error_can_be_waited_for(api: respx.MockRouter, cloud: UpCloud) -> None:
    api.get(f"/storage/{DISK}").respond(json=documents.storage(state="error"))
    assert (await cloud.storages.wait_for_state(DISK, "error", timeout=60)).state == "error"


async def test_a_wait_for_a_deleted_storage_raises_not_found(api: respx.MockRouter, cloud: UpCloud) -> None:
    api.get(f"/storage/{DISK}").respond(404, json=documents.refusal("STORAGE_NOT_FOUND"))
    with pytest.raises(NotFound):
        await cloud.storages.wait_for_state(DISK, "online", timeout=60)


async def test_a_wait_ends_at_its_timeout_and_the_error_has_the_last_state(
    api: respx.MockRouter, cloud: UpCloud, clock: AutojumpClock
) -> None:
    api.get(f"/storage/{DISK}").respond(json=documents.storage(state="maintenance"))
    with pytest.raises(WaitTimeout, match=r"not within 30 s; last seen in state 'maintenance") as caught:
        await cloud.storages.wait_for_state(DISK, "online", timeout=30)
    assert caught.value.last is not None
    assert caught.value.last.state == "maintenance"
    assert clock.now() == 30.0


def _at(state: str) -> httpx.Response:
    return httpx.Response(200, json=documents.storage(state=state))
