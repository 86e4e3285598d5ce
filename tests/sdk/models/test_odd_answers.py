"""Odd answers cost no server: unreadable optional fields are left out and named in the log."""

from __future__ import annotations

import copy
import json
import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast

import httpx
import pytest

from tests.moved_time import MovedCloud, server_spec
from tests.sdk import documents
from tests.sdk.documents import SERVER
from upcloud_sdk import Token, UpCloud, models
from upcloud_sdk._wire import Envelope, Resource, many, one
from upcloud_sdk._wire.reading import Reading
from upcloud_sdk.errors import UnexpectedAnswer
from upcloud_sdk.models import AccountDetails, Network, Server, ServerSummary, Storage, Zone, ZoneDevices, ZonePrices

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    import respx
    from pydantic import BaseModel

STEERED_BY = {"uuid", "id", "name", "address", "state"}
"""The fields that the SDK needs."""

NEEDED = {"address": "192.0.2.1", "id": 1}
"""Valid values of needed fields that do not accept every text."""

SENT_ONLY_AS_YES = {"part_of_plan", "floating"}
"""Flags that the API leaves out if they are off."""

ODD: tuple[object, ...] = (None, "", [], {}, 7, -1, "odd", True, ["odd"], {"odd": "odd"}, [{"odd": 1}], "2026-13-45")

Json = Any


class OddTransport(httpx.AsyncBaseTransport):
    """A transport that changes some of the answers."""

    def __init__(self, cloud: MovedCloud, change: Callable[[Json], object]) -> None:
        self._transport, self._change = cloud.transport(), change

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = await self._transport.handle_async_request(request)
        content = response.read()
        if not content:
            return response
        document = json.loads(content)
        self._change(document)
        return httpx.Response(response.status_code, json=document, request=request)


def without(*keys: str) -> Callable[[Json], None]:
    """Removes these keys everywhere in a document."""

    def change(document: Json) -> None:
        if isinstance(document, dict):
            fields = cast("dict[str, Json]", document)
            for key in keys:
                fields.pop(key, None)
            document = list(fields.values())
        for value in cast("tuple[Json, ...]", document) if isinstance(document, list) else ():
            change(value)

    return change


@pytest.fixture
async def moved() -> AsyncIterator[MovedCloud]:
    """An empty cloud whose time moves by itself."""
    async with MovedCloud.open(boot_seconds=33, stop_seconds=16) as cloud:
        yield cloud


@pytest.mark.parametrize("missing", ["family", "access", "title", "zone", "plan", "core_number", "storage_devices"])
async def test_a_create_whose_answers_lack_optional_fields_makes_one_server_and_keeps_it(
    moved: MovedCloud, missing: str
) -> None:
    async with moved.client(transport=OddTransport(moved, without(missing))) as cloud:
        server = await cloud.servers.create(server_spec())
        await moved.later(200)
        assert (await cloud.servers.get(server.uuid)).state == "started"
    assert list(moved.sim.servers) == [server.uuid]
    assert moved.requests().count("POST /server") == 1


async def test_a_created_server_with_an_unreadable_answer_is_reported_and_kept(moved: MovedCloud) -> None:
    async with moved.client(transport=OddTransport(moved, without("state"))) as cloud:
        with pytest.raises(UnexpectedAnswer, match=r"as Server\.server\.state of 00") as caught:
            await cloud.servers.create(server_spec())
        await moved.later(200)
    assert list(moved.sim.servers) == [caught.value.uuid]


async def test_an_ephemeral_server_that_cannot_be_read_is_destroyed(moved: MovedCloud) -> None:
    async with moved.client(transport=OddTransport(moved, without("state"))) as cloud:
        with pytest.raises(UnexpectedAnswer):
            async with cloud.servers.ephemeral(server_spec()):
                raise AssertionError("what cannot be read was yielded")
        assert moved.sim.servers == {}


def resources() -> Iterator[type[Resource]]:
    """All models of answers."""
    for name in models.__all__:
        kind = getattr(models, name)
        if isinstance(kind, type) and issubclass(kind, Resource):
            yield kind


def test_only_the_fields_that_the_sdk_needs_are_required() -> None:
    required = {name for kind in resources() for name, field in kind.model_fields.items() if field.is_required()}
    assert required == STEERED_BY


