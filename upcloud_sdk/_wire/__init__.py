"""The wire format of UpCloud's API 1.3, with all its peculiarities.

The API sends booleans as "yes"/"no" or "on"/"off", some integers as text, lists inside an object with their singular
name, and labels as pairs. Answers are read with pydantic's lax types, if possible without calls into Python. Requests
are written by the annotations here, in JSON mode only: `model_dump()` keeps Python values.
"""

from __future__ import annotations

from upcloud_sdk._wire.envelope import Envelope, Unreadable, many, one
from upcloud_sdk._wire.frozen import Frozen, FrozenDict, Json
from upcloud_sdk._wire.limits import Words, at_most, like
from upcloud_sdk._wire.marks import (
    Address,
    AddressOrText,
    BareLabels,
    EmptyIsNone,
    Flag,
    Inside,
    IntText,
    Items,
    Labels,
    OpenEnum,
    Switch,
    Time,
    Wrapped,
    WrappedLabels,
)
from upcloud_sdk._wire.models import Changes, Request, Resource
from upcloud_sdk._wire.secrets import NO_SECRET, SECRETS, WIRE, Document, OptionalWireSecret, Private, WireSecret
from upcloud_sdk._wire.uuids import HasUuid, Uuid, UuidText, uuid_of

__all__ = [
    "NO_SECRET",
    "SECRETS",
    "WIRE",
    "Address",
    "AddressOrText",
    "BareLabels",
    "Changes",
    "Document",
    "EmptyIsNone",
    "Envelope",
    "Flag",
    "Frozen",
    "FrozenDict",
    "HasUuid",
    "Inside",
    "IntText",
    "Items",
    "Json",
    "Labels",
    "OpenEnum",
    "OptionalWireSecret",
    "Private",
    "Request",
    "Resource",
    "Switch",
    "Time",
    "Unreadable",
    "Uuid",
    "UuidText",
    "WireSecret",
    "Words",
    "Wrapped",
    "WrappedLabels",
    "at_most",
    "like",
    "many",
    "one",
    "uuid_of",
]
