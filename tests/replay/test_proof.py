"""`make replay` on the project's own week."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.replay.__main__ import OWN, ROOT, main

if TYPE_CHECKING:
    import pytest


def test_the_project_s_own_week_reaches_the_target(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(OWN)]) == 0
    assert "1,038 builds" in capsys.readouterr().out


def test_the_page_of_performance_has_a_place_for_the_figures() -> None:
    page = (ROOT / "docs" / "performance.md").read_text(encoding="utf-8")
    assert page.count("<!-- replay -->\n") == page.count("<!-- /replay -->") == 1
