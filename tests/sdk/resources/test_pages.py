"""The pages of the audit log."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import httpx
import pytest

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
@pytest.mark.parametrize("size", [10, 12, 25, 100])
@pytest.mark.parametrize("read", [_from_0, _from_1, _pages])
async def test_the_audit_log_is_complete_whatever_an_offset_counts(
    read: Callable[[int, int], list[dict[str, str]]], size: int, wrapping: str, count: bool
) -> None:
    """The reference only says that the offsets 0 and 1 give the same page."""

    def answer(request: httpx.Request) -> httpx.Response:
        items = read(int(request.url.params["offset"]), int(request.url.params["limit"]))
        headers = {"Upcloud-Total-Count": str(len(ENTRIES))} if count else {}
        return httpx.Response(200, json={wrapping: items} if wrapping else items, headers=headers)

    async with UpCloud(Token("ucat_x"), transport=httpx.MockTransport(answer)) as cloud:
        assert await _numbers(cloud, size) == NUMBERS


@pytest.mark.parametrize("cut", [10, 20, 24, 25])
@pytest.mark.parametrize("read", [_from_0, _from_1, _pages])
async def test_no_entry_is_missed_if_the_api_sends_shorter_pages(
    read: Callable[[int, int], list[dict[str, str]]], cut: int
) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json=read(int(request.url.params["offset"]), cut))

    async with UpCloud(Token("ucat_x"), transport=httpx.MockTransport(answer)) as cloud:
        assert await _numbers(cloud, 100) == NUMBERS


@pytest.mark.parametrize("count", [3, 24, 25, 26, 99])
@pytest.mark.parametrize("cut", [10, 20, 25])
@pytest.mark.parametrize("read", [_from_0, _from_1])
async def test_no_entry_is_missed_if_the_total_is_wrong(
    read: Callable[[int, int], list[dict[str, str]]], cut: int, count: int
) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        items = read(int(request.url.params["offset"]), cut)
        return httpx.Response(200, json=items, headers={"Upcloud-Total-Count": str(count)})

    async with UpCloud(Token("ucat_x"), transport=httpx.MockTransport(answer)) as cloud:
        assert await _numbers(cloud, 100) == NUMBERS


async def test_an_empty_log_has_no_pages(api: respx.MockRouter, cloud: UpCloud) -> None:
    api.get("/audit-logs").respond(200, json={"audit_logs": []}, headers={"Upcloud-Total-Count": "0"})

    assert [page async for page in cloud.audit_logs.list()] == []
    assert len(lines(api)) == 1


async def test_reading_ends_if_the_total_is_too_high(api: respx.MockRouter, cloud: UpCloud) -> None:
    entries = {"audit_logs": ENTRIES}
    api.get("/audit-logs", params={"offset": "0"}).respond(200, json=entries, headers={"Upcloud-Total-Count": "99"})
    api.get("/audit-logs").respond(200, json={"audit_logs": []}, headers={"Upcloud-Total-Count": "99"})

    assert await _numbers(cloud, 100) == NUMBERS
    assert len(lines(api)) == 3


async def test_the_log_of_the_simulator_is_read_completely() -> None:
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
        ({"page": 9}, "page is 9: a page has 10 to 100 entries"),
        ({"page": 101}, "page is 101"),
        ({"created_after": datetime(2026, 1, 1)}, "created_after has no time zone"),  # noqa: DTZ001 - what is refused
        ({"actions": "create"}, r"write actions=\['create'\]"),
    ],
)
def test_an_invalid_filter_of_the_log_is_refused_immediately(options: dict[str, Any], says: str) -> None:
    with pytest.raises((ValueError, TypeError), match=says):
        UpCloud(Token("ucat_x")).audit_logs.list(**options)


async def test_storages_of_the_simulator_are_read_in_pages_too() -> None:
    sim = Simulator(clock=ManualClock(), storage_seconds=0)
    async with UpCloud(Token("ucat_x"), transport=sim.transport()) as cloud:
        at_once = await cloud.storages.list("public")
        in_pages = await cloud.storages.list("public", page_size=10)
    assert in_pages == at_once
