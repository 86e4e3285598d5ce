"""The records of the account, its clock, its random numbers, and its pending changes."""

from __future__ import annotations

import math
import random
import threading
from typing import TYPE_CHECKING, TypeVar

from upcloud_sdk.simulator.records.clock import Clock, RealClock
from upcloud_sdk.simulator.records.records import Records, Server, Step, Storage, StorageImport
from upcloud_sdk.simulator.state.catalog import Catalog
from upcloud_sdk.simulator.wire.calls import ApiFault
from upcloud_sdk.simulator.wire.fields import is_uuid

if TYPE_CHECKING:
    from collections.abc import Mapping

R = TypeVar("R")
Moving = Server | Storage | StorageImport

_PREFIX = {
    "server": "00", "storage": "01", "network": "03", "router": "04", "import": "07", "group": "0b", "token": "0c",
    "peering": "0f", "interface": "0a", "ruleset": "14", "rule": "15",
}  # fmt: skip


class AccountState(Records):
    """The records, and methods to find them. `lock` protects all of it."""

    def __init__(self, clock: Clock | None, seed: int | None) -> None:
        super().__init__()
        self.clock: Clock = clock or RealClock()
        self.random = random.Random(seed)  # noqa: S311 - repeatable on purpose; nothing here is a real secret
        self.lock = threading.RLock()
        self.catalog = Catalog()
        self.downloads: dict[str, bytes | None] = {}
        """The content at a URL for imports. None: no content. For other URLs the content is the URL itself."""
        self._moving: dict[str, Moving] = {}
        self._wake = math.inf

    # Looking up

    def server(self, uuid: str) -> Server:
        """Raises `ApiFault`: 400 if `uuid` is malformed, 404 if there is no such server."""
        return self.find(self.servers, uuid, "server")

    def storage(self, uuid: str) -> Storage:
        """A storage of the account, or a public one."""
        return self.catalog.storages.get(uuid) or self.find(self.storages, uuid, "storage")

    def any_storage(self, uuid: str) -> Storage | None:
        return self.storages.get(uuid) or self.catalog.storages.get(uuid)

    def find(self, records: Mapping[str, R], uuid: str, kind: str) -> R:
        """Find a record. Raises `ApiFault`: 400 `<KIND>_INVALID` for a malformed uuid, or 404 `<KIND>_NOT_FOUND`."""
        record = records.get(uuid.lower())
        if record is not None:
            return record
        name, code = kind.replace("_", " "), kind.upper()
        if not is_uuid(uuid):
            raise ApiFault(400, f"{code}_INVALID", f"The {name} UUID is invalid.")
        raise ApiFault(404, f"{code}_NOT_FOUND", f"The {name} {uuid} does not exist.")

    def backups_of(self, uuid: str) -> list[Storage]:
        """The backups of a storage, oldest first."""
        return [each for each in self.storages.values() if each.origin == uuid and each.type == "backup"]

    def template_labels(self, source: Storage) -> dict[str, str]:
        """The system labels of a clone of `source`."""
        own = {key: value for key, value in source.labels.items() if key.startswith("_")}
        if source.access == "public" and source.uuid in self.catalog.os_labels:
            own |= self.catalog.os_labels[source.uuid] | {"_template_uuid": source.uuid}
        return own

    # New ids

    def new_uuid(self, kind: str) -> str:
        """A new uuid with the prefix of its type."""
        digits = f"{self.random.getrandbits(128):032x}"
        digits = _PREFIX[kind] + digits[2:12] + "4" + digits[13:16] + "89ab"[int(digits[16], 16) % 4] + digits[17:]
        return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"

    def new_correlation_id(self) -> str:
        """A ULID, which identifies a call in the API's logs."""
        return "01" + "".join(self.random.choices("0123456789ABCDEFGHJKMNPQRSTVWXYZ", k=24))

    def new_password(self, length: int) -> str:
        return "".join(self.random.choices("abcdefghjkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789", k=length))

    # Limits and capacity

    def check_limit(self, name: str, held: int, code: str) -> None:
        """Refuse one more if the account's limit is reached."""
        limit = self.account.resource_limits.get(name)
        if limit is not None and held >= limit:
            raise ApiFault(403, code, f"The account may have {limit} {name.replace('_', ' ')}.")

    def sell_out(self, *, zone: str | None = None, plan: str | None = None, tier: str | None = None) -> None:
        """Refuse new servers of this plan, or storages of this tier, in this zone. None: any.

        Raises:
            ValueError: Both a plan and a tier are given.
        """
        if plan is not None and tier is not None:
            raise ValueError("give a plan or a tier, not both: make two calls")
        with self.lock:
            self.sold_out.append((zone, plan or tier))

    def restock(self) -> None:
        """Undo every `sell_out`."""
        with self.lock:
            self.sold_out.clear()

    def is_sold_out(self, zone: str, what: str) -> bool:
        """Whether a plan or a tier is sold out in a zone."""
        return any(z in {None, zone} and each in {None, what} for z, each in self.sold_out)

    # Pending changes

    def schedule(self, record: Moving, *steps: Step) -> None:
        """Plan these steps of a record, one after the other."""
        record.steps = list(steps)
        record.began = self.clock.now()
        self._moving[record.uuid] = record
        self._wake = -math.inf

    def forget(self, record: Moving) -> None:
        """Cancel all pending changes of a deleted record."""
        self._moving.pop(record.uuid, None)
        record.steps = []

    def next_due(self) -> float:
        """The time of the next change. Infinite if there is none."""
        dues = [record.steps[0].due for record in self._moving.values() if record.steps and not record.steps[0].polls]
        return min((due for due in dues if due is not None), default=math.inf)
