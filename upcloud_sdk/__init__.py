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
    async with cloud.servers.ephemeral(spec) as server:      # deleted with its disks when the block ends
        print(server.public_ipv4)
```

The client is `UpCloud`. Models are in `upcloud_sdk.models`, errors in `upcloud_sdk.errors`, an offline simulator of the
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
    from upcloud_sdk.events import EventLog
    from upcloud_sdk.fleet.leases import Lease
    from upcloud_sdk.fleet.reap import ReapReport
    from upcloud_sdk.images.image import Image
    from upcloud_sdk.images.recipe import Recipe
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
    "EventLog": "events",
    "Image": "images.image",
    "Lease": "fleet.leases",
    "RawAnswer": "client",
    "ReapReport": "fleet.reap",
    "Recipe": "images.recipe",
    "RetryPolicy": "_retry",
    "Token": "credentials",
    "UpCloud": "client",
    "WaitPolicy": "waiting",
}
"""Modules of the names that are not in `models`."""

_MODULES = ("errors", "events", "models")

__all__ = [
    "Basic",
    "EventLog",
    "FirewallRuleSpec",
    "Image",
    "InterfaceSpec",
    "IpAddressSpec",
    "IpNetworkSpec",
    "Lease",
    "LoginUser",
    "NetworkSpec",
    "RawAnswer",
    "ReapReport",
    "Recipe",
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
    # Modules are loaded when they are used, so that `import upcloud_sdk` is fast.
    if name in _MODULES:
        return import_module(f"{__name__}.{name}")
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(f"{__name__}.{_MODULE_OF.get(name, 'models')}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*__all__, *(name for name in globals() if name.startswith("__"))})
