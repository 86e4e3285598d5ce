"""What everything about the account works on: its records, its clock, its chance, and what is due in it."""

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
    """The records, and how they are found. All of it is guarded by `lock`."""

    def __init__(self, clock: Clock | None, seed: int | None) -> None:
        super().__init__()
        self.clock: Clock = clock or RealClock()
        self.random = random.Random(seed)  # noqa: S311 - repeatable on purpose; nothing here is a real secret
        self.lock = threading.RLock()
        self.catalog = Catalog()
        self.downloads: dict[str, bytes | None] = {}
        """What an import finds at an address; None is nothing. At one that is not here it finds the address."""
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
        """The record; 400 `<KIND>_INVALID` for a malformed uuid, 404 `<KIND>_NOT_FOUND` else."""
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
        """The system labels of what is cloned from `source`."""
        own = {key: value for key, value in source.labels.items() if key.startswith("_")}
        if source.access == "public" and source.uuid in self.catalog.os_labels:
            own |= self.catalog.os_labels[source.uuid] | {"_template_uuid": source.uuid}
        return own

    # Making up

    def new_uuid(self, kind: str) -> str:
        """A fresh uuid with the prefix of its type."""
        digits = f"{self.random.getrandbits(128):032x}"
        digits = _PREFIX[kind] + digits[2:12] + "4" + digits[13:16] + "89ab"[int(digits[16], 16) % 4] + digits[17:]
        return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"

    def new_correlation_id(self) -> str:
        """A ULID, by which a call is found in the API's own logs."""
        return "01" + "".join(self.random.choices("0123456789ABCDEFGHJKMNPQRSTVWXYZ", k=24))

    def new_password(self, length: int) -> str:
        return "".join(self.random.choices("abcdefghjkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789", k=length))

    # What can be had

    def check_limit(self, name: str, held: int, code: str) -> None:
        """Refuse one more of what the account may have only so many of."""
        limit = self.account.resource_limits.get(name)
        if limit is not None and held >= limit:
            raise ApiFault(403, code, f"The account may have {limit} {name.replace('_', ' ')}.")

    def sell_out(self, *, zone: str | None = None, plan: str | None = None, tier: str | None = None) -> None:
        """Refuse new servers of this plan, or storages of this tier, in this zone; without one of them in any.

        Raises:
            ValueError: A plan and a tier: they are two things.
        """
        if plan is not None and tier is not None:
            raise ValueError("sell out a plan or a tier; both are two calls")
        with self.lock:
            self.sold_out.append((zone, plan or tier))

    def restock(self) -> None:
        """Take every `sell_out` back."""
        with self.lock:
            self.sold_out.clear()

    def is_sold_out(self, zone: str, what: str) -> bool:
        """Whether a plan or a tier cannot be had in a zone."""
        return any(z in {None, zone} and each in {None, what} for z, each in self.sold_out)

    # What is due

    def schedule(self, record: Moving, *steps: Step) -> None:
        """Let the record take these states, one after the other."""
        record.steps = list(steps)
        record.began = self.clock.now()
        self._moving[record.uuid] = record
        self._wake = -math.inf

    def forget(self, record: Moving) -> None:
        """The record is gone: nothing of it happens any more."""
        self._moving.pop(record.uuid, None)
        record.steps = []

    def next_due(self) -> float:
        """When something happens next by time alone; infinite if nothing does."""
        dues = [record.steps[0].due for record in self._moving.values() if record.steps and not record.steps[0].polls]
        return min((due for due in dues if due is not None), default=math.inf)
