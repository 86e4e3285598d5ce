"""`cloud.servers`: creates exactly once, waits, destroys, and `ephemeral` servers."""

from __future__ import annotations

import logging
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Literal, Unpack

import anyio.lowlevel

from upcloud_sdk._tasks import Cancellable
from upcloud_sdk._wire import Document, uuid_of
from upcloud_sdk.errors import CleanupFailed, NotOpen, UnexpectedAnswer, UpCloudError, WaitTimeout
from upcloud_sdk.fleet.checks import check_lease, check_seconds, checked_specs
from upcloud_sdk.fleet.server_disks import ServerDisks
from upcloud_sdk.fleet.server_waits import with_state
from upcloud_sdk.models.ownership import keep_sdk_labels
from upcloud_sdk.models.servers import Server, ServerState
from upcloud_sdk.resources._base import body_of, endpoint
from upcloud_sdk.resources._one_create import tell_late
from upcloud_sdk.resources.policies import BackupPolicy, StopType, StoragePolicy, check_word

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
    from pathlib import Path

    from upcloud_sdk._wire import Uuid
    from upcloud_sdk.errors import LeaseLost
    from upcloud_sdk.fleet.create.spec import SpecFields
    from upcloud_sdk.fleet.records.records import Record
    from upcloud_sdk.models.fields import Tier
    from upcloud_sdk.models.server_requests import ServerChanges, ServerSpec
    from upcloud_sdk.models.servers import ServerSummary
    from upcloud_sdk.resources.templates import Which

log = logging.getLogger("upcloud_sdk")


