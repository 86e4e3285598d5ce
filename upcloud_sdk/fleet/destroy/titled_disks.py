"""Disks from a rebuild or a clone, which have no labels at first. Their titles identify them.

These calls take no labels, and a process may die before it writes labels. So the title ends with the owner (as a hash),
the run and the attempt of the server. Before, a label on the server is set which says that there may be such disks. A
destroy or a reaper first adds labels to them. From then on they are like disks of a create.
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, NamedTuple

from upcloud_sdk.errors import NotFound
from upcloud_sdk.fleet.records.observed import STORAGES, list_at
from upcloud_sdk.models.ownership import ATTEMPT, Ownership

if TYPE_CHECKING:
    from upcloud_sdk._transport import Transport
    from upcloud_sdk.fleet.records.labels import LabelEditor
    from upcloud_sdk.fleet.records.observed import ObservedStorage

_MARK = re.compile(r" upcloud_sdk ([0-9a-f]{12}) (\S{1,64}) ([0-9a-f]{32})$")
_KEPT_OF_TITLE = 150


class TitledDisk(NamedTuple):
    """A disk and the ids in its title."""

    disk: ObservedStorage
    run: str
    attempt: str

    @property
    def has_labels(self) -> bool:
        """Whether it already has its labels."""
        return ATTEMPT in self.disk.labels


def titled(title: str, owned: Ownership) -> str:
    """The title with the ids of owner, run and attempt added."""
    mark = f" upcloud_sdk {_hash(owned.owner or '')} {owned.run} {owned.attempt}"
    if _MARK.fullmatch(mark) is None:
        raise ValueError("the server's labels are not from this SDK")
    return _MARK.sub("", title)[:_KEPT_OF_TITLE] + mark


async def titled_disks(
    transport: Transport, *, owner: str | None = None, attempt: str | None = None
) -> list[TitledDisk]:
    """The disks with this owner or attempt in their titles. Reads all private disks."""
    found: list[TitledDisk] = []
    for disk in await list_at(transport, "/storage/normal/private", STORAGES):
        mark = _MARK.search(disk.title)
        if mark is not None and attempt in {None, mark[3]} and (owner is None or mark[1] == _hash(owner)):
            found.append(TitledDisk(disk, mark[2], mark[3]))
    return found


async def label(labels: LabelEditor, titled: TitledDisk, owned: Ownership) -> None:
    """Add the labels that the rebuild or clone could not write."""
    if not titled.has_labels:
        try:
            await labels.edit_storage(titled.disk.uuid, {**owned.labels(), ATTEMPT: titled.attempt})
        except NotFound:
            return


def _hash(owner: str) -> str:
    return hashlib.sha256(owner.encode()).hexdigest()[:12]
