from __future__ import annotations

import json
import pickle
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from pydantic import SecretStr, ValidationError

from upcloud_sdk import (
    InterfaceSpec,
    LoginUser,
    Server,
    ServerChanges,
    ServerSpec,
    ServerState,
    Storage,
    StorageDeviceSpec,
)
from upcloud_sdk._wire import one
from upcloud_sdk.models import BackupRuleSpec

if TYPE_CHECKING:
    from collections.abc import Callable

SECRET = "MUST_NOT_BE_SHOWN"
TEMPLATE = "01000000-0000-4000-8000-000020070100"
DISK = StorageDeviceSpec.clone(TEMPLATE, size=25, title="build-1-os")
NETWORK = "03a1b2c3-d4e5-4f60-8a7b-0123456789ab"
WIRE = Path(__file__).parents[2] / "wire"


def spec(**fields: object) -> ServerSpec:
    return ServerSpec.model_validate(
        {
            "zone": "fi-hel1",
            "plan": "1xCPU-1GB",
            "hostname": "build-1",
            "title": "build-1",
            "storage_devices": [DISK],
            **fields,
        }
    )


def document(file: str, number: int) -> bytes:
    interactions = json.loads((WIRE / file).read_text("utf-8"))["interactions"]
    return json.dumps(interactions[number]["response"]["body"]).encode()


# --- specs ------------------------------------------------------------------------------------------------------------


def test_a_spec_is_written_as_the_api_reads_it() -> None:
    wanted = spec(
        networking=[InterfaceSpec.public(), InterfaceSpec.utility(), InterfaceSpec.private(NETWORK, "172.16.0.2")],
        login_user=LoginUser(ssh_keys=["ssh-ed25519 AAAA me"]),
        metadata=True,
        user_data="#!/bin/sh",
        firewall=True,
        labels={"env": "dev"},
    )
    assert wanted.wire() == {
        "zone": "fi-hel1",
        "plan": "1xCPU-1GB",
        "hostname": "build-1",
        "title": "build-1",
        "storage_devices": {
            "storage_device": [{"action": "clone", "storage": TEMPLATE, "size": 25, "title": "build-1-os"}]
        },
        "networking": {
            "interfaces": {
                "interface": [
                    {"type": "public", "ip_addresses": {"ip_address": [{"family": "IPv4"}]}},
                    {"type": "utility", "ip_addresses": {"ip_address": [{"family": "IPv4"}]}},
                    {
                        "type": "private",
                        "network": NETWORK,
                        "ip_addresses": {"ip_address": [{"family": "IPv4", "address": "172.16.0.2"}]},
                    },
                ]
            }
        },
        "login_user": {
            "username": "root",
            "ssh_keys": {"ssh_key": ["ssh-ed25519 AAAA me"]},
            "create_password": "no",
        },
        "password_delivery": "none",
        "metadata": "yes",
        "user_data": "#!/bin/sh",
        "firewall": "on",
        "labels": {"label": [{"key": "env", "value": "dev"}]},
    }


def test_a_spec_of_a_custom_size_is_written_with_cores_and_memory() -> None:
    document = spec(plan="custom", core_number=2, memory_amount=4096).wire()
    assert (document["plan"], document["core_number"], document["memory_amount"]) == ("custom", 2, 4096)


def test_new_disks_without_a_title_are_named_after_the_server() -> None:
    devices = [
        StorageDeviceSpec.clone(TEMPLATE),
        StorageDeviceSpec.create(size=10),
        StorageDeviceSpec.create(size=10, title="data"),
        StorageDeviceSpec.attach("01a1"),
    ]
    document = spec(storage_devices=devices, title="t" * 255).wire()
    titles = [device.get("title") for device in document["storage_devices"]["storage_device"]]
    assert titles == ["t" * 245 + " disk 1", "t" * 245 + " disk 2", "data", None]


