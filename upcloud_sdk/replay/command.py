"""A command that computes what past builds would have cost under each policy. Needs rich, from the extra `cli`."""

from __future__ import annotations

import http.client
from pathlib import Path
from typing import TYPE_CHECKING

from rich.table import Table

from upcloud_sdk._terminal import Terminal
from upcloud_sdk.placement import PaidHour
from upcloud_sdk.replay.engine import play, usual_policies
from upcloud_sdk.replay.optimum import busy_hours, fewest_hours, most_at_once
from upcloud_sdk.replay.picture import draw
from upcloud_sdk.replay.source import read_source
from upcloud_sdk.replay.trace import UnreadableTrace

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Sequence

    from upcloud_sdk.replay.engine import Outcome
    from upcloud_sdk.replay.trace import Trace

_LONGEST_REASON = 1000
_SPARE_WORKERS = 20
"""Free workers besides the most that were busy at once. A build may get any free worker, as in Buildbot."""


def add_arguments(parser: argparse.ArgumentParser, *, source: str = "a CSV (start, seconds, builder)") -> None:
    """Define the arguments of the command. `source`: help text for the source of the builds."""
    parser.add_argument("source", metavar="FILE_OR_URL", help=source)
    parser.add_argument("--patience", type=_seconds, default=(0.0,), help="seconds a build may wait, such as 0,60,300")
    parser.add_argument(
        "--boot", type=_seconds, default=(45.0,), help="seconds from create to attach, drawn from 33,73"
    )
    parser.add_argument("--margin", type=float, default=120.0, help="seconds of PaidHour before the end of the hour")
    parser.add_argument("--anchor", choices=("create", "clock"), default="create", help="where a billed hour begins")
    parser.add_argument("--workers", type=int, help="number of workers; default: the builds at once, plus 20")
    parser.add_argument("--price", type=_price, help="price of a server per hour; adds a column with the cost")
    parser.add_argument("--currency", default="", help="its currency")
    parser.add_argument("--picture", type=Path, help="also write an SVG to this file")


def _seconds(text: str) -> tuple[float, ...]:
    values = tuple(map(float, text.split(",")))
    if any(not 0 <= value < float("inf") for value in values):
        raise ValueError(text)
    return values


def _price(text: str) -> float:
    if not 0 <= (value := float(text)) < float("inf"):
        raise ValueError(text)
    return value


def run(given: argparse.Namespace, read: Callable[[str], Trace] = read_source) -> int:
    """Replay the builds and print the table. Returns 0, or 2 if a file cannot be read or written.

    `read`: reads the builds of the source. Its `OSError`, `ValueError` and `http.client.HTTPException` are printed.
    """
    try:
        hour = PaidHour(margin=given.margin, anchor=given.anchor)
    except ValueError as error:
        return _refuse(f"--margin {given.margin:g}: {error}")
    try:
        trace = read(given.source)
        most = most_at_once(trace.builds)
        if given.workers is not None and given.workers < 1:
            raise UnreadableTrace(f"--workers {given.workers}: give 1 or more")
    except (OSError, ValueError, http.client.HTTPException) as error:
        return _refuse(f"{given.source}: {error}")
    outcomes = [
        play(trace.builds, policy, boots=given.boot, workers=given.workers or most + _SPARE_WORKERS, anchor=hour.anchor)
        for policy in usual_policies(hour, patience=given.patience)
    ]
    fewest = fewest_hours(trace.builds, anchor=hour.anchor)
    console = Terminal(piped_width=160)
    for note in trace.notes:
        console.print(note)
    have_workers = given.workers is None or given.workers >= most
    console.print(_table(outcomes, fewest, have_workers=have_workers, price=given.price, currency=given.currency))
    console.print(
        f"{len(trace.builds):,} builds, {most} at once at most. Without any wait: {fewest:,} hours at least. "
        f"Busy hours, to which * compares: {busy_hours(trace.builds):,.0f}."
    )
    if given.picture is not None:
        title = f"Paid hours of {len(trace.builds):,} builds"
        try:
            given.picture.write_text(draw(outcomes, fewest, title=title), encoding="utf-8")
        except OSError as error:
            return _refuse(f"{given.picture}: {error}")
    return 0


def _refuse(reason: str) -> int:
    # The reason may quote the source, which may have very long values.
    shown = reason if len(reason) <= _LONGEST_REASON else f"{reason[:_LONGEST_REASON]} ..."
    Terminal(stderr=True).print(shown, soft_wrap=True)
    return 2


def _table(
    outcomes: Sequence[Outcome], fewest: int, *, have_workers: bool, price: float | None, currency: str
) -> Table:
    table = Table()
    table.add_column("policy", no_wrap=True)
    headings = ["hours paid", "of the fewest", "idle hours", "servers", "wait: mean", "median", "95 %", "most"]
    for heading in headings if price is None else [*headings, f"cost {currency}".strip()]:
        table.add_column(heading, justify="right")
    for outcome in outcomes:
        # If builds may wait, fewer hours than `fewest` are possible, down to the busy hours.
        waits = outcome.policy.patience > 0 or not have_workers
        ratio = f"{outcome.hours / outcome.busy_hours:.2f}*" if waits else f"{outcome.hours / fewest:.2f}"
        cells = [f"{outcome.hours:,}", ratio, f"{outcome.idle_hours:,.0f}", f"{outcome.servers:,}"]
        cells += [f"{seconds:.0f} s" for seconds in (outcome.mean_wait, *map(outcome.wait, (0.5, 0.95, 1)))]
        if price is not None:
            cells.append(f"{outcome.hours * price:,.2f}")
        table.add_row(outcome.policy.name, *cells)
    return table
