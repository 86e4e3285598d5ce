"""Records of servers, storages and the account. Plain mutable data: handlers change it, tests read it."""

from __future__ import annotations

from dataclasses import dataclass, field

from upcloud_sdk.simulator.records.account import AuditEntry, Host, Permission, Person, SubAccount, Tag, Token, Usage
from upcloud_sdk.simulator.records.firewalls import Ruleset, RulesetAttachment, ServerEvent
from upcloud_sdk.simulator.records.networks import DetachedInterface, Network, Peering, Router
from upcloud_sdk.simulator.records.values import (
    Address,
    Count,
    DeviceType,
    Family,
    Flag,
    HostName,
    ImportState,
    Mac,
    Moment,
    Name,
    NetworkType,
    NicModel,
    OnOff,
    ReleasePolicy,
    ServerState,
    StorageAccess,
    StorageState,
    StorageType,
    TemplateType,
    Tier,
    Uuid,
    YesNo,
    Zone,
)


@dataclass(slots=True)
class Step:
    """A pending change of a server or storage.

    `event` is the next state, or one of: `shut_down` and `power_off`: a soft or hard stop begins, with the state
    `maintenance`. `restarted`: the end of a restart. `resumed`: the server runs again, since its guest did not shut
    down.
    """

    event: str
    due: float | None
    """Time by the API's clock. None: not by time."""
    polls: Count | None = None
    """How often the resource must be read before."""
    latest: float | None = None
    """A running guest delays the step until this time. Then `otherwise` happens."""
    otherwise: str | None = None
    """Event after `latest`. None: the same event."""


@dataclass(slots=True)
class IpAddress:
    address: Address
    access: NetworkType
    family: Family
    zone: Zone
    mac: Mac | None = None
    server: Uuid | None = None
    ptr_record: str = ""
    floating: bool = False
    part_of_plan: bool = False
    dhcp_provided: bool = True
    release_policy: ReleasePolicy = "release"
    billed_from: Moment = 0


@dataclass(slots=True)
class Interface:
    """A network interface. `ip_addresses` are objects of `sim.ip_addresses`. Private ones are only here."""

    index: Count
    type: NetworkType
    mac: Mac
    network: Uuid
    ip_addresses: list[IpAddress] = field(default_factory=list[IpAddress])
    source_ip_filtering: YesNo = "yes"
    bootable: YesNo = "no"


@dataclass(slots=True)
class Device:
    """A storage attached to a server. `storage` is empty for an empty CD-ROM drive."""

    address: str
    type: DeviceType
    storage: str = ""
    boot_disk: Flag = "0"
    part_of_plan: bool = False


@dataclass(slots=True)
class Storage:
    uuid: Uuid
    title: str
    size: Count
    """GB."""
    type: StorageType = "normal"
    access: StorageAccess = "private"
    state: StorageState = "online"
    zone: Zone | None = None
    tier: Tier | None = None
    created: Moment | None = None
    encrypted: YesNo = "no"
    license: float = 0
    labels: dict[str, str] = field(default_factory=dict[str, str])
    template_type: TemplateType | None = None
    origin: Uuid | None = None
    backup_rule: dict[str, str] = field(default_factory=dict[str, str])
    favorite: bool = False
    part_of_plan: bool = False
    included: Count = 0
    """GB of it that are included in its server's plan."""
    servers: list[Uuid] = field(default_factory=list[str])
    """The servers that it is attached to: at most one, except for public CD-ROMs."""
    copied_from: Uuid | None = None
    """The source of an incomplete clone, template or backup."""
    steps: list[Step] = field(default_factory=list[Step])
    began: Moment = 0
    hidden_until: float = 0
    billed_from: Moment | None = None
    """Begin of its current billing period. None: its creation."""


@dataclass(slots=True)
class StorageImport:
    """An import into a storage. Its steps are its states."""

    uuid: Uuid
    storage: Uuid
    source: Name
    created: Moment
    source_location: str = ""
    direct_upload_url: str = ""
    state: ImportState = "prepared"
    completed: Moment | None = None
    read_bytes: Count = 0
    written_bytes: Count = 0
    client_content_length: Count = 0
    client_content_type: str = ""
    md5sum: str = ""
    sha256sum: str = ""
    error_code: str = ""
    error_message: str = ""
    steps: list[Step] = field(default_factory=list[Step])
    began: Moment = 0


@dataclass(slots=True)
class FirewallRule:
    """A firewall rule. Its position is its index in the server's list. Empty: unset."""

    direction: str
    action: str
    family: str = ""
    protocol: str = ""
    icmp_type: str = ""
    source_address_start: str = ""
    source_address_end: str = ""
    source_port_start: str = ""
    source_port_end: str = ""
    destination_address_start: str = ""
    destination_address_end: str = ""
    destination_port_start: str = ""
    destination_port_end: str = ""
    comment: str = ""
    enabled: str = ""


