"""Async Python SDK for UpCloud servers.

```python
from upcloud_sdk import LoginUser, ServerSpec, StorageDeviceSpec, UpCloud

async with UpCloud() as cloud:
    debian = await cloud.storages.find_template("Debian GNU/Linux 12 (Bookworm)")
    spec = ServerSpec(
        zone="fi-hel1", plan="PREMIUM-1xCPU-1GB", hostname="build-1", title="build-1",
        storage_devices=[StorageDeviceSpec.clone(debian.uuid, size=25)],
        login_user=LoginUser(ssh_keys=["ssh-ed25519 AAAA me@example.com"]), metadata=True,
    )
    async with cloud.servers.ephemeral(spec) as server:      # gone, with its disks, however the block ends
        print(server.public_ipv4)
```

The client is `UpCloud`; models are in `upcloud_sdk.models`, errors in `upcloud_sdk.errors`, an offline simulator of the
API in `upcloud_sdk.simulator`, a Buildbot worker in `upcloud_sdk.buildbot`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from upcloud_sdk._version import __version__

if TYPE_CHECKING:
    from upcloud_sdk import errors, events, models
    from upcloud_sdk._retry import RetryPolicy
    from upcloud_sdk.client import RawAnswer, UpCloud
    from upcloud_sdk.credentials import Basic, Token
    from upcloud_sdk.fleet.leases import Lease
    from upcloud_sdk.fleet.reap import ReapReport
    from upcloud_sdk.models import (
        FirewallRuleSpec,
        InterfaceSpec,
        IpAddressSpec,
        IpNetworkSpec,
        LoginUser,
        NetworkSpec,
        Server,
        ServerChanges,
        ServerSpec,
        ServerState,
        Storage,
        StorageChanges,
        StorageCloneSpec,
        StorageDeviceSpec,
        StorageSpec,
        StorageState,
    )
    from upcloud_sdk.waiting import WaitPolicy

_MODULE_OF = {
    "Basic": "credentials",
    "FirewallRuleSpec": "models",
    "InterfaceSpec": "models",
    "IpAddressSpec": "models",
    "IpNetworkSpec": "models",
    "Lease": "fleet.leases",
    "LoginUser": "models",
    "NetworkSpec": "models",
    "RawAnswer": "client",
    "ReapReport": "fleet.reap",
    "RetryPolicy": "_retry",
    "Server": "models",
    "ServerChanges": "models",
    "ServerSpec": "models",
    "ServerState": "models",
    "Storage": "models",
    "StorageChanges": "models",
    "StorageCloneSpec": "models",
    "StorageDeviceSpec": "models",
    "StorageSpec": "models",
    "StorageState": "models",
    "Token": "credentials",
    "UpCloud": "client",
    "WaitPolicy": "waiting",
}
_MODULES = ("errors", "events", "models")

__all__ = [
    "Basic",
    "FirewallRuleSpec",
    "InterfaceSpec",
    "IpAddressSpec",
    "IpNetworkSpec",
    "Lease",
    "LoginUser",
    "NetworkSpec",
    "RawAnswer",
    "ReapReport",
    "RetryPolicy",
    "Server",
    "ServerChanges",
    "ServerSpec",
    "ServerState",
    "Storage",
    "StorageChanges",
    "StorageCloneSpec",
    "StorageDeviceSpec",
    "StorageSpec",
    "StorageState",
    "Token",
    "UpCloud",
    "WaitPolicy",
    "__version__",
    "errors",
    "events",
    "models",
]


def __getattr__(name: str) -> object:
    # `import upcloud_sdk` costs nothing by itself: what is used is loaded when it is.
    if name in _MODULES:
        return import_module(f"{__name__}.{name}")
    module = _MODULE_OF.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(f"{__name__}.{module}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*__all__, *(name for name in globals() if name.startswith("__"))})
