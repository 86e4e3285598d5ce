"""What the simulated account holds. Plain records, mutable, for handlers to change and tests to look at."""

from __future__ import annotations

from dataclasses import dataclass, field

# The annotations of `Records` are read when it is saved and loaded, so their classes are imported for good.
from upcloud_sdk.simulator.records.account import AuditEntry, Host, Permission, Person, SubAccount, Tag, Token, Usage
from upcloud_sdk.simulator.records.firewalls import Ruleset, RulesetAttachment, ServerEvent
from upcloud_sdk.simulator.records.networks import DetachedInterface, Network, Peering, Router


@dataclass(slots=True)
class Step:
    """What will happen to a server or storage.

    `event` is the state that it takes, or one of: `shut_down` and `power_off`, by which a server leaves for
    `maintenance`, softly or hard; `restarted`, by which it comes back from there; `resumed`, by which it comes back
    as it was, since its guest did not shut down.
    """

    event: str
    due: float | None
    """When, on the API's clock; None never comes by time."""
    polls: int | None = None
    """How often the resource must have been read before."""
    latest: float | None = None
    """A guest that still runs holds the step up, until then; then `otherwise` happens."""
    otherwise: str | None = None
    """None is the event all the same."""


@dataclass(slots=True)
class IpAddress:
    address: str
    access: str
    family: str
    zone: str
    mac: str | None = None
    server: str | None = None
    ptr_record: str = ""
    floating: bool = False
    part_of_plan: bool = False
    dhcp_provided: bool = True
    release_policy: str = "release"
    billed_from: float = 0


@dataclass(slots=True)
class Interface:
    """`ip_addresses` are the very records of `sim.ip_addresses`; those of private networks are only here."""

    index: int
    type: str
    mac: str
    network: str
    ip_addresses: list[IpAddress] = field(default_factory=list[IpAddress])
    source_ip_filtering: str = "yes"
    bootable: str = "no"


@dataclass(slots=True)
class Device:
    """A storage attached to a server; `storage` is empty for a CD-ROM drive without a disc."""

    address: str
    type: str
    storage: str = ""
    boot_disk: str = "0"
    part_of_plan: bool = False


@dataclass(slots=True)
class Storage:
    uuid: str
    title: str
    size: int
    """GB."""
    type: str = "normal"
    access: str = "private"
    state: str = "online"
    zone: str | None = None
    tier: str | None = None
    created: float | None = None
    encrypted: str = "no"
    license: float = 0
    labels: dict[str, str] = field(default_factory=dict[str, str])
    template_type: str | None = None
    origin: str | None = None
    backup_rule: dict[str, str] = field(default_factory=dict[str, str])
    favorite: bool = False
    part_of_plan: bool = False
    servers: list[str] = field(default_factory=list[str])
    """The servers that it is attached to: one at most, public discs apart."""
    copied_from: str | None = None
    """The source of a clone, template or backup that is still being made."""
    steps: list[Step] = field(default_factory=list[Step])
    began: float = 0
    hidden_until: float = 0
    billed_from: float | None = None
    """When its current period of billing began; None when it was created."""


@dataclass(slots=True)
class StorageImport:
    """What is written into a storage from outside; its steps are its states."""

    uuid: str
    storage: str
    source: str
    created: float
    source_location: str = ""
    direct_upload_url: str = ""
    state: str = "prepared"
    completed: float | None = None
    read_bytes: int = 0
    written_bytes: int = 0
    client_content_length: int = 0
    client_content_type: str = ""
    md5sum: str = ""
    sha256sum: str = ""
    error_code: str = ""
    error_message: str = ""
    steps: list[Step] = field(default_factory=list[Step])
    began: float = 0


