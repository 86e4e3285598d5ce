"""Databases for records: SQLite always, PostgreSQL where it is installed."""

from __future__ import annotations

import itertools
import shutil
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from tests.multimaster.infrastructure import has_postgresql, postgresql
from upcloud_sdk.ci.record.record import Record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_numbers = itertools.count()


@pytest.fixture(scope="session")
def cluster() -> Iterator[str]:
    """The URL of a PostgreSQL cluster."""
    if find_spec("psycopg2") is None or not has_postgresql():
        pytest.skip("wants PostgreSQL and psycopg2: `make test-multimaster` runs it with both")
    folder = Path(tempfile.mkdtemp(prefix="record-"))
    folder.chmod(0o755)
    with postgresql(folder) as url:
        yield url
    shutil.rmtree(folder)


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/upcloud.sqlite"
    cluster: str = request.getfixturevalue("cluster")
    name = f"record{next(_numbers)}"
    engine = sa.create_engine(cluster, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(sa.text(f"CREATE DATABASE {name}"))
    engine.dispose()
    return cluster.replace("/postgres?", f"/{name}?")


@pytest.fixture
def sqlite(tmp_path: Path) -> str:
    """The URL of a SQLite file that does not exist yet."""
    return f"sqlite:///{tmp_path}/upcloud.sqlite"


@pytest.fixture
def opened() -> Iterator[Callable[..., Record]]:
    """Opens records, and closes them at the end."""
    records: list[Record] = []

    def open_record(url: str, **options: object) -> Record:
        records.append(Record(url, **options))  # type: ignore[arg-type] # options of several types
        return records[-1]

    yield open_record
    for record in records:
        record.close(10)
