"""Checks a configuration before its first build, computes the cost of past builds, and compares costs with the bill.

`python -m upcloud_sdk.buildbot check master.cfg`, `... replay builds.csv`, `... costs master.cfg --month 2026-11`.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import anyio

try:
    from rich.table import Table
    from rich.text import Text

    from upcloud_sdk._terminal import Terminal, one_line_errors
    from upcloud_sdk.buildbot import costs, replay
    from upcloud_sdk.buildbot.check import Finding, UnreadableConfig, check_workers, read_workers
    from upcloud_sdk.buildbot.master.record import recorded_servers
    from upcloud_sdk.ci.record.database import NoRecord, RecordProblem
    from upcloud_sdk.errors import UpCloudError
except ImportError as error:
    sys.exit(f"upcloud_sdk.buildbot: {error}; this needs an extra: pip install 'upcloud-sdk[buildbot]'")

if TYPE_CHECKING:
    from collections.abc import Sequence

    from upcloud_sdk.buildbot.check import KnownWorker
    from upcloud_sdk.ci import RecordedServer


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command, print a table. Returns 0 if all is well, 1 if something is wrong, 2 if a file cannot be read."""
    parser = argparse.ArgumentParser(
        prog="python -m upcloud_sdk.buildbot", description=(__doc__ or "").partition("\n")[0]
    )
    commands = parser.add_subparsers(dest="command", required=True)
    check = commands.add_parser("check", help="check the UpCloud workers of a master.cfg; reads only")
    check.add_argument("config", type=Path, help="path of the master.cfg")
    replay.add_arguments(commands.add_parser("replay", help="cost of past builds under each policy"))
    costs.add_arguments(commands.add_parser("costs", help="compare the recorded costs with the bill of a month"))
    given = parser.parse_args(arguments)
    if given.command == "check":
        return _check(given.config)
    return replay.run(given) if given.command == "replay" else costs.run(given)


def _check(config: Path) -> int:
    try:
        workers = read_workers(config)
    except UnreadableConfig as error:
        return _refuse(f"{config}: {error}", 2)
    if not workers:
        return _refuse(f"{config}: it has no UpcloudLatentWorker", 2)
    try:
        records, problem = _records(config.parent, workers[0])
        findings = anyio.run(check_workers, workers, records)
    except UpCloudError as error:
        return _refuse(f"the API cannot be called: {error}", 1)
    if problem is not None:
        findings.append(Finding(worker="", question="record", good=None, answer=problem))
    show(findings)
    return 1 if any(finding.good is False for finding in findings) else 0


def _records(basedir: Path, worker: KnownWorker) -> tuple[list[RecordedServer], str | None]:
    """The master's record of its servers, and what is wrong with it. Without it, less is known of running servers."""
    try:
        return list(recorded_servers(basedir, worker.record).values()), None
    except NoRecord:
        return [], None
    except (RecordProblem, ValueError) as error:
        return [], str(error)


def _refuse(reason: str, status: int) -> int:
    Terminal(stderr=True).print(reason, soft_wrap=True)
    return status


def show(findings: Sequence[Finding]) -> None:
    """Print one line per finding, grouped by worker."""
    table = Table("worker", "question", "", "answer")
    marks = {True: Text("yes", style="green"), False: Text("no", style="red"), None: Text("?")}
    last = None
    for finding in findings:
        name = finding.worker if finding.worker != last else ""
        last = finding.worker
        table.add_row(name, finding.question, marks[finding.good], finding.answer)
    Terminal(piped_width=120).print(table)


if __name__ == "__main__":
    with one_line_errors("upcloud_sdk.buildbot"):
        sys.exit(main())
