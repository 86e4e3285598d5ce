"""Reads a master.cfg without a master: its UpCloud workers, with the arguments that are known before a build."""

from __future__ import annotations

import os
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred

from upcloud_sdk.buildbot._buildbot.api import BuildProperties, ConfigErrors, FileLoader, SecretDetails
from upcloud_sdk.buildbot.configuration.values import is_static, kind_of
from upcloud_sdk.buildbot.worker import UpcloudLatentWorker

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from upcloud_sdk.buildbot.configuration.arguments import Arguments


class UnreadableConfig(Exception):
    """The file cannot be read as a master's configuration. The message has a line for each error."""


_ACCOUNT = ("api_token", "api_username", "api_password", "base_url")


@dataclass(frozen=True, kw_only=True)
class KnownWorker:
    """A worker, with the values that are known without a build."""

    name: str
    arguments: Arguments
    open: frozenset[str]
    """Names of arguments that depend on a build."""
    problems: tuple[str, ...]
    """A sentence for each argument that could not be rendered."""
    protocols: Mapping[str, Mapping[str, Any]]
    """The ports of the master, from `c["protocols"]`."""

    @property
    def account(self) -> tuple[object, ...] | None:
        """The same for all workers of an account. None if its credentials cannot be rendered."""
        given = self.arguments
        return None if self.open & set(_ACCOUNT) else tuple(getattr(given, name) for name in _ACCOUNT)

    @property
    def record(self) -> str | None:
        """The URL of the record of servers. None: the file in the master's base directory.

        Raises:
            ValueError: It cannot be rendered.
        """
        if "record" in self.open:
            raise ValueError("its record cannot be rendered without a running master")
        url: str | None = self.arguments.record
        return url


def read_workers(path: Path) -> list[KnownWorker]:
    """The UpCloud workers of a master.cfg.

    Raises:
        UnreadableConfig: Buildbot does not accept the file.
    """
    directory = path.resolve().parent
    before = Path.cwd()
    try:
        # In its folder, as in a master, since a configuration may use files there.
        os.chdir(directory)
        config: Any = FileLoader(str(directory), path.name).loadConfig()
        secrets = _Secrets(config.secretsProviders)
        workers = [worker for worker in config.workers if isinstance(worker, UpcloudLatentWorker)]
        return [_known(worker, secrets, config.protocols) for worker in workers]
    except ConfigErrors as error:
        raise UnreadableConfig("\n".join(str(each) for each in error.errors)) from error
    finally:
        os.chdir(before)


class _Secrets:
    """Replaces the master while secrets are read."""

    def __init__(self, providers: Sequence[Any]) -> None:
        self.namedServices = {"secrets": self}
        self._providers = providers
        for provider in providers:
            _now(provider.configureService())

    def get(self, name: str) -> Any:  # noqa: ANN401 - Buildbot's
        for provider in self._providers:
            value = _now(provider.get(name))
            if value is not None:
                return SecretDetails(type(provider).__name__, name, value)
        return None


class _NoBuild(BuildProperties):
    """Properties without a build. Records the names that are requested."""

    asked = False

    def getProperty(self, name: str, default: object = None) -> object:  # noqa: ARG002, N802 - Buildbot's
        self.asked = True
        return default

    def hasProperty(self, name: str) -> bool:  # noqa: ARG002, N802 - Buildbot's
        self.asked = True
        return False

    def __contains__(self, name: object) -> bool:
        self.asked = True
        return False


class _NotNow(Exception):
    """A value needs a running master."""


def _now(outcome: Any) -> Any:  # noqa: ANN401 - whatever Buildbot gives
    """The result of a Deferred that has fired."""
    if not isinstance(outcome, Deferred):
        return outcome
    values: list[Any] = []
    errors: list[Any] = []
    outcome.addCallbacks(values.append, errors.append)
    if errors:
        raise errors[0].value
    if not values:
        raise _NotNow
    return values[0]


def _known(worker: UpcloudLatentWorker, secrets: _Secrets, protocols: Mapping[str, Mapping[str, Any]]) -> KnownWorker:
    given = worker.arguments_as_given
    values: dict[str, Any] = {}
    undecided: set[str] = set()
    problems: list[str] = []
    for name, value in _renderable(given):
        properties = _NoBuild()
        properties.master = secrets
        try:
            values[name] = _now(properties.render(value))
        except _NotNow:
            undecided.add(name)
        except Exception as error:  # noqa: BLE001 - whatever a renderable of the user's raises
            problems.append(f"{name} cannot be rendered: {kind_of(error)}")
            undecided.add(name)
        if properties.asked:
            undecided.add(name)
        if name in undecided:
            values[name] = None
    return KnownWorker(
        name=worker.name,
        arguments=replace(given, **values),
        open=frozenset(undecided),
        problems=tuple(problems),
        protocols=protocols,
    )


def _renderable(arguments: Arguments) -> Iterator[tuple[str, Any]]:
    for field in fields(arguments):
        value = getattr(arguments, field.name)
        if not is_static(value):
            yield field.name, value
