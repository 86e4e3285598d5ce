"""The record of a master, read beside it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from upcloud_sdk.buildbot.master.record import RECORD, recorded_servers
from upcloud_sdk.ci import RecordProblem

if TYPE_CHECKING:
    from upcloud_sdk.ci import RecordedServer


def read_record(basedir: Path) -> dict[str, RecordedServer]:
    """The servers by uuid. Empty as long as there is no record."""
    try:
        return recorded_servers(basedir)
    except RecordProblem:
        return {}


def record_files(basedir: str) -> list[Path]:
    """The file of the record, and those that SQLite has beside it."""
    return list(Path(basedir).glob(f"{RECORD}*"))
