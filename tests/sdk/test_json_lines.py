"""Files of JSON lines: readable after a crash, limited in size, and harmless if the disk fails."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from upcloud_sdk._json_lines import MOST_WAITING, JsonLines

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Mapping

LONG = 30.0
DOCUMENTS = st.lists(st.fixed_dictionaries({"n": st.integers(), "text": st.text()}), max_size=6)


def written(path: Path, *documents: Mapping[str, object]) -> None:
    lines = JsonLines(path)
    for document in documents:
        lines.append(document)
    assert lines.close(LONG)


def read(path: Path) -> list[dict[str, object]]:
    """The complete documents of the files, the oldest first."""
    older = sorted(path.parent.glob(f"{path.name}.*"), key=lambda each: -int(each.suffix[1:]))
    found: list[dict[str, object]] = []
    for line in b"".join(each.read_bytes() for each in (*older, path)).split(b"\n"):
        # After a crash, a line may be cut.
        with contextlib.suppress(ValueError):
            found.append(json.loads(line))
    return found


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "lines.jsonl"


def test_appended_lines_are_read_in_order(path: Path) -> None:
    written(path, *({"n": number} for number in range(100)))
    assert read(path) == [{"n": number} for number in range(100)]


@settings(max_examples=30)
@given(before=DOCUMENTS, after=DOCUMENTS, cut=st.integers(min_value=0))
def test_after_a_crash_all_complete_lines_and_later_ones_are_read(
    tmp_path_factory: pytest.TempPathFactory, before: list[dict[str, object]], after: list[dict[str, object]], cut: int
) -> None:
    path = tmp_path_factory.mktemp("cut") / "lines.jsonl"
    whole = "".join(json.dumps(document) + "\n" for document in before).encode()
    kept = whole[: cut % (len(whole) + 1)]
    path.write_bytes(kept)
    written(path, *after)
    # A line is complete if only its line break is missing.
    count = kept.count(b"\n")
    rest = kept.rpartition(b"\n")[2]
    count += int(count < len(before) and rest == json.dumps(before[count]).encode())
    assert read(path) == [*before[:count], *after]


def test_a_full_file_is_renamed_and_the_oldest_is_deleted(path: Path) -> None:
    for number in range(12):
        lines = JsonLines(path, max_bytes=20, older_files=2)
        lines.append({"number": number})
        assert lines.close(LONG)
    assert sorted(each.name for each in path.parent.iterdir()) == ["lines.jsonl", "lines.jsonl.1", "lines.jsonl.2"]
    found = [document["number"] for document in read(path)]
    assert found == list(range(12 - len(found), 12))
    assert sum(each.stat().st_size for each in path.parent.iterdir()) < 3 * 40


class Disk:
    """A fake disk that accepts only `free_bytes` more bytes."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.free_bytes = 10**9
        opens = Path.open

        def open_or_full(path: Path, mode: str = "r", **options: Any) -> Any:  # noqa: ANN401 - as Path.open
            file = opens(path, mode, **options)
            return self._filling(file) if mode == "ab" else file

        monkeypatch.setattr(Path, "open", open_or_full)

    @contextlib.contextmanager
    def _filling(self, file: Any) -> Generator[Any]:  # noqa: ANN401 - what stands for it has what is used of it
        def write(data: bytes) -> int:
            return self._write(file, data)

        with file:
            yield SimpleNamespace(write=write)

    def _write(self, file: Any, data: bytes) -> int:  # noqa: ANN401 - the same
        if not self.free_bytes:
            raise OSError(28, "No space left on device")
        taken = data[: self.free_bytes]
        self.free_bytes -= len(taken)
        file.write(taken)
        return len(taken)


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Iterator[Disk]:
    disk = Disk(monkeypatch)
    yield disk
    disk.free_bytes = 10**9


@pytest.mark.parametrize("free_bytes", [0, 1, 8, 9, 10, 20])
def test_lines_wait_while_the_disk_is_full_and_are_written_once_later(
    path: Path, disk: Disk, caplog: pytest.LogCaptureFixture, free_bytes: int
) -> None:
    disk.free_bytes = free_bytes
    lines = JsonLines(path)
    for number in range(3):
        lines.append({"n": number})
    assert not lines.flush(LONG)
    assert "cannot be written; retrying" in caplog.text
    disk.free_bytes = 10**9
    lines.append({"n": 3})
    while not lines.flush(0.05):
        pass
    assert lines.close(LONG)
    assert read(path) == [{"n": number} for number in range(4)]
    assert "can be written again; 0 lines are lost" in caplog.text


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="wants /dev/full, which Linux has: `make test` there")
def test_a_disk_that_stays_full_loses_lines_and_raises_nothing(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path.symlink_to("/dev/full")
    lines = JsonLines(path)
    for number in range(MOST_WAITING + 5):
        lines.append({"n": number})
    assert not lines.close(LONG)
    assert "No space left on device" in caplog.text
    assert caplog.text.count("cannot be written") == 1


def test_a_missing_folder_raises_nothing(tmp_path: Path) -> None:
    lines = JsonLines(tmp_path / "nowhere" / "lines.jsonl")
    lines.append({"n": 1})
    assert not lines.close(LONG)


def test_the_last_lines_are_written_when_the_process_ends(path: Path) -> None:
    program = f"""
from pathlib import Path
from upcloud_sdk._json_lines import JsonLines
lines = JsonLines(Path({str(path)!r}))
for number in range(1000):
    lines.append({{"n": number}})
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=120)
    assert len(read(path)) == 1000


@pytest.mark.skipif(not hasattr(os, "fork"), reason="wants fork, which POSIX has: `make test` there")
def test_a_forked_child_writes_only_its_own_lines(path: Path) -> None:
    program = f"""
import os
from pathlib import Path
from upcloud_sdk._json_lines import JsonLines
lines = JsonLines(Path({str(path)!r}))
lines.append({{"who": "parent"}})
child = os.fork()
if child == 0:
    lines.append({{"who": "child"}})
    assert lines.flush(60)
    os._exit(0)
os.waitpid(child, 0)
assert lines.flush(60)
"""
    subprocess.run([sys.executable, "-W", "ignore", "-c", program], check=True, timeout=120)
    assert sorted(str(document["who"]) for document in read(path)) == ["child", "parent"]
