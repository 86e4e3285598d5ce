"""The simulator's use of qemu, tested with a fake qemu. Real machines boot in tests/vm."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.simulator.documents import DEBIAN_12, os_disk, server_request
from tests.simulator.fake_qemu import FakeQemu
from tests.simulator.patience import PATIENCE, eventually
from tests.skips import OTHER_THAN_LINUX
from upcloud_sdk.simulator import Simulator
from upcloud_sdk.simulator.guests import machine
from upcloud_sdk.simulator.guests.machine import VmGuests

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason=OTHER_THAN_LINUX)

UBUNTU_24 = "01000000-0000-4000-8000-000030240200"


@pytest.fixture
def qemu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeQemu]:
    """A fake qemu. After each test no machine may be left."""
    qemu = FakeQemu(tmp_path, monkeypatch)
    yield qemu
    eventually(lambda: qemu.left() == [])


class Served:
    """A served simulator whose guests are machines, and a client of it."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.client = httpx.Client(base_url=f"{url}/1.3", headers={"Authorization": "Bearer ucat_test"})

    def create(self, **changes: object) -> httpx.Response:
        return self.client.post("/server", json=server_request(**changes))

    def created(self, **changes: object) -> str:
        answer = self.create(**changes)
        assert answer.status_code == 202, answer.text
        uuid: str = answer.json()["server"]["uuid"]
        return uuid

    def server(self, uuid: str) -> dict[str, Any]:
        server: dict[str, Any] = self.client.get(f"/server/{uuid}").json()["server"]
        return server

    def stop(self, uuid: str, **how: str) -> None:
        assert self.client.post(f"/server/{uuid}/stop", json={"stop_server": how}).status_code == 200

    def is_stopped(self, uuid: str) -> bool:
        return bool(self.server(uuid)["state"] == "stopped")

    def console(self, uuid: str) -> dict[str, str]:
        console: dict[str, str] = self.client.get(f"{self.url}/_simulator/servers/{uuid}/console").json()
        return console


@pytest.fixture
def served(qemu: FakeQemu) -> Iterator[Served]:
    guests = VmGuests(images=qemu.images, ports=[9989], machines=2)
    with (
        Simulator(token="ucat_test", guests=guests, boot_seconds=0, stop_seconds=0.05) as sim,
        sim.serve() as url,
    ):
        served = Served(url)
        yield served
        served.client.close()


def test_a_started_server_boots_a_machine_with_its_identity(served: Served, qemu: FakeQemu) -> None:
    uuid = served.created()
    machine = qemu.machines(1)[0]
    assert machine.option("-smbios") == f"type=1,manufacturer=UpCloud,product=Server,serial={uuid},uuid={uuid}"
    macs = {each["mac"] for each in served.server(uuid)["networking"]["interfaces"]["interface"]}
    assert {each.split("mac=")[1].split(",")[0] for each in machine.options("-device") if "mac=" in each} == macs
    assert machine.option("-accel").startswith("tcg")


@pytest.mark.parametrize(
    ("image", "template"), [("debian-12", DEBIAN_12), ("debian-13", "01000000-0000-4000-8000-000020080100")]
)
def test_the_image_follows_from_the_template(served: Served, qemu: FakeQemu, image: str, template: str) -> None:
    served.created(storage_devices={"storage_device": [os_disk(storage=template)]})
    assert qemu.machines(1)[0].option("-kernel") == str(qemu.images / image / "vmlinuz")


def test_an_image_with_more_packages_is_a_public_template_of_its_name(served: Served, qemu: FakeQemu) -> None:
    templates = served.client.get("/storage/template?limit=100").json()["storages"]["storage"]
    (uuid,) = [each["uuid"] for each in templates if each["title"] == "debian-13+buildbot-worker"]
    served.created(storage_devices={"storage_device": [os_disk(storage=uuid)]})
    machine = qemu.machines(1)[0]
    assert machine.option("-kernel") == str(qemu.images / "debian-13+buildbot-worker" / "vmlinuz")


@pytest.mark.parametrize(("plan", "memory", "cores"), [("1xCPU-1GB", "1024", "1"), ("4xCPU-8GB", "1024", "2")])
def test_memory_and_cores_are_those_of_the_plan_up_to_the_maximum(
    served: Served, qemu: FakeQemu, plan: str, memory: str, cores: str
) -> None:
    served.created(plan=plan)
    machine = qemu.machines(1)[0]
    assert (machine.option("-m"), machine.option("-smp")) == (memory, cores)


