"""The commands of `python -m upcloud_sdk.buildbot` print words from outside as they are."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from upcloud_sdk._terminal import Terminal
from upcloud_sdk.buildbot.__main__ import main, show
from upcloud_sdk.buildbot.check import Finding
from upcloud_sdk.ci.money.reconciliation import Line, Reconciliation
from upcloud_sdk.ci.money.table import table_of

if TYPE_CHECKING:
    from pathlib import Path

ODD = "[/x][conceal]x[/conceal] \x1b[2J"
SHOWN = r"[/x][conceal]x[/conceal] \x1b[2J"


def test_a_check_shows_a_finding_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    show([Finding(worker=ODD, question=ODD, good=True, answer=ODD)])
    line = capsys.readouterr().out.splitlines()[3]
    assert line.count(SHOWN) == 3
    assert " yes " in line


def test_costs_show_the_name_of_a_worker_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    none = Decimal(0)
    line = Line(
        uuid="1",
        worker=ODD,
        recorded_hours=1,
        is_billed=True,
        billed_hours=Decimal(1),
        recorded=none,
        billed=none,
        builds=none,
    )
    Terminal(piped_width=180).print(table_of(Reconciliation(currency="EUR", lines=(line,), others=none)))
    assert SHOWN in capsys.readouterr().out


@pytest.mark.parametrize("words", ["check", "costs --month 2026-11", "replay"])
def test_an_error_shows_the_words_of_a_file_as_they_are(
    words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "master.cfg"
    file.write_text(f"raise ValueError({ODD!r})" if words != "replay" else f"start,seconds\n{ODD},1\n")
    command, *options = words.split()
    assert main([command, str(file), *options]) == 2
    error = capsys.readouterr().err
    assert "[/x]" in error
    assert "\x1b" not in error
