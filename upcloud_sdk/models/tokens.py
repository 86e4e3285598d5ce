"""API tokens. Chapter "Tokens" of the API."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network
from typing import Annotated, Self

from pydantic import AwareDatetime, Field, SecretStr, model_validator

from upcloud_sdk._wire import Items, Request, Resource, Time, Wrapped

EVERYWHERE = (IPv4Network("0.0.0.0/0"), IPv6Network("::/0"))


class ApiToken(Resource):
    """An API token."""

    id: str
    name: str | None = None
    type: str | None = None
    """`pat`, or `workspace` for the main user of an account."""
    created_at: Time | None = None
    expires_at: Time | None = None
    last_used_at: Time | None = None
    """None if never used."""
    can_create_tokens: bool | None = None
    allowed_ip_ranges: Items[str] = ()
    """Networks that may use it, in CIDR form."""
    gui: bool | None = None
    """Whether it belongs to a login in the control panel."""
    token: SecretStr | None = None
    """The secret, `ucat_...`. Set only in the answer to `create`: the API never shows it again."""


class ApiTokenSpec(Request):
    """A token to create."""

    name: Annotated[str, Field(min_length=1)]
    expires_at: AwareDatetime | None = None
    """When it expires, with time zone. Give this or `expires_in`."""
    expires_in: Annotated[str, Field(min_length=1)] | None = None
    """How long it is valid from now, in the API's format. Give this or `expires_at`."""
    can_create_tokens: bool = False
    """Whether it can create and delete tokens."""
    allowed_ip_ranges: Annotated[Sequence[IPv4Network | IPv6Network], Wrapped()] = EVERYWHERE
    """Networks that may use it, in CIDR form. Default: all. An empty list disables the token."""
    gui: bool | None = None
    """Whether it belongs to a login in the control panel. API's default: no."""

    @model_validator(mode="after")
    def _ends_in_one_way(self) -> Self:
        if (self.expires_at is None) == (self.expires_in is None):
            raise ValueError("give exactly one of `expires_at` (a time) and `expires_in` (a duration)")
        return self
