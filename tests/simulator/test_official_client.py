"""The official `upcloud-api` package, which others wrote, works on the simulator as on the API."""

from __future__ import annotations

import hashlib
import importlib
import io
from typing import TYPE_CHECKING, Any

import pytest

from tests.simulator.documents import DEBIAN_11, DEBIAN_12

if TYPE_CHECKING:
    from collections.abc import Iterator

    from upcloud_sdk.simulator import ManualClock, Simulator

Untyped = Any
"""Any object of the official client, which has no types."""
official: Untyped = importlib.import_module("upcloud_api")


@pytest.fixture
def manager(sim: Simulator, clock: ManualClock, monkeypatch: pytest.MonkeyPatch) -> Iterator[Untyped]:
    """A client whose waits move the simulator's clock."""
    for module in ("server", "utils"):
        monkeypatch.setattr(f"upcloud_api.{module}.sleep", clock.advance)
    with sim.serve() as url:
        monkeypatch.setattr("upcloud_api.api.API.api_root", f"{url}/1.3")
        yield official.CloudManager("user", "password")


@pytest.fixture
def server(manager: Untyped) -> Untyped:
    """A running server with two disks."""
    disks = [official.Storage(os=DEBIAN_11, size=10), official.Storage(size=10, title="data")]
    made = manager.create_server(
        official.Server(plan="1xCPU-1GB", hostname="web1.example.com", zone="fi-hel1", storage_devices=disks)
    )
    made.ensure_started()
    return manager.get_server(made.uuid)


def test_it_creates_a_server_with_two_disks(server: Untyped) -> None:
    assert (server.state, server.title) == ("started", "web1.example.com")
    assert [disk.size for disk in server.storage_devices] == [10, 10]
    assert {(address.access, address.family) for address in server.ip_addresses} == {
        ("public", "IPv4"),
        ("public", "IPv6"),
        ("utility", "IPv4"),
    }


def test_it_reads_metadata_as_the_word_of_the_api(manager: Untyped) -> None:
    disk = official.Storage(os=DEBIAN_12, size=10)
    keys = official.login_user_block("root", ["ssh-ed25519 AAAA"])
    made = manager.create_server(
        official.Server(
            plan="1xCPU-1GB", hostname="a", zone="fi-hel1", storage_devices=[disk], login_user=keys, metadata=True
        )
    )
    assert made.metadata == "yes"


def test_it_can_save_a_server_with_all_fields_that_it_has_read(manager: Untyped, server: Untyped) -> None:
    server.title = "renamed"
    server.save()
    assert manager.get_server(server.uuid).title == "renamed"


def test_it_stops_starts_and_restarts(manager: Untyped, server: Untyped, clock: ManualClock) -> None:
    server.shutdown(hard=True)
    clock.advance(30)
    assert manager.get_server(server.uuid).state == "stopped"
    server.start()
    server.populate()
    assert server.state == "started"
    server.restart(hard=True)
    clock.advance(30)
    assert manager.get_server(server.uuid).state == "started"


def test_it_attaches_and_detaches_a_disk(manager: Untyped, server: Untyped) -> None:
    disk = manager.create_storage(zone="fi-hel1", size=10, title="more", tier="maxiops")
    server.add_storage(disk)
    server = manager.get_server(server.uuid)
    assert [each.title for each in server.storage_devices][-1] == "more"
    server.remove_storage(server.storage_devices[-1])
    assert len(manager.get_server(server.uuid).storage_devices) == 2


def test_it_clones_backs_up_and_restores(manager: Untyped, clock: ManualClock) -> None:
    disk = manager.create_storage(zone="fi-hel1", size=10, title="data", tier="maxiops")
    copy = manager.clone_storage(disk, "copy", "fi-hel2")
    clock.advance(30)
    assert manager.get_storage(copy.uuid).state == "online"
    backup = manager.create_storage_backup(disk.uuid, "safe")
    clock.advance(30)
    manager.restore_storage_backup(backup.uuid)
    clock.advance(30)
    template = manager.templatize_storage(disk.uuid, "golden")
    clock.advance(30)
    kinds = {each.title: each.type for each in manager.get_storages(storage_type="private")}
    assert kinds == {"data": "normal", "copy": "normal", "safe": "backup", template.title: "template"}


def test_it_tags_servers(manager: Untyped, server: Untyped) -> None:
    manager.create_tag("red", "a colour")
    server.add_tags(["red"])
    assert manager.get_server(server.uuid).tags == ["red"]
    assert [each.uuid for each in manager.get_servers(tags_has_one=["red"])] == [server.uuid]
    server.remove_tags(["red"])
    manager.delete_tag("red")
    assert manager.get_tags() == []