def test_a_guest_can_reach_only_its_metadata_and_the_given_ports(served: Served, qemu: FakeQemu) -> None:
    served.created()
    networks = qemu.machines(1)[0].options("-netdev")
    assert all("restrict=y" in each for each in networks)
    assert [each.count("guestfwd") for each in networks] == [2, 0, 0]


def test_a_guest_gets_the_address_of_its_utility_interface(served: Served, qemu: FakeQemu) -> None:
    addresses = served.server(served.created())["ip_addresses"]["ip_address"]
    (own,) = [each["address"] for each in addresses if each["access"] == "utility"]
    assert any(f"dhcpstart={own}" in each for each in qemu.machines(1)[0].options("-netdev"))


def test_a_hard_stop_kills_the_machine(served: Served, qemu: FakeQemu) -> None:
    qemu.deaf.touch()
    uuid = served.created()
    machine = qemu.machines(1)[0]
    served.stop(uuid, stop_type="hard")
    eventually(lambda: served.is_stopped(uuid))
    assert not machine.is_alive()


def test_a_soft_stop_presses_the_power_button(served: Served, qemu: FakeQemu) -> None:
    uuid = served.created()
    machine = qemu.machines(1)[0]
    served.stop(uuid, stop_type="soft", timeout="600")
    eventually(lambda: served.is_stopped(uuid))
    assert not machine.is_alive()


def test_a_soft_stop_that_the_guest_ignores_becomes_hard_at_its_timeout(served: Served, qemu: FakeQemu) -> None:
    qemu.deaf.touch()
    uuid = served.created()
    machine = qemu.machines(1)[0]
    served.stop(uuid, stop_type="soft", timeout="1")
    eventually(lambda: served.is_stopped(uuid))
    eventually(lambda: not machine.is_alive())


def test_a_machine_that_ends_stops_its_server(served: Served, qemu: FakeQemu) -> None:
    uuid = served.created()
    qemu.machines(1)[0].die()
    eventually(lambda: served.is_stopped(uuid))
    assert served.client.delete(f"/server/{uuid}").status_code == 204


def test_a_restarted_server_has_the_same_disk(served: Served, qemu: FakeQemu) -> None:
    uuid = served.created()
    disk = Path(qemu.machines(1)[0].option("-drive").split("file=")[1].split(",")[0])
    disk.write_text("changed")
    served.stop(uuid, stop_type="hard")
    eventually(lambda: served.is_stopped(uuid))
    served.client.post(f"/server/{uuid}/start")
    assert qemu.machines(2)[1].option("-drive") == qemu.machines(2)[0].option("-drive")
    assert disk.read_text() == "changed"


def test_the_disk_of_a_deleted_server_is_removed(served: Served, qemu: FakeQemu) -> None:
    uuid = served.created()
    disk = Path(qemu.machines(1)[0].option("-drive").split("file=")[1].split(",")[0])
    assert disk.exists()
    served.stop(uuid, stop_type="hard")
    eventually(lambda: served.is_stopped(uuid))
    served.client.delete(f"/server/{uuid}", params={"storages": "1"})
    assert not disk.parent.exists()


def test_the_simulator_gives_the_path_of_the_console(served: Served, qemu: FakeQemu) -> None:
    uuid = served.created()
    qemu.machines(1)
    console = served.console(uuid)
    assert console["text"] == "Linux version 6\n"
    assert Path(console["path"]).read_text() == "Linux version 6\n"


def test_the_console_says_why_qemu_did_not_run(served: Served, qemu: FakeQemu) -> None:
    qemu.broken.touch()
    uuid = served.created()
    eventually(lambda: served.is_stopped(uuid))
    assert "qemu: something is wrong" in served.console(uuid)["text"]
    assert "qemu has ended with status 1" in served.console(uuid)["text"]


def test_the_console_says_why_a_machine_cannot_be_made(served: Served) -> None:
    """A guest reads its metadata over IPv4."""
    interface = {"type": "public", "ip_addresses": {"ip_address": [{"family": "IPv6"}]}}
    uuid = served.created(networking={"interfaces": {"interface": [interface]}})
    eventually(lambda: served.is_stopped(uuid))
    assert "no IPv4 interface" in served.console(uuid)["text"]


