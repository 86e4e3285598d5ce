"""`python -m upcloud_sdk.buildbot costs`: compares a master's record of its servers with the bill."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import anyio

from upcloud_sdk import UpCloud
from upcloud_sdk._terminal import Terminal
from upcloud_sdk.buildbot.check import UnreadableConfig, read_workers
from upcloud_sdk.buildbot.master.record import read_record
from upcloud_sdk.ci.money.reconciliation import reconcile_bills
from upcloud_sdk.ci.money.table import table_of
from upcloud_sdk.ci.record.database import RecordProblem
from upcloud_sdk.ci.record.queries import servers_of_month
from upcloud_sdk.ci.record.recorded import following
from upcloud_sdk.errors import UpCloudError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    import sqlalchemy as sa

    from upcloud_sdk.buildbot.check import KnownWorker
    from upcloud_sdk.ci import RecordedServer
    from upcloud_sdk.models import BillingSummary

_DAY = timedelta(days=1)
_MONTH = re.compile(r"(\d{4})-(0[1-9]|1[0-2])")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Define the arguments of the command."""
    parser.add_argument("config", type=Path, help="path of the master.cfg; the record is beside it")
    parser.add_argument("--month", required=True, help="such as 2026-11 (UTC)")
    parser.add_argument("--anchor", choices=("create", "clock"), default="create", help="where a billed hour begins")


def run(given: argparse.Namespace) -> int:
    """Compare, and print a table. Returns 0 if all agree, 1 if something differs, 2 if it cannot be compared."""
    found = _MONTH.fullmatch(given.month)
    if found is None:
        return _refuse(f"--month {given.month}: give a month such as 2026-11")
    try:
        workers = read_workers(given.config)
        bills = anyio.run(_bills, workers, given.month)  # refuses a configuration without workers
        month = int(found[1]), int(found[2])
        record = read_record(given.config.parent, workers[0].record, partial(_servers_of, month=month))
    except (UnreadableConfig, UpCloudError, RecordProblem, ValueError) as error:
        return _refuse(f"{given.config}: {error}")
    console = Terminal(piped_width=180)
    differs = False
    for result in reconcile_bills(record, bills, month, anchor=given.anchor):
        console.print(table_of(result))
        console.print(str(result))
        differs = differs or result.differs
    return 1 if differs else 0


def _refuse(reason: str) -> int:
    Terminal(stderr=True).print(reason, soft_wrap=True)
    return 2


def _servers_of(connection: sa.Connection, month: tuple[int, int]) -> dict[str, RecordedServer]:
    """The recorded servers of a month, and of a day before and after it: an hour may begin before midnight."""
    begin, end = (datetime(*each, 1, tzinfo=UTC) for each in (month, following(month)))
    servers = servers_of_month(connection, begin - _DAY, end + _DAY)
    return {server.uuid: server for server in servers if server.uuid is not None}


async def _bills(workers: Sequence[KnownWorker], month: str) -> list[BillingSummary]:
    """A bill for each account that these workers use."""
    if not workers:
        raise ValueError("it has no UpcloudLatentWorker")
    bills: list[BillingSummary] = []
    asked: set[tuple[object, ...]] = set()
    for worker in workers:
        if worker.account is None:
            raise ValueError("its credentials cannot be rendered without a running master")
        if worker.account not in asked:
            asked.add(worker.account)
            given = worker.arguments
            async with UpCloud(given.credentials(), base_url=given.base_url) as cloud:
                bill = await cloud.account.billing(month)
            if bill not in bills:  # Two tokens may belong to one account.
                bills.append(bill)
    return bills
