"""A gateway may quote the credentials of a request in its answer. No error, log or event shows them."""

from __future__ import annotations

import base64
import html
import logging
import pickle
import traceback
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import quote, quote_plus

import pytest

from tests.sdk.clock import AutojumpClock
from tests.sdk.raw_server import raw_server
from upcloud_sdk import Basic, RetryPolicy, Token, UpCloud, WaitPolicy, errors
from upcloud_sdk.credentials import SHORTEST_SECRET, secrets_in

if TYPE_CHECKING:
    from collections.abc import Callable

    import respx

TOKEN = Token("ucat_01MUSTNOTBESHOWN")
BASIC = Basic("me", 'pä"ss/wo<r d+1')
PASSWORD = BASIC.password.get_secret_value()
PAIR = BASIC.authorization().removeprefix("Basic ")


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


QUOTED = {
    "the token": (TOKEN, TOKEN.token.get_secret_value()),
    "the token in base64": (TOKEN, _base64(TOKEN.token.get_secret_value())),
    "the pair in base64": (BASIC, PAIR),
    "the pair without padding": (BASIC, PAIR.rstrip("=")),
    "the password": (BASIC, PASSWORD),
    "the password in base64": (BASIC, _base64(PASSWORD)),
    "the password in a URL": (BASIC, quote(PASSWORD, safe="")),
    "the password in a path": (BASIC, quote(PASSWORD)),
    "the password in a form": (BASIC, quote_plus(PASSWORD)),
    "the password in HTML": (BASIC, html.escape(PASSWORD)),
    "the password in HTML, with numbers": (BASIC, "".join(f"&#{ord(character)};" for character in PASSWORD)),
}

DOCUMENTS: dict[str, Callable[[str], Any]] = {
    "older format": lambda text: {"error": {"error_code": "AUTHENTICATION_FAILED", "error_message": text}},
    "newer format": lambda text: {"type": "#ERROR_FORBIDDEN", "title": text, "correlation_id": text},
    "details": lambda text: {"type": "#ERROR_FORBIDDEN", "detail": text},
    "parameters": lambda text: {
        "type": "#ERROR_FORBIDDEN",
        "title": "No.",
        "invalid_params": [{"name": text, "reason": text}],
    },
}


class _Shown:
    """Everything that a program sees of a call's failure."""

    def __init__(self, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.DEBUG, logger="upcloud_sdk")
        self._caplog, self.events = caplog, list[object]()

    def by(self, error: BaseException) -> str:
        assert error.__traceback__ is not None
        # Without the frame of the test.
        frames = error.__traceback__.tb_next
        with_locals = traceback.TracebackException(type(error), error, frames, capture_locals=True)
        # `dumps` escapes some characters, so this shows the attributes as they are.
        copied: BaseException = pickle.loads(pickle.dumps(error))
        attributes = repr(vars(copied))
        return "".join([*with_locals.format(), str(error), attributes, self._caplog.text, repr(self.events)])


@pytest.fixture
def shown(caplog: pytest.LogCaptureFixture) -> _Shown:
    return _Shown(caplog)


def _client(
    credentials: Token | Basic,
    shown: _Shown,
    *,
    attempts: int = 1,
    base_url: str | None = None,
    http: Literal["httpx", "aiohttp"] = "httpx",
    strict: bool = False,
) -> UpCloud:
    waits, retry, tell = WaitPolicy(clock=AutojumpClock()), RetryPolicy(attempts=attempts), shown.events.append
    return UpCloud(
        credentials, owner="tests", waits=waits, retry=retry, on_event=tell, base_url=base_url, http=http, strict=strict
    )


