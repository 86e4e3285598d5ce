"""Tests that the benchmarks run, without checking their results."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.benchmarks import report
from tests.benchmarks.measure import Row, Section

if TYPE_CHECKING:
    from pathlib import Path

# The benchmarks import as much as a third of the quick suite. So only the tests that need them import them.

TITLE = re.compile(r"^### (.+)$", re.MULTILINE)


@pytest.mark.full
@pytest.mark.parametrize(
    ("section", "plots"),
    [
        ("Calls", {"calls.svg"}),
        ("Decoding", set[str]()),
        ("Waiting", {"fan-out.svg"}),
        ("Import", set[str]()),
        ("Buildbot", set[str]()),
        ("Page", set[str]()),
        ("Record", set[str]()),
        ("Scale", set[str]()),
    ],
)
def test_each_section_runs_and_writes_its_part_of_the_page(
    section: str, plots: set[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from tests.benchmarks.__main__ import main  # noqa: PLC0415 - see above

    page = tmp_path / "performance.md"
    page.write_text("Before.\n\n<!-- figures -->\n<!-- /figures -->\n\nAfter.\n", encoding="utf-8")
    main([section, "--rounds", "1", "--scale", "0.02", "--docs", str(tmp_path)])
    assert section in capsys.readouterr().out
    written = page.read_text("utf-8")
    assert TITLE.findall(written) == [section]
    assert written.startswith("Before.\n")
    assert written.endswith("After.\n")
    assert "| measured |" in written
    assert {file.name for file in tmp_path.iterdir()} == {"performance.md", *plots}


def test_a_new_measurement_replaces_the_old_one(tmp_path: Path) -> None:
    page = tmp_path / "performance.md"
    old = "### Decoding\n\n| old |\n| 1 |\n\n### Scale\n\n| kept |\n| 2 |\n"
    page.write_text(f"<!-- figures -->\n{old}<!-- /figures -->\n", encoding="utf-8")
    report.write(page, [Section("Decoding", [Row("new", 1.5)])], order=["Decoding", "Scale"])
    written = page.read_text("utf-8")
    assert TITLE.findall(written) == ["Decoding", "Scale"]
    assert "| old |" not in written
    assert "| new | 1.50x |" in written
    assert "| kept |" in written


def test_the_page_of_the_docs_has_every_section() -> None:
    from tests.benchmarks.__main__ import DOCS, SECTIONS  # noqa: PLC0415 - see above

    assert TITLE.findall((DOCS / "performance.md").read_text("utf-8")) == list(SECTIONS)


def test_a_gap_is_counted_without_the_full_collections_in_it(tmp_path: Path) -> None:
    from tests.benchmarks.heartbeat import full_collections, longest_gap  # noqa: PLC0415 - see above

    beats = tmp_path / "beats"
    beats.write_text("gap 10.0 10.5\ncollection 10.125 10.75\ngap 11.0 11.25\ngap 19.0 21.0\n", encoding="utf-8")
    assert longest_gap(beats, 9.0, 20.0) == 0.25
    assert full_collections(beats, 9.0, 20.0) == [0.625]
    assert longest_gap(beats, 30.0, 40.0) == 0.0


async def test_the_way_of_a_create_begins_at_the_caller_and_ends_at_the_connections() -> None:
    from tests.benchmarks.way import CREATE, REFUSAL, ways  # noqa: PLC0415 - see above

    found = await ways()
    assert found[CREATE].functions[0][1] == "Servers.create"
    assert "_transport/pool.py" in found[CREATE].files
    assert ("errors.py", "ApiError.__init__") in found[REFUSAL].functions
