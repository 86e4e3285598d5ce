"""No request and no state file causes an internal error of the simulator."""

from __future__ import annotations

import json
from copy import deepcopy
from functools import cache
from typing import TYPE_CHECKING, Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.simulator.documents import DEBIAN_12, os_disk, server_request
from upcloud_sdk.simulator import ManualClock, Simulator
from upcloud_sdk.simulator.chapters.table import API

if TYPE_CHECKING:
    from upcloud_sdk.simulator.serving.dispatch import Delivery

HEADERS = {"authorization": "Bearer ucat_any"}
WORDS = ["", "yes", "no", "on", "fi-hel1", "1xCPU-1GB", "custom", "IPv4", "public", "create", "clone", DEBIAN_12, "é"]
LABELS = [{"key": "team", "value": "a"}]
RULE = {"interval": "daily", "time": "0430", "retention": "30"}
INTERFACE = {"type": "public", "index": 2, "ip_addresses": {"ip_address": [{"family": "IPv4"}]}}
SERVER = server_request(
    labels={"label": LABELS},
    login_user={"username": "root", "create_password": "no", "ssh_keys": {"ssh_key": ["ssh-ed25519 AAAA"]}},
    networking={"interfaces": {"interface": [INTERFACE]}},
    simple_backup="no",
    user_data="#!/bin/sh",
    boot_order="disk",
    timezone="UTC",
    firewall="off",
    storage_devices={"storage_device": [os_disk(labels=LABELS, backup_rule=RULE, tier="maxiops", address="virtio")]},
)
DATA_DISK = {"size": 10, "tier": "hdd", "title": "data", "zone": "fi-hel1", "labels": LABELS, "backup_rule": RULE}
DEVICE = {"type": "disk", "address": "virtio", "storage": "DATA", "boot_disk": "0"}
IP_NETWORKS = {
    "ip_network": [
        {
            "address": "10.0.0.0/24",
            "dhcp": "yes",
            "dhcp_default_route": "no",
            "dhcp_dns": ["10.0.0.1"],
            "dhcp_routes": ["192.168.0.0/24"],
            "family": "IPv4",
            "gateway": "10.0.0.1",
        }
    ]
}
NETWORK = {"name": "x", "zone": "fi-hel1", "router": "ROUTER", "ip_networks": IP_NETWORKS, "labels": LABELS}
ROUTER = {"name": "x", "labels": LABELS, "static_routes": [{"name": "y", "route": "0.0.0.0/0", "nexthop": "10.0.0.9"}]}
PEERING = {
    "name": "x",
    "configured_status": "active",
    "network": {"uuid": "NETWORK"},
    "peer_network": {"uuid": "PEER"},
    "labels": LABELS,
}
FIREWALL_RULE = {
    "action": "accept",
    "comment": "",
    "direction": "in",
    "family": "IPv4",
    "protocol": "tcp",
    "icmp_type": "",
    "position": "1",
    "source_address_start": "10.0.0.1",
    "source_address_end": "10.0.0.9",
    "destination_port_start": "22",
    "destination_port_end": "22",
}
GROUP = {"title": "x", "anti_affinity": "yes", "labels": {"label": LABELS}, "servers": {"server": ["SERVER"]}}
TOKEN = {
    "name": "x",
    "expires_at": "2026-12-01T00:00:00Z",
    "can_create_tokens": True,
    "allowed_ip_ranges": ["0.0.0.0/0"],
}
ACCOUNT = {
    "username": "other",
    "password": "secret-Secret-1",
    "email": "a@example.com",
    "roles": {"role": ["technical"]},
    "server_access": {"server": [{"uuid": "*", "storage": "yes"}]},
    "ip_filters": {"ip_filter": ["10.0.0.1"]},
}
PERMISSION = {
    "target_type": "server",
    "target_identifier": "SERVER",
    "user": "subaccount",
    "options": {"storage": "yes"},
}
REQUESTS: list[tuple[str, str, dict[str, Any]]] = [
    ("POST", "/server", SERVER),
    (
        "PUT",
        "/server/SERVER",
        {"server": {"title": "x", "labels": {"label": LABELS}, "plan": "custom", "core_number": 1}},
    ),
    ("POST", "/server/SERVER/start", {"server": {"avoid_host": 2}}),
    ("POST", "/server/SERVER/stop", {"stop_server": {"stop_type": "soft", "timeout": "60"}}),
    ("POST", "/server/SERVER/restart", {"restart_server": {"timeout": "60", "timeout_action": "destroy"}}),
    ("POST", "/server/SERVER/relocate", {"zone": "fi-tst1"}),
    ("POST", "/server/SERVER/storage/attach", {"storage_device": DEVICE}),
    ("POST", "/server/SERVER/storage/detach", {"storage_device": {"address": "virtio:0"}}),
    ("POST", "/server/SERVER/cdrom/load", {"storage_device": {"storage": DEBIAN_12}}),
    ("POST", "/storage", {"storage": DATA_DISK}),
    ("PUT", "/storage/STORAGE", {"storage": {"title": "x", "size": 30, "labels": LABELS, "backup_rule": RULE}}),
    (
        "POST",
        "/storage/STORAGE/clone",
        {"storage": {"zone": "fi-hel1", "title": "x", "tier": "hdd", "encrypted": "no"}},
    ),
    ("POST", "/storage/STORAGE/backup", {"storage": {"title": "x"}}),
    ("POST", "/storage/STORAGE/import", {"storage_import": {"source": "http_import", "source_location": "http://x/y"}}),
    ("POST", "/network", {"network": NETWORK}),
    (
        "PUT",
        "/network/NETWORK",
        {"network": {"name": "x", "labels": LABELS, "router": None, "ip_networks": IP_NETWORKS}},
    ),
    ("POST", "/server/SERVER/networking/interface", {"interface": INTERFACE}),
    ("PUT", "/server/SERVER/networking/interface/1", {"interface": {"index": 5, "source_ip_filtering": "yes"}}),
    ("POST", "/router", {"router": ROUTER}),
    ("PATCH", "/router/ROUTER", {"router": ROUTER}),
    ("POST", "/network-peering", {"network_peering": PEERING}),
    ("POST", "/ip_address", {"ip_address": {"access": "public", "family": "IPv4", "server": "SERVER"}}),
    ("POST", "/ip_address", {"ip_address": {"family": "IPv4", "floating": "yes", "zone": "fi-hel1"}}),
    ("PATCH", "/ip_address/ADDRESS", {"ip_address": {"ptr_record": "x.example.com", "mac": None}}),
    ("POST", "/server/SERVER/firewall_rule", {"firewall_rule": FIREWALL_RULE}),
    ("PUT", "/server/SERVER/firewall_rule", {"firewall_rules": {"firewall_rule": [FIREWALL_RULE]}}),
    ("POST", "/tag", {"tag": {"name": "green", "description": "", "servers": {"server": ["SERVER"]}}}),
    ("PUT", "/tag/red", {"tag": {"name": "blue", "servers": {"server": []}}}),
    ("POST", "/server-group", {"server_group": GROUP}),
    ("PATCH", "/server-group/GROUP", {"server_group": GROUP}),
    ("POST", "/server-group/GROUP/servers", {"server": {"uuid": "SERVER"}}),
    ("POST", "/account/tokens", TOKEN),
    ("POST", "/account/sub", {"sub_account": ACCOUNT}),
    ("PUT", "/account/sub/subaccount", {"account": ACCOUNT}),
    ("POST", "/permission/grant", {"permission": PERMISSION}),
    ("PATCH", "/host/1", {"host": {"description": "x"}}),
]