@pytest.mark.parametrize("document", DOCUMENTS.values(), ids=DOCUMENTS)
@pytest.mark.parametrize(("credentials", "form"), QUOTED.values(), ids=QUOTED)
async def test_an_error_that_quotes_the_credentials_does_not_show_them(
    api: respx.MockRouter,
    shown: _Shown,
    credentials: Token | Basic,
    form: str,
    document: Callable[[str], Any],
) -> None:
    answer = document(f"Invalid Authorization header: <{form}>")
    # 503 is repeated, so it is also in a warning and in an event.
    api.get("/account").respond(503, json=answer)
    api.post("/server/1/stop").respond(401, json=answer)
    async with _client(credentials, shown, attempts=2) as cloud:
        for call in (cloud.account.get, lambda: cloud.request("POST", "/server/1/stop")):
            with pytest.raises(errors.ApiError) as caught:
                await call()
            text = shown.by(caught.value)
            assert form not in text
            assert repr(form)[1:-1] not in text
            assert "***" in str(caught.value) or "No." in str(caught.value)


@pytest.mark.parametrize("status", [200, 302, 403, 407, 502])
async def test_a_page_that_quotes_the_credentials_does_not_show_them(
    api: respx.MockRouter, shown: _Shown, status: int
) -> None:
    secret = TOKEN.token.get_secret_value()
    page, headers = f"<html>Bearer {secret}</html>", {"content-type": f"text/{secret}", "location": secret}
    api.get("/account").respond(status, text=page, headers=headers)
    api.post("/server/1/stop").respond(status, text=page, headers=headers)
    async with _client(TOKEN, shown) as cloud:
        for call in (cloud.account.get, lambda: cloud.request("POST", "/server/1/stop")):
            with pytest.raises(errors.TransportError) as caught:
                await call()
            assert "text/***" in str(caught.value)
            assert secret not in shown.by(caught.value)


async def test_an_unreadable_answer_that_quotes_the_credentials_does_not_show_them(
    api: respx.MockRouter, shown: _Shown
) -> None:
    secret = TOKEN.token.get_secret_value()
    api.get("/server/1").respond(200, json={"server": {"uuid": secret, "ip_addresses": {secret: 1}, "state": [secret]}})
    async with _client(TOKEN, shown, strict=True) as cloud:
        with pytest.raises(errors.UnexpectedAnswer) as caught:
            await cloud.servers.get("1")
    assert secret not in str(caught.value)
    assert secret not in repr(caught.value.uuid)


@pytest.mark.parametrize(("anyio_backend", "http"), [("asyncio", "httpx"), ("trio", "httpx"), ("asyncio", "aiohttp")])
@pytest.mark.parametrize("head", ["HTTP/1.1 401 no\r\nBad header {}\r\n\r\n", "Bad header {}\r\n\r\n"])
async def test_an_answer_that_is_not_http_and_quotes_the_credentials_does_not_show_them(
    shown: _Shown, http: Literal["httpx", "aiohttp"], head: str
) -> None:
    secret = TOKEN.token.get_secret_value()
    async with raw_server() as server:
        server.script = [head.format(f"Bearer {secret}").encode()]
        async with _client(TOKEN, shown, base_url=server.url, http=http) as cloud:
            with pytest.raises(errors.OutcomeUnknown) as caught:
                await cloud.account.get()
    assert secret not in shown.by(caught.value)


async def test_other_errors_of_the_http_library_stay_the_cause(shown: _Shown) -> None:
    async with raw_server() as server:
        server.script = [b"HTTP/1.1 401 no\r\nBad header\r\n\r\n"]
        async with _client(TOKEN, shown, base_url=server.url) as cloud:
            with pytest.raises(errors.OutcomeUnknown) as caught:
                await cloud.account.get()
    assert "Bad header" in str(caught.value.__cause__)


async def test_what_cannot_be_written_or_would_be_obeyed_by_a_terminal_is_replaced(
    api: respx.MockRouter, shown: _Shown
) -> None:
    message = rb'{"error": {"error_code": "SERVER_NOT_FOUND", "error_message": "odd \ud800 \u001b[2J\r\nnext"}}'
    api.get("/account").respond(404, content=message)
    async with _client(TOKEN, shown) as cloud:
        with pytest.raises(errors.NotFound) as caught:
            await cloud.account.get()
    assert caught.value.message == "odd \ufffd \\x1b[2J\\r\\nnext"


def test_a_secret_that_is_in_every_text_is_not_replaced() -> None:
    forms = secrets_in(Basic("a", "e").authorization())
    assert all(len(form) >= SHORTEST_SECRET for form in forms)
