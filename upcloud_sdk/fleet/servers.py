"""Servers, beyond one endpoint: exactly-once create, waits, destroy, and servers for the length of a block."""

from __future__ import annotations

import functools
import logging
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Literal

import anyio.lowlevel

from upcloud_sdk._tasks import Cancellable
from upcloud_sdk._wire import uuid_of
from upcloud_sdk.errors import CleanupFailed, NotOpen, UnexpectedAnswer, UpCloudError, WaitTimeout
from upcloud_sdk.fleet.capacity import choices
from upcloud_sdk.fleet.destroy_steps import Spared
from upcloud_sdk.fleet.durations import check_lease, check_seconds
from upcloud_sdk.models.ownership import keep_own
from upcloud_sdk.models.servers import Server, ServerState, ServerSummary
from upcloud_sdk.resources._base import body_of, endpoint
from upcloud_sdk.resources.policies import BackupPolicy, StopType, StoragePolicy, awaited_state, check_word
from upcloud_sdk.resources.servers import ServerEndpoints
from upcloud_sdk.waiting import fails_on_error, is_one_look, look_once

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
    from pathlib import Path

    from upcloud_sdk._wire import Uuid
    from upcloud_sdk.errors import LeaseLost
    from upcloud_sdk.fleet.fleet import Fleet
    from upcloud_sdk.fleet.records import Record
    from upcloud_sdk.models.fields import Tier
    from upcloud_sdk.models.server_requests import ServerChanges, ServerSpec
    from upcloud_sdk.resources._base import Core
    from upcloud_sdk.resources.templates import Which

log = logging.getLogger("upcloud_sdk")

LAST_LOOK = 10.0
"""Seconds that the look at a server in full may take at least, once it is in the state that was waited for."""