def test_it_writes_firewall_rules(server: Untyped) -> None:
    rule = official.FirewallRule(
        position="1", direction="in", family="IPv4", protocol="tcp", action="accept",
        source_address_start="192.0.2.1", source_address_end="192.0.2.9",
        destination_port_start="22", destination_port_end="22",
    )  # fmt: skip
    server.add_firewall_rule(rule)
    (found,) = server.get_firewall_rules()
    assert (found.destination_port_start, found.position) == ("22", "1")
    server.remove_firewall_rule(found)
    assert server.get_firewall_rules() == []


def test_it_adds_and_removes_addresses(manager: Untyped, server: Untyped, clock: ManualClock) -> None:
    server.shutdown(hard=True)
    clock.advance(30)
    added = server.add_ip()
    changed = manager.modify_ip(added.address, ptr_record="web1.example.com")
    assert changed.ptr_record == "web1.example.com"
    manager.release_ip(added.address)
    assert added.address not in {each.address for each in manager.get_ips()}
    floating = manager.create_floating_ip(zone="fi-hel1")
    assert floating.floating == "yes"
    manager.release_ip(floating.address)


def test_it_loads_and_ejects_a_disc(manager: Untyped, server: Untyped, clock: ManualClock) -> None:
    server.shutdown(hard=True)
    clock.advance(30)
    manager.attach_storage(server.uuid, None, "cdrom", None)
    disc = manager.get_storages("cdrom")[0]
    assert disc.uuid in {device.uuid for device in manager.load_cd_rom(server.uuid, disc.uuid)}
    assert disc.uuid not in {device.uuid for device in manager.eject_cd_rom(server.uuid)}


def test_it_manages_networks_and_interfaces(manager: Untyped, server: Untyped, clock: ManualClock) -> None:
    router = manager.create_router("edge")
    network = manager.create_network("builds", "fi-hel1", "10.9.0.0/24", "yes", "IPv4", router=router.uuid)
    assert (network.router, network.ip_networks[0].gateway) == (router.uuid, "10.9.0.1")
    manager.modify_network(network.uuid, "no", "IPv4", name="renamed")
    assert manager.get_network(network.uuid).name == "renamed"
    server.shutdown(hard=True)
    clock.advance(30)
    made = manager.create_network_interface(server.uuid, network.uuid, "private", [{"family": "IPv4"}])
    moved = manager.modify_network_interface(server.uuid, made.index, index_in_body=7)
    assert (moved.index, moved.ip_addresses) == (7, made.ip_addresses)
    assert [each.index for each in manager.get_server_networks(server.uuid)] == [1, 2, 3, 7]
    manager.delete_network_interface(server.uuid, 7)
    manager.delete_network(network.uuid)
    manager.delete_router(router.uuid)
    assert network.uuid not in {each.uuid for each in manager.get_networks(zone="fi-hel1")}


def test_it_uploads_a_file_into_a_storage(manager: Untyped) -> None:
    storage = manager.create_storage(zone="fi-hel1", size=10, title="image")
    started = manager.create_storage_import(storage.uuid, "direct_upload")
    content = b"\x00\x01" * 100_000
    answer = manager.upload_file_for_storage_import(started, io.BytesIO(content))
    assert answer["sha256sum"] == hashlib.sha256(content).hexdigest()
    assert manager.get_storage_import_details(storage.uuid).state == "completed"


def test_it_makes_server_groups(manager: Untyped) -> None:
    group = manager.create_server_group(official.ServerGroup(title="builders", anti_affinity="strict"))
    disk = official.Storage(os=DEBIAN_11, size=10)
    server = manager.create_server(
        official.Server(plan="1xCPU-1GB", hostname="a", zone="fi-hel1", storage_devices=[disk], server_group=group)
    )
    assert manager.get_server_group(group.uuid).servers == {"server": [server.uuid]}
    manager.delete_server_group(group.uuid)
    assert manager.get_server(server.uuid).server_group is None


def test_it_stops_and_destroys(server: Untyped, sim: Simulator) -> None:
    server.stop_and_destroy()
    assert (sim.servers, sim.storages) == ({}, {})


def test_it_reads_the_catalogue(manager: Untyped) -> None:
    assert manager.authenticate()["account"]["username"] == "simulator"
    assert len(manager.get_zones()["zones"]["zone"]) > 10
    assert manager.get_prices()["prices"]["zone"]
    assert "Debian GNU/Linux 12 (Bookworm)" in {title for each in manager.get_templates() for title in each}


def test_it_understands_a_refusal(manager: Untyped) -> None:
    with pytest.raises(official.UpCloudAPIError) as refused:
        manager.get_server("00ffffff-ffff-4fff-8fff-ffffffffffff")
    assert refused.value.error_code == "SERVER_NOT_FOUND"
