"""Every method of the official `upcloud-api` package runs on the simulator."""

from __future__ import annotations

import importlib
import inspect
import io
from typing import TYPE_CHECKING, Any

import pytest

from tests.simulator.documents import DEBIAN_11

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from upcloud_sdk.simulator import ManualClock, Simulator

Untyped = Any
"""Any object of the official client, which has no types."""
official: Untyped = importlib.import_module("upcloud_api")

CLASSES = (
    "CloudManager", "Server", "Storage", "IPAddress", "Network", "Router", "Tag", "FirewallRule", "ServerGroup", "Host",
    "StorageImport", "Interface",
)  # fmt: skip
BROKEN = {"CloudManager.modify_tag"}
"""Methods that raise after any answer, by a mistake of the client."""
OTHER_SERVICE = "loadbalancer"
"""Load balancers are another service, which the simulator does not have."""


def methods() -> set[str]:
    """The public methods of the package."""
    return {
        f"{kind}.{name}"
        for kind in CLASSES
        for name, _ in inspect.getmembers(getattr(official, kind), inspect.isfunction)
        if not name.startswith("_") and OTHER_SERVICE not in name and not is_abstract(kind, name)
    }


def is_abstract(kind: str, name: str) -> bool:
    """Whether a class lacks this method of its base, which only raises NotImplementedError."""
    return name in {"sync", "to_dict"} and name not in vars(getattr(official, kind))