class Servers(ServerEndpoints):
    """`cloud.servers`. Chapter "Servers" of the API, <https://developers.upcloud.com/1.3/8-servers/>.

    Beside its endpoints: what people write by hand above them.
    """

    def __init__(self, core: Core, fleet: Callable[[], Fleet]) -> None:
        super().__init__(core)
        self._get_fleet = fleet
        self._created: dict[str, Server] = {}
        """What creates told, until the first wait or change: what has just been made need not be asked for in full."""

    @functools.cached_property
    def _fleet(self) -> Fleet:
        # Loaded with the first server that is made, awaited or destroyed: those who only read go without.
        return self._get_fleet()

    @endpoint("POST", "/server")
    async def create(
        self,
        spec: ServerSpec | Sequence[ServerSpec],
        *,
        lease: float | None = None,
        patience: float = 0,
        on_lease_lost: Callable[[LeaseLost], None] | None = None,
    ) -> Server:
        """One new server, in state "maintenance"; it starts by itself. Where an answer is lost it is found and adopted.

        `spec`: one, or several that are tried in order where one is refused for lack of capacity or by a limit.
        `lease`: seconds after which the server may be reaped unless the lease is renewed, which this client does; None:
        it is for good. A caller that is cancelled has no server: the client destroys what the create makes.
        `patience`: seconds for which it is tried again where all specs are refused; those that wait take turns.
        `on_lease_lost` is called once, with the error, when the lease is lost.

        Raises:
            OutcomeUnknown: no answer came, and no server was found; the client looks on for a minute, and destroys what
                turns up.
            UnexpectedAnswer: what the API says of the new server cannot be read, not even its state; the server with
                this `uuid` is there, and is left alone.
            NoCapacity, LimitReached: all specs were refused.
        """
        if lease is not None:
            check_lease(lease)
        if not patience >= 0:
            raise ValueError(f"patience is {patience:g}: it is seconds, 0 or more")
        specs = choices(spec)
        # A caller that is cancelled already must not cost a server.
        await anyio.lowlevel.checkpoint_if_cancelled()
        server = await self._core.background.run(
            lambda: self._fleet.create(specs, lease=lease, patience=patience, on_lost=on_lease_lost),
            f"create of server {specs[0].hostname}",
            on_cancel=lambda server: self._fleet.destroy_unheld(server.uuid),
        )
        self._created[server.uuid] = server
        return server

    @endpoint("PUT", "/server/{uuid}")
    async def modify(self, uuid: Uuid, changes: ServerChanges) -> Server:
        """Change a server; fields that are not given stay as they are. `labels` replaces all labels but the SDK's own.

        Raises:
            IllegalState: a change that a server in this state does not take.
        """
        uuid = uuid_of(uuid)
        self._created.pop(uuid, None)
        # Not `changes.labels`: what is no model is refused in words by what is called next.
        labels: Mapping[str, str] | None = getattr(changes, "labels", None)
        if labels is None:
            return await super().modify(uuid, changes)
        async with self._fleet.labels.editing(uuid):
            present = (await self.get(uuid)).labels
            pairs = [{"key": key, "value": value} for key, value in keep_own(labels, present).items()]
            return await self._modify(uuid, {**body_of(changes), "labels": {"label": pairs}})

    async def spec(
        self,
        template: Which,
        *,
        zone: str,
        plan: str,
        hostname: str,
        size: int | None = None,
        tier: Tier | None = None,
        ssh_keys: Sequence[str | Path] = (),
        username: str = "root",
        **fields: Any,  # noqa: ANN401 - those of ServerSpec, which checks them
    ) -> ServerSpec:
        """A spec of a server with a disk from a template, ready for `create` and `ephemeral`. Creates nothing.

        `template`: a slug such as `debian-13`, or what `storages.find_template` takes. `size`: GB of its disk, what the
        plan brings or the template needs if None. `tier`: the plan's own if None. `ssh_keys`: public keys, or paths of
        files with one, for `username`. The title is the host name, and the metadata service is on where the template
        needs it; any field of `ServerSpec` may be given besides, and counts more.

        Raises:
            NoMatch, Ambiguous: there is no such template or plan, or there are several such templates.
        """
        from upcloud_sdk.fleet.spec import make_spec  # noqa: PLC0415 - those who have a spec do without

        return await make_spec(
            self._core,
            template,
            plan=plan,
            hostname=hostname,
            size=size,
            tier=tier,
            ssh_keys=ssh_keys,
            username=username,
            fields={"zone": zone, **fields},
        )

    async def wait_for_state(self, uuid: Uuid, state: ServerState | str, *, timeout: float) -> Server:
        """The server as it was seen once it is in this state.

        All waits of a client share their looks: a hundred waiting tasks cost one list a second, and each one look at
        its server once that is there. `timeout` 0 looks once.

        Raises:
            ValueError: no server is ever in this state.
            ResourceFailed: it reached "error", or is being deleted.
            NotFound: it is gone.
            WaitTimeout: it was not there within `timeout` seconds; `last` is what was seen last.
        """
        uuid = uuid_of(uuid)
        wanted = awaited_state(state, ServerState, "server")
        if is_one_look(timeout):
            return await look_once(lambda: self.get(uuid), _reached(uuid, wanted), what=_awaited(uuid, wanted))
        clock = self._core.waits.clock
        ends = clock.now() + timeout
        created = self._created.pop(uuid, None)
        seen = await self._wait(uuid, wanted, timeout=timeout)
        if isinstance(seen, Server):
            return seen
        if created is not None and wanted == ServerState.STARTED:
            return _with_state(created, seen)
        with clock.limit(max(LAST_LOOK, ends - clock.now())):
            return _with_state(await self.get(uuid), seen)
        raise WaitTimeout(f"{_awaited(uuid, wanted)}: it is, but did not show itself in full", last=seen)

    async def _wait(self, uuid: str, wanted: ServerState, *, timeout: float) -> ServerSummary:
        return await self._fleet.watcher.wait(
            uuid,
            _reached(uuid, wanted),
            timeout=timeout,
            what=_awaited(uuid, wanted),
            listed=self._fleet.is_listed(uuid),
            first_look=self._fleet.first_look(uuid) if wanted == ServerState.STARTED else 0.0,
        )

    async def destroy(
        self,
        uuid: Uuid,
        *,
        timeout: float = 300,
        stop_type: StopType = "hard",
        storages: StoragePolicy = "created",
        backups: BackupPolicy | None = "delete",
    ) -> None:
        """Return when the server is gone, with the disks that were made with it; from any state.

        `storages`: "created" deletes the disks made with the server and no others, "all" and "none" are your word.
        `backups`: what becomes of the backups of the disks that go.
        `stop_type`: "soft" gives the guest up to a minute to shut down before it is switched off.
        A server that is gone already is no error. Cancelling the caller does not stop this.

        Raises:
            CleanupFailed: it was not gone within `timeout` seconds; it may still be running and costing money. Its
                lease is not renewed any more, and the reaper of this process remembers it.
        """
        uuid = uuid_of(uuid)
        check_seconds(timeout, "timeout")
        self._created.pop(uuid, None)
        check_word(stop_type, StopType, "stop_type")
        check_word(storages, StoragePolicy, "storages")
        if backups is not None:
            check_word(backups, BackupPolicy, "backups")
        await self._core.background.run(
            lambda: self._fleet.destroy(uuid, timeout=timeout, stop_type=stop_type, storages=storages, backups=backups),
            f"destroy of server {uuid}",
            uuid=uuid,
            repeatable=True,
        )

    @asynccontextmanager
    async def ephemeral(
        self,
        spec: ServerSpec | Sequence[ServerSpec],
        *,
        timeout: float = 300,
        cleanup_timeout: float = 120,
        lease: float = 3600,
        patience: float = 0,
        on_lease_lost: Literal["cancel"] | Callable[[LeaseLost], None] = "cancel",
    ) -> AsyncGenerator[Server]:
        """A running server that is gone, with its disks, when the block ends, however it ends.

        `timeout` covers create and boot, `cleanup_timeout` the end; both in seconds. `lease`: seconds after which
        another process may reap the server if this one has died; it is renewed while the block runs.
        `patience`: as for `create`, within `timeout`.
        `on_lease_lost`: what happens when the lease is lost: "cancel" cancels the block, which then ends in
        `LeaseLost`; or a callable that is called with that error, once, and the block goes on.
        A server that somebody kept or took in the meantime is left alone.

        Raises:
            ResourceFailed, WaitTimeout: it did not start.
            LeaseLost: somebody reaped, took or relabelled it, or no renewal got through until the lease's end.
            CleanupFailed: it could not be destroyed; where the block itself failed, that error is raised, with this
                as a note on it.
        """
        check_seconds(timeout, "timeout")
        check_seconds(cleanup_timeout, "cleanup_timeout")
        clock = self._core.waits.clock
        began = clock.now()
        held = _Holder(on_lease_lost)
        created: Server | None = None
        with clock.limit(timeout):
            try:
                created = await self.create(spec, lease=lease, patience=patience, on_lease_lost=held.tell)
            except UnexpectedAnswer as error:
                if error.uuid is not None:
                    await self._finish(error.uuid, None, cleanup_timeout)
                raise
        if created is None:
            raise WaitTimeout(f"server: not created within {timeout:g} s; if it turns up it is destroyed")
        record = self._fleet.records.get(created.uuid)
        try:
            with held.block:
                held.check()
                left = max(0.0, timeout - (clock.now() - began))
                seen = await self._wait(created.uuid, ServerState.STARTED, timeout=left)
                yield _running(created, seen)
            held.check()
        except BaseException as error:
            try:
                await self._finish(created.uuid, record, cleanup_timeout)
            except UpCloudError as failure:
                error.add_note(str(failure))
            raise
        await self._finish(created.uuid, record, cleanup_timeout)

    async def _finish(self, uuid: str, record: Record | None, timeout: float) -> None:
        what = f"destroy of server {uuid}"
        self._created.pop(uuid, None)
        try:
            await self._core.background.run(
                lambda: self._fleet.destroy(uuid, timeout=timeout, holder=record),
                what,
                uuid=uuid,
                repeatable=True,
                outlast=True,
            )
        except Spared:
            log.warning("server %s was kept or taken by somebody: it is left alone", uuid)
        except NotOpen:
            failure = CleanupFailed(uuid, f"{what}: the client was closed first; it may still cost money")
            log.error("%s", failure)  # noqa: TRY400 - the error says all
            raise failure from None


