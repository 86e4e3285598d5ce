"""What can be asked of servers. Chapter "Servers" of the API."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from upcloud_sdk._wire import (
    BareLabels,
    Changes,
    Flag,
    Request,
    Switch,
    Uuid,
    UuidText,
    WireSecret,
    Words,
    Wrapped,
    WrappedLabels,
    at_most,
    uuid_of,
)
from upcloud_sdk.models.fields import BootOrder, Hostname, SimpleBackup, Size, Tier, Title, check_labels
from upcloud_sdk.models.keys import PublicKey
from upcloud_sdk.models.networks import InterfaceSpec
from upcloud_sdk.models.storages import BackupRuleSpec

if TYPE_CHECKING:
    from collections.abc import Iterable


class LoginUser(Request):
    """The user that is made in the guest at its first boot."""

    username: str = "root"
    ssh_keys: Annotated[Sequence[PublicKey], Wrapped("ssh_key")] = ()
    """Public keys, one line each, or paths of files with one: `Path("~/.ssh/id_ed25519.pub")`, read at once."""
    create_password: Flag = False
    """Whether a password is made and comes back in the answer; not on cloud-init templates."""


class StorageDeviceSpec(Request):
    """A disk or CD-ROM that a server is made with: see `clone`, `create`, `attach`."""

    action: Literal["create", "clone", "attach"]
    storage: UuidText | None = None
    """Uuid of what is cloned or attached; a title is not taken here (`storages.find_template` finds one by its
    title)."""
    title: Title | None = None
    """Of the new disk; None: made from the server's title."""
    size: Size | None = None
    """GB, 1 to 4096; of a clone None: the template's own size."""
    tier: Tier | None = None
    """None: the plan's own tier."""
    type: Annotated[Literal["disk", "cdrom"], Words()] | None = None
    address: str | None = None
    """Such as `virtio:1`; a bare bus (`virtio`) means its next free address. None: the API chooses."""
    encrypted: Flag | None = None
    """Whether the disk is encrypted at rest; cannot be changed later. API's default: no."""
    backup_rule: BackupRuleSpec | None = None
    labels: BareLabels | None = None

    @classmethod
    def clone(cls, uuid: Uuid, *, size: int | None = None, title: str | None = None, tier: Tier | None = None) -> Self:
        """A new disk with the contents of a template or another disk; `size` in GB, the source's own if None."""
        return cls(action="clone", storage=uuid_of(uuid), size=size, title=title, tier=tier)

    @classmethod
    def create(cls, *, size: int, title: str | None = None, tier: Tier | None = None) -> Self:
        """A new, empty disk of `size` GB."""
        return cls(action="create", size=size, title=title, tier=tier)

    @classmethod
    def attach(cls, uuid: Uuid) -> Self:
        """A disk that exists. It is not the server's own: `destroy` leaves it alone."""
        return cls(action="attach", storage=uuid_of(uuid))

    @model_validator(mode="after")
    def _fits_its_action(self) -> Self:
        if self.action == "create" and self.size is None:
            raise ValueError("a disk that is created needs `size`, in GB")
        if self.action == "create" and self.storage is not None:
            raise ValueError("a disk that is created has no `storage`: use StorageDeviceSpec.clone to copy one")
        if self.action != "create" and not self.storage:
            done = "cloned" if self.action == "clone" else "attached"
            raise ValueError(f"a disk to {self.action} needs `storage`, the uuid of what is {done}")
        if self.action == "attach" and (self.size is not None or self.tier is not None):
            raise ValueError("a disk that is attached keeps its size and tier: leave them out")
        if self.labels:
            check_labels(self.labels)
        return self


class _ServerFields(Changes):
    @field_validator("labels", check_fields=False)
    @classmethod
    def _labels_are_valid(cls, labels: dict[str, str] | None) -> dict[str, str] | None:
        if labels:
            check_labels(labels)
        return labels


