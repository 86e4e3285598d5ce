"""Shows the table on the screen and writes it to `docs/performance.md`."""

from __future__ import annotations

import platform
import re
from importlib.metadata import version
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tests.benchmarks.measure import Row, Section

PACKAGES = (
    "upcloud-sdk", "httpx", "httpcore", "h11", "pydantic", "pydantic-core", "anyio", "httpx-aiohttp", "aiohttp",
    "orjson", "requests", "upcloud-api", "buildbot", "twisted",
)  # fmt: skip
_BEGIN, _END = "<!-- figures -->\n", "<!-- /figures -->"
_BLOCK = re.compile(rf"{_BEGIN}.*?{_END}\n", re.DOTALL)
_TABLE = re.compile(r"### (.+)\n\n(?:\|.*\n)+")


def show(sections: Sequence[Section]) -> None:
    """Print the table."""
    table = Table("what", "measured", "target", "verdict", "", title="upcloud-sdk, benchmarks")
    for section in sections:
        table.add_section()
        table.add_row(f"[bold]{section.title}[/bold]")
        for row in section.rows:
            table.add_row(*_cells(row))
    Console(width=180).print(table)


def write(page: Path, sections: Sequence[Section], *, order: Sequence[str]) -> None:
    """Write the figures into the page, between its marks. The rest of the page is written by hand.

    Sections that were not measured keep their figures.
    """
    text = page.read_text("utf-8")
    block = _BLOCK.search(text)
    assert block is not None, f"{page} has no marks for the figures"
    tables = {found[1]: found[0] for found in _TABLE.finditer(block[0])}
    tables |= {section.title: _table(section) for section in sections}
    figures = "\n".join([_measured_with(), *(tables[title] for title in order if title in tables)])
    page.write_text(text[: block.start()] + f"{_BEGIN}\n{figures}{_END}\n" + text[block.end() :], encoding="utf-8")


def _measured_with() -> str:
    versions = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    python = f"Python {platform.python_version()} on {platform.machine()}"
    return f"Measured by `python -m tests.benchmarks` with {python}, {versions}.\n"


def _table(section: Section) -> str:
    lines = [
        f"### {section.title}",
        "",
        "| what | measured | target | verdict | |",
        "| --- | --- | --- | --- | --- |",
        *("| " + " | ".join(_cells(row)) + " |" for row in section.rows),
    ]
    return "\n".join(lines) + "\n"


def _cells(row: Row) -> tuple[str, str, str, str, str]:
    target = "" if row.target is None else f"{row.target:g}{row.unit}"
    digits = 2 if (row.value < 100 and row.value != int(row.value)) or row.unit == "x" else 0
    return row.what, f"{row.value:,.{digits}f}{row.unit}", target, row.verdict, row.note
