"""The latent worker: Buildbot's side of it. What it does with servers is in `machine`, the way there in `bridge`."""

from __future__ import annotations

import socket
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn, TypeVar

from twisted.cred.error import UnauthorizedLogin
from twisted.internet import defer, threads
from twisted.logger import Logger

from upcloud_sdk import WaitPolicy
from upcloud_sdk.buildbot._types import (
    AbstractLatentWorker,
    LatentWorkerCannotSubstantiate,
    LatentWorkerFailedToSubstantiate,
    LatentWorkerSubstantiatiationCancelled,
    States,
    config_error,
)
from upcloud_sdk.buildbot.arguments import Arguments
from upcloud_sdk.buildbot.bootstrap import Bootstrap, Guest
from upcloud_sdk.buildbot.bridge import Account, Bridge, Operation
from upcloud_sdk.buildbot.machine import Machine, is_permanent
from upcloud_sdk.buildbot.order import Order, host_and_port
from upcloud_sdk.buildbot.owner import owner_of, short_hash
from upcloud_sdk.buildbot.password import GuestPassword
from upcloud_sdk.buildbot.reaping import Reaping, ReapPace
from upcloud_sdk.errors import CleanupFailed, UpCloudError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from twisted.python.failure import Failure

    from upcloud_sdk import UpCloud
    from upcloud_sdk.buildbot._types import Build, Connection, Properties

T = TypeVar("T")

_RENDERED_ONCE = ("api_username", "api_password", "api_token", "base_url", "owner", "masterFQDN")
"""Arguments that do not depend on a build."""
_DESTROY_TIMEOUT = 300.0
"""Seconds within which a server must be gone."""
_DESTROY_WAIT = 30.0
"""Seconds of these that its worker waits before it takes another build."""