@pytest.mark.parametrize(
    ("device", "document"),
    [
        (StorageDeviceSpec.clone("01a1"), {"action": "clone", "storage": "01a1"}),
        (
            StorageDeviceSpec.clone("01a1", size=25, title="t", tier="maxiops"),
            {"action": "clone", "storage": "01a1", "size": 25, "title": "t", "tier": "maxiops"},
        ),
        (StorageDeviceSpec.create(size=10), {"action": "create", "size": 10}),
        (
            StorageDeviceSpec.create(size=10, title="t", tier="hdd"),
            {"action": "create", "size": 10, "title": "t", "tier": "hdd"},
        ),
        (StorageDeviceSpec.attach("01a1"), {"action": "attach", "storage": "01a1"}),
        (
            StorageDeviceSpec(action="attach", storage="01a1", type="cdrom", address="ide", encrypted=None),
            {"action": "attach", "storage": "01a1", "type": "cdrom", "address": "ide"},
        ),
        (
            StorageDeviceSpec(
                action="create",
                size=10,
                encrypted=True,
                backup_rule=BackupRuleSpec(interval="daily", time="0430", retention=30),
                labels={"env": "dev"},
            ),
            {
                "action": "create",
                "size": 10,
                "encrypted": "yes",
                "backup_rule": {"interval": "daily", "time": "0430", "retention": 30},
                "labels": [{"key": "env", "value": "dev"}],
            },
        ),
    ],
)
def test_a_disk_is_written_as_the_api_reads_it(device: StorageDeviceSpec, document: dict[str, object]) -> None:
    assert device.wire() == document


@pytest.mark.parametrize(
    ("interface", "document"),
    [
        (InterfaceSpec.public(), {"type": "public", "ip_addresses": {"ip_address": [{"family": "IPv4"}]}}),
        (InterfaceSpec.public("IPv6"), {"type": "public", "ip_addresses": {"ip_address": [{"family": "IPv6"}]}}),
        (InterfaceSpec.utility(), {"type": "utility", "ip_addresses": {"ip_address": [{"family": "IPv4"}]}}),
        (
            InterfaceSpec.private(NETWORK),
            {"type": "private", "network": NETWORK, "ip_addresses": {"ip_address": [{"family": "IPv4"}]}},
        ),
        (
            InterfaceSpec.private(NETWORK, IPv6Address("2001:db8::2")),
            {
                "type": "private",
                "network": NETWORK,
                "ip_addresses": {"ip_address": [{"family": "IPv6", "address": "2001:db8::2"}]},
            },
        ),
    ],
)
def test_an_interface_is_written_as_the_api_reads_it(interface: InterfaceSpec, document: dict[str, object]) -> None:
    assert interface.wire() == document


