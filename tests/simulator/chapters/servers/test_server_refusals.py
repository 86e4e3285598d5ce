"""Refused requests for servers, with status and code."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.simulator.documents import DEBIAN_11, DEBIAN_12, created, os_disk, refusal, running, server_request, stopped

if TYPE_CHECKING:
    import httpx

    from upcloud_sdk.simulator import ManualClock, Simulator

pytestmark = pytest.mark.anyio

DISC = "01000000-0000-4000-8000-000020060101"
UNKNOWN = "01ffffff-ffff-4fff-8fff-ffffffffffff"


def disks(*given: dict[str, Any]) -> dict[str, Any]:
    return {"storage_devices": {"storage_device": list(given)}}


def data_disk(**changes: object) -> dict[str, Any]:
    disk = {"action": "create", "title": "data", "size": 10} | changes
    return {key: value for key, value in disk.items() if value is not None}


def interfaces(*given: dict[str, Any]) -> dict[str, Any]:
    return {"networking": {"interfaces": {"interface": list(given)}}}


def labels(*given: dict[str, str]) -> dict[str, Any]:
    return {"labels": {"label": list(given)}}


CREATE: list[tuple[dict[str, Any], int, str]] = [
    ({"zone": None}, 400, "ZONE_MISSING"),
    ({"zone": "mars-1"}, 404, "ZONE_NOT_FOUND"),
    ({"zone": 7}, 400, "ZONE_INVALID"),
    ({"title": None}, 400, "SERVER_TITLE_MISSING"),
    ({"title": ""}, 400, "SERVER_TITLE_INVALID"),
    ({"title": "x" * 256}, 400, "SERVER_TITLE_INVALID"),
    ({"hostname": None}, 400, "HOSTNAME_MISSING"),
    ({"hostname": "a_b"}, 400, "HOSTNAME_INVALID"),
    ({"hostname": "-a"}, 400, "HOSTNAME_INVALID"),
    ({"hostname": "a..b"}, 400, "HOSTNAME_INVALID"),
    ({"hostname": "a" * 129}, 400, "HOSTNAME_INVALID"),
    ({"plan": "9xCPU-9GB"}, 400, "PLAN_INVALID"),
    ({"core_number": 2}, 403, "PLAN_CORE_NUMBER_ILLEGAL"),
    ({"memory_amount": "2048"}, 403, "PLAN_MEMORY_AMOUNT_ILLEGAL"),
    ({"plan": None, "core_number": 21}, 400, "CORE_MEMORY_UNSUPPORTED"),
    ({"plan": "custom", "memory_amount": 1500}, 400, "CORE_MEMORY_UNSUPPORTED"),
    ({"plan": None, "core_number": "two"}, 400, "CORE_NUMBER_INVALID"),
    ({"metadata": True}, 400, "METADATA_INVALID"),
    ({"metadata": "true"}, 400, "METADATA_INVALID"),
    ({"metadata": "no"}, 409, "METADATA_DISABLED_ON_CLOUD-INIT"),
    ({"metadata": None}, 409, "METADATA_DISABLED_ON_CLOUD-INIT"),
    ({"login_user": {"create_password": "yes"}}, 409, "CAN_NOT_CREATE_PASSWORD_FOR_THE_SELECTED_DISTRIBUTION"),
    ({"login_user": {"create_password": True}}, 400, "CREATE_PASSWORD_INVALID"),
    ({"login_user": {"name": "x"}}, 400, "UNKNOWN_ATTRIBUTE"),
    ({"password_delivery": "pigeon"}, 400, "PASSWORD_DELIVERY_INVALID"),
    ({"firewall": "yes"}, 400, "FIREWALL_INVALID"),
    ({"boot_order": "floppy"}, 400, "BOOT_ORDER_INVALID"),
    ({"boot_order": "disk,disk"}, 400, "BOOT_ORDER_INVALID"),
    ({"nic_model": "ne2000"}, 400, "NIC_MODEL_INVALID"),
    ({"video_model": "cga"}, 400, "VIDEO_MODEL_INVALID"),
    ({"timezone": "Mars/Olympus"}, 400, "TIMEZONE_INVALID"),
    ({"simple_backup": "daily"}, 400, "SIMPLE_BACKUP_INVALID"),
    ({"simple_backup": "2500,daily"}, 400, "SIMPLE_BACKUP_INVALID"),
    ({"user_data": 7}, 400, "USER_DATA_INVALID"),
    ({"remote_access_enabled": "on"}, 400, "REMOTE_ACCESS_ENABLED_INVALID"),
    ({"remote_access_type": "spice"}, 400, "VNC_INVALID"),
    ({"server_group": "nonsense"}, 400, "GROUP_INVALID"),
    ({"server_group": "0bffffff-ffff-4fff-8fff-ffffffffffff"}, 404, "GROUP_NOT_FOUND"),
    ({"host": 7}, 403, "ZONE_HOST_FORBIDDEN"),
    ({"colour": "red"}, 400, "UNKNOWN_ATTRIBUTE"),
    (labels({"key": "x", "value": "y"}), 400, "INVALID_LABEL_KEY"),
    (labels({"key": "_own", "value": "y"}), 400, "INVALID_LABEL_KEY"),
    (labels({"key": "kéy", "value": "y"}), 400, "INVALID_LABEL_KEY"),
    (labels({"key": "x" * 33, "value": "y"}), 400, "INVALID_LABEL_KEY"),
    (labels({"key": "key", "value": "y" * 256}), 400, "INVALID_LABEL_VALUE"),
    (labels({"key": "key", "value": "1"}, {"key": "key", "value": "2"}), 400, "DUPLICATE_LABEL_KEYS"),
    ({"labels": [{"key": "key", "value": "1"}]}, 400, "LABELS_INVALID"),
    ({"storage_devices": None}, 400, "STORAGE_DEVICES_MISSING"),
    (disks(), 400, "STORAGE_DEVICE_MISSING"),
    ({"storage_devices": [os_disk()]}, 400, "STORAGE_DEVICES_INVALID"),
    (disks(*[data_disk()] * 17), 409, "STORAGE_DEVICE_LIMIT_REACHED"),
    (disks(os_disk(action=None)), 400, "ACTION_MISSING"),
    (disks(os_disk(action="copy")), 400, "ACTION_INVALID"),
    (disks(os_disk(storage=None)), 400, "STORAGE_MISSING"),
    (disks(os_disk(storage="Debian 12")), 400, "STORAGE_INVALID"),
    (disks(os_disk(storage=UNKNOWN)), 404, "STORAGE_NOT_FOUND"),
    (disks(os_disk(title=None)), 400, "STORAGE_TITLE_MISSING"),
    (disks(os_disk(title="")), 400, "STORAGE_TITLE_INVALID"),
    (disks(os_disk(size=9)), 400, "SIZE_INVALID"),
    (disks(os_disk(size=4097)), 400, "SIZE_INVALID"),
    (disks(os_disk(tier="ssd")), 400, "TIER_INVALID"),
    (disks(os_disk(type="tape")), 400, "TYPE_INVALID"),
    (disks(os_disk(address="virtio:16")), 400, "ADDRESS_INVALID"),
    (disks(os_disk(encrypted=True)), 400, "ENCRYPTED_INVALID"),
    (disks(os_disk(colour="red")), 400, "UNKNOWN_ATTRIBUTE"),
    (disks(os_disk(backup_rule={"interval": "daily", "time": "0430"})), 400, "RETENTION_MISSING"),
    (disks(os_disk(), os_disk()), 409, "MULTIPLE_TEMPLATES"),
    (disks(os_disk(address="virtio:0"), data_disk(address="virtio:0")), 409, "DEVICE_ADDRESS_IN_USE"),
    (disks(os_disk(), data_disk(size=None)), 400, "SIZE_MISSING"),
    (disks({"action": "attach", "storage": DEBIAN_12}), 409, "PUBLIC_STORAGE_ATTACH"),
    (disks({"action": "attach", "storage": DISC, "type": "disk"}), 409, "STORAGE_TYPE_ILLEGAL"),
    (disks(os_disk(storage=DISC)), 409, "STORAGE_TYPE_ILLEGAL"),
    ({"plan": "DEV-1xCPU-1GB", **disks(os_disk(tier="maxiops"))}, 400, "TIER_INVALID"),
    (interfaces({"ip_addresses": {"ip_address": [{"family": "IPv4"}]}}), 400, "TYPE_MISSING"),
    (interfaces({"type": "secret"}), 400, "TYPE_INVALID"),
    (interfaces({"type": "private"}), 400, "NETWORK_MISSING"),
    (interfaces({"type": "private", "network": UNKNOWN}), 404, "NETWORK_NOT_FOUND"),
    (interfaces({"type": "public", "source_ip_filtering": "no"}), 400, "SOURCE_IP_FILTERING_INVALID"),
    (interfaces({"type": "utility"}, {"type": "utility"}), 403, "SERVER_IP_LIMIT_REACHED"),
    (interfaces(*[{"type": "public"}] * 6), 403, "SERVER_IP_LIMIT_REACHED"),
]


@pytest.mark.parametrize(
    ("changes", "status", "code"), CREATE, ids=[f"{code}-{number}" for number, (_, _, code) in enumerate(CREATE)]
)
async def test_a_bad_create_is_refused_without_effect(
    api: httpx.AsyncClient, sim: Simulator, changes: dict[str, Any], status: int, code: str
) -> None:
    answer = await api.post("/server", json=server_request(**changes))
    assert refusal(answer) == (status, code)
    assert (sim.servers, sim.storages, sim.ip_addresses) == ({}, {}, {})


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "INVALID_REQUEST"),
        (b"{", "INVALID_REQUEST"),
        (b"[]", "INVALID_REQUEST"),
        (b"{}", "INVALID_REQUEST"),
        (b'{"server": []}', "REQUEST_INVALID"),
        (b'{"servr": {}}', "UNKNOWN_ATTRIBUTE"),
    ],
)
async def test_a_body_that_is_not_a_server_is_refused(api: httpx.AsyncClient, body: bytes, code: str) -> None:
    assert refusal(await api.post("/server", content=body)) == (400, code)


async def test_the_refusal_without_metadata_has_the_recorded_message(api: httpx.AsyncClient) -> None:
    answer = await api.post("/server", json=server_request(metadata="no"))
    message = answer.json()["error"]["error_message"]
    assert message == "Metadata must be enabled when cloning a cloud-init template"


async def test_an_older_template_needs_no_metadata(api: httpx.AsyncClient) -> None:
    server = await created(api, metadata=None, **disks(os_disk(storage=DEBIAN_11)))
    assert server["metadata"] == "no"


STOPS: list[tuple[dict[str, Any], int, str]] = [
    ({"server": {}}, 400, "UNKNOWN_ATTRIBUTE"),
    ({"stop_type": "hard"}, 400, "UNKNOWN_ATTRIBUTE"),
    ({"stop_server": {"stop_type": "gently"}}, 400, "STOP_TYPE_INVALID"),
    ({"stop_server": {"timeout": "0"}}, 400, "TIMEOUT_INVALID"),
    ({"stop_server": {"timeout": "soon"}}, 400, "TIMEOUT_INVALID"),
    ({"stop_server": {"now": "yes"}}, 400, "UNKNOWN_ATTRIBUTE"),
]


@pytest.mark.parametrize(("body", "status", "code"), STOPS)
async def test_a_bad_stop_is_refused(
    api: httpx.AsyncClient, clock: ManualClock, body: dict[str, Any], status: int, code: str
) -> None:
    server = await running(api, clock)
    assert refusal(await api.post(f"/server/{server['uuid']}/stop", json=body)) == (status, code)


RESTARTS: list[tuple[dict[str, Any], int, str]] = [
    ({"stop_server": {}}, 400, "UNKNOWN_ATTRIBUTE"),
    ({"restart_server": {"timeout_action": "ignore"}}, 400, "TIMEOUT_MISSING"),
    ({"restart_server": {"timeout": 10, "timeout_action": "cry"}}, 400, "TIMEOUT_ACTION_INVALID"),
    ({"restart_server": {"host": 7}}, 403, "ZONE_HOST_FORBIDDEN"),
]


@pytest.mark.parametrize(("body", "status", "code"), RESTARTS)
async def test_a_bad_restart_is_refused(
    api: httpx.AsyncClient, clock: ManualClock, body: dict[str, Any], status: int, code: str
) -> None:
    server = await running(api, clock)
    assert refusal(await api.post(f"/server/{server['uuid']}/restart", json=body)) == (status, code)


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"storages": "all"}, "STORAGE_DELETION_POLICY_INVALID"),
        ({"storages": "1", "backups": "some"}, "BACKUP_DELETION_POLICY_INVALID"),
    ],
)
async def test_a_bad_deletion_policy_is_refused(
    api: httpx.AsyncClient, clock: ManualClock, query: dict[str, str], code: str
) -> None:
    server = await stopped(api, clock)
    assert refusal(await api.delete(f"/server/{server['uuid']}", params=query)) == (400, code)


@pytest.mark.parametrize("call", ["start", "stop", "restart", "storage/attach", "cdrom/eject", "relocate"])
@pytest.mark.parametrize(
    ("uuid", "expected"),
    [
        ("invalid", (400, "SERVER_INVALID")),
        ("00ffffff-ffff-4fff-8fff-ffffffffffff", (404, "SERVER_NOT_FOUND")),
    ],
)
async def test_a_malformed_uuid_gives_400_and_an_unknown_one_404(
    api: httpx.AsyncClient, call: str, uuid: str, expected: tuple[int, str]
) -> None:
    assert refusal(await api.post(f"/server/{uuid}/{call}", json={})) == expected


async def test_an_unknown_path_gives_404_and_a_wrong_method_405(api: httpx.AsyncClient) -> None:
    assert refusal(await api.get("/no-such-thing")) == (404, "NOT_FOUND")
    assert refusal(await api.patch("/server", json={})) == (405, "METHOD_NOT_ALLOWED")


@pytest.mark.parametrize(
    "header", [{}, {"Authorization": ""}, {"Authorization": "Basic"}, {"Authorization": "Token x"}]
)
async def test_a_call_without_a_credential_is_refused(api: httpx.AsyncClient, header: dict[str, str]) -> None:
    request = api.build_request("GET", "/account", headers=header)
    answer = await api.send(request, auth=None)
    assert refusal(answer) == (401, "AUTHENTICATION_FAILED")