def places(document: Json, place: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """The places of all values in a document."""
    items: list[tuple[Any, Any]] = []
    if isinstance(document, dict):
        items = list(cast("dict[str, Json]", document).items())
    elif isinstance(document, list):
        items = list(enumerate(cast("tuple[Json, ...]", document)))
    for key, value in items:
        yield (*place, key)
        yield from places(value, (*place, key))


def put(document: Json, place: tuple[str | int, ...], value: object) -> Json:
    """A copy of a document with another value at this place."""
    document = copy.deepcopy(document)
    holder = document
    for key in place[:-1]:
        holder = holder[key]
    holder[place[-1]] = value
    return document


@pytest.mark.parametrize("odd", ODD, ids=repr)
def test_a_server_is_read_with_an_odd_value_in_any_optional_field(odd: object) -> None:
    whole = documents.server()
    envelope = one(Server, "server")
    for place in places(whole):
        if place in {("server",), ("server", "uuid"), ("server", "state")}:
            continue
        content = json.dumps(put(whole, place, odd)).encode()
        read = envelope.read(content, Reading())
        assert (read.uuid, read.state) == (SERVER, "started"), place
        if place[1] != "ip_addresses":
            assert read.public_ipv4 is not None, place


def test_an_unreadable_optional_field_is_none_and_logged_with_its_path(caplog: pytest.LogCaptureFixture) -> None:
    whole = documents.server()
    document = put(whole, ("server", "ip_addresses", "ip_address", 0, "family"), {"odd": "MUST_NOT_BE_SHOWN"})
    read = one(Server, "server").read(json.dumps(document).encode(), Reading())
    assert read.ip_addresses[0].family is None
    assert len(read.ip_addresses) == len(whole["server"]["ip_addresses"]["ip_address"])
    (record,) = caplog.records
    assert (record.name, record.levelno) == ("upcloud_sdk", logging.WARNING)
    assert record.getMessage().startswith(f"Server.ip_addresses[0].family of {SERVER} cannot be read (")
    assert record.getMessage().endswith("): it is None")
    assert "MUST_NOT" not in caplog.text


def test_an_unreadable_field_never_gets_an_invented_value(caplog: pytest.LogCaptureFixture) -> None:
    for kind in resources():
        needed = {name: NEEDED.get(name, "a") for name, field in kind.model_fields.items() if field.is_required()}
        reading, envelope = Reading(), Envelope(kind)
        empty = envelope.read(json.dumps(needed).encode())
        optional = [
            name
            for name, field in kind.model_fields.items()
            # Lists, mappings and the models inside are empty instead.
            if not isinstance(getattr(empty, name), tuple | dict | Resource) and name not in {*needed, "labels"}
            if field.annotation is not Any
        ]
        assert {name for name in optional if getattr(empty, name) is not None} <= SENT_ONLY_AS_YES, kind

        for odd in (None, [["odd"]]):
            caplog.clear()
            read = envelope.read(json.dumps(needed | dict.fromkeys(optional, odd)).encode(), reading)
            assert {name: getattr(read, name) for name in optional} == dict.fromkeys(optional), kind
            told = {record.getMessage().partition(" ")[0] for record in caplog.records}
            assert told == ({f"{kind.__name__}.{name}" for name in optional} if odd else set()), kind


def test_each_unreadable_field_is_logged_once_per_client(caplog: pytest.LogCaptureFixture) -> None:
    reading, envelope = Reading(), one(Server, "server")
    for _ in range(3):
        envelope.read(json.dumps(documents.server(core_number="many", firewall="perhaps")).encode(), reading)
    assert sorted(record.getMessage().partition(" of ")[0] for record in caplog.records) == [
        "Server.core_number",
        "Server.firewall",
    ]
    assert caplog.text.count("it is None") == 2


def test_an_unreadable_item_is_left_out_of_its_list(caplog: pytest.LogCaptureFixture) -> None:
    document = documents.servers({"uuid": "00a1"}, {"uuid": "00a2", "state": {}}, {"uuid": "00a3"}, {"uuid": "00a4"})
    document["servers"]["server"][2]["labels"] = {"label": [7, {"key": "env", "value": "dev"}]}
    document["servers"]["server"].append("odd")
    read = many(ServerSummary, "servers", "server").read(json.dumps(document).encode(), Reading())
    assert [each.uuid for each in read] == ["00a1", "00a3", "00a4"]
    assert read[1].labels == {"env": "dev"}
    said = sorted(record.getMessage() for record in caplog.records)
    assert said[0].startswith("ServerSummary[1] of 00a2 cannot be read (state: ")
    assert said[1].startswith("ServerSummary[2].labels[0] of 00a3 cannot be read (")
    assert said[2].startswith("ServerSummary[4] cannot be read (")
    assert all(text.endswith("): it is left out") for text in said)


async def test_a_strict_client_refuses_an_unreadable_field(api: respx.MockRouter) -> None:
    api.get(f"/server/{SERVER}").respond(json=documents.server(core_number="many"))
    async with UpCloud(Token("t"), strict=True) as strict, UpCloud(Token("t")) as lenient:
        with pytest.raises(UnexpectedAnswer, match=rf"as Server\.server\.core_number of {SERVER}: ") as caught:
            await strict.servers.get(SERVER)
        assert (caught.value.model, caught.value.path, caught.value.uuid) == ("Server", "server.core_number", SERVER)
        assert (await lenient.servers.get(SERVER)).core_number is None


async def test_a_strict_client_names_the_model_of_a_list(api: respx.MockRouter) -> None:
    api.get("/server").respond(json=documents.servers({"uuid": "00a1"}, {"uuid": "00a2", "state": []}))
    async with UpCloud(Token("t"), strict=True) as strict:
        with pytest.raises(UnexpectedAnswer, match=r"as ServerSummary\.servers\.server\.1\.state of 00a2: "):
            await strict.servers.list()


@pytest.mark.parametrize(
    ("kind", "document"),
    [
        (AccountDetails, {"username": "me"}),
        (Zone, {"id": "fi-hel1", "description": "Helsinki #1"}),
        (Server, {"uuid": "00a1", "state": "pending_delete"}),
        (Storage, {"uuid": "01a1", "state": "hidden"}),
        (Network, {"uuid": "03a1", "name": "office"}),
    ],
)
@pytest.mark.parametrize("strict", [False, True])
def test_answers_seen_in_production_are_read(kind: type[BaseModel], document: dict[str, Json], *, strict: bool) -> None:
    read = one(kind, "thing").read(json.dumps({"thing": document}).encode(), Reading(strict=strict))
    assert {name: getattr(read, name) for name in document} == document


def test_an_unreadable_price_does_not_hide_the_others() -> None:
    prices: dict[str, Json] = {
        "name": "fi-hel1",
        "firewall": {"amount": 1, "price": 56},
        "ipv4_address": {"amount": [], "price": "odd"},
    }
    read = one(ZonePrices, "zone").read(json.dumps({"zone": prices}).encode(), Reading())
    assert read.items["firewall"].price == 56
    assert read.items["ipv4_address"].price is None


@pytest.mark.parametrize("odd", [None, 7, "odd", [1], [[]]], ids=repr)
def test_an_unreadable_entry_of_a_mapping_does_not_hide_the_others(odd: Json) -> None:
    document: Json = {"fi-hel1": odd, "fi-hel2": {"gpu_plans": {}}}
    read = Envelope(dict[str, ZoneDevices]).read(json.dumps(document).encode(), Reading())
    assert set(read) == {"fi-hel2"}


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        ("2026-11-24T09:00:00Z", datetime(2026, 11, 24, 9, tzinfo=UTC)),
        ("2026-11-24T09:00:00", datetime(2026, 11, 24, 9, tzinfo=UTC)),
        ("2026-11-24T09:00:00-0000", datetime(2026, 11, 24, 9, tzinfo=UTC)),
        ("2026-11-24T11:00:00+0200", datetime(2026, 11, 24, 9, tzinfo=UTC)),
        (1795510800, datetime(2026, 11, 24, 9, tzinfo=UTC)),
        ("1795510800", datetime(2026, 11, 24, 9, tzinfo=UTC)),
        ("", None),
        (None, None),
    ],
    ids=repr,
)
def test_times_are_read_in_each_known_format(sent: object, read: datetime | None) -> None:
    server = one(Server, "server").read(json.dumps(documents.server(created=sent)).encode())
    assert server.created == read
    assert server.created is None or server.created.tzinfo is not None
