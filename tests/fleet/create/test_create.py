"""Exactly one server per create, even if the answer is lost."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.moved_time import MovedCloud, server_spec
from upcloud_sdk import RetryPolicy, Token, UpCloud
from upcloud_sdk.errors import (
    AuthenticationFailed,
    InvalidRequest,
    LimitReached,
    NoCapacity,
    NotSent,
    OutcomeUnknown,
    RateLimited,
    UpCloudError,
)
from upcloud_sdk.events import Event, RequestEvent
from upcloud_sdk.models import Ownership, Server

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

LOST: list[tuple[str, dict[str, Any]]] = [
    ("the connection drops", {"drop": True}),
    ("no answer in time", {"timeout": True}),
    ("500 of the API", {"status": 500, "code": "SERVICE_ERROR"}),
    ("502 of a proxy, in HTML", {"status": 502}),
    *((f"{status} of a proxy, in HTML", {"status": status}) for status in (302, 401, 403, 404, 408, 409, 429)),
    ("402 with JSON of another shape", {"status": 402, "body": b'{"message": "no"}'}),
    ("409 with an error without a code", {"status": 409, "body": b'{"error": {"error_message": "no"}}'}),
    ("504 of a proxy, empty", {"status": 504, "body": b""}),
    ("truncated on the way", {"truncate": 40}),
    ("200 with {}", {"status": 200, "body": b"{}"}),
    ("202 with truncated JSON", {"status": 202, "body": b'{"server": {"uuid'}),
    ("202, empty", {"status": 202, "body": b""}),
    ("200 with a page in HTML", {"status": 200, "body": b"<html>sign in</html>"}),
]

each_loss = pytest.mark.parametrize("loss", [row[1] for row in LOST], ids=[row[0] for row in LOST])

WITHOUT_EFFECT = [row for row in LOST if row[0] != "truncated on the way"]
"""Losses that can also happen without an effect. A truncated answer always comes after the effect."""


def posts(events: list[Event]) -> int:
    """The number of creates that were sent."""
    return sum(isinstance(each, RequestEvent) and (each.method, each.path) == ("POST", "/server") for each in events)


@pytest.fixture
async def moved() -> AsyncIterator[MovedCloud]:
    """An empty cloud whose time moves by itself."""
    async with MovedCloud.open(boot_seconds=33, stop_seconds=16) as cloud:
        yield cloud


@each_loss
async def test_a_server_whose_answer_was_lost_is_adopted(moved: MovedCloud, loss: dict[str, Any]) -> None:
    moved.sim.fail("POST /server", after_effect=True, **loss)
    events: list[Event] = []
    async with moved.client(on_event=events.append) as cloud:
        server = await cloud.servers.create(server_spec())
        assert [server.uuid] == list(moved.sim.servers)
        assert server.title == "build-1"
        assert server.storage_devices
    assert posts(events) == 1
    assert list(moved.sim.servers) == [server.uuid]


@pytest.mark.parametrize("loss", [row[1] for row in WITHOUT_EFFECT], ids=[row[0] for row in WITHOUT_EFFECT])
async def test_a_lost_create_without_a_server_raises_outcome_unknown(
    moved: MovedCloud, loss: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    moved.sim.fail("POST /server", **loss)
    events: list[Event] = []
    async with moved.client(on_event=events.append) as cloud:
        began = moved.hand.now()
        with pytest.raises(OutcomeUnknown, match="POST /server: the create got no usable answer") as caught:
            await cloud.servers.create(server_spec())
        given_up = 60 if loss.get("timeout") else 0
        assert moved.hand.now() - began == pytest.approx(given_up + 18.5)
    assert caught.value.label is not None
    assert caught.value.label.startswith("upcloud_sdk_attempt=")
    assert caught.value.__cause__ is not None
    assert posts(events) == 1
    assert moved.hand.now() - began == pytest.approx(given_up + 18.5 + 60)
    assert "outcome unknown" in caplog.text


async def test_the_error_has_the_label_of_the_create(moved: MovedCloud) -> None:
    moved.sim.fail("POST /server", drop=True, after_effect=True, hide_from_lists=1_000)
    async with moved.client() as cloud:
        with pytest.raises(OutcomeUnknown) as caught:
            await cloud.servers.create(server_spec())
        (record,) = moved.sim.servers.values()
        assert caught.value.label == f"upcloud_sdk_attempt={Ownership.read(record.labels).attempt}"


@pytest.mark.parametrize("seconds", [0.4, 3.0, 8.0, 17.0])
async def test_a_list_that_lags_is_read_again(moved: MovedCloud, seconds: float) -> None:
    moved.sim.fail("POST /server", drop=True, after_effect=True, hide_from_lists=seconds)
    async with moved.client() as cloud:
        server = await cloud.servers.create(server_spec())
        assert [server.uuid] == list(moved.sim.servers)


async def test_a_server_that_appears_late_is_destroyed_because_it_has_no_holder(
    moved: MovedCloud, caplog: pytest.LogCaptureFixture
) -> None:
    moved.sim.fail("POST /server", drop=True, after_effect=True, hide_from_lists=40)
    with caplog.at_level(logging.WARNING, logger="upcloud_sdk"):
        async with moved.client() as cloud:
            with pytest.raises(OutcomeUnknown):
                await cloud.servers.create(server_spec())
            (uuid,) = moved.sim.servers
    assert moved.sim.servers == {}
    assert moved.sim.storages == {}
    assert f"server {uuid} of an abandoned create has appeared: destroying it" in caplog.text


async def test_its_creator_is_told_of_a_server_that_appears_late(moved: MovedCloud) -> None:
    moved.sim.fail("POST /server", drop=True, after_effect=True, hide_from_lists=40)
    late: list[Server] = []
    async with moved.client() as cloud:
        with pytest.raises(OutcomeUnknown):
            await cloud.servers.create(server_spec(), on_late=late.append)
        (uuid,) = moved.sim.servers
    assert [(server.uuid, server.title) for server in late] == [(uuid, "build-1")]
    assert moved.sim.servers == {}


async def test_its_creator_is_told_of_a_server_whose_create_was_cancelled(moved: MovedCloud) -> None:
    moved.sim.fail("POST /server", delay=10)
    late: list[Server] = []
    async with moved.client() as cloud:
        with moved.clock.limit(5):
            await cloud.servers.create(server_spec(), on_late=late.append)
        assert late == []
    assert [server.title for server in late] == ["build-1"]
    assert moved.sim.servers == {}


async def test_a_late_server_that_cannot_be_read_is_destroyed(moved: MovedCloud) -> None:
    moved.sim.fail("POST /server", drop=True, after_effect=True, hide_from_lists=40)
    moved.sim.fail("GET /server/{uuid}", status=401, code="AUTHENTICATION_FAILED")
    late: list[Server] = []
    async with moved.client() as cloud:
        with pytest.raises(OutcomeUnknown):
            await cloud.servers.create(server_spec(), on_late=late.append)
    assert late == []
    assert moved.sim.servers == {}


async def test_a_late_server_is_destroyed_though_its_creator_fails(
    moved: MovedCloud, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_: Server) -> None:
        raise LookupError

    moved.sim.fail("POST /server", drop=True, after_effect=True, hide_from_lists=40)
    async with moved.client() as cloud:
        with pytest.raises(OutcomeUnknown):
            await cloud.servers.create(server_spec(), on_late=fail)
    assert moved.sim.servers == {}
    assert "on_late failed" in caplog.text


@pytest.mark.parametrize(
    "trouble",
    [
        {"status": 500},
        {"status": 401, "code": "AUTHENTICATION_FAILED"},
        {"status": 403, "code": "ACTION_FORBIDDEN"},
        {"status": 429, "code": "TOO_MANY_REQUESTS", "headers": {"Retry-After": "3600"}},
        {"status": 200, "body": b"{}"},
        {"drop": True},
    ],
)
@pytest.mark.parametrize("pattern", ["GET /server", "GET /server/{uuid}"])
async def test_a_failure_during_the_search_does_not_end_it(
    moved: MovedCloud, pattern: str, trouble: dict[str, Any]
) -> None:
    """A failed search proves nothing. If the search ended, the server would be left running."""
    moved.sim.fail("POST /server", drop=True, after_effect=True)
    moved.sim.fail(pattern, times=2, **trouble)
    async with moved.client(retry=RetryPolicy(attempts=1)) as cloud:
        server = await cloud.servers.create(server_spec())
        assert [server.uuid] == list(moved.sim.servers)


async def test_a_search_that_keeps_failing_raises_outcome_unknown_and_the_server_is_destroyed(
    moved: MovedCloud,
) -> None:
    moved.sim.fail("POST /server", drop=True, after_effect=True)
    moved.sim.fail("GET /server", status=401, code="AUTHENTICATION_FAILED", times=20)
    async with moved.client() as cloud:
        with pytest.raises(OutcomeUnknown):
            await cloud.servers.create(server_spec())
        assert len(moved.sim.servers) == 1
    assert moved.sim.servers == {}


async def test_only_the_server_of_this_attempt_is_adopted(moved: MovedCloud) -> None:
    """If the API ignores the label filter, a server of somebody else must not be returned."""
    async with moved.client(owner="somebody-else") as other:
        theirs = await other.servers.create(server_spec("theirs"))
        body = (await other.request("GET", "/server")).document
        moved.sim.fail("POST /server", drop=True)
        for _ in range(5):
            moved.sim.fail("GET /server", status=200, body=json.dumps(body))
        async with moved.client() as cloud:
            with pytest.raises(OutcomeUnknown):
                await cloud.servers.create(server_spec("ours"))
        assert list(moved.sim.servers) == [theirs.uuid]


REFUSED: list[tuple[dict[str, Any], type[UpCloudError]]] = [
    ({"status": 400, "code": "ZONE_INVALID"}, InvalidRequest),
    ({"status": 401, "code": "AUTHENTICATION_FAILED"}, AuthenticationFailed),
    ({"status": 403, "code": "SERVER_CORE_LIMIT_REACHED"}, LimitReached),
    ({"status": 409, "code": "SERVER_RESOURCES_UNAVAILABLE"}, NoCapacity),
    ({"status": 429, "code": "TOO_MANY_REQUESTS", "headers": {"Retry-After": "3600"}}, RateLimited),
]


@pytest.mark.parametrize(("refusal", "error"), REFUSED)
async def test_after_a_refusal_no_server_is_searched_for(
    moved: MovedCloud, refusal: dict[str, Any], error: type[UpCloudError]
) -> None:
    moved.sim.fail("POST /server", **refusal)
    async with moved.client() as cloud:
        with pytest.raises(error):
            await cloud.servers.create(server_spec())
    assert moved.requests() == ["POST /server"]
    assert moved.sim.servers == {}


async def test_a_create_that_is_repeated_after_a_429_makes_one_server(moved: MovedCloud) -> None:
    moved.sim.fail("POST /server", status=429, code="TOO_MANY_REQUESTS", times=3, headers={"Retry-After": "7"})
    async with moved.client() as cloud:
        await cloud.servers.create(server_spec())
    assert len(moved.sim.servers) == 1
    assert moved.count("POST /server") == 4


async def test_a_create_that_cannot_be_sent_is_repeated_and_finally_raises_not_sent(
    moved: MovedCloud,
) -> None:
    def unreachable(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("no route")

    transport = httpx.MockTransport(unreachable)
    async with UpCloud(Token("ucat_x"), transport=transport, waits=moved.waits) as cloud:
        with pytest.raises(NotSent):
            await cloud.servers.create(server_spec())
    assert moved.requests() == []


async def test_after_a_lost_answer_the_next_spec_is_not_tried(moved: MovedCloud) -> None:
    """The first spec may have created a server. The next spec would create a second one."""
    moved.sim.fail("POST /server", drop=True)
    async with moved.client() as cloud:
        with pytest.raises(OutcomeUnknown):
            await cloud.servers.create([server_spec("one"), server_spec("two")])
    assert moved.count("POST /server") == 1


async def test_after_a_refusal_for_lack_of_capacity_the_next_spec_is_tried(moved: MovedCloud) -> None:
    moved.sim.fail("POST /server", status=409, code="SERVER_RESOURCES_UNAVAILABLE")
    async with moved.client() as cloud:
        server = await cloud.servers.create(server_spec("one").variants(zones=["fi-hel1", "de-fra1"]))
        assert server.zone == "de-fra1"
    assert len(moved.sim.servers) == 1


async def test_if_all_specs_are_refused_the_last_error_has_the_others_as_notes(moved: MovedCloud) -> None:
    moved.sim.fail("POST /server", status=409, code="SERVER_RESOURCES_UNAVAILABLE", times=2)
    async with moved.client() as cloud:
        with pytest.raises(NoCapacity) as caught:
            await cloud.servers.create(server_spec("one").variants(zones=["fi-hel1", "de-fra1"]))
    assert "1xCPU-1GB in fi-hel1 was refused before" in "".join(caught.value.__notes__)


async def test_an_empty_sequence_of_specs_is_refused(moved: MovedCloud) -> None:
    async with moved.client() as cloud:
        with pytest.raises(ValueError, match="the sequence of specs is empty"):
            await cloud.servers.create([])
    assert moved.requests() == []
