"""Whatever is sent, the answer is one of the API's: never an error of the simulator itself."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import TYPE_CHECKING, Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.simulator.documents import DEBIAN_12, os_disk, server_request
from upcloud_sdk.simulator import ManualClock, Simulator
from upcloud_sdk.simulator.chapters import API

if TYPE_CHECKING:
    from upcloud_sdk.simulator.dispatch import Delivery

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
DEVICE = {"type": "disk", "address": "virtio", "storage": DEBIAN_12, "boot_disk": "0"}
REQUESTS: list[tuple[str, str, dict[str, Any]]] = [
    ("POST", "/server", SERVER),
    (
        "PUT",
        "/server/SERVER",
        {"server": {"title": "x", "labels": {"label": LABELS}, "plan": "custom", "core_number": 1}},
    ),
    ("POST", "/server/SERVER/start", {"server": {"host": 1, "avoid_host": 2}}),
    ("POST", "/server/SERVER/stop", {"stop_server": {"stop_type": "soft", "timeout": "60"}}),
    ("POST", "/server/SERVER/restart", {"restart_server": {"timeout": "60", "timeout_action": "destroy", "host": 1}}),
    ("POST", "/server/SERVER/relocate", {"zone": "fi-tst1"}),
    ("POST", "/server/SERVER/storage/attach", {"storage_device": DEVICE}),
    ("POST", "/server/SERVER/storage/detach", {"storage_device": {"address": "virtio:0"}}),
    ("POST", "/server/SERVER/cdrom/load", {"storage_device": {"storage": DEBIAN_12}}),
    ("POST", "/storage", {"storage": DATA_DISK}),
    ("PUT", "/storage/STORAGE", {"storage": {"title": "x", "size": 20, "labels": LABELS, "backup_rule": RULE}}),
    (
        "POST",
        "/storage/STORAGE/clone",
        {"storage": {"zone": "fi-hel1", "title": "x", "tier": "hdd", "encrypted": "no"}},
    ),
    ("POST", "/storage/STORAGE/backup", {"storage": {"title": "x"}}),
]


def places(document: object, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """The path of everything inside a document, itself included."""
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
    content = b"" if body is None else json.dumps(body).encode()
    exchange = sim.exchange(method, f"/1.3{path}", HEADERS, content)
    try:
        next(exchange)
    except StopIteration as end:
        delivery: Delivery = end.value
        return delivery
    raise AssertionError("nothing blocks on a manual clock")


@settings(max_examples=2000, derandomize=True, deadline=None, database=None)
@given(case=st.sampled_from(CASES), value=VALUES)
def test_no_value_at_any_place_of_a_request_breaks_it(
    case: tuple[str, str, dict[str, Any], tuple[str | int, ...]], value: object
) -> None:
    method, path, body, place = case
    sim = Simulator(clock=ManualClock(), seed=1, boot_seconds=0)
    made = json.loads(call(sim, "POST", "/server", server_request()).body)["server"]
    storage = made["storage_devices"]["storage_device"][0]["storage"]
    path = path.replace("SERVER", made["uuid"]).replace("STORAGE", storage)
    answer = call(sim, method, path, with_change(body, place, value))
    assert answer.status != 500, answer.body


@pytest.mark.parametrize("endpoint", [(route.method, route.pattern) for route in API.routes() if route.handler])
@pytest.mark.parametrize("body", [None, [], "x", 7, {}, {"server": None}, {"x": {}}], ids=repr)
def test_no_document_breaks_an_endpoint(endpoint: tuple[str, str], body: object) -> None:
    method, pattern = endpoint
    answer = call(Simulator(clock=ManualClock()), method, pattern.replace("{", "").replace("}", ""), body)
    assert answer.status != 500, answer.body
