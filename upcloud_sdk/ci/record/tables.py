"""The tables of the record, for SQLite and PostgreSQL.

Times are whole microseconds since 1970, so that both databases sort and subtract them. Money is whole millionths of the
currency's unit: SQLite would make floats of decimals.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

import sqlalchemy as sa

if TYPE_CHECKING:
    from sqlalchemy.engine import Dialect

VERSION = 1
"""Version of the schema. A record of a newer one is refused."""

HOUR = 3_600_000_000
"""In microseconds."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def microseconds(moment: datetime) -> int:
    """Since 1970."""
    return (moment - _EPOCH) // _MICROSECOND


class Moment(sa.TypeDecorator[datetime]):
    """An aware time, in UTC."""

    impl = sa.BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:  # noqa: ARG002 - SQLAlchemy's
        """To microseconds since 1970."""
        return None if value is None else microseconds(value)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002, ANN401 - SQLAlchemy's
        """From microseconds since 1970."""
        return None if value is None else _EPOCH + int(value) * _MICROSECOND


class Texts(sa.TypeDecorator[tuple[str, ...]]):
    """A few short texts."""

    impl = sa.Text
    cache_ok = True

    def process_bind_param(self, value: tuple[str, ...] | None, dialect: Dialect) -> str:  # noqa: ARG002 - SQLAlchemy's
        """To a JSON list."""
        return json.dumps(value or ())

    def process_result_value(self, value: Any | None, dialect: Dialect) -> tuple[str, ...]:  # noqa: ARG002, ANN401 - SQLAlchemy's
        """From a JSON list."""
        return tuple(cast("list[str]", json.loads(value or "[]")))


metadata = sa.MetaData()

record = sa.Table(
    "upcloud_record",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("version", sa.Integer, nullable=False),
)
"""One row. Who claims a server locks it first."""


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=False, server_default="")


servers = sa.Table(
    "upcloud_servers",
    metadata,
    sa.Column("id", sa.String(64), primary_key=True),
    sa.Column("phase", sa.String(16), nullable=False),
    *(_text(name) for name in ("master", "owner", "worker", "builder")),
    sa.Column("number", sa.BigInteger),
    sa.Column("build", sa.Text),
    sa.Column("uuid", sa.String(64)),
    *(_text(name) for name in ("zone", "plan", "image")),
    sa.Column("image_made", Moment),
    sa.Column("disks", Texts, nullable=False, server_default="[]"),
    sa.Column("hourly", sa.BigInteger),
    sa.Column("currency", sa.String(8)),
    sa.Column("adopted", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("asked", Moment, nullable=False),
    *(sa.Column(name, Moment) for name in ("made", "created", "started", "attached", "stopping", "gone")),
    sa.Column("error", sa.Text),
    sa.Column("hours", sa.BigInteger),
    sa.Column("cost", sa.BigInteger),
    sa.Column("seen", Moment, nullable=False),
    sa.Index("upcloud_servers_asked", "asked"),
    sa.Index("upcloud_servers_gone", "gone"),
    sa.Index("upcloud_servers_uuid", "uuid"),
)
"""One row for each claim: a server, or a start that failed. `hours` and `cost` are set when it is gone."""

builds = sa.Table(
    "upcloud_builds",
    metadata,
    sa.Column("server", sa.String(64), sa.ForeignKey(servers.c.id, ondelete="CASCADE"), primary_key=True),
    sa.Column("build", sa.String(64), primary_key=True),
    _text("builder"),
    sa.Column("number", sa.BigInteger),
    sa.Column("queued", sa.Float),
    sa.Column("began", Moment, nullable=False),
    sa.Column("ended", Moment),
    sa.Column("result", sa.Text),
    sa.Column("cost", sa.BigInteger),
    sa.Index("upcloud_builds_began", "began"),
)
"""One row for each build on each server."""

paid = sa.Table(
    "upcloud_paid",
    metadata,
    sa.Column("server", sa.String(64), sa.ForeignKey(servers.c.id, ondelete="CASCADE"), primary_key=True),
    sa.Column("day", sa.Integer, primary_key=True),
    sa.Column("hours", sa.BigInteger, nullable=False),
    sa.Column("cost", sa.BigInteger),
    sa.Column("currency", sa.String(8)),
    sa.Column("used", sa.BigInteger, nullable=False),
    sa.Index("upcloud_paid_day", "day", "currency", "cost", "hours", "used"),
)
"""What each server that is gone has cost on each day (20261201, in UTC): the hours that began on it, as on the bill at
most 672 a month; their cost, if the price is known; the seconds in which builds held it."""

queue = sa.Table(
    "upcloud_queue",
    metadata,
    sa.Column("process", sa.String(64), primary_key=True),
    sa.Column("limited_by", sa.String(16), nullable=False),
    sa.Column("allowed", sa.BigInteger, nullable=False),
    sa.Column("hourly", sa.BigInteger),
    sa.Column("since", Moment, nullable=False),
    sa.Column("seen", Moment, nullable=False),
)
"""One row for each process that waits for room in a limit, by the database's clock. Who waits longest goes first."""

OPEN = servers.c.gone.is_(None)
