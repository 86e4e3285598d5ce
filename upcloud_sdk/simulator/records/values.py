"""What the strings and numbers of records claim to be. Checked when records are loaded."""

from __future__ import annotations

from ipaddress import ip_address, ip_interface
from typing import TYPE_CHECKING, Annotated

from pydantic import AfterValidator, Field, StringConstraints

if TYPE_CHECKING:
    from collections.abc import Callable


def _readable(read: Callable[[str], object]) -> AfterValidator:
    def check(value: str) -> str:
        read(value)
        return value

    return AfterValidator(check)


def _one_of(*words: str) -> StringConstraints:
    return StringConstraints(pattern=f"^({'|'.join(words)})$")


Uuid = Annotated[str, StringConstraints(pattern="^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$")]
"""Guests name files and folders by it, so nothing else may pass."""
Mac = Annotated[str, StringConstraints(pattern="^[0-9a-f]{2}(:[0-9a-f]{2}){5}$")]
Address = Annotated[str, _readable(ip_address)]
AddressOrNone = Annotated[str, _readable(lambda value: value and ip_address(value))]
"""An address, or an empty string."""
Range = Annotated[str, _readable(ip_interface)]
HostName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9.-]{1,128}$")]
"""Part of a guest's environment and command line."""
Name = Annotated[str, StringConstraints(pattern="^[A-Za-z0-9_.-]{0,64}$")]
"""A plan, a model of a device: a name from a catalogue. May be empty."""
Zone = Annotated[str, StringConstraints(pattern="^[a-z][a-z0-9-]{0,14}[a-z0-9]$")]
Tier = Annotated[str, _one_of("hdd", "standard", "maxiops")]
NicModel = Annotated[str, _one_of("virtio", "e1000", "rtl8139")]
RouteType = Annotated[str, _one_of("user", "service")]
RouterType = Annotated[str, _one_of("normal", "service")]
YesNo = Annotated[str, _one_of("yes", "no")]
OnOff = Annotated[str, _one_of("on", "off")]
Family = Annotated[str, _one_of("IPv4", "IPv6")]
NetworkType = Annotated[str, _one_of("public", "utility", "private")]
ServerState = Annotated[str, _one_of("started", "stopped", "maintenance", "error")]
StorageState = Annotated[str, _one_of("online", "maintenance", "cloning", "backuping", "syncing", "error")]
ImportState = Annotated[
    str, _one_of("prepared", "pending", "importing", "completed", "failed", "cancelling", "cancelled")
]
StorageType = Annotated[str, _one_of("normal", "template", "backup", "cdrom")]
StorageAccess = Annotated[str, _one_of("public", "private")]
TemplateType = Annotated[str, _one_of("cloud-init", "native")]
DeviceType = Annotated[str, _one_of("disk", "cdrom")]
Flag = Annotated[str, _one_of("0", "1")]
ReleasePolicy = Annotated[str, _one_of("release", "keep")]
Ulid = Annotated[str, StringConstraints(pattern="^[0-9A-HJKMNP-TV-Z]{26}$")]
AuditAction = Annotated[
    str, _one_of("create", "read", "update", "delete", "attach", "clone", "detach", "start", "stop")
]
AuditedType = Annotated[str, _one_of("account", "auth", "server", "storage")]
Moment = Annotated[float, Field(ge=0, le=250_000_000_000)]
"""Seconds since 1970. The last ones are in the year 9892."""
Count = Annotated[int, Field(ge=0, le=2**63 - 1)]
