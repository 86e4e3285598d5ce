"""Servers. Chapter "Servers" of the API."""

from __future__ import annotations

from decimal import Decimal
from ipaddress import IPv4Address, IPv6Address
from typing import Annotated, Any

from pydantic import Field, SecretStr

from upcloud_sdk._wire import Address, EmptyIsNone, FrozenDict, Inside, Json, Labels, OpenEnum, Private, Resource, Time
from upcloud_sdk.models.firewall_words import FirewallAction
from upcloud_sdk.models.interfaces import AddressFamily, Interface, NetworkType
from upcloud_sdk.models.tiers import StorageTier


class ServerState(OpenEnum):
    """State of a server."""

    STARTED = "started"
    STOPPED = "stopped"
    """Still billed on most plans."""
    MAINTENANCE = "maintenance"
    """Being created, started or stopped. Refuses changes in this state."""
    ERROR = "error"
    """Set and ended by UpCloud."""
    PENDING_DELETE = "pending_delete"
    """Being deleted. This state is final."""


class ServerSummary(Resource):
    """A server in a list: without addresses and disks."""

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
    """Id of its host. None while it is stopped."""
    labels: Labels = Field(default_factory=FrozenDict[str, str])
    license: Decimal | None = None
    """Price of the operating system, in credits per hour and core."""
    plan_ipv4_bytes: int | None = None
    """This month's traffic that counts against the plan."""
    plan_ipv6_bytes: int | None = None
    progress: Annotated[int | None, EmptyIsNone] = None
    """Progress in percent. Only in some answers during maintenance."""
    server_group: str | None = None
    """Uuid of its server group."""
    simple_backup: str | None = None
    """`no`, or a time and a plan such as `0430,dailies`."""
    tags: Annotated[tuple[str, ...], Inside("tag")] = ()


class ServerAddress(Resource):
    """An address of a server."""

    access: NetworkType | None = None
    address: Address
    family: AddressFamily | None = None
    part_of_plan: bool | None = False
    prefix: str | None = None
    """Length of the network's prefix, such as `22`."""


class StorageDevice(Resource):
    """A storage attached to a server."""

    storage: str | None = None
    """Uuid of the storage. Empty for an empty CD-ROM drive."""
    address: str
    """Such as `virtio:0`."""
    type: str | None = None
    """`disk` or `cdrom`."""
    storage_size: int | None = None
    """GB."""
    storage_title: str | None = None
    storage_tier: StorageTier | None = None
    """None for a CD-ROM."""
    storage_encrypted: bool | None = None
    boot_disk: bool | None = None
    part_of_plan: bool | None = False
    labels: Labels | None = None
    """Labels of the storage. None if not in the answer."""


class Device(Resource):
    """A device that is not a storage: a GPU."""

    type: str | None = None
    model: str | None = None
    serial: str | None = None
    metadata: Json = Field(default_factory=FrozenDict[str, Any])


class Networking(Resource):
    """The interfaces of a server."""

    interfaces: Annotated[tuple[Interface, ...], Inside("interface")] = ()


class Server(ServerSummary):
    """A server with all details."""

    boot_order: str | None = None
    firewall: bool | None = None
    """Whether its firewall is enabled."""
    firewall_private: bool | None = None
    """Whether firewall rulesets apply to its private networks. None if not in the answer."""
    firewall_public_default_incoming_action: FirewallAction | None = None
    """What happens to packets that match no rule."""
    firewall_public_default_outgoing_action: FirewallAction | None = None
    firewall_private_default_incoming_action: FirewallAction | None = None
    firewall_private_default_outgoing_action: FirewallAction | None = None
    ip_addresses: Annotated[tuple[ServerAddress, ...], Inside("ip_address")] = ()
    """All its addresses, in any order."""
    metadata: bool | None = None
    """Whether the guest can read the metadata service."""
    networking: Networking = Field(default_factory=Networking)
    nic_model: str | None = None
    storage_devices: Annotated[tuple[StorageDevice, ...], Inside("storage_device")] = ()
    devices: Annotated[tuple[Device, ...], Inside("device")] = ()
    timezone: str | None = None
    video_model: str | None = None
    remote_access_enabled: bool | None = None
    remote_access_type: str | None = None
    remote_access_host: str | None = None
    remote_access_port: Annotated[int | None, EmptyIsNone] = None
    remote_access_password: SecretStr | None = None
    username: str | None = None
    """Set only in the answer to `create`, with the password."""
    password: SecretStr | None = None
    """Set only in the answer to `create`, and only if a password was created."""
    user_data: Private | None = Field(default=None, repr=False)
    """The script or document that the guest runs at its first boot. It often contains secrets, so JSON dumps mask it,
    except with `context={"secrets": True}`."""

    @property
    def public_ipv4(self) -> IPv4Address | None:
        """The first public IPv4 address, or None."""
        address = self._first(NetworkType.PUBLIC, IPv4Address)
        return address if isinstance(address, IPv4Address) else None

    @property
    def public_ipv6(self) -> IPv6Address | None:
        """The first public IPv6 address, or None."""
        address = self._first(NetworkType.PUBLIC, IPv6Address)
        return address if isinstance(address, IPv6Address) else None

    @property
    def utility_ipv4(self) -> IPv4Address | None:
        """The address on UpCloud's internal network, or None."""
        address = self._first(NetworkType.UTILITY, IPv4Address)
        return address if isinstance(address, IPv4Address) else None

    def _first(self, access: NetworkType, kind: type[Address]) -> Address | None:
        found = (entry.address for entry in self.ip_addresses if entry.access == access)
        return next((address for address in found if isinstance(address, kind)), None)
