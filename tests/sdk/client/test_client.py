"""Opening and closing a client, sending requests, and calls without a method."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

import anyio
import httpx
import pytest

from tests.sdk import documents
from tests.sdk.conftest import SECRET
from tests.sdk.documents import refusal
from tests.sdk.endpoints import SPEC
from tests.sdk.sent import body, lines, requests
from upcloud_sdk import RetryPolicy, ServerChanges, Token, UpCloud, WaitPolicy, __version__
from upcloud_sdk.errors import ConfigError, ForeignAnswer, NotFound, NotOpen, UnexpectedAnswer

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    import respx

    from tests.sdk.clock import AutojumpClock

UUID = "00a1b2c3-d4e5-4f60-8a7b-0123456789ab"
ACCOUNT = {"account": {"username": "a-user", "credits": 1}}


class Closed(httpx.MockTransport):
    """A transport that records whether it was closed."""

    is_closed = False

    async def aclose(self) -> None:
        self.is_closed = True


def answering(request: httpx.Request) -> httpx.Response:
    return httpx.Response(200, json=ACCOUNT)


# --- open and closed --------------------------------------------------------------------------------------------------

CALLS: list[Callable[[UpCloud], Awaitable[object]]] = [
    lambda cloud: cloud.account.get(),
    lambda cloud: cloud.zones.list(),
    lambda cloud: cloud.plans.list(),
    lambda cloud: cloud.storages.list(),
    lambda cloud: cloud.storages.find_template("Debian"),
    lambda cloud: cloud.storages.wait_for_state(UUID, "online", timeout=5),
    lambda cloud: cloud.servers.list(),
    lambda cloud: cloud.servers.get(UUID),
    lambda cloud: cloud.servers.create(SPEC),
    lambda cloud: cloud.servers.modify(UUID, ServerChanges(title="b")),
    lambda cloud: cloud.servers.delete(UUID),
    lambda cloud: cloud.servers.start(UUID),
    lambda cloud: cloud.servers.stop(UUID),
    lambda cloud: cloud.servers.wait_for_state(UUID, "started", timeout=5),
    lambda cloud: cloud.servers.destroy(UUID),
    lambda cloud: cloud.servers.ephemeral(SPEC).__aenter__(),
    lambda cloud: cloud.request("GET", "/account"),
]


@pytest.mark.parametrize("call", CALLS)
async def test_a_client_outside_its_block_raises_not_open_and_sends_nothing(
    api: respx.MockRouter, call: Callable[[UpCloud], Awaitable[object]]
) -> None:
    cloud = UpCloud(Token(SECRET))
    with pytest.raises(NotOpen, match="use it inside `async with UpCloud"):
        await call(cloud)
    async with cloud:
        pass
    with pytest.raises(NotOpen, match=r"closed because its block has ended; use it inside `async with|not open"):
        await call(cloud)
    assert not api.calls


async def test_an_open_client_cannot_be_entered_again(api: respx.MockRouter) -> None:
    api.get("/account").respond(json=ACCOUNT)
    async with UpCloud(Token(SECRET)) as cloud:
        with pytest.raises(RuntimeError, match="already open: enter it once, and share it between tasks"):
            await cloud.__aenter__()
        await cloud.account.get()


async def test_a_client_may_be_entered_again_after_its_end(api: respx.MockRouter) -> None:
    api.get("/account").respond(json=ACCOUNT)
    cloud = UpCloud(Token(SECRET))
    for _ in range(2):
        async with cloud:
            await cloud.account.get()
    assert lines(api) == ["GET /account", "GET /account"]


async def test_a_repr_shows_whether_the_client_is_open() -> None:
    cloud = UpCloud(Token(SECRET), owner="me")
    assert repr(cloud) == "<UpCloud https://api.upcloud.com/1.3 owner='me' not open>"
    async with cloud:
        assert repr(cloud) == "<UpCloud https://api.upcloud.com/1.3 owner='me' open>"


async def test_an_error_of_the_body_is_raised_unchanged() -> None:
    error = RuntimeError("of the body")
    with pytest.raises(RuntimeError) as caught:
        async with UpCloud(Token(SECRET)):
            raise error
    assert caught.value is error
    assert not hasattr(error, "__notes__")


async def test_an_error_of_a_call_leaves_the_block_unchanged(api: respx.MockRouter) -> None:
    api.get("/account").respond(404, json=refusal())
    with pytest.raises(NotFound):
        async with UpCloud(Token(SECRET)) as cloud:
            await cloud.account.get()


# --- how requests are sent --------------------------------------------------------------------------------------------


async def test_a_given_transport_is_used_and_not_closed() -> None:
    transport = Closed(answering)
    async with UpCloud(Token(SECRET), transport=transport) as cloud:
        assert (await cloud.account.get()).username == "a-user"
    assert not transport.is_closed


async def test_a_given_client_is_used_and_not_closed() -> None:
    transport = Closed(answering)
    async with httpx.AsyncClient(transport=transport) as own:
        async with UpCloud(Token(SECRET), http_client=own) as cloud:
            assert (await cloud.account.get()).username == "a-user"
        assert not own.is_closed
        assert not transport.is_closed
    assert transport.is_closed


async def test_the_auth_and_redirects_of_a_given_client_are_not_used() -> None:
    seen: list[httpx.Request] = []

    def redirect(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(302, headers={"Location": "https://elsewhere.example/"})

    own = httpx.AsyncClient(
        transport=httpx.MockTransport(redirect), auth=("me", "own"), follow_redirects=True, headers={"x-own": "1"}
    )
    async with own, UpCloud(Token("ucat_x"), http_client=own) as cloud:
        with pytest.raises(Exception, match="HTTP 302"):
            await cloud.account.get()
    (request,) = seen
    assert request.headers["authorization"] == "Bearer ucat_x"
    assert request.url.host == "api.upcloud.com"


async def test_a_request_has_these_headers(api: respx.MockRouter) -> None:
    api.get("/account").respond(json=ACCOUNT)
    api.post("/thing").respond(201)
    async with UpCloud(Token("ucat_x")) as cloud:
        await cloud.account.get()
        await cloud.request("POST", "/thing", json={})
    get, post = requests(api)
    assert get.headers["accept"] == "application/json"
    assert get.headers["authorization"] == "Bearer ucat_x"
    assert get.headers["user-agent"] == f"upcloud-sdk/{__version__}"
    assert get.headers["host"] == "api.upcloud.com"
    assert "content-type" not in get.headers
    assert post.headers["content-type"] == "application/json"


async def test_a_user_agent_may_be_given(api: respx.MockRouter) -> None:
    api.get("/account").respond(json=ACCOUNT)
    async with UpCloud(Token(SECRET), user_agent="builder/1.0") as cloud:
        await cloud.account.get()
    assert requests(api)[0].headers["user-agent"] == "builder/1.0"


async def test_no_more_calls_are_in_flight_than_allowed(clock: AutojumpClock) -> None:
    flying, most = 0, 0

    async def answer(request: httpx.Request) -> httpx.Response:
        nonlocal flying, most
        flying += 1
        most = max(most, flying)
        await clock.sleep(1.0)
        flying -= 1
        return httpx.Response(200, json=ACCOUNT)

    waits = WaitPolicy(clock=clock)
    async with (
        UpCloud(Token(SECRET), transport=httpx.MockTransport(answer), max_concurrency=3, waits=waits) as cloud,
        anyio.create_task_group() as group,
    ):
        for _ in range(10):
            group.start_soon(cloud.account.get)
    assert most == 3
    assert clock.now() == 4.0


async def test_calls_that_take_long_leave_slots_for_the_others(clock: AutojumpClock) -> None:
    async def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/start"):
            await clock.sleep(100.0)
            return httpx.Response(200, json=documents.server())
        return httpx.Response(200, json=ACCOUNT)

    waits = WaitPolicy(clock=clock)
    async with (
        UpCloud(Token(SECRET), transport=httpx.MockTransport(answer), max_concurrency=3, waits=waits) as cloud,
        anyio.create_task_group() as group,
    ):
        for _ in range(10):
            group.start_soon(cloud.servers.start, "00a")
        await clock.sleep(50.0)
        await cloud.account.get()
        assert clock.now() == 50.0
    assert clock.now() == 500.0


CONFUSED: list[tuple[Callable[[], UpCloud], str]] = [
    (
        lambda: UpCloud(Token("x"), transport=Closed(answering), http_client=httpx.AsyncClient()),
        "give only one of transport, http_client and proxy",
    ),
    (lambda: UpCloud(Token("x"), transport=Closed(answering), proxy="http://p"), "give only one of transport"),
    (
        lambda: UpCloud(Token("x"), transport=Closed(answering), ssl_context=ssl.create_default_context()),
        "ssl_context has no effect with transport or http_client",
    ),
    (lambda: UpCloud(Token("x"), http="requests"), "write 'httpx' or 'aiohttp'"),  # type: ignore[arg-type]  # the fault
    (lambda: UpCloud(Token("x"), max_concurrency=0), "max_concurrency must be at least 1"),
    (lambda: UpCloud(Token("x"), timeout=0), "timeout above 0 s"),
    (lambda: UpCloud(Token("x"), close_timeout=-1), "close_timeout at least 0 s"),
    (lambda: UpCloud(Token("x"), user_agent="naïve"), "user_agent must be printable ASCII"),
    (lambda: UpCloud(Token("x"), user_agent="a\r\nb: c"), "user_agent must be printable ASCII"),
    (lambda: UpCloud(Token("x"), owner=" "), "owner is empty"),
    (lambda: UpCloud(Token("x"), owner="o" * 256), "owner is not a valid label: at most 255 printable characters"),
    (lambda: UpCloud(Token("x"), owner="a\nb"), "owner is not a valid label"),
]


@pytest.mark.parametrize(("make", "says"), CONFUSED)
def test_arguments_that_make_no_sense_are_refused(make: Callable[[], UpCloud], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        make()


@pytest.mark.parametrize(
    "proxy", ["http://me:MUST_NOT_BE_SHOWN@host:port", "ftp://me:MUST_NOT_BE_SHOWN@host", "nonsense", "http://[::1"]
)
async def test_an_invalid_proxy_is_refused_when_the_block_is_entered(proxy: str) -> None:
    with pytest.raises(ConfigError, match="the proxy cannot be used: ") as caught:
        await UpCloud(Token("x"), proxy=proxy).__aenter__()
    assert SECRET not in str(caught.value)
    assert "MUST_NOT" not in str(caught.value)


def test_an_owner_is_user_and_host_unless_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("getpass.getuser", lambda: "me")
    monkeypatch.setattr("socket.gethostname", lambda: "here")
    assert UpCloud(Token("x")).owner == "me@here"
    assert UpCloud(Token("x"), owner="ci").owner == "ci"


@pytest.mark.parametrize("error", [OSError, KeyError])
def test_a_process_without_a_user_name_has_an_owner_too(
    monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    def nobody() -> str:
        raise error("no such user")

    monkeypatch.setattr("getpass.getuser", nobody)
    assert UpCloud(Token("x")).owner.startswith("unknown@")


# --- calls without a method -------------------------------------------------------------------------------------------


async def test_a_call_without_a_method_returns_status_headers_and_document(
    api: respx.MockRouter, cloud: UpCloud
) -> None:
    api.post("/load-balancer").respond(201, json={"uuid": SECRET}, headers={"X-Own": "1"})
    answer = await cloud.request("post", "/load-balancer", json={"name": "a"}, params={"limit": "1"})
    assert (answer.status, answer.document) == (201, {"uuid": SECRET})
    assert answer.headers["x-own"] == "1"
    (request,) = requests(api)
    assert lines(api) == ["POST /load-balancer?limit=1"]
    assert body(request) == {"name": "a"}
    assert SECRET not in repr(answer)


async def test_parameters_can_be_repeated_and_are_encoded(api: respx.MockRouter, cloud: UpCloud) -> None:
    api.get("/server").respond(json=[])
    await cloud.request("GET", "/server", params=[("label", "env=dev"), ("label", "a b&c")])
    assert lines(api) == ["GET /server?label=env%3Ddev&label=a%20b%26c"]


async def test_an_answer_without_a_body_has_no_document(api: respx.MockRouter, cloud: UpCloud) -> None:
    api.delete("/thing").respond(204)
    answer = await cloud.request("DELETE", "/thing")
    assert (answer.status, answer.document) == (204, None)


@pytest.mark.parametrize("content", [b'{"a": "MUST_NOT', b"[" * 100_000])
async def test_a_success_that_is_not_json_raises_unexpected_answer(
    api: respx.MockRouter, cloud: UpCloud, content: bytes
) -> None:
    api.get("/thing").respond(200, content=content)
    with pytest.raises(UnexpectedAnswer, match=r"GET /thing: .* not a JSON document") as caught:
        await cloud.request("GET", "/thing")
    assert "MUST_NOT" not in str(caught.value)
    assert caught.value.__cause__ is None


async def test_a_success_that_is_a_page_raises_foreign_answer(api: respx.MockRouter, cloud: UpCloud) -> None:
    api.get("/thing").respond(200, html="<html>MUST_NOT_BE_SHOWN</html>")
    with pytest.raises(
        ForeignAnswer, match=r"GET /thing: the answer is not the API's own \(HTTP 200, text/html"
    ) as caught:
        await cloud.request("GET", "/thing")
    assert "MUST_NOT" not in str(caught.value)


@pytest.mark.parametrize("path", ["thing", "", "https://elsewhere.example/", "/thing?a=b", "/thing#a"])
async def test_an_invalid_path_is_refused(api: respx.MockRouter, cloud: UpCloud, path: str) -> None:
    with pytest.raises(ValueError, match=r"must start with `/`, is relative to /1\.3, and has no query"):
        await cloud.request("GET", path)
    assert not api.calls


async def test_errors_of_the_newer_services_are_read(api: respx.MockRouter, cloud: UpCloud) -> None:
    problem = {
        "type": "https://developers.upcloud.com/1.3/errors#ERROR_LOAD_BALANCER_NOT_FOUND",
        "title": "Not found.",
        "status": 404,
        "correlation_id": "01FY8RP81GDE07BAVYY7V4DKRY",
    }
    api.get("/load-balancer/0a").respond(404, json=problem)
    with pytest.raises(NotFound) as caught:
        await cloud.request("GET", "/load-balancer/0a")
    assert (caught.value.code, caught.value.correlation_id) == (
        "LOAD_BALANCER_NOT_FOUND",
        "01FY8RP81GDE07BAVYY7V4DKRY",
    )


async def test_a_call_is_repeated_by_the_clients_policy(api: respx.MockRouter, clock: AutojumpClock) -> None:
    route = api.get("/thing").respond(503)
    waits = WaitPolicy(clock=clock)
    async with UpCloud(Token(SECRET), retry=RetryPolicy(attempts=2), waits=waits) as cloud:
        with pytest.raises(Exception, match="HTTP 503"):
            await cloud.request("GET", "/thing")
    assert route.call_count == 2
