"""Shows a `Reconciliation` in a terminal. Needs rich, which the extra `cli` brings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table

if TYPE_CHECKING:
    from decimal import Decimal

    from upcloud_sdk.ci.money.reconciliation import Reconciliation


def table_of(result: Reconciliation) -> Table:
    """One row per server, with what it cost by the record and by the bill."""
    table = Table()
    table.add_column("server", no_wrap=True)
    table.add_column("worker")
    for heading in ("hours", "billed", f"cost {result.currency}", f"billed {result.currency}", "of it builds"):
        table.add_column(heading, justify="right")
    table.add_column("difference")
    for line in result.lines:
        cells = (line.recorded_hours, line.billed_hours, line.recorded, line.billed, line.builds)
        table.add_row(line.uuid, line.worker, *map(_text, cells), line.difference)
    return table


def _text(value: Decimal | int | None) -> str:
    if value is None:
        return "?"
    return f"{value}" if value == int(value) else f"{value:.5f}"
