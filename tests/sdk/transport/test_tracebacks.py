"""Tracebacks that show variables, as those of Rich and of error trackers, show no body of a request or an answer."""

from __future__ import annotations

import logging
import os
import traceback
from typing import TYPE_CHECKING, Literal

import pytest
from pydantic import SecretStr

from tests.sdk.clock import AutojumpClock
from tests.sdk.raw_server import raw_server
from upcloud_sdk import RetryPolicy, ServerSpec, StorageDeviceSpec, Token, UpCloud, WaitPolicy, errors
from upcloud_sdk.models import ServerChanges, SubAccountSpec

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    import respx

BODY = "BODY_MUST_NOT_BE_SHOWN"
TOKEN = "ucat_MUST_NOT_BE_SHOWN"
DISK = "01000000-0000-4000-8000-000030200200"

SERVER = {"uuid": "1", "title": BODY, "password": BODY}
UNREADABLE: dict[str, object] = {
    "a field": {"server": {**SERVER, "uuid": {BODY: BODY}, "state": []}},
    "the envelope": {"server": [SERVER]},
}
REFUSAL = {"error": {"error_code": "SERVER_INVALID", "error_message": "No."}}

SPEC = ServerSpec(
    zone="fi-hel1",
    plan="PREMIUM-1xCPU-1GB",
    hostname="a",
    title="a",
    metadata=True,
    user_data=SecretStr(f"#!/bin/sh\necho {BODY}"),
    storage_devices=[StorageDeviceSpec.clone(DISK, title="os")],
    extra={"new": BODY},
)


def _sub_account() -> SubAccountSpec:
    return SubAccountSpec(
        username="a",
        password=SecretStr(f"aA1{BODY}"),
        email="a@example.com",
        first_name="a",
        last_name="b",
        phone="+358.91234567",
        country="FIN",
        language="en",
        currency="EUR",
        timezone="UTC",
    )


WRITES: dict[str, Callable[[UpCloud], Awaitable[object]]] = {
    "create": lambda cloud: cloud.servers.create(SPEC),
    "modify": lambda cloud: cloud.servers.modify("1", ServerChanges(extra={"new": BODY})),
    "modify labels": lambda cloud: cloud.servers.modify("1", ServerChanges(labels={}, extra={"new": BODY})),
    "sub-account": lambda cloud: cloud.accounts.create_sub(_sub_account()),
    "request": lambda cloud: cloud.request("POST", "/thing", json={"password": BODY}),
}


def _shown(error: BaseException) -> str:
    # Without the function of the test.
    assert error.__traceback__ is not None
    frames = error.__traceback__.tb_next
    return "".join(traceback.TracebackException(type(error), error, frames, capture_locals=True).format())


def _client(base_url: str | None = None, http: Literal["httpx", "aiohttp"] = "httpx") -> UpCloud:
    waits = WaitPolicy(clock=AutojumpClock())
    retry = RetryPolicy(attempts=1)
    return UpCloud(Token(TOKEN), owner="tests", waits=waits, retry=retry, base_url=base_url, http=http, strict=True)


@pytest.mark.parametrize("work", WRITES.values(), ids=WRITES)
async def test_the_traceback_of_a_refusal_does_not_show_the_request(
    api: respx.MockRouter, work: Callable[[UpCloud], Awaitable[object]]
) -> None:
    api.get("/server/1").respond(json={"server": {"uuid": "1", "title": "a", "hostname": "a", "state": "started"}})
    api.route().respond(400, json=REFUSAL)
    async with _client() as cloud:
        with pytest.raises(errors.InvalidRequest) as caught:
            await work(cloud)
    assert "transport.py" in _shown(caught.value)
    assert BODY not in _shown(caught.value)


