"""What UpCloud's command line `upctl` sends, through the Go client, works on the simulator as a process.

Written from the API's reference and the contract. The Go client sends null or an empty value for what was not given.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.simulator.documents import DEBIAN_12
from tests.simulator.patience import eventually
from tests.simulator.test_command_line import started, url_of

if TYPE_CHECKING:
    from collections.abc import Iterator

Document = dict[str, Any]


class Upctl:
    """Sends requests as the Go client does. An answer that is no success fails the test."""

    def __init__(self, url: str) -> None:
        headers = {"User-Agent": "upctl/3.35.0", "Accept": "application/json", "Authorization": "Bearer ucat_any"}
        self.client = httpx.Client(base_url=f"{url}/1.3", headers=headers)

    def send(self, method: str, path: str, body: Document | None = None) -> Any:  # noqa: ANN401 - a JSON document
        answer = self.client.request(method, path, json=body)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None

    def wait(self, path: str, kind: str, state: str) -> Document:
        eventually(lambda: self.send("GET", path)[kind]["state"] == state)
        document: Document = self.send("GET", path)[kind]
        return document


@pytest.fixture(scope="module")
def upctl() -> Iterator[Upctl]:
    seconds = ("--boot-seconds", "0.05", "--stop-seconds", "0.05", "--storage-seconds", "0.05")
    with started("--port", "0", *seconds) as (_, lines):
        sender = Upctl(url_of(lines))
        with sender.client:
            yield sender


def server_create(**changes: object) -> Document:
    device: Document = {"action": "clone", "storage": DEBIAN_12, "title": "web-OS", "size": 20}
    device |= {"encrypted": "", "backup_rule": None, "address": "", "tier": ""}
    server: Document = {"hostname": "web", "title": "web", "zone": "fi-hel1", "plan": "1xCPU-2GB", "metadata": "yes"}
    server |= {"networking": None, "simple_backup": None, "server_group": None, "labels": None, "user_data": ""}
    server |= {"remote_access_enabled": "", "password_delivery": "none"}
    server["login_user"] = {"create_password": "no", "username": "root", "ssh_keys": {"ssh_key": ["ssh-ed25519 AAAA"]}}
    server["storage_devices"] = {"storage_device": [device]}
    return {"server": server | changes}


@pytest.fixture
def server(upctl: Upctl) -> str:
    """The uuid of a started server."""
    uuid: str = upctl.send("POST", "/server", server_create())["server"]["uuid"]
    upctl.wait(f"/server/{uuid}", "server", "started")
    return uuid


@pytest.fixture
def storage(upctl: Upctl) -> str:
    """The uuid of a storage."""
    body = {"storage": {"title": "data", "zone": "fi-hel1", "size": 10, "tier": "maxiops", "backup_rule": None}}
    uuid: str = upctl.send("POST", "/storage", body)["storage"]["uuid"]
    return uuid


def test_server_create_without_networking_makes_the_default_interfaces(upctl: Upctl, server: str) -> None:
    shown = upctl.send("GET", f"/server/{server}")["server"]
    interfaces = shown["networking"]["interfaces"]["interface"]
    assert [(each["type"], each["ip_addresses"]["ip_address"][0]["family"]) for each in interfaces] == [
        ("public", "IPv4"),
        ("public", "IPv6"),
        ("utility", "IPv4"),
    ]


def test_server_create_with_a_new_disk_names_no_storage(upctl: Upctl) -> None:
    system = {"action": "clone", "storage": DEBIAN_12, "title": "os", "size": 20}
    disk = {"action": "create", "storage": "", "address": "", "title": "data", "size": 10, "tier": "", "type": ""}
    made = upctl.send("POST", "/server", server_create(storage_devices={"storage_device": [system, disk]}))
    assert [each["storage_title"] for each in made["server"]["storage_devices"]["storage_device"]] == ["os", "data"]


def test_server_stop_start_and_delete(upctl: Upctl, server: str) -> None:
    upctl.send("POST", f"/server/{server}/stop", {"stop_server": {"stop_type": "soft"}})
    upctl.wait(f"/server/{server}", "server", "stopped")
    upctl.send("POST", f"/server/{server}/start", {"server": {}})
    upctl.send("POST", f"/server/{server}/stop", {"stop_server": {"stop_type": "hard", "timeout": "60"}})
    upctl.wait(f"/server/{server}", "server", "stopped")
    upctl.send("DELETE", f"/server/{server}/?storages=1&backups=delete")
    assert server not in {each["uuid"] for each in upctl.send("GET", "/server")["servers"]["server"]}


def test_server_restart(upctl: Upctl, server: str) -> None:
    body = {"stop_type": "soft", "timeout": "120", "timeout_action": "ignore", "host": None}
    upctl.send("POST", f"/server/{server}/restart", {"restart_server": body})


def test_storage_list_begins_with_the_own_storages(upctl: Upctl, storage: str) -> None:
    """`storage show`, `delete`, `backup create` and `templatise` look up what is given in this list."""
    listed = upctl.send("GET", "/storage")["storages"]["storage"]
    assert len(listed) == 25
    assert storage in {each["uuid"] for each in listed}
    assert [each["access"] for each in listed] == sorted(each["access"] for each in listed)


def test_storage_backup_templatise_and_delete(upctl: Upctl, storage: str) -> None:
    made: list[str] = []
    for action in ("backup", "templatize"):
        copy = upctl.send("POST", f"/storage/{storage}/{action}", {"storage": {"title": action}})["storage"]["uuid"]
        upctl.wait(f"/storage/{copy}", "storage", "online")
        made.append(copy)
    upctl.send("POST", f"/storage/{made[0]}/restore", {"UUID": made[0]})
    upctl.wait(f"/storage/{storage}", "storage", "online")
    for uuid in (*made, storage):
        upctl.send("DELETE", f"/storage/{uuid}?backups=keep")


@pytest.mark.parametrize("source", ["backup", "template", "normal"])
def test_server_create_restores_a_copy(upctl: Upctl, storage: str, source: str) -> None:
    uuid = storage
    if source != "normal":
        action = "templatize" if source == "template" else source
        uuid = upctl.send("POST", f"/storage/{storage}/{action}", {"storage": {"title": "copy"}})["storage"]["uuid"]
        upctl.wait(f"/storage/{uuid}", "storage", "online")
    device = {"action": "clone", "storage": uuid, "title": "restored", "size": 20, "tier": ""}
    made = upctl.send("POST", "/server", server_create(storage_devices={"storage_device": [device]}))["server"]
    [disk] = upctl.wait(f"/server/{made['uuid']}", "server", "started")["storage_devices"]["storage_device"]
    assert (disk["storage_title"], disk["storage_size"]) == ("restored", 20)
    assert upctl.send("GET", f"/storage/{disk['storage']}")["storage"]["type"] == "normal"


def test_storage_import_from_a_file_and_from_a_url(upctl: Upctl, storage: str) -> None:
    path = f"/storage/{storage}/import"
    one = upctl.send("POST", path, {"storage_import": {"source": "direct_upload", "source_location": ""}})
    headers = {"Content-Type": "application/octet-stream"}
    sent = httpx.put(one["storage_import"]["direct_upload_url"], content=b"data", headers=headers)
    assert sent.json()["written_bytes"] == 4
    upctl.wait(f"/storage/{storage}", "storage", "online")
    location = "https://example.com/disk.raw"
    upctl.send("POST", path, {"storage_import": {"source": "http_import", "source_location": location}})
    upctl.wait(path, "storage_import", "completed")


def test_ip_address_assign_modify_and_remove(upctl: Upctl, server: str) -> None:
    upctl.send("POST", f"/server/{server}/stop", {"stop_server": {"stop_type": "hard"}})
    upctl.wait(f"/server/{server}", "server", "stopped")
    body = {"access": "public", "family": "IPv4", "server": server, "floating": ""}
    address = upctl.send("POST", "/ip_address", {"ip_address": body})["ip_address"]["address"]
    upctl.send("PATCH", f"/ip_address/{address}", {"ip_address": {"ptr_record": "web.example.com"}})
    assert upctl.send("GET", f"/ip_address/{address}")["ip_address"]["ptr_record"] == "web.example.com"
    upctl.send("DELETE", f"/ip_address/{address}")
    assert address not in {each["address"] for each in upctl.send("GET", "/ip_address")["ip_addresses"]["ip_address"]}


def test_network_and_router(upctl: Upctl, server: str) -> None:
    router = upctl.send("POST", "/router", {"router": {"name": "edge", "labels": None, "static_routes": None}})
    uuid = router["router"]["uuid"]
    ranged: Document = {
        "address": "10.7.0.0/24",
        "dhcp": "yes",
        "family": "IPv4",
        "gateway": "",
        "dhcp_default_route": "",
    }
    ranged |= {"dhcp_dns": None, "dhcp_routes": None, "dhcp_bootfile_url": ""}
    network: Document = {"name": "lan", "zone": "fi-hel1", "router": "", "type": "private", "labels": None}
    network["ip_networks"] = {"ip_network": [ranged]}
    lan = upctl.send("POST", "/network/", {"network": network})["network"]["uuid"]
    upctl.send("PUT", f"/network/{lan}", {"network": {"name": "lan2", "router": uuid}})
    upctl.send("PATCH", f"/router/{uuid}", {"router": {"name": "edge2"}})
    assert upctl.send("GET", f"/network/{lan}")["network"]["router"] == uuid
    upctl.send("POST", f"/server/{server}/stop", {"stop_server": {"stop_type": "hard"}})
    upctl.wait(f"/server/{server}", "server", "stopped")
    wanted: Document = {
        "type": "private",
        "network": lan,
        "ip_addresses": {"ip_address": [{"family": "IPv4", "address": ""}]},
    }
    wanted |= {"source_ip_filtering": "", "bootable": "", "index": None}
    made = upctl.send("POST", f"/server/{server}/networking/interface", {"interface": wanted})["interface"]
    upctl.send("DELETE", f"/server/{server}/networking/interface/{made['index']}")
    upctl.send("PUT", f"/network/{lan}", {"network": {"router": None}})
    upctl.send("DELETE", f"/network/{lan}")
    upctl.send("DELETE", f"/router/{uuid}")


def test_server_firewall_create_show_and_delete(upctl: Upctl, server: str) -> None:
    rule = {"action": "accept", "direction": "in", "family": "IPv4", "protocol": "tcp", "icmp_type": "", "comment": ""}
    rule |= {"position": "1", "destination_port_start": "22", "destination_port_end": "22", "source_address_start": ""}
    path = f"/server/{server}/firewall_rule"
    upctl.send("POST", path, {"firewall_rule": rule})
    assert len(upctl.send("GET", path)["firewall_rules"]["firewall_rule"]) == 1
    upctl.send("DELETE", f"{path}/1")
    assert upctl.send("GET", path)["firewall_rules"]["firewall_rule"] == []


def test_token_create_list_and_delete(upctl: Upctl) -> None:
    body = {
        "name": "ci",
        "expires_at": "2036-01-01T00:00:00Z",
        "can_create_tokens": True,
        "allowed_ip_ranges": ["0.0.0.0/0", "::/0"],
    }
    made = upctl.send("POST", "/account/tokens", body)
    assert made["token"].startswith("ucat_")
    assert made["id"] in {each["id"] for each in upctl.send("GET", "/account/tokens?limit=100&offset=0")}
    upctl.send("DELETE", f"/account/tokens/{made['id']}")
