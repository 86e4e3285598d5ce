"""Destroys a server in any state: reads its state, chooses the next step, does it, and repeats until it is gone."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Literal

from upcloud_sdk._transport import path_segment
from upcloud_sdk.errors import (
    AuthenticationFailed,
    CleanupFailed,
    Forbidden,
    InvalidRequest,
    LimitReached,
    NotFound,
    NotOpen,
    OutcomeUnknown,
    ServerFault,
    UpCloudError,
)
from upcloud_sdk.events import ServerEvent
from upcloud_sdk.fleet.destroy.destroy_disks import Disks
from upcloud_sdk.fleet.destroy.destroy_steps import (
    GONE,
    MOVING,
    UNKNOWN,
    UNSEEN,
    Seen,
    Spared,
    Step,
    Wanted,
    decide,
)
from upcloud_sdk.fleet.records.observed import UNREADABLE, ObservedServer, get_server
from upcloud_sdk.models.ownership import IMAGE, sdk_labels
from upcloud_sdk.models.servers import Server, ServerSummary
from upcloud_sdk.resources._delete import send_delete
from upcloud_sdk.resources.servers import START_TIMEOUT, whole_seconds

if TYPE_CHECKING:
    from collections.abc import Callable

    from upcloud_sdk.fleet.records.labels import LabelEditor
    from upcloud_sdk.fleet.records.records import Record
    from upcloud_sdk.resources._base import Core
    from upcloud_sdk.resources.policies import StopType
    from upcloud_sdk.waiting.watcher import Watcher

    Guard = Callable[[ObservedServer], bool]


log = logging.getLogger("upcloud_sdk")

STOP_AGAIN_AFTER = 15.0
"""Repeat the stop if a server is still "started" after this many seconds."""

STOP_IS_OVER = 60.0
"""A server that is still "started" after this many seconds is not stopping. If somebody took it, leave it alone."""

MAINTENANCE = 60.0
"""Limit for the wait for the end of a maintenance, in seconds. Then the server is read again."""

FIRST_READ_TIMEOUT = 15.0
"""Limit for the shared list before a destroy, in seconds. After that, the server is read alone."""

SOFT_STOP = 60.0
"""Limit for a soft stop before a hard stop, in seconds. At most half of the remaining time."""

SETTLED = frozenset({"stopped", "error"})


class OneDestroy:
    """One destroy of one server, in any state. Its record has the disks to delete with it.

    `guard`: decides from the current state whether to destroy the server. If given, the state is read before the first
    stop, unless `reads_first` is False.
    """

    def __init__(
        self,
        core: Core,
        watcher: Watcher[ServerSummary],
        labels: LabelEditor,
        record: Record,
        *,
        timeout: float,
        stop_type: StopType = "hard",
        guard: Guard | None = None,
        reads_first: bool = True,
        seen: ObservedServer | None = None,
    ) -> None:
        self._core, self._watcher = core, watcher
        self._record, self._uuid, self._guard = record, record.uuid, guard
        self._reads_first = guard is not None and reads_first
        self._path = f"/server/{path_segment(record.uuid, 'uuid')}"
        self._clock, self._timeout = self._core.waits.clock, timeout
        self._soft_until = self._clock.now() + min(SOFT_STOP, timeout / 2) if stop_type == "soft" else None
        self._pauses = self._core.waits.pauses()
        self._stop_sent: float | None = None
        self._maybe_stopped: float | None = None
        """When a stop was sent that may have worked."""
        self._server = seen
        """The last known state of the server, if it is still valid."""
        self._state = UNSEEN if seen is None else seen.state
        self._disks = Disks(core.transport, labels, record)
        if seen is not None:
            self._remember(seen)
        self._last, self._problem = "it was not read", ""

    async def run_to_end(self) -> None:
        """Destroy the server and its disks, and wait until they are gone.

        Raises:
            CleanupFailed: They were not gone in time, or the API does not allow the delete.
            InvalidRequest: no server can have this uuid.
            Spared: The guard refused.
        """
        done = False
        try:
            # One limit for all requests and waits, so that it ends even if the API does not answer.
            with self._clock.limit(self._timeout):
                await self._read_disks()
                while not done:
                    done = await self._take_step()
            if not done:
                raise self._failed(f"within {self._timeout:g} s")
        except CleanupFailed as error:
            self._tell("not destroyed")
            log.error("%s", error)  # noqa: TRY400 - a traceback may show secrets
            raise
        self._tell("destroyed")

    async def _take_step(self) -> bool:
        """Decide the next step and do it. True if nothing is left to do."""
        step = decide(self._seen(), self._wanted())
        if step is Step.DONE:
            return True
        if step is Step.SPARE:
            raise Spared(self._uuid)
        try:
            if not await self._act(step):
                await self._pause()
        except InvalidRequest as error:
            if error.code == "SERVER_INVALID":
                raise
            self._note(error)
            await self._pause()
        except UpCloudError as error:
            self._note(error)
            await self._pause()
        return False

    def _seen(self) -> Seen:
        server, disks = self._server, self._disks
        return Seen(
            state=self._state,
            is_ours=server is None or self._is_ours(server),
            attached=disks.attached,
            made=disks.made,
            leased=disks.leased,
            deleted=disks.deleted,
            has_attempt=self._record.attempt is not None,
        )

    def _is_ours(self, server: ObservedServer) -> bool:
        """Whether the server may still be destroyed."""
        return self._guard is None or self._guard(server)

    def _wanted(self) -> Wanted:
        return Wanted(
            storages=self._record.storages,
            reads_first=self._reads_first,
            stop_sent=self._maybe_stopped is not None,
            stop_is_over=self._maybe_stopped is not None and self._clock.now() - self._maybe_stopped >= STOP_IS_OVER,
            stop_is_due=self._stop_sent is None or self._stop_is_overdue(self._stop_sent),
        )

    async def _act(self, step: Step) -> bool:
        """Do the step. True if the next step can follow immediately."""
        match step:
            case Step.READ:
                await self._first_read()
            case Step.STOP:
                await self._stop()
            case Step.WAIT:
                await self._settle(self._state)
            case Step.FIND_DISKS:
                await self._disks.find_made()
            case Step.RELEASE_DISKS:
                await self._disks.release()
            case Step.DELETE_ALL | Step.DELETE_SERVER:
                await self._delete(everything=step is Step.DELETE_ALL)
            case Step.DELETE_DISKS:
                return await self._disks.delete(self._note)
            case Step.START_AGAIN:
                await self._start_again()
            case _:
                return False
        return True

    # --- reading and waiting ------------------------------------------------------------------------------------------

    async def _pause(self) -> None:
        """Wait a moment, then read the state again: it may have changed, even from "gone"."""
        await self._clock.sleep(next(self._pauses))
        await self._read_forgiving()

    async def _read_forgiving(self) -> None:
        try:
            await self._read()
        except UpCloudError as error:
            if isinstance(error, InvalidRequest) and error.code == "SERVER_INVALID":
                raise
            self._note(error)
            self._state, self._server = UNKNOWN, None

    async def _first_read(self) -> None:
        """Read the state before anything else. Servers that are destroyed at the same time share one list."""
        if self._record.made is not None:
            try:
                seen = await self._watcher.wait(
                    self._uuid,
                    lambda _: True,
                    timeout=FIRST_READ_TIMEOUT,
                    what="the first read before a destroy",
                    listed=True,
                )
            except UpCloudError as error:
                log.debug("server %s: %s", self._uuid, error)
            else:
                self._show(_observed(seen))
                if isinstance(seen, Server) or self._state in MOVING:
                    await self._read_disks()
                    return
        await self._read()

    async def _read(self) -> None:
        try:
            self._show(await get_server(self._core.transport, self._uuid))
        except NotFound:
            self._state, self._server = GONE, None
            return
        await self._read_disks()

    async def _read_disks(self) -> None:
        """Read which attached disks were created with the server, if the next step needs it."""
        if self._server is None or self._state in MOVING or self._record.storages != "created":
            return
        await self._disks.read_attached(self._server)

    def _show(self, server: ObservedServer) -> None:
        self._server, self._state = server, server.state
        self._last = f"last seen in state {server.state!r}"
        self._remember(server)

    def _remember(self, server: ObservedServer) -> None:
        if self._is_ours(server):
            # Do not remember the labels of somebody who took it: the next destroy would treat them as ours.
            self._record.labels = sdk_labels(server.labels)
        self._record.attempt = self._record.attempt or server.ownership.attempt

    async def _settle(self, state: str) -> None:
        """Wait a few seconds for a state that is stable or allows a stop. Returns the state."""

        def changed(seen: ServerSummary) -> bool:
            return seen.state in SETTLED or (
                seen.state == "started" and (state != "started" or self._stop_sent is None)
            )

        seen: ServerSummary | None = None
        try:
            seen = await self._watcher.wait(
                self._uuid,
                changed,
                timeout=self._until_next_stop() if state == "started" else MAINTENANCE,
                what="settling",
                listed=self._record.made is not None,
                # Servers do not stop faster.
                delay=2 * self._core.waits.pause,
            )
        except UpCloudError as error:
            # The next read shows the state.
            log.debug("server %s is still changing: %s", self._uuid, error)
        try:
            if isinstance(seen, Server):
                # All details were already read.
                self._show(_observed(seen))
                await self._read_disks()
            else:
                await self._read()
        except UpCloudError as error:
            self._note(error)
            self._state, self._server = UNKNOWN, None

    def _until_next_stop(self) -> float:
        if self._stop_sent is None:
            return STOP_AGAIN_AFTER
        again = self._stop_sent + STOP_AGAIN_AFTER
        if self._soft_until is not None:
            again = max(again, self._soft_until)
        return max(1.0, again - self._clock.now())

    # --- stopping, and starting again ---------------------------------------------------------------------------------

    async def _stop(self) -> None:
        now = self._clock.now()
        soft = self._soft_until is not None and now < self._soft_until
        seconds = max(1.0, (self._soft_until or now) - now)
        stop = {"stop_type": "soft" if soft else "hard", "timeout": whole_seconds(seconds)}
        try:
            await self._core.transport.send("POST", self._path + "/stop", json={"stop_server": stop})
        except UpCloudError as error:
            if isinstance(error, OutcomeUnknown | ServerFault):
                self._maybe_stopped = now
            self._note(error)
            await self._read_forgiving()
            if self._state == UNREADABLE:
                self._stop_sent = now  # It may already be stopped. The delete will show it.
            elif self._state == "started":
                await self._clock.sleep(next(self._pauses))
            return
        self._stop_sent = self._maybe_stopped = now
        self._tell("stopping")
        # It stays "started" for a while, so reading it again is useless.
        await self._settle("started")

    def _stop_is_overdue(self, sent: float) -> bool:
        now = self._clock.now()
        if self._soft_until is not None and sent < self._soft_until:
            return now >= self._soft_until
        return now - sent >= STOP_AGAIN_AFTER

    async def _start_again(self) -> None:
        log.warning("server %s was kept or taken during its stop: starting it again", self._uuid)
        await self._core.transport.send("POST", self._path + "/start", json={"server": {}}, timeout=START_TIMEOUT)
        raise Spared(self._uuid)

    # --- deleting -----------------------------------------------------------------------------------------------------

    async def _delete(self, *, everything: bool) -> None:
        """Delete the server. Remaining disks are known or are read."""
        backups = self._record.backups
        params = [("storages", "1")] if everything else []
        if everything and backups is not None:
            params.append(("backups", backups))
        assert self._server is not None
        if self._record.storages == "created":
            if IMAGE in self._server.labels and self._record.attempt is not None and self._disks.made is None:
                await self._disks.find_made()
            await self._disks.delete_copies(self._note)
        at_once = await send_delete(self._core.transport, self._path, params)
        self._disks.note_deleted_server(self._server, with_all=everything and at_once)
        self._state, self._server = GONE, None

    # --- events and errors --------------------------------------------------------------------------------------------

    def _tell(self, happened: Literal["stopping", "destroyed", "not destroyed"]) -> None:
        emit = self._core.emit
        emit(ServerEvent(at=emit.now(), uuid=self._uuid, happened=happened))

    def _note(self, error: UpCloudError) -> None:
        """Remember the error. Raise it if a retry is useless."""
        self._problem = f"; {error}"
        forbidden = isinstance(error, Forbidden) and not isinstance(error, LimitReached)
        if isinstance(error, AuthenticationFailed | NotOpen) or forbidden:
            raise self._failed("at all") from error

    def _failed(self, how: str) -> CleanupFailed:
        why = self._last + self._problem
        return CleanupFailed(
            self._uuid, f"server {self._uuid} could not be destroyed {how} and may still cost money: {why}"
        )


def _observed(seen: ServerSummary) -> ObservedServer:
    return ObservedServer.model_validate(
        # A field that the answer did not have is left to its default here too.
        seen.model_dump(include={"uuid", "state", "labels", "storage_devices"}, exclude_none=True, warnings=False)
    )
