"""The audit log."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

import pytest

from tests.simulator.documents import created, new_storage, running

if TYPE_CHECKING:
    import httpx

    from upcloud_sdk.simulator import ManualClock

pytestmark = pytest.mark.anyio


async def _log(api: httpx.AsyncClient, **params: str | int) -> list[tuple[str, str, str]]:
    entries = (await api.get("/audit-logs", params=params)).json()["audit_logs"]
    return [(entry["action"], entry["resource_type"], entry["resource_id"]) for entry in entries]


async def test_each_request_that_changes_something_is_in_the_log(api: httpx.AsyncClient, clock: ManualClock) -> None:
    server = (await running(api, clock))["uuid"]
    await api.post("/server", json={"server": {}})  # refused
    await api.put(f"/server/{server}", json={"server": {"title": "renamed"}})
    await api.post(f"/server/{server}/stop", json={"stop_server": {"stop_type": "hard"}})
    assert await _log(api) == [
        ("stop", "server", server),
        ("update", "server", server),
        ("create", "server", server),
    ]


async def test_a_change_to_a_part_of_a_server_is_logged_as_an_update(
    api: httpx.AsyncClient, clock: ManualClock
) -> None:
    server = (await running(api, clock))["uuid"]
    storage = (await new_storage(api))["uuid"]
    path = f"/server/{server}"
    await api.post(f"{path}/storage/attach", json={"storage_device": {"storage": storage}})
    await api.post(f"{path}/firewall_rule", json={"firewall_rule": {"direction": "in", "action": "drop"}})
    await api.post("/account/sub", json={"sub_account": {"username": "helper", "password": "secret"}})
    await api.post("/tag", json={"tag": {"name": "dev"}})  # resources of this kind are not logged
    assert [(action, kind) for action, kind, _ in await _log(api, limit=4)] == [
        ("create", "account"),
        ("update", "server"),
        ("attach", "server"),
        ("create", "storage"),
    ]
    entry = (await api.get("/audit-logs", params={"limit": 1})).json()["audit_logs"][0]
    assert (entry["origin"], entry["auth_type"], entry["account_username"]) == ("api", "basic_auth", "simulator")


async def test_an_offset_counts_pages_and_0_and_1_are_both_the_first_page(api: httpx.AsyncClient) -> None:
    for title in ("a", "b", "c"):
        await new_storage(api, title=title)
    first, same, second = [await _log(api, limit=2, offset=offset) for offset in (0, 1, 2)]
    assert first == same
    assert first + second == await _log(api)
    answer = await api.get("/audit-logs", params={"limit": 2})
    assert (len(answer.json()["audit_logs"]), answer.headers["upcloud-total-count"]) == (2, "3")


async def test_entries_are_filtered(api: httpx.AsyncClient, clock: ManualClock) -> None:
    server = (await created(api))["uuid"]
    clock.advance(60)
    await new_storage(api)
    assert [kind for _, kind, _ in await _log(api, resource_types="storage")] == ["storage"]
    assert [kind for _, kind, _ in await _log(api, q=server)] == ["server"]
    assert [kind for _, kind, _ in await _log(api, created_after="2026-01-01T00:00:30Z")] == ["storage"]
    assert [kind for _, kind, _ in await _log(api, created_before="2026-01-01T00:00:30Z")] == ["server"]
    assert await _log(api, actions="delete,stop") == []


async def test_the_whole_log_can_be_exported(api: httpx.AsyncClient) -> None:
    await created(api)
    await new_storage(api)
    listed = (await api.get("/audit-logs")).json()["audit_logs"]
    assert (await api.get("/audit-logs/export", params={"format": "json"})).json() == {"audit_logs": listed}
    answer = await api.get("/audit-logs/export", params={"format": "csv"})
    assert answer.headers["content-type"] == "text/csv"
    assert list(csv.DictReader(answer.text.splitlines())) == listed


@pytest.mark.parametrize(
    ("path", "params"),
    [
        ("/audit-logs", {"limit": "201"}),
        ("/audit-logs", {"offset": "-1"}),
        ("/audit-logs", {"created_after": "yesterday"}),
        ("/audit-logs/export", {"format": "xml"}),
    ],
)
async def test_a_malformed_query_is_refused(api: httpx.AsyncClient, path: str, params: dict[str, str]) -> None:
    answer = await api.get(path, params=params)
    assert (answer.status_code, answer.headers["content-type"]) == (400, "application/problem+json")
    assert [each["name"] for each in answer.json()["invalid_params"]] == list(params)
