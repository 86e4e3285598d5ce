"""Lists that come in pages."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.sdk import documents
from tests.sdk.sent import lines
from upcloud_sdk import Token, UpCloud
from upcloud_sdk.models import StorageSpec
from upcloud_sdk.simulator import ManualClock, Simulator

if TYPE_CHECKING:
    from collections.abc import Callable

    import respx

ENTRIES = [{"cloud_event_id": f"{number:026d}", "time": "2026-11-24T09:00:00Z"} for number in range(1, 26)]
NUMBERS = list(range(1, 26))


def _from_0(offset: int, limit: int) -> list[dict[str, str]]:
    return ENTRIES[offset : offset + limit]


def _from_1(offset: int, limit: int) -> list[dict[str, str]]:
    return ENTRIES[max(0, offset - 1) :][:limit]


def _pages(offset: int, limit: int) -> list[dict[str, str]]:
    first = max(0, offset - 1) * limit
    return ENTRIES[first : first + limit]


async def _numbers(cloud: UpCloud, size: int) -> list[int]:
    return [int(entry.cloud_event_id or 0) async for page in cloud.audit_logs.list(page=size) for entry in page]


@pytest.mark.parametrize("count", [True, False], ids=["with a count", "without a count"])
@pytest.mark.parametrize("wrapping", ["", "audit_logs"], ids=["bare", "wrapped"])
@pytest.mark.parametrize("size", [10, 12, 25, 200])
@pytest.mark.parametrize("read", [_from_0, _from_1, _pages])
async def test_the_audit_log_is_whole_whatever_an_offset_counts(
    read: Callable[[int, int], list[dict[str, str]]], size: int, wrapping: str, count: bool
) -> None:
    """The reference says no more of offsets than that 0 and 1 give the same page."""

    def answer(request: httpx.Request) -> httpx.Response:
        items = read(int(request.url.params["offset"]), int(request.url.params["limit"]))
        headers = {"Upcloud-Total-Count": str(len(ENTRIES))} if count else {}
        return httpx.Response(200, json={wrapping: items} if wrapping else items, headers=headers)

    async with UpCloud(Token("ucat_x"), transport=httpx.MockTransport(answer)) as cloud:
        assert await _numbers(cloud, size) == NUMBERS


async def test_an_empty_log_has_no_pages(api: respx.MockRouter, cloud: UpCloud) -> None:
    api.get("/audit-logs").respond(200, json={"audit_logs": []}, headers={"Upcloud-Total-Count": "0"})

    assert [page async for page in cloud.audit_logs.list()] == []
    assert len(lines(api)) == 1


async def test_a_count_that_is_too_high_ends(api: respx.MockRouter, cloud: UpCloud) -> None:
    entries = {"audit_logs": ENTRIES}
    api.get("/audit-logs", params={"offset": "0"}).respond(200, json=entries, headers={"Upcloud-Total-Count": "99"})
    api.get("/audit-logs").respond(200, json={"audit_logs": []}, headers={"Upcloud-Total-Count": "99"})

    assert await _numbers(cloud, 200) == NUMBERS
    assert len(lines(api)) == 3


async def test_the_log_of_the_simulator_is_read_whole() -> None:
    sim = Simulator(clock=ManualClock(), storage_seconds=0)
    async with UpCloud(Token("ucat_x"), transport=sim.transport()) as cloud:
        for number in range(25):
            await cloud.storages.create(StorageSpec(zone="fi-hel1", title=f"disk {number}", size=1))
        read = [entry async for page in cloud.audit_logs.list(page=10) for entry in page]

    assert len({entry.cloud_event_id for entry in read}) == len(read) == 25
    assert read[0].time is not None
    assert read[0].account_username


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"page": 9}, "page is 9: a page has 10 to 200 entries"),
        ({"page": 201}, "page is 201"),
        ({"created_after": datetime(2026, 1, 1)}, "created_after has no time zone"),  # noqa: DTZ001 - what is refused
        ({"actions": "create"}, r"write actions=\['create'\]"),
    ],
)
def test_what_cannot_be_asked_of_the_log_is_refused_at_once(options: dict[str, Any], says: str) -> None:
    with pytest.raises((ValueError, TypeError), match=says):
        UpCloud(Token("ucat_x")).audit_logs.list(**options)


TOKENS = [{"id": f"0c{number:06d}", "name": "ci"} for number in range(30)]


async def _tokens(answer: Callable[[int, int | None], list[Any]]) -> tuple[int, int]:
    """How many tokens are read, and by how many requests."""
    asked: list[str] = []

    def handle(request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url))
        limit = request.url.params.get("limit")
        return httpx.Response(200, json=answer(int(request.url.params.get("offset", 0)), limit and int(limit)))

    async with UpCloud(Token("ucat_x"), transport=httpx.MockTransport(handle)) as cloud:
        return len(await cloud.tokens.list()), len(asked)


async def test_a_list_that_comes_in_pages_without_saying_so_is_completed() -> None:
    assert await _tokens(lambda offset, limit: TOKENS[offset : offset + (limit or 20)]) == (30, 3)


async def test_a_service_that_knows_no_pages_ends_too() -> None:
    assert await _tokens(lambda offset, limit: TOKENS) == (30, 2)


async def test_a_few_tokens_are_no_page() -> None:
    assert await _tokens(lambda offset, limit: TOKENS[:9]) == (9, 1)


# --- servers and storages, on request ---------------------------------------------------------------------------------

UUIDS = [f"00{number:06d}" for number in range(5)]


class Listing:
    """How an API may answer a list of five servers: what it shows of it, and whether it says how many there are."""

    def __init__(self, show: Callable[[int, int], list[str]], *, count: bool) -> None:
        self.show, self.count = show, count
        self.asked: list[tuple[int, int]] = []

    async def read(self, page_size: int) -> list[str]:
        async with UpCloud(Token("ucat_x"), transport=httpx.MockTransport(self._answer)) as cloud:
            return [server.uuid for server in await cloud.servers.list(page_size=page_size)]

    def _answer(self, request: httpx.Request) -> httpx.Response:
        offset, limit = int(request.url.params["offset"]), int(request.url.params["limit"])
        self.asked.append((offset, limit))
        servers = documents.servers(*({"uuid": uuid} for uuid in self.show(offset, limit)))
        headers = {"Upcloud-Total-Count": str(len(UUIDS))} if self.count else {}
        return httpx.Response(200, json=servers, headers=headers)


def _page(offset: int, limit: int) -> list[str]:
    return UUIDS[offset : offset + limit]


def _two_at_most(offset: int, limit: int) -> list[str]:
    return _page(offset, min(2, limit))


def _everything(_offset: int, _limit: int) -> list[str]:
    return UUIDS


def _all_from_there(offset: int, _limit: int) -> list[str]:
    return UUIDS[offset:]


async def test_servers_are_asked_for_in_pages_where_the_caller_wants_that() -> None:
    api = Listing(_page, count=True)
    assert await api.read(page_size=2) == UUIDS
    assert api.asked == [(0, 2), (2, 2), (4, 2)]


@pytest.mark.parametrize("size", [1, 2, 3, 5, 6])
@pytest.mark.parametrize("show", [_page, _two_at_most, _everything, _all_from_there])
@pytest.mark.parametrize("count", [True, False], ids=["with a count", "without a count"])
async def test_a_list_in_pages_is_whole_whatever_the_api_makes_of_limit_and_offset(
    show: Callable[[int, int], list[str]], count: bool, size: int
) -> None:
    """The reference does not say whether these lists come in pages, or how large a page may be."""
    assert await Listing(show, count=count).read(page_size=size) == UUIDS


async def test_a_server_that_moves_to_the_next_page_is_listed_once() -> None:
    """One that is made meanwhile pushes the others on."""
    seen = iter([UUIDS[:2], UUIDS[1:3], UUIDS[3:], []])
    assert await Listing(lambda offset, limit: next(seen), count=False).read(page_size=2) == UUIDS


async def test_storages_of_the_simulator_come_in_pages_too() -> None:
    sim = Simulator(clock=ManualClock(), storage_seconds=0)
    async with UpCloud(Token("ucat_x"), transport=sim.transport()) as cloud:
        at_once = await cloud.storages.list("public")
        before = len(sim.requests)
        in_pages = await cloud.storages.list("public", page_size=10)
    assert in_pages == at_once
    assert len(sim.requests) - before == -(-len(at_once) // 10) > 1


async def test_a_page_of_nothing_is_refused_before_anything_is_sent(api: respx.MockRouter, cloud: UpCloud) -> None:
    with pytest.raises(ValueError, match="page_size is 0: a page has at least 1 item"):
        await cloud.servers.list(page_size=0)
    assert not api.calls
