"""Network interfaces without a server, and changes of several addresses in one request. Chapter "Networks"."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal, cast

from pydantic import Field, model_validator

from upcloud_sdk._wire import Address, EmptyIsNone, Flag, Items, Json, Request, Resource, Wrapped
from upcloud_sdk.models.interfaces import NetworkType


class NetworkInterface(Resource):
    """A network interface, attached to a server or not."""

    uuid: str
    type: NetworkType | None = None
    network: str | None = None
    """Uuid of the network."""
    mac: str | None = None
    bootable: bool | None = None
    source_ip_filtering: bool | None = None
    server: Annotated[str | None, EmptyIsNone] = None
    """Uuid of the server that it is attached to."""
    ip_addresses: Items[Json] = ()
    """Addresses in the API's format."""

    @model_validator(mode="before")
    @classmethod
    def _unwrap(cls, document: object) -> object:
        # By the contract, one answer is an interface without a key, another one is under "network".
        if isinstance(document, Mapping):
            fields = cast("Mapping[str, object]", document)
            wrapped = (fields[key] for key in ("interface", "network") if isinstance(fields.get(key), Mapping))
            return next(wrapped, fields)
        return document


class InterfaceLabel(Request):
    """A label of an interface."""

    key: Annotated[str, Field(min_length=2, max_length=32)]
    value: Annotated[str, Field(max_length=255)]
    visible: Flag = True


class NetworkInterfaceSpec(Request):
    """An interface to create, without a server."""

    network: Annotated[str, Field(min_length=1)]
    """Uuid of the network."""
    type: Literal["public", "utility", "private"] = "private"
    bootable: Flag = False
    source_ip_filtering: Flag = True
    labels: Annotated[Sequence[InterfaceLabel], Wrapped()] | None = None


class AddressDelegation(Request):
    """Which accounts may use an address, and what happens to it when its server is deleted."""

    address: Address
    main_account_id: Annotated[int, Field(ge=1)]
    delegated_to_account_id: Annotated[int, Field(ge=1)]
    release_policy: Literal["release", "keep"]
