"""Disks and CD-ROM drives of a server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.simulator.documents import DEBIAN_12, created, os_disk, refusal, running, server_request, stopped

if TYPE_CHECKING:
    import httpx

    from upcloud_sdk.simulator import ManualClock

pytestmark = pytest.mark.anyio

DISC = "01000000-0000-4000-8000-000020060101"


async def data_disk(api: httpx.AsyncClient, zone: str = "fi-hel1") -> str:
    body = {"storage": {"size": 10, "tier": "hdd", "title": "data", "zone": zone}}
    uuid: str = (await api.post("/storage", json=body)).json()["storage"]["uuid"]
    return uuid


async def attach(api: httpx.AsyncClient, server: dict[str, Any], **device: object) -> httpx.Response:
    return await api.post(f"/server/{server['uuid']}/storage/attach", json={"storage_device": device})


async def detach(api: httpx.AsyncClient, server: dict[str, Any], address: str) -> httpx.Response:
    body = {"storage_device": {"address": address}}
    return await api.post(f"/server/{server['uuid']}/storage/detach", json=body)


def addresses(answer: httpx.Response) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [device["address"] for device in answer.json()["server"]["storage_devices"]["storage_device"]]


@pytest.mark.parametrize(
    ("wanted", "given"),
    [
        (None, "virtio:1"),
        ("virtio", "virtio:1"),
        ("virtio:7", "virtio:7"),
        ("scsi", "scsi:0:0"),
        ("scsi:0:3", "scsi:0:3"),
    ],
)
async def test_a_disk_gets_the_requested_address_or_the_next_free_one(
    api: httpx.AsyncClient, clock: ManualClock, wanted: str | None, given: str
) -> None:
    server = await running(api, clock)
    device = {"type": "disk", "storage": await data_disk(api)}
    answer = await attach(api, server, **(device if wanted is None else device | {"address": wanted}))
    assert addresses(answer) == ["virtio:0", given]
    assert addresses(await detach(api, server, given)) == ["virtio:0"]


async def test_a_server_shows_its_disk_and_the_disk_shows_its_server(
    api: httpx.AsyncClient, clock: ManualClock
) -> None:
    server, disk = await running(api, clock), await data_disk(api)
    answer = await attach(api, server, type="disk", storage=disk)
    assert answer.json()["server"]["storage_devices"]["storage_device"][1] == {
        "address": "virtio:1",
        "boot_disk": "0",
        "labels": [],
        "storage": disk,
        "storage_encrypted": "no",
        "storage_size": 10,
        "storage_tier": "hdd",
        "storage_title": "data",
        "type": "disk",
    }
    assert (await api.get(f"/storage/{disk}")).json()["storage"]["servers"] == {"server": [server["uuid"]]}


async def test_a_create_gives_explicit_addresses_before_addresses_of_a_bus(api: httpx.AsyncClient) -> None:
    def disk(title: str, **more: str) -> dict[str, Any]:
        return {"action": "create", "title": title, "size": 10} | more

    devices = [os_disk(), disk("a", address="virtio:0"), disk("b", address="scsi"), disk("c", address="virtio")]
    server = await created(api, storage_devices={"storage_device": devices})
    found = [device["address"] for device in server["storage_devices"]["storage_device"]]
    assert found == ["virtio:1", "virtio:0", "scsi:0:0", "virtio:2"]


@pytest.mark.parametrize(
    ("device", "status", "code"),
    [
        ({"type": "disk"}, 400, "STORAGE_MISSING"),
        ({"type": "tape"}, 400, "TYPE_INVALID"),
        ({"storage": "x"}, 400, "STORAGE_INVALID"),
        ({"storage": "01ffffff-ffff-4fff-8fff-ffffffffffff"}, 404, "STORAGE_NOT_FOUND"),
        ({"storage": DEBIAN_12}, 409, "PUBLIC_STORAGE_ATTACH"),
        ({"storage": DISC}, 409, "STORAGE_TYPE_ILLEGAL"),
        ({"storage": "DATA", "address": "virtio:0"}, 409, "DEVICE_ADDRESS_IN_USE"),
        ({"storage": "DATA", "address": "usb:0"}, 400, "ADDRESS_INVALID"),
        ({"storage": "DATA", "address": "ide:0:0"}, 409, "IDE_HOTPLUG_UNSUPPORTED"),
        ({"storage": "OS"}, 409, "STORAGE_ATTACHED_AS_DISK"),
        ({"storage": "FAR"}, 409, "ZONE_MISMATCH"),
        ({"storage": "DATA", "colour": "red"}, 400, "UNKNOWN_ATTRIBUTE"),
        ({"type": "cdrom"}, 409, "CDROM_HOTPLUG_UNSUPPORTED"),
    ],
)
async def test_a_bad_attach_is_refused(
    api: httpx.AsyncClient, clock: ManualClock, device: dict[str, str], status: int, code: str
) -> None:
    server = await running(api, clock)
    known = {
        "DATA": await data_disk(api),
        "FAR": await data_disk(api, zone="us-nyc1"),
        "OS": server["storage_devices"]["storage_device"][0]["storage"],
    }
    device = device | {"storage": known[device["storage"]]} if device.get("storage") in known else device
    assert refusal(await attach(api, server, **device)) == (status, code)


async def test_nothing_is_attached_in_maintenance(api: httpx.AsyncClient) -> None:
    server = await created(api)
    answer = await attach(api, server, type="disk", storage=await data_disk(api))
    assert refusal(answer) == (409, "SERVER_STATE_ILLEGAL")


async def test_a_backup_cannot_be_attached(api: httpx.AsyncClient, clock: ManualClock) -> None:
    server, disk = await running(api, clock), await data_disk(api)
    answer = await api.post(f"/storage/{disk}/backup", json={"storage": {"title": "safe"}})
    clock.advance(5)
    answer = await attach(api, server, type="disk", storage=answer.json()["storage"]["uuid"])
    assert refusal(answer) == (409, "STORAGE_TYPE_ILLEGAL")


async def test_a_server_has_at_most_16_devices(api: httpx.AsyncClient, clock: ManualClock) -> None:
    server = await running(api, clock)
    for _ in range(15):
        assert (await attach(api, server, type="disk", storage=await data_disk(api))).status_code == 200
    answer = await attach(api, server, type="disk", storage=await data_disk(api), address="scsi")
    assert refusal(answer) == (409, "STORAGE_DEVICE_LIMIT_REACHED")


async def test_at_most_one_disk_is_the_boot_disk(api: httpx.AsyncClient, clock: ManualClock) -> None:
    server = await running(api, clock)
    answer = await attach(api, server, storage=await data_disk(api), boot_disk="1")
    assert answer.json()["server"]["storage_devices"]["storage_device"][1]["boot_disk"] == "1"
    answer = await attach(api, server, storage=await data_disk(api), boot_disk="1")
    assert refusal(answer) == (400, "TOO_MANY_BOOT_DISKS")


async def test_an_unused_address_cannot_be_detached(api: httpx.AsyncClient, clock: ManualClock) -> None:
    server = await running(api, clock)
    assert refusal(await detach(api, server, "virtio:9")) == (409, "DEVICE_ADDRESS_NOT_IN_USE")


class TestDrive:
    """The CD-ROM drive."""

    async def test_a_drive_is_attached_empty_loaded_and_ejected(
        self, api: httpx.AsyncClient, clock: ManualClock
    ) -> None:
        server = await stopped(api, clock)
        empty = {"address": "ide:0:0", "boot_disk": "0", "storage": "", "storage_size": 0, "storage_title": ""}
        answer = await attach(api, server, type="cdrom")
        assert answer.json()["server"]["storage_devices"]["storage_device"][1] == empty | {"type": "cdrom"}
        path = f"/server/{server['uuid']}/cdrom"
        answer = await api.post(f"{path}/load", json={"storage_device": {"storage": DISC}})
        loaded = answer.json()["server"]["storage_devices"]["storage_device"][1]
        assert (loaded["storage"], loaded["storage_size"]) == (DISC, 1)
        assert "storage_tier" not in loaded
        answer = await api.post(f"{path}/eject", json={"ServerUUID": server["uuid"]})
        assert answer.json()["server"]["storage_devices"]["storage_device"][1] == empty | {"type": "cdrom"}

    async def test_a_server_has_at_most_one_drive(self, api: httpx.AsyncClient, clock: ManualClock) -> None:
        server = await stopped(api, clock)
        await attach(api, server, type="cdrom", storage=DISC)
        assert refusal(await attach(api, server, type="cdrom")) == (409, "CDROM_DEVICE_IN_USE")

    async def test_a_server_without_a_drive_cannot_load_or_eject(
        self, api: httpx.AsyncClient, clock: ManualClock
    ) -> None:
        server = await stopped(api, clock)
        path = f"/server/{server['uuid']}/cdrom"
        answer = await api.post(f"{path}/load", json={"storage_device": {"storage": DISC}})
        assert refusal(answer) == (409, "NO_CDROM_DEVICE")
        assert refusal(await api.post(f"{path}/eject")) == (409, "NO_CDROM_DEVICE")

    async def test_a_drive_holds_one_disc_and_no_disk(self, api: httpx.AsyncClient, clock: ManualClock) -> None:
        server = await stopped(api, clock)
        path = f"/server/{server['uuid']}/cdrom"
        await attach(api, server, type="cdrom")
        assert refusal(await api.post(f"{path}/eject")) == (409, "CDROM_EJECT_FAILED")
        answer = await api.post(f"{path}/load", json={"storage_device": {"storage": DEBIAN_12}})
        assert refusal(answer) == (409, "PUBLIC_STORAGE_ATTACH")
        await api.post(f"{path}/load", json={"storage_device": {"storage": DISC}})
        answer = await api.post(f"{path}/load", json={"storage_device": {"storage": DISC}})
        assert refusal(answer) == (409, "CDROM_DEVICE_IN_USE")

    async def test_a_public_disc_may_be_in_many_drives(self, api: httpx.AsyncClient, clock: ManualClock) -> None:
        for _ in range(2):
            server = await stopped(api, clock)
            assert (await attach(api, server, type="cdrom", storage=DISC)).status_code == 200


class TestCreate:
    """Devices in a create request that depend on what the account has."""

    async def create(self, api: httpx.AsyncClient, *devices: dict[str, Any]) -> httpx.Response:
        body = server_request(metadata="no", storage_devices={"storage_device": list(devices)})
        return await api.post("/server", json=body)

    async def test_an_existing_disk_of_the_account_is_attached(self, api: httpx.AsyncClient) -> None:
        disk = await data_disk(api)
        answer = await self.create(api, {"action": "attach", "storage": disk})
        assert answer.json()["server"]["storage_devices"]["storage_device"][0]["storage"] == disk

    async def test_a_disc_is_attached_beside_the_disk(self, api: httpx.AsyncClient) -> None:
        disc = {"action": "attach", "storage": DISC, "type": "cdrom"}
        answer = await self.create(api, {"action": "attach", "storage": await data_disk(api)}, disc)
        found = answer.json()["server"]["storage_devices"]["storage_device"]
        assert [(device["type"], device["address"]) for device in found] == [("disk", "virtio:0"), ("cdrom", "ide:0:0")]

    @pytest.mark.parametrize(
        ("devices", "status", "code"),
        [
            ([{"type": "cdrom"}, {"type": "cdrom"}], 409, "CDROM_DEVICE_IN_USE"),
            ([{"boot_disk": "1"}, {"boot_disk": "1"}], 400, "TOO_MANY_BOOT_DISKS"),
            ([{"storage": "SAME"}, {"storage": "SAME"}], 409, "STORAGE_ATTACHED_AS_DISK"),
            ([{"storage": "FAR"}], 409, "ZONE_MISMATCH"),
            ([{"action": "clone", "storage": "FAR", "title": "x"}], 409, "ZONE_MISMATCH"),
            ([{"action": "clone", "storage": "BUSY", "title": "x"}], 409, "STORAGE_STATE_ILLEGAL"),
            ([{"storage": "BUSY"}], 409, "STORAGE_STATE_ILLEGAL"),
            ([{"action": "create", "storage": "SAME", "title": "x", "size": 10}], 400, "STORAGE_INVALID"),
        ],
    )
    async def test_devices_that_exclude_each_other_are_refused(
        self, api: httpx.AsyncClient, devices: list[dict[str, Any]], status: int, code: str
    ) -> None:
        known = {"SAME": await data_disk(api), "FAR": await data_disk(api, "us-nyc1"), "BUSY": await data_disk(api)}
        await api.post(f"/storage/{known['BUSY']}/clone", json={"storage": {"zone": "fi-hel1", "title": "copy"}})
        wanted = [
            {"action": "attach"}
            | device
            | {"storage": known.get(device.get("storage", ""), DISC if "type" in device else await data_disk(api))}
            for device in devices
        ]
        assert refusal(await self.create(api, *wanted)) == (status, code)
