"""The table, on the screen and in `docs/performance.md`."""

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
    "orjson", "requests", "upcloud-api",
)  # fmt: skip
_BLOCK = re.compile(r"(<!-- figures -->\n).*?(<!-- /figures -->\n)", re.DOTALL)


def show(sections: Sequence[Section]) -> None:
    """Print the table."""
    table = Table("what", "measured", "target", "verdict", "", title="upcloud-sdk, benchmarks")
    for section in sections:
        table.add_section()
        table.add_row(f"[bold]{section.title}[/bold]")
        for row in section.rows:
            table.add_row(*_cells(row))
    Console(width=180).print(table)


def write(page: Path, sections: Sequence[Section], command: str) -> None:
    """Put the figures into the page, between its marks; the rest of it is written by hand."""
    lines = [
        f"Measured by `{command}` with Python {platform.python_version()} on {platform.machine()}, "
        + ", ".join(f"{name} {version(name)}" for name in PACKAGES)
        + ".",
        "",
    ]
    for section in sections:
        lines += [
            f"### {section.title}",
            "",
            "| what | measured | target | verdict | |",
            "| --- | --- | --- | --- | --- |",
        ]
        lines += ["| " + " | ".join(_cells(row)) + " |" for row in section.rows]
        lines.append("")
    text = page.read_text("utf-8")
    page.write_text(_BLOCK.sub(lambda marks: marks[1] + "\n" + "\n".join(lines) + marks[2], text), encoding="utf-8")


def _cells(row: Row) -> tuple[str, str, str, str, str]:
    target = "" if row.target is None else f"{row.target:g}{row.unit}"
    digits = 2 if (row.value < 100 and row.value != int(row.value)) or row.unit == "x" else 0
    return row.what, f"{row.value:,.{digits}f}{row.unit}", target, row.verdict, row.note
