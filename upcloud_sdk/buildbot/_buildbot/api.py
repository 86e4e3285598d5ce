"""Types for the parts of Buildbot that the adapter uses. Buildbot itself has none."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping
    from datetime import datetime
    from typing import Any, ClassVar, ParamSpec, Protocol, TypedDict, TypeVar

    from twisted.internet.defer import Deferred, DeferredLock
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
        def finishBuild(self, buildid: int | None, results: int | None) -> Deferred[None]: ...
        def setBuildProperty(self, buildid: int, name: str, value: object, source: str) -> Deferred[None]: ...
        def set_worker_graceful(self, workerid: int, graceful: bool) -> Deferred[None]: ...
        def workerConnected(self, workerid: int, masterid: int, workerinfo: dict[str, Any]) -> Deferred[None]: ...

    class Data(Protocol):
        updates: Updates

        def get(self, path: tuple[str, ...]) -> Deferred[list[MasterRow]]: ...

    class Plugins(Protocol):
        def __contains__(self, name: str) -> bool: ...
        def get(self, name: str) -> object: ...

    class WebServer(Protocol):
        apps: Plugins

    class Configuration(Protocol):
        multiMaster: bool
        www: Mapping[str, Any]
        select_next_worker: object

    class State(Protocol):
        def getState(self, objectid: int, name: str, default: object) -> Deferred[Any]: ...
        def getObjectId(self, name: str, class_name: str) -> Deferred[int]: ...
        def atomicCreateState(
            self, objectid: int, name: str, thd_create_callback: Callable[[], Any]
        ) -> Deferred[Any]: ...

    class Pool(Protocol):
        def do_with_transaction(self, function: Callable[[Any], None]) -> Deferred[None]: ...

    class Database(Protocol):
        state: State
        pool: Pool
        model: Any

    class BuilderConfig(Protocol):
        nextWorker: object
        canStartBuild: object

    class Builder(Protocol):
        name: str
        master: Master
        botmaster: BotMaster
        building: list[Build]
        config: BuilderConfig
        workers: list[WorkerForBuilder]

        def getOldestRequestTime(self) -> Deferred[datetime | None]: ...
        def buildFinished(self, build: Build, wfb: WorkerForBuilder) -> None: ...

    class BotMaster(Protocol):
        shuttingDown: bool
        builders: dict[str, Builder]

        def getBuildersForWorker(self, workername: str) -> list[Builder]: ...
        def maybeStartBuildsForAllBuilders(self) -> None: ...
        def maybeStartBuildsForBuilder(self, buildername: str) -> None: ...
        def maybeStartBuildsForWorker(self, worker_name: str) -> None: ...

    class WorkerForBuilder(Protocol):
        builder: Builder
        worker: AbstractLatentWorker
        builder_name: str

        def isAvailable(self) -> bool: ...
        def isBusy(self) -> bool: ...
        def buildFinished(self) -> None: ...

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
        www: WebServer

    class Connection(Protocol):
        info: dict[str, Any]
        mind: object

        def loseConnection(self) -> None: ...
        def detached(self, mind: object) -> None: ...
        def notifyOnDisconnect(self, callback: Callable[[], object]) -> object: ...
        def remotePrint(self, message: str) -> Deferred[object]: ...

    class Dispatcher(Protocol):
        users: dict[str, tuple[object, Callable[[Any, str], Deferred[Any]]]]

    class PortManager(Protocol):
        dispatchers: dict[str, Dispatcher]

    class PortRegistration(Protocol):
        portstr: str
        manager: PortManager

    class Registration(Protocol):
        pbReg: PortRegistration | None
        msgpack_reg: PortRegistration | None

        def getPBPort(self) -> int: ...
        def get_msgpack_port(self) -> int: ...

    class Properties(Protocol):
        def getProperty(self, name: str, default: Any = ...) -> Any: ...  # noqa: ANN401 - any value
        def render(self, value: object) -> Deferred[Any]: ...
        def setProperty(self, name: str, value: object, source: str) -> None: ...

    class BuildRequest(Protocol):
        submittedAt: float | None

    class WorkerInfo(Protocol):
        def hasProperty(self, name: str) -> bool: ...

    class Step(Protocol):
        def addLog(self, name: str, type: str) -> Deferred[TextLog]: ...

    class TextLog(Protocol):
        def addContent(self, text: str) -> Deferred[None]: ...
        def finish(self) -> Deferred[None]: ...

    class Build(Properties, Protocol):
        requests: list[BuildRequest]
        buildid: int | None
        number: int | None
        builder: Builder
        results: int | None
        workerforbuilder: WorkerForBuilder
        finished: bool
        stopped: bool
        subs: object
        conn: Connection | None
        startBuild: Callable[[WorkerForBuilder], Deferred[None]]
        buildFinished: Callable[[list[str], int], Deferred[None]]
        stopBuild: Callable[[str, int], Deferred[None]]
        stopBuildConsumer: object

        _preparation_step: Step | None

        def get_buildid(self) -> Deferred[int]: ...
        def lostRemote(self) -> None: ...

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
        running: bool
        workerid: int
        botmaster: BotMaster
        building: set[WorkerForBuilder]
        workerforbuilders: dict[object, WorkerForBuilder]
        password: Any
        _deferwaiter: DeferWaiter
        _start_stop_lock: DeferredLock
        properties: Properties
        info: WorkerInfo
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
        def putInQuarantine(self) -> None: ...
        def _update_graceful(self) -> None: ...
        def _clearBuildWaitTimer(self) -> None: ...
        def _setBuildWaitTimer(self) -> None: ...
        def _soft_disconnect(self, fast: bool = ..., stopping_service: bool = ...) -> Deferred[None]: ...
        def _fireSubstantiationNotifier(self, result: Failure) -> None: ...
        def setupProperties(self, props: Properties) -> None: ...
        def updateWorker(self) -> Deferred[None]: ...
        def insubstantiate(
            self, fast: bool = ..., force_substantiation_build: Build | None = ...
        ) -> Deferred[None]: ...
        def stopService(self) -> Deferred[None]: ...

    class States:
        NOT_SUBSTANTIATED: ClassVar[States]
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

    class BuildFactory: ...

    class BuilderSettings:
        name: str

        def __init__(
            self, *, name: str, workernames: list[str], factory: BuildFactory, tags: list[str], description: str
        ) -> None: ...

    class Nightly:
        name: str

        def __init__(
            self, *, name: str, builderNames: list[str], minute: int, hour: list[int], dayOfWeek: list[int]
        ) -> None: ...

    class SecretDetails:
        def __init__(self, source: str, key: str, value: object) -> None: ...

    def config_error(message: str) -> None: ...

    def async_to_deferred(function: Callable[P, Coroutine[Any, Any, T]]) -> Callable[P, Deferred[T]]: ...

    buildbot_version: str
    CANCELLED: int
    RETRY: int

    def statusToString(status: int) -> str: ...

    class masters:  # noqa: N801 - a module
        EXPIRE_MINUTES: ClassVar[float]

    class IRenderable:
        @classmethod
        def providedBy(cls, value: object) -> bool: ...

else:
    from buildbot import version as buildbot_version
    from buildbot.config import error as config_error
    from buildbot.config.builder import BuilderConfig as BuilderSettings
    from buildbot.config.errors import ConfigErrors
    from buildbot.config.master import FileLoader
    from buildbot.data import masters
    from buildbot.interfaces import (
        IRenderable,
        LatentWorkerCannotSubstantiate,
        LatentWorkerFailedToSubstantiate,
        LatentWorkerSubstantiatiationCancelled,
    )
    from buildbot.process.factory import BuildFactory
    from buildbot.process.properties import Properties as BuildProperties
    from buildbot.process.results import CANCELLED, RETRY, statusToString
    from buildbot.schedulers.timed import Nightly
    from buildbot.secrets.manager import SecretDetails
    from buildbot.util.service import SharedService
    from buildbot.util.twisted import async_to_deferred
    from buildbot.worker.base import AbstractWorker
    from buildbot.worker.latent import AbstractLatentWorker, States

__all__ = [
    "CANCELLED",
    "RETRY",
    "AbstractLatentWorker",
    "AbstractWorker",
    "BuildFactory",
    "BuildProperties",
    "BuilderSettings",
    "ConfigErrors",
    "FileLoader",
    "IRenderable",
    "LatentWorkerCannotSubstantiate",
    "LatentWorkerFailedToSubstantiate",
    "LatentWorkerSubstantiatiationCancelled",
    "Nightly",
    "SecretDetails",
    "SharedService",
    "States",
    "async_to_deferred",
    "buildbot_version",
    "config_error",
    "masters",
    "statusToString",
]
