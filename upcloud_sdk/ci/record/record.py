"""The record of all servers, builds, prices and claims: one database, written by a thread of its own."""

from __future__ import annotations

import logging
import threading
import time
import uuid as uuids
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, TypeVar

from sqlalchemy.exc import DataError, IntegrityError, SQLAlchemyError

from upcloud_sdk.ci.record import store
from upcloud_sdk.ci.record.changes import Phase, ServerChange
from upcloud_sdk.ci.record.claims import Claim, Counts, Refused, refusal, standings
from upcloud_sdk.ci.record.database import Database, RecordProblem, reason_of
from upcloud_sdk.ci.record.recorded import RecordedServer, month_of, paid_days

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator, Mapping

    import sqlalchemy as sa

    from upcloud_sdk.ci.record.changes import Change

log = logging.getLogger("upcloud_sdk")

T = TypeVar("T")

MOST_WAITING = 100_000
"""How many changes are kept in memory while the database is away. Further ones are dropped and counted."""
KEPT = timedelta(days=400)
"""How long a server is remembered after its end."""
_AT_ONCE = 500
_FORGOTTEN_AT_ONCE = 1000
_FORGETS_EVERY = 3600.0
_POISON = (DataError, IntegrityError, ValueError, TypeError, OverflowError)
"""Errors that are not the database's, but of what is written."""
_READ_AFTER = 10.0
"""Seconds that a query waits at most until what was told before is written."""
_LEASE = timedelta(hours=1)
"""A server whose process was killed is not renewed: its lease ends within this time."""
_CREATED_WITHIN = timedelta(hours=3)
"""When a create that was not answered has certainly ended, whichever process has sent it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """The servers that are not gone, as this process knows them."""

    servers: tuple[RecordedServer, ...] = ()
    """Those of this process as they are, the others' as last read. The oldest first."""
    own: frozenset[str] = frozenset()
    """The ids of those of this process."""
    paid: Mapping[str, int] = field(default_factory=dict[str, int])
    """What servers that are gone have cost in `month`, by currency, in millionths."""
    month: tuple[int, int] = (0, 0)
    gone: frozenset[str] = frozenset()
    """Uuids of servers that ended not long ago: a list of the API may still have them."""


