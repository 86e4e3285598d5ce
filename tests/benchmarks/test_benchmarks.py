"""That the benchmarks run: nothing is said of what they measure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tests.benchmarks.__main__ import DOCS, main

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_the_benchmarks_run_and_write_their_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "performance.md"
    page.write_text((DOCS / "performance.md").read_text("utf-8"), encoding="utf-8")
    main(["--rounds", "1", "--scale", "0.02", "--docs", str(tmp_path)])
    sections = ["Calls", "Decoding", "Waiting", "Import", "Scale"]
    shown = capsys.readouterr().out
    assert [name for name in sections if name in shown] == sections
    assert re.findall(r"^### (.+)$", page.read_text("utf-8"), re.MULTILINE) == sections
    assert {file.name for file in tmp_path.iterdir()} == {"performance.md", "calls.svg", "fan-out.svg"}
