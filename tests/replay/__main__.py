"""`make replay`: replays a month of builds with each policy, for the figures and the picture of docs/performance.md.

python -m tests.replay [BUILDS.csv]

Without a file, it uses the month of real builds. If that is missing, it uses the project's week and writes nothing.
"""

from __future__ import annotations

import re
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from upcloud_sdk.placement import PaidHour
from upcloud_sdk.replay import busy_hours, draw, fewest_hours, most_at_once, play, read_csv, usual_policies

if TYPE_CHECKING:
    from collections.abc import Sequence

    from upcloud_sdk.replay import Build, Outcome

ROOT = Path(__file__).parents[2]
OWN = ROOT / "examples" / "buildbot" / "builds.csv"
PATIENCE = (0, 60, 300)
SPARE_WORKERS = 20
TARGET = 1.10
"""Target of paid hours over the fewest, for the policy "paid hour, warm first" without patience."""
_BLOCK = re.compile(r"(?<=<!-- replay -->\n).*?(?=<!-- /replay -->)", re.DOTALL)


def month() -> Path | None:
    """The file with the month of real builds, which is not part of the project. None if it is missing."""
    found = (folder / "shared" / "traces" / "linkerd2-2020.csv" for folder in ROOT.parents)
    return next((file for file in found if file.exists()), None)


def played(builds: Sequence[Build]) -> list[Outcome]:
    """The outcome of each policy."""
    workers = most_at_once(builds) + SPARE_WORKERS
    return [play(builds, policy, workers=workers) for policy in usual_policies(PaidHour(), patience=PATIENCE)]


def table(outcomes: Sequence[Outcome], fewest: int) -> str:
    """The figures, in Markdown."""
    lines = [
        "| policy | hours paid | of the fewest | idle hours | servers | wait: mean | median | 95th | most |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for outcome in outcomes:
        waits = (outcome.mean_wait, *map(outcome.wait, (0.5, 0.95, 1)))
        figures = [f"{outcome.hours:,}", f"{outcome.hours / fewest:.2f}", f"{outcome.idle_hours:,.0f}"]
        cells = [outcome.policy.name, *figures, f"{outcome.servers:,}", *(f"{wait:.0f} s" for wait in waits)]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def main(arguments: Sequence[str]) -> int:
    """Replay, print and write. Returns 0 if the target is reached."""
    file = Path(arguments[0]) if arguments else month() or OWN
    began = time.monotonic()
    builds = read_csv(file.read_text(encoding="utf-8").splitlines(keepends=True)).builds
    outcomes, fewest = played(builds), fewest_hours(builds)
    seconds = time.monotonic() - began
    [reached] = [each for each in outcomes if each.policy.name == "paid hour, warm first"]
    summary = (
        f"{len(builds):,} builds, {most_at_once(builds)} at once at most, {busy_hours(builds):,.0f} busy hours; "
        f"fewest hours without waiting: {fewest:,}; boots of 45 s."
    )
    text = f"{summary}\n\n{table(outcomes, fewest)}"
    print(f"{text}\nplayed in {seconds:.1f} s")  # noqa: T201 - what it is run for
    if file == month():
        page = ROOT / "docs" / "performance.md"
        page.write_text(_BLOCK.sub(lambda _: f"\n{text}", page.read_text(encoding="utf-8")), encoding="utf-8")
        picture = draw(outcomes, fewest, title=f"Paid hours of {len(builds):,} builds of a month")
        (ROOT / "docs" / "replay.svg").write_text(picture, encoding="utf-8")
    return int(reached.hours > TARGET * fewest)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