def places(document: object, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """The paths of all values in a document, including the document itself."""
    found = [path]
    if isinstance(document, dict):
        for key, value in cast("dict[str, object]", document).items():
            found += places(value, (*path, key))
    elif isinstance(document, list):
        for index, value in enumerate(cast("list[object]", document)):
            found += places(value, (*path, index))
    return found


def with_change(document: Any, path: tuple[str | int, ...], value: object) -> Any:  # noqa: ANN401 - any JSON
    """The document with another value at one place."""
    if not path:
        return value
    changed = deepcopy(document)
    parent = changed
    for part in path[:-1]:
        parent = parent[part]
    parent[path[-1]] = value
    return changed


def furnished(sim: Simulator) -> dict[str, str]:
    """Fill an account with one resource of each kind. Returns the values for the ids in requests."""

    def made(path: str, body: object) -> Any:  # noqa: ANN401 - any JSON
        answer = call(sim, "POST", path, body)
        assert answer.status < 300, answer.body
        return next(iter(json.loads(answer.body).values())) if answer.body else None

    server = made("/server", server_request())
    made(f"/server/{server['uuid']}/stop", None)
    assert isinstance(sim.clock, ManualClock)
    sim.clock.advance(10)
    router = made("/router", {"router": ROUTER})["uuid"]
    network = made("/network", {"network": NETWORK | {"router": router}})["uuid"]
    made("/tag", {"tag": {"name": "red"}})
    made("/account/sub", {"sub_account": ACCOUNT | {"username": "subaccount"}})
    return {
        "SERVER": server["uuid"],
        "DATA": made("/storage", {"storage": {"size": 10, "title": "data", "zone": "fi-hel1"}})["uuid"],
        "PEER": made("/network", {"network": NETWORK | {"router": None}})["uuid"],
        "STORAGE": server["storage_devices"]["storage_device"][0]["storage"],
        "ROUTER": router,
        "NETWORK": network,
        "GROUP": made("/server-group", {"server_group": {"title": "x"}})["uuid"],
        "ADDRESS": made("/ip_address", {"ip_address": {"floating": "yes", "zone": "fi-hel1"}})["address"],
    }


CASES = [(method, path, body, place) for method, path, body in REQUESTS for place in places(body)]
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.sampled_from(WORDS)
    | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["key", "value", "label", "size", "x"]), inner, max_size=3)
    ),
    max_leaves=12,
)


