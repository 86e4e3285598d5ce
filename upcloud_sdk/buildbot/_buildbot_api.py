"""What the adapter uses of Buildbot, which ships no types: its names, typed, and what has no public name there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from twisted.python import log

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping
    from datetime import datetime
    from typing import Any, ClassVar, ParamSpec, Protocol, TypedDict, TypeVar

    from twisted.internet.defer import Deferred
    from twisted.python.failure import Failure

    P = ParamSpec("P")
    T = TypeVar("T")

    class DelayedCall(Protocol):
        def cancel(self) -> None: ...
        def active(self) -> bool: ...

    class Reactor(Protocol):
        def callFromThread(self, function: Callable[..., object], *args: object, **kwargs: object) -> None: ...
        def callLater(self, delay: float, function: Callable[..., object], *args: object) -> DelayedCall: ...
        def seconds(self) -> float: ...

    class MasterRow(TypedDict):
        name: str
        active: bool
        last_active: datetime | None

    class Updates(Protocol):
        def setBuildProperty(self, buildid: int, name: str, value: object, source: str) -> Deferred[None]: ...
        def workerConnected(self, workerid: int, masterid: int, workerinfo: dict[str, Any]) -> Deferred[None]: ...

    class Data(Protocol):
        updates: Updates

        def get(self, path: tuple[str, ...]) -> Deferred[list[MasterRow]]: ...

    class Configuration(Protocol):
        multiMaster: bool
        select_next_worker: object

    class State(Protocol):
        def getState(self, objectid: int, name: str, default: object) -> Deferred[Any]: ...
        def getObjectId(self, name: str, class_name: str) -> Deferred[int]: ...
        def atomicCreateState(
            self, objectid: int, name: str, thd_create_callback: Callable[[], Any]
        ) -> Deferred[Any]: ...

    class Database(Protocol):
        state: State

    class BuilderConfig(Protocol):
        nextWorker: object
        canStartBuild: object

    class Builder(Protocol):
        name: str
        building: list[RunningBuild]
        config: BuilderConfig
        workers: list[WorkerForBuilder]

        def getOldestRequestTime(self) -> Deferred[datetime | None]: ...

    class BotMaster(Protocol):
        shuttingDown: bool
        builders: dict[str, Builder]

        def getBuildersForWorker(self, workername: str) -> list[Builder]: ...
        def maybeStartBuildsForAllBuilders(self) -> None: ...
        def maybeStartBuildsForBuilder(self, buildername: str) -> None: ...
        def maybeStartBuildsForWorker(self, worker_name: str) -> None: ...

    class WorkerForBuilder(Protocol):
        builder: Builder
        worker: object
        builder_name: str

        def isAvailable(self) -> bool: ...

    class DeferWaiter(Protocol):
        def add(self, deferred: Deferred[Any]) -> object: ...

    class Master(Protocol):
        name: str
        basedir: str
        masterid: int
        reactor: Reactor
        botmaster: BotMaster
        config: Configuration
        data: Data
        db: Database

    class Connection(Protocol):
        info: dict[str, Any]
        mind: object

        def loseConnection(self) -> None: ...
        def detached(self, mind: object) -> None: ...

    class Registration(Protocol):
        pbReg: object | None
        msgpack_reg: object | None

        def getPBPort(self) -> int: ...
        def get_msgpack_port(self) -> int: ...

    class Properties(Protocol):
        def getProperty(self, name: str, default: Any = ...) -> Any: ...  # noqa: ANN401 - any value
        def render(self, value: object) -> Deferred[Any]: ...
        def setProperty(self, name: str, value: object, source: str) -> None: ...

    class Build(Properties, Protocol): ...

    class RunningBuild(Protocol):
        buildid: int | None
        workerforbuilder: WorkerForBuilder
        finished: bool

        def buildFinished(self, text: list[str], results: int) -> Deferred[None]: ...

    class SharedService:
        master: Master
        name: str | None
        running: bool

        @classmethod
        def getService(cls, parent: Master, *args: Any, **kwargs: Any) -> Deferred[Any]: ...  # noqa: ANN401 - Buildbot's
        def startService(self) -> Deferred[Any]: ...
        def stopService(self) -> Deferred[Any]: ...

    class AbstractWorker:
        def attached(self, conn: Connection) -> Deferred[None]: ...

    class AbstractLatentWorker(AbstractWorker):
        builds_may_be_incompatible: ClassVar[bool]
        build_wait_timeout: float
        conn: Connection | None
        master: Master
        name: str
        workerid: int
        botmaster: BotMaster
        building: set[WorkerForBuilder]
        password: Any
        _deferwaiter: DeferWaiter
        properties: Properties
        registration: Registration | None
        state: States
        configured: bool
        _graceful: bool
        build_wait_timer: DelayedCall | None
        _config_args: tuple[Any, ...]
        _config_kwargs: dict[str, Any]
        substantiation_build: Build | None

        def __init__(self, *args: Any, **kwargs: Any) -> None: ...  # noqa: ANN401 - Buildbot's
        def checkConfig(self, name: str, password: str | None, **kwargs: Any) -> None: ...  # noqa: ANN401 - Buildbot's
        def reconfigService(self, name: str, password: object, **kwargs: Any) -> Deferred[None]: ...  # noqa: ANN401 - Buildbot's
        def reconfigServiceWithSibling(self, sibling: Any) -> Deferred[None]: ...  # noqa: ANN401 - of its own class
        def getConfigDict(self) -> dict[str, Any]: ...
        def renderSecrets(self, *values: object) -> Deferred[Any]: ...
        def detached(self) -> Deferred[None]: ...
        def buildStarted(self, wfb: WorkerForBuilder) -> None: ...
        def buildFinished(self, wfb: WorkerForBuilder) -> None: ...
        def canStartBuild(self) -> bool: ...
        def shutdownRequested(self) -> None: ...
        def _update_graceful(self) -> None: ...
        def _clearBuildWaitTimer(self) -> None: ...
        def _setBuildWaitTimer(self) -> None: ...
        def _soft_disconnect(self, fast: bool = ..., stopping_service: bool = ...) -> Deferred[None]: ...
        def _fireSubstantiationNotifier(self, result: Failure) -> None: ...
        def setupProperties(self, props: Properties) -> None: ...
        def insubstantiate(
            self, fast: bool = ..., force_substantiation_build: Build | None = ...
        ) -> Deferred[None]: ...
        def stopService(self) -> Deferred[None]: ...

    class States:
        SUBSTANTIATING: ClassVar[States]
        SUBSTANTIATING_STARTING: ClassVar[States]
        SUBSTANTIATED: ClassVar[States]
        INSUBSTANTIATING: ClassVar[States]
        INSUBSTANTIATING_SUBSTANTIATING: ClassVar[States]

    class LatentWorkerFailedToSubstantiate(Exception): ...

    class LatentWorkerCannotSubstantiate(Exception): ...

    class LatentWorkerSubstantiatiationCancelled(Exception): ...

    class ConfigErrors(Exception):
        errors: list[object]

    class FileLoader:
        def __init__(self, basedir: str, configFileName: str) -> None: ...
        def loadConfig(self) -> Any: ...  # noqa: ANN401 - Buildbot's

    class BuildProperties:
        master: Any

        def render(self, value: object) -> Deferred[Any]: ...

    class SecretDetails:
        def __init__(self, source: str, key: str, value: object) -> None: ...

    def config_error(message: str) -> None: ...

    def async_to_deferred(function: Callable[P, Coroutine[Any, Any, T]]) -> Callable[P, Deferred[T]]: ...

    buildbot_version: str
    RETRY: int

    class masters:  # noqa: N801 - a module
        EXPIRE_MINUTES: ClassVar[float]

    class IRenderable:
        @classmethod
        def providedBy(cls, value: object) -> bool: ...

else:
    from buildbot import version as buildbot_version
    from buildbot.config import error as config_error
    from buildbot.config.errors import ConfigErrors
    from buildbot.config.master import FileLoader
    from buildbot.data import masters
    from buildbot.interfaces import (
        IRenderable,
        LatentWorkerCannotSubstantiate,
        LatentWorkerFailedToSubstantiate,
        LatentWorkerSubstantiatiationCancelled,
    )
    from buildbot.process.properties import Properties as BuildProperties
    from buildbot.process.results import RETRY
    from buildbot.secrets.manager import SecretDetails
    from buildbot.util.service import SharedService
    from buildbot.util.twisted import async_to_deferred
    from buildbot.worker.base import AbstractWorker
    from buildbot.worker.latent import AbstractLatentWorker, States

_DEFAULT_PORT = 9989


def is_lost(conn: Connection) -> bool:
    """Whether a connection by Buildbot's own protocol is closed; one by websocket tells in time itself."""
    broker = getattr(getattr(conn, "mind", None), "broker", None)
    return bool(getattr(broker, "disconnected", False))


