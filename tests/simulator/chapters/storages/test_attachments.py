"""Attach and detach through the storage's path."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.simulator.documents import created, new_storage, refusal, running, stopped

if TYPE_CHECKING:
    import httpx

    from upcloud_sdk.simulator import ManualClock


async def test_a_storage_is_attached_and_detached(api: httpx.AsyncClient, clock: ManualClock) -> None:
    server, storage = await running(api, clock), await new_storage(api)
    path = f"/storage/{storage['uuid']}"
    answer = await api.post(f"{path}/attach", json={"storage_device": {"server": server["uuid"], "address": "virtio"}})
    assert (answer.status_code, answer.json()["storage"]["servers"]) == (200, {"server": [server["uuid"]]})
    devices = (await api.get(f"/server/{server['uuid']}")).json()["server"]["storage_devices"]["storage_device"]
    assert storage["uuid"] in [device["storage"] for device in devices]
    assert (await api.post(f"{path}/detach")).json()["storage"]["servers"] == {"server": []}
    assert refusal(await api.post(f"{path}/detach")) == (409, "STORAGE_NOT_ATTACHED")


async def test_a_storages_attach_is_refused_like_a_servers(api: httpx.AsyncClient, clock: ManualClock) -> None:
    storage, path = await new_storage(api), "/storage/{}/attach"
    booting = {"storage_device": {"server": (await created(api))["uuid"]}}
    path = f"/storage/{storage['uuid']}/attach"
    assert refusal(await api.post(path, json=booting)) == (409, "SERVER_STATE_ILLEGAL")
    halted = (await stopped(api, clock))["uuid"]
    wrong = {"storage_device": {"server": halted, "address": "usb"}}
    assert refusal(await api.post(path, json=wrong)) == (400, "ADDRESS_INVALID")
    assert refusal(await api.post(path, json={"storage_device": {}})) == (400, "SERVER_MISSING")
    body = {"storage_device": {"server": halted, "boot_disk": "1"}}
    assert (await api.post(path, json=body)).status_code == 200
    assert refusal(await api.post(path, json=body)) == (409, "STORAGE_ATTACHED_AS_DISK")


async def test_a_disk_that_grows_with_its_file_system_is_backed_up(api: httpx.AsyncClient) -> None:
    storage = await new_storage(api, size=10)
    body = {"storage": {"size": 20, "filesystem_resize": "yes"}}
    answer = await api.put(f"/storage/{storage['uuid']}", json=body)
    assert len(answer.json()["storage"]["backups"]["backup"]) == 1
