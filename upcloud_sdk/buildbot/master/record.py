"""The record of a master's servers: a database in its base directory, or one that several masters share."""

from __future__ import annotations

import contextlib
import uuid as uuids
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import sqlalchemy as sa
from twisted.internet import defer, threads

from upcloud_sdk.buildbot._buildbot.bridge import fired
from upcloud_sdk.ci import Phase, Record, RecordProblem, ServerChange, View
from upcloud_sdk.ci.record.database import Database, NoRecord, database_url
from upcloud_sdk.ci.record.queries import servers_known

if TYPE_CHECKING:
    from collections.abc import Callable

    from upcloud_sdk.buildbot._buildbot.api import Master
    from upcloud_sdk.ci import RecordedServer
    from upcloud_sdk.ci.record.changes import Change, Listener

RECORD = "upcloud.sqlite"
"""The file in the master's base directory."""

T = TypeVar("T")

_CLOSE_WITHIN = 5.0
"""How long a stopping master waits for a slow database, in seconds."""


class MasterRecord:
    """Records what happens to a master's servers, and tells others of it."""

    def __init__(self, master: Master) -> None:
        self._master = master
        self.database: Record | None = None
        """The database. None until the first worker is configured."""
        self._url = ""
        self.listeners: list[Listener] = []
        """Called with each change, on any thread. They must not block."""

    def use(self, url: str | None) -> Record:
        """Use this database, or the file in the master's base directory.

        Raises:
            ValueError: Another worker uses another one, or it is not supported.
        """
        given = url_in(Path(self._master.basedir), url)
        if self.database is None:
            self.database = Record(given, is_shared=url is not None)
            self._url = given
        elif given != self._url:
            raise ValueError(
                f"record: this master uses {self.database.name}: another one needs a restart of the master"
            )
        return self.database

    @property
    def view(self) -> View:
        """The servers that are not gone."""
        return View() if self.database is None else self.database.view

    def hear(self, change: Change) -> None:
        """Record a change of a server. May be called on any thread."""
        if self.database is not None:
            self.database.tell(change)
        for listener in self.listeners:
            listener(change)

    def refused(self, **facts: Any) -> None:  # noqa: ANN401 - fields of a `ServerChange`
        """Record that a start failed before a server was requested."""
        now, key = datetime.now(UTC), uuids.uuid4().hex
        self.hear(ServerChange(id=key, at=now, phase=Phase.ASKED, **facts))
        self.hear(ServerChange(id=key, at=now, phase=Phase.GONE))

    def reaped(self, uuid: str, at: datetime) -> None:
        """Record that the reaper has destroyed a server, of this master or of an earlier run."""
        if self.database is not None:
            self.database.reaped(uuid, at)

    def ask(self, query: Callable[[sa.Connection], T]) -> defer.Deferred[T]:
        """The answer to a query, which another thread reads. Fails with a `RecordProblem`."""
        if self.database is None:
            return defer.fail(NoRecord("there is no record: no worker is configured"))
        return fired(self.database.ask(query), self._master.reactor)

    async def ready(self) -> None:
        """Wait until what earlier runs have recorded is known, if it can be read."""
        with contextlib.suppress(RecordProblem):
            await self.ask(lambda _: None)

    def state(self) -> tuple[bool, int, int]:
        """Whether it can be written, how many changes wait for that, and how many were lost."""
        record = self.database
        return (True, 0, 0) if record is None else (record.problem is None, record.waiting, record.dropped)

    def problems(self) -> list[str]:
        """Why the record may lack something, a sentence each."""
        record = self.database
        if record is None:
            return []
        found = [] if record.problem is None else [f"The record cannot be written: {record.problem}"]
        if record.dropped:
            found.append(f"{record.dropped} changes of servers are not in the record: it could not be written in time.")
        return [*found, *filter(None, (record.lost,))]

    async def close(self) -> None:
        """Write the last changes."""
        if self.database is not None:
            await threads.deferToThread(self.database.close, _CLOSE_WITHIN)


def url_in(basedir: Path, given: str | None = None) -> str:
    """The URL of a master's record. A SQLite file without a path is in the base directory.

    Raises:
        ValueError: The given one is not of a database that is supported.
    """
    url = sa.URL.create("sqlite", database=RECORD) if given is None else database_url(given)
    if url.get_backend_name() == "sqlite":
        url = url.set(database=str((basedir / (url.database or RECORD)).absolute()))
    return url.render_as_string(hide_password=False)


def read_record(basedir: Path, url: str | None, query: Callable[[sa.Connection], T]) -> T:
    """Ask the record of a master that need not run. Blocks on the disk.

    Args:
        basedir: The master's base directory.
        url: The record that its workers name. None: the file in the base directory.
        query: What is asked.

    Raises:
        RecordProblem: There is no record, or it cannot be read.
        ValueError: The URL is not one of a database that is supported.
    """
    database = Database(url_in(basedir, url))
    try:
        with database.reading() as connection:
            return query(connection)
    finally:
        database.close()


def recorded_servers(basedir: Path, url: str | None = None) -> dict[str, RecordedServer]:
    """All servers in the record of a master, by uuid. See `read_record`."""
    servers = read_record(basedir, url, servers_known)
    return {server.uuid: server for server in servers if server.uuid is not None}
