"""The metadata service at 169.254.169.254: its contents, and how guests reach it."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.simulator.documents import created, running
from tests.simulator.fake_qemu import FakeQemu
from tests.simulator.guests.test_machine import Served
from tests.simulator.patience import PATIENCE
from tests.skips import OTHER_THAN_LINUX
from upcloud_sdk.simulator import Simulator
from upcloud_sdk.simulator.guests import metadata
from upcloud_sdk.simulator.guests.machine import VmGuests

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

    from upcloud_sdk.simulator import ManualClock

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJqWt3Zl me@example.com"
linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason=OTHER_THAN_LINUX)


async def told(api: httpx.AsyncClient, uuid: str) -> httpx.Response:
    return await api.get(f"https://api.upcloud.com/_simulator/servers/{uuid}/metadata/v1.json")


@pytest.mark.anyio
async def test_the_metadata_has_what_cloud_init_needs(api: httpx.AsyncClient) -> None:
    server = await created(api, user_data="#cloud-config\n", login_user={"ssh_keys": {"ssh_key": [KEY]}})
    document = (await told(api, server["uuid"])).json()
    assert (document["instance_id"], document["hostname"]) == (server["uuid"], "build-1.example.com")
    assert (document["public_keys"], document["user_data"], document["vendor_data"]) == ([KEY], "#cloud-config\n", "")
    assert (document["cloud_name"], document["region"]) == ("upcloud", "fi-hel1")


@pytest.mark.anyio
async def test_the_metadata_has_the_interfaces_with_their_networks(api: httpx.AsyncClient) -> None:
    server = await created(api)
    found = (await told(api, server["uuid"])).json()["network"]["interfaces"]
    own = server["networking"]["interfaces"]["interface"]
    assert [(each["mac"], each["network_id"]) for each in found] == [(each["mac"], each["network"]) for each in own]
    public = found[0]["ip_addresses"][0]
    assert public == {
        "address": own[0]["ip_addresses"]["ip_address"][0]["address"],
        "dhcp": True,
        "dns": ["94.237.127.9", "94.237.40.9"],
        "family": "IPv4",
        "floating": False,
        "gateway": public["network"].replace(".0/22", ".1"),
        "network": public["network"],
    }


@pytest.mark.anyio
async def test_an_interface_of_a_private_network_has_its_range(api: httpx.AsyncClient) -> None:
    ranged = {"address": "172.16.0.0/24", "family": "IPv4", "dhcp": "yes", "gateway": "172.16.0.254"}
    body = {"network": {"name": "lan", "zone": "fi-hel1", "ip_networks": {"ip_network": [ranged]}}}
    network = (await api.post("/network", json=body)).json()["network"]["uuid"]
    interface = {"type": "private", "network": network, "ip_addresses": {"ip_address": [{"family": "IPv4"}]}}
    server = await created(api, networking={"interfaces": {"interface": [interface]}})
    (found,) = (await told(api, server["uuid"])).json()["network"]["interfaces"]
    address = found["ip_addresses"][0]
    assert (address["network"], address["gateway"]) == ("172.16.0.0/24", "172.16.0.254")


@pytest.mark.anyio
async def test_the_metadata_has_the_disks(api: httpx.AsyncClient) -> None:
    server = await created(api)
    (disk,) = (await told(api, server["uuid"])).json()["storage"]["disks"]
    uuid = server["storage_devices"]["storage_device"][0]["storage"]
    assert disk["id"] == uuid
    assert uuid.replace("-", "").startswith(disk["serial"])
    assert (disk["size"], disk["type"]) == (25 * 1024, "disk")


@pytest.mark.anyio
async def test_switching_metadata_on_and_off_in_the_api_takes_effect_immediately(
    api: httpx.AsyncClient, clock: ManualClock
) -> None:
    server = await running(api, clock)
    path = f"/server/{server['uuid']}"
    seen = [(await told(api, server["uuid"])).status_code]
    for value in ("no", "yes"):
        await api.put(path, json={"server": {"metadata": value}})
        seen.append((await told(api, server["uuid"])).status_code)
    assert seen == [200, 404, 200]


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("/metadata/v1/user_data", "#!/bin/sh\necho hello\n"),
        ("/metadata/v1/hostname", "build-1.example.com"),
        ("/metadata/v1/network/interfaces/0/ip_addresses/0/dhcp", "true"),
        ("/metadata/v1/network", "interfaces\ndns"),
        ("/metadata/v1/public_keys/", ""),
    ],
)
async def test_single_values_have_paths_of_their_own(
    api: httpx.AsyncClient, sim: Simulator, path: str, text: str
) -> None:
    server = await created(api, user_data="#!/bin/sh\necho hello\n")
    answer = metadata.answer(sim, server["uuid"], path)
    assert (answer.status, answer.body().decode()) == (200, text)


@pytest.mark.anyio
@pytest.mark.parametrize(
    "path", ["/", "/metadata", "/metadata/v2.json", "/metadata/v1x", "/metadata/v1/nothing", "/metadata/v1/tags/0"]
)
async def test_an_unknown_path_gives_404(api: httpx.AsyncClient, sim: Simulator, path: str) -> None:
    server = await created(api)
    assert metadata.answer(sim, server["uuid"], path).status == 404


@pytest.fixture
def guest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Served, FakeQemu, int]]:
    """A served simulator, its fake qemu, and a loopback port that guests may use."""
    qemu = FakeQemu(tmp_path, monkeypatch)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        guests = VmGuests(images=qemu.images, ports=[port])
        with (
            Simulator(token="ucat_test", guests=guests, boot_seconds=0) as sim,
            sim.serve() as url,
        ):
            served = Served(url)
            yield served, qemu, port
            served.client.close()


def asked(command: list[str], path: str) -> tuple[int, Any]:
    """The HTTP answer to a guest on a connection that this command serves."""
    request = f"GET {path} HTTP/1.1\r\nHost: 169.254.169.254\r\nConnection: close\r\n\r\n".encode()
    done = subprocess.run(command, input=request, capture_output=True, timeout=PATIENCE, check=True)
    head, _, body = done.stdout.partition(b"\r\n\r\n")
    return int(head.split()[1]), body


@linux
def test_each_guest_reads_its_own_metadata(guest: tuple[Served, FakeQemu, int]) -> None:
    served, qemu, _ = guest
    uuids = [served.created(user_data=f"#!/bin/sh\necho {number}\n") for number in range(2)]
    answers = [asked(machine.forward("169.254.169.254:80"), "/metadata/v1.json") for machine in qemu.machines(2)]
    assert [status for status, _ in answers] == [200, 200]
    found = {json.loads(body)["instance_id"]: json.loads(body)["user_data"] for _, body in answers}
    assert found == {uuid: f"#!/bin/sh\necho {number}\n" for number, uuid in enumerate(uuids)}


@linux
def test_a_guest_reads_nothing_when_metadata_is_switched_off(guest: tuple[Served, FakeQemu, int]) -> None:
    served, qemu, _ = guest
    uuid = served.created(user_data="a secret")
    command = qemu.machines(1)[0].forward("169.254.169.254:80")
    assert asked(command, "/metadata/v1/user_data") == (200, b"a secret")
    served.client.put(f"/server/{uuid}", json={"server": {"metadata": "no"}})
    status, body = asked(command, "/metadata/v1/user_data")
    assert status == 404
    assert b"secret" not in body


@linux
def test_nobody_else_can_reach_the_socket(guest: tuple[Served, FakeQemu, int]) -> None:
    """User_data may contain a password, and every user of this machine could read from a loopback port."""
    served, qemu, _ = guest
    served.created()
    path = Path(qemu.machines(1)[0].forward("169.254.169.254:80")[-2])
    assert path.is_socket()
    assert path.parent.stat().st_mode & 0o077 == 0


@linux
def test_a_guest_reaches_a_given_port(guest: tuple[Served, FakeQemu, int]) -> None:
    served, qemu, port = guest
    served.created()
    command = qemu.machines(1)[0].forward(f"169.254.169.100:{port}")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        command[-1] = str(listener.getsockname()[1])
        listener.settimeout(PATIENCE)
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as forward:
            assert forward.stdin is not None
            assert forward.stdout is not None
            connection, _ = listener.accept()
            with connection:
                forward.stdin.write(b"hello")
                forward.stdin.flush()
                assert connection.recv(100) == b"hello"
                connection.sendall(b"and good bye")
            assert forward.stdout.read() == b"and good bye"
            assert forward.wait(timeout=PATIENCE) == 0


@linux
def test_a_connection_to_a_port_without_a_listener_is_closed(guest: tuple[Served, FakeQemu, int]) -> None:
    served, qemu, port = guest
    served.created()
    command = qemu.machines(1)[0].forward(f"169.254.169.100:{port}")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        command[-1] = str(listener.getsockname()[1])
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=PATIENCE, check=False)
    assert (done.returncode, done.stdout) == (1, b"")
