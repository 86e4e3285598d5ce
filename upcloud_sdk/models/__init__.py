"""What the API tells and what it is asked: plain, frozen data.

`*Summary` is what a list returns, the short name what `get` returns, `*Spec` what is created, `*Changes` what is
modified.
A dump or a pickle of an answer contains what the API sent, secrets and unknown fields included; a `repr` never does.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from upcloud_sdk.models.account import (
        Account,
        AllFreeCredits,
        CreditsBreakdown,
        FreeCredits,
        PaidCredits,
        ResourceLimits,
    )
    from upcloud_sdk.models.accounts import (
        AccountDetails,
        AccountSummary,
        AccountType,
        ServerAccess,
        ServerAccessSpec,
        SubAccountChanges,
        SubAccountSpec,
        TagAccess,
        TagAccessSpec,
    )
    from upcloud_sdk.models.audit_logs import AuditLogEntry, AuditLogFilters
    from upcloud_sdk.models.billing import (
        BilledKind,
        BilledResource,
        BillingCategory,
        BillingDetail,
        BillingSummary,
        ResourceBilling,
    )
    from upcloud_sdk.models.catalog import (
        Currency,
        GpuAvailability,
        Plan,
        Price,
        ServerSize,
        ServerSizeLimits,
        Vlan,
        Zone,
        ZoneDevices,
        ZonePrices,
    )
    from upcloud_sdk.models.firewall import FirewallAction, FirewallDirection, FirewallRule, FirewallRuleSpec
    from upcloud_sdk.models.groups import (
        AntiAffinity,
        AntiAffinityStatus,
        Host,
        HostChanges,
        HostStat,
        ServerGroup,
        ServerGroupChanges,
        ServerGroupSpec,
        Tag,
        TagChanges,
        TagSpec,
    )
    from upcloud_sdk.models.interfaces import AddressFamily, Interface, InterfaceAddress, NetworkType
    from upcloud_sdk.models.network_interfaces import (
        AddressDelegation,
        InterfaceLabel,
        NetworkInterface,
        NetworkInterfaceSpec,
    )
    from upcloud_sdk.models.network_requests import (
        DhcpRoutesConfigurationSpec,
        InterfaceChanges,
        IpAddressChanges,
        IpAddressSpec,
        IpNetworkSpec,
        NetworkChanges,
        NetworkPeeringChanges,
        NetworkPeeringSpec,
        NetworkSpec,
        PeeringEnd,
        RouterChanges,
        RouterSpec,
        RoutesAutoPopulationSpec,
        StaticRouteSpec,
    )
    from upcloud_sdk.models.network_usage import CurrentNetworkUsage, NetworkUsage, ResourceNetworkUsage
    from upcloud_sdk.models.networks import (
        AttachedGateway,
        AttachedNetwork,
        DhcpRoutesConfiguration,
        EffectiveRoute,
        InterfaceAddressSpec,
        InterfaceSpec,
        IpAddress,
        IpNetwork,
        Network,
        NetworkPeering,
        NetworkServer,
        PeeringNetwork,
        PeeringState,
        Router,
        RoutesAutoPopulation,
        StaticRoute,
    )
    from upcloud_sdk.models.ownership import Ownership
    from upcloud_sdk.models.permissions import (
        Permission,
        PermissionOptions,
        PermissionOptionsSpec,
        PermissionSpec,
        PermissionTarget,
    )
    from upcloud_sdk.models.rulesets import (
        FirewallRuleset,
        FirewallRulesetChanges,
        FirewallRulesetRule,
        FirewallRulesetRuleChanges,
        FirewallRulesetRuleSpec,
        FirewallRulesetSpec,
        RulesetAttachment,
        RulesetMember,
        RulesetRelationship,
        RulesetServer,
    )
    from upcloud_sdk.models.server_details import Gpu, RemoteAccess, ServerLogEntry
    from upcloud_sdk.models.server_requests import (
        LoginUser,
        ServerChanges,
        ServerRebuildSpec,
        ServerSpec,
        StorageDeviceSpec,
    )
    from upcloud_sdk.models.servers import (
        Device,
        Networking,
        Server,
        ServerAddress,
        ServerState,
        ServerSummary,
        StorageDevice,
    )
    from upcloud_sdk.models.statistics import ServerStatistics, StatisticsPeriod, StatisticsSeries
    from upcloud_sdk.models.storage_imports import ImportSource, ImportState, StorageImport, UploadReceipt
    from upcloud_sdk.models.storage_requests import StorageChanges, StorageCloneSpec, StorageSpec
    from upcloud_sdk.models.storages import (
        BackupRule,
        BackupRuleSpec,
        Storage,
        StorageAccess,
        StorageState,
        StorageSummary,
        StorageType,
        TemplateType,
    )
    from upcloud_sdk.models.tiers import StorageTier
    from upcloud_sdk.models.tokens import ApiToken, ApiTokenSpec

_HOME = """
account: Account AllFreeCredits CreditsBreakdown FreeCredits PaidCredits ResourceLimits
accounts: AccountDetails AccountSummary AccountType ServerAccess ServerAccessSpec SubAccountChanges SubAccountSpec
accounts: TagAccess TagAccessSpec
audit_logs: AuditLogEntry AuditLogFilters
billing: BilledKind BilledResource BillingCategory BillingDetail BillingSummary ResourceBilling
catalog: Currency GpuAvailability Plan Price ServerSize ServerSizeLimits Vlan Zone ZoneDevices ZonePrices
firewall: FirewallAction FirewallDirection FirewallRule FirewallRuleSpec
groups: AntiAffinity AntiAffinityStatus Host HostChanges HostStat ServerGroup ServerGroupChanges ServerGroupSpec Tag
groups: TagChanges TagSpec
interfaces: AddressFamily Interface InterfaceAddress NetworkType
network_interfaces: AddressDelegation InterfaceLabel NetworkInterface NetworkInterfaceSpec
network_requests: DhcpRoutesConfigurationSpec InterfaceChanges IpAddressChanges IpAddressSpec IpNetworkSpec
network_requests: NetworkChanges NetworkPeeringChanges NetworkPeeringSpec NetworkSpec PeeringEnd RouterChanges
network_requests: RouterSpec RoutesAutoPopulationSpec StaticRouteSpec
network_usage: CurrentNetworkUsage NetworkUsage ResourceNetworkUsage
networks: AttachedGateway AttachedNetwork DhcpRoutesConfiguration EffectiveRoute InterfaceAddressSpec InterfaceSpec
networks: IpAddress IpNetwork Network NetworkPeering NetworkServer PeeringNetwork PeeringState Router
networks: RoutesAutoPopulation StaticRoute
ownership: Ownership
permissions: Permission PermissionOptions PermissionOptionsSpec PermissionSpec PermissionTarget
rulesets: FirewallRuleset FirewallRulesetChanges FirewallRulesetRule FirewallRulesetRuleChanges
rulesets: FirewallRulesetRuleSpec FirewallRulesetSpec RulesetAttachment RulesetMember RulesetRelationship
rulesets: RulesetServer
server_details: Gpu RemoteAccess ServerLogEntry
server_requests: LoginUser ServerChanges ServerRebuildSpec ServerSpec StorageDeviceSpec
servers: Device Networking Server ServerAddress ServerState ServerSummary StorageDevice
statistics: ServerStatistics StatisticsPeriod StatisticsSeries
storage_imports: ImportSource ImportState StorageImport UploadReceipt
storage_requests: StorageChanges StorageCloneSpec StorageSpec
storages: BackupRule BackupRuleSpec Storage StorageAccess StorageState StorageSummary StorageType TemplateType
tiers: StorageTier
tokens: ApiToken ApiTokenSpec
"""
_MODULE_OF = {
    name: module for module, _, names in (line.partition(": ") for line in _HOME.splitlines()) for name in names.split()
}

__all__ = [
    "Account",
    "AccountDetails",
    "AccountSummary",
    "AccountType",
    "AddressDelegation",
    "AddressFamily",
    "AllFreeCredits",
    "AntiAffinity",
    "AntiAffinityStatus",
    "ApiToken",
    "ApiTokenSpec",
    "AttachedGateway",
    "AttachedNetwork",
    "AuditLogEntry",
    "AuditLogFilters",
    "BackupRule",
    "BackupRuleSpec",
    "BilledKind",
    "BilledResource",
    "BillingCategory",
    "BillingDetail",
    "BillingSummary",
    "CreditsBreakdown",
    "Currency",
    "CurrentNetworkUsage",
    "Device",
    "DhcpRoutesConfiguration",
    "DhcpRoutesConfigurationSpec",
    "EffectiveRoute",
    "FirewallAction",
    "FirewallDirection",
    "FirewallRule",
    "FirewallRuleSpec",
    "FirewallRuleset",
    "FirewallRulesetChanges",
    "FirewallRulesetRule",
    "FirewallRulesetRuleChanges",
    "FirewallRulesetRuleSpec",
    "FirewallRulesetSpec",
    "FreeCredits",
    "Gpu",
    "GpuAvailability",
    "Host",
    "HostChanges",
    "HostStat",
    "ImportSource",
    "ImportState",
    "Interface",
    "InterfaceAddress",
    "InterfaceAddressSpec",
    "InterfaceChanges",
    "InterfaceLabel",
    "InterfaceSpec",
    "IpAddress",
    "IpAddressChanges",
    "IpAddressSpec",
    "IpNetwork",
    "IpNetworkSpec",
    "LoginUser",
    "Network",
    "NetworkChanges",
    "NetworkInterface",
    "NetworkInterfaceSpec",
    "NetworkPeering",
    "NetworkPeeringChanges",
    "NetworkPeeringSpec",
    "NetworkServer",
    "NetworkSpec",
    "NetworkType",
    "NetworkUsage",
    "Networking",
    "Ownership",
    "PaidCredits",
    "PeeringEnd",
    "PeeringNetwork",
    "PeeringState",
    "Permission",
    "PermissionOptions",
    "PermissionOptionsSpec",
    "PermissionSpec",
    "PermissionTarget",
    "Plan",
    "Price",
    "RemoteAccess",
    "ResourceBilling",
    "ResourceLimits",
    "ResourceNetworkUsage",
    "Router",
    "RouterChanges",
    "RouterSpec",
    "RoutesAutoPopulation",
    "RoutesAutoPopulationSpec",
    "RulesetAttachment",
    "RulesetMember",
    "RulesetRelationship",
    "RulesetServer",
    "Server",
    "ServerAccess",
    "ServerAccessSpec",
    "ServerAddress",
    "ServerChanges",
    "ServerGroup",
    "ServerGroupChanges",
    "ServerGroupSpec",
    "ServerLogEntry",
    "ServerRebuildSpec",
    "ServerSize",
    "ServerSizeLimits",
    "ServerSpec",
    "ServerState",
    "ServerStatistics",
    "ServerSummary",
    "StaticRoute",
    "StaticRouteSpec",
    "StatisticsPeriod",
    "StatisticsSeries",
    "Storage",
    "StorageAccess",
    "StorageChanges",
    "StorageCloneSpec",
    "StorageDevice",
    "StorageDeviceSpec",
    "StorageImport",
    "StorageSpec",
    "StorageState",
    "StorageSummary",
    "StorageTier",
    "StorageType",
    "SubAccountChanges",
    "SubAccountSpec",
    "Tag",
    "TagAccess",
    "TagAccessSpec",
    "TagChanges",
    "TagSpec",
    "TemplateType",
    "UploadReceipt",
    "Vlan",
    "Zone",
    "ZoneDevices",
    "ZonePrices",
]


def __getattr__(name: str) -> object:
    # Each module of models costs milliseconds: only what is used is loaded.
    module = _MODULE_OF.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(f"{__name__}.{module}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*__all__, *(name for name in globals() if name.startswith("__"))})
