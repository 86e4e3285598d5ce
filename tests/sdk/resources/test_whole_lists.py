"""Lists are complete with any paging of the API, and with changes between two pages."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import anyio
import httpx
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.pages import PagedApi
from tests.sdk import documents
from upcloud_sdk import Token, UpCloud, errors

if TYPE_CHECKING:
    import respx

List = Callable[[UpCloud], Awaitable[Any]]


def names(number: int, prefix: str = "00") -> list[str]:
    """Uuids."""
    return [f"{prefix}{each:06d}" for each in range(number)]


def servers(uuids: list[str]) -> Any:  # noqa: ANN401 - a document
    return documents.servers(*({"uuid": uuid} for uuid in uuids))


def storages(uuids: list[str]) -> Any:  # noqa: ANN401 - a document
    return documents.templates(*({"uuid": uuid, "title": f"Template {uuid}"} for uuid in uuids))


def tokens(ids: list[str]) -> Any:  # noqa: ANN401 - a document
    return [{"id": each, "name": "ci"} for each in ids]


async def listed(api: PagedApi, list_: List) -> Any:  # noqa: ANN401 - what was listed
    async with UpCloud(Token("ucat_x"), transport=api.transport()) as cloud:
        return await list_(cloud)


async def server_uuids(api: PagedApi, **options: Any) -> list[str]:  # noqa: ANN401 - `list`'s own
    return [server.uuid for server in await listed(api, lambda cloud: cloud.servers.list(**options))]


WAYS: list[dict[str, Any]] = [
    {},
    {"cut": 25},
    {"cut": 20},
    {"cut": 10},
    {"cut": 37},
    {"tells": True},
    {"cut": 25, "tells": True},
    {"cut": 3, "tells": True},
    {"pages": False},
    {"pages": False, "tells": True},
    {"cut": 25, "back": 3},
    {"cut": 25, "back": 3, "tells": True},
]


def _always_0(_: int, __: int) -> int:
    return 0


def _always_3(_: int, __: int) -> int:
    return 3


def _of_the_page(_: int, page: int) -> int:
    return page


def _more_by(number: int) -> Callable[[int, int], int]:
    return lambda there_are, _: there_are + number


LIES: dict[str, dict[str, Any]] = {
    "3": {"lie": _always_3, "cut": 25},
    "7 too few": {"lie": _more_by(-7), "cut": 25},
    "50 too many": {"lie": _more_by(50), "cut": 25},
    "50 too many, uncut": {"lie": _more_by(50)},
    "that of the page": {"lie": _of_the_page, "cut": 25},
    "that of a page of 10": {"lie": _of_the_page, "cut": 10},
    "that of the page, uncut": {"lie": _of_the_page},
    "0": {"lie": _always_0, "cut": 25},
}
LENGTHS = (0, 1, 9, 10, 20, 24, 25, 26, 27, 50, 100, 101, 230)


async def check_whole_lists(length: int, way: dict[str, Any]) -> None:
    """Check that all servers, storages and tokens are listed once and in order."""
    uuids = names(length)
    assert await server_uuids(PagedApi(uuids, servers, **way)) == uuids
    found = await listed(PagedApi(uuids, storages, **way), lambda cloud: cloud.storages.list())
    assert [storage.uuid for storage in found] == uuids
    found = await listed(PagedApi(uuids, tokens, default=20, **way), lambda cloud: cloud.tokens.list())
    assert [token.id for token in found] == uuids


@pytest.mark.parametrize("way", WAYS, ids=str)
@pytest.mark.parametrize("length", LENGTHS)
async def test_lists_are_complete_however_the_api_pages(length: int, way: dict[str, Any]) -> None:
    await check_whole_lists(length, way)


@pytest.mark.parametrize("way", LIES.values(), ids=LIES)
@pytest.mark.parametrize("length", LENGTHS)
async def test_a_list_is_complete_if_the_total_is_wrong(length: int, way: dict[str, Any]) -> None:
    await check_whole_lists(length, way)


@pytest.mark.parametrize("size", [2, 7])
async def test_a_list_is_complete_if_a_page_repeats_the_previous_one(size: int) -> None:
    api = PagedApi(names(26), servers, tells=True, back=3)
    assert await server_uuids(api, page_size=size) == names(26)


async def test_more_than_a_thousand_servers_are_listed() -> None:
    uuids = names(2500)
    api = PagedApi(uuids, servers)
    assert await server_uuids(api) == uuids
    assert api.asked == [(1000, 0), (1000, 999), (1000, 1998), (1000, 2499)]


@pytest.mark.parametrize("cut", [2, 3, 5, 10_000])
@pytest.mark.parametrize("size", [1, 2, 3, 5, 6])
@pytest.mark.parametrize("tells", [True, False])
@pytest.mark.parametrize("pages", [True, False])
async def test_a_list_in_pages_of_a_given_size_is_complete(size: int, cut: int, *, tells: bool, pages: bool) -> None:
    uuids = names(5)
    assert await server_uuids(PagedApi(uuids, servers, cut=cut, tells=tells, pages=pages), page_size=size) == uuids


@pytest.mark.parametrize("which", [f"Template {names(60)[-1]}", names(60)[-1]])
async def test_a_template_on_the_last_page_is_found(which: str) -> None:
    api = PagedApi(names(60), storages, cut=25)
    assert (await listed(api, lambda cloud: cloud.storages.find_template(which))).uuid == names(60)[-1]


async def test_two_templates_with_the_same_title_are_ambiguous_on_any_page() -> None:
    def same_title(uuids: list[str]) -> object:
        return documents.templates(*({"uuid": uuid, "title": "Debian"} for uuid in uuids))

    with pytest.raises(errors.Ambiguous, match="60 templates"):
        await listed(PagedApi(names(60), same_title, cut=25), lambda cloud: cloud.storages.find_template("Debian"))


@pytest.mark.parametrize("cut", [10_000, 100, 25, 10])
@pytest.mark.parametrize("length", LENGTHS)
async def test_the_events_of_a_server_are_complete_whatever_the_page_size(length: int, cut: int) -> None:
    entries = [{"server": "00c0ffee", "time": f"2026-01-01T00:{n // 60:02}:{n % 60:02}Z"} for n in range(length)]
    asked: list[tuple[int, int]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        offset, count = map(int, request.url.path.rpartition("/")[2].split(","))
        asked.append((offset, count))
        return httpx.Response(200, json={"events": {"event": entries[offset : offset + min(count, cut)]}})

    async with UpCloud(Token("ucat_x"), transport=httpx.MockTransport(answer)) as cloud:
        assert len(set(await cloud.servers.events("00c0ffee"))) == length
        assert len(await cloud.servers.events("00c0ffee", count=30)) == min(length, 30)
    assert max(count for _, count in asked) == 10_000


async def test_reading_events_ends_if_the_api_ignores_the_offset() -> None:
    entries = [{"server": "00c0ffee", "time": f"2026-01-01T00:00:{n:02}Z"} for n in range(25)]
    answer = httpx.MockTransport(lambda request: httpx.Response(200, json={"events": {"event": entries}}))
    async with UpCloud(Token("ucat_x"), transport=answer) as cloud:
        assert len(await cloud.servers.events("00c0ffee")) == 25
        assert len(await cloud.servers.events("00c0ffee", count=3)) == 3


# --- number of requests -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("way", "length", "requests"),
    [
        ({}, 0, 1),
        ({}, 9, 1),
        ({}, 27, 2),  # The API may have cut the page at this length.
        ({"tells": True}, 27, 1),
        ({"tells": True, "pages": False}, 27, 1),
        ({"pages": False}, 27, 3),
        ({"cut": 25, "tells": True}, 60, 3),
        ({"cut": 25}, 60, 4),
    ],
)
async def test_a_list_takes_as_few_requests_as_possible(way: dict[str, Any], length: int, requests: int) -> None:
    api = PagedApi(names(length), servers, **way)
    await server_uuids(api)
    assert len(api.asked) == requests


async def test_the_largest_page_is_requested() -> None:
    lists: list[tuple[List, int | None]] = [
        (lambda c: c.servers.list(), 1000),
        (lambda c: c.servers.list(tags=["a"]), 1000),
        (lambda c: c.storages.list(), 100),
        (lambda c: c.storages.list("template"), 100),
        (lambda c: c.storages.list("favorite"), None),
        (lambda c: c.networks.list(), None),
    ]
    for list_, largest in lists:
        api = PagedApi([], lambda items: {"servers": {"server": items}, "storages": {"storage": items}, "networks": ""})
        await listed(api, list_)
        assert api.asked == [(largest, 0)]


async def test_a_given_page_size_takes_as_few_requests_as_possible() -> None:
    """All pages except the first begin with a known item, and are larger by one."""
    api = PagedApi(names(5), servers, tells=True)
    assert await server_uuids(api, page_size=2) == names(5)
    assert api.asked == [(2, 0), (3, 1), (3, 3)]


REFUSED: list[tuple[List, str]] = [
    (lambda c: c.servers.list(page_size=0), "page_size is 0: a page has at least 1 item"),
    (lambda c: c.servers.list(page_size=1001), "page_size is 1001: a page of this list has at most 1000 items"),
    (lambda c: c.storages.list(page_size=101), "page_size is 101: a page of this list has at most 100 items"),
    (lambda c: c.storages.list("template", page_size=-1), "page_size is -1"),
]


@pytest.mark.parametrize(("list_", "says"), REFUSED)
async def test_a_page_size_that_the_api_refuses_is_refused_before_anything_is_sent(
    api: respx.MockRouter, cloud: UpCloud, list_: List, says: str
) -> None:
    with pytest.raises(ValueError, match=says):
        await list_(cloud)
    assert not api.calls


# --- odd answers of the API -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", ["3", "nonsense", "", "-1"])
async def test_reading_a_list_ends_if_it_cannot_be_completed(api: respx.MockRouter, cloud: UpCloud, count: str) -> None:
    api.get("/server", params={"offset": "0"}).respond(
        json=documents.servers({}), headers={"Upcloud-Total-Count": count}
    )
    api.get("/server").respond(json=documents.servers())
    assert len(await cloud.servers.list()) == 1


async def test_reading_ends_if_the_api_sends_nothing_after_the_first_page(
    api: respx.MockRouter, cloud: UpCloud
) -> None:
    api.get("/server", params={"offset": "0"}).respond(json=servers(names(25)))
    api.get("/server").respond(json=documents.servers())
    assert len(await cloud.servers.list()) == 25


async def test_a_list_is_complete_if_the_api_ignores_the_limit() -> None:
    uuids = names(30)

    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json=servers(uuids[int(request.url.params["offset"]) :]))

    async with UpCloud(Token("ucat_x"), transport=httpx.MockTransport(answer)) as cloud:
        assert [server.uuid for server in await cloud.servers.list(page_size=10)] == uuids


# --- changes between two pages ----------------------------------------------------------------------------------------


async def test_a_deletion_between_two_pages_hides_no_other_server() -> None:
    uuids = names(60)
    api = PagedApi(list(uuids), servers, cut=25, meanwhile=lambda items: items.__delitem__(0))
    found = await server_uuids(api)
    assert set(uuids[25:]) <= set(found) <= set(uuids)
    assert len(set(found)) == len(found)


async def test_a_creation_between_two_pages_duplicates_no_other_server() -> None:
    new = iter(names(1000, "11"))
    api = PagedApi(names(60), servers, cut=25, meanwhile=lambda items: items.insert(0, next(new)))
    found = await server_uuids(api)
    assert set(names(60)) <= set(found)
    assert len(set(found)) == len(found)


async def test_a_server_that_moves_from_a_later_page_to_an_earlier_one_is_listed() -> None:
    looks: list[int] = []

    def rename(items: list[str]) -> None:
        looks.append(1)
        if len(looks) == 1:
            items.insert(0, items.pop(40))

    assert sorted(await server_uuids(PagedApi(names(60), servers, cut=25, meanwhile=rename))) == names(60)


NO_CHANGE: list[tuple[str, float]] = []
CHANGES = st.lists(st.lists(st.tuples(st.sampled_from(["delete", "create"]), st.floats(0, 1)), max_size=8), max_size=5)


@settings(max_examples=150)
@example(length=3, cut=10, size=1, tells=False, changes=[[], [("create", 0.0)]])
@given(
    length=st.integers(0, 140),
    cut=st.integers(10, 60),
    size=st.none() | st.integers(1, 70),
    tells=st.booleans(),
    changes=CHANGES,
)
def test_a_server_that_exists_all_the_time_is_listed_once(
    length: int, cut: int, size: int | None, changes: list[list[tuple[str, float]]], *, tells: bool
) -> None:
    new = iter(names(10_000, "11"))
    coming = iter(changes)

    def meanwhile(items: list[str]) -> None:
        for what, where in next(coming, NO_CHANGE):
            if what == "create":
                items.insert(int(where * len(items)), next(new))
            elif items:
                items.pop(int(where * (len(items) - 1)))

    items = names(length)
    api = PagedApi(items, servers, cut=cut, tells=tells, meanwhile=meanwhile)
    found = anyio.run(lambda: server_uuids(api, page_size=size))

    assert len(set(found)) == len(found)
    assert set(names(length)) & set(items) <= set(found)


@settings(max_examples=100)
@given(
    length=st.integers(0, 140),
    cuts=st.lists(st.integers(10, 60), min_size=1, max_size=5),
    pages=st.booleans(),
    tells=st.booleans(),
)
def test_a_list_is_complete_if_the_length_of_pages_changes(
    length: int, cuts: list[int], *, pages: bool, tells: bool
) -> None:
    api = PagedApi(names(length), servers, pages=pages, tells=tells)

    def cut_otherwise(_: list[str]) -> None:
        api.cut = cuts[len(api.asked) % len(cuts)]

    api.cut, api.meanwhile = cuts[0], cut_otherwise
    assert anyio.run(lambda: server_uuids(api)) == names(length)
