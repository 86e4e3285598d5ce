"""The endpoints of servers: their requests, and the results of answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.sdk import documents
from tests.sdk.documents import DISK, SERVER, TEMPLATE
from tests.sdk.sent import body, lines, requests
from upcloud_sdk import InterfaceSpec, LoginUser, Server, ServerChanges, ServerSpec, ServerState, StorageDeviceSpec
from upcloud_sdk.errors import IllegalState, InvalidRequest, NotFound, UnexpectedAnswer
from upcloud_sdk.models import Ownership, ServerSummary

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    import respx

    from upcloud_sdk import UpCloud

SPEC = ServerSpec(
    zone="fi-hel1",
    plan="1xCPU-1GB",
    hostname="build-1",
    title="build-1",
    storage_devices=[
        StorageDeviceSpec.clone(TEMPLATE, size=25, title="build-1-os"),
        StorageDeviceSpec.create(size=10, title="build-1-data"),
        StorageDeviceSpec.attach(DISK),
    ],
    networking=[InterfaceSpec.public()],
    login_user=LoginUser(ssh_keys=["ssh-ed25519 AAAA me"]),
    metadata=True,
    labels={"env": "dev"},
)


# --- list -------------------------------------------------------------------------------------------------------------


async def test_a_list_returns_summaries(api: respx.MockRouter, cloud: UpCloud) -> None:
    api.get("/server").respond(json=documents.servers({}, {"uuid": "00a2", "state": "stopped"}))
    found = await cloud.servers.list()
    assert [(type(each), each.uuid, each.state) for each in found] == [
        (ServerSummary, SERVER, ServerState.STARTED),
        (ServerSummary, "00a2", ServerState.STOPPED),
    ]
    assert lines(api) == ["GET /server?limit=1000&offset=0"]


async def test_an_account_without_servers_gives_an_empty_list(api: respx.MockRouter, cloud: UpCloud) -> None:
    api.get("/server").respond(json=documents.servers())
    assert await cloud.servers.list() == ()


@pytest.mark.parametrize(
    ("labels", "query"),
    [
        (None, ""),
        ({}, ""),
        ({"color": "red"}, "label=color%3Dred&"),
        ({"color": None}, "label=color&"),
        ({"color": ""}, "label=color%3D&"),
        ({"color": "red", "size": None}, "label=color%3Dred&label=size&"),
        ({"a b": "c&d=é"}, "label=a%20b%3Dc%26d%3D%C3%A9&"),
    ],
)
async def test_labels_filter_a_list(
    api: respx.MockRouter, cloud: UpCloud, labels: Mapping[str, str | None] | None, query: str
) -> None:
    api.get("/server").respond(json=documents.servers())
    await cloud.servers.list(labels=labels)
    assert lines(api) == [f"GET /server?{query}limit=1000&offset=0"]


@pytest.mark.parametrize(
    ("tags", "path"),
    [
        (["blue"], "/server/tag/blue"),
        (["blue", "green"], "/server/tag/blue,green"),
        (["a/b", "c,d"], "/server/tag/a%2Fb,c%2Cd"),
    ],
)
async def test_tags_filter_a_list(api: respx.MockRouter, cloud: UpCloud, tags: Sequence[str], path: str) -> None:
    api.route(method="GET").respond(json=documents.servers())
    await cloud.servers.list(tags=tags)
    assert lines(api) == [f"GET {path}?limit=1000&offset=0"]


async def test_tags_and_labels_filter_together(api: respx.MockRouter, cloud: UpCloud) -> None:
    red = {"label": [{"key": "color", "value": "red"}]}
    api.get("/server/tag/blue").respond(json=documents.servers({"uuid": "00a1"}, {"uuid": "00a2", "labels": red}))
    assert [each.uuid for each in await cloud.servers.list(tags=["blue"], labels={"color": "red"})] == ["00a2"]
    assert [each.uuid for each in await cloud.servers.list(tags=["blue"], labels={"color": None})] == ["00a2"]
    assert await cloud.servers.list(tags=["blue"], labels={"color": "blue"}) == ()


@pytest.mark.parametrize("labels", ["env", ["env"], ("env", "test")])
async def test_labels_that_are_not_a_mapping_are_refused(api: respx.MockRouter, cloud: UpCloud, labels: Any) -> None:  # noqa: ANN401 - what is refused
    with pytest.raises(TypeError, match=r"write labels=\{'env': 'test'\}"):
        await cloud.servers.list(labels=labels)
    assert not api.calls


async def test_a_single_string_instead_of_tags_is_refused(api: respx.MockRouter, cloud: UpCloud) -> None:
    with pytest.raises(TypeError, match=r"write tags=\['name'\]"):
        await cloud.servers.list(tags="blue")
    assert not api.calls


# --- one endpoint per method ------------------------------------------------------------------------------------------

Calls = list[tuple["Callable[[UpCloud], Awaitable[object]]", str, object]]

CALLS: Calls = [
    (lambda c: c.servers.get(SERVER), f"GET /server/{SERVER}", None),
    (
        lambda c: c.servers.modify(SERVER, ServerChanges(title="b", firewall=True, metadata=False)),
        f"PUT /server/{SERVER}",
        {"server": {"title": "b", "firewall": "on", "metadata": "no"}},
    ),
    (lambda c: c.servers.delete(SERVER), f"DELETE /server/{SERVER}", None),
    (lambda c: c.servers.delete(SERVER, storages=True), f"DELETE /server/{SERVER}?storages=1", None),
    (
        lambda c: c.servers.delete(SERVER, storages=True, backups="keep_latest"),
        f"DELETE /server/{SERVER}?storages=1&backups=keep_latest",
        None,
    ),
    (lambda c: c.servers.delete(SERVER, backups="delete"), f"DELETE /server/{SERVER}?backups=delete", None),
    (lambda c: c.servers.start(SERVER), f"POST /server/{SERVER}/start", {"server": {}}),
    (
        lambda c: c.servers.start(SERVER, host=7653311107, avoid_host=7653311108),
        f"POST /server/{SERVER}/start",
        {"server": {"host": 7653311107, "avoid_host": 7653311108}},
    ),
    (
        lambda c: c.servers.stop(SERVER),
        f"POST /server/{SERVER}/stop",
        {"stop_server": {"stop_type": "soft", "timeout": "60"}},
    ),
    (
        lambda c: c.servers.stop(SERVER, stop_type="hard", timeout=0.2),
        f"POST /server/{SERVER}/stop",
        {"stop_server": {"stop_type": "hard", "timeout": "1"}},
    ),
    (
        lambda c: c.servers.stop(SERVER, timeout=90.4),
        f"POST /server/{SERVER}/stop",
        {"stop_server": {"stop_type": "soft", "timeout": "90"}},
    ),
]


@pytest.mark.parametrize(("call", "line", "document"), CALLS, ids=[line for _, line, _ in CALLS])
async def test_each_method_sends_its_document(
    api: respx.MockRouter,
    cloud: UpCloud,
    call: Callable[[UpCloud], Awaitable[object]],
    line: str,
    document: object,
) -> None:
    api.route(method="DELETE").respond(204)
    api.route().respond(200, json=documents.server())
    answer = await call(cloud)
    (request,) = requests(api)
    assert lines(api) == [line]
    assert body(request) == document
    assert answer is None if line.startswith("DELETE") else isinstance(answer, Server)


@pytest.mark.parametrize("timeout", [0, -1])
async def test_a_stop_with_a_timeout_of_zero_is_refused(api: respx.MockRouter, cloud: UpCloud, timeout: float) -> None:
    with pytest.raises(ValueError, match="must be above 0 seconds"):
        await cloud.servers.stop(SERVER, timeout=timeout)
    assert not api.calls


@pytest.mark.parametrize("uuid", ["", ".", ".."])
@pytest.mark.parametrize("method", ["get", "delete", "start", "stop", "destroy"])
async def test_an_empty_uuid_is_refused_because_the_path_would_have_another_meaning(
    api: respx.MockRouter, cloud: UpCloud, method: str, uuid: str
) -> None:
    with pytest.raises(ValueError, match="the uuid is empty"):
        await getattr(cloud.servers, method)(uuid)
    assert not api.calls


async def test_a_uuid_cannot_change_the_path_of_a_request(api: respx.MockRouter, cloud: UpCloud) -> None:
    api.route(method="GET").respond(404, json=documents.refusal())
    with pytest.raises(NotFound):
        await cloud.servers.get("../storage/01a1?x=y")
    assert lines(api) == ["GET /server/..%2Fstorage%2F01a1%3Fx%3Dy"]


async def test_refusals_are_raised_as_their_classes(api: respx.MockRouter, cloud: UpCloud) -> None:
    api.delete(f"/server/{SERVER}").respond(409, json=documents.refusal("SERVER_STATE_ILLEGAL", "It is started."))
    api.post("/server/invalid/start").respond(400, json=documents.refusal("SERVER_INVALID"))
    with pytest.raises(
        IllegalState, match=rf"DELETE /server/{SERVER}: It is started. \(SERVER_STATE_ILLEGAL, HTTP 409"
    ):
        await cloud.servers.delete(SERVER)
    with pytest.raises(InvalidRequest, match="SERVER_INVALID"):
        await cloud.servers.start("invalid")


async def test_the_error_for_an_unreadable_server_names_the_field(api: respx.MockRouter, cloud: UpCloud) -> None:
    api.get(f"/server/{SERVER}").respond(json=documents.server(state=["MUST_NOT_BE_SHOWN"]))
    with pytest.raises(UnexpectedAnswer) as caught:
        await cloud.servers.get(SERVER)
    assert (caught.value.model, caught.value.path) == ("Server", "server.state")
    assert str(caught.value).startswith(f"GET /server/{SERVER}: the answer cannot be read as Server.server.state")
    assert "MUST_NOT" not in f"{caught.value}{caught.value.__cause__}"


# --- create -----------------------------------------------------------------------------------------------------------


async def test_a_create_adds_the_sdks_labels_to_the_server_and_each_new_disk(
    api: respx.MockRouter, cloud: UpCloud
) -> None:
    api.post("/server").respond(202, json=documents.server(state="maintenance", password="REDACTED", username="root"))
    server = await cloud.servers.create(SPEC)
    assert server.state == ServerState.MAINTENANCE
    assert server.password is not None
    assert server.password.get_secret_value() == "REDACTED"
    assert lines(api) == ["POST /server"]

    sent = body(requests(api)[0])["server"]
    devices = sent["storage_devices"]["storage_device"]
    labels = {pair["key"]: pair["value"] for pair in sent["labels"]["label"]}
    owned = Ownership.read(labels)
    assert labels.pop("env") == "dev"
    assert labels == owned.labels()
    assert owned.owner == cloud.owner == "tests"
    assert owned.run
    assert owned.attempt
    assert owned.lease is None
    ours = [{"key": key, "value": value} for key, value in owned.labels().items()]
    assert [device.get("labels") for device in devices] == [ours, ours, None]
    without = {**sent, "labels": None, "storage_devices": None}
    assert without == {**SPEC.wire(), "labels": None, "storage_devices": None}
    assert [{**device, "labels": None} for device in devices] == [
        {**device.wire(), "labels": None} for device in SPEC.storage_devices
    ]


async def test_a_create_keeps_the_labels_of_a_disk(api: respx.MockRouter, cloud: UpCloud) -> None:
    api.post("/server").respond(202, json=documents.server())
    device = StorageDeviceSpec(action="create", size=10, title="a", labels={"env": "dev"})
    await cloud.servers.create(SPEC.model_copy(update={"storage_devices": (device,)}))
    (sent,) = body(requests(api)[0])["server"]["storage_devices"]["storage_device"]
    labels = {pair["key"]: pair["value"] for pair in sent["labels"]}
    assert labels["env"] == "dev"
    assert Ownership.read(labels).attempt


async def test_creates_of_one_run_have_different_attempts(api: respx.MockRouter, cloud: UpCloud) -> None:
    api.post("/server").respond(202, json=documents.server())
    for _ in range(2):
        await cloud.servers.create(SPEC)
    pairs = [body(request)["server"]["labels"]["label"] for request in requests(api)]
    first, second = [Ownership.read({pair["key"]: pair["value"] for pair in each}) for each in pairs]
    assert first.run == second.run
    assert first.attempt != second.attempt


async def test_the_end_of_a_lease_is_counted_by_the_apis_clock(api: respx.MockRouter, cloud: UpCloud) -> None:
    headers = {"Date": "Thu, 01 Jan 2026 12:00:00 GMT"}
    api.get("/account").respond(json=documents.answer("account.json", 1), headers=headers)
    api.post("/server").respond(202, json=documents.server(), headers=headers)
    await cloud.servers.create(SPEC, lease=600)
    sent = body(requests(api)[-1])["server"]
    assert {"key": "upcloud_sdk_lease", "value": "2026-01-01T12:10:00Z"} in sent["labels"]["label"]
    for device in sent["storage_devices"]["storage_device"][:2]:
        assert {"key": "upcloud_sdk_lease", "value": "2026-01-01T12:10:00Z"} in device["labels"]


async def test_a_change_of_labels_keeps_the_sdks_labels(api: respx.MockRouter, cloud: UpCloud) -> None:
    ours = [{"key": key, "value": "x"} for key in ("upcloud_sdk_owner", "upcloud_sdk_run", "upcloud_sdk_attempt")]
    present = {"label": [{"key": "env", "value": "dev"}, {"key": "_system", "value": "1"}, *ours]}
    api.get(f"/server/{SERVER}").respond(json=documents.server(labels=present))
    api.put(f"/server/{SERVER}").respond(202, json=documents.server())
    await cloud.servers.modify(SERVER, ServerChanges(labels={"color": "red"}))
    assert lines(api) == [f"GET /server/{SERVER}", f"PUT /server/{SERVER}"]
    assert body(requests(api)[1]) == {"server": {"labels": {"label": [{"key": "color", "value": "red"}, *ours]}}}
