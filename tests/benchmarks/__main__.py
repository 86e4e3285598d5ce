"""All benchmarks, on this machine, against real peers: `python -m tests.benchmarks`, or `make bench`."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import anyio

from tests.benchmarks import plots, report
from tests.benchmarks.calls import calls
from tests.benchmarks.canned import canned_server
from tests.benchmarks.decoding import decoding
from tests.benchmarks.imports import imports
from tests.benchmarks.scale import scaling
from tests.benchmarks.waiting import waiting

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.benchmarks.measure import Section

DOCS = Path(__file__).parents[2] / "docs"


async def run(rounds: int, scale: float, plots_to: Path) -> list[Section]:
    """All sections; the plots are written to a directory."""
    with tempfile.TemporaryDirectory() as directory, canned_server(Path(directory)) as server:
        called, curves = await calls(server, rounds=rounds, scale=scale)
    plots.cost_of_calls(plots_to / "calls.svg", curves)
    waited, started = await waiting(scale=scale)
    plots.fan_out(plots_to / "fan-out.svg", started)
    return [
        called,
        decoding(rounds=rounds, scale=scale),
        waited,
        imports(rounds=rounds),
        await scaling(rounds=rounds, scale=scale),
    ]


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print the table, and write `docs/performance.md` and its plots."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--rounds", type=int, default=7, help="rounds in which the contenders take turns")
    parser.add_argument("--scale", type=float, default=1.0, help="how much of the work is done; below 1 for a try")
    parser.add_argument("--docs", type=Path, default=DOCS, help="where performance.md is, and its plots are written")
    given = parser.parse_args(arguments)
    sections = anyio.run(run, given.rounds, given.scale, given.docs)
    report.show(sections)
    report.write(given.docs / "performance.md", sections, "python -m tests.benchmarks")


if __name__ == "__main__":
    main()
