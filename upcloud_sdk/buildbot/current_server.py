"""The server that a worker has now: created for a build, kept for the next one, destroyed. For the reactor's thread."""

from __future__ import annotations

import contextlib
import time
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from twisted.internet import defer

from upcloud_sdk.buildbot._buildbot.api import (
    LatentWorkerCannotSubstantiate,
    LatentWorkerFailedToSubstantiate,
    LatentWorkerSubstantiatiationCancelled,
    States,
)
from upcloud_sdk.buildbot._buildbot.private import builds_on, clear_page, show_on_page, wait_for
from upcloud_sdk.buildbot.servers.server import BuildServer
from upcloud_sdk.ci import is_permanent
from upcloud_sdk.errors import UpCloudError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from upcloud_sdk import ServerSpec, WaitPolicy
    from upcloud_sdk.buildbot._buildbot.api import AbstractLatentWorker, Build, Properties
    from upcloud_sdk.buildbot._buildbot.bridge import Operation
    from upcloud_sdk.buildbot.accounts.open_accounts import Account
    from upcloud_sdk.buildbot.configuration.arguments import Arguments
    from upcloud_sdk.buildbot.configuration.bootstrap import Guest
    from upcloud_sdk.buildbot.configuration.request import ServerRequest
    from upcloud_sdk.buildbot.master.service import UpcloudService
    from upcloud_sdk.ci import ReapPace
    from upcloud_sdk.models import StorageSummary

T = TypeVar("T")

_LATE_GONE_WITHIN = 7500.0
"""Seconds within which the client has destroyed a server that appeared late, or has given up."""


class ServerMaker(Protocol):
    """The methods of the worker that a subclass may override."""

    async def server_request(self, properties: Properties) -> ServerRequest: ...
    def server_specs(self, request: ServerRequest, template: StorageSummary, guest: Guest) -> list[ServerSpec]: ...
    def guest(self, request: ServerRequest) -> Guest: ...


