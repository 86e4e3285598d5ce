"""Pages, order and filters of lists, as in UpCloud's contract."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.simulator.documents import created, new_storage, refusal, running
from upcloud_sdk.simulator import Simulator

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from upcloud_sdk.simulator import ManualClock


async def _titles(api: httpx.AsyncClient, path: str, **params: object) -> list[str]:
    answer = await api.get(path, params=params)  # type: ignore[arg-type]  # what httpx makes a string of
    assert answer.status_code == 200, answer.text
    [listed] = answer.json().values()
    [items] = listed.values()
    return [item["title"] for item in items]


@pytest.fixture
async def telling(clock: ManualClock) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a simulator that sends totals."""
    sim = Simulator(clock=clock, seed=1, total_count=True)
    async with httpx.AsyncClient(
        transport=sim.transport(), base_url="https://api.upcloud.com/1.3", auth=("user", "password")
    ) as client:
        yield client


async def test_a_page_of_servers_has_25_by_default_and_at_most_1000(api: httpx.AsyncClient) -> None:
    for number in range(27):
        await created(api, title=f"build-{number}")
    assert len(await _titles(api, "/server")) == 25
    assert await _titles(api, "/server", offset=25) == ["build-25", "build-26"]
    assert len(await _titles(api, "/server", limit=1000)) == 27
    assert len(await _titles(api, "/server", limit=26)) == 26


async def test_a_page_of_storages_has_25_by_default_and_at_most_100(api: httpx.AsyncClient) -> None:
    for number in range(26):
        await new_storage(api, title=f"data-{number}", size=1)
    assert len(await _titles(api, "/storage")) == 25
    assert len(await _titles(api, "/storage/normal")) == 25
    assert len(await _titles(api, "/storage/private/normal")) == 25
    assert len(await _titles(api, "/storage/normal", limit=100)) == 26


async def test_favorites_have_no_pages(api: httpx.AsyncClient) -> None:
    for number in range(26):
        storage = await new_storage(api, title=f"data-{number}", size=1)
        await api.post(f"/storage/{storage['uuid']}/favorite")
    assert len(await _titles(api, "/storage/favorite")) == 26
    assert len(await _titles(api, "/storage/favorite", limit=2)) == 26


async def test_a_page_of_tokens_has_20(api: httpx.AsyncClient) -> None:
    for number in range(21):
        body = {"name": f"token {number:02}", "expires_at": "2030-12-01T00:00:00Z"}
        assert (await api.post("/account/tokens", json=body)).status_code == 201
    assert len((await api.get("/account/tokens")).json()) == 20
    assert len((await api.get("/account/tokens", params={"limit": 100})).json()) == 21


@pytest.mark.parametrize(
    ("path", "limit", "code"),
    [
        ("/server", 0, "LIMIT_INVALID"),
        ("/server", 1001, "LIMIT_INVALID"),
        ("/server", "all", "LIMIT_INVALID"),
        ("/storage", 0, "LIMIT_INVALID"),
        ("/storage", 101, "LIMIT_INVALID"),
        ("/storage/template", 101, "LIMIT_INVALID"),
        ("/storage/public/template", 101, "LIMIT_INVALID"),
    ],
)
async def test_a_limit_that_is_out_of_range_is_refused(
    api: httpx.AsyncClient, path: str, limit: object, code: str
) -> None:
    assert refusal(await api.get(path, params={"limit": str(limit)})) == (400, code)


@pytest.mark.parametrize(("path", "limit"), [("/account/tokens", 101), ("/audit-logs", 201), ("/audit-logs", 0)])
async def test_the_newer_services_name_the_refused_limit(api: httpx.AsyncClient, path: str, limit: int) -> None:
    answer = await api.get(path, params={"limit": limit})
    assert answer.status_code == 400
    assert [each["name"] for each in answer.json()["invalid_params"]] == ["limit"]


@pytest.mark.parametrize("path", ["/network", "/router", "/server-group", "/network-peering", "/tag", "/ip_address"])
async def test_other_lists_have_no_pages(api: httpx.AsyncClient, path: str) -> None:
    whole = await api.get(path)
    answer = await api.get(path, params={"limit": 0, "offset": 1})
    assert (answer.status_code, answer.json()) == (200, whole.json())
    assert "upcloud-total-count" not in answer.headers


@pytest.mark.parametrize("path", ["/server", "/storage", "/account/tokens"])
async def test_lists_have_no_total_by_default(api: httpx.AsyncClient, telling: httpx.AsyncClient, path: str) -> None:
    assert "upcloud-total-count" not in (await api.get(path)).headers
    assert "upcloud-total-count" in (await telling.get(path)).headers


async def test_the_total_counts_the_whole_list(telling: httpx.AsyncClient) -> None:
    for number in range(3):
        await created(telling, title=f"build-{number}")
    answer = await telling.get("/server", params={"limit": 2})
    assert len(answer.json()["servers"]["server"]) == 2
    assert answer.headers["upcloud-total-count"] == "3"


# Order