@pytest.fixture
def called(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """The methods that have returned."""
    names: set[str] = set()

    def noted(name: str, method: Callable[..., object]) -> Callable[..., object]:
        def call(*args: object, **kwargs: object) -> object:
            found = method(*args, **kwargs)
            names.add(name)
            return found

        return call

    for full in methods():
        kind, _, name = full.partition(".")
        method = noted(full, getattr(getattr(official, kind), name))
        is_static = isinstance(inspect.getattr_static(getattr(official, kind), name), staticmethod)
        monkeypatch.setattr(getattr(official, kind), name, staticmethod(method) if is_static else method)
    return names


@pytest.fixture
def manager(sim: Simulator, clock: ManualClock, monkeypatch: pytest.MonkeyPatch) -> Iterator[Untyped]:
    """A client whose waits move the simulator's clock."""
    for module in ("server", "utils"):
        monkeypatch.setattr(f"upcloud_api.{module}.sleep", clock.advance)
    with sim.serve() as url:
        monkeypatch.setattr("upcloud_api.api.API.api_root", f"{url}/1.3")
        yield official.CloudManager("user", "password")


def test_every_method_runs(called: set[str], manager: Untyped, clock: ManualClock) -> None:
    reads_the_offer(manager)
    server = makes_a_server(manager)
    works_with_tags(manager, server)
    works_with_the_firewall(manager, server)
    starts_and_stops(server, clock)
    works_with_storages(manager, server, clock)
    works_with_networks(manager, server)
    works_with_addresses(manager, server)
    ends(manager, server, clock)
    assert methods() - called == BROKEN


def reads_the_offer(manager: Untyped) -> None:
    manager.authenticate()
    manager.get_account()
    manager.get_prices()
    manager.get_server_plans()
    manager.get_server_sizes()
    manager.get_templates()
    manager.get_timezones()
    manager.get_zones()
    host = manager.get_hosts()[0]
    manager.modify_host(str(host.id), "renamed")
    host = manager.get_host(str(host.id))
    assert host.description == "renamed"


def makes_a_server(manager: Untyped) -> Untyped:
    group = manager.create_server_group(official.ServerGroup(title="builders", anti_affinity="strict"))
    manager.get_server_group(group.uuid)
    manager.delete_server_group(group.uuid)
    disk = official.Storage(os=DEBIAN_11, size=10)
    server = official.Server(plan="1xCPU-1GB", hostname="web1", zone="fi-hel1", storage_devices=[disk])
    server = manager.create_server(server)
    server.ensure_started()
    server = manager.get_server(server.uuid)
    address = server.get_public_ip()
    assert manager.get_server_by_ip(address).uuid == server.uuid
    server.get_ip("public", "IPv4")
    server.get_private_ip()
    server.get_utility_ip()
    manager.get_server_data(server.uuid)
    manager.get_servers(populate=True)
    manager.modify_server(server.uuid, title="renamed")
    server.title = "again"
    server.save()
    server.populate()
    assert server.title == "again"
    return server


def works_with_tags(manager: Untyped, server: Untyped) -> None:
    tag = manager.create_tag("web", "a tag")
    manager.get_tags()
    manager.assign_tags(server.uuid, ["web"])
    manager.remove_tags(server.uuid, ["web"])
    server.add_tags(["web"])
    server.remove_tags(["web"])
    manager.get_tag("web").to_dict()
    # Without a new name, the client sends null for it, which means the old one.
    with pytest.raises(KeyError, match="tag"):  # the client's own mistake, after any answer
        manager.modify_tag("web", description="changed")
    assert manager.get_tag("web").description == "changed"
    tag.save()
    tag.destroy()
    manager.create_tag("other")
    manager.delete_tag("other")


def works_with_the_firewall(manager: Untyped, server: Untyped) -> None:
    rule = {"direction": "in", "action": "accept", "family": "IPv4", "position": "1"}
    manager.create_firewall_rule(server.uuid, rule)
    manager.get_firewall_rule(server.uuid, 1)
    manager.get_firewall_rules(server.uuid)
    manager.configure_firewall(server.uuid, [rule])
    manager.delete_firewall_rule(server.uuid, 1)
    server.configure_firewall([official.FirewallRule(**rule)])
    server.add_firewall_rule(official.FirewallRule(**rule))
    rules = server.get_firewall_rules()
    rules[0].to_dict()
    server.remove_firewall_rule(rules[-1])
    rules[0].destroy()


def starts_and_stops(server: Untyped, clock: ManualClock) -> None:
    server.restart(hard=True)
    clock.advance(30)
    server.stop()
    clock.advance(30)
    server.start()
    server.populate()
    server.shutdown(hard=True)
    clock.advance(30)
    server.populate()
    assert server.state == "stopped"


def works_with_storages(manager: Untyped, server: Untyped, clock: ManualClock) -> None:
    disk = manager.create_storage(zone="fi-hel1", size=10, title="data")
    manager.modify_storage(disk.uuid, 11, "bigger")
    manager.get_storages()
    disk = manager.get_storage(disk.uuid)
    disk.title = "again"
    disk.save()
    disk.update(12, "larger")
    disk.to_dict()
    assert disk.size == 12
    started = manager.create_storage_import(disk.uuid, "direct_upload")
    manager.upload_file_for_storage_import(started, io.BytesIO(b"data"))
    manager.get_storage_import_details(disk.uuid)
    clock.advance(30)
    manager.create_storage_import(disk.uuid, "direct_upload")
    manager.cancel_storage_import(disk.uuid)
    clock.advance(30)
    manager.cancel_clone_storage(manager.clone_storage(disk, "copy", "fi-hel1").uuid)
    disk.clone("third", "fi-hel1").cancel_cloning()
    manager.create_storage_backup(disk.uuid, "safe")
    clock.advance(30)
    backup = disk.create_backup("safe too")
    clock.advance(30)
    manager.restore_storage_backup(backup.uuid)
    clock.advance(30)
    manager.get_storage(backup.uuid).restore_backup()
    clock.advance(30)
    manager.templatize_storage(disk.uuid, "golden")
    clock.advance(30)
    disk.templatize("golden too")
    clock.advance(30)
    server.add_storage(disk)
    server.populate()
    server.remove_storage(server.storage_devices[-1])
    manager.attach_storage(server.uuid, disk.uuid, "disk", None)
    manager.detach_storage(server.uuid, manager.get_server(server.uuid).storage_devices[-1].address)
    manager.attach_storage(server.uuid, None, "cdrom", None)
    manager.load_cd_rom(server.uuid, manager.get_storages("cdrom")[0].uuid)
    manager.eject_cd_rom(server.uuid)
    disk.destroy()
    manager.delete_storage(backup.uuid)


def works_with_networks(manager: Untyped, server: Untyped) -> None:
    router = manager.create_router("edge")
    manager.modify_router(router.uuid, "renamed")
    manager.get_routers()
    manager.get_router(router.uuid).to_dict()
    network = manager.create_network("builds", "fi-hel1", "10.9.0.0/24", "yes", "IPv4", router=router.uuid)
    manager.modify_network(network.uuid, "no", "IPv4", name="renamed")
    manager.get_networks(zone="fi-hel1")
    manager.get_network(network.uuid).to_dict()
    made = manager.create_network_interface(server.uuid, network.uuid, "private", [{"family": "IPv4"}])
    made.to_dict()
    manager.modify_network_interface(server.uuid, made.index, index_in_body=7)
    manager.get_server_networks(server.uuid)
    manager.delete_network_interface(server.uuid, 7)
    manager.delete_network(network.uuid)
    manager.delete_router(router.uuid)


def works_with_addresses(manager: Untyped, server: Untyped) -> None:
    address = manager.attach_ip(server.uuid)
    manager.modify_ip(address.address, ptr_record="web1.example.com")
    address = manager.get_ip(address.address)
    address.ptr_record = "web2.example.com"
    address.save()
    address.to_dict()
    address.destroy()
    server.populate()
    server.remove_ip(server.add_ip())
    manager.release_ip(manager.create_floating_ip(zone="fi-hel1").address)
    manager.get_ips()


def ends(manager: Untyped, server: Untyped, clock: ManualClock) -> None:
    disk = official.Storage(os=DEBIAN_11, size=10)
    for end in ("stop_and_destroy", "destroy"):
        other = manager.create_server(
            official.Server(plan="1xCPU-1GB", hostname="x", zone="fi-hel1", storage_devices=[disk])
        )
        clock.advance(30)
        manager.get_server(other.uuid).to_dict()
        if end == "destroy":
            other.shutdown(hard=True)
            clock.advance(30)
        getattr(other, end)()
    manager.delete_server(server.uuid, delete_storages=True)
