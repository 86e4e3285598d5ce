"""The server that a build needs: the worker's arguments with the build's values, and the specs made from them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr

from upcloud_sdk import ServerSpec, StorageDeviceSpec
from upcloud_sdk.buildbot.configuration.arguments import (
    DEFAULT_DISK_SIZE,
    DEFAULT_PLAN,
    DEFAULT_PLAN_HAS,
    DEFAULT_TIER,
    DEFAULT_ZONE,
    MISSING_IMAGE,
    is_missing,
)
from upcloud_sdk.buildbot.configuration.bootstrap import INSTALLS, WEBSOCKET, Bootstrap
from upcloud_sdk.buildbot.configuration.values import mapping
from upcloud_sdk.ci import JobServer, ServerChoice
from upcloud_sdk.models import InterfaceSpec, LoginUser
from upcloud_sdk.models.ownership import IMAGE

if TYPE_CHECKING:
    from upcloud_sdk.buildbot.configuration.arguments import Arguments
    from upcloud_sdk.buildbot.configuration.bootstrap import Guest
    from upcloud_sdk.models import StorageSummary

MINIMUM_MEMORY = 1024
"""The minimum memory of a custom server, in MiB."""
_OWN_TIER = ("DEV-", "STARTER-")
"""Plans whose disks have a tier of their own."""


@dataclass(frozen=True, kw_only=True)
class ServerRequest(ServerChoice):
    """The server that a build needs. Builds with equal requests can share a server."""

    hostname: str | None
    host: tuple[tuple[str, Any], ...]
    """The other keys of `hostconfig`."""
    ssh_keys: tuple[str, ...]
    user_data: SecretStr
    bootstrap: Bootstrap | SecretStr | None
    """The worker's own document, a document with tokens, or none. `user_data` replaces it."""
    bootstrap_is_given: bool
    """Whether the configuration has a bootstrap. On images without cloud-init, the default one is left out."""
    labels: tuple[tuple[str, str], ...]
    networks: tuple[str | InterfaceSpec, ...] | None
    storages: tuple[StorageDeviceSpec, ...]
    firewall: bool

    @classmethod
    def of(cls, given: Arguments) -> ServerRequest:
        """The request for these values, from `Arguments.rendered`.

        Raises:
            ValueError: these values make no valid server.
        """
        if is_missing(given.image):
            raise ValueError(MISSING_IMAGE)
        host: dict[str, Any] = dict(given.hostconfig or {})
        host.pop("zone", None)
        plan = host.pop("plan", None)
        return cls(
            image=given.image,
            zones=zones_of(given),
            plans=tuple(given.plans or (plan or DEFAULT_PLAN,)),
            replaced_by=None if given.plans or plan else DEFAULT_PLAN_HAS,
            hostname=host.pop("hostname", None),
            ssh_keys=tuple(host.pop("ssh_keys", None) or ()),
            user_data=SecretStr(host.pop("user_data", None) or ""),
            host=tuple(sorted(host.items())),
            bootstrap=bootstrap_of(given.bootstrap),
            bootstrap_is_given=given.bootstrap is not None,
            labels=tuple(sorted(mapping(given.labels).items())),
            networks=given.networks,
            storages=tuple(given.storages or ()),
            server_group=given.server_group,
            firewall=bool(given.firewall),
            refresh=given.refresh,
        )

    @property
    def is_by_websocket(self) -> bool:
        """Whether the worker's own bootstrap connects by websocket."""
        return isinstance(self.bootstrap, Bootstrap) and self.bootstrap.protocol == WEBSOCKET

    @property
    def hides_password(self) -> bool:
        """Whether builds cannot read the password in their guest, if they cannot read its metadata."""
        own = self.user_data.get_secret_value()
        return isinstance(self.bootstrap, Bootstrap) and self.bootstrap.user != "root" and not own

    def specs(self, template: StorageSummary, *, title: str, guest: Guest) -> list[ServerSpec]:
        """The specs of possible servers, in the order in which they are tried.

        Raises:
            ValueError: no server can be created with these values. Includes pydantic's ValidationError.
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
        """The document that the guest runs at its first boot."""
        own, bootstrap = self.user_data.get_secret_value(), self.bootstrap
        is_base = self.recipe is not None and template.labels.get(IMAGE) != self.recipe.digest
        if is_base and (own or not isinstance(bootstrap, Bootstrap)):
            raise ValueError("the image of a Recipe is not there yet, and only a Bootstrap can run its commands")
        if own or bootstrap is None:
            return own
        if isinstance(bootstrap, SecretStr):
            return guest.fill(bootstrap.get_secret_value())
        if template.template_type == "cloud-init":
            if is_base and self.recipe is not None:
                bootstrap = bootstrap.with_recipe(self.recipe)
            return bootstrap.document(guest)
        if self.bootstrap_is_given:
            raise ValueError(
                f"image {template.title!r} has no cloud-init, which the worker's own bootstrap needs: give a script as "
                "bootstrap or as hostconfig['user_data'], or bootstrap=False if its worker starts by itself"
            )
        return ""

    def _system_disk(self, template: StorageSummary, plan: str, title: str) -> StorageDeviceSpec:
        host = dict(self.host)
        wanted = (self.recipe.size if self.recipe is not None else None) or DEFAULT_DISK_SIZE
        size = host.get("os_disk_size") or max(wanted, template.size or 0)
        if size < (template.size or 0):
            raise ValueError(
                f"hostconfig['os_disk_size'] is {size} GB, but image {template.title!r} needs {template.size} GB"
            )
        tier = host.get("tier", None if plan.startswith(_OWN_TIER) else DEFAULT_TIER)
        disk = StorageDeviceSpec.clone(template.uuid, size=size, title=title, tier=tier)
        return disk if host.get("encrypted") is None else disk.model_copy(update={"encrypted": host["encrypted"]})


BuildServer = JobServer[ServerRequest]
"""The server of a worker's builds."""


def zones_of(given: Arguments) -> tuple[str, ...]:
    """The zones for these values."""
    host: dict[str, Any] = dict(given.hostconfig or {})
    return tuple(given.zones or (host.get("zone") or given.zone or DEFAULT_ZONE,))


def bootstrap_of(given: Any) -> Bootstrap | SecretStr | None:  # noqa: ANN401 - rendered
    """Read a rendered `bootstrap`: the worker's own document, a document with tokens, or none."""
    if given is None:
        return Bootstrap()
    if given is False:
        return None
    if isinstance(given, Bootstrap):
        return given
    return Bootstrap(install=given) if given in INSTALLS else SecretStr(given)


def interface(network: str | InterfaceSpec) -> InterfaceSpec:
    """The interface for an item of `networks`."""
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
    """The worker's name, without characters that host names do not allow."""
    return re.sub(r"[^A-Za-z0-9.-]+", "-", worker).strip("-.")[:63].rstrip("-.") or "buildbot"
