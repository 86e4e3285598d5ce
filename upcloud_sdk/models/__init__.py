"""Models of the API's answers and requests: plain, frozen data.

List methods return `*Summary`, `get` returns the short name. `create` takes `*Spec`, `modify` takes `*Changes`.
A dump or a pickle of an answer contains everything that the API sent, also secrets and unknown fields. A `repr`
contains neither.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    # `as`: the names are exported. A test compares them with the table below.
    from upcloud_sdk.models.account import (
        Account as Account,
        AllFreeCredits as AllFreeCredits,
        CreditsBreakdown as CreditsBreakdown,
        FreeCredits as FreeCredits,
        PaidCredits as PaidCredits,
        ResourceLimits as ResourceLimits,
    )
    from upcloud_sdk.models.accounts import (
        AccountDetails as AccountDetails,
        AccountSummary as AccountSummary,
        AccountType as AccountType,
        ServerAccess as ServerAccess,
        ServerAccessSpec as ServerAccessSpec,
        SubAccountChanges as SubAccountChanges,
        SubAccountSpec as SubAccountSpec,
        TagAccess as TagAccess,
        TagAccessSpec as TagAccessSpec,
    )
    from upcloud_sdk.models.audit_logs import AuditLogEntry as AuditLogEntry, AuditLogFilters as AuditLogFilters
    from upcloud_sdk.models.billing import (
        BilledKind as BilledKind,
        BilledResource as BilledResource,
        BillingCategory as BillingCategory,
        BillingDetail as BillingDetail,
        BillingSummary as BillingSummary,
        ResourceBilling as ResourceBilling,
    )
    from upcloud_sdk.models.catalog import (
        Currency as Currency,
        GpuAvailability as GpuAvailability,
        Plan as Plan,
        Price as Price,
        ServerSize as ServerSize,
        ServerSizeLimits as ServerSizeLimits,
        Vlan as Vlan,
        Zone as Zone,
        ZoneDevices as ZoneDevices,
        ZonePrices as ZonePrices,
    )
    from upcloud_sdk.models.firewall import FirewallRule as FirewallRule, FirewallRuleSpec as FirewallRuleSpec
    from upcloud_sdk.models.firewall_words import (
        FirewallAction as FirewallAction,
        FirewallDirection as FirewallDirection,
    )
    from upcloud_sdk.models.groups import (
        AntiAffinity as AntiAffinity,
        AntiAffinityStatus as AntiAffinityStatus,
        Host as Host,
        HostChanges as HostChanges,
        HostStat as HostStat,
        ServerGroup as ServerGroup,
        ServerGroupChanges as ServerGroupChanges,
        ServerGroupSpec as ServerGroupSpec,
        Tag as Tag,
        TagChanges as TagChanges,
        TagSpec as TagSpec,
    )
    from upcloud_sdk.models.interfaces import (
        AddressFamily as AddressFamily,
        Interface as Interface,
        InterfaceAddress as InterfaceAddress,
        NetworkType as NetworkType,
    )
    from upcloud_sdk.models.network_interfaces import (
        AddressDelegation as AddressDelegation,
        InterfaceLabel as InterfaceLabel,
        NetworkInterface as NetworkInterface,
        NetworkInterfaceSpec as NetworkInterfaceSpec,
    )
    from upcloud_sdk.models.network_requests import (
        DhcpRoutesConfigurationSpec as DhcpRoutesConfigurationSpec,
        InterfaceChanges as InterfaceChanges,
        IpAddressChanges as IpAddressChanges,
        IpAddressSpec as IpAddressSpec,
        IpNetworkSpec as IpNetworkSpec,
        NetworkChanges as NetworkChanges,
        NetworkPeeringChanges as NetworkPeeringChanges,
        NetworkPeeringSpec as NetworkPeeringSpec,
        NetworkSpec as NetworkSpec,
        PeeringEnd as PeeringEnd,
        RouterChanges as RouterChanges,
        RouterSpec as RouterSpec,
        RoutesAutoPopulationSpec as RoutesAutoPopulationSpec,
        StaticRouteSpec as StaticRouteSpec,
    )
    from upcloud_sdk.models.network_usage import (
        CurrentNetworkUsage as CurrentNetworkUsage,
        NetworkUsage as NetworkUsage,
        ResourceNetworkUsage as ResourceNetworkUsage,
    )
    from upcloud_sdk.models.networks import (
        AttachedGateway as AttachedGateway,
        AttachedNetwork as AttachedNetwork,
        DhcpRoutesConfiguration as DhcpRoutesConfiguration,
        EffectiveRoute as EffectiveRoute,
        InterfaceAddressSpec as InterfaceAddressSpec,
        InterfaceSpec as InterfaceSpec,
        IpAddress as IpAddress,
        IpNetwork as IpNetwork,
        Network as Network,
        NetworkPeering as NetworkPeering,
        NetworkServer as NetworkServer,
        PeeringNetwork as PeeringNetwork,
        PeeringState as PeeringState,
        Router as Router,
        RoutesAutoPopulation as RoutesAutoPopulation,
        StaticRoute as StaticRoute,
    )
    from upcloud_sdk.models.ownership import Ownership as Ownership
    from upcloud_sdk.models.permissions import (
        Permission as Permission,
        PermissionOptions as PermissionOptions,
        PermissionOptionsSpec as PermissionOptionsSpec,
        PermissionSpec as PermissionSpec,
        PermissionTarget as PermissionTarget,
    )
    from upcloud_sdk.models.rulesets import (
        FirewallRuleset as FirewallRuleset,
        FirewallRulesetChanges as FirewallRulesetChanges,
        FirewallRulesetRule as FirewallRulesetRule,
        FirewallRulesetRuleChanges as FirewallRulesetRuleChanges,
        FirewallRulesetRuleSpec as FirewallRulesetRuleSpec,
        FirewallRulesetSpec as FirewallRulesetSpec,
        RulesetAttachment as RulesetAttachment,
        RulesetMember as RulesetMember,
        RulesetRelationship as RulesetRelationship,
        RulesetServer as RulesetServer,
    )
    from upcloud_sdk.models.server_details import (
        Gpu as Gpu,
        RemoteAccess as RemoteAccess,
        ServerLogEntry as ServerLogEntry,
    )
    from upcloud_sdk.models.server_requests import (
        LoginUser as LoginUser,
        ServerChanges as ServerChanges,
        ServerRebuildSpec as ServerRebuildSpec,
        ServerSpec as ServerSpec,
        StorageDeviceSpec as StorageDeviceSpec,
    )
    from upcloud_sdk.models.servers import (
        Device as Device,
        Networking as Networking,
        Server as Server,
        ServerAddress as ServerAddress,
        ServerState as ServerState,
        ServerSummary as ServerSummary,
        StorageDevice as StorageDevice,
    )
    from upcloud_sdk.models.statistics import (
        ServerStatistics as ServerStatistics,
        StatisticsPeriod as StatisticsPeriod,
        StatisticsSeries as StatisticsSeries,
    )
    from upcloud_sdk.models.storage_imports import (
        ImportSource as ImportSource,
        ImportState as ImportState,
        StorageImport as StorageImport,
        UploadReceipt as UploadReceipt,
    )
    from upcloud_sdk.models.storage_requests import (
        StorageChanges as StorageChanges,
        StorageCloneSpec as StorageCloneSpec,
        StorageSpec as StorageSpec,
    )
    from upcloud_sdk.models.storages import (
        BackupRule as BackupRule,
        BackupRuleSpec as BackupRuleSpec,
        Storage as Storage,
        StorageAccess as StorageAccess,
        StorageState as StorageState,
        StorageSummary as StorageSummary,
        StorageType as StorageType,
        TemplateType as TemplateType,
    )
    from upcloud_sdk.models.tiers import StorageTier as StorageTier
    from upcloud_sdk.models.tokens import ApiToken as ApiToken, ApiTokenSpec as ApiTokenSpec

_NAMES = """
account Account AllFreeCredits CreditsBreakdown FreeCredits PaidCredits ResourceLimits
accounts AccountDetails AccountSummary AccountType ServerAccess ServerAccessSpec SubAccountChanges SubAccountSpec
accounts TagAccess TagAccessSpec
audit_logs AuditLogEntry AuditLogFilters
billing BilledKind BilledResource BillingCategory BillingDetail BillingSummary ResourceBilling
catalog Currency GpuAvailability Plan Price ServerSize ServerSizeLimits Vlan Zone ZoneDevices ZonePrices
firewall FirewallRule FirewallRuleSpec
firewall_words FirewallAction FirewallDirection
groups AntiAffinity AntiAffinityStatus Host HostChanges HostStat ServerGroup ServerGroupChanges ServerGroupSpec Tag
groups TagChanges TagSpec
interfaces AddressFamily Interface InterfaceAddress NetworkType
network_interfaces AddressDelegation InterfaceLabel NetworkInterface NetworkInterfaceSpec
network_requests DhcpRoutesConfigurationSpec InterfaceChanges IpAddressChanges IpAddressSpec IpNetworkSpec
network_requests NetworkChanges NetworkPeeringChanges NetworkPeeringSpec NetworkSpec PeeringEnd RouterChanges
network_requests RouterSpec RoutesAutoPopulationSpec StaticRouteSpec
network_usage CurrentNetworkUsage NetworkUsage ResourceNetworkUsage
networks AttachedGateway AttachedNetwork DhcpRoutesConfiguration EffectiveRoute InterfaceAddressSpec InterfaceSpec
networks IpAddress IpNetwork Network NetworkPeering NetworkServer PeeringNetwork PeeringState Router
networks RoutesAutoPopulation StaticRoute
ownership Ownership
permissions Permission PermissionOptions PermissionOptionsSpec PermissionSpec PermissionTarget
rulesets FirewallRuleset FirewallRulesetChanges FirewallRulesetRule FirewallRulesetRuleChanges FirewallRulesetRuleSpec
rulesets FirewallRulesetSpec RulesetAttachment RulesetMember RulesetRelationship RulesetServer
server_details Gpu RemoteAccess ServerLogEntry
server_requests LoginUser ServerChanges ServerRebuildSpec ServerSpec StorageDeviceSpec
servers Device Networking Server ServerAddress ServerState ServerSummary StorageDevice
statistics ServerStatistics StatisticsPeriod StatisticsSeries
storage_imports ImportSource ImportState StorageImport UploadReceipt
storage_requests StorageChanges StorageCloneSpec StorageSpec
storages BackupRule BackupRuleSpec Storage StorageAccess StorageState StorageSummary StorageType TemplateType
tiers StorageTier
tokens ApiToken ApiTokenSpec
"""
"""The names of each module, which is loaded when one of them is used."""

_MODULE_OF = {name: module for module, *names in map(str.split, _NAMES.strip().splitlines()) for name in names}

__all__ = [*sorted(_MODULE_OF)]  # pyright: ignore[reportUnsupportedDunderAll]  # type checkers read the imports above


def __getattr__(name: str) -> object:
    # Each module of models costs milliseconds: only what is used is loaded. All of them at once take 0.4 of what httpx,
    # pydantic and anyio take together, which is over the limit of the first use (`docs/performance.md`).
    module = _MODULE_OF.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(f"{__name__}.{module}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*__all__, *(name for name in globals() if name.startswith("__"))})