@dataclass(slots=True)
class Server:
    uuid: Uuid
    title: str
    hostname: HostName
    zone: Zone
    plan: Name
    core_number: Count
    memory_amount: Count
    """MiB."""
    created: Moment
    state: ServerState = "maintenance"
    labels: dict[str, str] = field(default_factory=dict[str, str])
    tags: list[str] = field(default_factory=list[str])
    server_group: Uuid | None = None
    host: Count | None = None
    license: float = 0
    boot_order: str = "disk"
    firewall: OnOff = "off"
    metadata: YesNo = "no"
    nic_model: NicModel = "virtio"
    video_model: Name = "cirrus"
    timezone: str = "UTC"
    simple_backup: str = "no"
    user_data: str = ""
    username: str = "root"
    ssh_keys: list[str] = field(default_factory=list[str])
    remote_access_enabled: YesNo = "no"
    remote_access_type: Name = "vnc"
    remote_access_password: str = field(default="", repr=False)
    devices: list[Device] = field(default_factory=list[Device])
    interfaces: list[Interface] = field(default_factory=list[Interface])
    firewall_rules: list[FirewallRule] = field(default_factory=list[FirewallRule])
    newer_settings: dict[str, str] = field(default_factory=dict[str, str])
    """Newer settings, which answers contain only if they are set."""
    steps: list[Step] = field(default_factory=list[Step])
    began: Moment = 0
    """Begin of its current change of state."""
    being_created: bool = True
    hidden_until: float = 0
    acpi: bool = True
    """False: the guest ignores a soft stop, which becomes hard at its timeout."""
    error_seconds: float | None = None
    """How long it stays in `error` before it is `stopped`. None: forever."""
    stored_beyond_plan: Count = 0
    """GB of its disks beyond its plan. Simple backups of these are paid by the GB."""
    billed_from: Moment | None = None
    """Begin of its current billing period. None: its creation."""


@dataclass(slots=True)
class ServerGroup:
    """A server group. Its members are the servers with its uuid in `server_group`."""

    uuid: Uuid
    title: str
    anti_affinity: str = "no"
    labels: dict[str, str] = field(default_factory=dict[str, str])


@dataclass(slots=True)
class Account:
    username: str = "simulator"
    credits: float = 1_000_000
    """Cents of the account's currency. With 0 or less, calls that cost money are refused."""
    resource_limits: dict[str, Count | None] = field(
        default_factory=lambda: {
            "cores": 200,
            "detached_floating_ips": 10,
            "load_balancers": 50,
            "managed_object_storages": 20,
            "memory": 1_048_576,
            "network_peerings": 100,
            "networks": 100,
            "ntp_excess_gib": 20_000,
            "public_ipv4": 100,
            "public_ipv6": 100,
            "storage_hdd": 10_240,
            "storage_maxiops": 10_240,
            "storage_ssd": 10_240,
            "gpus": 10,
        }
    )
    """None: unlimited."""
    servers_creating: Count | None = None
    """Maximum number of servers in creation. None: unlimited."""
    trial: bool = False
    """Whether it is a trial account: the firewall is always on and fixed, and there are no GPU plans."""
    person: Person = field(default_factory=lambda: Person(roles=["technical"]))
    charged: float = 0
    """Cents charged so far."""
    charged_at: Moment | None = None


def _private_hosts() -> list[Host]:
    """The hosts of the private zone in the catalogue."""
    return [
        Host(7_653_311_107, "fi-tst1", "Private host 1", "yes"),
        Host(7_653_311_235, "fi-tst1", "Private host 2", "no"),
    ]


@dataclass(eq=False, repr=False)
class Records:
    """All data of the account, which is saved and loaded. Add new kinds of resources here."""

    account: Account = field(default_factory=Account)
    servers: dict[str, Server] = field(default_factory=dict[str, Server])
    storages: dict[str, Storage] = field(default_factory=dict[str, Storage])
    """Storages of the account. Public templates are in `catalog.storages`."""
    ip_addresses: dict[str, IpAddress] = field(default_factory=dict[str, IpAddress])
    """Public and utility addresses, by address."""
    networks: dict[str, Network] = field(default_factory=dict[str, Network])
    """Networks of the account. UpCloud's networks are in `system_networks`."""
    routers: dict[str, Router] = field(default_factory=dict[str, Router])
    peerings: dict[str, Peering] = field(default_factory=dict[str, Peering])
    server_groups: dict[str, ServerGroup] = field(default_factory=dict[str, ServerGroup])
    tags: dict[str, Tag] = field(default_factory=dict[str, Tag])
    """Tags by lower-case name."""
    tokens: dict[str, Token] = field(default_factory=dict[str, Token])
    sub_accounts: dict[str, SubAccount] = field(default_factory=dict[str, SubAccount])
    permissions: list[Permission] = field(default_factory=list[Permission])
    hosts: dict[int, Host] = field(default_factory=lambda: {host.id: host for host in _private_hosts()})
    """Hosts of a private cloud."""
    storage_imports: dict[str, StorageImport] = field(default_factory=dict[str, StorageImport])
    """The latest import of each storage, by the storage's uuid."""
    rulesets: dict[str, Ruleset] = field(default_factory=dict[str, Ruleset])
    ruleset_attachments: list[RulesetAttachment] = field(default_factory=list[RulesetAttachment])
    """Attachments of rulesets to servers."""
    detached_interfaces: dict[str, DetachedInterface] = field(default_factory=dict[str, DetachedInterface])
    events: list[ServerEvent] = field(default_factory=list[ServerEvent])
    """Events of servers, oldest first."""
    audit_log: list[AuditEntry] = field(default_factory=list[AuditEntry])
    usages: list[Usage] = field(default_factory=list[Usage])
    """Ended billing periods."""
    sold_out: list[tuple[str | None, str | None]] = field(default_factory=list[tuple[str | None, str | None]])
    """Sold-out pairs of zone and plan or tier. None: any."""
    list_lag: float = 0.0
    """How long new servers and storages are missing in lists, in seconds."""