def test_a_machine_beyond_the_maximum_is_refused_for_lack_of_capacity(served: Served, qemu: FakeQemu) -> None:
    uuids = [served.created() for _ in range(2)]
    answer = served.create()
    assert (answer.status_code, answer.json()["error"]["error_code"]) == (409, "SERVER_RESOURCES_UNAVAILABLE")
    assert answer.json()["error"]["error_message"] == (
        "The simulator runs at most 2 machines at a time; see --max-guests."
    )
    qemu.machines(2)
    served.stop(uuids[0], stop_type="hard")
    eventually(lambda: served.is_stopped(uuids[0]))
    served.created()
    assert served.client.post(f"/server/{uuids[0]}/start").status_code == 409


def test_a_machine_without_enough_memory_is_refused_for_lack_of_capacity(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "_free_memory", lambda: 300)
    answer = served.create()
    assert (answer.status_code, answer.json()["error"]["error_code"]) == (409, "SERVER_RESOURCES_UNAVAILABLE")
    assert "needs 1280 MiB of memory, and this machine has 300 left" in answer.json()["error"]["error_message"]


def test_a_template_without_an_image_is_refused_without_effect(served: Served) -> None:
    answer = served.create(storage_devices={"storage_device": [os_disk(storage=UBUNTU_24)]})
    assert answer.status_code == 400
    message = answer.json()["error"]["error_message"]
    assert "debian-12, debian-13" in message
    assert "no image for Ubuntu" in message
    assert served.client.get("/server").json()["servers"]["server"] == []


def test_user_data_that_is_too_large_is_refused(served: Served) -> None:
    answer = served.create(user_data="#" * 65_537)
    assert (answer.status_code, answer.json()["error"]["error_code"]) == (400, "USER_DATA_INVALID")
    assert "65536 characters" in answer.json()["error"]["error_message"]


def test_all_machines_end_with_the_simulator(qemu: FakeQemu) -> None:
    qemu.deaf.touch()
    with (
        Simulator(guests=VmGuests(images=qemu.images), boot_seconds=0, token="ucat_test") as sim,
        sim.serve() as url,
    ):
        served = Served(url)
        served.created()
        served.created()
        machines = qemu.machines(2)
        served.client.close()
    assert [machine.is_alive() for machine in machines] == [False, False]


@pytest.mark.parametrize("victim", ["simulator", "holder"])
def test_a_machine_dies_with_a_simulator_or_a_holder_that_is_killed(victim: str, qemu: FakeQemu) -> None:
    qemu.deaf.touch()
    command = [
        sys.executable, "-m", "upcloud_sdk.simulator", "--port", "0", "--boot-seconds", "0", "--token", "ucat_test",
        "--discontinued-plans", "sold", "--guests", "vm", "--guest-images", str(qemu.images),
    ]  # fmt: skip
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        served = Served(process.stdout.readline().split()[-1])
        served.created()
        machine = qemu.machines(1)[0]
        scratch = Path(machine.option("-drive").split("file=")[1].split(",")[0]).parent
        served.client.close()
        holder = int(Path(f"/proc/{machine.pid}/stat").read_text().rpartition(")")[2].split()[1])
        os.kill(process.pid if victim == "simulator" else holder, signal.SIGKILL)
        eventually(lambda: not machine.is_alive())
        process.terminate()
        process.wait(timeout=PATIENCE)
    eventually(lambda: not scratch.parent.exists())


def test_without_qemu_the_error_says_what_to_install(qemu: FakeQemu, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(RuntimeError, match="apt-get install qemu-system-x86"):
        VmGuests(images=qemu.images)


def test_without_an_image_the_error_says_how_to_build_one(qemu: FakeQemu, tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="build one with"):
        VmGuests(images=tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"ports": [0]}, "0 is not a valid port"),
        ({"ports": [65_536]}, "65536 is not a valid port"),
        ({"machines": 0}, "at least 1 machine"),
        ({"memory": 100}, "512 MiB"),
        ({"cores": 0}, "1 core"),
    ],
)
def test_arguments_out_of_range_are_refused(qemu: FakeQemu, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        VmGuests(images=qemu.images, **arguments)
