"""`make replay-day`: runs hours of a busy day in a real master with each policy, for docs/performance.md.

python -m tests.replay.report [BUILDS.csv] [--first-hour 4] [--hours 2] [--fault-hours 1]

Without a file, it uses the month of real builds. If that is missing, it uses the project's week and writes nothing.
It takes three quarters of an hour on two quiet cores. The paid hour is played alone, the other policies at the same
time: each second that a build waits for a busy machine is many seconds of the day. With faults the day goes slower,
since a master has to start in it.
"""

from __future__ import annotations

import argparse
import re
import sys
import time
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from tests.replay.__main__ import OWN, ROOT, month
from tests.replay.day import POLICIES, part_of_day, play_day
from upcloud_sdk.replay import busy_hours, read_csv

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.replay.day import Figures
    from upcloud_sdk.replay import Build

TARGET = 1.15
MEASURED = "hour"
"""The policy with the target."""
NAMES = {
    "shipped": "the worker that ships with Buildbot",
    "0": "destroy after each build",
    "600": "600 s",
    "hour": "paid hour",
    "fresh": "paid hour, fresh disks",
}
FAULTS = 0.15
STAGGER = 10.0
_BLOCK = re.compile(r"(?<=<!-- replay-day -->\n).*?(?=<!-- /replay-day -->)", re.DOTALL)


@dataclass(frozen=True, kw_only=True)
class Run:
    """One run of a policy."""

    policy: str
    faults: float
    figures: Figures


def play_all(builds: Sequence[Build], policies: Sequence[str], *, faults: float, factor: float) -> list[Run]:
    """Run these builds with these policies at the same time, each in a separate process.

    The runs start one after another, so that bursts of builds do not coincide.
    """
    runs: list[Run] = []
    with ProcessPoolExecutor(len(policies), mp_context=get_context("spawn")) as processes:
        waiting: dict[str, Future[Figures]] = {}
        for policy in policies:
            waiting[policy] = processes.submit(play_day, builds, policy, factor=factor, faults=faults)
            time.sleep(STAGGER)  # noqa: TID251 - real masters in real time
        for policy, future in waiting.items():
            figures = future.result()
            runs.append(Run(policy=policy, faults=faults, figures=figures))
            print(f"{policy}, faults {faults:g}:")  # noqa: T201 - a sign of life
            figures.show()
    return runs


def table(runs: Sequence[Run]) -> str:
    """The figures, in Markdown."""
    lines = [
        (
            "| policy | finished | twice | hours paid | of the fewest | idle hours | wait: median | 95th | most | "
            "left | hours unlike the bill |"
        ),
        f"|{' --- |' * 11}",
    ]
    for run in runs:
        each = run.figures
        waits = " | ".join(f"{each.wait(part):.0f} s" for part in (0.5, 0.95, 1))
        counts = [f"{each.finished} of {each.builds}", str(each.twice), str(each.hours)]
        shares = [f"{each.hours / each.fewest:.2f}", f"{each.hours - each.busy:.0f}", waits, str(each.left)]
        lines.append(f"| {' | '.join([NAMES[run.policy], *counts, *shares, str(each.wrong)])} |")
    return "\n".join(lines) + "\n"


def draw(runs: Sequence[Run], title: str) -> str:
    """An SVG document: for each run the paid hours over the fewest, a bar each, and a line at 1."""
    left, width, row, top = 380, 960, 28, 56
    scale = (width - left - 200) / max(run.figures.hours / run.figures.fewest for run in runs)
    bottom = top + row * len(runs)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {bottom + 40}">',
        '<g font-family="sans-serif" font-size="14" fill="#222222">',
        f'<rect width="{width}" height="{bottom + 40}" fill="white"/>',
        f'<text x="16" y="26" font-size="16" font-weight="bold">{escape(title)}</text>',
    ]
    for number, run in enumerate(runs):
        y, over = top + row * number, run.figures.hours / run.figures.fewest
        name = NAMES[run.policy] + (", faults and kills" if run.faults else "")
        told = f"{over:.2f}, {run.figures.finished} of {run.figures.builds} builds, {run.figures.left} left"
        colour = "#c1440e" if run.faults else "#0b5cad"
        parts += [
            f'<text x="{left - 10}" y="{y + 17}" text-anchor="end">{escape(name)}</text>',
            f'<rect x="{left}" y="{y + 3}" width="{over * scale:.1f}" height="{row - 8}" fill="{colour}"/>',
            f'<text x="{left + over * scale + 8:.1f}" y="{y + 17}" font-size="12">{told}</text>',
        ]
    line = left + scale
    parts += [
        (
            f'<line x1="{line:.1f}" y1="{top - 4}" x2="{line:.1f}" y2="{bottom + 4}" stroke="#222222" '
            'stroke-dasharray="5 4"/>'
        ),
        f'<text x="{line:.1f}" y="{bottom + 22}" text-anchor="middle">fewest paid hours</text>',
        "</g></svg>",
    ]
    return "\n".join(parts) + "\n"


def main() -> int:
    """Run, print and write. Returns 0 if the target is reached, our builds ended once each, and nothing is left."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("trace", type=Path, nargs="?")
    parser.add_argument("--first-hour", type=float, help="of the busiest day; 4, or 8 of the project's own week")
    parser.add_argument("--hours", type=float, default=2)
    parser.add_argument("--fault-hours", type=float, default=1)
    parser.add_argument("--factor", type=float, default=14)
    given = parser.parse_args()
    file = given.trace or month() or OWN
    first_hour = given.first_hour if given.first_hour is not None else 8 if file == OWN else 4
    builds = read_csv(file.read_text(encoding="utf-8").splitlines(keepends=True)).builds
    runs: list[Run] = []
    sections: list[str] = []
    for faults, hours, factor in ((0.0, given.hours, given.factor), (FAULTS, given.fault_hours, given.factor * 2 / 3)):
        part = part_of_day(builds, first_hour=first_hour, hours=hours)
        groups = [[*POLICIES]] if faults else [[MEASURED], [policy for policy in POLICIES if policy != MEASURED]]
        played = [run for group in groups for run in play_all(part, group, faults=faults, factor=factor)]
        played.sort(key=lambda run: list(POLICIES).index(run.policy))
        said = "15 % of all requests fail, and the master is killed each hour" if faults else "Without faults"
        fewest = played[0].figures.fewest
        sections.append(
            f"{said}: {len(part)} builds of {hours:g} hours, {busy_hours(part):.0f} busy hours, {fewest} paid ones at "
            f"least; {factor:.3g} times as fast.\n\n{table(played)}"
        )
        runs += played
    text = "\n".join(sections)
    print(text)  # noqa: T201 - what it is run for
    if file == month():
        page = ROOT / "docs" / "performance.md"
        page.write_text(_BLOCK.sub(lambda _: f"\n{text}", page.read_text(encoding="utf-8")), encoding="utf-8")
        picture = draw(runs, "Hours of a busy day in a real master: paid hours over the fewest")
        (ROOT / "docs" / "replay-day.svg").write_text(picture, encoding="utf-8")
    ours = [run.figures for run in runs if run.policy != "shipped"]
    failed = any(each.finished < each.builds or each.twice or each.left or each.wrong for each in ours)
    [reached] = [run.figures for run in runs if run.policy == MEASURED and not run.faults]
    return int(failed or reached.hours > TARGET * reached.fewest)


if __name__ == "__main__":
    sys.exit(main())
