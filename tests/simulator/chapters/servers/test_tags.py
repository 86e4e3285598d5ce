"""Tags and their servers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest

from tests.simulator.documents import created, refusal

if TYPE_CHECKING:
    from upcloud_sdk.simulator import Simulator

pytestmark = pytest.mark.anyio


async def _tag(api: httpx.AsyncClient, name: str, *servers: str) -> None:
    answer = await api.post("/tag", json={"tag": {"name": name, "servers": {"server": list(servers)}}})
    assert answer.status_code == 200, answer.text


async def test_a_new_tag_is_set_on_its_servers(api: httpx.AsyncClient) -> None:
    server = (await created(api))["uuid"]
    body = {"tag": {"name": "DEV", "description": "for builds", "servers": {"server": [server]}}}
    answer = await api.post("/tag", json=body)
    assert (answer.status_code, answer.json()) == (200, body)
    assert (await api.get("/tag/dev")).json() == body
    assert (await api.get("/tag")).json() == {"tags": {"tag": [body["tag"]]}}
    assert (await api.get(f"/server/{server}")).json()["server"]["tags"] == {"tag": ["DEV"]}


async def test_names_of_tags_are_unique_regardless_of_case(api: httpx.AsyncClient) -> None:
    await _tag(api, "DEV")
    await _tag(api, "private")
    assert refusal(await api.post("/tag", json={"tag": {"name": "dev"}})) == (409, "TAG_EXISTS")
    assert refusal(await api.put("/tag/private", json={"tag": {"name": "Dev"}})) == (409, "TAG_EXISTS")
    assert (await api.put("/tag/dev", json={"tag": {"name": "Dev"}})).json()["tag"]["name"] == "Dev"


async def test_a_renamed_tag_stays_on_its_servers(api: httpx.AsyncClient) -> None:
    server = (await created(api))["uuid"]
    await _tag(api, "old", server)
    renamed = (await api.put("/tag/old", json={"tag": {"name": "new"}})).json()["tag"]
    assert renamed["servers"] == {"server": [server]}
    assert (await api.get(f"/server/{server}")).json()["server"]["tags"] == {"tag": ["new"]}
    assert refusal(await api.get("/tag/old")) == (404, "TAG_NOT_FOUND")


async def test_the_servers_in_a_change_replace_the_earlier_ones(api: httpx.AsyncClient) -> None:
    first, second = (await created(api))["uuid"], (await created(api))["uuid"]
    await _tag(api, "DEV", first)
    changed = await api.put("/tag/DEV", json={"tag": {"servers": {"server": [second]}}})
    assert changed.json()["tag"]["servers"] == {"server": [second]}
    assert (await api.get(f"/server/{first}")).json()["server"]["tags"] == {"tag": []}


async def test_several_tags_can_be_added_and_removed_at_once(api: httpx.AsyncClient) -> None:
    server = (await created(api))["uuid"]
    for name in ("a", "b", "c"):
        await _tag(api, name)
    tagged = await api.post(f"/server/{server}/tag/a,B,c")
    assert (tagged.status_code, tagged.json()["server"]["tags"]) == (200, {"tag": ["a", "b", "c"]})
    untagged = await api.post(f"/server/{server}/untag/a,c")
    assert untagged.json()["server"]["tags"] == {"tag": ["b"]}
    assert refusal(await api.post(f"/server/{server}/tag/b,missing")) == (404, "TAG_NOT_FOUND")


async def test_servers_are_listed_by_any_or_by_all_of_some_tags(api: httpx.AsyncClient) -> None:
    both, one = (await created(api))["uuid"], (await created(api))["uuid"]
    await created(api)
    await _tag(api, "dev", both)
    await _tag(api, "web", both, one)

    async def listed(tags: str) -> list[str]:
        servers = (await api.get(f"/server/tag/{tags}")).json()["servers"]["server"]
        return [server["uuid"] for server in servers]

    assert await listed("DEV,web") == [both, one]
    assert await listed("dev:web") == [both]


async def test_a_deleted_tag_is_removed_from_its_servers(api: httpx.AsyncClient, sim: Simulator) -> None:
    server = (await created(api))["uuid"]
    await _tag(api, "DEV", server)
    assert (await api.delete("/tag/dev")).status_code == 204
    assert (sim.tags, sim.servers[server].tags) == ({}, [])
    answer = await api.delete("/tag/dev")
    assert refusal(answer) == (404, "TAG_NOT_FOUND")
    assert answer.json()["error"]["error_message"] == "The tag dev does not exist."


@pytest.mark.parametrize(
    "tag",
    [
        {},
        {"name": "a-b"},
        {"name": "x" * 33},
        {"name": "a", "description": "x" * 256},
        {"name": "a", "colour": "red"},
        {"name": "a", "servers": {"server": ["not-a-uuid"]}},
    ],
)
async def test_a_malformed_tag_is_refused(api: httpx.AsyncClient, tag: dict[str, object]) -> None:
    assert refusal(await api.post("/tag", json={"tag": tag})) == (400, "TAG_INVALID")


async def test_a_sub_account_may_not_use_tags(api: httpx.AsyncClient, sim: Simulator) -> None:
    await api.post("/account/sub", json={"sub_account": {"username": "helper", "password": "secret-word"}})
    async with httpx.AsyncClient(
        transport=sim.transport(), base_url="https://api.upcloud.com/1.3", auth=("helper", "secret-word")
    ) as helper:
        answer = await helper.post("/tag", json={"tag": {"name": "mine"}})
    assert refusal(answer) == (403, "ACTION_FORBIDDEN")
    assert answer.json()["error"]["error_message"] == "The requested action is forbidden."
