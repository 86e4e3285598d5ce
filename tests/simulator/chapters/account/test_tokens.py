"""API tokens: one of the newer services."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import httpx
import pytest

from upcloud_sdk.simulator import ManualClock, Simulator

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.simulator.documents import Document

pytestmark = pytest.mark.anyio

WANTED = {
    "name": "builds",
    "expires_at": "2026-02-01T00:00:00Z",
    "can_create_tokens": False,
    "allowed_ip_ranges": ["0.0.0.0/1", "::/0"],
}


async def _token(api: httpx.AsyncClient, **changes: object) -> Document:
    answer = await api.post("/account/tokens", json=WANTED | changes)
    assert answer.status_code == 201, answer.text
    token: Document = answer.json()
    return token


def _problem(answer: httpx.Response) -> tuple[int, str]:
    assert answer.headers["content-type"] == "application/problem+json"
    document = answer.json()
    assert document["status"] == answer.status_code
    return answer.status_code, document["type"].partition("#ERROR_")[2]


@pytest.fixture
def bearer(sim: Simulator) -> Callable[[str], httpx.AsyncClient]:
    """Makes clients that use a token."""

    def client(secret: str) -> httpx.AsyncClient:
        return httpx.AsyncClient(
            transport=sim.transport(),
            base_url="https://api.upcloud.com/1.3",
            headers={"authorization": f"Bearer {secret}"},
        )

    return client


@pytest.fixture
def sim(clock: ManualClock) -> Simulator:
    """A simulator that accepts only one pair of credentials, so that invalid tokens are refused."""
    return Simulator(clock=clock, seed=1, username="user", password="password")


async def test_only_the_answer_to_a_create_has_the_secret(api: httpx.AsyncClient) -> None:
    token = await _token(api)
    assert re.fullmatch(r"ucat_\w{20,}", token.pop("token"))
    assert (token["name"], token["allowed_ip_ranges"]) == (WANTED["name"], WANTED["allowed_ip_ranges"])
    assert (await api.get(f"/account/tokens/{token['id']}")).json() == token
    answer = await api.get("/account/tokens")
    assert (answer.json(), answer.headers["content-type"]) == ([token], "application/json")


async def test_the_expiry_of_a_token_has_microseconds(api: httpx.AsyncClient) -> None:
    token = await _token(api)
    assert re.fullmatch(r"2026-02-01T00:00:00\.0000\d+Z", token["expires_at"])
    assert token["id"].startswith("0c")
    assert (token["type"], token["gui"], token["can_create_tokens"]) == ("workspace", False, False)


async def test_a_token_is_accepted_until_it_expires(
    api: httpx.AsyncClient, clock: ManualClock, bearer: Callable[[str], httpx.AsyncClient]
) -> None:
    token = await _token(api)
    async with bearer(token["token"]) as client:
        assert (await client.get("/account")).status_code == 200
        used = (await api.get(f"/account/tokens/{token['id']}")).json()
        assert used["last_used_at"].startswith("2026-01-01T00:00:00")
        clock.advance(32 * 24 * 3600)
        assert (await client.get("/account")).status_code == 401


async def test_a_deleted_token_is_refused(api: httpx.AsyncClient, bearer: Callable[[str], httpx.AsyncClient]) -> None:
    token = await _token(api)
    assert (await api.delete(f"/account/tokens/{token['id']}")).status_code == 204
    async with bearer(token["token"]) as client:
        assert (await client.get("/account")).status_code == 401
    assert _problem(await api.get(f"/account/tokens/{token['id']}")) == (404, "NOT_FOUND")


async def test_a_token_creates_tokens_only_if_it_is_allowed_to(
    api: httpx.AsyncClient, bearer: Callable[[str], httpx.AsyncClient]
) -> None:
    async with bearer((await _token(api))["token"]) as client:
        assert _problem(await client.post("/account/tokens", json=WANTED)) == (403, "FORBIDDEN")
    async with bearer((await _token(api, can_create_tokens=True))["token"]) as client:
        assert (await client.post("/account/tokens", json=WANTED)).status_code == 201


async def test_tokens_are_listed_in_pages(api: httpx.AsyncClient) -> None:
    names = [(await _token(api, name=f"token {n}"))["name"] for n in range(3)]
    answer = await api.get("/account/tokens", params={"limit": 2, "offset": 1})
    assert [token["name"] for token in answer.json()] == names[1:]
    assert _problem(await api.get("/account/tokens", params={"limit": "all"})) == (400, "BAD_REQUEST")


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"name": ""}, "name"),
        ({"expires_at": "tomorrow"}, "expires_at"),
        ({"expires_at": "2026-02-01T00:00:00"}, "expires_at"),
        ({"can_create_tokens": "yes"}, "can_create_tokens"),
        ({"allowed_ip_ranges": ["everywhere"]}, "allowed_ip_ranges"),
        ({"allowed_ip_ranges": "::/0"}, "allowed_ip_ranges"),
        ({"colour": "red"}, "colour"),
    ],
)
async def test_a_refusal_names_the_parameter(api: httpx.AsyncClient, changes: Document, name: str) -> None:
    answer = await api.post("/account/tokens", json=WANTED | changes)
    assert _problem(answer) == (400, "BAD_REQUEST")
    assert [each["name"] for each in answer.json()["invalid_params"]] == [name]
    assert answer.json()["correlation_id"]


async def test_an_id_that_is_not_a_uuid_is_refused(api: httpx.AsyncClient) -> None:
    assert _problem(await api.get("/account/tokens/mine")) == (400, "BAD_REQUEST")


async def test_tokens_are_still_valid_after_a_save_and_load(
    api: httpx.AsyncClient, sim: Simulator, clock: ManualClock
) -> None:
    token = await _token(api)
    other = Simulator(clock=clock, username="user", password="password")
    other.restore(sim.to_json())
    headers = {"authorization": f"Bearer {token['token']}"}
    async with httpx.AsyncClient(
        transport=other.transport(), base_url="https://api.upcloud.com/1.3", headers=headers
    ) as client:
        assert (await client.get("/account")).status_code == 200
