"""What the API tells and what it is asked: plain, frozen data.

`*Summary` is what a list returns, the short name what `get` returns, `*Spec` what is created, `*Changes` what is
modified.
A dump or a pickle of an answer contains what the API sent, secrets and unknown fields included; a `repr` never does.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from upcloud_sdk.models.account import Account, ResourceLimits
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
    from upcloud_sdk.models.audit_logs import AuditLogEntry
    from upcloud_sdk.models.billing import BilledKind, BilledResource, BillingCategory, BillingDetail, BillingSummary
    from upcloud_sdk.models.catalog import (
        GpuAvailability,
        Plan,
        Price,
        ServerSize,
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
    from upcloud_sdk.models.server_requests import LoginUser, ServerChanges, ServerSpec, StorageDeviceSpec
    from upcloud_sdk.models.servers import (
        Device,
        Networking,
        Server,
        ServerAddress,
        ServerState,
        ServerSummary,
        StorageDevice,
    )
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
account: Account ResourceLimits
accounts: AccountDetails AccountSummary AccountType ServerAccess ServerAccessSpec SubAccountChanges
accounts: SubAccountSpec TagAccess TagAccessSpec
audit_logs: AuditLogEntry
billing: BilledKind BilledResource BillingCategory BillingDetail BillingSummary
catalog: GpuAvailability Plan Price ServerSize Zone ZoneDevices ZonePrices
firewall: FirewallAction FirewallDirection FirewallRule FirewallRuleSpec
groups: AntiAffinity AntiAffinityStatus Host HostChanges HostStat ServerGroup ServerGroupChanges
groups: ServerGroupSpec Tag TagChanges TagSpec
interfaces: AddressFamily Interface InterfaceAddress NetworkType
network_requests: DhcpRoutesConfigurationSpec InterfaceChanges IpAddressChanges IpAddressSpec IpNetworkSpec
network_requests: NetworkChanges NetworkPeeringChanges NetworkPeeringSpec NetworkSpec PeeringEnd RouterChanges
network_requests: RouterSpec RoutesAutoPopulationSpec StaticRouteSpec
networks: AttachedGateway AttachedNetwork DhcpRoutesConfiguration EffectiveRoute
networks: InterfaceAddressSpec InterfaceSpec IpAddress IpNetwork Network NetworkPeering
networks: NetworkServer PeeringNetwork PeeringState Router RoutesAutoPopulation StaticRoute
ownership: Ownership
permissions: Permission PermissionOptions PermissionOptionsSpec PermissionSpec PermissionTarget
server_requests: LoginUser ServerChanges ServerSpec StorageDeviceSpec
servers: Device Networking Server ServerAddress ServerState ServerSummary StorageDevice
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
    "AddressFamily",
    "AntiAffinity",
    "AntiAffinityStatus",
    "ApiToken",
    "ApiTokenSpec",
    "AttachedGateway",
    "AttachedNetwork",
    "AuditLogEntry",
    "BackupRule",
    "BackupRuleSpec",
    "BilledKind",
    "BilledResource",
    "BillingCategory",
    "BillingDetail",
    "BillingSummary",
    "Device",
    "DhcpRoutesConfiguration",
    "DhcpRoutesConfigurationSpec",
    "EffectiveRoute",
    "FirewallAction",
    "FirewallDirection",
    "FirewallRule",
    "FirewallRuleSpec",
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
    "InterfaceSpec",
    "IpAddress",
    "IpAddressChanges",
    "IpAddressSpec",
    "IpNetwork",
    "IpNetworkSpec",
    "LoginUser",
    "Network",
    "NetworkChanges",
    "NetworkPeering",
    "NetworkPeeringChanges",
    "NetworkPeeringSpec",
    "NetworkServer",
    "NetworkSpec",
    "NetworkType",
    "Networking",
    "Ownership",
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
    "ResourceLimits",
    "Router",
    "RouterChanges",
    "RouterSpec",
    "RoutesAutoPopulation",
    "RoutesAutoPopulationSpec",
    "Server",
    "ServerAccess",
    "ServerAccessSpec",
    "ServerAddress",
    "ServerChanges",
    "ServerGroup",
    "ServerGroupChanges",
    "ServerGroupSpec",
    "ServerSize",
    "ServerSpec",
    "ServerState",
    "ServerSummary",
    "StaticRoute",
    "StaticRouteSpec",
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