class ServerSpec(Request):
    """A server to be made."""

    zone: Annotated[str, Field(min_length=1)]
    """Id of a zone, such as `fi-hel1`."""
    hostname: Hostname
    title: Title
    storage_devices: Annotated[
        Sequence[StorageDeviceSpec],
        Wrapped("storage_device"),
        Field(min_length=1),
        at_most(16, "storages"),
    ]
    """1 to 16 disks and CD-ROMs."""
    plan: Annotated[str, Field(min_length=1)] = "custom"
    """Name of a plan, or `custom` with `core_number` and `memory_amount`."""
    core_number: int | None = Field(default=None, ge=1)
    memory_amount: int | None = Field(default=None, ge=512)
    """MiB."""
    networking: Annotated[Sequence[InterfaceSpec], Wrapped("interfaces", "interface")] | None = None
    """None: the API's own choice of public IPv4, public IPv6 and utility."""
    login_user: LoginUser | None = None
    """None: `root`, with a password that comes back in the answer where the template allows one."""
    password_delivery: Annotated[Literal["none", "email", "sms"], Words()] = "none"  # noqa: S105 - no password: a way of delivery
    metadata: Flag = False
    """Whether the guest can read the metadata service. Cloud-init templates need it."""
    user_data: WireSecret | None = Field(default=None, repr=False)
    """A script or a cloud-config document that the guest runs at its first boot, or the URL of one."""
    firewall: Switch = False
    boot_order: BootOrder | None = None
    """`disk`, `cdrom`, `network`, or several with commas. API's default: `disk`."""
    nic_model: Annotated[Literal["virtio", "e1000", "rtl8139"], Words()] | None = None
    video_model: Annotated[Literal["vga", "cirrus"], Words()] | None = None
    timezone: str | None = None
    """A name from `timezones.list()`. API's default: `UTC`."""
    simple_backup: SimpleBackup | None = None
    """`no`, or `HHMM,plan` with a plan of `daily`, `dailies`, `weeklies`, `monthlies`."""
    labels: WrappedLabels | None = None
    server_group: UuidText | None = None
    """Uuid of a server group."""
    host: int | None = None
    """Id of a host, in private clouds."""
    avoid_host: int | None = None
    """Id of a host that it shall not be on."""
    remote_access_enabled: Flag | None = None
    remote_access_type: Annotated[Literal["vnc"], Words()] | None = None
    remote_access_password: WireSecret | None = None
    vnc_keymap: str | None = None
    """A name from `vnc_keymaps.list()`."""

    @field_validator("labels")
    @classmethod
    def _labels_are_valid(cls, labels: dict[str, str] | None) -> dict[str, str] | None:
        if labels:
            check_labels(labels)
        return labels

    @model_validator(mode="after")
    def _size_fits_plan(self) -> Self:
        own_size = (self.core_number, self.memory_amount)
        if self.plan == "custom" and None in own_size:
            raise ValueError(
                "give a `plan`, or both `core_number` and `memory_amount` (MiB) for a server of a custom size"
            )
        if self.plan != "custom" and own_size != (None, None):
            raise ValueError(
                f"plan {self.plan!r} fixes cores and memory: leave out core_number and memory_amount, "
                "or say plan='custom'"
            )
        return self

    def variants(self, *, zones: Iterable[str] | None = None, plans: Iterable[str] | None = None) -> tuple[Self, ...]:
        """This spec for each zone and, within it, each plan, in order: what `create` and `ephemeral` try in turn."""
        if isinstance(zones, str) or isinstance(plans, str):
            raise TypeError("zones and plans are sequences of names: write zones=['fi-hel1']")
        specs: list[Self] = []
        for zone in [self.zone] if zones is None else zones:
            for plan in [self.plan] if plans is None else plans:
                size = {} if plan == self.plan else {"core_number": None, "memory_amount": None}
                fields = {name: getattr(self, name) for name in self.model_fields_set}
                specs.append(type(self).model_validate({**fields, **size, "zone": zone, "plan": plan}))
        if not specs:
            raise ValueError("variants needs at least one zone and one plan")
        return tuple(specs)

    def wire(self) -> dict[str, Any]:
        """The JSON document that the API reads; disks without a title are named after the server."""
        document = super().wire()
        devices: list[dict[str, Any]] = document["storage_devices"]["storage_device"]
        for number, device in enumerate(devices, 1):
            if device.get("action") != "attach" and "title" not in device:
                device["title"] = f"{self.title[:245]} disk {number}"
        return document


class ServerRebuildSpec(Request):
    """How the system disk of a stopped server is to be made anew, from a public template."""

    clone_source: Annotated[str, Field(min_length=1)]
    """Uuid of the template."""
    detach_disk: str | None = None
    """Uuid of the disk that makes way; None: the API's choice."""
    delete_detached_disk: Flag | None = None
    """Whether that disk is deleted. API's default: no, so that it goes on to cost money."""
    storage_title: Title | None = None
    """Of the new disk."""
    encrypted: Flag | None = None
    """Whether the new disk is encrypted at rest."""
    login_user: LoginUser | None = None
    password_delivery: Literal["none", "email", "sms"] = "none"  # noqa: S105 - no password: a way of delivery
    user_data: WireSecret | None = Field(default=None, repr=False)
    """A script or a cloud-config document that the guest runs at its first boot, or the URL of one."""


Verdict = Literal["accept", "drop"]


class ServerChanges(_ServerFields):
    """What is to change on a server. Plan, cores, memory, timezone and models need a stopped server."""

    title: Title | None = None
    hostname: Hostname | None = None
    labels: WrappedLabels | None = None
    """Replaces all labels but the SDK's own, which `servers.modify` keeps."""
    firewall: Switch | None = None
    firewall_private: Switch | None = None
    """Whether firewall rulesets act on its private networks."""
    firewall_public_default_incoming_action: Verdict | None = None
    """What becomes of a packet that no rule matches."""
    firewall_public_default_outgoing_action: Verdict | None = None
    firewall_private_default_incoming_action: Verdict | None = None
    firewall_private_default_outgoing_action: Verdict | None = None
    boot_order: BootOrder | None = None
    timezone: str | None = None
    video_model: Annotated[Literal["vga", "cirrus"], Words()] | None = None
    nic_model: Annotated[Literal["virtio", "e1000", "rtl8139"], Words()] | None = None
    plan: str | None = None
    core_number: int | None = Field(default=None, ge=1)
    memory_amount: int | None = Field(default=None, ge=512)
    """MiB; goes with `plan="custom"`."""
    metadata: Flag | None = None
    simple_backup: SimpleBackup | None = None
    remote_access_enabled: Flag | None = None
    remote_access_type: Annotated[Literal["vnc"], Words()] | None = None
    remote_access_password: WireSecret | None = None
    vnc_keymap: str | None = None
    """A name from `vnc_keymaps.list()`."""
