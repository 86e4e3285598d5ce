"""The simulated account, and its changes over time (chapter 16)."""

from __future__ import annotations

import math
from collections import deque
from typing import TYPE_CHECKING

from upcloud_sdk.simulator.records.firewalls import ServerEvent
from upcloud_sdk.simulator.records.progress import Boot, Progress, after_seconds
from upcloud_sdk.simulator.records.records import Server, Step, Storage, StorageImport
from upcloud_sdk.simulator.state import imports, usage
from upcloud_sdk.simulator.state.account_state import AccountState, Moving
from upcloud_sdk.simulator.state.catalog import PUBLIC_HOSTS
from upcloud_sdk.simulator.state.faults import Faults
from upcloud_sdk.simulator.state.guest_backend import DiskGuests, Guests, LimitedGuests, NoGuests, powers_itself_off
from upcloud_sdk.simulator.wire.calls import ApiFault, LoggedRequest

if TYPE_CHECKING:
    from collections.abc import Iterable

    from upcloud_sdk.simulator.records.clock import Clock
    from upcloud_sdk.simulator.state.access import Access


_EVENTS = 100_000
_EVENT_OF = {"started": "server_start", "stopped": "server_stop", "error": "server_error"}
_STATE_AFTER = {
    "shut_down": "maintenance",
    "power_off": "maintenance",
    "restarted": "maintenance",
    "resumed": "started",
}


