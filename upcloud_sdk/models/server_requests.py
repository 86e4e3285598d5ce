"""Requests for servers. Chapter "Servers" of the API."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from upcloud_sdk._wire import (
    NO_SECRET,
    Changes,
    Flag,
    OptionalWireSecret,
    Request,
    Switch,
    Uuid,
    UuidText,
    Words,
    Wrapped,
    at_most,
    uuid_of,
)
from upcloud_sdk.models.fields import (
    BootOrder,
    CheckedBareLabels,
    CheckedWrappedLabels,
    Hostname,
    SimpleBackup,
    Size,
    Tier,
    Title,
)
from upcloud_sdk.models.keys import PublicKey
from upcloud_sdk.models.networks import InterfaceSpec
from upcloud_sdk.models.storages import BackupRuleSpec

if TYPE_CHECKING:
    from collections.abc import Iterable


class LoginUser(Request):
    """The user to create in the guest at its first boot."""

    username: str = "root"
    ssh_keys: Annotated[Sequence[PublicKey], Wrapped("ssh_key")] = ()
    """Public keys: lines, or paths of key files, which are read now, such as `Path("~/.ssh/id_ed25519.pub")`."""
    create_password: Flag = False
    """Whether to create a password, which the answer contains. Not for cloud-init templates."""


class StorageDeviceSpec(Request):
    """A disk or CD-ROM of a new server: see `clone`, `create` and `attach`."""

    action: Literal["create", "clone", "attach"]
    storage: UuidText | None = None
    """Uuid of the storage to clone or attach. To find a template by its title, use `storages.find_template`."""
    title: Title | None = None
    """Title of the new disk. None: made from the server's title."""
    size: Size | None = None
    """Size in GB, 1 to 4096. None for a clone: the size of the source."""
    tier: Tier | None = None
    """None: the tier of the plan."""
    type: Annotated[Literal["disk", "cdrom"], Words()] | None = None
    address: str | None = None
    """Such as `virtio:1`, or only the bus (`virtio`) for its next free address. None: the API chooses."""
    encrypted: Flag | None = None
    """Whether the disk is encrypted at rest. Cannot be changed later. API's default: no."""
    backup_rule: BackupRuleSpec | None = None
    labels: CheckedBareLabels | None = None

    @classmethod
    def clone(cls, uuid: Uuid, *, size: int | None = None, title: str | None = None, tier: Tier | None = None) -> Self:
        """A new disk with the contents of a template or disk. `size` in GB, None: the size of the source."""
        return cls(action="clone", storage=uuid_of(uuid), size=size, title=title, tier=tier)

    @classmethod
    def create(cls, *, size: int, title: str | None = None, tier: Tier | None = None) -> Self:
        """A new, empty disk of `size` GB."""
        return cls(action="create", size=size, title=title, tier=tier)

    @classmethod
    def attach(cls, uuid: Uuid) -> Self:
        """An existing disk. `servers.destroy` keeps it."""
        return cls(action="attach", storage=uuid_of(uuid))

    @model_validator(mode="after")
    def _fits_its_action(self) -> Self:
        if self.action == "create" and self.size is None:
            raise ValueError("a new disk needs `size`, in GB")
        if self.action == "create" and self.storage is not None:
            raise ValueError("a new disk takes no `storage`: use StorageDeviceSpec.clone to copy one")
        if self.action != "create" and not self.storage:
            done = "cloned" if self.action == "clone" else "attached"
            raise ValueError(f"a disk to {self.action} needs `storage`, the uuid of the storage that is {done}")
        if self.action == "attach" and (self.size is not None or self.tier is not None):
            raise ValueError("an attached disk keeps its size and tier: leave them out")
        return self


