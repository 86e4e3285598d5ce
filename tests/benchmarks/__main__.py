"""All benchmarks, on this machine, against real peers: `python -m tests.benchmarks`, or `make bench`."""

from __future__ import annotations

import argparse
import gc
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import anyio

from tests.benchmarks import plots, report
from tests.benchmarks.buildbot import buildbot
from tests.benchmarks.calls import calls
from tests.benchmarks.canned import canned_server
from tests.benchmarks.decoding import decoding
from tests.benchmarks.imports import imports
from tests.benchmarks.page import page
from tests.benchmarks.record import record
from tests.benchmarks.scale import scaling
from tests.benchmarks.waiting import waiting

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.benchmarks.measure import Section

DOCS = Path(__file__).parents[2] / "docs"


def _calls(rounds: int, scale: float, docs: Path) -> Section:
    async def run() -> Section:
        with tempfile.TemporaryDirectory() as directory, canned_server(Path(directory)) as server:
            section, curves = await calls(server, rounds=rounds, scale=scale)
        plots.cost_of_calls(docs / "calls.svg", curves)
        return section

    return anyio.run(run)


def _decoding(rounds: int, scale: float, _: Path) -> Section:
    return decoding(rounds=rounds, scale=scale)


def _waiting(_: int, scale: float, docs: Path) -> Section:
    async def run() -> Section:
        section, started = await waiting(scale=scale)
        plots.fan_out(docs / "fan-out.svg", started)
        return section

    return anyio.run(run)


def _imports(rounds: int, _scale: float, _docs: Path) -> Section:
    return imports(rounds=rounds)


def _buildbot(rounds: int, scale: float, _: Path) -> Section:
    return buildbot(rounds=rounds, scale=scale)


def _page(rounds: int, scale: float, _: Path) -> Section:
    return page(rounds=rounds, scale=scale)


def _record(rounds: int, scale: float, _: Path) -> Section:
    return record(rounds=rounds, scale=scale)


def _scale(rounds: int, scale: float, _: Path) -> Section:
    async def run() -> Section:
        return await scaling(rounds=rounds, scale=scale)

    return anyio.run(run)


SECTIONS = {
    "Calls": _calls,
    "Decoding": _decoding,
    "Waiting": _waiting,
    "Import": _imports,
    "Buildbot": _buildbot,
    "Page": _page,
    "Record": _record,
    "Scale": _scale,
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print the table, and write `docs/performance.md` and its plots."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("sections", nargs="*", help=f"which of {', '.join(SECTIONS)}; all, if none is named")
    parser.add_argument("--rounds", type=int, default=7, help="number of rounds in which the contenders take turns")
    parser.add_argument("--scale", type=float, default=1.0, help="scale of the work; below 1 for a quick trial")
    parser.add_argument("--docs", type=Path, default=DOCS, help="folder of performance.md and its plots")
    given = parser.parse_args(arguments)
    for name in set(given.sections) - set(SECTIONS):
        parser.error(f"{name} is none of {', '.join(SECTIONS)}")
    if given.scale < 1:
        # A trial is faster if the garbage collector does not scan all imported objects between two rounds.
        gc.freeze()
    try:
        sections = [SECTIONS[name](given.rounds, given.scale, given.docs) for name in given.sections or SECTIONS]
    finally:
        gc.unfreeze()
    report.show(sections)
    report.write(given.docs / "performance.md", sections, order=list(SECTIONS))


if __name__ == "__main__":
    main()