@pytest.mark.parametrize(
    ("params", "titles"),
    [
        ({"sort_by": "title"}, ["a", "b", "c"]),
        ({"sort_by": "title", "order_by": "desc"}, ["c", "b", "a"]),
        ({"sort_by": "memory"}, ["c", "b", "a"]),
        ({"sort_by": "cores", "order_by": "desc"}, ["a", "c", "b"]),
        ({"sort_by": "popularity"}, ["c", "a", "b"]),
        ({"order_by": "desc"}, ["b", "a", "c"]),
        ({"sort_by": "title", "limit": 2, "offset": 1}, ["b", "c"]),
    ],
)
async def test_servers_can_be_sorted(api: httpx.AsyncClient, params: dict[str, Any], titles: list[str]) -> None:
    for title, cores, memory in (("c", 1, 1024), ("a", 2, 4096), ("b", 1, 2048)):
        await created(api, title=title, plan=None, core_number=cores, memory_amount=memory)
    assert await _titles(api, "/server", **params) == titles


async def test_storages_can_be_sorted(api: httpx.AsyncClient) -> None:
    for title, size in (("c", 1), ("a", 3), ("b", 2)):
        await new_storage(api, title=title, size=size)
    assert await _titles(api, "/storage/normal", sort_by="size") == ["c", "b", "a"]
    assert await _titles(api, "/storage/normal", sort_by="title", order_by="desc") == ["c", "b", "a"]


@pytest.mark.parametrize("path", ["/server", "/storage"])
async def test_a_field_name_instead_of_a_direction_is_refused(api: httpx.AsyncClient, path: str) -> None:
    """The older documentation allows it, but the real API refuses it."""
    assert refusal(await api.get(path, params={"order_by": "title"})) == (400, "ORDER_BY_INVALID")
    assert refusal(await api.get(path, params={"sort_by": "asc"})) == (400, "SORT_BY_INVALID")


async def test_tokens_can_be_sorted_and_filtered(api: httpx.AsyncClient) -> None:
    for name in ("b", "c", "a"):
        await api.post("/account/tokens", json={"name": name, "expires_at": "2030-12-01T00:00:00Z"})
    answer = await api.get("/account/tokens?sort=-created_at,%2Bname")
    assert [token["name"] for token in answer.json()] == ["a", "b", "c"]
    answer = await api.get("/account/tokens?sort=-name")
    assert [token["name"] for token in answer.json()] == ["c", "b", "a"]
    assert (await api.get("/account/tokens?gui=true")).json() == []
    assert (await api.get("/account/tokens?sort=colour")).status_code == 400


# Filters


async def test_servers_can_be_filtered_by_uuid(api: httpx.AsyncClient) -> None:
    servers = [await created(api, title=f"build-{number}") for number in range(3)]
    query = [("uuid", servers[0]["uuid"]), ("uuid", servers[2]["uuid"])]
    answer = await api.get("/server", params=query)
    assert [each["title"] for each in answer.json()["servers"]["server"]] == ["build-0", "build-2"]
    assert refusal(await api.get("/server?uuid=build-0")) == (400, "UUID_INVALID")


async def test_a_filter_can_be_given_at_most_five_times(api: httpx.AsyncClient) -> None:
    assert (await api.get("/server?" + "&".join(["host=1"] * 5))).status_code == 200
    assert refusal(await api.get("/server?" + "&".join(["host=1"] * 6))) == (409, "TOO_MANY_VALUES")


async def test_servers_can_be_filtered_by_state_tag_text_host_and_device(
    api: httpx.AsyncClient, clock: ManualClock
) -> None:
    first = await running(api, clock, title="one", hostname="one.example.com")
    await created(api, title="two", hostname="two.example.com")
    await api.post("/tag", json={"tag": {"name": "CI", "servers": {"server": [first["uuid"]]}}})
    address = first["ip_addresses"]["ip_address"][0]["address"]
    disk = first["storage_devices"]["storage_device"][0]["storage"]
    for params in (
        {"state": "started"}, {"tag": "ci"}, {"tag": "CI,other"}, {"search": "ONE.ex"}, {"search": address},
        {"host": first["host"]}, {"device": disk}, {"state": "started", "search": "one"},
    ):  # fmt: skip
        assert "one" in await _titles(api, "/server", **params)
    assert await _titles(api, "/server", state="maintenance") == ["two"]
    assert await _titles(api, "/server", tag="other") == []
    assert await _titles(api, "/server", search="three") == []
    assert await _titles(api, "/server", host=1) == []
    assert await _titles(api, "/server", device="01000000-0000-4000-8000-000000000000") == []
    assert refusal(await api.get("/server?state=asleep")) == (400, "STATE_INVALID")
    assert refusal(await api.get("/server?host=here")) == (400, "HOST_INVALID")


async def test_storages_can_be_searched(api: httpx.AsyncClient) -> None:
    await new_storage(api, title="The data of builds")
    assert await _titles(api, "/storage", search="data OF") == ["The data of builds"]
    assert all("Debian" in title for title in await _titles(api, "/storage", search="debian"))


async def test_a_label_filter_ignores_the_case_of_keys(api: httpx.AsyncClient) -> None:
    await created(api, title="one", labels={"label": [{"key": "Team", "value": "a"}]})
    assert await _titles(api, "/server", label="team=a") == ["one"]
    assert await _titles(api, "/server", label="TEAM") == ["one"]
    assert await _titles(api, "/server", label="team=A") == []


async def test_prices_can_be_filtered_by_zone(api: httpx.AsyncClient) -> None:
    [zone] = (await api.get("/price?zone=fi-hel1")).json()["prices"]["zone"]
    assert zone["name"] == "fi-hel1"
    assert (await api.get("/price?zone=xx-xxx1")).status_code == 400
