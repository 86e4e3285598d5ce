"""The simulated account: its records, its clock, and what happens when time passes (chapter 16)."""

from __future__ import annotations

import math
import random
import threading
from collections import deque
from typing import TYPE_CHECKING, TypeVar

from upcloud_sdk.simulator import billing, imports, placement
from upcloud_sdk.simulator.calls import ApiFault, LoggedRequest
from upcloud_sdk.simulator.catalog import Catalog
from upcloud_sdk.simulator.clock import Clock, RealClock
from upcloud_sdk.simulator.faults import Faults
from upcloud_sdk.simulator.fields import is_uuid
from upcloud_sdk.simulator.guests import Guests, LimitedGuests, NoGuests
from upcloud_sdk.simulator.progress import Boot, Progress, after_seconds
from upcloud_sdk.simulator.records import Records, Server, Step, Storage, StorageImport

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from upcloud_sdk.simulator.access import Access

R = TypeVar("R")
Moving = Server | Storage | StorageImport

_STATE_AFTER = {"shut_down": "maintenance", "power_off": "maintenance", "restarted": "started", "resumed": "started"}
_PREFIX = {
    "server": "00", "storage": "01", "network": "03", "router": "04", "import": "07", "group": "0b", "token": "0c",
    "peering": "0f",
}  # fmt: skip


