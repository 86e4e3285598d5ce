"""Requests with fields and values that this release does not know, and secrets in requests."""

from __future__ import annotations

import copy
import json
import pickle
import warnings
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import SecretStr, TypeAdapter, ValidationError

from tests.moved_time import MovedCloud, server_spec
from tests.sdk import documents
from tests.sdk.documents import DISK, SERVER
from tests.sdk.sent import body, requests
from upcloud_sdk import (
    InterfaceSpec,
    Server,
    ServerChanges,
    ServerSpec,
    StorageDeviceSpec,
    StorageSpec,
    models,
)
from upcloud_sdk._wire import one
from upcloud_sdk.errors import InvalidRequest
from upcloud_sdk.models import (
    BackupRuleSpec,
    FirewallRuleSpec,
    Ownership,
    ServerGroupSpec,
    SubAccountSpec,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    import respx

    from upcloud_sdk import UpCloud


@pytest.fixture
async def moved() -> AsyncIterator[MovedCloud]:
    """An empty cloud whose time moves by itself."""
    async with MovedCloud.open(boot_seconds=33, stop_seconds=16) as cloud:
        yield cloud


# --- extra ------------------------------------------------------------------------------------------------------------


def test_extra_is_merged_into_the_document() -> None:
    disk = StorageDeviceSpec(action="create", size=10, title="data", extra={"novelty": "yes"})
    spec = server_spec(storage_devices=[disk], extra={"login_user": {"novelty": {"a": 1}}, "nested": {"virt": "yes"}})
    document = spec.wire()
    assert document["nested"] == {"virt": "yes"}
    assert document["login_user"]["novelty"] == {"a": 1}
    assert document["login_user"]["username"] == "root"
    assert document["storage_devices"]["storage_device"][0]["novelty"] == "yes"
    assert "extra" not in json.dumps(document)


def test_a_request_without_extra_does_not_mention_it() -> None:
    assert "extra" not in server_spec().wire()
    assert "extra" not in server_spec().model_dump()
    assert "extra" not in server_spec().model_dump_json()


def test_extra_of_a_change_may_be_null() -> None:
    assert ServerChanges(title="web", extra={"novelty": None}).wire() == {"title": "web", "novelty": None}
    assert ServerChanges(extra={"novelty": 1}).wire() == {"novelty": 1}


def test_extra_is_in_no_repr() -> None:
    assert "MUST_NOT_BE_SHOWN" not in repr(server_spec(extra={"token": "MUST_NOT_BE_SHOWN"}))


@pytest.mark.parametrize(
    "labels", [{"label": [{"key": "env", "value": "dev"}]}, [{"key": "env", "value": "dev"}]], ids=["wrapped", "bare"]
)
async def test_a_create_with_extra_is_still_found_after_a_lost_answer(moved: MovedCloud, labels: Any) -> None:  # noqa: ANN401 - JSON
    moved.sim.fail("POST /server", drop=True, after_effect=True)
    spec = server_spec(labels={"tier": "a"} if isinstance(labels, dict) else None, extra={"labels": labels})
    async with moved.client() as cloud:
        server = await cloud.servers.create(spec, lease=600)
        assert list(moved.sim.servers) == [server.uuid]
        assert server.labels["env"] == "dev"
        assert Ownership.read(server.labels).attempt is not None
        await cloud.servers.destroy(server.uuid)
    assert moved.sim.storages == {}


async def test_extra_of_a_modify_is_sent_and_refuses_labels(api: respx.MockRouter, cloud: UpCloud) -> None:
    api.put(f"/server/{SERVER}").respond(json=documents.server())
    await cloud.servers.modify(SERVER, ServerChanges(title="web", extra={"novelty": "x"}))
    assert body(requests(api)[-1]) == {"server": {"title": "web", "novelty": "x"}}
    with pytest.raises(ValidationError, match=r"write labels=\{\.\.\.\}"):
        ServerChanges(extra={"labels": {"label": []}})


# --- values that the API may add --------------------------------------------------------------------------------------

WIDER: list[tuple[Callable[[], Any], str]] = [
    (lambda: StorageSpec(zone="fi-hel1", title="data", size=5000), "5000 is not 4096 GB at most"),
    (lambda: StorageDeviceSpec.create(size=5001), "5001 is not 4096 GB at most"),
    (lambda: StorageSpec(zone="fi-hel1", title="data", size=10, tier="nvme"), "'nvme' is not one of 'maxiops', "),  # type: ignore[arg-type]  # a word of tomorrow
    (lambda: server_spec(nic_model="vmxnet3"), "'vmxnet3' is not one of 'virtio', "),
    (lambda: server_spec(boot_order="usb"), "'usb' is not disk, cdrom or network"),
    (lambda: server_spec(simple_backup="0430,yearlies"), "'0430,yearlies' is not `no`, or"),
    (lambda: server_spec(storage_devices=[StorageDeviceSpec.attach(DISK)] * 17), "17 is not 16 storages at most"),
    (lambda: BackupRuleSpec(interval="hourly", time="0400", retention=7), "'hourly' is not one of 'daily', "),  # type: ignore[arg-type]  # a word of tomorrow
    (lambda: ServerGroupSpec(title="web", anti_affinity="soft"), "'soft' is not one of"),  # type: ignore[arg-type]  # a word of tomorrow
    (lambda: FirewallRuleSpec(direction="in", action="drop", protocol="sctp"), "'sctp' is not one of"),  # type: ignore[arg-type]  # a word of tomorrow
]


@pytest.mark.parametrize(("make", "says"), WIDER, ids=[says for _, says in WIDER])
def test_an_unknown_word_or_size_is_sent_with_a_warning(make: Callable[[], Any], says: str) -> None:
    with pytest.warns(UserWarning, match=says) as caught:
        made = make()
    assert says.partition(" ")[0].strip("'") in json.dumps(made.wire()) or "17" in says
    assert "tests" in caught[0].filename


def test_a_known_value_gives_no_warning() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        server_spec(nic_model="e1000", boot_order="cdrom,disk", simple_backup="no")


# --- secrets ----------------------------------------------------------------------------------------------------------

SECRET = "MUST_NOT_BE_SHOWN"


def test_the_mask_of_a_secret_is_refused_with_what_to_do() -> None:
    spec = server_spec(user_data=SECRET, remote_access_password=SECRET)
    masked = spec.model_dump_json()
    assert SECRET not in masked
    with pytest.raises(ValidationError, match=r"model_dump_json\(context=\{'secrets': True\}\)") as caught:
        ServerSpec.model_validate_json(masked)
    assert {error["loc"] for error in caught.value.errors()} == {("user_data",), ("remote_access_password",)}
    assert ServerSpec.model_validate_json(spec.model_dump_json(context={"secrets": True})) == spec


def test_the_mask_of_a_password_of_a_sub_account_is_refused() -> None:
    with pytest.raises(ValidationError, match="the mask of a secret"):
        SubAccountSpec(
            username="me", password=SecretStr("**********"), first_name="a", last_name="b", email="a@example.com",
            phone="+358.1", country="FIN", currency="EUR",
        )  # fmt: skip


def test_a_server_in_json_does_not_show_its_user_data() -> None:
    sent = documents.server(user_data=SECRET, password=SECRET, remote_access_password=SECRET)
    server = one(Server, "server").read(json.dumps(sent).encode())
    assert server.user_data == SECRET
    # As a web framework serializes the result of a handler.
    assert SECRET not in TypeAdapter(Server).dump_json(server).decode()
    assert SECRET not in json.dumps(server.model_dump(mode="json"))
    assert SECRET in server.model_dump_json(context={"secrets": True})


# --- frozen -----------------------------------------------------------------------------------------------------------


def read_server() -> Server:
    """A server with labels."""
    labels = {"label": [{"key": "env", "value": "dev"}]}
    return one(Server, "server").read(json.dumps(documents.server(labels=labels)).encode())


EXTRA: dict[str, Any] = server_spec(extra={"a": {"b": [1]}}).extra


@pytest.mark.parametrize("labels", [read_server().labels, server_spec(labels={"env": "dev"}).labels, EXTRA, EXTRA["a"]])
def test_labels_of_a_frozen_model_are_frozen_too(labels: dict[str, str]) -> None:
    before = dict(labels)
    for change in (
        lambda: labels.__setitem__("a", "b"),
        lambda: labels.update(a="b"),
        lambda: labels.setdefault("a", "b"),
        labels.clear,
        labels.popitem,
        lambda: labels.pop("env", None),
        lambda: labels.__delitem__("env"),
        lambda: labels.__ior__({"a": "b"}),
    ):
        with pytest.raises(TypeError, match="make a copy"):
            change()
    assert labels == before
    assert {**labels, "a": "b"} == labels | {"a": "b"}
    assert labels.copy() == before


def test_a_model_has_a_hash_and_survives_pickle_and_copies() -> None:
    server, again = read_server(), read_server()
    assert hash(server) == hash(again)
    assert {server: 1}[again] == 1
    assert hash(server_spec(labels={"env": "dev"})) == hash(server_spec(labels={"env": "dev"}))
    for made in (pickle.loads(pickle.dumps(server)), copy.deepcopy(server), server.model_copy(deep=True)):
        assert (made, made.labels, type(made.labels)) == (server, server.labels, type(server.labels))
        assert hash(made) == hash(server)


@pytest.mark.parametrize(
    "update", [{"hostnme": "web-2"}, {"hostname": None}, {"user_data": 7}, {"storage_devices": ["a uuid"]}]
)
def test_a_copy_with_a_misspelt_field_or_a_wrong_value_is_refused(update: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match=next(iter(update))):
        server_spec().model_copy(update=update)


def test_a_copy_reads_its_new_values_and_keeps_the_others() -> None:
    spec = server_spec(labels={"env": "dev"})
    made = spec.model_copy(update={"user_data": "#!/bin/sh", "hostname": "web-2"})
    assert made.user_data == SecretStr("#!/bin/sh")
    assert made.wire() == {**spec.wire(), "user_data": "#!/bin/sh", "hostname": "web-2"}


def test_a_copy_of_a_change_sends_only_what_was_given() -> None:
    assert ServerChanges(title="a").model_copy(update={"hostname": "b"}).wire() == {"title": "a", "hostname": "b"}


def test_nested_models_of_requests_have_a_hash() -> None:
    assert hash(models.InterfaceAddressSpec()) == hash(models.InterfaceAddressSpec())
    assert hash(InterfaceSpec.public()) == hash(InterfaceSpec.public())


async def test_the_error_for_a_name_instead_of_a_uuid_says_how_to_find_the_server(moved: MovedCloud) -> None:
    async with moved.client() as cloud:
        with pytest.raises(InvalidRequest, match=r"find it in servers\.list\(\) by its hostname or title"):
            await cloud.servers.get("web-1")