class _Holder:
    """Whoever runs a block with a lease, and is told when that is lost."""

    def __init__(self, on_lost: Literal["cancel"] | Callable[[LeaseLost], None]) -> None:
        if on_lost != "cancel" and not callable(on_lost):
            raise ValueError(f'on_lease_lost is {on_lost!r}: it is "cancel", or what is to be called')
        self.block = Cancellable()
        self._on_lost = on_lost
        self._lost: LeaseLost | None = None

    def tell(self, lost: LeaseLost) -> None:
        """The lease is lost."""
        if not isinstance(self._on_lost, str):
            self._on_lost(lost)
            return
        self._lost = lost
        self.block.cancel()

    def check(self) -> None:
        """Raise where the block was cancelled, or is not worth to be begun."""
        if self._lost is not None:
            raise self._lost


def _awaited(uuid: str, wanted: ServerState) -> str:
    return f"server {uuid} to be {wanted}"


def _reached(uuid: str, wanted: ServerState) -> Callable[[ServerSummary], bool]:
    def reached(server: ServerSummary) -> bool:
        fails_on_error("server", uuid, server.state, wanted)
        return server.state == wanted

    return reached


def _running(created: Server, seen: ServerSummary) -> Server:
    """The create's details, with the state that was seen since."""
    if isinstance(seen, Server):
        return seen.model_copy(update={"username": created.username, "password": created.password})
    return _with_state(created, seen)


def _with_state(details: Server, seen: ServerSummary) -> Server:
    """Details, with the state that was seen when it was waited for, and what was seen with it."""
    return details.model_copy(update={name: getattr(seen, name) for name in type(seen).model_fields})