class ServerSpec(Request):
    """A server to create."""

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
    """None: the API's default: public IPv4, public IPv6 and utility."""
    login_user: LoginUser | None = None
    """None: `root`, with a password in the answer if the template allows passwords."""
    password_delivery: Annotated[Literal["none", "email", "sms"], Words()] = "none"  # noqa: S105 - not a password
    metadata: Flag = False
    """Whether the guest can read the metadata service. Required for cloud-init templates."""
    user_data: OptionalWireSecret = Field(default=NO_SECRET, repr=False)
    """A script or cloud-config document that the guest runs at its first boot, or the URL of one."""
    firewall: Switch = False
    boot_order: BootOrder | None = None
    """`disk`, `cdrom`, `network`, or several with commas. API's default: `disk`."""
    nic_model: Annotated[Literal["virtio", "e1000", "rtl8139"], Words()] | None = None
    video_model: Annotated[Literal["vga", "cirrus"], Words()] | None = None
    timezone: str | None = None
    """A name from `timezones.list()`. API's default: `UTC`."""
    simple_backup: SimpleBackup | None = None
    """`no`, or `HHMM,plan` with a plan of `daily`, `dailies`, `weeklies`, `monthlies`."""
    labels: CheckedWrappedLabels | None = None
    server_group: UuidText | None = None
    """Uuid of a server group."""
    host: int | None = None
    """Id of a host, in private clouds."""
    avoid_host: int | None = None
    """Id of a host to avoid, in private clouds."""
    remote_access_enabled: Flag | None = None
    remote_access_type: Annotated[Literal["vnc"], Words()] | None = None
    remote_access_password: OptionalWireSecret = NO_SECRET
    vnc_keymap: str | None = None
    """A name from `vnc_keymaps.list()`."""

    @model_validator(mode="after")
    def _size_fits_plan(self) -> Self:
        own_size = (self.core_number, self.memory_amount)
        if self.plan == "custom" and None in own_size:
            raise ValueError("give a `plan`, or both `core_number` and `memory_amount` (MiB) for a custom size")
        if self.plan != "custom" and own_size != (None, None):
            raise ValueError(
                f"plan {self.plan!r} fixes cores and memory: leave out core_number and memory_amount, "
                "or write plan='custom'"
            )
        return self

    def variants(self, *, zones: Iterable[str] | None = None, plans: Iterable[str] | None = None) -> tuple[Self, ...]:
        """One spec per zone and plan, for `create` and `ephemeral`, which try them in this order.

        Args:
            zones: Zones to try. None: this spec's zone.
            plans: Plans to try in each zone. None: this spec's plan.

        Raises:
            TypeError: A single name is given instead of a sequence.
            ValueError: A sequence is empty.
        """
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
        """The JSON document for the API. Disks without a title are named after the server."""
        document = super().wire()
        devices: list[dict[str, Any]] = document["storage_devices"]["storage_device"]
        for number, device in enumerate(devices, 1):
            if device.get("action") != "attach" and "title" not in device:
                device["title"] = f"{self.title[:245]} disk {number}"
        return document


class ServerRebuildSpec(Request):
    """A new system disk, from a public template, for a stopped server."""

    clone_source: Annotated[str, Field(min_length=1)]
    """Uuid of the template."""
    detach_disk: str | None = None
    """Uuid of the disk to replace. None: the API chooses."""
    delete_detached_disk: Flag | None = None
    """Whether the old disk is deleted. API's default: no. Then it still costs money."""
    storage_title: Title | None = None
    """Title of the new disk."""
    encrypted: Flag | None = None
    """Whether the new disk is encrypted at rest."""
    login_user: LoginUser | None = None
    password_delivery: Literal["none", "email", "sms"] = "none"  # noqa: S105 - not a password
    user_data: OptionalWireSecret = Field(default=NO_SECRET, repr=False)
    """A script or cloud-config document that the guest runs at its first boot, or the URL of one."""


Verdict = Literal["accept", "drop"]


class ServerChanges(Changes):
    """Changes to a server. Stop it first for changes of plan, cores, memory, timezone and models."""

    title: Title | None = None
    hostname: Hostname | None = None
    labels: CheckedWrappedLabels | None = None
    """Replaces all labels, except the SDK's labels, which `servers.modify` keeps."""
    firewall: Switch | None = None
    firewall_private: Switch | None = None
    """Whether firewall rulesets apply to its private networks."""
    firewall_public_default_incoming_action: Verdict | None = None
    """What happens to packets that match no rule."""
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
    """Memory in MiB. Only with `plan="custom"`."""
    metadata: Flag | None = None
    simple_backup: SimpleBackup | None = None
    remote_access_enabled: Flag | None = None
    remote_access_type: Annotated[Literal["vnc"], Words()] | None = None
    remote_access_password: OptionalWireSecret = NO_SECRET
    vnc_keymap: str | None = None
    """A name from `vnc_keymaps.list()`."""