class CurrentServer:
    """The server of one worker. It also holds the worker's slot among `max_servers` while there is no server yet."""

    service: UpcloudService

    def __init__(
        self,
        worker: AbstractLatentWorker,
        maker: ServerMaker,
        arguments: Arguments,
        on_lost: Callable[[BuildServer], object],
    ) -> None:
        self._worker, self._maker, self._on_lost = worker, maker, on_lost
        self.arguments = arguments
        self.server: BuildServer | None = None
        self.account: Account | None = None
        """The account of the next server. An existing server keeps its account."""
        self._is_starting = self._is_cancelled = False
        self._operation: Operation[Any] | None = None
        """The operation that the start or the stop waits for."""

    async def configure(
        self, service: UpcloudService, arguments: Arguments, waits: WaitPolicy, reaps: ReapPace
    ) -> None:
        """Use this configuration for new servers."""
        self.service = service
        self.account = await service.account_for(self, arguments, waits, reaps, self.account)
        self.arguments = arguments

    async def serves(self, properties: Properties) -> bool:
        """Whether a build with these properties may run on the existing server."""
        server = self.server
        try:
            if server is None or server.is_outdated or server.account is not self.account:
                return False
            is_alike = server.has_fresh_disks == self.arguments.fresh_disk
            return is_alike and server.request == await self._maker.server_request(properties)
        except Exception:  # noqa: BLE001 - a build whose values cannot be rendered fails when it has a server of its own
            return False

    # --- a slot for the next server -----------------------------------------------------------------------------------

    def has_room(self) -> bool:
        """Whether there is a server, or another one fits under `max_servers` and the budget."""
        service, arguments = self.service, self.arguments
        return self.server is not None or (
            service.limit.has_room(arguments.max_servers)
            and service.spending.has_room(self._worker.name, arguments.budget)
        )

    def reserve(self) -> None:
        """Reserve a slot for the server of a build that the worker has just taken."""
        if self.server is None:
            self.service.limit.reserve(self, self.arguments.max_servers)
            self.service.spending.claim(self._worker.name)

    def release(self) -> None:
        """Release the slot after a build without a server. Otherwise, let an image have the slot of the idle server."""
        self.service.images.look()
        if not self._worker.building and self.server is None and self.service.limit.release(self):
            self.service.wake_builders()
        self.service.spending.release_claim(self._worker.name)

    def _heir(self) -> CurrentServer | None:
        """The next holder of a destroyed server's slot: this worker, if it has got another build."""
        return self if self._worker.substantiation_build is not None or self._worker.building else None

    # --- start --------------------------------------------------------------------------------------------------------

    async def start(self, build: Build) -> None:
        """Create a server for a build, and return when it is started or its guest has attached.

        A parked server is started with a fresh disk instead.

        Raises:
            LatentWorkerCannotSubstantiate: No attempt can succeed.
            LatentWorkerFailedToSubstantiate: The next attempt may succeed.
            LatentWorkerSubstantiatiationCancelled: `cancel_start` was called.
        """
        self._is_starting, server = True, self.server
        try:
            if server is None or not await self._renew(server, build):
                server = None
                server = await self._server_for(build)
                await self._create(server)
        except Exception as error:
            if server is not None and server.attached_at is not None:
                # The start has succeeded: its guest has attached.
                if server.details is None:
                    self._give_up_unknown(server, error)
            else:
                failure = _failure(error, self._worker.name, is_outdated=server is not None and server.is_outdated)
                if server is not None:
                    self.service.record.failed(server, str(error) or str(failure))
                elif not isinstance(error, defer.CancelledError):
                    self.service.record.refused(self._worker.name, build, str(failure.args[-1]))
                raise failure from error
        finally:
            self._is_starting = self._is_cancelled = False

    async def _server_for(self, build: Build) -> BuildServer:
        """The server for a build, before its create. It has a slot among `max_servers`."""
        while True:
            arguments = self.arguments
            request = await self._maker.server_request(build)
            # Repeat after a reconfiguration of the master: the server's account must be that of the request.
            if arguments is self.arguments:
                break
        if self._is_cancelled:
            raise defer.CancelledError
        if not self.service.limit.reserve(self, arguments.max_servers):
            raise LatentWorkerFailedToSubstantiate(self._worker.name, "max_servers: no slot for its server is free")
        assert self.account is not None
        self.service.images.use_limits_of(request.recipe, lambda: self.arguments)
        guest, specs = self._maker.guest(request), self._maker.server_specs
        server = self.server = BuildServer(
            build, self.account, request, guest, specs, has_fresh_disks=arguments.fresh_disk
        )
        from_thread = self._worker.master.reactor.callFromThread
        server.tell_lost = partial(from_thread, self._lease_lost, server)
        server.tell_late = partial(from_thread, self._appeared_late, server)
        self.service.limit.hand_over(self, server)
        self.account.holders.add(server)
        self.service.record.asked(server, build)
        return server

    async def _create(self, server: BuildServer) -> None:
        budget = self.arguments.budget
        if budget is not None:
            ask = partial(server.likely_price, with_bill=budget.per_month is not None)
            await self.service.costs.load()
            price = await self._run(ask).ended
            refusal = self.service.spending.reserve(self._worker.name, server, price, budget)
            if refusal is not None:
                raise LatentWorkerFailedToSubstantiate(self._worker.name, refusal)
        limits = self.arguments.create_timeout, self.arguments.boot_timeout
        created = partial(self._worker.master.reactor.callFromThread, self._created, server)
        await self._run(server.start, *limits, created).ended
        self.service.record.started(server)

    def _give_up_unknown(self, server: BuildServer, error: Exception) -> None:
        """Handle a failed create whose guest has attached. Its build may end before the client destroys the server."""
        self.service.record.failed(server, str(error))
        server.is_outdated = True
        self._on_lost(server)

    def _appeared_late(self, server: BuildServer) -> None:
        """Handle a server that appeared after its create failed or was cancelled. The client destroys it."""
        self.service.record.late(server)
        if self.service.bridge.is_running:
            defer.ensureDeferred(self._record_late(server))

    async def _record_late(self, server: BuildServer) -> None:
        with contextlib.suppress(UpCloudError, defer.CancelledError):
            await self.service.bridge.run(server.ask_price).ended
            self.service.record.priced(server)
        await self._record_end(server)

    async def _record_end(self, server: BuildServer) -> None:
        """Record the end of a server that the client destroys, or that never appeared."""
        ends = time.monotonic() + _LATE_GONE_WITHIN
        destroyed = self.service.bridge.run(server.until_destroyed)
        destroyed.cancel(after=_LATE_GONE_WITHIN)
        try:
            await destroyed.ended
        except defer.CancelledError:
            if time.monotonic() < ends:
                return  # The master has stopped.
            if server.details is not None:
                self.service.record.left(server, "it was not seen to be destroyed")
                return
        self.service.record.gone(server)

    def _created(self, server: BuildServer) -> None:
        self._show(server)
        self.service.record.made(server)
        self.service.bridge.run(server.ask_price).ended.addBoth(lambda _: self._priced(server))

    def _priced(self, server: BuildServer) -> None:
        self.service.record.priced(server)
        self._show(server)

    def _show(self, server: BuildServer) -> None:
        """Show the facts about the server on the worker's page, and as properties of its first build."""
        if server is self.server:
            server.set_properties(server.build)
            if self._worker.conn is not None:
                show_on_page(self._worker, server.facts())

    def clear_page(self) -> None:
        """Remove the server from the worker's page when the server and its guest are gone."""
        if self.server is None and self._worker.conn is None:
            wait_for(self._worker, defer.ensureDeferred(clear_page(self._worker)))

    def cancel_start(self) -> None:
        """Cancel the start that is running, or that Buildbot is about to call. Else, let a stop end in time."""
        is_next = self._worker.state is States.SUBSTANTIATING
        server = self.server
        if server is not None and server.attached_at is not None and server.details is None:
            # Its build was quicker than the search after a lost answer. Without the answer, the server would be
            # missing in the record. The create has a deadline.
            self._hurry_stop()
        elif self._is_starting or is_next or self._worker.state is States.SUBSTANTIATING_STARTING:
            self._is_cancelled = self._is_starting or is_next
            if self._operation is not None:
                self._operation.cancel()
        else:
            self._hurry_stop()

    # --- its guest ----------------------------------------------------------------------------------------------------

    async def find_problem(self) -> str | None:
        """Why the guest of a started server cannot attach. None if it may still attach."""
        server = self.server
        if server is None or server.up_since is None:
            return None
        problem = server.is_late(self.arguments.attach_timeout)
        try:
            problem = problem or await self._run(server.find_problem).ended
        except defer.CancelledError:
            return None
        if problem is not None:
            self.service.record.failed(server, problem)
        return problem

    async def is_sealed(self, server: BuildServer) -> bool:
        """Whether the build may begin, because it cannot read the worker's password. If not, the guest tries again."""
        if not self.arguments.seal_metadata or server.attached_at is not None:
            return True
        try:
            return await self.service.bridge.run(server.seal, self.arguments.boot_timeout).ended
        except defer.CancelledError:
            return False

    def note_attach(self, server: BuildServer) -> None:
        """Note that its guest has attached, which ends the start."""
        server.note_attach()
        self.service.record.attached(server)
        if server.details is not None and self._operation is not None:
            # Stop waiting for "started". Don't cancel an unanswered create: that would destroy the server.
            self._operation.cancel()
        self._show(server)
        self.service.bridge.run(server.prepare_disk, self.arguments.boot_timeout)

    # --- between two builds -------------------------------------------------------------------------------------------

    async def park(self, seconds: float) -> bool:
        """Switch the server off, and keep it this many seconds for the next build. False: it must be destroyed."""
        server = self.server
        if server is None or not server.may_be_parked or seconds <= 0:
            return False
        server.may_attach, server.stays_until = False, time.monotonic() + seconds
        try:
            await self._run(server.park, self.arguments.boot_timeout).ended
        except (UpCloudError, defer.CancelledError) as error:
            self.service.note_replaced(server, str(error))
            return False
        return not server.is_outdated

    async def _renew(self, server: BuildServer, build: Build) -> bool:
        """Start the parked server with a fresh disk. If that fails, or a build needs another server, destroy it."""
        if await self.serves(build):
            server.use_for(build, self._maker.guest(server.request) if server.gets_new_password else server.guest)
            self.service.record.renewing(server, build)
            try:
                await self._run(server.renew, self.arguments.boot_timeout).ended
                self.service.record.renewed(server)
            except (UpCloudError, ValueError, defer.CancelledError) as error:
                if server.attached_at is None:
                    if self._is_cancelled:
                        raise
                    self.service.note_replaced(server, str(error))
            if server.attached_at is not None or server.up_since is not None:
                return True
        self.server = None
        self._operation = self.service.destroy(server, self._heir)
        with contextlib.suppress(defer.CancelledError):
            await self._operation.ended
        return False

    def _lease_lost(self, server: BuildServer, reason: str) -> None:
        """Handle the loss of its lease: running builds may end on it, but no other build may begin."""
        if server is self.server:
            server.is_outdated = True
            self.service.record.lease_lost(server, reason, builds_on(self._worker))
            self._on_lost(server)

    # --- stop ---------------------------------------------------------------------------------------------------------

    async def destroy(self) -> None:
        """Destroy the server, if there is one. If that fails, the log names it, and its lease ends."""
        server, self.server = self.server, None
        if server is not None and (server.details is None or server.is_abandoned):
            # None was created; or the client destroys it when its create is answered.
            self.service.record.failed(server, "its start was cancelled")
            if server.attached_at is None or self._worker.botmaster.shuttingDown:
                self.service.record.gone(server)
            elif not server.is_abandoned:
                defer.ensureDeferred(self._record_end(server))
            self.service.forget(server, self._heir())
        elif server is not None:
            self._operation = self.service.destroy(server, self._heir)
            self._hurry_stop()
            try:
                await self._operation.ended
            except defer.CancelledError:
                # The destroy continues in the background while the master runs.
                self.service.warn_of_cost(server, "it is not destroyed yet")
            self.clear_page()

    def _hurry_stop(self) -> None:
        """While the master shuts down, wait at most `shutdown_timeout` seconds in total."""
        if self._operation is not None:
            left = self.service.shutdown_time_left(self.arguments.shutdown_timeout)
            if left is not None:
                self._operation.cancel(after=left)

    def close(self) -> None:
        """Release the account when the worker has stopped."""
        if self.account is not None:
            self.service.accounts.release(self.account, self)
            self.account = None

    def _run(self, function: Callable[..., Awaitable[T]], *args: object) -> Operation[T]:
        operation = self._operation = self.service.bridge.run(function, *args)
        return operation


def _failure(error: Exception, worker: str, *, is_outdated: bool) -> Exception:
    """The exception for Buildbot after an error of the start."""
    if isinstance(error, LatentWorkerFailedToSubstantiate):
        return error
    if isinstance(error, defer.CancelledError):
        return LatentWorkerSubstantiatiationCancelled(worker, "the start of its server was cancelled")
    if not isinstance(error, UpCloudError | ValueError):
        # A secret that cannot be read now may be readable in a moment.
        return LatentWorkerFailedToSubstantiate(worker, f"the worker's arguments cannot be rendered: {error!r}")
    # An error in an old configuration may be corrected in the new one.
    is_final = is_permanent(error) and not is_outdated
    return (LatentWorkerCannotSubstantiate if is_final else LatentWorkerFailedToSubstantiate)(worker, str(error))
