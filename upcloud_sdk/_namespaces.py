"""The namespaces of a client, each imported when it is used."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
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


class Namespaces:
    """The namespaces of a client: one for each chapter of the API."""

    _core: Core

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

    @cached_property
    def account(self) -> AccountCalls:
        """The account of the credentials."""
        from upcloud_sdk.resources.account import AccountCalls

        return AccountCalls(self._core)

    @cached_property
    def accounts(self) -> Accounts:
        """The main account and its sub-accounts."""
        from upcloud_sdk.resources.accounts import Accounts

        return Accounts(self._core)

    @cached_property
    def audit_logs(self) -> AuditLogs:
        """The audit log: who did what."""
        from upcloud_sdk.resources.audit_logs import AuditLogs

        return AuditLogs(self._core)

    @cached_property
    def currencies(self) -> Currencies:
        """Currencies of accounts."""
        from upcloud_sdk.resources.catalog import Currencies

        return Currencies(self._core)

    @cached_property
    def devices(self) -> Devices:
        """Available GPUs."""
        from upcloud_sdk.resources.catalog import Devices

        return Devices(self._core)

    @cached_property
    def firewall_ruleset_rules(self) -> FirewallRulesetRules:
        """Rules of firewall rulesets."""
        from upcloud_sdk.resources.firewall_rulesets import FirewallRulesetRules

        return FirewallRulesetRules(self._core)

    @cached_property
    def firewall_rulesets(self) -> FirewallRulesets:
        """Firewall rules with a name, for several servers."""
        from upcloud_sdk.resources.firewall_rulesets import FirewallRulesets

        return FirewallRulesets(self._core)

    @cached_property
    def firewall_rules(self) -> FirewallRules:
        """Firewall rules of servers."""
        from upcloud_sdk.resources.firewall_rules import FirewallRules

        return FirewallRules(self._core)

    @cached_property
    def hosts(self) -> Hosts:
        """Hosts of private clouds."""
        from upcloud_sdk.resources.hosts import Hosts

        return Hosts(self._core)

    @cached_property
    def images(self) -> Images:
        """Images that are made by recipe."""
        from upcloud_sdk.images.images import Images

        return Images(self._core, self.servers, self.storages, lambda: self._fleet)

    @cached_property
    def interfaces(self) -> Interfaces:
        """Network interfaces of servers."""
        from upcloud_sdk.resources.interfaces import Interfaces

        return Interfaces(self._core)

    @cached_property
    def ip_addresses(self) -> IpAddresses:
        """IP addresses, including floating ones."""
        from upcloud_sdk.resources.ip_addresses import IpAddresses

        return IpAddresses(self._core)

    @cached_property
    def leases(self) -> Leases:
        """Leases of servers and disks, and the reaper."""
        from upcloud_sdk.fleet.leases import Leases

        return Leases(self._fleet)

    @cached_property
    def network_interfaces(self) -> NetworkInterfaces:
        """Network interfaces without a server."""
        from upcloud_sdk.resources.network_interfaces import NetworkInterfaces

        return NetworkInterfaces(self._core)

    @cached_property
    def network_peerings(self) -> NetworkPeerings:
        """Connections between private networks."""
        from upcloud_sdk.resources.networks import NetworkPeerings

        return NetworkPeerings(self._core)

    @cached_property
    def networks(self) -> Networks:
        """Private networks and UpCloud's networks."""
        from upcloud_sdk.resources.networks import Networks

        return Networks(self._core)

    @cached_property
    def permissions(self) -> Permissions:
        """Permissions of sub-accounts."""
        from upcloud_sdk.resources.permissions import Permissions

        return Permissions(self._core)

    @cached_property
    def plans(self) -> PlansAndPrices:
        """Plans: sizes of servers."""
        from upcloud_sdk.pricing import PlansAndPrices

        return PlansAndPrices(self._core)

    @cached_property
    def prices(self) -> Prices:
        """Price lists and cost estimates."""
        from upcloud_sdk.pricing import Prices

        return Prices(self._core)

    @cached_property
    def routers(self) -> Routers:
        """Routers between networks."""
        from upcloud_sdk.resources.networks import Routers

        return Routers(self._core)

    @cached_property
    def server_firewall_rules(self) -> ServerFirewallRules:
        """Firewall rules of servers, through the ruleset service."""
        from upcloud_sdk.resources.server_firewall_rules import ServerFirewallRules

        return ServerFirewallRules(self._core)

    @cached_property
    def server_groups(self) -> ServerGroups:
        """Server groups, also for anti-affinity."""
        from upcloud_sdk.resources.server_groups import ServerGroups

        return ServerGroups(self._core)

    @cached_property
    def server_sizes(self) -> ServerSizes:
        """Valid cores and memory for custom sizes."""
        from upcloud_sdk.resources.catalog import ServerSizes

        return ServerSizes(self._core)

    @cached_property
    def servers(self) -> Servers:
        """Servers."""
        from upcloud_sdk.fleet.servers import Servers

        return Servers(self._core, lambda: self._fleet)

    @cached_property
    def storages(self) -> Storages:
        """Disks, templates, backups, CD-ROMs."""
        from upcloud_sdk.fleet.storages import Storages

        return Storages(self._core, lambda: self._fleet)

    @cached_property
    def tags(self) -> Tags:
        """Tags of servers."""
        from upcloud_sdk.resources.tags import Tags

        return Tags(self._core)

    @cached_property
    def timezones(self) -> Timezones:
        """Names of timezones."""
        from upcloud_sdk.resources.catalog import Timezones

        return Timezones(self._core)

    @cached_property
    def tokens(self) -> Tokens:
        """API tokens."""
        from upcloud_sdk.resources.tokens import Tokens

        return Tokens(self._core)

    @cached_property
    def vnc_keymaps(self) -> VncKeymaps:
        """Keyboard layouts of VNC consoles."""
        from upcloud_sdk.resources.catalog import VncKeymaps

        return VncKeymaps(self._core)

    @cached_property
    def zones(self) -> Zones:
        """Data centres."""
        from upcloud_sdk.resources.zones import Zones

        return Zones(self._core)
