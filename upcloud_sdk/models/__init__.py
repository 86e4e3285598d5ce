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
    from upcloud_sdk.models.catalog import Plan, StorageTier, Zone
    from upcloud_sdk.models.networks import (
        AddressFamily,
        Interface,
        InterfaceAddress,
        InterfaceAddressSpec,
        InterfaceSpec,
        NetworkType,
    )
    from upcloud_sdk.models.ownership import Ownership
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

_HOME = {
    "account": ("Account", "ResourceLimits"),
    "catalog": ("Plan", "StorageTier", "Zone"),
    "networks": (
        "AddressFamily",
        "Interface",
        "InterfaceAddress",
        "InterfaceAddressSpec",
        "InterfaceSpec",
        "NetworkType",
    ),
    "ownership": ("Ownership",),
    "server_requests": ("LoginUser", "ServerChanges", "ServerSpec", "StorageDeviceSpec"),
    "servers": (
        "Device",
        "Networking",
        "Server",
        "ServerAddress",
        "ServerState",
        "ServerSummary",
        "StorageDevice",
    ),
    "storages": (
        "BackupRule",
        "BackupRuleSpec",
        "Storage",
        "StorageAccess",
        "StorageState",
        "StorageSummary",
        "StorageType",
        "TemplateType",
    ),
}
_MODULE_OF = {name: module for module, names in _HOME.items() for name in names}

__all__ = [
    "Account",
    "AddressFamily",
    "BackupRule",
    "BackupRuleSpec",
    "Device",
    "Interface",
    "InterfaceAddress",
    "InterfaceAddressSpec",
    "InterfaceSpec",
    "LoginUser",
    "NetworkType",
    "Networking",
    "Ownership",
    "Plan",
    "ResourceLimits",
    "Server",
    "ServerAddress",
    "ServerChanges",
    "ServerSpec",
    "ServerState",
    "ServerSummary",
    "Storage",
    "StorageAccess",
    "StorageDevice",
    "StorageDeviceSpec",
    "StorageState",
    "StorageSummary",
    "StorageTier",
    "StorageType",
    "TemplateType",
    "Zone",
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
    return sorted({*globals(), *__all__})
