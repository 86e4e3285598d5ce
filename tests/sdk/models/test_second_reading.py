"""Empty, wrapped and differently typed values in answers are still read."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from upcloud_sdk._wire import Unreadable, many, one
from upcloud_sdk.models import Server, ServerSummary, Storage

if TYPE_CHECKING:
    from collections.abc import Sequence

SERVER = one(Server, "server")
SERVERS = many(ServerSummary, "servers", "server")
STORAGE = one(Storage, "storage")

_SUMMARY = {
    "uuid": "00a1",
    "title": "build-1",
    "hostname": "build-1",
    "zone": "fi-hel1",
    "state": "started",
    "plan": "1xCPU-1GB",
    "core_number": "1",
    "memory_amount": "1024",
    "license": 3.36,
    "labels": {"label": [{"key": "env", "value": "dev"}]},
}
_STORAGE = {"uuid": "01a1", "title": "os", "type": "normal", "state": "online", "size": 10}


def server(**fields: object) -> Server:
    return SERVER.read(json.dumps({"server": _SUMMARY | fields}).encode())


def storage(**fields: object) -> Storage:
    return STORAGE.read(json.dumps({"storage": _STORAGE | fields}).encode())


def with_device(**fields: object) -> dict[str, Any]:
    return {
        "storage_devices": {"storage_device": [{"storage": "01a1", "address": "virtio:0", "type": "disk"} | fields]}
    }


@pytest.mark.parametrize("empty", [None, "", {}, []], ids=repr)
@pytest.mark.parametrize(
    "field", ["license", "firewall", "metadata", "networking", "created", "remote_access_enabled", "labels", "devices"]
)
def test_an_empty_value_counts_as_missing(field: str, empty: object) -> None:
    whole = {name: value for name, value in _SUMMARY.items() if name != field}
    without = SERVER.read(json.dumps({"server": whole}).encode())

    assert getattr(server(**{field: empty}), field) == getattr(without, field)


def test_an_empty_value_in_a_list_does_not_hide_other_items() -> None:
    read = server(**with_device(storage_size=None, boot_disk="", part_of_plan=None, storage_title="os"), firewall=None)

    (device,) = read.storage_devices
    assert (device.storage_size, device.boot_disk, device.part_of_plan) == (None, None, None)
    assert (device.storage_title, read.license, read.labels) == ("os", Decimal("3.36"), {"env": "dev"})


def test_a_label_without_a_value_gets_an_empty_value() -> None:
    labels = [{"key": "env", "value": None}, {"key": "tier", "value": "a"}]

    assert server(labels={"label": labels}).labels == {"env": "", "tier": "a"}
    assert storage(labels=labels).labels == {"env": "", "tier": "a"}


@pytest.mark.parametrize("empty", [None, [], {}], ids=repr)
@pytest.mark.parametrize("field", ["uuid", "state"])
def test_a_required_field_must_not_be_empty(field: str, empty: object) -> None:
    with pytest.raises(Unreadable) as caught:
        server(**{field: empty})
    assert caught.value.path == f"server.{field}"


def test_a_wrong_value_does_not_count_as_empty() -> None:
    with pytest.raises(Unreadable) as caught:
        server(firewall="perhaps", license=None)
    assert caught.value.path in {"server.firewall", "server.license"}


def test_a_number_is_accepted_as_text() -> None:
    read = storage(title=2026, labels=[{"key": "port", "value": 8080}], backups={"backup": [7]})

    assert (read.title, read.labels, read.backups) == ("2026", {"port": "8080"}, ("7",))


@pytest.mark.parametrize("sent", [[], None, "", {"server": None}, {"server": ""}, {"server": []}], ids=repr)
def test_an_empty_list_is_read_in_each_form(sent: object) -> None:
    assert SERVERS.read(json.dumps({"servers": sent}).encode()) == ()


def test_a_list_without_its_inner_key_is_read() -> None:
    titles: Sequence[str | None] = [each.title for each in SERVERS.read(json.dumps({"servers": [_SUMMARY]}).encode())]

    assert titles == ["build-1"]


@pytest.mark.parametrize("sent", [{}, {"servers": {}}, {"servers": {"server": {}}}, {"servers": 7}, [], None], ids=repr)
def test_an_answer_that_is_not_a_list_does_not_count_as_an_empty_list(sent: object) -> None:
    with pytest.raises(Unreadable):
        SERVERS.read(json.dumps(sent).encode())
