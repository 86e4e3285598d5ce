"""A baked image: a private template, and the data in its labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from upcloud_sdk.models.ownership import (
    IMAGE,
    IMAGE_BASE,
    IMAGE_NAME,
    IMAGE_USED,
    LEASE,
    OWNER,
    read_lease,
)
from upcloud_sdk.models.storages import StorageState

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime
    from decimal import Decimal

    from upcloud_sdk.models.storages import StorageSummary


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """A baked template. Can be passed wherever the uuid of a template is expected."""

    uuid: str
    title: str
    zone: str
    """The zone where servers can be created from it."""
    digest: str
    """Digest of its recipe."""
    name: str | None
    """Name of its recipe."""
    base: str
    """Uuid of the template that it was made from."""
    size: int
    """GB."""
    state: str
    """`online`, or `cloning` while a server is created from it."""
    created: datetime | None
    used: datetime | None
    """When `bake` last returned it, with a precision of one day."""
    monthly: Decimal | None = None
    """Storage cost per month in the account's currency. None: not requested or not known."""
    currency: str | None = None

    @property
    def is_usable(self) -> bool:
        """Whether servers can be created from it: not in a state such as `error`."""
        return self.state in {StorageState.ONLINE, StorageState.CLONING}

    @property
    def last_use(self) -> datetime | None:
        """When it was last used; if never, when it was made."""
        return self.used or self.created

    @property
    def family(self) -> tuple[str, str]:
        """The same for all versions of an image: its zone, and its name or, without a name, its digest."""
        return self.zone, f"name {self.name}" if self.name else self.digest


def read_image(template: StorageSummary, owner: str) -> Image | None:
    """Read an image from a template. None if it is not a complete image of this owner."""
    labels = template.labels
    if template.type != "template" or labels.get(OWNER) != owner or IMAGE not in labels or LEASE in labels:
        return None
    return Image(
        uuid=template.uuid,
        title=template.title or "",
        zone=template.zone or "",
        digest=labels[IMAGE],
        name=labels.get(IMAGE_NAME),
        base=labels.get(IMAGE_BASE, ""),
        size=template.size or 0,
        state=str(template.state),
        created=template.created,
        used=read_lease(labels.get(IMAGE_USED)),
    )


def by_last_use(image: Image) -> tuple[float, float, str]:
    """Sort key: by last use, then by creation time and uuid."""
    used, created = (when.timestamp() if when else 0.0 for when in (image.last_use, image.created))
    return used, created, image.uuid


def oldest_first(images: Iterable[Image]) -> list[Image]:
    """Sort by creation time, then by uuid, so that all processes get the same order."""
    return sorted(images, key=lambda image: (image.created.timestamp() if image.created else 0.0, image.uuid))