class Cloud(AccountState):
    """The object that the endpoint handlers use. `lock` protects all of it."""

    def __init__(
        self,
        *,
        clock: Clock | None,
        seed: int | None,
        boot: Boot,
        stop_seconds: float,
        storage_seconds: float,
        access: Access,
        total_count: bool = False,
        server_errors: str = "recorded",
        discontinued_plans: str = "sold",
    ) -> None:
        super().__init__(clock, seed)
        self.access = access
        self.account.username = access.username
        self.faults = Faults(self.random)
        self.requests: list[LoggedRequest] = []
        """All API requests so far, the oldest first."""
        self.guests: Guests = NoGuests()
        self.boot, self.stop_seconds, self.storage_seconds = boot, stop_seconds, storage_seconds
        self.total_count = total_count
        """Whether lists of servers, storages and tokens send the total."""
        self.server_errors = server_errors
        """Format of refused server calls: `recorded` or `contract`."""
        self.discontinued_plans = discontinued_plans
        """Whether new servers of plans that UpCloud no longer sells are `refused` or `sold`."""
        self.warned_of: set[str] = set()
        """The discontinued plans that the log has warned of."""
        self._next_boots: deque[Progress] = deque()

    # Limits and guests

    def check_credits(self) -> None:
        """Refuse a call that costs money if there are no credits."""
        usage.charge(self)
        if self.account.credits <= 0:
            raise ApiFault(402, "INSUFFICIENT_CREDITS", "The account has no credits left.")

    def admit_guest(self, server: Server, disk: Storage | None) -> None:
        """Refuse to create or start a server for which there is no guest."""
        if isinstance(self.guests, LimitedGuests):
            self.guests.admit(server, disk)

    def copy_disk(self, source: Storage, copy: Storage) -> None:
        """Let the guests copy the contents of a storage."""
        if isinstance(self.guests, DiskGuests):
            self.guests.copy_disk(source, copy)

    def hide_from_lists(self, seconds: float) -> None:
        """Keep new resources out of lists for this many seconds. A GET by uuid finds them immediately."""
        with self.lock:
            self.list_lag = seconds

    # Changes of state

    def start_boot(self, server: Server) -> None:
        """Begin a boot, according to the next `Progress`."""
        if server.state == "stopped" and usage.is_on_demand(server):
            server.billed_from = self.clock.now()
        self._boot(server, self.clock.now())

    def _boot(self, server: Server, now: float) -> None:
        boot = self._next_boots.popleft() if self._next_boots else self.boot
        progress = boot if isinstance(boot, Progress) else boot(server)
        server.error_seconds = progress.error_seconds
        due = None if progress.seconds is None else now + progress.seconds
        if progress.polls is not None:
            due = now
        server.state = "maintenance"
        self.schedule(server, Step(progress.state, due, polls=progress.polls))

    def boot_next(self, *boots: Progress) -> None:
        """Set how the next servers boot, one `Progress` each. Later ones boot as `boot` says."""
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
        """Make all changes that are due."""
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
        """The due event of a step, if any."""
        if step.due is None or now < step.due or (step.polls is not None and step.polls > 0):
            return None
        if step.latest is not None and self.guests.is_running(record.uuid):
            return None if now < step.latest else step.otherwise or step.event
        return step.event

    def note_event(self, server: Server, kind: str, when: float | None = None) -> None:
        """Record an event of a server."""
        self.events.append(ServerEvent(server.uuid, self.clock.now() if when is None else when, kind))
        if len(self.events) > _EVENTS:
            del self.events[: _EVENTS // 2]

    def polled(self, records: Iterable[Server]) -> None:
        """Count a read of these servers, and make changes that wait for reads."""
        for server in records:
            if server.steps and server.steps[0].polls:
                server.steps[0].polls -= 1
                self._wake = -math.inf

    def cancel_boot(self, server: Server) -> None:
        """Cancel the creation of a server: it is stopped."""
        server.steps = []
        self._enter(server, "stopped", self.clock.now())
        self._finish_creation(server)

    def complete(self, record: Moving) -> None:
        """Make the time-based changes now, because a blocking call was waited for."""
        # Later steps take their normal time.
        for _ in range(len(record.steps)):
            if not record.steps or record.steps[0].due is None:
                break
            self._enter(record, record.steps.pop(0).event, self.clock.now())

    def _enter(self, record: Moving, event: str, when: float) -> None:
        """Apply the event of a step, which was due at `when`."""
        if isinstance(record, Storage):
            record.state = event
            self._copied(record)
        elif isinstance(record, StorageImport):
            imports.entered(self, record, event, when)
        else:
            self._enter_server(record, event, when)

    def _enter_server(self, record: Server, event: str, when: float) -> None:
        if event == "stopped" and usage.is_on_demand(record):
            usage.close(self, record, when)
        record.state = _STATE_AFTER.get(event, event)
        if event in _EVENT_OF:
            self.note_event(record, _EVENT_OF[event], when)
        if event == "resumed":
            return
        self.guests.stop(record.uuid, hard=event != "shut_down")
        if event == "restarted":
            self._boot(record, when)
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
            server.host = self.random.choice(PUBLIC_HOSTS)
        self._finish_creation(server)
        self.guests.start(server)
        # Without a guest, do the effect of the cloud-config's power_state, at each start.
        if not getattr(self.guests, "runs_cloud_config", True) and powers_itself_off(server):
            self.schedule(server, Step("stopped", self.clock.now() + self.stop_seconds))

    def _finish_creation(self, server: Server) -> None:
        server.being_created = False
        for device in server.devices:
            storage = self.storages.get(device.storage)
            if storage is not None and storage.state == "maintenance" and not storage.steps:
                storage.state = "online"

    def _copied(self, storage: Storage) -> None:
        """A copy is complete, so its source is free again."""
        source = self.storages.get(storage.copied_from or "")
        storage.copied_from = None
        if source is not None and source.state in {"cloning", "backuping"}:
            source.state = "online"

    def resume(self) -> None:
        """Continue pending changes after the records were replaced."""
        self._next_boots.clear()
        moving: list[Moving] = [*self.servers.values(), *self.storages.values(), *self.storage_imports.values()]
        self._moving = {record.uuid: record for record in moving if record.steps}
        self._wake = -math.inf
        for server in self.servers.values():
            if server.state == "started":
                self.guests.start(server)


DEFAULT_BOOT = after_seconds(2.0)
