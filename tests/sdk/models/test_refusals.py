"""Invalid requests that the models refuse before anything is sent, with their errors: at least one row per model."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import ValidationError

from upcloud_sdk import models
from upcloud_sdk._wire import Request

if TYPE_CHECKING:
    from collections.abc import Iterator

DISK = "01a1b2c3-d4e5-4f60-8a7b-0123456789a1"
SECRET = "MUST_NOT_BE_SHOWN"

_DEVICE = {"action": "attach", "storage": DISK}
_SERVER = {"zone": "fi-hel1", "plan": "1xCPU-1GB", "hostname": "a", "title": "a", "storage_devices": [_DEVICE]}
_SUB_ACCOUNT = {
    "username": "a",
    "password": SECRET,
    "first_name": "A",
    "last_name": "B",
    "email": "a@example.com",
    "phone": "+358.31245434",
    "country": "FIN",
    "currency": "EUR",
}
_RULE = {"direction": "in", "action": "accept"}
_NETWORK = {"name": "a", "zone": "fi-hel1", "ip_networks": [{"address": "10.0.0.0/24"}]}
_PEERING = {"name": "a", "network": {"uuid": "a"}, "peer_network": {"uuid": "b"}}
_ROUTE = {"name": "out", "route": "0.0.0.0/0", "nexthop": "10.0.0.1"}
_BACKUPS = {"interval": "daily", "time": "0430", "retention": 7}
_STORAGE = {"zone": "fi-hel1", "title": "a", "size": 10}
_TOKEN = {"name": "a", "expires_at": "2027-01-01T00:00:00Z"}
_DELEGATION = {
    "address": "10.0.0.1",
    "main_account_id": 1,
    "delegated_to_account_id": 2,
    "release_policy": "keep",
}
_PERMISSION = {"user": "a", "target_type": "server"}

ROWS: list[tuple[str, dict[str, Any], dict[str, Any], str]] = [
    # model, valid fields, invalid fields, error
    ("ApiTokenSpec", _TOKEN, {"expires_at": datetime(2027, 1, 1)}, "expires_at\n  Input should have timezone info"),  # noqa: DTZ001 - what is refused
    ("ApiTokenSpec", _TOKEN, {"name": ""}, "name\n  String should have at least 1 character"),
    ("ApiTokenSpec", _TOKEN, {"allowed_ip_ranges": ["everywhere"]}, "allowed_ip_ranges.0"),
    ("ApiTokenSpec", _TOKEN, {"expires_in": "24h"}, "give exactly one of `expires_at` (a time) and `expires_in`"),
    ("ApiTokenSpec", _TOKEN, {"expires_at": None}, "give exactly one of `expires_at` (a time) and `expires_in`"),
    ("AddressDelegation", _DELEGATION, {"release_policy": "drop"}, "Input should be 'release' or 'keep'"),
    ("AddressDelegation", _DELEGATION, {"address": "10.0.0"}, "address\n  Value error, not an IP address"),
    ("NetworkPeeringChanges", {}, {"name": ""}, "name\n  String should have at least 1 character"),
    ("NetworkPeeringSpec", _PEERING, {"name": ""}, "name\n  String should have at least 1 character"),
    ("ServerGroupChanges", {}, {"title": ""}, "title\n  String should have at least 1 character"),
    ("StorageChanges", {}, {"size": 0}, "size\n  Input should be greater than or equal to 1"),
    ("PermissionSpec", _PERMISSION, {"user": ""}, "user\n  String should have at least 1 character"),
    ("BackupRuleSpec", _BACKUPS, {"time": "2460"}, "time\n  String should match pattern"),
    ("DhcpRoutesConfigurationSpec", {}, {"effective_routes_auto_population": {"on": True}}, "on\n  Extra inputs"),
    ("FirewallRuleSpec", _RULE, {"action": "reject"}, "action\n  Input should be 'accept' or 'drop'"),
    ("FirewallRuleSpec", _RULE, {"icmp_type": 8}, "icmp_type needs protocol 'icmp'"),
    ("FirewallRuleSpec", _RULE, {"icmp_type": 256, "protocol": "icmp"}, "less than or equal to 255"),
    ("FirewallRuleSpec", _RULE, {"comment": "x" * 251}, "comment\n  String should have at most 250 characters"),
    ("FirewallRuleSpec", _RULE, {"protocol": "tcp", "source_port_start": 22}, "give both source_port_start and"),
    (
        "FirewallRuleSpec",
        _RULE,
        {"destination_port_start": 22, "destination_port_end": 22},
        "destination_port_start needs protocol 'tcp' or 'udp'",
    ),
    (
        "FirewallRuleSpec",
        _RULE,
        {"protocol": "tcp", "source_port_start": 23, "source_port_end": 22},
        "source_port_start must not be greater than source_port_end",
    ),
    (
        "FirewallRuleSpec",
        _RULE,
        {"source_address_start": "10.0.0.1", "source_address_end": "::1"},
        "source_address_start must not be greater than source_address_end",
    ),
    ("FirewallRulesetChanges", {}, {"name": "a b"}, "name\n  String should match pattern"),
    ("FirewallRulesetChanges", {}, {"stateful": True}, "stateful\n  Extra inputs are not permitted"),
    ("FirewallRulesetRuleChanges", {}, {"position": 1001}, "position\n  Input should be less than or equal to 1000"),
    ("FirewallRulesetRuleSpec", _RULE, {"protocol": "sctp"}, "protocol\n  Input should be 'tcp', 'udp', 'icmp', 'esp'"),
    ("FirewallRulesetRuleSpec", _RULE, {"source_port_start": 65536}, "less than or equal to 65535"),
    ("FirewallRulesetSpec", {"name": "web"}, {"name": ""}, "name\n  String should match pattern"),
    (
        "FirewallRulesetSpec",
        {"name": "web"},
        {"labels": {"_a": ""}},
        "that start with `_` are reserved for the API",
    ),
    ("HostChanges", {}, {"description": "x" * 256}, "description\n  String should have at most 255 characters"),
    ("InterfaceAddressSpec", {}, {"address": "10.0.0"}, "address\n  Value error, not an IP address"),
    ("InterfaceChanges", {}, {"index": 0}, "index\n  Input should be greater than or equal to 1"),
    ("InterfaceLabel", {"key": "env", "value": ""}, {"key": "e"}, "key\n  String should have at least 2 characters"),
    ("InterfaceSpec", {}, {"type": "private"}, "a private interface needs `network`"),
    ("InterfaceSpec", {}, {"type": "public", "network": DISK}, "a public interface takes no `network`"),
    ("IpAddressChanges", {}, {"ptr": "a.example.com"}, "ptr\n  Extra inputs are not permitted"),
    ("IpAddressSpec", {}, {"floating": True}, "needs either `mac`, the MAC of an interface, or `zone`"),
    ("IpAddressSpec", {}, {"family": "IPv6"}, "an address needs `server`"),
    ("IpNetworkSpec", {}, {"address": "10.0.0.0"}, "with its prefix, such as 10.0.0.0/24"),
    ("LoginUser", {}, {"ssh_key": ["ssh-ed25519 AAAA"]}, "ssh_key\n  Extra inputs are not permitted"),
    ("NetworkChanges", {}, {"name": ""}, "name\n  String should have at least 1 character"),
    ("NetworkInterfaceSpec", {"network": "a"}, {"network": ""}, "network\n  String should have at least 1 character"),
    ("NetworkInterfaceSpec", {"network": "a"}, {"type": "lan"}, "Input should be 'public', 'utility' or 'private'"),
    ("NetworkSpec", _NETWORK, {"ip_networks": []}, "should have at least 1 item"),
    (
        "NetworkSpec",
        _NETWORK,
        {"ip_networks": [{"address": "10.0.0.0/24"}, {"address": "10.1.0.0/24"}]},
        "should have at most 1 item",
    ),
    ("NetworkSpec", _NETWORK, {"labels": {"_own": "x"}}, "that start with `_` are reserved for the API"),
    ("PeeringEnd", {}, {}, "uuid\n  Field required"),
    ("PermissionOptionsSpec", {}, {"storages": True}, "storages\n  Extra inputs are not permitted"),
    ("PermissionSpec", _PERMISSION, {"user": ""}, "user\n  String should have at least 1 character"),
    ("RouterChanges", {}, {"labels": {"a": "x"}}, "a label's key has 2 to 32 printable ASCII characters"),
    ("RouterSpec", {}, {}, "name\n  Field required"),
    ("RoutesAutoPopulationSpec", {}, {"enabled": "perhaps"}, "enabled\n  Input should be a valid boolean"),
    ("ServerAccessSpec", {}, {}, "uuid\n  Field required"),
    ("ServerChanges", {}, {"hostname": "a_b"}, "use `-`"),
    ("ServerChanges", {}, {"title": "x" * 256}, "title\n  String should have at most 255 characters"),
    ("ServerGroupSpec", {"title": "a"}, {"labels": {"env": "x" * 256}}, "a value has at most 255 characters"),
    (
        "ServerRebuildSpec",
        {"clone_source": DISK},
        {"clone_source": ""},
        "clone_source\n  String should have at least 1",
    ),
    ("ServerRebuildSpec", {"clone_source": DISK}, {"size": 10}, "size\n  Extra inputs are not permitted"),
    ("ServerSpec", _SERVER, {"core_number": 2}, "fixes cores and memory"),
    ("ServerSpec", _SERVER, {"plan": "custom"}, "give a `plan`, or both `core_number` and `memory_amount`"),
    ("ServerSpec", _SERVER, {"storage_devices": []}, "should have at least 1 item"),
    ("StaticRouteSpec", _ROUTE, {"route": "10.0.0.1"}, "with its prefix, such as 10.0.0.0/24"),
    ("StorageCloneSpec", {"zone": "fi-hel1", "title": "a"}, {"size": 20}, "size\n  Extra inputs are not permitted"),
    ("StorageDeviceSpec", {}, {"action": "create", "title": "a"}, "a new disk needs `size`"),
    ("StorageDeviceSpec", {}, {"action": "clone"}, "a disk to clone needs `storage`"),
    ("StorageSpec", _STORAGE, {"size": 0}, "size\n  Input should be greater than or equal to 1"),
    ("SubAccountChanges", {}, {"country": "Finland"}, "country\n  String should match pattern"),
    ("SubAccountSpec", _SUB_ACCOUNT, {"phone": "0401234567"}, "phone\n  String should match pattern"),
    ("TagAccessSpec", {}, {}, "name\n  Field required"),
    ("TagChanges", {}, {"name": "front end"}, "name\n  String should match pattern"),
    ("TagSpec", {"name": "web"}, {"description": "x" * 256}, "at most 255 characters"),
]


def _requests(kind: type[Request] = Request) -> Iterator[type[Request]]:
    for below in kind.__subclasses__():
        yield below
        yield from _requests(below)


@pytest.mark.parametrize(
    ("model", "right", "wrong", "says"), ROWS, ids=[f"{row[0]}-{'-'.join(row[2])}" for row in ROWS]
)
def test_a_wrong_request_is_refused_before_it_is_sent(
    model: str, right: dict[str, Any], wrong: dict[str, Any], says: str
) -> None:
    kind: type[Request] = getattr(models, model)

    with pytest.raises(ValidationError) as caught:
        kind.model_validate({**right, **wrong})

    assert says in str(caught.value)
    assert "input_value" not in str(caught.value)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(("model", "right"), [(model, right) for model, right, _, _ in ROWS if right])
def test_the_same_request_without_the_mistake_is_accepted(model: str, right: dict[str, Any]) -> None:
    kind: type[Request] = getattr(models, model)

    assert json.dumps(kind.model_validate(right).wire())


def test_each_request_model_has_a_row() -> None:
    for name in models.__all__:
        getattr(models, name)
    public = {kind.__name__ for kind in _requests() if kind.__module__.startswith("upcloud_sdk.models.")}

    assert {name for name in public if not name.startswith("_")} - {"Changes"} == {model for model, *_ in ROWS}


@pytest.mark.parametrize("model", sorted({model for model, *_ in ROWS}))
def test_a_misspelt_field_is_refused(model: str) -> None:
    kind: type[Request] = getattr(models, model)
    right = next(right for name, right, _, _ in ROWS if name == model)

    with pytest.raises(ValidationError, match="misspelt\n  Extra inputs are not permitted"):
        kind.model_validate({**right, "misspelt": 1})


def test_a_password_is_written_only_in_the_request_to_the_api() -> None:
    spec = models.SubAccountSpec.model_validate(_SUB_ACCOUNT)

    assert spec.wire()["password"] == SECRET
    assert SECRET not in repr(spec)
    assert SECRET not in spec.model_dump_json()