def listening_port(worker: AbstractLatentWorker, *, websocket: bool) -> int:
    """Where the master of a worker listens for it."""
    registered = worker.registration
    if registered is not None and websocket and registered.msgpack_reg is not None:
        return registered.get_msgpack_port()
    return registered.getPBPort() if registered is not None and registered.pbReg is not None else _DEFAULT_PORT


async def end_builds(worker: AbstractLatentWorker) -> None:
    """End the builds that Buildbot believes to run on a worker. They are tried again."""
    for busy in list(worker.building):
        for build in list(busy.builder.building):
            if build.workerforbuilder is busy and not build.finished:
                await build.buildFinished(["worker", "lost"], RETRY)


def give_up_server(worker: AbstractLatentWorker) -> None:
    """Let a worker disconnect its guest and destroy its server, whatever its `build_wait_timeout`."""
    wait_for(worker, worker._soft_disconnect(stopping_service=True))  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  # no public name


def show_on_page(worker: AbstractLatentWorker, facts: Mapping[str, object]) -> None:
    """Write to the database what a worker's page shows, beside what its guest has told."""
    conn, master = worker.conn, worker.master
    assert conn is not None
    known = {name: conn.info.get(name) for name in ("admin", "host", "access_uri", "version")}
    write = master.data.updates.workerConnected(
        workerid=worker.workerid, masterid=master.masterid, workerinfo={**known, **facts}
    )
    wait_for(worker, write)


