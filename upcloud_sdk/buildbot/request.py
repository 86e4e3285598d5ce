"""What server a build wants: the worker's arguments with the build's values in them, and the specs made of these."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr

from upcloud_sdk import ServerSpec, StorageDeviceSpec
from upcloud_sdk.buildbot.arguments import (
    DEFAULT_DISK_SIZE,
    DEFAULT_PLAN,
    DEFAULT_TIER,
    DEFAULT_ZONE,
    host_problems,
    mapping,
)
from upcloud_sdk.buildbot.bootstrap import INSTALLS, WEBSOCKET, Bootstrap
from upcloud_sdk.models import InterfaceSpec, LoginUser, ServerGroupSpec

if TYPE_CHECKING:
    from upcloud_sdk.buildbot._buildbot_api import Properties
    from upcloud_sdk.buildbot.arguments import Arguments
    from upcloud_sdk.buildbot.bootstrap import Guest
    from upcloud_sdk.models import StorageSummary

Image = str | re.Pattern[str] | Callable[["StorageSummary"], bool] | Mapping[str, str]

MINIMUM_MEMORY = 1024
"""MiB: the smallest that a custom server may have."""
_OWN_TIER = ("DEV-", "STARTER-")
"""Plans that take disks of their own tier only."""


_RENDERED = (
    "image", "zone", "zones", "plans", "hostconfig", "bootstrap", "labels", "networks", "storages", "server_group",
    "firewall",
)  # fmt: skip
"""Arguments that each build decides."""


async def rendered(arguments: Arguments, properties: Properties) -> dict[str, Any]:
    """The arguments' values for a build with these properties."""
    values: dict[str, Any] = await properties.render({name: getattr(arguments, name) for name in _RENDERED})
    return values


