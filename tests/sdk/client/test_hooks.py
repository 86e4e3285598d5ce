"""A given httpx client has hooks of its own, which may raise for error statuses."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.sdk.clock import AutojumpClock
from tests.sdk.documents import refused
from tests.sdk.endpoints import SPEC
from tests.sdk.raw_server import raw_server
from upcloud_sdk import RetryPolicy, Token, UpCloud, WaitPolicy, errors

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.sdk.raw_server import RawServer


@pytest.fixture
async def server() -> AsyncIterator[RawServer]:
    async with raw_server() as running:
        yield running


def _answer(status: int, content: bytes, kind: str = "application/json") -> bytes:
    return f"HTTP/1.1 {status} X\r\nContent-Type: {kind}\r\nContent-Length: {len(content)}\r\n\r\n".encode() + content


async def _raise_for_status(response: httpx.Response) -> None:
    response.raise_for_status()


def _client(server: RawServer, own: httpx.AsyncClient) -> UpCloud:
    waits, retry = WaitPolicy(clock=AutojumpClock()), RetryPolicy(attempts=1)
    return UpCloud(Token("ucat_x"), base_url=server.url, http_client=own, waits=waits, retry=retry)


@pytest.mark.parametrize("status", [302, 400, 404, 409, 429, 503])
async def test_an_error_of_the_api_stays_what_it_is(server: RawServer, status: int) -> None:
    content = refused(status, "SERVER_NOT_FOUND").content
    server.script = [_answer(status, content) for _ in range(2)]
    async with (
        httpx.AsyncClient(event_hooks={"response": [_raise_for_status]}) as own,
        _client(server, own) as cloud,
    ):
        for method in ("GET", "POST"):
            with pytest.raises(errors.ApiError, match="SERVER_NOT_FOUND") as caught:
                await cloud.request(method, "/server/1")
            assert caught.value.status == status
    assert len(server.requests) == 2


async def test_a_zone_without_capacity_does_not_keep_create_from_the_next_spec(server: RawServer) -> None:
    made: dict[str, Any] = {"server": {"uuid": "1", "title": "a", "hostname": "a", "state": "maintenance"}}
    full = refused(409, "SERVER_RESOURCES_UNAVAILABLE").content
    server.script = [_answer(409, full), _answer(202, json.dumps(made).encode())]
    async with (
        httpx.AsyncClient(event_hooks={"response": [_raise_for_status]}) as own,
        _client(server, own) as cloud,
    ):
        created = await cloud.servers.create([SPEC, SPEC.model_copy(update={"zone": "fi-hel2"})])
    assert created.uuid == "1"
    assert server.requests == ["POST /1.3/server", "POST /1.3/server"]


async def test_a_refused_stream_stays_what_it_is(server: RawServer) -> None:
    server.script = [_answer(403, refused(403, "ACTION_FORBIDDEN").content)]
    async with (
        httpx.AsyncClient(event_hooks={"response": [_raise_for_status]}) as own,
        _client(server, own) as cloud,
    ):
        with pytest.raises(errors.Forbidden):
            await cloud.audit_logs.export().read()


async def test_the_hooks_of_the_client_are_called_and_stay_as_they_are(server: RawServer) -> None:
    seen: list[int] = []

    async def remember(response: httpx.Response) -> None:
        await _raise_for_status(response)
        seen.append(response.status_code)

    hooks = {"request": [], "response": [remember]}
    async with httpx.AsyncClient(event_hooks=hooks) as own, _client(server, own) as cloud:
        assert (await cloud.request("GET", "/thing")).status == 200
        assert own.event_hooks == hooks
    assert seen == [200]
