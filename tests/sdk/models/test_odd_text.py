"""A string or a number that is not valid JSON costs its field, never the answer around it."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

import pytest

from tests.sdk import documents
from tests.sdk.documents import DISK, SERVER
from tests.sdk.models.test_odd_answers import places, put
from upcloud_sdk import RetryPolicy, Token, UpCloud
from upcloud_sdk._wire import Unreadable, many, one
from upcloud_sdk._wire.reading import Reading
from upcloud_sdk.errors import ApiError, UnexpectedAnswer
from upcloud_sdk.fleet.records import observed
from upcloud_sdk.models import Server, ServerSummary, Storage, StorageSummary

if TYPE_CHECKING:
    import respx

    from upcloud_sdk._wire import Envelope, Resource

INVALID = {
    "a lone surrogate": rb'"odd \ud800"',
    "a lone low surrogate": rb'"odd \udfff."',
    "invalid UTF-8": b'"odd \xff"',
    "a control character": b'"odd \n"',
    "a huge number": b"9" * 5000,
    "deep nesting": b"[" * 300 + b"]" * 300,
}
"""Values that a strict JSON reader refuses."""

LABELS = {"label": [{"key": "env", "value": "dev"}, {"key": "tier", "value": "a"}]}
OTHER = "00ffffff-d4e5-4f60-8a7b-0123456789ab"

READERS: dict[str, tuple[Envelope[Any], dict[str, Any]]] = {
    "details": (one(Server, "server"), documents.server(labels=LABELS)),
    "list": (many(ServerSummary, "servers", "server"), documents.servers({"labels": LABELS}, {"uuid": OTHER})),
    "disk": (one(Storage, "storage"), documents.storage(labels=LABELS["label"])),
    "disks": (many(StorageSummary, "storages", "storage"), documents.storages({"labels": LABELS["label"]}, {})),
    "cleanup details": (observed.OBSERVED_SERVER, documents.server(labels=LABELS)),
    "cleanup list": (observed.OBSERVED_SERVERS, documents.servers({"labels": LABELS}, {"uuid": OTHER})),
    "cleanup disk": (observed.OBSERVED_STORAGE, documents.storage(labels=LABELS["label"])),
    "cleanup disks": (observed.OBSERVED_STORAGES, documents.storages({"labels": LABELS["label"]}, {})),
}
NEEDED = {"uuid", "state"}
ITEM = {reader: 4 if reader.endswith(("list", "disks")) else 2 for reader in READERS}
"""The number of keys to a field of an item."""

MARK = "MARK-OF-THE-ODD-VALUE"


def with_odd(document: object, odd: bytes) -> bytes:
    """The bytes of a document, with an odd value in place of the mark."""
    return json.dumps(document).encode().replace(json.dumps(MARK).encode(), odd)


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("odd", INVALID)
def test_an_invalid_value_at_any_place_costs_its_field(reader: str, odd: str) -> None:
    envelope, whole = READERS[reader]
    expected = [each.uuid for each in items(envelope.read(json.dumps(whole).encode()))]
    for place in places(whole):
        if len(place) < ITEM[reader] or place[-1] in NEEDED:
            continue
        read = items(envelope.read(with_odd(put(whole, place, MARK), INVALID[odd]), Reading()))
        assert [each.uuid for each in read] == expected, place
        if "labels" not in place:
            assert read[0].labels == {"env": "dev", "tier": "a"}, place


def items(read: tuple[Resource, ...] | Resource) -> list[Any]:
    """The items of a list, or the only one."""
    return list(read) if isinstance(read, tuple) else [read]


def test_an_invalid_character_is_replaced_and_the_others_are_kept(caplog: pytest.LogCaptureFixture) -> None:
    reading, document = Reading(), documents.servers({"title": MARK}, {"uuid": OTHER})
    read: tuple[ServerSummary, ...] = ()
    for _ in range(2):
        read = READERS["list"][0].read(with_odd(document, rb'"odd \ud800 \ud83d\ude00"'), reading)
    assert [(each.uuid, each.title) for each in read] == [
        (SERVER, "odd \N{REPLACEMENT CHARACTER} \N{GRINNING FACE}"),
        (OTHER, documents.servers({})["servers"]["server"][0]["title"]),
    ]
    (record,) = caplog.records
    assert (record.levelno, record.getMessage().partition(":")[0]) == (
        logging.WARNING,
        "an answer with ServerSummary is not valid JSON (unexpected end of hex escape)",
    )


def test_a_strict_reader_refuses_invalid_text() -> None:
    with pytest.raises(Unreadable, match="Invalid JSON"):
        READERS["list"][0].read(with_odd(documents.servers({"title": MARK}), INVALID["a lone surrogate"]))


def test_an_answer_that_is_cut_short_is_still_unreadable() -> None:
    content = json.dumps(documents.servers({})).encode()
    with pytest.raises(Unreadable):
        READERS["list"][0].read(content[:-20], Reading())


@pytest.mark.parametrize("odd", INVALID)
@pytest.mark.parametrize("field", ["error_message", "title", "correlation_id", "invalid_params"])
async def test_an_error_document_with_an_invalid_value_is_still_the_apis(
    api: respx.MockRouter, odd: str, field: str
) -> None:
    document: dict[str, Any] = {"error": {"error_code": "SERVER_NOT_FOUND", "error_message": MARK}}
    if field != "error_message":
        document = {"type": "https://x/#ERROR_SERVER_NOT_FOUND", "title": "No such server.", field: MARK}
    api.get(f"/server/{SERVER}").respond(404, content=with_odd(document, INVALID[odd]))
    async with UpCloud(Token("t"), retry=RetryPolicy(attempts=1)) as cloud:
        with pytest.raises(ApiError) as caught:
            await cloud.servers.get(SERVER)
    assert caught.value.code == "SERVER_NOT_FOUND"
    assert str(caught.value).encode()


@pytest.mark.parametrize("odd", INVALID)
async def test_a_request_of_ones_own_returns_a_document_with_an_invalid_value(api: respx.MockRouter, odd: str) -> None:
    document = {"storage": {"uuid": DISK, "title": MARK}}
    api.get(f"/storage/{DISK}").respond(content=with_odd(document, INVALID[odd]))
    async with UpCloud(Token("t")) as cloud:
        answer = await cloud.request("GET", f"/storage/{DISK}")
    assert json.dumps(answer.document, ensure_ascii=False).encode()


async def test_a_request_of_ones_own_refuses_what_is_not_json(api: respx.MockRouter) -> None:
    api.get("/zone").respond(content=b'{"zones": ')
    async with UpCloud(Token("t")) as cloud:
        with pytest.raises(UnexpectedAnswer):
            await cloud.request("GET", "/zone")


async def test_a_strict_client_sees_each_server_when_it_cleans_up() -> None:
    odd = documents.servers({"state": []}, {"uuid": OTHER, "labels": 7})
    read = observed.OBSERVED_SERVERS.read(json.dumps(odd).encode(), Reading(strict=True))
    assert [each.uuid for each in read] == [SERVER, OTHER]


@pytest.mark.parametrize("odd", [7, "odd", {"server": 7}, {"server": [{"odd": 1}]}], ids=repr)
def test_a_disk_with_an_unreadable_server_is_not_certainly_detached(odd: object) -> None:
    sent: list[object] = [{"server": []}, odd]
    read = [observed.OBSERVED_STORAGE.read(json.dumps(documents.storage(servers=each)).encode()) for each in sent]
    assert [each.is_detached for each in read] == [True, False]


def test_a_field_that_is_lost_counts_as_not_sent() -> None:
    document = documents.server(core_number="many", firewall="", title="web")
    read = READERS["details"][0].read(json.dumps(document).encode(), Reading())
    assert (read.core_number, read.firewall) == (None, None)
    assert {"core_number", "firewall", "title"} & read.model_fields_set == {"title"}
