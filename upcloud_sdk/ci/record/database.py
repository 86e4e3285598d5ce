"""The database of a record: which ones are supported, how they are opened, and the version of the schema."""

from __future__ import annotations

from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from upcloud_sdk.ci.record import tables

if TYPE_CHECKING:
    from collections.abc import Generator

_SECONDS = 5
"""Limit of a connect, and of the wait for another's transaction."""
_STATEMENT_SECONDS = 30
_IDLE_SECONDS = 10
"""After which PostgreSQL ends a transaction without a statement: its host may be gone, and others wait for its lock."""
_LOCK = 7_081_221_643
"""Key of PostgreSQL's lock under which the tables are created."""


class RecordProblem(Exception):
    """The record cannot be read or written. Its text says why."""


def database_url(text: str) -> sa.URL:
    """Read the URL of a record.

    Raises:
        ValueError: It is not one of SQLite or PostgreSQL.
    """
    supported = "it is one of SQLAlchemy, 'sqlite:///FILE' or 'postgresql://USER:PASSWORD@HOST/DATABASE'"
    try:
        url = sa.make_url(text)
    except ArgumentError:
        raise ValueError(f"record is not the URL of a database: {supported}") from None
    shown = url.render_as_string(hide_password=True)
    kind, _, driver = url.drivername.partition("+")
    if kind == "sqlite" and driver in {"", "pysqlite"}:
        if not url.database or url.database == ":memory:" or url.database.startswith("file:"):
            raise ValueError(f"record={shown!r} names no file: {supported}")
        return url
    if kind == "postgresql" and driver in {"", "psycopg2", "psycopg"}:
        installed = [name for name in ("psycopg2", "psycopg") if find_spec(name) is not None]
        if (driver or installed) and driver in {"", *installed}:
            return url.set(drivername=f"postgresql+{driver or installed[0]}")
        raise ValueError(f"record={shown!r} needs a driver: pip install {driver or 'psycopg2-binary'}")
    raise ValueError(f"record={shown!r} is not supported: {supported}")


def reason_of(error: Exception) -> str:
    """Why a database fails, without the statement and its parameters, which SQLAlchemy adds."""
    return str(getattr(error, "orig", None) or error).strip()


class NoRecord(RecordProblem):
    """There is no record yet."""


class Database:
    """The connections to the database of a record. A transaction belongs to one thread; several may have one each."""

    def __init__(self, url: str) -> None:
        self._url = database_url(url)
        self.name = self._url.render_as_string(hide_password=True)
        """Its URL, without a password."""
        self.file = Path(self._url.database or "") if self._url.get_backend_name() == "sqlite" else None
        """The file, if it is SQLite."""
        self._engine = self._make_engine()
        self._inode: tuple[int, int] | None = None
        self._is_open = False

    def _make_engine(self) -> sa.Engine:
        if self.file is None:
            limited = {
                "lock_timeout": _SECONDS,
                "statement_timeout": _STATEMENT_SECONDS,
                "idle_in_transaction_session_timeout": _IDLE_SECONDS,
            }
            options = " ".join(f"-c {name}={seconds}s" for name, seconds in limited.items())
            given = self._url.query.get("options", "")
            limits: dict[str, Any] = {"connect_timeout": _SECONDS, "tcp_user_timeout": _STATEMENT_SECONDS * 1000}
            limits = {name: value for name, value in limits.items() if name not in self._url.query}
            return sa.create_engine(
                self._url,
                pool_pre_ping=True,
                # A claim counts after it has the lock: it must see what others have committed until then.
                isolation_level="READ COMMITTED",
                connect_args={**limits, "options": f"{given} {options}".strip()},
            )
        engine = sa.create_engine(self._url, connect_args={"timeout": _SECONDS})
        event.listen(engine, "connect", _connected)
        event.listen(engine, "begin", _begun)
        return engine

    @contextmanager
    def writing(self) -> Generator[tuple[sa.Connection, bool]]:
        """One transaction, and whether the record is new. Creates the tables that are missing.

        Raises:
            RecordProblem: The record was written by a newer version.
            SQLAlchemyError, OSError: The database is not there, or full.
        """
        self._look_for_file()
        with self._engine.begin() as connection:
            is_new = False if self._is_open else self._open(connection)
            yield connection, is_new
        self._is_open = True
        if self.file is not None and self._inode is None:
            self._inode = _inode_of(self.file)

    @contextmanager
    def reading(self) -> Generator[sa.Connection]:
        """One transaction that only reads.

        Raises:
            RecordProblem: There is no record, it was written by a newer version, or the database is not there.
        """
        if self.file is not None and _inode_of(self.file) is None:
            raise NoRecord(f"there is no record: {self.name}")
        try:
            with self._engine.connect().execution_options(upcloud_reads=True) as connection, connection.begin():
                if not self._is_open and not self._has_record(connection):
                    raise NoRecord(f"there is no record: {self.name}")
                yield connection
        except (SQLAlchemyError, OSError) as error:
            raise RecordProblem(f"{self.name}: {reason_of(error)}") from None

    def close(self) -> None:
        """Close the connections."""
        self._engine.dispose()

    def _look_for_file(self) -> None:
        """Open the file anew if somebody has deleted or replaced it: the connections would go on with the old one."""
        if self._inode is not None and self.file is not None and _inode_of(self.file) != self._inode:
            self._engine.dispose()
            self._inode, self._is_open = None, False

    def _open(self, connection: sa.Connection) -> bool:
        if self.file is None:
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
        has_record = self._has_record(connection)
        tables.metadata.create_all(connection)
        if has_record:
            return False
        connection.execute(tables.record.insert().values(id=1, version=tables.VERSION))
        return True

    def _has_record(self, connection: sa.Connection) -> bool:
        if not sa.inspect(connection).has_table(tables.record.name):
            return False
        version = connection.execute(sa.select(tables.record.c.version)).scalar()
        if version is not None and version > tables.VERSION:
            raise RecordProblem(
                f"{self.name} was written by a newer version of upcloud-sdk: install that one, or name another record"
            )
        return version is not None


def _connected(connection: Any, _: object) -> None:  # noqa: ANN401 - the driver's
    connection.isolation_level = None  # Otherwise the driver begins by itself, and late.
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=NORMAL")
    connection.execute("PRAGMA foreign_keys=ON")


def _begun(connection: sa.Connection) -> None:
    # One writer at a time, from its first read on.
    reads = connection.get_execution_options().get("upcloud_reads", False)
    connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")


def _inode_of(file: Path) -> tuple[int, int] | None:
    try:
        status = file.stat()
    except FileNotFoundError:
        return None
    return status.st_dev, status.st_ino
