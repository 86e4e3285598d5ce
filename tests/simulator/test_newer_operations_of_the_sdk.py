"""The SDK's methods for operations newer than the reference, on the simulator, which implements them independently."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from tests.simulator.documents import DEBIAN_12
from upcloud_sdk import LoginUser, ServerSpec, StorageDeviceSpec, Token, UpCloud
from upcloud_sdk.models import (
    ApiTokenSpec,
    FirewallRulesetChanges,
    FirewallRulesetRuleChanges,
    FirewallRulesetRuleSpec,
    FirewallRulesetSpec,
    FirewallRuleSpec,
    NetworkInterfaceSpec,
    PermissionSpec,
    Server,
    ServerChanges,
    ServerRebuildSpec,
    StorageSpec,
)
from upcloud_sdk.simulator.records.account import SubAccount

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from upcloud_sdk.simulator import ManualClock, Simulator

SPAN = (datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC))


@pytest.fixture
async def cloud(sim: Simulator) -> AsyncIterator[UpCloud]:
    async with UpCloud(Token("ucat_any"), transport=sim.transport()) as client:
        yield client


@pytest.fixture
async def server(cloud: UpCloud, clock: ManualClock) -> Server:
    """A stopped server."""
    spec = ServerSpec(
        zone="fi-hel1",
        plan="GPU-8xCPU-64GB-1xL4",
        hostname="one",
        title="one",
        metadata=True,
        labels={"team": "a"},
        storage_devices=[StorageDeviceSpec.clone(DEBIAN_12, size=25, title="one-os")],
    )
    made = await cloud.servers.create(spec)
    clock.advance(10)
    await cloud.servers.stop(made.uuid, stop_type="hard")
    clock.advance(10)
    return await cloud.servers.get(made.uuid)


async def test_events_gpus_consoles_labels_and_statistics_of_a_server_are_read(cloud: UpCloud, server: Server) -> None:
    assert [event.type for event in await cloud.servers.events(server.uuid)][-1] == "server_create"
    assert [gpu.model for gpu in await cloud.servers.gpus(server.uuid)] == ["NVIDIA L4"]
    assert (await cloud.servers.remote_access(server.uuid)).state == "stopped"
    assert (await cloud.servers.vnc(server.uuid)).vnc_port is None
    assert (await cloud.servers.labels())["team"] == ("a",)
    assert (await cloud.servers.cpu_statistics(server.uuid)).daily is not None
    assert (await cloud.servers.disk_statistics(server.uuid, "requests", period="weekly")).weekly is not None
    assert (await cloud.servers.network_statistics(server.uuid, network="public", period="daily")).daily is not None


async def test_a_server_is_rebuilt(cloud: UpCloud, server: Server) -> None:
    spec = ServerRebuildSpec(
        clone_source=DEBIAN_12,
        delete_detached_disk=True,
        login_user=LoginUser(username="admin", ssh_keys=["ssh-ed25519 AAAA a"]),
    )
    rebuilt = await cloud.servers.rebuild(server.uuid, spec)
    assert rebuilt.state == "maintenance"
    await cloud.servers.cancel(server.uuid)
    changes = ServerChanges(firewall_private=True, firewall_private_default_incoming_action="drop")
    changed = await cloud.servers.modify(server.uuid, changes)
    assert changed.firewall_private is True


async def test_rulesets_are_attached_to_servers(cloud: UpCloud, server: Server) -> None:
    rulesets, rules = cloud.firewall_rulesets, cloud.firewall_ruleset_rules
    ruleset = await rulesets.create(FirewallRulesetSpec(name="web"))
    rule = await rules.create(
        ruleset.uuid, FirewallRulesetRuleSpec(action="accept", direction="in", family="IPv4", protocol="tcp")
    )
    assert rule.uuid is not None
    assert (await rules.modify(ruleset.uuid, rule.uuid, FirewallRulesetRuleChanges(comment="c"))).comment == "c"
    assert [each.uuid for each in await rules.list(ruleset.uuid, sort="+position")] == [rule.uuid]
    await rules.replace(ruleset.uuid, [])
    assert (await rulesets.restore(ruleset.uuid, 2)).version == 5
    assert (await rulesets.modify(ruleset.uuid, FirewallRulesetChanges(description="d"))).description == "d"
    await rulesets.add_label(ruleset.uuid, "team", "a")
    await rulesets.modify_label(ruleset.uuid, "team", "b", new_key="crew")
    assert await rulesets.labels(ruleset.uuid) == {"crew": "b"}
    await rulesets.attach(ruleset.uuid, server.uuid)
    assert [each.uuid for each in await rulesets.servers(ruleset.uuid)] == [server.uuid]
    assert [each.firewall_ruleset_uuid for each in await rulesets.of_server(server.uuid)] == [ruleset.uuid]
    assert len(await rulesets.members(ruleset.uuid)) == 1
    await rulesets.detach(ruleset.uuid, server.uuid)
    await rulesets.delete(ruleset.uuid)
    assert await rulesets.list(sort="+name") == ()


async def test_the_rules_of_a_server_are_changed_through_the_newer_service(cloud: UpCloud, server: Server) -> None:
    rules = cloud.server_firewall_rules
    await rules.create(server.uuid, FirewallRuleSpec(direction="in", action="drop"))
    assert len(await rules.list(server.uuid)) == 1
    assert (await rules.get(server.uuid, 1)).action == "drop"
    assert len(await rules.replace(server.uuid, [FirewallRuleSpec(direction="out", action="accept")])) == 1
    await rules.delete(server.uuid, 1)


async def test_usage_and_bills_are_read(cloud: UpCloud, server: Server) -> None:
    account = cloud.account
    assert (await account.get()).credits_breakdown is not None
    assert (await account.resource_usage())["gpus"] == 1
    assert (await account.billing_total("2026-01")).total_amount is not None
    assert (await account.resource_billing(server.uuid, "2026-01")).total_amount is not None
    assert (await account.current_network_usage()).total_sent_bytes == 0
    assert len(await account.network_usage(*SPAN)) == 24
    assert len(await account.network_top_usage(*SPAN, accumulate="day")) == 1
    assert len(await account.resource_network_usage(*SPAN, resource_id=server.uuid, accumulate="day")) == 1


async def test_limits_keymaps_vlans_and_currencies_are_read(cloud: UpCloud) -> None:
    assert (await cloud.server_sizes.limits()).core_number_max == 20
    assert "en-us" in await cloud.vnc_keymaps.list()
    assert len(await cloud.zones.vlans("fi-tst1")) == 1
    assert "EUR" in [each.code for each in await cloud.currencies.list()]
    assert len(await cloud.prices.list(zone="fi-hel1")) == 1


async def test_disks_permissions_and_tokens_are_changed(cloud: UpCloud, sim: Simulator, server: Server) -> None:
    disk = await cloud.storages.create(StorageSpec(zone="fi-hel1", title="data", size=10))
    assert (await cloud.storages.attach(disk.uuid, server.uuid)).servers == (server.uuid,)
    assert (await cloud.storages.detach(disk.uuid)).servers == ()
    sim.sub_accounts["helper"] = SubAccount("helper", "secret")
    spec = PermissionSpec(user="helper", target_type="server", target_identifier=server.uuid)
    assert len(await cloud.permissions.replace(spec)) == 1
    await cloud.permissions.revoke_all_from_target("server", server.uuid)
    await cloud.permissions.revoke_all_from_user("helper")
    assert await cloud.permissions.list() == ()
    assert (await cloud.tokens.create(ApiTokenSpec(name="ci", expires_in="24h"))).name == "ci"
    page = [entry async for entries in cloud.audit_logs.list() for entry in entries]
    assert page[0].cloud_event_id is not None
    assert (await cloud.audit_logs.get(page[0].cloud_event_id)).cloud_event_id == page[0].cloud_event_id
    assert "api" in (await cloud.audit_logs.filter_options()).origins


async def test_an_interface_is_created_without_a_server(cloud: UpCloud, sim: Simulator, server: Server) -> None:
    network = next(each.network for each in sim.servers[server.uuid].interfaces if each.type == "public")
    made = await cloud.network_interfaces.create(NetworkInterfaceSpec(network=network, type="public"))
    assert (await cloud.network_interfaces.get(made.uuid)).mac == made.mac
    assert [each.uuid for each in await cloud.network_interfaces.list()] == [made.uuid]
    await cloud.network_interfaces.delete(made.uuid)