@dataclass(frozen=True, kw_only=True)
class ServerRequest:
    """A server that is wanted. The same server serves two requests that are equal."""

    image: Image
    zones: tuple[str, ...]
    plans: tuple[str, ...]
    plan_is_given: bool
    """Whether the configuration has one. The default one is replaced where the account does not get it any more."""
    hostname: str | None
    host: tuple[tuple[str, Any], ...]
    """What else `hostconfig` says of the machine."""
    ssh_keys: tuple[str, ...]
    user_data: SecretStr
    bootstrap: Bootstrap | SecretStr | None
    """A document of our own, one with tokens to fill in, or none; `user_data` goes before it."""
    bootstrap_is_given: bool
    """Whether the configuration has one. The default one is left out on images without cloud-init."""
    labels: tuple[tuple[str, str], ...]
    networks: tuple[str | InterfaceSpec, ...] | None
    storages: tuple[StorageDeviceSpec, ...]
    server_group: str | ServerGroupSpec | None
    firewall: bool

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> ServerRequest:
        """The request that these values make: what `rendered` gave.

        Raises:
            ValueError: they make no server.
        """
        problems = list(host_problems(given["hostconfig"]))
        if problems:
            raise ValueError("; ".join(problems))
        host: dict[str, Any] = dict(given["hostconfig"] or {})
        zone = host.pop("zone", None) or given["zone"] or DEFAULT_ZONE
        plan = host.pop("plan", None)
        networks = given["networks"]
        return cls(
            image=given["image"],
            zones=tuple(given["zones"] or (zone,)),
            plans=tuple(given["plans"] or (plan or DEFAULT_PLAN,)),
            plan_is_given=bool(given["plans"] or plan),
            hostname=host.pop("hostname", None),
            ssh_keys=tuple(host.pop("ssh_keys", ())),
            user_data=SecretStr(host.pop("user_data", None) or ""),
            host=tuple(sorted(host.items())),
            bootstrap=bootstrap_of(given["bootstrap"]),
            bootstrap_is_given=given["bootstrap"] is not None,
            labels=tuple(sorted(mapping(given["labels"]).items())),
            networks=None if networks is None else tuple(networks),
            storages=tuple(given["storages"] or ()),
            server_group=given["server_group"],
            firewall=bool(given["firewall"]),
        )

    @property
    def is_by_websocket(self) -> bool:
        """Whether the guest calls its master by websocket, as far as the worker's own bootstrap decides that."""
        return isinstance(self.bootstrap, Bootstrap) and self.bootstrap.protocol == WEBSOCKET

    def image_key(self) -> Hashable:
        """Stands for the image among others."""
        if isinstance(self.image, str | re.Pattern) or callable(self.image):
            return self.image
        return tuple(sorted(mapping(self.image).items()))

    def template(self) -> str | re.Pattern[str] | Callable[[StorageSummary], bool]:
        """The image as `storages.find_template` takes it."""
        image = self.image
        if isinstance(image, str | re.Pattern) or callable(image):
            return image
        wanted = mapping(image).items()
        return lambda template: wanted <= template.labels.items()

    def specs(self, template: StorageSummary, *, title: str, guest: Guest) -> list[ServerSpec]:
        """The servers that would do, in the order in which they are wanted.

        Raises:
            ValueError: pydantic's ValidationError among them: no server can be made like that.
        """
        return [self._spec(template, zone, plan, title, guest) for zone in self.zones for plan in self.plans]

    def _spec(self, template: StorageSummary, zone: str, plan: str, title: str, guest: Guest) -> ServerSpec:
        host = dict(self.host)
        custom = plan == "custom"
        return ServerSpec(
            zone=zone,
            plan=plan,
            title=title,
            hostname=self.hostname or host_name(guest.name),
            core_number=host.get("core_number", 1) if custom else None,
            memory_amount=host.get("memory_amount", MINIMUM_MEMORY) if custom else None,
            storage_devices=(self._system_disk(template, plan, title), *self.storages),
            networking=None if self.networks is None else tuple(map(interface, self.networks)),
            login_user=LoginUser(username=host.get("username", "root"), ssh_keys=self.ssh_keys, create_password=False),
            metadata=host.get("metadata", template.template_type == "cloud-init"),
            user_data=SecretStr(document) if (document := self._document(template, guest)) else None,
            timezone=host.get("timezone"),
            labels=dict(self.labels) or None,
            server_group=self.server_group if isinstance(self.server_group, str) else None,
            firewall=self.firewall,
        )

    def _document(self, template: StorageSummary, guest: Guest) -> str:
        """What the guest runs at its first boot."""
        own, bootstrap = self.user_data.get_secret_value(), self.bootstrap
        if own or bootstrap is None:
            return own
        if isinstance(bootstrap, SecretStr):
            return guest.fill(bootstrap.get_secret_value())
        if template.template_type == "cloud-init":
            return bootstrap.document(guest)
        if self.bootstrap_is_given:
            raise ValueError(
                f"image {template.title!r} has no cloud-init, which the worker's own bootstrap needs: give a script as "
                "bootstrap or as hostconfig['user_data'], or bootstrap=False if its worker starts by itself"
            )
        return ""

    def _system_disk(self, template: StorageSummary, plan: str, title: str) -> StorageDeviceSpec:
        host = dict(self.host)
        size = host.get("os_disk_size") or max(DEFAULT_DISK_SIZE, template.size or 0)
        if size < (template.size or 0):
            raise ValueError(
                f"hostconfig['os_disk_size'] is {size} GB, but image {template.title!r} needs {template.size} GB"
            )
        tier = host.get("tier", None if plan.startswith(_OWN_TIER) else DEFAULT_TIER)
        disk = StorageDeviceSpec.clone(template.uuid, size=size, title=title, tier=tier)
        return disk if host.get("encrypted") is None else disk.model_copy(update={"encrypted": host["encrypted"]})


def bootstrap_of(given: Any) -> Bootstrap | SecretStr | None:  # noqa: ANN401 - rendered
    """What a rendered `bootstrap` means: a document of the worker's own making, one with tokens to fill in, or none."""
    if given is None:
        return Bootstrap()
    if given is False:
        return None
    if isinstance(given, Bootstrap):
        return given
    return Bootstrap(install=given) if given in INSTALLS else SecretStr(given)


def interface(network: str | InterfaceSpec) -> InterfaceSpec:
    """The interface that an item of `networks` means."""
    if isinstance(network, InterfaceSpec):
        return network
    match network:
        case "public":
            return InterfaceSpec.public()
        case "public-ipv6":
            return InterfaceSpec.public("IPv6")
        case "utility":
            return InterfaceSpec.utility()
        case _:
            return InterfaceSpec.private(network)


def host_name(worker: str) -> str:
    """A host name that is as close to a worker's name as the rules for host names allow."""
    return re.sub(r"[^A-Za-z0-9.-]+", "-", worker).strip("-.")[:63].rstrip("-.") or "buildbot"
