"""Which builds a worker takes, and when it gives up the server that it has for another."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from twisted.internet import defer

from upcloud_sdk.buildbot._types import LatentWorkerCannotSubstantiate, States
from upcloud_sdk.buildbot.configured import ConfiguredWorker
from upcloud_sdk.buildbot.order import Order

if TYPE_CHECKING:
    from upcloud_sdk.buildbot._types import Build, DelayedCall, Properties, WorkerForBuilder
    from upcloud_sdk.buildbot.bootstrap import Guest
    from upcloud_sdk.buildbot.machine import Machine

_MAKE_WAY_AFTER = 1.0
"""Seconds that another worker has to take a build before an idle server that is not for it makes way."""


class ChoosingWorker(ConfiguredWorker):
    """A worker whose builds run on servers that were made for the same values, and for no others."""

    builds_may_be_incompatible: ClassVar[bool] = True

    _machine: Machine | None = None
    _build: Build | None = None
    """The build that the machine was made for."""
    _make_way_call: DelayedCall | None = None
    _gone_call: DelayedCall | None = None

    async def _configured_anew(self) -> None:
        machine, build = self._machine, self._build
        if machine is not None and build is not None and not await self._serves(machine, build):
            machine.is_outdated = True
            self._replace_if_idle()

    async def _order(self, build: Build) -> tuple[Order, Guest]:
        try:
            while True:
                arguments = self._arguments
                order = await Order.of(arguments, build)
                # Again if the master was reconfigured meanwhile: its account must be that of the order.
                if arguments is self._arguments:
                    return order, self.next_guest(order)
        except Exception as error:
            raise LatentWorkerCannotSubstantiate(
                self.name, f"the worker's arguments cannot be rendered: {error}"
            ) from error

    def canStartBuild(self) -> bool:  # noqa: N802 - Buildbot's
        """Whether a build can be taken: not while all UpCloud workers together have `max_servers` servers."""
        return super().canStartBuild() and (
            self._machine is not None or self._bridge.room.has(self._arguments.max_servers)
        )

    def isCompatibleWithBuild(self, build_props: Properties) -> defer.Deferred[bool]:  # noqa: N802 - Buildbot's
        """Whether a build may run on the server that is up: it was made for the same values."""
        return defer.ensureDeferred(self._is_compatible(build_props))

    async def _is_compatible(self, properties: Properties) -> bool:
        machine = self._machine
        if machine is None:
            # A build that is to get the next server decides what that is; asked again when its worker attaches.
            return not self.building
        if not machine.is_outdated and await self._serves(machine, properties):
            return True
        if self._make_way_call is None:
            self._make_way_call = self.master.reactor.callLater(_MAKE_WAY_AFTER, self._make_way)
        return False

    async def _serves(self, machine: Machine, properties: Properties) -> bool:
        try:
            return machine.catalogue is self._catalogue and machine.order == await Order.of(self._arguments, properties)
        except Exception:  # noqa: BLE001 - a build whose values cannot be rendered fails when it has a server of its own
            return False

    def _make_way(self) -> None:
        """Replace an idle server if a build still waits that it is not for: it would wait for `build_wait_timeout`."""
        self._make_way_call = None
        self._deferwaiter.add(defer.ensureDeferred(self._replace_if_awaited()))

    async def _replace_if_awaited(self) -> None:
        builders = self.botmaster.getBuildersForWorker(self.name)
        waiting = await defer.gatherResults([builder.getOldestRequestTime() for builder in builders])
        if any(waiting):
            self._replace_if_idle()

    def _replace_if_idle(self) -> None:
        if self.state is States.SUBSTANTIATED and not self.building:
            self._deferwaiter.add(self._soft_disconnect(stopping_service=True))

    def detached(self) -> defer.Deferred[None]:
        """Give up a server whose worker is gone and stays away: it may have switched itself off, and is billed on."""
        if self.state is States.SUBSTANTIATED:
            self._put_off_gone()
            self._gone_call = self.master.reactor.callLater(
                self._arguments.attach_timeout, self._replace_if_gone, self._machine
            )
        return super().detached()

    def _replace_if_gone(self, machine: Machine | None) -> None:
        if self.conn is None and self._machine is machine:
            self._replace_if_idle()

    def _put_off_gone(self) -> None:
        if self._gone_call is not None and self._gone_call.active():
            self._gone_call.cancel()

    def buildFinished(self, wfb: WorkerForBuilder) -> None:  # noqa: N802 - Buildbot's
        """Let the next build come; a server of an earlier configuration is destroyed first."""
        super().buildFinished(wfb)
        if self._machine is not None and self._machine.is_outdated:
            self._replace_if_idle()

    def stopService(self) -> defer.Deferred[None]:  # noqa: N802 - Buildbot's
        """Stop, with what is put off."""
        if self._make_way_call is not None and self._make_way_call.active():
            self._make_way_call.cancel()
        self._put_off_gone()
        return super().stopService()