class UpcloudLatentWorker(AbstractLatentWorker):
    """A Buildbot worker on an UpCloud server that is made for a build and destroyed after it.

    Takes the arguments of the worker of this name that ships with Buildbot, those of all latent workers
    (`build_wait_timeout`, `max_builds`, `properties`, ...), and those of `upcloud_sdk.buildbot.arguments.Arguments`.
    """

    builds_may_be_incompatible: ClassVar[bool] = True
    waits: ClassVar[WaitPolicy] = WaitPolicy()
    """The pace of all waiting; a subclass may have another."""
    reaps: ClassVar[ReapPace] = ReapPace()
    """How often this master destroys what was left behind."""

    as_given: Arguments
    """As the configuration gave them: nothing is rendered."""

    _log = Logger()
    _password: GuestPassword
    _bridge: Bridge
    _reaping: Reaping
    _cloud: UpCloud
    """Makes the next server; one that exists keeps the client that made it."""
    _arguments: Arguments
    _machine: Machine | None = None
    _operation: Operation[Any] | None = None
    _build: Build | None = None
    _turn: defer.Deferred[None] | None = None
    """What it waits for while there is no room for another server."""
    _starting = False
    _unwanted = False
    """Whether the start that is under way, or about to be, was called off."""

    # --- configuration ------------------------------------------------------------------------------------------------

    def checkConfig(self, name: str, password: Any = None, *args: Any, **kwargs: Any) -> None:  # noqa: N802, ANN401 - Buildbot's
        """Refuse what is wrong with the configuration; nothing is sent."""
        arguments, buildbot = Arguments.read(args, kwargs)
        self.as_given = arguments
        self._password = GuestPassword()
        unknown = list(Arguments.unknown(buildbot))
        for problem in (*unknown, *arguments.problems()):
            config_error(f"UpcloudLatentWorker {name!r}: {problem}")
        super().checkConfig(name, password, **({} if unknown else buildbot))

    def reconfigService(self, name: str, password: Any = None, *args: Any, **kwargs: Any) -> defer.Deferred[None]:  # noqa: N802, ANN401 - Buildbot's
        """Take the configuration over for the servers that are made from now on."""
        return defer.ensureDeferred(self._reconfigure(name, password, args, kwargs))

    async def _reconfigure(
        self,
        name: str,
        password: Any,  # noqa: ANN401 - renderable
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> None:
        arguments, buildbot = Arguments.read(args, kwargs)
        values = await self.renderSecrets([getattr(arguments, key) for key in _RENDERED_ONCE])
        arguments = replace(arguments, **dict(zip(_RENDERED_ONCE, values, strict=True)))
        if arguments.masterFQDN is None:
            # It may ask a name server.
            arguments = replace(arguments, masterFQDN=await threads.deferToThread(socket.getfqdn))
        owner, credentials = arguments.owner or await owner_of(self.master), arguments.credentials()
        self._bridge = await Bridge.of(self.master)
        account = Account(credentials, arguments.base_url, self.waits)
        self._cloud = await self._bridge.client(account, owner)
        # Masters of a multi-master often share their configuration: an owner that is given may be that of several.
        alone = arguments.owner is None or not self.master.config.multiMaster
        self._reaping = self._bridge.reaping(account, self._cloud, self.reaps, exclusive=alone)
        self._arguments = arguments
        interval = min(buildbot.pop("check_instance_interval", 10), arguments.attach_timeout)
        self._password.fix(await self.renderSecrets(password))
        await super().reconfigService(name, self._password, check_instance_interval=interval, **buildbot)

    @property
    def password(self) -> GuestPassword:
        """What Buildbot registers with its listeners."""
        return self._password

    @password.setter
    def password(self, _: object) -> None:
        """Buildbot sets it to the argument of this name, which may be None."""

    def getConfigDict(self) -> dict[str, Any]:  # noqa: N802 - Buildbot's
        """The worker's name and class only: Buildbot logs this, and there are secrets among the arguments."""
        return {**super().getConfigDict(), "args": [], "kwargs": {}}

    # --- a server for a build -----------------------------------------------------------------------------------------

    def isCompatibleWithBuild(self, build_props: Properties) -> defer.Deferred[bool]:  # noqa: N802 - Buildbot's
        """Whether a build may run on the server that is up: it was made for the same values."""
        return defer.ensureDeferred(self._is_compatible(build_props))

    async def _is_compatible(self, properties: Properties) -> bool:
        machine = self._machine
        if machine is None:
            return True
        try:
            return machine.cloud is self._cloud and machine.order == await Order.of(self._arguments, properties)
        except Exception:  # noqa: BLE001 - a build whose values cannot be rendered fails when it has a server of its own
            return False

    def canStartBuild(self) -> bool:  # noqa: N802 - Buildbot's
        """Whether a build can be taken: not while all UpCloud workers together have `max_servers` servers."""
        return super().canStartBuild() and self._bridge.room.has(self.name, self._arguments.max_servers)

    def start_instance(self, build: Build) -> defer.Deferred[bool]:
        """Make a server, and wait until it is started or its worker attaches."""
        return defer.ensureDeferred(self._start(build))

    async def _start(self, build: Build) -> bool:
        self._starting = True
        try:
            order = await self._order(build)
            machine = self._machine = Machine(self._cloud, order, self._guest(order), title=self._title())
            self._build = build
            try:
                await self._wait_for_room()
                await self._unless_unwanted(self._reaping.first_round)
                await self._unless_unwanted(machine.create, self._arguments.create_timeout)
                self._tell(machine)
                if machine.attached_at is None:
                    await self._unless_unwanted(machine.boot, self._arguments.boot_timeout)
            except (defer.CancelledError, UpCloudError, ValueError) as error:
                # The worker may attach before the API says that its server is there. Then there is nothing to fail.
                if machine.attached_at is None:
                    raise self._failure(error) from None
        finally:
            self._starting = self._unwanted = False
        return True

    async def _wait_for_room(self) -> None:
        """Builds that are handed out at one moment may be more than there is room for: they wait for their turn."""
        if self._unwanted:
            raise defer.CancelledError
        self._turn = self._bridge.room.enter(self.name, self._arguments.max_servers)
        try:
            await self._turn
        finally:
            self._turn = None

    def _tell(self, machine: Machine) -> None:
        """Give the build that waits for the server what is known of it; later builds get it from `setupProperties`."""
        if self._build is not None:
            for name, value in machine.facts().items():
                self._build.setProperty(name, value, "Worker")

    def setupProperties(self, props: Properties) -> None:  # noqa: N802 - Buildbot's
        """The properties of a build that runs here: those configured, and those of the server that is up."""
        super().setupProperties(props)
        if self._machine is not None:
            for name, value in self._machine.facts().items():
                props.setProperty(name, value, "Worker")

    async def _order(self, build: Build) -> Order:
        try:
            return await Order.of(self._arguments, build)
        except Exception as error:
            raise LatentWorkerCannotSubstantiate(
                self.name, f"the worker's arguments cannot be rendered: {error}"
            ) from error

    def _guest(self, order: Order) -> Guest:
        host, port = host_and_port(self._arguments.masterFQDN)
        if port is None:
            websocket = isinstance(order.bootstrap, Bootstrap) and order.bootstrap.connection in {"ws", "wss"}
            port = self._port(websocket=websocket)
        return Guest(name=self.name, password=self._password.renew(), master=host, port=port)

    def _port(self, *, websocket: bool) -> int:
        """Where this master listens for workers."""
        registered = self.registration
        if registered is not None and websocket and registered.msgpack_reg is not None:
            return registered.get_msgpack_port()
        return registered.getPBPort() if registered is not None and registered.pbReg is not None else 9989

    def _title(self) -> str:
        return f"buildbot-{self.name}-{short_hash(self.master)}".replace("_", "-")

    def _failure(self, error: Exception) -> Exception:
        if isinstance(error, defer.CancelledError):
            return LatentWorkerSubstantiatiationCancelled(self.name, "the start of its server was called off")
        kind = LatentWorkerCannotSubstantiate if is_permanent(error) else LatentWorkerFailedToSubstantiate
        return kind(self.name, str(error))

    def check_instance(self) -> defer.Deferred[tuple[bool, str]]:
        """Whether the worker may still attach; asked between the start and that."""
        return defer.ensureDeferred(self._check())

    async def _check(self) -> tuple[bool, str]:
        machine = self._machine
        if machine is None or machine.up_since is None:
            return True, ""
        waited = time.monotonic() - machine.up_since
        if waited > self._arguments.attach_timeout:
            limit = f"attach_timeout={self._arguments.attach_timeout:g} s"
            return False, f"the worker on server {machine.uuid} has not attached within {limit}"
        try:
            problem = await self._run(machine.look).ended
        except defer.CancelledError:
            return True, ""
        return problem is None, problem or ""

    # --- the guest's connection ---------------------------------------------------------------------------------------

    def attached(self, conn: Connection) -> defer.Deferred[None]:
        """Let the guest of our own server in, and only it."""
        machine = self._machine
        in_time = self.state is States.SUBSTANTIATING_STARTING or self.build_wait_timeout < 0
        if machine is None or not machine.may_attach or not in_time:
            # Dropped here, because a connection that Buildbot refuses itself keeps the master from shutting down.
            conn.loseConnection()
            return defer.fail(UnauthorizedLogin(f"worker {self.name!r}: no server of its own is starting"))
        attach = super().attached
        if not self._arguments.seal_metadata:
            return attach(conn).addCallback(self._has_attached, machine, conn)
        # Before the attach, since the build begins with it.
        sealed = self._bridge.run(machine.seal, self._arguments.boot_timeout).ended
        sealed.addErrback(self._not_sealed, machine, conn)
        sealed.addCallback(lambda _: attach(conn))
        return sealed.addCallback(self._has_attached, machine, conn)

    def _has_attached(self, _: None, machine: Machine, conn: Connection) -> None:
        if self.conn is not conn:
            return
        machine.attached_at = time.monotonic()
        machine.up_since = machine.up_since or machine.attached_at
        self._tell(machine)
        if machine.server is not None and self._operation is not None:
            # It is up. As long as its uuid is not known, the create goes on: cancelled, it would destroy the server.
            self._operation.cancel()

    def _not_sealed(self, failure: Failure, machine: Machine, conn: Connection) -> NoReturn:
        """No build may run where it could read the worker's password: the guest is turned away, and tries again."""
        self._log.error(
            "worker {name}: the metadata of server {uuid} could not be switched off: {reason}",
            name=self.name, uuid=machine.uuid, reason=failure.getErrorMessage(),
        )  # fmt: skip
        conn.loseConnection()
        raise UnauthorizedLogin(f"worker {self.name!r}: its server's metadata could not be switched off")

    # --- the end ------------------------------------------------------------------------------------------------------

    def insubstantiate(
        self, fast: bool = False, force_substantiation_build: Build | None = None
    ) -> defer.Deferred[None]:
        """Call off a start that is under way, which Buildbot would wait for, and destroy the server."""
        if self.state is States.INSUBSTANTIATING and force_substantiation_build is None:
            # It is being done. Another in the queue behind it would call off the start of the build that comes next.
            return defer.succeed(None)
        self._call_off()
        return super().insubstantiate(fast, force_substantiation_build)

    def stopService(self) -> defer.Deferred[None]:  # noqa: N802 - Buildbot's
        """Stop, within `shutdown_timeout` seconds if it is the whole master that stops."""
        self._call_off()
        return super().stopService()

    def _call_off(self) -> None:
        if self._starting or self.state in {States.SUBSTANTIATING, States.SUBSTANTIATING_STARTING}:
            self._unwanted = self._starting or self.state is States.SUBSTANTIATING
            if self._turn is not None:
                self._turn.cancel()
            if self._operation is not None:
                self._operation.cancel()
        else:
            self._hurry()

    def _hurry(self) -> None:
        left = self._bridge.shutdown_time_left(self._arguments.shutdown_timeout)
        if left is not None and self._operation is not None:
            self._operation.cancel(after=left)

    def stop_instance(self, fast: bool = False) -> defer.Deferred[bool]:  # noqa: ARG002 - it is always switched off
        """Destroy the server. What cannot be destroyed is logged; its lease runs out."""
        return defer.ensureDeferred(self._stop())

    async def _stop(self) -> bool:
        try:
            return await self._destroy()
        finally:
            self._bridge.room.leave(self.name)
            if self._arguments.max_servers is not None:
                # Another worker may take a build now, and nothing else would tell it.
                self.master.botmaster.maybeStartBuildsForAllBuilders()

    async def _destroy(self) -> bool:
        machine, self._machine, self._build = self._machine, None, None
        if machine is None or machine.server is None:
            # None was made, or the client destroys what turns up of it.
            return True
        operation = self._run(machine.destroy, _DESTROY_TIMEOUT)
        operation.cancel(after=_DESTROY_WAIT)
        self._hurry()
        try:
            await operation.ended
        except (CleanupFailed, defer.CancelledError) as error:
            # Cancelled, it goes on without us, as long as the master lives.
            reason = str(error) or "it is not destroyed yet"
            self._log.error(
                "worker {name}: server {uuid} may still be running and cost money: {reason}",
                name=self.name, uuid=machine.uuid, reason=reason,
            )  # fmt: skip
            return False
        return True

    async def _unless_unwanted(self, function: Callable[..., Awaitable[None]], *args: float) -> None:
        if self._unwanted:
            raise defer.CancelledError
        await self._run(function, *args).ended

    def _run(self, function: Callable[..., Awaitable[T]], *args: float) -> Operation[T]:
        operation = self._operation = self._bridge.run(function, *args)
        operation.ended.addBoth(self._over)
        return operation

    def _over(self, outcome: T) -> T:
        self._operation = None
        return outcome
