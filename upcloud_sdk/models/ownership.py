"""The labels by which the SDK finds its resources. Their keys must never change: other versions read them."""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

OWNER = "upcloud_sdk_owner"
RUN = "upcloud_sdk_run"
ATTEMPT = "upcloud_sdk_attempt"
LEASE = "upcloud_sdk_lease"

SDK_LABELS = frozenset({OWNER, RUN, ATTEMPT, LEASE})

IMAGE = "upcloud_sdk_image"
"""The digest of a recipe: on its images, and on servers that bake it."""
IMAGE_NAME = "upcloud_sdk_image_name"
IMAGE_BASE = "upcloud_sdk_image_base"
"""Uuid of the template that an image was made from."""
IMAGE_USED = "upcloud_sdk_image_used"
"""Date of an image's last use."""

IMAGE_LABELS = frozenset({IMAGE, IMAGE_NAME, IMAGE_BASE, IMAGE_USED})

KEPT_LABELS = SDK_LABELS | IMAGE_LABELS
"""The labels that `modify` keeps."""


_MARK = re.compile(r" upcloud_sdk ([0-9a-f]{12}) (\S{1,64}) ([0-9a-f]{32})$")
"""The end of the title of a storage without labels: the owner as a hash, run and attempt."""
_KEPT_OF_TITLE = 120

_LEASE_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


def write_lease(ends: datetime) -> str:
    """The value of the lease label, in UTC and whole seconds."""
    return ends.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def read_lease(value: str | None) -> datetime | None:
    """When a lease ends. None if the label is missing or unreadable, which does not mean that it has ended."""
    if value is None or _LEASE_TIME.fullmatch(value) is None:
        return None
    try:
        return datetime.strptime(value, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    except ValueError:
        return None


def sdk_labels(labels: Mapping[str, str]) -> dict[str, str]:
    """The SDK's labels among these."""
    return {key: value for key, value in labels.items() if key in SDK_LABELS}


def keep_sdk_labels(labels: Mapping[str, str], present: Mapping[str, str]) -> dict[str, str]:
    """The caller's labels plus the SDK's present labels, which a modify must keep."""
    wanted = {key: value for key, value in labels.items() if key not in KEPT_LABELS}
    return wanted | {key: value for key, value in present.items() if key in KEPT_LABELS}


@dataclass(frozen=True, slots=True)
class Ownership:
    """Owner and lease of a server or disk, from its labels."""

    owner: str | None = None
    run: str | None = None
    attempt: str | None = None
    lease: datetime | None = None
    """End of the lease. None if there is none, or its label cannot be read."""
    owner_hash: str | None = None
    """A title has no room for an owner. It has this hash instead."""

    @classmethod
    def read(cls, labels: Mapping[str, str]) -> Ownership:
        """Read the ownership from labels."""
        return cls(labels.get(OWNER), labels.get(RUN), labels.get(ATTEMPT), read_lease(labels.get(LEASE)))

    @classmethod
    def read_title(cls, title: str) -> Ownership | None:
        """Read the ids from the title of a copy that has no labels yet. None if it has none."""
        mark = _MARK.search(title)
        return None if mark is None else cls(run=mark[2], attempt=mark[3], owner_hash=mark[1])

    def marked(self, title: str) -> str:
        """This title with an id of its own, owner, run and attempt, for a request that takes no labels."""
        mark = f" upcloud_sdk {_hash(self.owner or '')} {self.run} {self.attempt}"
        if _MARK.fullmatch(mark) is None:
            raise ValueError("the server's labels are not from this SDK")
        # The same server may get several storages with one title.
        return f"{title[:_KEPT_OF_TITLE]} {secrets.token_hex(4)}{mark}"

    def is_of(self, owner: str | None) -> bool:
        """Whether it is of this owner. None: whether it has an owner."""
        if owner is None:
            return self.owner is not None or self.owner_hash is not None
        return self.owner == owner or (self.owner is None and self.owner_hash == _hash(owner))

    def labels(self) -> dict[str, str]:
        """The labels for this ownership."""
        lease = None if self.lease is None else write_lease(self.lease)
        pairs = {OWNER: self.owner, RUN: self.run, ATTEMPT: self.attempt, LEASE: lease}
        return {key: value for key, value in pairs.items() if value is not None}


def _hash(owner: str) -> str:
    return hashlib.sha256(owner.encode()).hexdigest()[:12]
