"""Sub-accounts and permissions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest

from tests.simulator.documents import Document, created, refusal

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from upcloud_sdk.simulator import Simulator

pytestmark = pytest.mark.anyio

HELPER: Document = {
    "username": "helper",
    "password": "secret-word",
    "first_name": "Test",
    "email": "test@example.com",
    "allow_api": "yes",
    "roles": {"role": ["technical"]},
    "server_access": {"server": [{"uuid": "*", "storage": "yes"}]},
    "tag_access": {"tag": [{"name": "dev", "storage": "no"}]},
    "ip_filters": {"ip_filter": ["127.0.0.1"]},
}


@pytest.fixture
async def helper(api: httpx.AsyncClient, sim: Simulator) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a sub-account."""
    answer = await api.post("/account/sub", json={"sub_account": HELPER})
    assert (answer.status_code, answer.content) == (204, b"")
    async with httpx.AsyncClient(
        transport=sim.transport(), base_url="https://api.upcloud.com/1.3", auth=("helper", "secret-word")
    ) as client:
        yield client


async def test_a_sub_account_has_the_details_that_were_sent(api: httpx.AsyncClient, helper: httpx.AsyncClient) -> None:
    details = (await api.get("/account/details/helper")).json()["account"]
    assert {key: value for key, value in HELPER.items() if key != "password"}.items() <= details.items()
    assert (details["type"], details["main_account"], details["campaigns"]) == ("sub", "simulator", {"campaign": []})
    assert "password" not in details
    assert (await helper.get("/account/details/helper")).json()["account"] == details


async def test_a_change_keeps_the_fields_that_it_leaves_out(api: httpx.AsyncClient, helper: httpx.AsyncClient) -> None:
    body: Document = {"account": {"city": "Oulu", "roles": {"role": ["billing"]}, "tag_access": {"tag": []}}}
    assert (await api.put("/account/sub/helper", json=body)).status_code == 204
    details = (await helper.get("/account/details/helper")).json()["account"]
    changed: Document = {"city": "Oulu", "roles": {"role": ["billing"]}, "tag_access": {"tag": []}}
    assert (changed | {"first_name": "Test"}).items() <= details.items()


@pytest.mark.parametrize("nothing", [None, {"ip_filter": None}, {}])
async def test_null_instead_of_a_list_empties_the_list(
    api: httpx.AsyncClient, helper: httpx.AsyncClient, nothing: object
) -> None:
    """The official Go client sends it."""
    for filters in ({"ip_filter": ["192.0.2.1"]}, nothing):
        answer = await api.put("/account/sub/helper", json={"account": {"ip_filters": filters}})
        assert answer.status_code == 204, answer.text
    details = (await api.get("/account/details/helper")).json()["account"]
    assert details["ip_filters"] == {"ip_filter": []}


async def test_all_accounts_are_listed(api: httpx.AsyncClient, helper: httpx.AsyncClient) -> None:
    assert (await api.get("/account/list")).json()["accounts"]["account"] == [
        {"roles": {"role": ["technical"]}, "type": "main", "username": "simulator"},
        {"roles": {"role": ["technical"]}, "type": "sub", "username": "helper"},
    ]
    assert refusal(await helper.get("/account/list")) == (403, "ACTION_FORBIDDEN")


async def test_the_main_account_has_details_too(api: httpx.AsyncClient) -> None:
    details = (await api.get("/account/details/simulator")).json()["account"]
    assert (details["type"], details["currency"]) == ("main", "EUR")
    assert "main_account" not in details


async def test_a_sub_account_needs_its_password_and_permission_to_use_the_api(
    api: httpx.AsyncClient, helper: httpx.AsyncClient
) -> None:
    wrong = await helper.get("/account", auth=("helper", "guessed"))
    assert refusal(wrong) == (401, "AUTHENTICATION_FAILED")
    await api.put("/account/sub/helper", json={"account": {"allow_api": "no"}})
    assert refusal(await helper.get("/account")) == (403, "ACCOUNT_FORBIDDEN")


async def test_a_sub_account_may_not_manage_accounts(helper: httpx.AsyncClient) -> None:
    body = {"sub_account": {"username": "friend", "password": "another-word"}}
    assert refusal(await helper.post("/account/sub", json=body)) == (403, "ACTION_FORBIDDEN")
    assert refusal(await helper.get("/account/details/simulator")) == (403, "ACTION_FORBIDDEN")


async def test_a_deleted_sub_account_is_gone_with_its_permissions(
    api: httpx.AsyncClient, helper: httpx.AsyncClient, sim: Simulator
) -> None:
    body = {"permission": {"target_type": "server", "target_identifier": "*", "user": "helper"}}
    await api.post("/permission/grant", json=body)
    assert (await api.delete("/account/sub/helper")).status_code == 204
    assert (sim.sub_accounts, sim.permissions) == ({}, [])
    assert refusal(await api.get("/account/details/helper")) == (404, "USER_NOT_FOUND")


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"username": "simulator"}, 409, "RESOURCE_ALREADY_EXISTS"),
        ({"password": None}, 400, "PASSWORD_MISSING"),
        ({"allow_api": True}, 400, "ALLOW_API_INVALID"),
        ({"roles": {"role": ["owner"]}}, 400, "ROLES_INVALID"),
        ({"shoe_size": 44}, 400, "UNKNOWN_ATTRIBUTE"),
    ],
)
async def test_a_malformed_sub_account_is_refused(
    api: httpx.AsyncClient, changes: Document, status: int, code: str
) -> None:
    body = {key: value for key, value in (HELPER | changes).items() if value is not None}
    assert refusal(await api.post("/account/sub", json={"sub_account": body})) == (status, code)


async def test_a_permission_is_granted_listed_and_revoked(api: httpx.AsyncClient, helper: httpx.AsyncClient) -> None:
    server = (await created(api))["uuid"]
    permission = {
        "target_type": "server",
        "target_identifier": server,
        "user": "helper",
        "options": {"storage": "yes"},
    }
    answer = await api.post("/permission/grant", json={"permission": permission})
    assert (answer.status_code, answer.json()) == (200, {"permission": permission})
    assert (await api.get("/permission")).json() == {"permissions": {"permission": [permission]}}
    assert (await api.get("/permission", params={"user": "other"})).json() == {"permissions": {"permission": []}}
    assert (await api.post("/permission/revoke", json={"permission": permission})).status_code == 204
    assert refusal(await api.post("/permission/revoke", json={"permission": permission})) == (404, "NOT_FOUND")


async def test_a_permission_that_is_granted_twice_is_listed_once(
    api: httpx.AsyncClient, helper: httpx.AsyncClient
) -> None:
    target = {"target_type": "storage", "target_identifier": "*", "user": "helper"}
    for storage in ("yes", "no"):
        await api.post("/permission/grant", json={"permission": target | {"options": {"storage": storage}}})
    listed = (await api.get("/permission")).json()["permissions"]["permission"]
    assert listed == [target | {"options": {"storage": "no"}}]


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"target_type": "planet"}, 400, "TARGET_TYPE_INVALID"),
        ({"target_identifier": "00aaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa"}, 400, "TARGET_IDENTIFIER_INVALID"),
        ({"user": "nobody"}, 404, "USER_NOT_FOUND"),
    ],
)
async def test_a_malformed_permission_is_refused(
    api: httpx.AsyncClient, helper: httpx.AsyncClient, changes: Document, status: int, code: str
) -> None:
    permission = {"target_type": "server", "target_identifier": "*", "user": "helper"} | changes
    assert refusal(await api.post("/permission/grant", json={"permission": permission})) == (status, code)