def set_idle_timer(worker: AbstractLatentWorker, seconds: float) -> None:
    """Let a worker destroy its server after so many seconds, unless a build begins before."""
    worker._clearBuildWaitTimer()  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  # the same
    leave = worker._soft_disconnect  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  # the same
    worker.build_wait_timer = worker.master.reactor.callLater(seconds, leave)


def set_property(master: Master, buildid: int, name: str, value: object) -> None:
    """Give a build that has ended another property. An error is logged."""
    master.data.updates.setBuildProperty(buildid, name, value, "Worker").addErrback(_log_error)


def _log_error(failure: Failure) -> None:
    log.err(failure)  # type: ignore[no-untyped-call]  # Twisted's has no types


def wait_for(worker: AbstractLatentWorker, deferred: Deferred[Any]) -> None:
    """Let a worker wait for this before it stops. An error is logged."""
    worker._deferwaiter.add(deferred)  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  # the same


__all__ = [
    "AbstractLatentWorker",
    "AbstractWorker",
    "BuildProperties",
    "ConfigErrors",
    "FileLoader",
    "IRenderable",
    "LatentWorkerCannotSubstantiate",
    "LatentWorkerFailedToSubstantiate",
    "LatentWorkerSubstantiatiationCancelled",
    "SecretDetails",
    "SharedService",
    "States",
    "async_to_deferred",
    "buildbot_version",
    "config_error",
    "end_builds",
    "give_up_server",
    "is_lost",
    "listening_port",
    "masters",
    "set_idle_timer",
    "set_property",
    "show_on_page",
    "wait_for",
]
