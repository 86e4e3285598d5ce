"""A listener that writes events to a file."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from tests.moved_time import MovedCloud, server_spec
from upcloud_sdk import EventLog
from upcloud_sdk.events import LeaseEvent, RequestEvent

if TYPE_CHECKING:
    from pathlib import Path

LONG = 30.0


async def test_each_event_of_a_client_is_a_line_of_json(moved: MovedCloud, tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    log = EventLog(path)
    async with moved.client(on_event=log) as cloud, cloud.servers.ephemeral(server_spec()) as server:
        pass
    assert log.flush(LONG)
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert {line["event"] for line in lines} >= {"request", "server", "wait", "lease"}
    life = [line["happened"] for line in lines if line["event"] == "server"]
    assert (life[0], life[-1]) == ("created", "destroyed")
    assert {line["uuid"] for line in lines if line["event"] == "server"} == {server.uuid}
    assert all(datetime.fromisoformat(line["time"]).tzinfo is not None for line in lines)
    assert all(line["v"] == 1 for line in lines)


def test_a_time_in_an_event_is_written_as_text(tmp_path: Path) -> None:
    log = EventLog(str(tmp_path / "events.jsonl"))
    log(LeaseEvent(at=1.5, uuid="00aa", happened="taken", ends=datetime(2026, 11, 25, 10, tzinfo=UTC)))
    assert log.flush(LONG)
    line = json.loads((tmp_path / "events.jsonl").read_text())
    assert (line["ends"], line["at"], line["event"]) == ("2026-11-25 10:00:00+00:00", 1.5, "lease")


def test_a_failing_disk_loses_lines_and_raises_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    log = EventLog(tmp_path / "nowhere" / "events.jsonl")
    log(RequestEvent(at=0, method="GET", path="/zone", status=200, seconds=0.1))
    assert not log.flush(LONG)
    assert "cannot be written; retrying" in caplog.text


@pytest.mark.parametrize("options", [{"max_bytes": 0}, {"older_files": -1}])
def test_invalid_sizes_are_refused(tmp_path: Path, options: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="at least"):
        EventLog(tmp_path / "events.jsonl", **options)
