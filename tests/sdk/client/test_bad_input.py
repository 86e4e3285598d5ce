"""Mistakes of users and faults of networks give a clear error that says what to do, and leave nothing behind."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import ValidationError

from tests.moved_time import MovedCloud, server_spec
from upcloud_sdk import ServerSpec, StorageDeviceSpec, Token, UpCloud
from upcloud_sdk.errors import (
    ConfigError,
    ForeignAnswer,
    InvalidRequest,
    NoMatch,
    NotFound,
    NotOpen,
    OutcomeUnknown,
    UnexpectedAnswer,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

Act = Callable[[UpCloud, MovedCloud], Awaitable[object]]


@dataclass(frozen=True)
class Row:
    """A mistake, and its expected error."""

    name: str
    act: Act
    error: type[Exception]
    says: str
    faults: list[tuple[str, dict[str, Any]]] = field(default_factory=list[tuple[str, dict[str, Any]]])
    environment: dict[str, str] = field(default_factory=dict[str, str])


@pytest.fixture
async def moved() -> AsyncIterator[MovedCloud]:
    """An empty cloud whose time moves by itself."""
    async with MovedCloud.open(boot_seconds=33, stop_seconds=16) as cloud:
        yield cloud


# --- mistakes of users ------------------------------------------------------------------------------------------------


async def _new_client(_: UpCloud, moved: MovedCloud) -> object:
    return UpCloud(transport=moved.sim.transport())


async def _no_retry_policy(_: UpCloud, moved: MovedCloud) -> object:
    return moved.client(retry=None)


async def _no_wait_policy(_: UpCloud, moved: MovedCloud) -> object:
    return moved.client(waits=None)


async def _clear_text(_: UpCloud, moved: MovedCloud) -> object:
    return UpCloud(Token("ucat_x"), base_url="http://api.upcloud.com", transport=moved.sim.transport())


async def _misspelt(_: UpCloud, moved: MovedCloud) -> object:
    return ServerSpec.model_validate({**server_spec().model_dump(), "hostnam": "build-1"})


async def _unopened(_: UpCloud, moved: MovedCloud) -> object:
    return await moved.client().servers.create(server_spec())


async def _no_zone(cloud: UpCloud, moved: MovedCloud) -> object:
    return await cloud.servers.create(server_spec().model_copy(update={"zone": "fi-hel9"}))


async def _no_plan(cloud: UpCloud, moved: MovedCloud) -> object:
    return await cloud.servers.create(server_spec().model_copy(update={"plan": "1xCPU-1TB"}))


async def _no_template(cloud: UpCloud, moved: MovedCloud) -> object:
    disk = StorageDeviceSpec.clone("01000000-0000-4000-8000-000000000000", size=25)
    return await cloud.servers.create(server_spec().model_copy(update={"storage_devices": (disk,)}))


async def _no_title(cloud: UpCloud, moved: MovedCloud) -> object:
    return await cloud.storages.find_template("Debian GNU/Linux 12")


async def _title_for_uuid(cloud: UpCloud, moved: MovedCloud) -> object:
    disk = StorageDeviceSpec.clone("Debian GNU/Linux 12 (Bookworm)", size=25)
    return await cloud.servers.create(server_spec().model_copy(update={"storage_devices": (disk,)}))


PEOPLE = [
    Row("no credentials", _new_client, ConfigError, "no credentials: pass UpCloud.* set UPCLOUD_TOKEN"),
    Row(
        "both kinds of credentials",
        _new_client,
        ConfigError,
        "both UPCLOUD_TOKEN and .* are set: unset one of them",
        environment={"UPCLOUD_TOKEN": "ucat_x", "UPCLOUD_USERNAME": "me", "UPCLOUD_PASSWORD": "p"},
    ),
    Row(
        "half a pair",
        _new_client,
        ConfigError,
        "UPCLOUD_PASSWORD is not.*set both, or UPCLOUD_TOKEN",
        environment={"UPCLOUD_USERNAME": "me"},
    ),
    Row(
        "the other half",
        _new_client,
        ConfigError,
        "UPCLOUD_USERNAME is not: set both, or UPCLOUD_TOKEN",
        environment={"UPCLOUD_PASSWORD": "p"},
    ),
    Row("a URL that sends them in the clear", _clear_text, ConfigError, "unencrypted: use https, or write allow_http"),
    Row("no policy of retries", _no_retry_policy, ConfigError, "retry is a RetryPolicy: leave it out"),
    Row("no policy of waits", _no_wait_policy, ConfigError, "waits is a WaitPolicy: leave it out"),
    Row("a misspelt field", _misspelt, ValidationError, "hostnam\n.*not permitted"),
    Row("a client outside its block", _unopened, NotOpen, "use it inside `async with UpCloud"),
    Row("a zone that does not exist", _no_zone, NotFound, r"POST /server: .*fi-hel9.* \(ZONE_NOT_FOUND, HTTP 404\)"),
    Row(
        "a plan that does not exist", _no_plan, InvalidRequest, r"POST /server: .*1xCPU-1TB.* \(PLAN_INVALID, HTTP 400"
    ),
    Row("a template that does not exist", _no_template, NotFound, r"POST /server: .*\(STORAGE_NOT_FOUND, HTTP 404\)"),
    Row("a title that no template has", _no_title, NoMatch, r"did you mean '.*Debian GNU/Linux 12 \(Bookworm\)'"),
    Row("a title in the place of a uuid", _title_for_uuid, InvalidRequest, r"\(STORAGE_INVALID, HTTP 400\)"),
]

# --- faults of networks -----------------------------------------------------------------------------------------------


async def _account(cloud: UpCloud, moved: MovedCloud) -> object:
    return await cloud.account.get()


async def _create(cloud: UpCloud, moved: MovedCloud) -> object:
    return await cloud.servers.create(server_spec())


async def _ephemeral(cloud: UpCloud, moved: MovedCloud) -> object:
    async with cloud.servers.ephemeral(server_spec()) as server:
        return server


async def _vanishes(cloud: UpCloud, moved: MovedCloud) -> object:
    server = await cloud.servers.create(server_spec())
    moved.sim.servers.clear()
    moved.sim.storages.clear()
    return await cloud.servers.wait_for_state(server.uuid, "started", timeout=300)


def _get(name: str, fault: dict[str, Any], error: type[Exception], says: str) -> Row:
    return Row(f"{name}, reading", _account, error, says, [("GET /account", {**fault, "times": None})])


def _post(name: str, act: Act, fault: dict[str, Any]) -> Row:
    says = "POST /server: the create got no usable answer.*no server with label upcloud_sdk_attempt="
    return Row(f"{name}, {act.__name__}", act, OutcomeUnknown, says, [("POST /server", fault)])


HTML = {"status": 502}
EMPTY = {"status": 200, "body": b""}
BRACES = {"status": 200, "body": b"{}"}
TRUNCATED = {"status": 200, "body": b'{"account": {"user'}

NETWORKS = [
    _get("a page in HTML", HTML, ForeignAnswer, r"GET /account: the answer is not the API's own \(HTTP 502, text/html"),
    _get("an empty body", EMPTY, ForeignAnswer, "GET /account: the answer is not the API's own"),
    _get("{}", BRACES, ForeignAnswer, r"GET /account: the answer is not the API's own \(HTTP 200, text/html"),
    _get(
        "truncated JSON", TRUNCATED, UnexpectedAnswer, "GET /account: the answer cannot be read as Account.account: Inv"
    ),
    *[
        _post(name, act, fault)
        for act in (_create, _ephemeral)
        for name, fault in (
            ("a page in HTML", HTML),
            ("an empty body", EMPTY),
            ("{}", BRACES),
            ("truncated JSON", TRUNCATED),
        )
    ],
    Row("a server that vanished while awaited", _vanishes, NotFound, r"GET /server/.* \(SERVER_NOT_FOUND, HTTP 404\)"),
]

ROWS = [*PEOPLE, *NETWORKS]


@pytest.mark.parametrize("row", ROWS, ids=[row.name for row in ROWS])
async def test_a_mistake_gives_a_clear_error_without_effect(
    moved: MovedCloud, row: Row, monkeypatch: pytest.MonkeyPatch
) -> None:
    for pattern, fault in row.faults:
        moved.sim.fail(pattern, **fault)
    async with moved.client() as cloud:
        for name, value in row.environment.items():
            monkeypatch.setenv(name, value)
        with pytest.raises(row.error, match=row.says):
            await row.act(cloud, moved)
    assert moved.sim.servers == {}
    assert moved.sim.storages == {}
    if not row.faults and row.error in {ConfigError, ValidationError, NotOpen}:
        assert moved.requests() == []
