"""The namespaces of a client, each imported when it is used."""

from __future__ import annotations

from functools import cached_property
from importlib import import_module
from typing import TYPE_CHECKING, Generic, Self, TypeVar, overload

if TYPE_CHECKING:
    from collections.abc import Callable

    from upcloud_sdk.fleet.fleet import Fleet
    from upcloud_sdk.fleet.leases import Leases
    from upcloud_sdk.fleet.servers import Servers
    from upcloud_sdk.fleet.storages import Storages
    from upcloud_sdk.images.images import Images
    from upcloud_sdk.pricing import PlansAndPrices, Prices
    from upcloud_sdk.resources._base import Core
    from upcloud_sdk.resources.account import AccountCalls
    from upcloud_sdk.resources.accounts import Accounts
    from upcloud_sdk.resources.audit_logs import AuditLogs
    from upcloud_sdk.resources.catalog import Currencies, Devices, ServerSizes, Timezones, VncKeymaps
    from upcloud_sdk.resources.firewall_rules import FirewallRules
    from upcloud_sdk.resources.firewall_rulesets import FirewallRulesetRules, FirewallRulesets
    from upcloud_sdk.resources.hosts import Hosts
    from upcloud_sdk.resources.interfaces import Interfaces
    from upcloud_sdk.resources.ip_addresses import IpAddresses
    from upcloud_sdk.resources.network_interfaces import NetworkInterfaces
    from upcloud_sdk.resources.networks import NetworkPeerings, Networks, Routers
    from upcloud_sdk.resources.permissions import Permissions
    from upcloud_sdk.resources.server_firewall_rules import ServerFirewallRules
    from upcloud_sdk.resources.server_groups import ServerGroups
    from upcloud_sdk.resources.tags import Tags
    from upcloud_sdk.resources.tokens import Tokens
    from upcloud_sdk.resources.zones import Zones


T = TypeVar("T")

_ROOT = __name__.rpartition(".")[0]


def _core(client: Namespaces) -> tuple[object, ...]:
    return (client._core,)  # pyright: ignore[reportPrivateUsage]  # the parts that namespaces share


def _core_and_fleet(client: Namespaces) -> tuple[object, ...]:
    return client._core, lambda: client._fleet  # pyright: ignore[reportPrivateUsage]  # the same


class Namespace(Generic[T]):
    """A namespace of a client. Its class is imported when it is first used, and then stored in the client."""

    def __init__(self, place: str, arguments: Callable[[Namespaces], tuple[object, ...]] = _core) -> None:
        self._place, self._arguments = place, arguments

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    @overload
    def __get__(self, client: None, owner: type) -> Self: ...

    @overload
    def __get__(self, client: Namespaces, owner: type) -> T: ...

    def __get__(self, client: Namespaces | None, owner: type) -> Self | T:
        if client is None:
            return self
        module, _, name = self._place.partition(":")
        kind: Callable[..., T] = getattr(import_module(f"{_ROOT}.{module}"), name)
        made = kind(*self._arguments(client))
        vars(client)[self._name] = made
        return made


