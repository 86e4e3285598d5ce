"""Every code block of the documentation runs against a simulator, in the order of its page."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING

import pytest
import trustme

from tests.docs.blocks import ROOT, blocks_of, code_outside_of_blocks, pages, run_page, texts
from upcloud_sdk import UpCloud, WaitPolicy
from upcloud_sdk.simulator import Simulator

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def simulator(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Simulator]:
    """The simulator that `UpCloud()` uses by default in this test: an empty account with short waits."""
    sim = Simulator(boot_seconds=0.05, stop_seconds=0.05, storage_seconds=0.05)
    with sim.serve() as url:
        monkeypatch.setenv("UPCLOUD_DEBUG_API_BASE_URL", url)
        monkeypatch.setenv("UPCLOUD_TOKEN", "ucat_docs")
        monkeypatch.chdir(tmp_path)
        # A file that the reader has.
        trustme.CA().cert_pem.write_to_path(str(tmp_path / "ca.pem"))
        # The test waits for milliseconds where a reader waits for seconds.
        brisk = WaitPolicy(first_read_after=0.02, pause=0.02, search_pauses=(0.02,))
        monkeypatch.setitem(inspect.unwrap(UpCloud.__init__).__kwdefaults__, "waits", brisk)
        yield sim


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_the_code_blocks_of_a_page_run(page: Path, simulator: Simulator) -> None:
    run_page(page)


def test_each_how_to_shows_the_program_in_which_its_code_runs() -> None:
    how_to = [page for page in pages() if page.parent.name == "how-to"]
    programs = {block.code for page in how_to for block in blocks_of(page) if block.is_program}
    assert len(programs) == 1
    assert [
        page.name
        for page in how_to
        if any(block.awaits for block in blocks_of(page)) and not any(block.is_program for block in blocks_of(page))
    ] == []


def test_no_python_code_is_outside_of_a_block_that_is_run() -> None:
    # Another test runs the code on the page of mistakes.
    found = {file.name: code_outside_of_blocks(file) for file in texts() if file.name != "mistakes.md"}
    assert {name: lines for name, lines in found.items() if lines} == {}
