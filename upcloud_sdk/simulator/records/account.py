"""Records of users, tokens, tags, usage and the audit log."""

from __future__ import annotations

from dataclasses import dataclass, field

from upcloud_sdk.simulator.records.values import AuditAction, AuditedType, Count, Moment, Ulid, Uuid, YesNo, Zone


@dataclass(slots=True)
class Person:
    """Owner and rights of an account: the details of chapter 5."""

    first_name: str = ""
    last_name: str = ""
    company: str = ""
    address: str = ""
    postal_code: str = ""
    city: str = ""
    state: str = ""
    country: str = ""
    phone: str = ""
    email: str = ""
    currency: str = "EUR"
    language: str = "en"
    vat_number: str = ""
    timezone: str = "UTC"
    allow_api: str = "yes"
    allow_gui: str = "yes"
    enable_3rd_party_services: str = "yes"
    roles: list[str] = field(default_factory=list[str])
    ip_filters: list[str] = field(default_factory=list[str])
    network_access: list[str] = field(default_factory=list[str])
    storage_access: list[str] = field(default_factory=list[str])
    server_access: list[dict[str, str]] = field(default_factory=list[dict[str, str]])
    tag_access: list[dict[str, str]] = field(default_factory=list[dict[str, str]])


@dataclass(slots=True)
class SubAccount:
    username: str
    password: str = field(repr=False)
    person: Person = field(default_factory=Person)


@dataclass(slots=True)
class Permission:
    target_type: str
    target_identifier: str
    user: str
    options: dict[str, str] = field(default_factory=dict[str, str])


@dataclass(slots=True)
class Token:
    """An API token. Its secret is valid until it expires or is deleted."""

    id: Uuid
    name: str
    created_at: Moment
    expires_at: Moment
    secret: str = field(repr=False)
    type: str = "workspace"
    last_used_at: Moment | None = None
    can_create_tokens: bool = False
    allowed_ip_ranges: list[str] = field(default_factory=list[str])
    gui: bool = False


@dataclass(slots=True)
class Tag:
    """A tag. Its servers are those with its name in `tags`."""

    name: str
    description: str = ""


@dataclass(slots=True)
class Host:
    """A host of a private cloud."""

    id: Count
    zone: Zone
    description: str = ""
    windows_enabled: YesNo = "no"


@dataclass(slots=True)
class Usage:
    """A billing period of a resource. It ends when the resource is deleted or changed."""

    category: str
    """`server`, `storage`, `ip_address` or `network`."""
    resource_id: str
    zone: Zone
    began: Moment
    ended: Moment
    items: dict[str, float] = field(default_factory=dict[str, float])
    """Amount of each item of the zone's price list."""
    details: dict[str, int | str] = field(default_factory=dict[str, int | str])
    labels: dict[str, str] = field(default_factory=dict[str, str])


@dataclass(slots=True)
class AuditEntry:
    id: Ulid
    """A ULID."""
    time: Moment
    action: AuditAction
    resource_type: AuditedType
    resource_id: str
    user: str
    auth_type: str
    correlation_id: str
    origin: str = "api"
    ip: str = "127.0.0.1"
