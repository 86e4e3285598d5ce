"""Checks the reasons of skipped tests, which name a requirement and a make target, and prints their count."""

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
"""Reasons that several tests share."""

_REASON = re.compile(r"wants .+`make ([a-z-]+)`.+")
_MAKEFILE = Path(__file__).parents[1] / "Makefile"


def is_whole(reason: str) -> bool:
    """Whether a reason names a requirement and an existing make target."""
    found = _REASON.fullmatch(reason)
    return found is not None and f"\n{found[1]}:" in _MAKEFILE.read_text(encoding="utf-8")


def summary(reasons: Iterable[str]) -> str:
    """The line at the end of a run. Empty if no test was skipped."""
    counts = Counter(reasons)
    each = "; ".join(f"{reason} ({count})" for reason, count in counts.most_common())
    return f"{counts.total()} skipped: {each}" if counts else ""


def _reason(report: pytest.TestReport) -> str | None:
    """Why a test was skipped. None if it was not."""
    if not report.skipped or hasattr(report, "wasxfail") or not isinstance(report.longrepr, tuple):
        return None
    return report.longrepr[2].removeprefix("Skipped: ")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Let a skipped test fail if its reason is incomplete."""
    report = yield
    reason = _reason(report)
    if reason is not None and not is_whole(reason):
        report.outcome = "failed"
        report.longrepr = f"it is skipped, and does not say what it wants and which make target runs it: {reason}"
    return report


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    """Write the line, after pytest's own summary."""
    reporter: pytest.TerminalReporter | None = config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None or hasattr(config, "workerinput"):  # a worker of pytest-xdist reports to the main process
        return
    reports = [report for report in reporter.stats.get("skipped", ()) if isinstance(report, pytest.TestReport)]
    line = summary(filter(None, map(_reason, reports)))
    if line:
        reporter.write_line(line)