class Cloud(Records):
    """What the handlers of the endpoints work on. All of it is guarded by `lock`."""

    def __init__(
        self,
        *,
        clock: Clock | None,
        seed: int | None,
        boot: Boot,
        stop_seconds: float,
        storage_seconds: float,
        access: Access,
    ) -> None:
        super().__init__()
        self.clock: Clock = clock or RealClock()
        self.random = random.Random(seed)  # noqa: S311 - repeatable on purpose; nothing here is a real secret
        self.lock = threading.RLock()
        self.catalog = Catalog()
        self.access = access
        self.faults = Faults(self.random)
        self.requests: list[LoggedRequest] = []
        """What came in, oldest first; of the API only."""
        self.guests: Guests = NoGuests()
        self.boot, self.stop_seconds, self.storage_seconds = boot, stop_seconds, storage_seconds
        self.downloads: dict[str, bytes | None] = {}
        """What an import finds at an address; None is nothing. At one that is not here it finds the address."""
        self._next_boots: deque[Progress] = deque()
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

    def template_labels(self, source: Storage) -> dict[str, str]:
        """The system labels of what is cloned from `source`."""
        own = {key: value for key, value in source.labels.items() if key.startswith("_")}
        if source.access == "public" and source.uuid in self.catalog.os_labels:
            own |= self.catalog.os_labels[source.uuid] | {"_template_uuid": source.uuid}
        return own

    def check_limit(self, name: str, held: int, code: str) -> None:
        """Refuse one more of what the account may have only so many of."""
        limit = self.account.resource_limits.get(name)
        if limit is not None and held >= limit:
            raise ApiFault(403, code, f"The account may have {limit} {name.replace('_', ' ')}.")

    def check_credits(self) -> None:
        """Refuse what costs money once there is none."""
        billing.charge(self)
        if self.account.credits <= 0:
            raise ApiFault(402, "INSUFFICIENT_CREDITS", "The account has no credits left.")

    # What can be had

    def admit_guest(self, server: Server, disk: Storage | None) -> None:
        """Refuse a server, made or started from this disk, that no guest can run in."""
        if isinstance(self.guests, LimitedGuests):
            self.guests.admit(server, disk)

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

    def hide_from_lists(self, seconds: float) -> None:
        """Leave what is created from now on out of lists for so long; a GET by uuid finds it at once."""
        with self.lock:
            self.list_lag = seconds

    # Changing state

    def schedule(self, record: Moving, *steps: Step) -> None:
        """Let the record take these states, one after the other."""
        record.steps = list(steps)
        record.began = self.clock.now()
        self._moving[record.uuid] = record
        self._wake = -math.inf

    def start_boot(self, server: Server) -> None:
        """The server leaves for `started`, as the next `Progress` says."""
        boot = self._next_boots.popleft() if self._next_boots else self.boot
        progress = boot if isinstance(boot, Progress) else boot(server)
        server.error_seconds = progress.error_seconds
        due = None if progress.seconds is None else self.clock.now() + progress.seconds
        if progress.polls is not None:
            due = self.clock.now()
        if server.state == "stopped" and billing.is_on_demand(server):
            server.billed_from = self.clock.now()
        server.state = "maintenance"
        self.schedule(server, Step(progress.state, due, polls=progress.polls))

    def boot_next(self, *boots: Progress) -> None:
        """How the next boots go, one `Progress` each; later ones go as `boot` says."""
        with self.lock:
            self._next_boots.extend(boots)

    def break_server(self, uuid: str, *, leaves_after: float | None = None) -> None:
        """Put a server into `error`; it becomes `stopped` after `leaves_after` seconds (None: never)."""
        with self.lock:
            server = self.server(uuid)
            server.error_seconds = leaves_after
            server.steps = []
            self._enter(server, "error", self.clock.now())

    def settle(self) -> None:
        """Let everything happen that is due by now."""
        for uuid in self.guests.poll():
            server = self.servers.get(uuid)
            if server is not None and server.state == "started" and not server.steps:
                self._enter(server, "stopped", self.clock.now())
        now = self.clock.now()
        if now < self._wake:
            return
        for uuid, record in list(self._moving.items()):
            while record.steps and (event := self._due_event(record, record.steps[0], now)) is not None:
                due = record.steps.pop(0).due
                self._enter(record, event, now if due is None else due)
            if not record.steps:
                self._moving.pop(uuid, None)
        self._wake = self.next_due()

    def _due_event(self, record: Moving, step: Step, now: float) -> str | None:
        """What the step brings by now, if anything."""
        if step.due is None or now < step.due or (step.polls is not None and step.polls > 0):
            return None
        if step.latest is not None and self.guests.is_running(record.uuid):
            return None if now < step.latest else step.otherwise or step.event
        return step.event

    def polled(self, records: Iterable[Server]) -> None:
        """These servers have been read: what waits for polls comes nearer, or about."""
        for server in records:
            if server.steps and server.steps[0].polls:
                server.steps[0].polls -= 1
                self._wake = -math.inf

    def complete(self, record: Moving) -> None:
        """Bring forward what would come by time alone: a blocking call has been waited for."""
        while record.steps and record.steps[0].due is not None:
            self._enter(record, record.steps.pop(0).event, self.clock.now())

    def next_due(self) -> float:
        """When something happens next by time alone; infinite if nothing does."""
        dues = [record.steps[0].due for record in self._moving.values() if record.steps and not record.steps[0].polls]
        return min((due for due in dues if due is not None), default=math.inf)

    def _enter(self, record: Moving, event: str, when: float) -> None:
        """What a step brings. It was due at `when`, though it may be seen later."""
        if isinstance(record, Storage):
            record.state = event
            self._copied(record)
            return
        if isinstance(record, StorageImport):
            imports.entered(self, record, event, when)
            return
        if event == "stopped" and billing.is_on_demand(record):
            billing.close(self, record, when)
        record.state = _STATE_AFTER.get(event, event)
        if event == "resumed":
            return
        if event == "shut_down":
            self.guests.stop(record.uuid, hard=False)
        else:
            self.guests.stop(record.uuid, hard=True)
        if record.state == "started":
            self._started(record)
        elif event == "stopped":
            record.host = None
        elif event == "error":
            self._finish_creation(record)
            if record.error_seconds is not None:
                self.schedule(record, Step("stopped", self.clock.now() + record.error_seconds))

    def _started(self, server: Server) -> None:
        if server.host is None:
            server.host = self.random.choice(placement.PUBLIC_HOSTS)
        self._finish_creation(server)
        self.guests.start(server)

    def _finish_creation(self, server: Server) -> None:
        server.being_created = False
        for device in server.devices:
            storage = self.storages.get(device.storage)
            if storage is not None and storage.state == "maintenance" and not storage.steps:
                storage.state = "online"

    def _copied(self, storage: Storage) -> None:
        """A copy is done: its source is free again."""
        source = self.storages.get(storage.copied_from or "")
        storage.copied_from = None
        if source is not None and source.state in {"cloning", "backuping"}:
            source.state = "online"

    def resume(self) -> None:
        """The records have been replaced: go on with what was going on in them."""
        self._next_boots.clear()
        moving: list[Moving] = [*self.servers.values(), *self.storages.values(), *self.storage_imports.values()]
        self._moving = {record.uuid: record for record in moving if record.steps}
        self._wake = -math.inf
        for server in self.servers.values():
            if server.state == "started":
                self.guests.start(server)

    def forget(self, record: Moving) -> None:
        """The record is gone: nothing of it happens any more."""
        self._moving.pop(record.uuid, None)
        record.steps = []


DEFAULT_BOOT = after_seconds(2.0)
