"""A master.cfg without a master: its UpCloud workers, with as much of their arguments as is known before a build."""

from __future__ import annotations

import os
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred

from upcloud_sdk.buildbot._buildbot_api import BuildProperties, ConfigErrors, FileLoader, SecretDetails
from upcloud_sdk.buildbot.arguments import is_static
from upcloud_sdk.buildbot.worker import UpcloudLatentWorker

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from upcloud_sdk.buildbot.arguments import Arguments


class UnreadableConfig(Exception):
    """The file cannot be read as a master's configuration; the message has a line for each error."""


@dataclass(frozen=True, kw_only=True)
class KnownWorker:
    """A worker as far as it is known without a build."""

    name: str
    arguments: Arguments
    open: frozenset[str]
    """Names of arguments that each build decides."""
    problems: tuple[str, ...]
    """What could not be rendered, a sentence each."""
    protocols: Mapping[str, Mapping[str, Any]]
    """Where their master listens, as `c["protocols"]` says."""


def read_workers(path: Path) -> list[KnownWorker]:
    """The UpCloud workers of a master.cfg.

    Raises:
        UnreadableConfig: Buildbot does not take the file.
    """
    directory = path.resolve().parent
    before = Path.cwd()
    try:
        # As a master does: a configuration may name files beside it.
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
    """What stands for a master when secrets are looked up."""

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
    """Properties of no build, that notice when they are asked for one."""

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
    """A Deferred waits for something that only a running master has."""


def _now(outcome: Any) -> Any:  # noqa: ANN401 - whatever Buildbot gives
    """The value of a Deferred that has one."""
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
            problems.append(f"{name} cannot be rendered: {str(error) or type(error).__name__}")
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