class Namespaces:
    """The namespaces of a client: one for each chapter of the API."""

    _core: Core

    account: Namespace[AccountCalls] = Namespace("resources.account:AccountCalls")
    """The account of the credentials."""
    accounts: Namespace[Accounts] = Namespace("resources.accounts:Accounts")
    """The main account and its sub-accounts."""
    audit_logs: Namespace[AuditLogs] = Namespace("resources.audit_logs:AuditLogs")
    """The audit log: who did what."""
    currencies: Namespace[Currencies] = Namespace("resources.catalog:Currencies")
    """Currencies of accounts."""
    devices: Namespace[Devices] = Namespace("resources.catalog:Devices")
    """Available GPUs."""
    firewall_ruleset_rules: Namespace[FirewallRulesetRules] = Namespace(
        "resources.firewall_rulesets:FirewallRulesetRules"
    )
    """Rules of firewall rulesets."""
    firewall_rulesets: Namespace[FirewallRulesets] = Namespace("resources.firewall_rulesets:FirewallRulesets")
    """Firewall rules with a name, for several servers."""
    firewall_rules: Namespace[FirewallRules] = Namespace("resources.firewall_rules:FirewallRules")
    """Firewall rules of servers."""
    hosts: Namespace[Hosts] = Namespace("resources.hosts:Hosts")
    """Hosts of private clouds."""
    images: Namespace[Images] = Namespace(
        "images.images:Images",
        lambda client: (client._core, client.servers, client.storages, lambda: client._fleet),
    )
    """Images that are made by recipe."""
    interfaces: Namespace[Interfaces] = Namespace("resources.interfaces:Interfaces")
    """Network interfaces of servers."""
    ip_addresses: Namespace[IpAddresses] = Namespace("resources.ip_addresses:IpAddresses")
    """IP addresses, including floating ones."""
    leases: Namespace[Leases] = Namespace("fleet.leases:Leases", lambda client: (client._fleet,))
    """Leases of servers and disks, and the reaper."""
    network_interfaces: Namespace[NetworkInterfaces] = Namespace("resources.network_interfaces:NetworkInterfaces")
    """Network interfaces without a server."""
    network_peerings: Namespace[NetworkPeerings] = Namespace("resources.networks:NetworkPeerings")
    """Connections between private networks."""
    networks: Namespace[Networks] = Namespace("resources.networks:Networks")
    """Private networks and UpCloud's networks."""
    permissions: Namespace[Permissions] = Namespace("resources.permissions:Permissions")
    """Permissions of sub-accounts."""
    plans: Namespace[PlansAndPrices] = Namespace("pricing:PlansAndPrices")
    """Plans: sizes of servers."""
    prices: Namespace[Prices] = Namespace("pricing:Prices")
    """Price lists and cost estimates."""
    routers: Namespace[Routers] = Namespace("resources.networks:Routers")
    """Routers between networks."""
    server_firewall_rules: Namespace[ServerFirewallRules] = Namespace(
        "resources.server_firewall_rules:ServerFirewallRules"
    )
    """Firewall rules of servers, through the ruleset service."""
    server_groups: Namespace[ServerGroups] = Namespace("resources.server_groups:ServerGroups")
    """Server groups, also for anti-affinity."""
    server_sizes: Namespace[ServerSizes] = Namespace("resources.catalog:ServerSizes")
    """Valid cores and memory for custom sizes."""
    servers: Namespace[Servers] = Namespace("fleet.servers:Servers", _core_and_fleet)
    """Servers."""
    storages: Namespace[Storages] = Namespace("fleet.storages:Storages", _core_and_fleet)
    """Disks, templates, backups, CD-ROMs."""
    tags: Namespace[Tags] = Namespace("resources.tags:Tags")
    """Tags of servers."""
    timezones: Namespace[Timezones] = Namespace("resources.catalog:Timezones")
    """Names of timezones."""
    tokens: Namespace[Tokens] = Namespace("resources.tokens:Tokens")
    """API tokens."""
    vnc_keymaps: Namespace[VncKeymaps] = Namespace("resources.catalog:VncKeymaps")
    """Keyboard layouts of VNC consoles."""
    zones: Namespace[Zones] = Namespace("resources.zones:Zones")
    """Data centres."""

    @cached_property
    def _fleet(self) -> Fleet:
        from upcloud_sdk.fleet.fleet import Fleet

        return Fleet(self._core)

    def _forget_fleet(self) -> None:
        """Reset: leases, refusals and waits belong to the block that has ended."""
        vars(self).pop("leases", None)
        for holder in (self, vars(self).get("servers"), vars(self).get("storages")):
            if holder is not None:
                vars(holder).pop("_fleet", None)
