"""Tests that the quick suite leaves out have a make target."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
MARK = "mark." + "full"
LONG = [path for path in sorted((ROOT / "tests").rglob("test_*.py")) if MARK in path.read_text("utf-8")]


@pytest.mark.parametrize("path", [path.relative_to(ROOT) for path in LONG], ids=str)
def test_a_file_with_tests_that_take_long_is_run_by_a_make_target(path: Path) -> None:
    runs = [line for line in (ROOT / "Makefile").read_text("utf-8").splitlines() if "-m full" in line]
    assert any(place in runs_of.split() for runs_of in runs for place in (str(path), *map(str, path.parents)))
