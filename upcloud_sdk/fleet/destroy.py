"""Destroy that does not give up: look, decide, act, from any state, whatever fails on the way."""

from __future__ import annotations

import logging
from contextlib import suppress
from typing import TYPE_CHECKING, Literal, NamedTuple

from upcloud_sdk._transport import segment
from upcloud_sdk.errors import (
    AuthenticationFailed,
    CleanupFailed,
    Conflict,
    Forbidden,
    ForeignAnswer,
    InvalidRequest,
    LimitReached,
    NotFound,
    NotOpen,
    UpCloudError,
)
from upcloud_sdk.events import ServerEvent
from upcloud_sdk.fleet.destroy_steps import (
    GONE,
    MOVING,
    UNKNOWN,
    UNREADABLE,
    UNSEEN,
    Seen,
    Spared,
    Step,
    Wanted,
    decide,
)
from upcloud_sdk.fleet.observed import ObservedServer, attached_disks, disks_of, get_server, get_storage
from upcloud_sdk.models.ownership import ATTEMPT, LEASE, own_labels
from upcloud_sdk.models.servers import Server, ServerSummary
from upcloud_sdk.resources.servers import START_TIMEOUT, whole_seconds

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from upcloud_sdk.fleet.labels import LabelEditor
    from upcloud_sdk.fleet.records import Record
    from upcloud_sdk.resources._base import Core
    from upcloud_sdk.resources.policies import StopType
    from upcloud_sdk.waiting.watcher import Watcher

    Guard = Callable[[ObservedServer], bool]


log = logging.getLogger("upcloud_sdk")

STOP_AGAIN_AFTER = 15.0
"""Seconds after which a server that still says "started" is told to stop once more."""

MAINTENANCE = 60.0
"""Seconds for which the end of a maintenance is waited for before the server is looked at anew."""

FIRST_LOOK = 15.0
"""Seconds that a shared look before the end of a block may take; then the server is asked for by itself."""

SOFT_STOP = 60.0
"""Seconds that a soft stop gets before a hard one, or half of the time there is."""

SETTLED = frozenset({"stopped", "error"})


class Tools(NamedTuple):
    """What destroys share."""

    core: Core
    watcher: Watcher[ServerSummary]
    labels: LabelEditor


