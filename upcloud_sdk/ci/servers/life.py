"""The life of a server: where it is, which jobs hold it, and who is told."""

from __future__ import annotations

import logging
import threading
import time
import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from upcloud_sdk.ci.record.changes import ARROWS, BuildChange, Phase, ServerChange
from upcloud_sdk.placement import ServerTime, cost_of

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence
    from decimal import Decimal

    from upcloud_sdk.ci.record.changes import Listener

log = logging.getLogger("upcloud_sdk")

_BEGIN = frozenset({Phase.ASKED})


class ServerLife:
    """The part of a `JobServer` that tells what happens. May be used on several threads.

    Args:
        name: Of the worker or runner.
        listeners: Those of all servers of an account.
        place: The owner of the server, and the zone and the plan that are tried first.
    """

    def __init__(self, name: str, listeners: Sequence[Listener], **place: str) -> None:
        self.name, self._of_account = name, listeners
        self._place: dict[str, Any] = {"worker": name, **place}
        self.id = uuid.uuid4().hex
        """Its id in a record."""
        self.phase: Phase | None = None
        """Where it is in its life. None until it is asked for."""
        self.listeners: list[Listener] = []
        """Called with each step and each fact of it, in their order, on the thread on which it happens."""
        self.error: str | None = None
        """Why its start failed, or it was given up: the first reason."""
        self._origin: dict[str, Any] = {}
        self._time: ServerTime | None = None
        """Who has held it since its create. None before."""
        self._first_job: Hashable = None
        self._jobs: set[Hashable] = set()
        self._wanted_at = time.monotonic()
        self._anchor = (time.time(), time.monotonic())
        """A moment by the API's clock, or by this host's before its create is answered, and by the monotonic clock."""
        self._turn = threading.RLock()
        self.asked_at: float | None = None
        """When its create was sent, by the monotonic clock."""
        self.attached_at: float | None = None
        """When its guest attached, by the monotonic clock."""
        self.hourly: Decimal | None = None
        """The price per hour, in the main unit of the currency. None if not known yet."""
        self.currency: str | None = None
        """The account's currency."""

    def ask(self, job: Hashable = None, **origin: Any) -> None:  # noqa: ANN401 - fields of a `ServerChange`
        """Say for which job it is wanted: the one that holds it from its create on. `start` asks, if nobody has.

        Args:
            job: As for `hold`.
            origin: More facts, as fields of a `ServerChange`.
        """
        self._first_job, self._origin, self._wanted_at = job, origin, time.monotonic()
        self._jobs.add(job)
        self._enter(Phase.ASKED, **self._place, **origin)

    def wanted(self, **origin: Any) -> ServerChange:  # noqa: ANN401 - as for `ask`
        """What `ask` tells, for a claim before it."""
        return ServerChange(id=self.id, at=self.moment(), phase=Phase.ASKED, **self._place, **origin)

    def fail(self, reason: str) -> None:
        """Note why its start failed, or it is given up. Only the first reason is kept."""
        if self.error is None:
            self.error = reason
            self._enter(None, error=reason)

    def end(self, reason: str | None = None) -> None:
        """Note that it was not created, or is gone. `reason`: as for `fail`. None: nothing went wrong."""
        if reason is not None:
            self.fail(reason)
        self._enter(Phase.GONE)

    def moment(self, at: float | None = None) -> datetime:
        """A time of the monotonic clock, or now, by the API's clock, or by this host's before it has answered."""
        known, anchor = self._anchor
        seconds = known + (time.monotonic() if at is None else at) - anchor
        return datetime.fromtimestamp(round(seconds, 3), UTC)

    def _enter(self, phase: Phase | None, at: float | None = None, **facts: Any) -> None:  # noqa: ANN401 - as above
        """The only place where its phase changes. What comes too late is told as facts."""
        with self._turn:
            # What nobody has asked for has no end, either.
            if phase is not None and phase not in (_BEGIN if self.phase is None else ARROWS[self.phase]):
                phase = None
            if phase is None and (not facts or self.phase in {None, Phase.GONE}):
                return
            self.phase = phase or self.phase
            self._emit(ServerChange(id=self.id, at=self.moment(at), phase=phase, **facts))

    def _emit(self, change: ServerChange | BuildChange) -> None:
        for listener in (*self._of_account, *self.listeners):
            try:
                listener(change)
            except Exception:
                log.exception("a listener of server %s of %s failed", self.id, self.name)

    def _live_again(self) -> None:
        """Begin another life for the same job."""
        self.id, self.phase, self.error = uuid.uuid4().hex, None, None
        self.ask(self._first_job, **self._origin)

    def _note_attach(self, at: float) -> None:
        self._enter(Phase.ATTACHED, at)
        if self._jobs:
            self._enter(Phase.BUILDING)

    # --- its jobs -----------------------------------------------------------------------------------------------------

    def hold(self, job: Hashable) -> datetime:
        """A job begins on it. Returns when it took the server: for the first one, when the server was asked for."""
        with self._turn:
            held = self._held_time()
            self._jobs.add(job)
            if held is not None:
                held.hold(job, time.monotonic())
            if self.attached_at is not None:
                self._enter(Phase.BUILDING)
            return self.moment()

    def release(self, job: Hashable) -> Decimal | None:
        """A job on it has ended. Returns its cost in the main unit of the currency. None if it is not known.

        Jobs that run at the same time share the cost.
        """
        with self._turn:
            held, price = self._held_time(), self.hourly
            seconds = 0.0 if held is None else held.release(job, time.monotonic())
            self._jobs.discard(job)
            if not self._jobs and self.attached_at is not None:
                self._enter(Phase.IDLE)
            return None if held is None or price is None else round(cost_of(seconds, price), 9)

    def tell_job(self, job: str, **facts: Any) -> None:  # noqa: ANN401 - fields of a `BuildChange`
        """Tell what is known of a job on it, as fields of a `BuildChange`, to the record."""
        with self._turn:
            self._emit(BuildChange(server=self.id, build=job, at=self.moment(), **facts))

    @property
    def held_seconds(self) -> float | None:
        """Seconds that jobs pay for. None before its create."""
        return None if self._time is None else self._time.held_seconds

    def _held_time(self) -> ServerTime | None:
        if self._time is None and self.asked_at is not None:
            self._time = ServerTime(self.asked_at)
            self._time.hold(self._first_job, self.asked_at)
        return self._time
