"""What a run skips: a reason says what the test wants and which make target runs it. A run ends with their count."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable

WINDOWS = "wants what Windows lacks: `make test` runs it on Linux and macOS"
OTHER_THAN_LINUX = "wants Linux: `make test` runs it there"
"""Reasons of several tests."""

_REASON = re.compile(r"wants .+`make ([a-z-]+)`.+")
_MAKEFILE = Path(__file__).parents[1] / "Makefile"


def is_whole(reason: str) -> bool:
    """Whether it says what the test wants, and names a make target that there is."""
    found = _REASON.fullmatch(reason)
    return found is not None and f"\n{found[1]}:" in _MAKEFILE.read_text(encoding="utf-8")


def summary(reasons: Iterable[str]) -> str:
    """The line at the end of a run; empty where nothing was skipped."""
    counts = Counter(reasons)
    each = "; ".join(f"{reason} ({count})" for reason, count in counts.most_common())
    return f"{counts.total()} skipped: {each}" if counts else ""


def _reason(report: pytest.TestReport) -> str | None:
    """Why a test was skipped; None where it was not."""
    if not report.skipped or hasattr(report, "wasxfail") or not isinstance(report.longrepr, tuple):
        return None
    return report.longrepr[2].removeprefix("Skipped: ")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A skipped test fails where its reason does not say enough."""
    report = yield
    reason = _reason(report)
    if reason is not None and not is_whole(reason):
        report.outcome = "failed"
        report.longrepr = f"it is skipped, and does not say what it wants and which make target runs it: {reason}"
    return report


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    """Write the line. It is the last: pytest's own summary stands above it."""
    reporter: pytest.TerminalReporter | None = config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None or hasattr(config, "workerinput"):  # a process of pytest-xdist reports to another one
        return
    reports = [report for report in reporter.stats.get("skipped", ()) if isinstance(report, pytest.TestReport)]
    line = summary(filter(None, map(_reason, reports)))
    if line:
        reporter.write_line(line)
