"""A listener that writes events to a file: readable after a crash, limited in size, and harmless if the disk fails."""

from __future__ import annotations

import contextlib
import gc
import json
import os
import subprocess
import sys
import threading
from datetime import UTC, datetime
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.moved_time import MovedCloud, server_spec
from upcloud_sdk import EventLog, events
from upcloud_sdk.events import Event, LeaseEvent, RequestEvent

if TYPE_CHECKING:
    from collections.abc import Iterator

LONG = 30.0
DOCUMENTS = st.lists(st.fixed_dictionaries({"at": st.integers(), "text": st.text()}), max_size=6)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "events.jsonl"


def read(path: Path) -> list[dict[str, object]]:
    """The complete documents of the files, the oldest first."""
    older = sorted(path.parent.glob(f"{path.name}.*"), key=lambda each: -int(each.suffix[1:]))
    found: list[dict[str, object]] = []
    for line in b"".join(each.read_bytes() for each in (*older, path)).split(b"\n"):
        # After a crash, a line may be cut.
        with contextlib.suppress(ValueError):
            found.append(json.loads(line))
    return found


def times(path: Path) -> list[object]:
    return [document["at"] for document in read(path)]


def write(log: EventLog, *numbers: int) -> None:
    for number in numbers:
        log(Event(at=number))
    assert log.flush(LONG)


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


@pytest.mark.parametrize("options", [{"max_bytes": 0}, {"older_files": -1}])
def test_invalid_sizes_are_refused(tmp_path: Path, options: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="at least"):
        EventLog(tmp_path / "events.jsonl", **options)


def test_events_are_written_in_order(path: Path) -> None:
    write(EventLog(path), *range(100))
    assert times(path) == [*range(100)]


@settings(max_examples=30)
@given(before=DOCUMENTS, after=st.lists(st.integers(), max_size=6), cut=st.integers(min_value=0))
def test_after_a_crash_all_complete_lines_and_later_ones_are_read(
    tmp_path_factory: pytest.TempPathFactory, before: list[dict[str, object]], after: list[int], cut: int
) -> None:
    path = tmp_path_factory.mktemp("cut") / "events.jsonl"
    whole = "".join(json.dumps(document) + "\n" for document in before).encode()
    kept = whole[: cut % (len(whole) + 1)]
    path.write_bytes(kept)
    write(EventLog(path), *after)
    # A line is complete if only its line break is missing.
    count = kept.count(b"\n")
    rest = kept.rpartition(b"\n")[2]
    count += int(count < len(before) and rest == json.dumps(before[count]).encode())
    assert times(path) == [*(document["at"] for document in before[:count]), *after]


@pytest.mark.parametrize("older_files", [0, 2])
def test_a_full_file_is_renamed_and_the_oldest_is_deleted(path: Path, older_files: int) -> None:
    log = EventLog(path, max_bytes=150, older_files=older_files)
    write(log, *range(100, 112))
    names = [path.name, *(f"{path.name}.{number}" for number in range(1, older_files + 1))]
    assert sorted(each.name for each in path.parent.iterdir()) == names
    found = times(path)
    assert found == [*range(112 - len(found), 112)]
    assert all(each.stat().st_size <= 150 for each in path.parent.iterdir())


class Disk:
    """A fake disk that accepts only `free_bytes` more bytes."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.free_bytes = 10**9
        opens = RotatingFileHandler._open

        def open_or_full(handler: RotatingFileHandler) -> Any:  # noqa: ANN401 - what stands for a file has what is used
            return Filling(self, opens(handler))

        monkeypatch.setattr(RotatingFileHandler, "_open", open_or_full)


class Filling:
    """An open file on a `Disk`."""

    def __init__(self, disk: Disk, file: Any) -> None:  # noqa: ANN401 - the same
        self._disk, self._file, self.tell, self.seek = disk, file, file.tell, file.seek

    def write(self, text: str) -> None:
        taken = text[: self._disk.free_bytes]
        self._disk.free_bytes -= len(taken)
        self._file.write(taken)
        if taken != text:
            raise OSError(28, "No space left on device")

    def flush(self) -> None:
        self._file.flush()

    def close(self) -> None:
        self._file.close()


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Iterator[Disk]:
    monkeypatch.setattr(events, "_RETRY_AFTER", 0.01)
    disk = Disk(monkeypatch)
    yield disk
    disk.free_bytes = 10**9


@pytest.mark.parametrize("free_bytes", [0, 1, 40, 60, 61, 100])
def test_lines_wait_while_the_disk_is_full_and_are_written_once_later(
    path: Path, disk: Disk, caplog: pytest.LogCaptureFixture, free_bytes: int
) -> None:
    disk.free_bytes = free_bytes
    log = EventLog(path)
    for number in range(3):
        log(Event(at=number))
    assert not log.flush(LONG)
    assert "cannot be written; retrying" in caplog.text
    disk.free_bytes = 10**9
    log(Event(at=3))
    while not log.flush(0.05):
        pass
    assert times(path) == [0, 1, 2, 3]
    assert "can be written again; 0 lines are lost" in caplog.text


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="wants /dev/full, which Linux has: `make test` there")
def test_a_disk_that_stays_full_loses_lines_and_raises_nothing(
    path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "_MOST_WAITING", 10)
    path.symlink_to("/dev/full")
    log = EventLog(path)
    for number in range(15):
        log(Event(at=number))
    assert not log.flush(LONG)
    assert "No space left on device" in caplog.text
    assert caplog.text.count("cannot be written") == 1


def test_lines_that_found_no_room_while_the_disk_was_full_are_counted(
    path: Path, disk: Disk, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "_MOST_WAITING", 10)
    disk.free_bytes = 0
    log = EventLog(path)
    log(Event(at=0))
    assert not log.flush(LONG)
    for number in range(1, 15):
        log(Event(at=number))
    disk.free_bytes = 10**9
    while not log.flush(0.05):
        pass
    assert times(path) == [*range(11)]
    assert "can be written again; 4 lines are lost" in caplog.text


def test_a_missing_folder_raises_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    log = EventLog(tmp_path / "nowhere" / "events.jsonl")
    log(RequestEvent(at=0, method="GET", path="/zone", status=200, seconds=0.1))
    assert not log.flush(LONG)
    assert "cannot be written; retrying" in caplog.text


def test_a_log_that_nobody_holds_any_more_ends_its_thread(path: Path) -> None:
    before = {*threading.enumerate()}
    log = EventLog(path)
    write(log, 1)
    [thread] = {*threading.enumerate()} - before
    del log
    gc.collect()
    thread.join(LONG)
    assert not thread.is_alive()


def test_the_last_lines_are_written_when_the_process_ends(path: Path) -> None:
    program = f"""
from upcloud_sdk import EventLog
from upcloud_sdk.events import Event
log = EventLog({str(path)!r})
for number in range(1000):
    log(Event(at=number))
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=120)
    assert times(path) == [*range(1000)]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="wants fork, which POSIX has: `make test` there")
def test_a_forked_child_writes_only_its_own_lines(path: Path) -> None:
    program = f"""
import os
from upcloud_sdk import EventLog
from upcloud_sdk.events import Event
log = EventLog({str(path)!r})
log(Event(at=1))
child = os.fork()
if child == 0:
    log(Event(at=2))
    assert log.flush(60)
    os._exit(0)
os.waitpid(child, 0)
assert log.flush(60)
"""
    subprocess.run([sys.executable, "-W", "ignore", "-c", program], check=True, timeout=120)
    assert sorted(map(str, times(path))) == ["1", "2"]
