"""Each chapter of the API from end to end. Client and simulator implement the reference independently."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from typing import TYPE_CHECKING

import pytest
from pydantic import SecretStr

from tests.moved_time import server_spec
from upcloud_sdk import (
    FirewallRuleSpec,
    InterfaceSpec,
    IpAddressSpec,
    IpNetworkSpec,
    NetworkSpec,
    ServerChanges,
    StorageChanges,
    StorageCloneSpec,
    StorageSpec,
    errors,
)
from upcloud_sdk.models import (
    ApiTokenSpec,
    BackupRuleSpec,
    HostChanges,
    InterfaceChanges,
    IpAddressChanges,
    NetworkChanges,
    NetworkPeeringChanges,
    NetworkPeeringSpec,
    PermissionOptionsSpec,
    PermissionSpec,
    RouterChanges,
    RouterSpec,
    ServerGroupChanges,
    ServerGroupSpec,
    StaticRouteSpec,
    SubAccountChanges,
    SubAccountSpec,
    TagChanges,
    TagSpec,
)

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from tests.moved_time import MovedCloud
    from upcloud_sdk import Server, Storage, UpCloud


@pytest.fixture
async def cloud(moved: MovedCloud) -> AsyncGenerator[UpCloud]:
    async with moved.client() as client:
        yield client


@pytest.fixture
async def server(cloud: UpCloud) -> Server:
    """A running server."""
    made = await cloud.servers.create(server_spec())
    await cloud.servers.wait_for_state(made.uuid, "started", timeout=300)
    return await cloud.servers.get(made.uuid)


@pytest.fixture
async def stopped(cloud: UpCloud, server: Server) -> Server:
    """A stopped server."""
    await cloud.servers.stop(server.uuid, stop_type="hard")
    await cloud.servers.wait_for_state(server.uuid, "stopped", timeout=300)
    return await cloud.servers.get(server.uuid)


async def test_a_server_can_be_restarted(cloud: UpCloud, server: Server) -> None:
    assert (await cloud.servers.restart(server.uuid, stop_type="hard")).state == "started"
    await cloud.servers.wait_for_state(server.uuid, "maintenance", timeout=60)
    await cloud.servers.wait_for_state(server.uuid, "started", timeout=300)


async def test_a_stopped_server_can_be_started(cloud: UpCloud, stopped: Server) -> None:
    assert (await cloud.servers.start(stopped.uuid)).state == "started"


async def test_tags_are_created_set_changed_and_deleted(cloud: UpCloud, server: Server) -> None:
    for name in ("web", "db"):
        await cloud.tags.create(TagSpec(name=name))
    assert (await cloud.servers.tag(server.uuid, "web", "db")).tags == ("web", "db")
    assert [each.uuid for each in await cloud.servers.list(tags=["web"])] == [server.uuid]
    assert (await cloud.tags.modify("web", TagChanges(name="front", description="front ends"))).name == "front"
    assert (await cloud.tags.get("front")).servers == (server.uuid,)
    assert (await cloud.servers.untag(server.uuid, "front")).tags == ("db",)
    await cloud.tags.delete("db")
    assert [tag.name for tag in await cloud.tags.list()] == ["front"]


async def test_groups_keep_servers_apart(cloud: UpCloud, server: Server) -> None:
    group = await cloud.server_groups.create(ServerGroupSpec(title="web", anti_affinity="yes", labels={"env": "test"}))
    await cloud.server_groups.add_server(group.uuid, server.uuid)
    seen = await cloud.server_groups.get(group.uuid)
    assert seen.servers == (server.uuid,)
    assert [status.uuid for status in seen.anti_affinity_status] == [server.uuid]
    assert [each.uuid for each in await cloud.server_groups.list(labels={"env": "test"})] == [group.uuid]
    await cloud.server_groups.remove_server(group.uuid, server.uuid)
    assert (await cloud.server_groups.modify(group.uuid, ServerGroupChanges(title="front"))).servers == ()
    await cloud.server_groups.delete(group.uuid)
    with pytest.raises(errors.NotFound):
        await cloud.server_groups.get(group.uuid)


async def test_firewall_rules_are_inserted_replaced_and_deleted(cloud: UpCloud, server: Server) -> None:
    ssh = FirewallRuleSpec(
        direction="in",
        action="accept",
        family="IPv4",
        protocol="tcp",
        destination_port_start=22,
        destination_port_end=22,
    )
    rest = FirewallRuleSpec(direction="in", action="drop", comment="rest")
    await cloud.firewall_rules.create(server.uuid, rest)
    assert (await cloud.firewall_rules.create(server.uuid, ssh.model_copy(update={"position": 1}))).position == 1
    rules = await cloud.firewall_rules.list(server.uuid)
    assert [(rule.position, rule.action) for rule in rules] == [(1, "accept"), (2, "drop")]
    await cloud.firewall_rules.delete(server.uuid, 1)
    assert (await cloud.firewall_rules.get(server.uuid, 1)).comment == "rest"
    await cloud.firewall_rules.replace(server.uuid, [FirewallRuleSpec.of(rule) for rule in reversed(rules)])
    assert [rule.action for rule in await cloud.firewall_rules.list(server.uuid)] == ["drop", "accept"]
    assert (await cloud.servers.modify(server.uuid, ServerChanges(firewall=True))).firewall is True


async def test_networks_routers_and_peerings_are_created_changed_and_deleted(cloud: UpCloud) -> None:
    ranges = ("10.20.0.0/24", "10.30.0.0/24")
    ours, theirs = [
        await cloud.networks.create(
            NetworkSpec(
                name=address, zone="fi-hel1", ip_networks=[IpNetworkSpec(address=address)], labels={"env": "test"}
            )
        )
        for address in ranges
    ]
    route = StaticRouteSpec(name="out", route="0.0.0.0/0", nexthop=IPv4Address("10.20.0.9"))
    router = await cloud.routers.create(RouterSpec(name="office", static_routes=[route]))
    assert (await cloud.networks.modify(ours.uuid, NetworkChanges(router=router.uuid))).router == router.uuid
    assert [each.uuid for each in (await cloud.routers.get(router.uuid)).attached_networks] == [ours.uuid]
    with pytest.raises(errors.Conflict):
        await cloud.routers.delete(router.uuid)
    peering = await cloud.network_peerings.create(NetworkPeeringSpec.between(ours.uuid, theirs.uuid, name="us"))
    with pytest.raises(errors.Conflict):
        await cloud.network_peerings.delete(peering.uuid)
    await cloud.network_peerings.modify(peering.uuid, NetworkPeeringChanges(configured_status="disabled"))
    assert [each.uuid for each in await cloud.network_peerings.list()] == [peering.uuid]
    await cloud.network_peerings.delete(peering.uuid)

    assert (await cloud.networks.modify(ours.uuid, NetworkChanges(router=None))).router is None
    assert (await cloud.routers.modify(router.uuid, RouterChanges(static_routes=[]))).static_routes == ()
    await cloud.routers.delete(router.uuid)
    found = await cloud.networks.list(zone="fi-hel1", labels={"env": "test"})
    assert {each.uuid for each in found} == {ours.uuid, theirs.uuid}
    for network in found:
        await cloud.networks.delete(network.uuid)


async def test_the_interfaces_of_a_stopped_server_are_changed(cloud: UpCloud, stopped: Server) -> None:
    network = await cloud.networks.create(
        NetworkSpec(name="office", zone="fi-hel1", ip_networks=[IpNetworkSpec(address="10.20.0.0/24")])
    )
    made = await cloud.interfaces.create(stopped.uuid, InterfaceSpec.private(network.uuid, "10.20.0.9"))
    assert made.ip_addresses[0].address == IPv4Address("10.20.0.9")
    moved = await cloud.interfaces.modify(
        stopped.uuid, made.index or 0, InterfaceChanges(index=9, source_ip_filtering=False)
    )
    assert (moved.index, moved.source_ip_filtering) == (9, False)
    added = await cloud.interfaces.add_ip(stopped.uuid, 9, address="10.20.0.10")
    assert added.address == IPv4Address("10.20.0.10")
    await cloud.interfaces.remove_ip(stopped.uuid, 9, "10.20.0.10")
    with pytest.raises(errors.Conflict):
        await cloud.networks.delete(network.uuid)
    await cloud.interfaces.delete(stopped.uuid, 9)
    assert made.mac not in {each.mac for each in await cloud.interfaces.list(stopped.uuid)}
    await cloud.networks.delete(network.uuid)


async def test_a_floating_address_can_be_moved(cloud: UpCloud, server: Server) -> None:
    address = await cloud.ip_addresses.assign(IpAddressSpec.floating_ip(zone="fi-hel1"))
    assert (address.server, address.floating) == (None, True)
    public = next(each for each in server.networking.interfaces if each.type == "public")
    moved = await cloud.ip_addresses.modify(
        address.address, IpAddressChanges(mac=public.mac, ptr_record="a.example.com")
    )
    assert (moved.server, moved.ptr_record) == (server.uuid, "a.example.com")
    assert (await cloud.ip_addresses.modify(address.address, IpAddressChanges(mac=None))).server is None
    await cloud.ip_addresses.release(address.address)
    with pytest.raises(errors.NotFound):
        await cloud.ip_addresses.get(address.address)


async def test_a_stopped_server_gets_an_additional_address(cloud: UpCloud, stopped: Server) -> None:
    address = await cloud.ip_addresses.assign(IpAddressSpec.for_server(stopped.uuid))
    assert address.server == stopped.uuid
    assert address.address in {each.address for each in await cloud.ip_addresses.list()}
    await cloud.ip_addresses.release(address.address)


async def _is_made(cloud: UpCloud, source: Storage, copy: Storage) -> None:
    assert copy.state == "maintenance"
    assert (await cloud.storages.wait_for_state(copy.uuid, "online", timeout=600)).size == 20
    await cloud.storages.wait_for_state(source.uuid, "online", timeout=600)


async def test_disks_are_created_changed_copied_and_restored(cloud: UpCloud) -> None:
    rule = BackupRuleSpec(interval="daily", time="0430", retention=7)
    disk = await cloud.storages.create(StorageSpec(zone="fi-hel1", title="data", size=10, backup_rule=rule))
    assert (disk.state, disk.labels["upcloud_sdk_owner"]) == ("online", "tests")
    changed = await cloud.storages.modify(disk.uuid, StorageChanges(size=20, backup_rule=None, labels={"env": "test"}))
    assert (changed.size, changed.backup_rule) == (20, None)
    assert changed.labels == {**disk.labels, "env": "test"}

    copy = await cloud.storages.clone(disk.uuid, StorageCloneSpec(zone="fi-hel1", title="copy", tier="maxiops"))
    await _is_made(cloud, disk, copy)
    template = await cloud.storages.templatize(disk.uuid, "golden")
    await _is_made(cloud, disk, template)
    backup = await cloud.storages.backup(disk.uuid, "before")
    await _is_made(cloud, disk, backup)
    assert (await cloud.storages.get(disk.uuid)).backups == (backup.uuid,)
    await cloud.storages.restore(backup.uuid)
    await cloud.storages.wait_for_state(disk.uuid, "online", timeout=600)
    assert (await cloud.storages.resize_filesystem(disk.uuid)).type == "backup"
    await cloud.storages.favorite(template.uuid)
    assert [each.uuid for each in await cloud.storages.list("favorite")] == [template.uuid]
    await cloud.storages.unfavorite(template.uuid)
    await cloud.storages.delete(disk.uuid, backups="delete")
    with pytest.raises(errors.NotFound):
        await cloud.storages.get(backup.uuid)


async def test_an_incomplete_clone_can_be_cancelled(cloud: UpCloud) -> None:
    disk = await cloud.storages.create(StorageSpec(zone="fi-hel1", title="data", size=10))
    copy = await cloud.storages.clone(disk.uuid, StorageCloneSpec(zone="fi-hel1", title="copy"))
    await cloud.storages.cancel(copy.uuid)
    with pytest.raises(errors.NotFound):
        await cloud.storages.get(copy.uuid)
    with pytest.raises(errors.Conflict):
        await cloud.storages.cancel(disk.uuid)


async def test_disks_and_cds_are_attached_and_detached(cloud: UpCloud, stopped: Server) -> None:
    disk = await cloud.storages.create(StorageSpec(zone="fi-hel1", title="data", size=10))
    attached = await cloud.servers.attach_storage(stopped.uuid, disk.uuid, address="virtio:5")
    assert {each.address for each in attached.storage_devices if each.storage == disk.uuid} == {"virtio:5"}
    with pytest.raises(errors.Conflict):
        await cloud.storages.delete(disk.uuid)
    await cloud.servers.detach_storage(stopped.uuid, "virtio:5")
    await cloud.storages.delete(disk.uuid)

    drive = (await cloud.servers.attach_storage(stopped.uuid, type="cdrom")).storage_devices[-1]
    (cd, *_) = await cloud.storages.list("cdrom")
    loaded = await cloud.servers.load_cdrom(stopped.uuid, cd.uuid)
    assert [each.storage for each in loaded.storage_devices if each.address == drive.address] == [cd.uuid]
    ejected = await cloud.servers.eject_cdrom(stopped.uuid)
    assert [each.storage for each in ejected.storage_devices if each.address == drive.address] == [""]


async def test_sub_accounts_get_and_lose_permissions(cloud: UpCloud, server: Server) -> None:
    spec = SubAccountSpec(
        username="helper",
        password=SecretStr("Correct-horse-1"),
        first_name="A",
        last_name="B",
        email="a@example.com",
        phone="+358.31245434",
        country="FIN",
        currency="EUR",
        allow_api=True,
    )
    await cloud.accounts.create_sub(spec)
    assert {account.username for account in await cloud.accounts.list()} > {"helper"}
    await cloud.accounts.modify_sub("helper", SubAccountChanges(city="Helsinki", allow_api=False))
    seen = await cloud.accounts.get("helper")
    assert (seen.city, seen.allow_api, seen.type) == ("Helsinki", False, "sub")

    wanted = PermissionSpec(
        user="helper",
        target_type="server",
        target_identifier=server.uuid,
        options=PermissionOptionsSpec(storage=True),
    )
    await cloud.permissions.grant(wanted)
    (granted,) = await cloud.permissions.list(user="helper")
    assert (granted.target_identifier, granted.options and granted.options.storage) == (server.uuid, True)
    await cloud.permissions.revoke(granted)
    assert await cloud.permissions.list(user="helper") == ()
    await cloud.accounts.delete_sub("helper")
    with pytest.raises(errors.NotFound):
        await cloud.accounts.get("helper")


async def test_tokens_show_their_secret_once(cloud: UpCloud, moved: MovedCloud) -> None:
    ends = datetime.fromtimestamp(moved.hand.now(), UTC) + timedelta(days=30)
    made = await cloud.tokens.create(ApiTokenSpec(name="ci", expires_at=max(ends, datetime(2100, 1, 1, tzinfo=UTC))))
    assert made.token is not None
    assert made.token.get_secret_value().startswith("ucat_")
    (listed,) = [token for token in await cloud.tokens.list() if token.id == made.id]
    assert listed.token is None
    assert (await cloud.tokens.get(made.id)).name == "ci"
    await cloud.tokens.delete(made.id)
    with pytest.raises(errors.NotFound):
        await cloud.tokens.get(made.id)


async def test_usage_is_on_the_bill(cloud: UpCloud, server: Server, moved: MovedCloud) -> None:
    bill = await cloud.account.billing(datetime.fromtimestamp(moved.hand.now(), UTC))
    (billed,) = bill.categories["servers"].kinds["server"].resources
    assert billed.resource_id == server.uuid
    assert billed.amount is not None
    assert 0 < billed.amount <= (bill.total_amount or 0)
    only = await cloud.account.billing(datetime.fromtimestamp(moved.hand.now(), UTC), resource_id=server.uuid)
    assert only.categories.keys() == {"servers"}


async def test_the_catalogue_is_read(cloud: UpCloud) -> None:
    zones = {zone.id for zone in await cloud.zones.list()}
    assert {prices.name for prices in await cloud.prices.list()} == zones
    assert "UTC" in await cloud.timezones.list()
    assert (1, 1024) in {(size.core_number, size.memory_amount) for size in await cloud.server_sizes.list()}
    assert set(await cloud.devices.availability()) <= zones
    for host in await cloud.hosts.list():
        assert (await cloud.hosts.get(host.id)).zone in zones
        assert (await cloud.hosts.modify(host.id, HostChanges(description="ours"))).description == "ours"
