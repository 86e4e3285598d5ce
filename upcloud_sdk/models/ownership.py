"""The labels by which the SDK finds again what it made. Their keys are a contract between versions."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

OWNER = "upcloud_sdk_owner"
RUN = "upcloud_sdk_run"
ATTEMPT = "upcloud_sdk_attempt"
LEASE = "upcloud_sdk_lease"

OWN_LABELS = frozenset({OWNER, RUN, ATTEMPT, LEASE})

_LEASE_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


def write_lease(ends: datetime) -> str:
    """The value of the lease label for a lease that ends then; whole seconds, UTC."""
    return ends.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def read_lease(value: str | None) -> datetime | None:
    """When a lease ends, or None if the label is missing or cannot be read (which does not mean an old one)."""
    if value is None or _LEASE_TIME.fullmatch(value) is None:
        return None
    try:
        return datetime.strptime(value, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    except ValueError:
        return None


def own_labels(labels: Mapping[str, str]) -> dict[str, str]:
    """Those labels that are ours."""
    return {key: value for key, value in labels.items() if key in OWN_LABELS}


def keep_own(labels: Mapping[str, str], present: Mapping[str, str]) -> dict[str, str]:
    """Labels that a caller wants, with those of ours that are there, which a modify must not lose."""
    return {**{key: value for key, value in labels.items() if key not in OWN_LABELS}, **own_labels(present)}


@dataclass(frozen=True, slots=True)
class Ownership:
    """What the labels of a server or a disk say of its owner."""

    owner: str | None = None
    run: str | None = None
    attempt: str | None = None
    lease: datetime | None = None
    """When the lease ends; None if there is none, or none that can be read."""

    @classmethod
    def read(cls, labels: Mapping[str, str]) -> Ownership:
        """The ownership that these labels state."""
        return cls(labels.get(OWNER), labels.get(RUN), labels.get(ATTEMPT), read_lease(labels.get(LEASE)))

    def labels(self) -> dict[str, str]:
        """The labels that state this ownership."""
        lease = None if self.lease is None else write_lease(self.lease)
        pairs = {OWNER: self.owner, RUN: self.run, ATTEMPT: self.attempt, LEASE: lease}
        return {key: value for key, value in pairs.items() if value is not None}