@pytest.mark.parametrize("document", UNREADABLE.values(), ids=UNREADABLE)
async def test_the_traceback_of_an_unreadable_answer_does_not_show_the_answer(
    api: respx.MockRouter, document: object
) -> None:
    api.get("/server/1").respond(json=document)
    api.get("/server").respond(json={"servers": {"server": [document]}})
    async with _client() as cloud:
        for work in (lambda: cloud.servers.get("1"), cloud.servers.list):
            with pytest.raises(errors.UnexpectedAnswer) as caught:
                await work()
            assert BODY not in _shown(caught.value)


@pytest.mark.parametrize("content", [f'{{"server": {{"password": "{BODY}', f"<html>{BODY}"])
async def test_the_traceback_of_an_answer_that_is_not_json_does_not_show_it(
    api: respx.MockRouter, content: str
) -> None:
    api.get("/server/1").respond(text=content)
    async with _client() as cloud:
        for work in (lambda: cloud.servers.get("1"), lambda: cloud.request("GET", "/server/1")):
            with pytest.raises((errors.UnexpectedAnswer, errors.ForeignAnswer)) as caught:
                await work()
            assert BODY not in _shown(caught.value)


async def test_the_traceback_of_an_invalid_path_shows_neither_the_body_nor_the_token() -> None:
    async with _client() as cloud:
        with pytest.raises(ValueError, match="cannot be part of a URL") as caught:
            await cloud.request("POST", "/a\nb", json={"password": BODY})
    assert BODY not in _shown(caught.value)
    assert TOKEN not in _shown(caught.value)


BROKEN = {
    "length": f"Content-Length: 2000\r\n\r\n{BODY}",
    "chunks": f"Transfer-Encoding: chunked\r\n\r\n{len(BODY):x}\r\n{BODY}\r\nnonsense\r\n",
    "cut chunk": f"Transfer-Encoding: chunked\r\n\r\n2000\r\n{BODY}",
}


@pytest.mark.parametrize(("anyio_backend", "http"), [("asyncio", "httpx"), ("trio", "httpx"), ("asyncio", "aiohttp")])
@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN)
async def test_the_traceback_of_a_broken_answer_shows_neither_bodies_nor_the_token(
    http: Literal["httpx", "aiohttp"], broken: str
) -> None:
    async with raw_server() as server:
        server.script = [f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n{broken}".encode()]
        async with _client(server.url, http) as cloud:
            with pytest.raises(errors.OutcomeUnknown) as caught:
                await cloud.request("POST", "/thing", json={"password": BODY})
    shown = _shown(caught.value)
    assert BODY not in shown
    assert TOKEN not in shown


@pytest.mark.parametrize(("anyio_backend", "http"), [("asyncio", "httpx"), ("trio", "httpx"), ("asyncio", "aiohttp")])
async def test_debug_logs_of_the_http_libraries_show_neither_the_token_nor_bodies(
    http: Literal["httpx", "aiohttp"], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with raw_server() as server, _client(server.url, http) as cloud:
        await cloud.request("POST", "/thing", json={"password": BODY})
    assert "POST /thing 200" in caplog.text
    assert BODY not in caplog.text
    assert TOKEN not in caplog.text


async def test_the_traceback_of_an_error_that_the_program_is_handling_is_kept() -> None:
    handled: KeyError | None = None
    async with raw_server() as server:
        server.script = [b""]
        async with _client(server.url) as cloud:
            try:
                os.environ["NO_SUCH_VARIABLE"]
            except KeyError as error:
                handled = error
                with pytest.raises(errors.OutcomeUnknown):
                    await cloud.account.get()
    assert handled is not None
    assert handled.__traceback__ is not None


async def test_a_request_whose_answer_is_not_json_shows_no_header_of_the_answer(api: respx.MockRouter) -> None:
    """Some gateways quote the credentials there."""
    api.get("/thing").respond(200, content=b"{", headers={"Content-Type": "application/json", "X-Quoted": TOKEN})
    async with UpCloud(Token(TOKEN)) as cloud:
        with pytest.raises(errors.UnexpectedAnswer) as caught:
            await cloud.request("GET", "/thing")
    assert TOKEN not in _shown(caught.value)