class Servers(ServerDisks):
    """`cloud.servers`. Chapter "Servers" of the API, <https://developers.upcloud.com/1.3/8-servers/>.

    Also includes helpers for waiting and cleanup.
    """

    @endpoint("POST", "/server")
    async def create(
        self,
        spec: ServerSpec | Sequence[ServerSpec],
        *,
        lease: float | None = None,
        patience: float = 0,
        on_lease_lost: Callable[[LeaseLost], None] | None = None,
        on_late: Callable[[Server], None] | None = None,
    ) -> Server:
        """Create one server and return it in state "maintenance". It then starts automatically.

        If the answer is lost, the server is found by its label. If the caller is cancelled, the client destroys the
        server.

        Args:
            spec: What to create. With several specs, the next is tried if one is refused for lack of capacity or by a
                limit.
            lease: Length of a lease in seconds. This client renews it. If this process dies, the server is reaped after
                it. None: no lease, the server exists until it is deleted.
            patience: How long to retry if all specs are refused, in seconds. Waiting creates take turns.
            on_lease_lost: Called once with the error if the lease is lost.
            on_late: Called with the server if it appears after this call has failed or was cancelled, just before the
                client destroys it.

        Raises:
            OutcomeUnknown: No answer came, and no server was found. The client keeps searching for a minute, and
                destroys the server if it appears.
            UnexpectedAnswer: The answer cannot be read, not even its state. The server with this `uuid` exists and is
                kept.
            NoCapacity, LimitReached: All specs were refused.
        """
        if lease is not None:
            check_lease(lease)
        if not patience >= 0:
            raise ValueError(f"patience is {patience:g}: it must be 0 or more seconds")
        specs = checked_specs(spec)
        # If the caller is already cancelled, no server is created.
        await anyio.lowlevel.checkpoint_if_cancelled()

        def abandon(server: Server) -> None:
            if on_late is not None:
                tell_late(on_late, server)
            self._fleet.destroyer.start_destroy(server.uuid)

        server = await self._core.background.run_owned(
            lambda operation: self._fleet.creator.create_first(
                operation, specs, lease=lease, patience=patience, on_lost=on_lease_lost, on_late=on_late
            ),
            f"create of server {specs[0].hostname}",
            on_cancel=abandon,
        )
        self._remember(server)
        return server

    @endpoint("PUT", "/server/{uuid}")
    async def modify(self, uuid: Uuid, changes: ServerChanges) -> Server:
        """Change a server. `labels` replaces all labels except the SDK's.

        Args:
            uuid: Uuid of the server, or the server itself.
            changes: What to change. Fields that are not given stay as they are.

        Raises:
            IllegalState: The server's state does not allow this change.
        """
        uuid = uuid_of(uuid)
        self._created.pop(uuid, None)
        # Not `changes.labels`: if it is not a model, the next call raises a clear error.
        labels: Mapping[str, str] | None = getattr(changes, "labels", None)
        if labels is None:
            return await super().modify(uuid, changes)
        async with self._fleet.labels.editing(uuid):
            present = (await self.get(uuid)).labels
            pairs = [{"key": key, "value": value} for key, value in keep_sdk_labels(labels, present).items()]
            return await self._modify(uuid, Document({**body_of(changes), "labels": {"label": pairs}}))

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
        **fields: Unpack[SpecFields],
    ) -> ServerSpec:
        """Make a spec for a server with a disk from a template, for `create` and `ephemeral`. Creates nothing.

        The title is the host name. The metadata service is on if the template needs it.

        Args:
            template: A short name such as `debian-13`, or anything that `storages.find_template` takes.
            zone: The zone, such as `fi-hel1`.
            plan: The plan, such as `PREMIUM-1xCPU-1GB`.
            hostname: The host name.
            size: Size of the disk in GB. None: the size in the plan, or the size that the template needs.
            tier: Storage tier of the disk. None: the tier of the plan.
            ssh_keys: Public keys, or paths of key files.
            username: The user who gets the keys.
            **fields: Other fields of `ServerSpec`. They override the values chosen here.

        Raises:
            NoMatch, Ambiguous: No template or plan matches, or several templates match.
        """
        from upcloud_sdk.fleet.create.spec import make_spec  # noqa: PLC0415 - not needed by programs with their own spec

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

    async def destroy(
        self,
        uuid: Uuid,
        *,
        timeout: float = 300,
        stop_type: StopType = "hard",
        storages: StoragePolicy = "created",
        backups: BackupPolicy | None = "delete",
        require_lease: bool = False,
    ) -> None:
        """Stop and delete a server in any state, with the disks that were created with it, and wait until it is gone.

        It is no error if the server is already gone. If the caller is cancelled, the client continues.

        Args:
            uuid: Uuid of the server, or the server itself.
            timeout: How long to try, in seconds.
            stop_type: "hard" switches the server off. "soft" first gives it up to a minute to shut down.
            storages: "created" deletes the disks that were created with the server, "all" deletes all its disks,
                "none" keeps all.
            backups: What happens to the backups of the deleted disks. None: the API's default.
            require_lease: True: do not delete the server if somebody kept or took it, or if this client has no lease on
                it. It may be stopped and started again then. To avoid that, call `leases.check` first.

        Raises:
            LeaseLost: The server is not destroyed because of `require_lease`.
            CleanupFailed: The server was not gone within `timeout` seconds. It may still be running and costing money.
                Its lease is no longer renewed, and the reaper of this process tries again.
        """
        uuid = uuid_of(uuid)
        check_seconds(timeout, "timeout")
        self._created.pop(uuid, None)
        check_word(stop_type, StopType, "stop_type")
        check_word(storages, StoragePolicy, "storages")
        if backups is not None:
            check_word(backups, BackupPolicy, "backups")
        destroyer = self._fleet.destroyer
        destroy = destroyer.destroy_leased if require_lease else destroyer.destroy
        await self._core.background.run_owned(
            lambda _: destroy(uuid, timeout=timeout, stop_type=stop_type, storages=storages, backups=backups),
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
        wait: bool = True,
    ) -> AsyncGenerator[Server]:
        """Create a server for one block, and delete it with its disks when the block ends.

        If somebody else keeps or takes the server during the block, it is not deleted.

        Args:
            spec: What to create. With several specs, the next is tried if one is refused for lack of capacity or by a
                limit.
            timeout: Limit for create and boot, in seconds.
            cleanup_timeout: Limit for the destroy at the end, in seconds.
            lease: Length of the lease in seconds. It is renewed while the block runs. If this process dies, another
                process may reap the server after it.
            patience: How long to retry if all specs are refused, in seconds, as part of `timeout`.
            on_lease_lost: "cancel": if the lease is lost, the block is cancelled and raises `LeaseLost`. A function:
                it is called once with that error, and the block continues.
            wait: True: begin the block when the server has started. False: when it is created.

        Raises:
            ResourceFailed, WaitTimeout: The server did not start.
            LeaseLost: Somebody reaped, took or relabelled the server, or no renewal succeeded before the lease ended.
            CleanupFailed: The server could not be destroyed. If the block itself failed, its error is raised, with
                this as a note.
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
            raise WaitTimeout(f"server: not created within {timeout:g} s; if it appears, it is destroyed")
        record = self._fleet.records.get(created.uuid)
        try:
            with held.block:
                held.check()
                if wait:
                    left = max(0.0, timeout - (clock.now() - began))
                    seen = await self._wait(created.uuid, ServerState.STARTED, timeout=left)
                    created = _running(created, seen)
                yield created
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
            await self._core.background.run_owned(
                lambda _: self._fleet.destroyer.destroy_held(uuid, record, timeout=timeout),
                what,
                uuid=uuid,
                repeatable=True,
                outlast=True,
            )
        except NotOpen:
            failure = CleanupFailed(uuid, f"{what}: the client was closed first; it may still cost money")
            log.error("%s", failure)  # noqa: TRY400 - no traceback needed
            raise failure from None


class _Holder:
    """The holder of a lease: the task that runs the block of `ephemeral`."""

    def __init__(self, on_lost: Literal["cancel"] | Callable[[LeaseLost], None]) -> None:
        if on_lost != "cancel" and not callable(on_lost):
            raise ValueError(f'on_lease_lost is {on_lost!r}: give "cancel" or a function')
        self.block = Cancellable()
        self._on_lost = on_lost
        self._lost: LeaseLost | None = None

    def tell(self, lost: LeaseLost) -> None:
        """Called when the lease is lost."""
        if not isinstance(self._on_lost, str):
            self._on_lost(lost)
            return
        self._lost = lost
        self.block.cancel()

    def check(self) -> None:
        """Raise if the block was cancelled or must not begin."""
        if self._lost is not None:
            raise self._lost


def _running(created: Server, seen: ServerSummary) -> Server:
    """The server as created, with its current state."""
    if isinstance(seen, Server):
        return seen.model_copy(update={"username": created.username, "password": created.password})
    return with_state(created, seen)
