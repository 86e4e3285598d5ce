"""Every oddity of the wire format of UpCloud's API 1.3, once.

Booleans travel as "yes"/"no" or "on"/"off", some integers as text, lists inside an object of their singular name,
labels as pairs. Answers are read by pydantic's own lax types, without a call into Python where that is possible;
requests are written by the annotations here, in JSON mode only: `model_dump()` keeps Python values.
"""

from __future__ import annotations

from upcloud_sdk._wire.envelope import Envelope, Unreadable, many, one
from upcloud_sdk._wire.frozen import Frozen, FrozenDict, Json
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
    ReadableLabels,
    Switch,
    Time,
    Wrapped,
    WrappedLabels,
)
from upcloud_sdk._wire.models import Changes, Request, Resource
from upcloud_sdk._wire.secrets import SECRETS, WIRE, Private, WireSecret
from upcloud_sdk._wire.uuids import HasUuid, Uuid, UuidText, uuid_of
from upcloud_sdk._wire.wider import Words, at_most, like

__all__ = [
    "SECRETS",
    "WIRE",
    "Address",
    "AddressOrText",
    "BareLabels",
    "Changes",
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
    "Private",
    "ReadableLabels",
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
