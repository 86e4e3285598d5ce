"""Servers as the API tells of them. Chapter "Servers" of the API."""

from __future__ import annotations

from decimal import Decimal
from ipaddress import IPv4Address, IPv6Address
from typing import Annotated, Any

from pydantic import Field, SecretStr

from upcloud_sdk._wire import Address, EmptyIsNone, FrozenDict, Inside, Json, Labels, OpenEnum, Private, Resource, Time
from upcloud_sdk.models.firewall import FirewallAction
from upcloud_sdk.models.interfaces import AddressFamily, Interface, NetworkType
from upcloud_sdk.models.tiers import StorageTier


class ServerState(OpenEnum):
    """Where a server is in its life."""

    STARTED = "started"
    STOPPED = "stopped"
    """Still billed on most plans."""
    MAINTENANCE = "maintenance"
    """Being made, started or stopped; nothing can be asked of it."""
    ERROR = "error"
    """Set by UpCloud, and left by UpCloud's hand."""
    PENDING_DELETE = "pending_delete"
    """On its way out: it will never be in another state."""


class ServerSummary(Resource):
    """A server as a list shows it: no addresses, no disks."""

    uuid: str
    title: str | None = None
    hostname: str | None = None
    zone: str | None = None
    state: ServerState
    plan: str | None = None
    """The plan's name, or `custom`."""
    core_number: int | None = None
    memory_amount: int | None = None
    """MiB."""
    created: Time | None = None
    host: int | None = None
    """Id of the host that it runs on; None while it is stopped."""
    labels: Labels = Field(default_factory=FrozenDict[str, str])
    license: Decimal = Decimal(0)
    """Credits an hour and core that the operating system costs."""
    plan_ipv4_bytes: int | None = None
    """Traffic of this month that counts against the plan."""
    plan_ipv6_bytes: int | None = None
    progress: Annotated[int | None, EmptyIsNone] = None
    """Percent; in some answers during maintenance."""
    server_group: str | None = None
    """Uuid of the group that it is in."""
    simple_backup: str | None = None
    """`no`, or a time and a plan such as `0430,dailies`."""
    tags: Annotated[tuple[str, ...], Inside("tag")] = ()


class ServerAddress(Resource):
    """An address of a server."""

    access: NetworkType | None = None
    address: Address
    family: AddressFamily | None = None
    part_of_plan: bool = False


class StorageDevice(Resource):
    """A storage as a device of a server."""

    storage: str | None = None
    """Uuid of the storage; empty for an empty CD-ROM drive."""
    address: str
    """Such as `virtio:0`."""
    type: str | None = None
    """`disk` or `cdrom`."""
    storage_size: int = 0
    """GB."""
    storage_title: str = ""
    storage_tier: StorageTier | None = None
    """None on a CD-ROM."""
    storage_encrypted: bool | None = None
    boot_disk: bool = False
    part_of_plan: bool = False
    labels: Labels | None = None
    """Labels of the storage; None where the answer does not show them."""


class Device(Resource):
    """A device that is no storage: a GPU."""

    type: str | None = None
    model: str | None = None
    serial: str | None = None
    metadata: Json = Field(default_factory=FrozenDict[str, Any])


class Networking(Resource):
    """The interfaces of a server."""

    interfaces: Annotated[tuple[Interface, ...], Inside("interface")] = ()


class Server(ServerSummary):
    """A server in full."""

    boot_order: str = "disk"
    firewall: bool = False
    """Whether its firewall rules act."""
    firewall_private: bool | None = None
    """Whether firewall rulesets act on its private networks; None where the API does not say."""
    firewall_public_default_incoming_action: FirewallAction | None = None
    """What becomes of a packet that no rule matches."""
    firewall_public_default_outgoing_action: FirewallAction | None = None
    firewall_private_default_incoming_action: FirewallAction | None = None
    firewall_private_default_outgoing_action: FirewallAction | None = None
    ip_addresses: Annotated[tuple[ServerAddress, ...], Inside("ip_address")] = ()
    """All its addresses, in no certain order."""
    metadata: bool = False
    """Whether its guest can read the metadata service."""
    networking: Networking = Field(default_factory=Networking)
    nic_model: str | None = None
    storage_devices: Annotated[tuple[StorageDevice, ...], Inside("storage_device")] = ()
    devices: Annotated[tuple[Device, ...], Inside("device")] = ()
    timezone: str = "UTC"
    video_model: str | None = None
    remote_access_enabled: bool = False
    remote_access_type: str | None = None
    remote_access_host: str | None = None
    remote_access_port: Annotated[int | None, EmptyIsNone] = None
    remote_access_password: SecretStr | None = None
    username: str | None = None
    """Set only in the answer to `create`, with the password."""
    password: SecretStr | None = None
    """Set only in the answer to `create`, and only if one was made."""
    user_data: Private | None = Field(default=None, repr=False)
    """What the guest was told at its first boot. Masked in JSON, unless that is asked for with
    `context={"secrets": True}`: it often holds secrets."""

    @property
    def public_ipv4(self) -> IPv4Address | None:
        """The first public IPv4 address; None if it has none."""
        address = self._first(NetworkType.PUBLIC, IPv4Address)
        return address if isinstance(address, IPv4Address) else None

    @property
    def public_ipv6(self) -> IPv6Address | None:
        """The first public IPv6 address; None if it has none."""
        address = self._first(NetworkType.PUBLIC, IPv6Address)
        return address if isinstance(address, IPv6Address) else None

    @property
    def utility_ipv4(self) -> IPv4Address | None:
        """The address on UpCloud's own network; None if it has none."""
        address = self._first(NetworkType.UTILITY, IPv4Address)
        return address if isinstance(address, IPv4Address) else None

    def _first(self, access: NetworkType, kind: type[Address]) -> Address | None:
        found = (entry.address for entry in self.ip_addresses if entry.access == access)
        return next((address for address in found if isinstance(address, kind)), None)
