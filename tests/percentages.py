"""Prints conformance at the end of a run: the share of the API's answers that is read, and that is reproduced.

A test stores its counts in properties of its report, which also reach the printing process from other processes.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterable

SOURCES = {
    "recorded answers": "read by the SDK",
    "documents of tests/wire": "read by the SDK",
    "recorded answers on the simulator": "reproduced: status, keys, JSON types",
    "operations of the contract": "covered",
    "answers of the simulator": "valid by the contract",
    "requests of the SDK": "valid by the contract",
    "answers made from the contract": "read by the SDK",
}
"""For each source of documents: the meaning of its percentage."""

NONE_RECORDED = "wants recorded answers, ../shared/api/recordings: `make test` runs it where they are"


def recordings() -> Path | None:
    """The folder of the recordings. None if there is none."""
    found = (folder / "shared" / "api" / "recordings" for folder in Path(__file__).resolve().parents)
    return next((folder for folder in found if folder.is_dir()), None)


def compared(item: pytest.Item, source: str, **counts: int) -> None:
    """Add counts to a source: the number of `answers`, and `alike` of `all` values."""
    item.user_properties.append((source, counts))


def summary(reports: Iterable[pytest.TestReport]) -> list[str]:
    """One line per compared source."""
    totals: dict[str, Counter[str]] = {}
    for report in reports:
        for source, counts in report.user_properties if report.when == "call" else ():
            if source in SOURCES:
                totals.setdefault(source, Counter()).update(cast("dict[str, int]", counts))
    return [_line(source, totals[source]) for source in SOURCES if source in totals]


def _line(source: str, total: Counter[str]) -> str:
    share = 100 * total["alike"] / total["all"]
    what = f"{total['alike']} of {total['all']}"
    if total["answers"]:
        what += f" values in {total['answers']} answers"
    return f"{source}: {share:.1f} % ({what}) {SOURCES[source]}"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    reports = [
        report
        for outcome in ("passed", "failed")
        for report in terminalreporter.getreports(outcome)
        if isinstance(report, pytest.TestReport)
    ]
    lines = summary(reports)
    if lines and recordings() is None:
        lines.insert(0, "no recorded answers: there is no folder shared/api/recordings beside this repository")
    if lines:
        terminalreporter.section("conformance")
    for line in lines:
        terminalreporter.write_line(line)
