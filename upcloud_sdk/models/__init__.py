"""Models of the API's answers and requests: plain, frozen data.

List methods return `*Summary`, `get` returns the short name. `create` takes `*Spec`, `modify` takes `*Changes`.
A dump or a pickle of an answer contains everything that the API sent, also secrets and unknown fields. A `repr`
contains neither.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from upcloud_sdk.models._names import MODULE_OF

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
    from upcloud_sdk.models.firewall import FirewallRule, FirewallRuleSpec
    from upcloud_sdk.models.firewall_words import FirewallAction, FirewallDirection
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
    # Each module of models costs milliseconds: only what is used is loaded. All of them at once take 0.4 of what httpx,
    # pydantic and anyio take together, which is over the limit of the first use (`docs/performance.md`).
    module = MODULE_OF.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(f"{__name__}.{module}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*__all__, *(name for name in globals() if name.startswith("__"))})