@dataclass(slots=True)
class FirewallRule:
    """Its position is its place in the server's list. Empty is unset."""

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
    uuid: str
    title: str
    hostname: str
    zone: str
    plan: str
    core_number: int
    memory_amount: int
    """MiB."""
    created: float
    state: str = "maintenance"
    labels: dict[str, str] = field(default_factory=dict[str, str])
    tags: list[str] = field(default_factory=list[str])
    server_group: str | None = None
    host: int | None = None
    license: float = 0
    boot_order: str = "disk"
    firewall: str = "off"
    metadata: str = "no"
    nic_model: str = "virtio"
    video_model: str = "cirrus"
    timezone: str = "UTC"
    simple_backup: str = "no"
    user_data: str = ""
    username: str = "root"
    ssh_keys: list[str] = field(default_factory=list[str])
    remote_access_enabled: str = "no"
    remote_access_type: str = "vnc"
    remote_access_password: str = field(default="", repr=False)
    devices: list[Device] = field(default_factory=list[Device])
    interfaces: list[Interface] = field(default_factory=list[Interface])
    firewall_rules: list[FirewallRule] = field(default_factory=list[FirewallRule])
    newer_settings: dict[str, str] = field(default_factory=dict[str, str])
    """Those that older answers lack: they are shown once they are set."""
    steps: list[Step] = field(default_factory=list[Step])
    began: float = 0
    """When its current change of state began."""
    being_created: bool = True
    hidden_until: float = 0
    acpi: bool = True
    """False: ignores a soft stop, which turns hard at its timeout."""
    error_seconds: float | None = None
    """How long it stays in `error` before it is `stopped`; None for ever."""
    billed_from: float | None = None
    """When its current period of billing began; None when it was created."""


@dataclass(slots=True)
class ServerGroup:
    """Its members are the servers whose `server_group` is its uuid."""

    uuid: str
    title: str
    anti_affinity: str = "no"
    labels: dict[str, str] = field(default_factory=dict[str, str])


@dataclass(slots=True)
class Account:
    username: str = "simulator"
    credits: float = 1_000_000
    """Cents of the account's currency; 0 or less refuses what costs money."""
    resource_limits: dict[str, int | None] = field(
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
    """None is unlimited."""
    servers_creating: int | None = None
    """How many servers may be created at the same time; None is unlimited."""
    trial: bool = False
    """A trial account has its firewall always on, and cannot change it; nor has it GPU plans."""
    person: Person = field(default_factory=lambda: Person(roles=["technical"]))
    charged: float = 0
    """Cents that have been taken from the credits so far."""
    charged_at: float | None = None


def _private_hosts() -> list[Host]:
    """Those of the private zone in the catalogue."""
    return [
        Host(7_653_311_107, "fi-tst1", "Private host 1", "yes"),
        Host(7_653_311_235, "fi-tst1", "Private host 2", "no"),
    ]


@dataclass(eq=False, repr=False)
class Records:
    """Everything that the account holds, and all that is saved and loaded. A new kind of resource is a line here."""

    account: Account = field(default_factory=Account)
    servers: dict[str, Server] = field(default_factory=dict[str, Server])
    storages: dict[str, Storage] = field(default_factory=dict[str, Storage])
    """The account's own; the public templates are in `catalog.storages`."""
    ip_addresses: dict[str, IpAddress] = field(default_factory=dict[str, IpAddress])
    """Public and utility addresses by their text."""
    networks: dict[str, Network] = field(default_factory=dict[str, Network])
    """The account's own; UpCloud's are in `system_networks`."""
    routers: dict[str, Router] = field(default_factory=dict[str, Router])
    peerings: dict[str, Peering] = field(default_factory=dict[str, Peering])
    server_groups: dict[str, ServerGroup] = field(default_factory=dict[str, ServerGroup])
    tags: dict[str, Tag] = field(default_factory=dict[str, Tag])
    """By their names in lower case."""
    tokens: dict[str, Token] = field(default_factory=dict[str, Token])
    sub_accounts: dict[str, SubAccount] = field(default_factory=dict[str, SubAccount])
    permissions: list[Permission] = field(default_factory=list[Permission])
    hosts: dict[int, Host] = field(default_factory=lambda: {host.id: host for host in _private_hosts()})
    """Those of a private cloud."""
    storage_imports: dict[str, StorageImport] = field(default_factory=dict[str, StorageImport])
    """The latest import of each storage, by the storage's uuid."""
    rulesets: dict[str, Ruleset] = field(default_factory=dict[str, Ruleset])
    ruleset_attachments: list[RulesetAttachment] = field(default_factory=list[RulesetAttachment])
    """Which rulesets guard which servers."""
    detached_interfaces: dict[str, DetachedInterface] = field(default_factory=dict[str, DetachedInterface])
    events: list[ServerEvent] = field(default_factory=list[ServerEvent])
    """What has happened to servers, oldest first."""
    audit_log: list[AuditEntry] = field(default_factory=list[AuditEntry])
    usages: list[Usage] = field(default_factory=list[Usage])
    """What has been used up: periods of billing that have ended."""
    sold_out: list[tuple[str | None, str | None]] = field(default_factory=list[tuple[str | None, str | None]])
    """Zone, and plan or tier; None for any."""
    list_lag: float = 0.0
    """How long a new server or storage is not in lists."""
