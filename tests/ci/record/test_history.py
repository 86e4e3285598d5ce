"""Reading the servers of the last month from the file."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, tzinfo
from typing import TYPE_CHECKING

import pytest

from upcloud_sdk.ci import RecordHistory, ServerLog
from upcloud_sdk.ci.record.record import VERSION

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def log(tmp_path: Path) -> Iterator[ServerLog]:
    log = ServerLog(tmp_path / "servers.jsonl")
    yield log
    assert log.close(30)


def write(log: ServerLog, *lines: dict[str, object]) -> None:
    log.path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")


def test_a_server_of_this_process_is_read_at_once(log: ServerLog) -> None:
    history = RecordHistory(log)
    entry = log.begin(worker="one")
    assert [server.worker for server in history.read()] == ["one"]
    entry.finish()
    assert [server.state for server in history.read()] == ["gone"]


def test_a_server_of_another_month_is_left_out(log: ServerLog) -> None:
    now = datetime.now(UTC)
    write(
        log,
        {"id": "old", "at": (now - timedelta(days=40)).isoformat()},
        {"id": "new", "at": (now - timedelta(days=4)).isoformat()},
    )
    assert [server.id for server in RecordHistory(log).read()] == ["new"]


def test_a_clock_of_the_host_that_jumps_ahead_does_not_make_the_record_forgotten(
    log: ServerLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Ahead(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Ahead:
            return cls(2099, 1, 1, tzinfo=tz)

    write(log, {"id": "a", "at": "2026-11-25T10:00:00Z"})
    monkeypatch.setattr("upcloud_sdk.ci.record.history.datetime", Ahead)
    assert [server.id for server in RecordHistory(log).read()] == ["a"]


def test_a_file_that_cannot_be_read_is_an_empty_record_and_a_warning(
    log: ServerLog, caplog: pytest.LogCaptureFixture
) -> None:
    log.path.mkdir()
    assert RecordHistory(log).read() == []
    assert "servers.jsonl cannot be read" in caplog.text


def test_lines_that_are_left_out_are_named(log: ServerLog) -> None:
    write(log, {"id": "a", "v": VERSION + 1})
    with log.path.open("a", encoding="utf-8") as file:
        file.write("{\n")
    history = RecordHistory(log)
    history.read()
    newer, unreadable = history.problems()
    assert newer.startswith("servers.jsonl was written by a newer version")
    assert unreadable == "servers.jsonl: 1 line could not be read: left out."