REFUSED: list[tuple[str, Callable[[], object], str]] = [
    ("a misspelt field", lambda: spec(hostnam="x"), "hostnam"),
    ("a misspelt field of a disk", lambda: spec(storage_devices=[{"action": "create", "sise": 10}]), "sise"),
    ("no zone", lambda: spec(zone=""), "zone"),
    ("no disks", lambda: spec(storage_devices=[]), "storage_devices"),
    ("no title", lambda: spec(title=""), "title"),
    ("a title that is too long", lambda: spec(title="t" * 256), "title"),
    ("no host name", lambda: spec(hostname=""), "hostname"),
    ("a host name with _", lambda: spec(hostname="build_1"), r"not a host name.*`_` is not allowed: use `-`"),
    ("a host name with a space", lambda: spec(hostname="build 1"), "not a host name: letters, digits, `-` and `.`"),
    ("a host name that begins with -", lambda: spec(hostname="-build"), "not a host name"),
    ("a host name with an empty label", lambda: spec(hostname="a..b"), "not a host name"),
    ("a host name with a line break", lambda: spec(hostname="build-1\n"), "not a host name"),
    ("a label of a host name that is too long", lambda: spec(hostname="a" * 64), "not a host name"),
    ("a host name that is too long", lambda: spec(hostname=".".join(["a" * 43] * 3)), "hostname"),
    ("neither plan nor size", lambda: spec(plan="custom"), "give a `plan`, or both `core_number` and `memory_amount`"),
    ("half a size", lambda: spec(plan="custom", core_number=1), "both `core_number` and `memory_amount`"),
    ("a plan and a size", lambda: spec(core_number=1, memory_amount=1024), "plan '1xCPU-1GB' fixes cores and memory"),
    ("no cores", lambda: spec(plan="custom", core_number=0, memory_amount=1024), "core_number"),
    ("a network that no type has", lambda: spec(networking=[{"type": "local"}]), "networking"),
    ("one key for a list of keys", lambda: LoginUser(ssh_keys="ssh-ed25519 AAAA me"), "ssh_keys"),
    ("a short key of a label", lambda: spec(labels={"a": "b"}), "2 to 32 printable ASCII characters"),
    ("a long key of a label", lambda: spec(labels={"a" * 33: "b"}), "2 to 32 printable ASCII characters"),
    ("a key of a label beyond ASCII", lambda: spec(labels={"clé": "b"}), "2 to 32 printable ASCII characters"),
    ("a key of the API's own", lambda: spec(labels={"_os": "b"}), "keys that start with `_` are reserved for the API"),
    ("a long value of a label", lambda: spec(labels={"env": "b" * 256}), "label 'env': a value has at most 255"),
    (
        "a label of a disk",
        lambda: StorageDeviceSpec(action="create", size=1, labels={"_os": "b"}),
        "reserved for the API",
    ),
    ("a label of a change", lambda: ServerChanges(labels={"_os": "b"}), "reserved"),
    ("a disk without a size", lambda: StorageDeviceSpec(action="create"), "needs `size`, in GB"),
    ("a disk of nothing", lambda: StorageDeviceSpec.create(size=0), "size"),
    (
        "a new disk with a source",
        lambda: StorageDeviceSpec(action="create", size=1, storage="01a1"),
        "use StorageDeviceSpec.clone to copy one",
    ),
    (
        "a clone of nothing",
        lambda: StorageDeviceSpec(action="clone"),
        "the uuid of the storage that is cloned",
    ),
    (
        "a clone of an empty name",
        lambda: StorageDeviceSpec.clone(""),
        "the uuid of the storage that is cloned",
    ),
    ("an attach of nothing", lambda: StorageDeviceSpec(action="attach"), "the uuid of the storage that is attached"),
    (
        "an attach with a size",
        lambda: StorageDeviceSpec(action="attach", storage="01a1", size=5),
        "keeps its size and tier: leave them out",
    ),
    ("a private interface without its network", lambda: InterfaceSpec(type="private"), "needs `network`, the uuid"),
    ("a public interface with a network", lambda: InterfaceSpec(type="public", network=NETWORK), "leave it out"),
    (
        "a public interface that filters nothing",
        lambda: InterfaceSpec(type="public", source_ip_filtering=False),
        "only on private interfaces",
    ),
    ("an address that is none", lambda: InterfaceSpec.private(NETWORK, "172.16.0.300"), "address"),
    ("a backup at no time", lambda: BackupRuleSpec(interval="daily", time="2460", retention=1), "time"),
    ("a misspelt field of a change", lambda: ServerChanges.model_validate({"titel": "x"}), "titel"),
]


