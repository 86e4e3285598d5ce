"""Results as tables for people, and as JSON for programs."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from enum import Enum
from typing import TYPE_CHECKING, Any

from rich.table import Table

from upcloud_sdk.cli.session import console

if TYPE_CHECKING:
    from pydantic import BaseModel

SECRET_FIELDS = {"user_data", "password", "remote_access_password"}
"""Never printed, not even masked."""

Row = Mapping[str, Any]


def show(rows: Sequence[Row], *, as_json: bool, empty: str) -> None:
    """Print a table with one column per key, or `empty` if there are no rows.

    If the terminal is too narrow for the longest word of each column, each row is printed as lines: one line per key.
    """
    if as_json:
        print_json([{_json_key(name): value for name, value in row.items()} for row in rows])
        return
    if not rows:
        console.print(empty, highlight=False)
        return
    cells = [{name: _cell(value) for name, value in row.items()} for row in rows]
    widths = {name: max(map(len, " ".join((name, *(row[name] for row in cells))).split())) for name in rows[0]}
    if sum(widths.values()) + 2 * (len(widths) - 1) > console.width:
        for number, row in enumerate(rows):
            if number:
                console.print()
            show_one(row)
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name, value in rows[0].items():
        right = isinstance(value, int | Decimal)
        table.add_column(name, justify="right" if right else "left", min_width=widths[name])
    for row in cells:
        table.add_row(*row.values())
    console.print(table)


def show_one(row: Row) -> None:
    """Print one row as lines: one line per key."""
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    for name, value in row.items():
        table.add_row(name, _cell(value))
    console.print(table)


def document_of(model: BaseModel) -> dict[str, Any]:
    """A model as JSON, without its secrets."""
    return model.model_dump(mode="json", exclude=SECRET_FIELDS)


def print_json(value: object) -> None:
    """Print JSON for other programs: no colours, no line wrapping."""
    sys.stdout.write(json.dumps(value, indent=2, default=_plain) + "\n")


def counted(number: int, noun: str) -> str:
    """A number with its noun: `1 server`, `2 servers`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _json_key(name: str) -> str:
    """The title of a column as a key for programs: `memory (MiB)` is `memory_mib`."""
    return re.sub(r"\W+", "_", name.lower()).strip("_")


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value)


def _cell(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M")
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, list | tuple):
        return "\n".join(map(str, value)) or "-"  # pyright: ignore[reportUnknownArgumentType]  # items of any type
    return str(value)
