"""Main and sub-accounts. Chapter "Accounts" of the API."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field

from upcloud_sdk._wire import (
    AddressOrText,
    Changes,
    Flag,
    Inside,
    OpenEnum,
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
"""Country code and number with a point between them: `+358.31245434`."""


class AccountType(OpenEnum):
    """Whose an account is."""

    MAIN = "main"
    SUB = "sub"


class AccountSummary(Resource):
    """An account as the list shows it."""

    username: str | None = None
    type: AccountType | None = None
    roles: Annotated[tuple[str, ...], Inside("role")] = ()
    """`billing`, `aux_billing`, `technical`."""


class TagAccess(Resource):
    """A tag whose servers a sub-account may use."""

    name: str
    storage: bool = False
    """Whether their storages are included."""


class ServerAccess(Resource):
    """A server that a sub-account may use."""

    uuid: str
    """Uuid of a server, or `*` for all."""
    storage: bool = False
    """Whether its storages are included."""


class AccountDetails(AccountSummary):
    """An account in full: whose it is, and, of a sub-account, what it may use."""

    main_account: str | None = None
    """Of a sub-account: the user name of its main account."""
    first_name: str = ""
    last_name: str = ""
    company: str = ""
    address: str = ""
    postal_code: str = ""
    city: str = ""
    state: str = ""
    """In the United States only."""
    country: str = ""
    """ISO 3166-1 alpha-3, such as `FIN`."""
    currency: str = ""
    """Such as `EUR`."""
    language: str = ""
    phone: str = ""
    """Country code and number with a point between them: `+358.31245434`."""
    email: str = ""
    vat_number: str = ""
    timezone: str = ""
    allow_api: bool = False
    allow_gui: bool = False
    enable_3rd_party_services: bool = False
    simple_backup: str | None = None
    campaigns: Annotated[tuple[str, ...], Inside("campaign")] = ()
    tag_access: Annotated[tuple[TagAccess, ...], Inside("tag")] = ()
    server_access: Annotated[tuple[ServerAccess, ...], Inside("server")] = ()
    storage_access: Annotated[tuple[str, ...], Inside("storage")] = ()
    """Uuids of storages, or `*` for all."""
    network_access: Annotated[tuple[str, ...], Inside("network")] = ()
    """Uuids of networks, or `*` for all."""
    ip_filters: Annotated[tuple[AddressOrText, ...], Inside("ip_filter")] = ()
    """Where the API may be used from: addresses, ranges, networks; none: everywhere."""


class TagAccessSpec(Request):
    """A tag whose servers a sub-account is to use."""

    name: str
    storage: Flag = False
    """Whether their storages are included."""


class ServerAccessSpec(Request):
    """A server that a sub-account is to use."""

    uuid: str
    """Uuid of a server, or `*` for all."""
    storage: Flag = False
    """Whether its storages are included."""


class SubAccountSpec(Request):
    """A sub-account to be made."""

    username: Annotated[str, Field(min_length=1)]
    password: WireSecret
    first_name: str
    last_name: str
    email: str
    phone: Phone
    """Country code and number with a point between them: `+358.31245434`."""
    company: str | None = None
    address: str | None = None
    postal_code: str | None = None
    city: str | None = None
    state: str | None = None
    """In the United States only."""
    country: Country
    """ISO 3166-1 alpha-3, such as `FIN`."""
    currency: Currency
    """Such as `EUR`."""
    language: str = "en"
    timezone: str = "UTC"
    vat_number: str | None = None
    allow_api: Flag = False
    allow_gui: Flag = False
    roles: Annotated[Sequence[Role], Wrapped("role")] = ()
    tag_access: Annotated[Sequence[TagAccessSpec], Wrapped("tag")] = ()
    server_access: Annotated[Sequence[ServerAccessSpec], Wrapped("server")] = ()
    storage_access: Annotated[Sequence[str], Wrapped("storage")] = ()
    """Uuids of storages, or `*` for all."""
    network_access: Annotated[Sequence[str], Wrapped("network")] = ()
    """Uuids of networks, or `*` for all."""
    ip_filters: Annotated[Sequence[str], Wrapped("ip_filter")] = ()
    """Where the API may be used from: addresses, ranges, networks; none: everywhere."""


class SubAccountChanges(Changes):
    """What is to change on a sub-account; a list replaces the whole list."""

    password: WireSecret | None = None
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
