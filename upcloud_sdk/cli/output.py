"""Results as tables for people, and as JSON for programs."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum
from typing import TYPE_CHECKING, Any

from rich.progress import Progress, ProgressColumn, TimeElapsedColumn
from rich.spinner import Spinner
from rich.table import Table

from upcloud_sdk._terminal import visible
from upcloud_sdk.cli.session import console, messages

if TYPE_CHECKING:
    from pydantic import BaseModel
    from rich.console import RenderableType
    from rich.progress import Task

    from upcloud_sdk._terminal import Terminal

SECRET_FIELDS = {"user_data", "password", "remote_access_password"}
"""Never printed, not even masked."""

Row = Mapping[str, Any]


def show(rows: Sequence[Row], *, as_json: bool, empty: str) -> None:
    """Print a table with one column per key, or `empty` if there are no rows.

    If the terminal is too narrow for the longest word of each column, each row is printed as lines: one line per key.
    """
    if as_json:
        print_json([{_json_key(name): value for name, value in row.items()} for row in rows])
    elif rows:
        show_table(rows, console)
    else:
        console.print(empty)


def show_table(rows: Sequence[Row], terminal: Terminal) -> None:
    """As `show`, for at least one row, on stdout or stderr."""
    names = {name: _heading(name, [row[name] for row in rows]) for name in rows[0]}
    cells = [{name: cell_of(value) for name, value in row.items()} for row in rows]
    widths = {
        name: max(map(len, " ".join((heading, *(row[name] for row in cells))).split()))
        for name, heading in names.items()
    }
    if sum(widths.values()) + 2 * (len(widths) - 1) > terminal.width:
        for number, row in enumerate(rows):
            if number:
                terminal.print()
            show_one(row, terminal)
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name, heading in names.items():
        right = isinstance(rows[0][name], int | Decimal)
        table.add_column(heading, justify="right" if right else "left", min_width=widths[name])
    for row in cells:
        table.add_row(*row.values())
    terminal.print(table)


def show_one(row: Row, terminal: Terminal = console) -> None:
    """Print one row as lines: one line per key."""
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    for name, value in row.items():
        table.add_row(_heading(name, [value]), cell_of(value))
    terminal.print(table)


def progress(*columns: ProgressColumn) -> Progress:
    """Progress lines on stderr: these columns, and the time. They disappear at the end."""
    return Progress(*columns, TimeElapsedColumn(), console=messages, transient=True)


class Words(ProgressColumn):
    """The description of a progress line. It may contain text from outside."""

    def render(self, task: Task) -> RenderableType:
        """The description, as a string."""
        return visible(task.description, keep="")


class Wheel(ProgressColumn):
    """A spinner of characters that stderr can encode."""

    def __init__(self) -> None:
        self._spinner = Spinner("line" if messages.options.ascii_only else "dots")
        super().__init__()

    def render(self, task: Task) -> RenderableType:
        """The spinner, until the task has ended."""
        return " " if task.finished else self._spinner.render(task.get_time())


def document_of(model: BaseModel) -> dict[str, Any]:
    """A model as JSON, without its secrets."""
    return model.model_dump(mode="json", exclude=SECRET_FIELDS)


def print_json(value: object) -> None:
    """Print JSON for other programs: no colours, no line wrapping."""
    console.file.write(json.dumps(value, indent=2, default=_plain) + "\n")
    console.file.flush()


def counted(number: int, noun: str) -> str:
    """A number with its noun: `1 server`, `2 servers`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def cell_of(value: object) -> str:
    """A value as it is shown in a table. Only the items of a list are in different lines."""
    if value is None:
        return "-"
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M")
    if isinstance(value, Enum):
        return visible(str(value.value), keep="")
    if isinstance(value, list | tuple):
        return "\n".join(map(cell_of, value)) or "-"  # pyright: ignore[reportUnknownArgumentType]  # items of any type
    return visible(str(value), keep="")


def _heading(name: str, values: Sequence[object]) -> str:
    """The title of a column. Times are UTC, and say so."""
    return f"{name} (UTC)" if any(isinstance(value, datetime) for value in values) else name


def _json_key(name: str) -> str:
    """The title of a column as a key for programs: `memory (MiB)` is `memory_mib`."""
    return re.sub(r"\W+", "_", name.lower()).strip("_")


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value)