def call(sim: Simulator, method: str, path: str, body: object) -> Delivery:
    return answered(sim, method, f"/1.3{path}", b"" if body is None else json.dumps(body).encode())


def answered(sim: Simulator, method: str, target: str, content: bytes) -> Delivery:
    exchange = sim.exchange(method, target, HEADERS, content)
    try:
        next(exchange)
    except StopIteration as end:
        delivery: Delivery = end.value
        return delivery
    raise AssertionError("nothing blocks on a manual clock")


@settings(max_examples=500, derandomize=True, database=None)
@given(case=st.sampled_from(CASES), value=VALUES)
def test_no_value_of_any_field_of_a_request_gives_an_internal_error(
    case: tuple[str, str, dict[str, Any], tuple[str | int, ...]], value: object
) -> None:
    method, path, body, place = case
    sim = Simulator(clock=ManualClock(), seed=1, boot_seconds=0)
    names = furnished(sim)
    changed = json.dumps(with_change(body, place, value))
    for name, own in names.items():
        path, changed = path.replace(name, own), changed.replace(f'"{name}"', f'"{own}"')
    answer = call(sim, method, path, json.loads(changed))
    assert answer.status != 500, answer.body


@pytest.mark.parametrize("endpoint", [(route.method, route.pattern) for route in API.routes() if route.handler])
def test_no_document_gives_an_internal_error(endpoint: tuple[str, str]) -> None:
    method, pattern = endpoint
    bodies: list[object] = [None, [], "x", 7, {}, {"server": None}, {"x": {}}]
    for body in bodies:
        answer = call(Simulator(clock=ManualClock()), method, pattern.replace("{", "").replace("}", ""), body)
        assert answer.status != 500, (body, answer.body)


@cache
def saved_state() -> tuple[str, list[tuple[str | int, ...]]]:
    """The saved account with one resource of each kind, and the paths of its values."""
    sim = Simulator(clock=ManualClock(), seed=1, boot_seconds=0)
    furnished(sim)
    return sim.to_json(), places(json.loads(sim.to_json()))


@pytest.mark.parametrize("text", ["[" * 100_000, "7" * 100_000, '{"servers":' * 5_000])
def test_no_depth_of_a_document_gives_an_internal_error(text: str) -> None:
    sim = Simulator(clock=ManualClock())
    with pytest.raises(ValueError, match="not the saved state of a simulator"):
        sim.restore(text)
    assert answered(sim, "POST", "/1.3/server", text.encode()).status == 400


def test_a_text_that_no_file_can_hold_is_refused() -> None:
    """Half of a character beyond 16 bits would be accepted by the API and lost with the whole state at the end."""
    sim = Simulator(clock=ManualClock())
    body = json.dumps(server_request(title="half of \ud83d\ude00"[:-1]))
    assert answered(sim, "POST", "/1.3/server", body.encode()).status == 400
    sim.to_json()


READS = (
    "/server", "/server/SERVER", "/server/SERVER/networking", "/server/SERVER/firewall_rule", "/storage/private",
    "/storage/STORAGE", "/storage/STORAGE/import", "/network", "/network/NETWORK", "/router", "/router/ROUTER",
    "/ip_address", "/ip_address/ADDRESS", "/tag", "/server-group", "/server-group/GROUP", "/account", "/account/list",
    "/account/details/subaccount", "/account/tokens", "/permission", "/host", "/audit-logs", "/network-peering",
    "/account/billing_summary/2026-01", "/firewall-ruleset", "/server/SERVER/events",
)  # fmt: skip


JUNK: list[object] = ["/tmp/x", "../x", "x\0y", "nan", 1e300, -1, 2**80]


@settings(max_examples=100, derandomize=True, database=None)
@given(data=st.data(), value=VALUES | st.sampled_from(JUNK))
def test_no_value_of_a_saved_state_gives_an_internal_error(data: st.DataObject, value: object) -> None:
    text, found = saved_state()
    changed = json.dumps(with_change(json.loads(text), data.draw(st.sampled_from(found)), value))
    sim = Simulator(clock=ManualClock(), seed=1, boot_seconds=0)
    names = furnished(sim)
    try:
        sim.restore(changed)
    except ValueError:
        return
    for path in READS:
        for name, own in names.items():
            path = path.replace(name, own)  # noqa: PLW2901 - each name in turn
        answer = call(sim, "GET", path, None)
        assert answer.status != 500, (path, answer.body)
    assert json.loads(sim.to_json())