class Destroyer:
    """One destroy of one server, from wherever it stands. What is to go is in its record.

    `guard`: says of a look whether the server is still to be destroyed; it is looked at before anything is done to it.
    """

    def __init__(
        self,
        tools: Tools,
        record: Record,
        *,
        timeout: float,
        stop_type: StopType = "hard",
        guard: Guard | None = None,
        seen: ObservedServer | None = None,
    ) -> None:
        self._core, self._watcher, self._labels = tools.core, tools.watcher, tools.labels
        self._record, self._uuid, self._guard = record, record.uuid, guard
        self._path = f"/server/{segment(record.uuid, 'uuid')}"
        self._clock, self._timeout = self._core.waits.clock, timeout
        self._soft_until = self._clock.now() + min(SOFT_STOP, timeout / 2) if stop_type == "soft" else None
        self._pauses = self._core.waits.pauses()
        self._stop_sent: float | None = None
        self._server = seen
        """The last look at the server, if it is still worth something."""
        self._state = UNSEEN if seen is None else seen.state
        self._attached: dict[str, bool] | None = None
        # Which of them have a lease, only a list tells.
        self._made = None if record.storages == "none" else record.disks
        self._leased, self._deleted = frozenset[str](), frozenset[str]()
        self._last, self._problem = "nothing was seen of it", ""

    async def run(self) -> None:
        """Return when the server and the disks that go with it are gone.

        Raises:
            CleanupFailed: they were not within the time, or may not be deleted.
            InvalidRequest: no server can have this uuid.
            Spared: the guard said no.
        """
        done = False
        try:
            # One limit over all that is sent and waited for: a dead API ends it in time too.
            with self._clock.limit(self._timeout):
                await self._look_at_disks()
                while not done:
                    done = await self._take_step()
            if not done:
                raise self._failed(f"within {self._timeout:g} s")
        except CleanupFailed as error:
            self._tell("left")
            log.error("%s", error)  # noqa: TRY400 - the error says all; a trace may show locals
            raise
        self._tell("destroyed")

    async def _take_step(self) -> bool:
        """Decide on what was seen, and act; whether nothing is left to do."""
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
        server = self._server
        return Seen(
            state=self._state,
            is_ours=server is None or self._guard is None or self._guard(server),
            attached=self._attached,
            made=self._made,
            leased=self._leased,
            deleted=self._deleted,
            has_attempt=self._record.attempt is not None,
        )

    def _wanted(self) -> Wanted:
        return Wanted(
            storages=self._record.storages,
            is_guarded=self._guard is not None,
            stop_sent=self._stop_sent is not None,
            stop_is_due=self._stop_sent is None or self._stop_is_overdue(self._stop_sent),
        )

    async def _act(self, step: Step) -> bool:
        """Do it; whether the next step may follow at once."""
        match step:
            case Step.LOOK:
                await self._first_look()
            case Step.STOP:
                await self._stop()
            case Step.WAIT:
                await self._settle(self._state)
            case Step.FIND_DISKS:
                await self._find_disks()
            case Step.RELEASE_DISKS:
                for disk in self._leased:
                    await self._release(disk)
            case Step.DELETE_ALL | Step.DELETE_SERVER:
                await self._delete(everything=step is Step.DELETE_ALL)
            case Step.DELETE_DISKS:
                return await self._delete_disks()
            case Step.START_AGAIN:
                await self._start_again()
            case _:
                return False
        return True

    # --- looking and waiting ------------------------------------------------------------------------------------------

    async def _pause(self) -> None:
        """Wait a moment, and look anew: what was seen may be over, "gone" too."""
        await self._clock.sleep(next(self._pauses))
        await self._look_forgiving()

    async def _look_forgiving(self) -> None:
        try:
            await self._look()
        except UpCloudError as error:
            if isinstance(error, InvalidRequest) and error.code == "SERVER_INVALID":
                raise
            self._note(error)
            self._state, self._server = UNKNOWN, None

    async def _first_look(self) -> None:
        """Look before anything is done: many that are destroyed at once are seen in one list."""
        if self._record.made is not None:
            try:
                seen = await self._watcher.wait(
                    self._uuid, lambda _: True, timeout=FIRST_LOOK, what="a look before its end", listed=True
                )
            except UpCloudError as error:
                log.debug("server %s: %s", self._uuid, error)
            else:
                self._show(_observed(seen))
                if isinstance(seen, Server) or self._state in MOVING:
                    await self._look_at_disks()
                    return
        await self._look()

    async def _look(self) -> None:
        try:
            self._show(await get_server(self._core.transport, self._uuid))
        except NotFound:
            self._state, self._server = GONE, None
            return
        await self._look_at_disks()

    async def _look_at_disks(self) -> None:
        """Learn which of the attached disks were made with the server, where that is needed next."""
        if self._server is None or self._state in MOVING or self._record.storages != "created":
            return
        disks = await attached_disks(self._core.transport, self._server) if self._record.attempt else {}
        self._attached = {disk: labels.get(ATTEMPT) == self._record.attempt for disk, labels in disks.items()}

    def _show(self, server: ObservedServer) -> None:
        self._server, self._state = server, server.state
        self._last = f"last seen in state {server.state!r}"
        self._record.labels = own_labels(server.labels)
        self._record.attempt = self._record.attempt or server.ownership.attempt

    async def _settle(self, state: str) -> None:
        """Return when the server has settled, or may be told to stop, or after some seconds, with a look at it."""

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
                # No server was ever seen to stop faster.
                first_look=2 * self._core.waits.pause,
            )
        except UpCloudError as error:
            # The look that follows says what there is.
            log.debug("server %s has not settled: %s", self._uuid, error)
        try:
            if isinstance(seen, Server):
                # It was looked at in full: no need to ask again.
                self._show(_observed(seen))
                await self._look_at_disks()
            else:
                await self._look()
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
            self._note(error)
            await self._look_forgiving()
            if self._state == UNREADABLE:
                self._stop_sent = now  # It may be stopped already: the delete tells.
            elif self._state == "started":
                await self._clock.sleep(next(self._pauses))
            return
        self._stop_sent = now
        self._tell("stopping")
        # It says "started" for a while yet: no look can tell more.
        await self._settle("started")

    def _stop_is_overdue(self, sent: float) -> bool:
        now = self._clock.now()
        if self._soft_until is not None and sent < self._soft_until:
            return now >= self._soft_until
        return now - sent >= STOP_AGAIN_AFTER

    async def _start_again(self) -> None:
        log.warning("server %s was kept or taken while it was being stopped: starting it again", self._uuid)
        await self._core.transport.send("POST", self._path + "/start", json={"server": {}}, timeout=START_TIMEOUT)
        raise Spared(self._uuid)

    # --- deleting -----------------------------------------------------------------------------------------------------

    async def _delete(self, *, everything: bool) -> None:
        """Delete the server, which is gone then; what else is left to delete is known, or is asked for."""
        backups = self._record.backups
        params = [("storages", "1")] if everything else []
        if everything and backups is not None:
            params.append(("backups", backups))
        assert self._server is not None
        attached = frozenset(str(each.storage) for each in self._server.storage_devices if each.type == "disk")
        at_once = await self._send_delete(self._path, params)
        if everything and at_once:
            self._deleted |= attached
        elif self._record.storages == "all":
            self._made = attached | (self._made or frozenset())
        self._state, self._server = GONE, None

    async def _find_disks(self) -> None:
        assert self._record.attempt is not None
        found = await disks_of(self._core.transport, self._record.attempt)
        self._made = frozenset(disk.uuid for disk in found)
        self._leased = frozenset(disk.uuid for disk in found if LEASE in disk.labels)

    async def _release(self, disk: str) -> None:
        """What its owner wants to keep must not be reaped when the lease that it was made with has ended."""
        with suppress(NotFound):
            await self._labels.edit_storage(disk, {LEASE: None})
        self._leased -= {disk}

    async def _delete_disks(self) -> bool:
        assert self._made is not None
        for disk in sorted(self._made - self._deleted):
            try:
                await self._delete_disk(disk)
            except UpCloudError as error:
                self._note(error)
                continue
            self._deleted |= {disk}
        return self._made <= self._deleted

    async def _delete_disk(self, disk: str) -> None:
        path = f"/storage/{segment(disk, 'uuid')}"
        backups = self._record.backups
        try:
            await self._send_delete(path, [] if backups is None else [("backups", backups)])
        except NotFound:
            return
        except Conflict as conflict:
            try:
                seen = await get_storage(self._core.transport, disk)
            except NotFound:
                return
            if not seen.servers or self._uuid in seen.servers:
                raise conflict from None
            log.warning("disk %s, made with server %s, is attached to another one: it stays", disk, self._uuid)

    async def _send_delete(self, path: str, params: Sequence[tuple[str, str]]) -> bool:
        """Delete something; whether the first attempt did it, so that its answer is about all that it was to do.

        Raises:
            UpCloudError: it is not known to be gone.
        """
        attempts: list[float] = []
        answer = await self._core.transport.send(
            "DELETE", path, params=params, on_send=lambda: attempts.append(self._clock.now())
        )
        if answer.content:
            # The API answers 204 and nothing else: this is somebody between us.
            raise ForeignAnswer(f"DELETE {path}", status=answer.status)
        return len(attempts) == 1

    # --- saying how it goes -------------------------------------------------------------------------------------------

    def _tell(self, happened: Literal["stopping", "destroyed", "left"]) -> None:
        emit = self._core.emit
        emit(ServerEvent(at=emit.now(), uuid=self._uuid, happened=happened))

    def _note(self, error: UpCloudError) -> None:
        """Remember what went wrong; what no repetition can mend ends the destroy."""
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
        seen.model_dump(include={"uuid", "state", "labels", "storage_devices"}, warnings=False)
    )