class Record:
    """All servers of a process, or of several that share it. Its methods are called on any thread, and never block.

    Nothing waits for the database: what happens is kept in memory until it is written, and `view` knows it at once.

    Args:
        url: A database URL of SQLAlchemy: SQLite or PostgreSQL.
        is_shared: Whether other processes make servers in the same record. Then nothing is made under a limit while the
            database is away, since nobody knows what the others make.
        retry_after: Seconds until what could not be written is tried again.
        refresh_every: Seconds between two looks at what other processes have written, while `watch` is on.

    Raises:
        ValueError: The URL is not one of a database that is supported.
    """

    def __init__(
        self, url: str, *, is_shared: bool = False, retry_after: float = 5.0, refresh_every: float = 3.0
    ) -> None:
        self._database = Database(url)
        self.is_shared = is_shared
        self.name = self._database.name
        """Its URL, without a password."""
        self.dropped = 0
        """How many changes were lost because the database was away for too long."""
        self.lost: str | None = None
        """What the record has lost, as a sentence. None if nothing is known to be."""
        self.freed: Callable[[], object] = lambda: None
        """Called on the record's thread when other processes' servers have ended, while `watch` is on."""
        self._retry_after, self._refresh_every = retry_after, refresh_every
        self._changed = threading.Condition()
        self._queue: deque[store.Written] = deque()
        self._claims: deque[tuple[Claim, Future[Refused | None]]] = deque()
        self._own: dict[str, RecordedServer] = {}
        """Servers of this process: those that are not gone, or whose end is not written yet."""
        self._others: dict[str, RecordedServer] = {}
        self._paid: dict[str, int] = {}
        self._month = (0, 0)
        self._ended: dict[str, float] = {}
        self._bills: dict[tuple[str, tuple[int, int]], tuple[int, int]] = {}
        self._problem: str | None = None
        self._thread: threading.Thread | None = None
        self._reader = ThreadPoolExecutor(max_workers=1, thread_name_prefix="reads the record")
        self._view: View | None = None
        self._process = uuids.uuid4().hex
        self._awaited: Refused | None = None
        """What builds wait for, as far as `watch` has told."""
        self._awaited_at = 0.0
        self._is_queued = False
        """Whether the record says that this process waits."""
        self._earlier: tuple[store.Queued, ...] = ()
        """The other processes that have waited for longer."""
        self._clock = time.time() - time.monotonic()
        """The clock of the last claim, less the monotonic one. This host's may be wrong."""
        self._is_closed = self._is_asked_now = self._must_rewrite = self._has_read = False
        self._forgot_at = float("-inf")

    # --- what happens -------------------------------------------------------------------------------------------------

    def tell(self, change: Change) -> None:
        """Record a change. Never fails: what cannot be written now is kept."""
        with self._changed:
            key = change.id if isinstance(change, ServerChange) else change.server
            known = self._own.get(key)
            if known is not None:
                self._keep(known.after(change))
            elif key not in self._others and isinstance(change, ServerChange):
                self._keep(RecordedServer.of(change))
            self._append(change)

    def reaped(self, uuid: str, at: datetime) -> None:
        """Record that a server is gone, whichever process has made it."""
        with self._changed:
            for server in [each for each in (*self._own.values(), *self._others.values()) if each.uuid == uuid]:
                if server.id in self._own:
                    self._keep(server.after(ServerChange(id=server.id, at=at, phase=Phase.GONE)))
                else:
                    del self._others[server.id]
            self._ended[uuid] = time.monotonic()
            self._append(store.Ended(uuid, at))

    def left(self, master: str, owner: str, at: datetime) -> Future[list[RecordedServer]]:
        """The servers that count and that nobody looks after: whether they are gone is to be asked of the API.

        Those of earlier processes of a master, and this process's own whose destroy failed. Of other masters, those
        that have not changed for longer than a lease, and those whose create must have ended long ago.

        Args:
            master: The name of the master, which has no other process now.
            owner: The owner of these servers. Those of other masters may have another one.
            at: Now, by the API's clock.
        """

        def find(connection: sa.Connection) -> list[RecordedServer]:
            servers = store.read_open(connection)
            with self._changed:
                return [each for each in servers if self._is_left(each, master, owner, at)]

        return self.ask(find)

    def _is_left(self, server: RecordedServer, master: str, owner: str, at: datetime) -> bool:
        if server.id in self._own:
            return server.owner == owner and self._own[server.id].phase is Phase.NOT_DESTROYED
        if server.master == master and server.owner == owner:
            return True
        if server.uuid is None:
            return server.seen < at - _CREATED_WITHIN
        return server.seen < at - _LEASE

    def note_gone(self, server: RecordedServer, at: datetime) -> None:
        """Record that a server that was left is gone, as was seen at a time: since its lease ended, at the latest."""
        end = max(server.seen, min(at, server.seen + _LEASE)) if server.uuid is not None else server.seen
        with self._changed:
            if server.id in self._own:
                self.tell(ServerChange(id=server.id, at=max(server.seen, at), phase=Phase.GONE))
            else:
                self._others.pop(server.id, None)
                self._append(ServerChange(id=server.id, at=end, phase=Phase.GONE))

    def claim(self, claim: Claim) -> Future[Refused | None]:
        """Claim a server: one transaction that locks the record, counts, and inserts. None if it is granted."""
        future: Future[Refused | None] = Future()
        with self._changed:
            if self._is_closed:
                future.set_exception(RecordProblem(f"{self.name} is closed"))
            else:
                self._claims.append((claim, future))
                self._wake()
        return future

    # --- what is known ------------------------------------------------------------------------------------------------

    @property
    def view(self) -> View:
        """The servers that are not gone. Made anew only if something has changed."""
        with self._changed:
            if self._view is None:
                servers = [*self._own.values(), *self._others.values()]
                now = time.monotonic()
                self._ended = {uuid: at for uuid, at in self._ended.items() if now - at < _FORGETS_EVERY}
                self._view = View(
                    servers=tuple(sorted((each for each in servers if each.is_open), key=lambda each: each.asked)),
                    own=frozenset(each.id for each in self._own.values() if each.is_open),
                    paid=self._paid_with_unwritten(),
                    month=self._month,
                    gone=frozenset(self._ended),
                )
            return self._view

    @property
    def problem(self) -> str | None:
        """Why the record cannot be written now, as a sentence. None if it can."""
        return self._problem

    @property
    def waiting(self) -> int:
        """How many changes are not written yet."""
        return len(self._queue)

    def refusal(self, claim: Claim, reserved: Iterable[int | None] = ()) -> Refused | None:
        """Why a claim would be refused, by the view. `reserved`: prices of servers that are not claimed yet."""
        with self._changed:
            return self._decide(claim, tuple(reserved))

    def standings(self, claim: Claim, reserved: Iterable[int | None] = ()) -> list[Refused]:
        """How each limit of a claim stands, by the view. Nothing is claimed."""
        with self._changed:
            return standings(claim, self._counts_in_memory(claim, tuple(reserved)), at=claim.server.at)

    def watch(self, refused: Refused | None) -> None:
        """Tell why something waits for room, or None if nothing does any more.

        While something waits in a record that is shared, other processes let this one go first from now on, and it
        looks every few seconds whether they have freed some.
        """
        with self._changed:
            self._awaited = refused
            if refused is not None:
                self._awaited_at = time.monotonic()
            self._wake()

    def ask(self, query: Callable[[sa.Connection], T]) -> Future[T]:
        """Run a query on the reader's thread, after what was told before is written, or cannot be written.

        The future fails with a `RecordProblem` if the record cannot be read.
        """
        return self._reader.submit(self._read, query)

    def flush(self, timeout: float) -> bool:
        """Try to write now, and wait until all is written or that has failed. Returns whether all is written."""
        with self._changed:
            if self._is_closed:
                return not self._queue
            if self._queue or self._must_rewrite or not self._has_read:
                self._is_asked_now = True
                self._wake()
            self._changed.wait_for(lambda: not self._is_asked_now and not self._is_writable_queue(), timeout)
            return not self._queue

    def close(self, timeout: float) -> bool:
        """Write what is left and end the threads. Returns whether all is written."""
        with self._changed:
            self._is_closed = True
            self._wake()
            thread = self._thread
        if thread is not None:
            thread.join(timeout)
        self._reader.shutdown(wait=False, cancel_futures=True)
        return not self._queue

    # --- in memory ----------------------------------------------------------------------------------------------------

    def _keep(self, server: RecordedServer) -> None:
        if server.gone is not None and server.uuid is not None:
            self._ended[server.uuid] = time.monotonic()
        self._own[server.id] = server

    def _append(self, item: store.Written) -> None:
        self._view = None
        if len(self._queue) >= MOST_WAITING:
            self.dropped += 1
            self._must_rewrite = True
        else:
            self._queue.append(item)
        self._wake()

    def _wake(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="writes the record", daemon=True)
            try:
                self._thread.start()
            except RuntimeError:
                self._thread = None  # The process is ending.
        self._changed.notify_all()

    def _is_refreshed(self) -> bool:
        return self.is_shared and (self._awaited is not None or self._is_queued)

    def _is_writable_queue(self) -> bool:
        return bool(self._queue) and self._problem is None

    def _paid_with_unwritten(self) -> dict[str, int]:
        paid = dict(self._paid)
        for server in self._own.values():
            if server.gone is not None and server.hourly is not None:
                days = paid_days(server, server.gone)
                cost = sum(each.cost or 0 for each in days if each.day // 100 == self._month[0] * 100 + self._month[1])
                paid[server.currency or ""] = paid.get(server.currency or "", 0) + cost
        return paid

    def _decide(self, claim: Claim, reserved: tuple[int | None, ...] = ()) -> Refused | None:
        if claim.limits.is_none:
            return None
        return refusal(claim, self._counts_in_memory(claim, reserved, is_kept=True), at=claim.server.at)

    def _counts_in_memory(self, claim: Claim, reserved: tuple[int | None, ...], *, is_kept: bool = False) -> Counts:
        view, at = self.view, claim.server.at
        paid = view.paid.get(claim.server.currency or "", 0) if view.month == month_of(at) else 0
        first = (*reserved, *self._go_first(claim))
        return self._counts(claim, view.servers, paid, known=view.gone, reserved=first, is_kept=is_kept)

    def _go_first(self, claim: Claim) -> Iterator[int | None]:
        """Prices of the next servers of other processes that have waited for longer for room in the same limit."""
        for each in self._earlier:
            if each.allowed == getattr(claim.limits, each.limit):
                yield each.hourly

    def _counts(
        self,
        claim: Claim,
        servers: Iterable[RecordedServer],
        paid: int,
        *,
        known: Iterable[str] = (),
        reserved: tuple[int | None, ...] = (),
        is_kept: bool = True,
    ) -> Counts:
        servers, known, at = tuple(servers), frozenset(known), claim.server.at
        counts = Counts.of(servers, paid, claim, at=at, known=known)
        others = self._others_on_bill(claim, counts.month, is_kept=is_kept)
        return Counts.of(servers, paid, claim, at=at, known=known, others=others, reserved=reserved)

    def _others_on_bill(self, claim: Claim, recorded: int, *, is_kept: bool) -> int:
        """What the bill had more than the record when it was read. The bill is read seldom, and lags."""
        key = (claim.server.owner or "", month_of(claim.server.at))
        billed, others = self._bills.get(key, (-1, 0))
        if billed != claim.limits.billed:
            others = max(0, claim.limits.billed - recorded)
            if is_kept:
                self._bills[key] = (claim.limits.billed, others)
        return others

    # --- the thread ---------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        retry_at = refresh_at = 0.0
        while True:
            with self._changed:
                while not (self._claims or self._is_asked_now or self._is_closed):
                    now = time.monotonic()
                    if self._problem is not None:
                        due = retry_at
                    elif self._queue or self._must_rewrite:
                        due = now
                    else:
                        due = refresh_at if self._is_refreshed() else float("inf")
                    if due <= now:
                        break
                    self._changed.wait(None if due == float("inf") else due - now)
                is_last = self._is_closed
                is_tried = self._problem is None or self._is_asked_now or is_last or time.monotonic() >= retry_at
            if is_tried:
                self._write_all(is_refreshed=self._is_refreshed() and time.monotonic() >= refresh_at)
                retry_at = time.monotonic() + self._retry_after
                refresh_at = time.monotonic() + self._refresh_every
            self._answer_claims()
            with self._changed:
                self._is_asked_now = False
                self._changed.notify_all()
                if is_last:
                    break
        self._database.close()

    def _write_all(self, *, is_refreshed: bool) -> None:
        try:
            while self._write_some():
                pass
            if is_refreshed or not self._has_read:
                with self._writing() as connection:
                    self._refresh(connection)
            self._forget_old()
        except (SQLAlchemyError, RecordProblem, OSError) as error:
            self._tell_problem(error)
        else:
            self._tell_problem(None)

    def _write_some(self) -> bool:
        """Write the oldest changes. Returns whether there are more."""
        with self._changed:
            items = [self._queue[number] for number in range(min(_AT_ONCE, len(self._queue)))]
            is_rewritten = self._must_rewrite and len(items) == len(self._queue)
            own = list(self._own.values()) if is_rewritten else []
        if not items and not own:
            self._must_rewrite = self._must_rewrite and not is_rewritten
            return False
        try:
            self._write([*own, *items], count=len(items))
        except _POISON:
            # One of them can never be written. It must not keep the others.
            for item in items:
                self._write_or_drop(item)
        with self._changed:
            self._must_rewrite = self._must_rewrite and not is_rewritten
            return bool(self._queue)

    def _write_or_drop(self, item: store.Written) -> None:
        try:
            self._write([item], count=1)
        except _POISON as error:
            log.error("the record cannot hold this, and drops it: %s: %r", reason_of(error), item)  # noqa: TRY400
            with self._changed:
                self.dropped += 1
                self._queue.popleft()

    def _write(self, items: list[store.Written], *, count: int) -> None:
        """Write items, of which the last `count` are the oldest of the queue."""
        with self._writing() as connection:
            written = store.write(connection, items)
            month = month_of(self._now())
            has_ended = any(server.gone is not None for server in written)
            paid = store.read_month(connection, month) if has_ended else None
        with self._changed:
            for _ in range(count):
                self._queue.popleft()
            waiting = {store.key_of(item) for item in self._queue}
            for server in written:
                if server.gone is not None and server.id not in waiting:
                    self._own.pop(server.id, None)
            if paid is not None:
                self._paid, self._month = paid, month
            self._view = None
            self._changed.notify_all()

    @contextmanager
    def _writing(self) -> Generator[sa.Connection]:
        """A transaction. If somebody has deleted the record, it begins anew with what is known."""
        with self._database.writing() as (connection, is_new):
            if is_new and self._has_read:
                with self._changed:
                    own = list(self._own.values())
                store.write(connection, own)
                self.lost = f"{self.name} was deleted or replaced: what it had of servers that are gone is lost"
                log.error("%s", self.lost)
            yield connection

    def _refresh(self, connection: sa.Connection) -> None:
        """Read what other processes have written."""
        with self._changed:
            awaited, is_over = self._awaited, time.monotonic() > self._awaited_at + self._refresh_every
        if awaited is not None and awaited.limit in store.IN_TURN:
            store.queue(connection, self._process, awaited)
            self._is_queued = True
        elif self._is_queued and is_over:
            store.leave_queue(connection, self._process)
            self._is_queued = False
        month = month_of(self._now())
        paid, earlier = store.read_month(connection, month), self._read_earlier(connection)
        self._see(store.read_open(connection), paid, month, earlier)

    def _read_earlier(self, connection: sa.Connection) -> tuple[store.Queued, ...]:
        return store.queued_before(connection, self._process) if self.is_shared else ()

    def _see(
        self,
        servers: Iterable[RecordedServer],
        paid: dict[str, int],
        month: tuple[int, int],
        earlier: tuple[store.Queued, ...],
    ) -> None:
        with self._changed:
            before = self._others.keys()
            self._others = {
                each.id: each for each in servers if each.id not in self._own and each.uuid not in self._ended
            }
            gone = {each.process for each in self._earlier} - {each.process for each in earlier}
            has_freed = bool(before - self._others.keys() or gone)
            self._paid, self._month, self._view, self._has_read = paid, month, None, True
            self._earlier = earlier
        if has_freed:
            self.freed()

    def _forget_old(self) -> None:
        if time.monotonic() - self._forgot_at < _FORGETS_EVERY:
            return
        with self._writing() as connection:
            count = store.forget(connection, self._now(), KEPT, _FORGOTTEN_AT_ONCE)
        if count < _FORGOTTEN_AT_ONCE:
            self._forgot_at = time.monotonic()

    def _answer_claims(self) -> None:
        while True:
            with self._changed:
                if not self._claims:
                    return
                claim, future = self._claims.popleft()
            if not future.set_running_or_notify_cancel():
                continue
            try:
                future.set_result(self._answer(claim))
            except Exception as error:  # a caller waits
                log.exception("a claim failed")
                future.set_exception(error)

    def _answer(self, claim: Claim) -> Refused | None:
        if self._problem is None:
            try:
                return self._claim_in_database(claim)
            except (SQLAlchemyError, RecordProblem, OSError) as error:
                self._tell_problem(error)
                if self.is_shared and not claim.limits.is_none:
                    with self._changed:
                        self._append(store.Withdrawn(claim.server.id))
        if self.is_shared and not claim.limits.is_none:
            return Refused(limit="record", problem=self._problem or "")
        with self._changed:
            refused = self._decide(claim)
            if refused is None:
                self.tell(claim.server)
            return refused

    def _claim_in_database(self, claim: Claim) -> Refused | None:
        month, server = month_of(claim.server.at), claim.server
        with self._changed:
            self._clock = server.at.timestamp() - time.monotonic()
            # Before it is committed, so that nobody takes its row for one of an earlier process.
            self._keep(RecordedServer.of(server))
        refused: Refused | None = None
        is_claimed = False
        try:
            with self._writing() as connection:
                if not claim.limits.is_none:
                    store.lock(connection)
                    servers, paid = store.read_open(connection), store.read_month(connection, month)
                    known = store.known_uuids(connection, claim.limits.listed)
                    self._see(servers, paid, month, self._read_earlier(connection))
                    first, paid_so_far = tuple(self._go_first(claim)), paid.get(server.currency or "", 0)
                    counts = self._counts(claim, servers, paid_so_far, known=known, reserved=first)
                    refused = refusal(claim, counts, at=server.at)
                if refused is None:
                    store.write(connection, [server])
                    if self._is_queued:
                        # The next one of this process waits anew.
                        store.leave_queue(connection, self._process)
            is_claimed = refused is None
            self._is_queued = self._is_queued and not is_claimed
        finally:
            if not is_claimed:
                with self._changed:
                    self._own.pop(server.id, None)
                    self._view = None
        return refused

    def _tell_problem(self, error: Exception | None) -> None:
        problem = None if error is None else reason_of(error)
        if problem is not None and not isinstance(error, RecordProblem):
            problem = f"{self.name}: {problem}"
        with self._changed:
            before, self._problem = self._problem, problem
            waiting = len(self._queue)
        if problem is not None and before is None:
            log.error("the record cannot be written; builds go on, and it is tried again: %s", problem)
        elif problem is None and before is not None:
            log.warning("the record can be written again; %d changes were lost, %d wait", self.dropped, waiting)

    # --- the reader's thread ------------------------------------------------------------------------------------------

    def _read(self, query: Callable[[sa.Connection], T]) -> T:
        if self._problem is None:
            self.flush(_READ_AFTER)
        with self._database.reading() as connection:
            return query(connection)

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._clock + time.monotonic(), UTC)
