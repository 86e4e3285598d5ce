"""Main and sub-accounts. Chapter "Accounts" of the API."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field

from upcloud_sdk._wire import (
    NO_SECRET,
    AddressOrText,
    Changes,
    Flag,
    FrozenDict,
    Inside,
    Labels,
    OpenEnum,
    OptionalWireSecret,
    Request,
    Resource,
    WireSecret,
    Words,
    Wrapped,
)

Role = Annotated[Literal["billing", "aux_billing", "technical"], Words()]
Country = Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
"""ISO 3166-1 alpha-3, such as `FIN`."""
Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
Phone = Annotated[str, Field(pattern=r"^\+\d{1,4}\.\d+$")]
"""Country code and number, separated by a point: `+358.31245434`."""


class AccountType(OpenEnum):
    """Whether an account is a main or a sub-account."""

    MAIN = "main"
    SUB = "sub"


class AccountSummary(Resource):
    """An account as the list shows it."""

    username: str | None = None
    type: AccountType | None = None
    roles: Annotated[tuple[str, ...], Inside("role")] = ()
    """`billing`, `aux_billing`, `technical`."""
    labels: Labels = Field(default_factory=FrozenDict[str, str])


class TagAccess(Resource):
    """A tag whose servers a sub-account may use."""

    name: str
    storage: bool | None = None
    """Whether access includes their storages."""


class ServerAccess(Resource):
    """A server that a sub-account may use."""

    uuid: str
    """Uuid of a server, or `*` for all."""
    storage: bool | None = None
    """Whether access includes its storages."""


class AccountDetails(AccountSummary):
    """An account with all details: owner and, for a sub-account, its permissions."""

    main_account: str | None = None
    """For a sub-account: user name of its main account."""
    first_name: str | None = None
    last_name: str | None = None
    company: str | None = None
    address: str | None = None
    postal_code: str | None = None
    city: str | None = None
    state: str | None = None
    """Only for the United States."""
    country: str | None = None
    """ISO 3166-1 alpha-3, such as `FIN`."""
    currency: str | None = None
    """Such as `EUR`."""
    language: str | None = None
    phone: str | None = None
    """Country code and number, separated by a point: `+358.31245434`."""
    email: str | None = None
    vat_number: str | None = None
    timezone: str | None = None
    allow_api: bool | None = None
    allow_gui: bool | None = None
    enable_3rd_party_services: bool | None = None
    simple_backup: str | None = None
    campaigns: Annotated[tuple[str, ...], Inside("campaign")] = ()
    tag_access: Annotated[tuple[TagAccess, ...], Inside("tag")] = ()
    server_access: Annotated[tuple[ServerAccess, ...], Inside("server")] = ()
    storage_access: Annotated[tuple[str, ...], Inside("storage")] = ()
    """Uuids of storages, or `*` for all."""
    network_access: Annotated[tuple[str, ...], Inside("network")] = ()
    """Uuids of networks, or `*` for all."""
    ip_filters: Annotated[tuple[AddressOrText, ...], Inside("ip_filter")] = ()
    """Addresses, ranges and networks that may use the API. Empty: all."""


class TagAccessSpec(Request):
    """Access of a sub-account to all servers with a tag."""

    name: str
    storage: Flag = False
    """Whether access includes their storages."""


class ServerAccessSpec(Request):
    """Access of a sub-account to a server."""

    uuid: str
    """Uuid of a server, or `*` for all."""
    storage: Flag = False
    """Whether access includes its storages."""


class SubAccountSpec(Request):
    """A sub-account to create."""

    username: Annotated[str, Field(min_length=1)]
    password: WireSecret
    first_name: str
    last_name: str
    email: str
    phone: Phone
    """Country code and number, separated by a point: `+358.31245434`."""
    company: str | None = None
    address: str | None = None
    postal_code: str | None = None
    city: str | None = None
    state: str | None = None
    """Only for the United States."""
    country: Country
    """ISO 3166-1 alpha-3, such as `FIN`."""
    currency: Currency
    """Such as `EUR`."""
    language: str = "en"
    timezone: str = "UTC"
    vat_number: str | None = None
    allow_api: Flag = False
    allow_gui: Flag = False
    enable_3rd_party_services: Flag | None = None
    """Whether the account may use third-party services. API's default if None."""
    roles: Annotated[Sequence[Role], Wrapped("role")] = ()
    tag_access: Annotated[Sequence[TagAccessSpec], Wrapped("tag")] = ()
    server_access: Annotated[Sequence[ServerAccessSpec], Wrapped("server")] = ()
    storage_access: Annotated[Sequence[str], Wrapped("storage")] = ()
    """Uuids of storages, or `*` for all."""
    network_access: Annotated[Sequence[str], Wrapped("network")] = ()
    """Uuids of networks, or `*` for all."""
    ip_filters: Annotated[Sequence[str], Wrapped("ip_filter")] = ()
    """Addresses, ranges and networks that may use the API. Empty: all."""


class SubAccountChanges(Changes):
    """Changes to a sub-account. A given list replaces the old list."""

    password: OptionalWireSecret = NO_SECRET
    first_name: str | None = None
    last_name: str | None = None
    email: str | None = None
    phone: Phone | None = None
    company: str | None = None
    address: str | None = None
    postal_code: str | None = None
    city: str | None = None
    state: str | None = None
    country: Country | None = None
    currency: Currency | None = None
    language: str | None = None
    timezone: str | None = None
    vat_number: str | None = None
    allow_api: Flag | None = None
    allow_gui: Flag | None = None
    roles: Annotated[Sequence[Role], Wrapped("role")] | None = None
    tag_access: Annotated[Sequence[TagAccessSpec], Wrapped("tag")] | None = None
    server_access: Annotated[Sequence[ServerAccessSpec], Wrapped("server")] | None = None
    storage_access: Annotated[Sequence[str], Wrapped("storage")] | None = None
    network_access: Annotated[Sequence[str], Wrapped("network")] | None = None
    ip_filters: Annotated[Sequence[str], Wrapped("ip_filter")] | None = None
