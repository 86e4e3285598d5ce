"""What the adapter uses of Buildbot, which ships no types: the one place that tells them to the type checkers."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from typing import Any, ClassVar, Protocol, TypedDict

    from twisted.internet.defer import Deferred
    from twisted.python.failure import Failure

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
        def workerConnected(self, workerid: int, masterid: int, workerinfo: dict[str, Any]) -> Deferred[None]: ...

    class Data(Protocol):
        updates: Updates

        def get(self, path: tuple[str, ...]) -> Deferred[list[MasterRow]]: ...

    class Configuration(Protocol):
        multiMaster: bool

    class State(Protocol):
        def getState(self, objectid: int, name: str, default: object) -> Deferred[Any]: ...
        def getObjectId(self, name: str, class_name: str) -> Deferred[int]: ...
        def atomicCreateState(
            self, objectid: int, name: str, thd_create_callback: Callable[[], Any]
        ) -> Deferred[Any]: ...

    class Database(Protocol):
        state: State

    class Builder(Protocol):
        def getOldestRequestTime(self) -> Deferred[datetime | None]: ...

    class BotMaster(Protocol):
        shuttingDown: bool

        def getBuildersForWorker(self, workername: str) -> list[Builder]: ...
        def maybeStartBuildsForAllBuilders(self) -> None: ...

    class WorkerForBuilder(Protocol): ...

    class DeferWaiter(Protocol):
        def add(self, deferred: Deferred[Any]) -> object: ...

    class Master(Protocol):
        name: str
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
        def render(self, value: object) -> Deferred[Any]: ...
        def setProperty(self, name: str, value: object, source: str) -> None: ...

    class Build(Properties, Protocol): ...

    class SharedService:
        master: Master
        name: str | None
        running: bool

        @classmethod
        def getService(cls, parent: Master, *args: Any, **kwargs: Any) -> Deferred[Any]: ...  # noqa: ANN401 - Buildbot's
        def startService(self) -> Deferred[Any]: ...
        def stopService(self) -> Deferred[Any]: ...

    class AbstractLatentWorker:
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
        substantiation_build: Build | None

        def __init__(self, *args: Any, **kwargs: Any) -> None: ...  # noqa: ANN401 - Buildbot's
        def checkConfig(self, name: str, password: str | None, **kwargs: Any) -> None: ...  # noqa: ANN401 - Buildbot's
        def reconfigService(self, name: str, password: object, **kwargs: Any) -> Deferred[None]: ...  # noqa: ANN401 - Buildbot's
        def getConfigDict(self) -> dict[str, Any]: ...
        def renderSecrets(self, *values: object) -> Deferred[Any]: ...
        def attached(self, conn: Connection) -> Deferred[None]: ...
        def detached(self) -> Deferred[None]: ...
        def buildFinished(self, wfb: WorkerForBuilder) -> None: ...
        def canStartBuild(self) -> bool: ...
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

    buildbot_version: str

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
    from buildbot.secrets.manager import SecretDetails
    from buildbot.util.service import SharedService
    from buildbot.worker.latent import AbstractLatentWorker, States

__all__ = [
    "AbstractLatentWorker",
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
    "buildbot_version",
    "config_error",
    "masters",
]