@pytest.mark.parametrize(("make", "says"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_the_error_for_a_spec_that_the_api_would_refuse_says_what_to_do(make: Callable[[], object], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        make()


@pytest.mark.parametrize("hostname", ["a", "build-1", "build-1.example.com", "a.b.", "1", "xn--bcher-kva", "a" * 63])
def test_usual_host_names_are_accepted(hostname: str) -> None:
    assert spec(hostname=hostname).hostname == hostname


def test_an_error_of_a_spec_never_shows_a_value() -> None:
    with pytest.raises(ValidationError) as caught:
        spec(user_data=SECRET, remote_access_password=SECRET, passwrod=SECRET, zone=[SECRET])
    assert SECRET not in str(caught.value)


def test_the_secrets_of_a_spec_are_in_no_repr_and_no_dump() -> None:
    wanted = spec(user_data=SECRET, remote_access_password=SECRET)
    assert SECRET not in repr(wanted) + str(wanted) + repr(wanted.model_dump()) + wanted.model_dump_json()
    assert wanted.wire()["user_data"] == wanted.wire()["remote_access_password"] == SECRET


def test_a_spec_is_frozen_and_survives_copies() -> None:
    wanted = spec(user_data=SECRET, networking=[InterfaceSpec.private(NETWORK, "172.16.0.2")], labels={"env": "dev"})
    with pytest.raises(ValidationError, match="frozen"):
        wanted.title = "b"  # type: ignore[misc]  # what the test is about
    assert ServerSpec.model_validate(wanted.model_dump()) == wanted
    assert pickle.loads(pickle.dumps(wanted)) == wanted
    assert wanted.model_copy(update={"title": "b"}).title == "b"


def test_a_change_sends_only_what_was_given() -> None:
    assert ServerChanges(title="b").wire() == {"title": "b"}
    assert ServerChanges(firewall=False, metadata=True).wire() == {"firewall": "off", "metadata": "yes"}
    assert ServerChanges(labels={}).wire() == {"labels": {"label": []}}
    assert ServerChanges(title=None).wire() == {}


# --- servers ----------------------------------------------------------------------------------------------------------


SERVER, STORAGE = one(Server, "server"), one(Storage, "storage")


def test_a_server_has_attributes_for_its_addresses() -> None:
    server = SERVER.read(document("servers.json", 3))
    assert server.public_ipv4 == IPv4Address("203.0.113.7")
    assert server.public_ipv6 == IPv6Address("2001:db8::1")
    assert server.utility_ipv4 == IPv4Address("10.1.2.3")


def test_a_server_without_addresses_has_none_in_their_place() -> None:
    server = SERVER.read(document("servers.json", 7))
    assert (server.public_ipv4, server.public_ipv6, server.utility_ipv4) == (None, None, None)


@pytest.mark.parametrize("number", [3, 4, 5, 6, 7])
def test_a_server_survives_copies(number: int) -> None:
    server = SERVER.read(document("servers.json", number))
    assert Server.model_validate(server.model_dump()) == server
    assert pickle.loads(pickle.dumps(server)) == server


def test_the_passwords_of_a_server_are_kept_but_never_shown() -> None:
    content = document("server-actions.json", 0).replace(b"REDACTED", SECRET.encode())
    server = SERVER.read(content)
    assert server.password == server.remote_access_password == SecretStr(SECRET)
    assert SECRET not in repr(server) + str(server) + repr(server.model_dump()) + server.model_dump_json()
    copied: Server = pickle.loads(pickle.dumps(server))
    assert copied.password == SecretStr(SECRET)


def test_a_server_is_frozen_and_its_lists_are_tuples() -> None:
    server = SERVER.read(document("servers.json", 3))
    with pytest.raises(ValidationError, match="frozen"):
        server.title = "b"  # type: ignore[misc]  # what the test is about
    for items in (server.ip_addresses, server.storage_devices, server.networking.interfaces, server.tags):
        assert isinstance(items, tuple)


def test_an_ejected_drive_is_read() -> None:
    drive = SERVER.read(document("servers.json", 5)).storage_devices[0]
    assert (drive.storage, drive.storage_size, drive.storage_tier, drive.type) == ("", 0, None, "cdrom")


def test_labels_that_are_missing_in_an_answer_are_none_and_not_empty() -> None:
    assert SERVER.read(document("servers.json", 4)).storage_devices[0].labels is None
    assert SERVER.read(document("servers.json", 5)).storage_devices[0].labels == {}


def test_a_state_compares_with_text() -> None:
    state = SERVER.read(document("servers.json", 3)).state
    assert state is ServerState.STARTED
    assert str(state) == "started"
    assert state in {"started", "stopped"}


@pytest.mark.parametrize(("number", "rule"), [(4, True), (5, False), (6, False)])
def test_a_missing_or_empty_backup_rule_is_none(number: int, rule: bool) -> None:
    assert (STORAGE.read(document("storages.json", number)).backup_rule is not None) is rule


def test_a_notebook_shows_a_model_as_a_table_without_secrets() -> None:
    document = {
        "uuid": "00x",
        "title": "<b>web</b>",
        "hostname": "web",
        "zone": "fi-hel1",
        "state": "started",
        "plan": "custom",
        "core_number": "1",
        "memory_amount": "1024",
        "remote_access_password": "hunter2",
        "tomorrows_password": "hunter3",
    }
    shown = Server.model_validate(document)._repr_html_()  # pyright: ignore[reportPrivateUsage]  # notebooks call it
    assert "<th>state</th><td>started</td>" in shown
    assert "&lt;b&gt;web&lt;/b&gt;" in shown
    assert "hunter" not in shown
