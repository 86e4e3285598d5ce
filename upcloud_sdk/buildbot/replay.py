"""`python -m upcloud_sdk.buildbot replay`: computes what past builds would have cost.

The builds are those of a CSV, of a Buildbot, or of a master's record.
"""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlencode, urlsplit

from upcloud_sdk.buildbot.check import UnreadableConfig, read_workers
from upcloud_sdk.buildbot.master.record import read_record
from upcloud_sdk.ci import RecordProblem
from upcloud_sdk.ci.record.queries import builds_ended
from upcloud_sdk.replay import Build, UnreadableTrace, builds_of_buildbot, command, trace_of
from upcloud_sdk.replay.source import Deadline, fetch, is_address, read_source

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator, Sequence

    from upcloud_sdk.replay import Trace

_PAGE = 2000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Define the arguments of the command."""
    source = "a CSV (start, seconds, builder), a Buildbot's address, or a master.cfg, whose record is read"
    command.add_arguments(parser, source=source)
    parser.add_argument("--last", type=int, default=10_000, help="number of builds, except of a CSV (default 10000)")


def run(given: argparse.Namespace) -> int:
    """Replay the builds and print the table. Returns 0, or 2 if a file cannot be read or written."""
    return command.run(given, partial(_read, last=given.last))


def _read(source: str, *, last: int) -> Trace:
    """Read the builds from a CSV in a file or at a URL, or the `last` ones of a Buildbot at a URL or of a record."""
    if not is_address(source) and Path(source).suffix == ".cfg":
        return _of_record(Path(source), last)
    if not is_address(source) or urlsplit(source).path.endswith(".csv"):
        return read_source(source)
    root = source.rstrip("/").removesuffix("/api/v2") + "/api/v2"
    fields = ("buildid", "builderid", "started_at", "complete_at")
    get = partial(fetch, deadline=Deadline())
    builds = list(_pages(get, f"{root}/builds", fields, key="builds", order="-buildid", limit=last))
    names = ("builderid", "name")
    builders = list(_pages(get, f"{root}/builders", names, key="builders", order="builderid", limit=_PAGE))
    return builds_of_buildbot(builds, builders)


def _pages(
    get: Callable[[str], bytes], address: str, fields: Sequence[str], *, key: str, order: str, limit: int
) -> Iterator[dict[str, Any]]:
    found = 0
    seen: set[object] = set()
    while found < limit:
        wanted = min(_PAGE, limit - found)
        query = [("field", field) for field in fields] + [("order", order), ("offset", found), ("limit", wanted)]
        try:
            page = list(cast("list[dict[str, Any]]", json.loads(get(f"{address}?{urlencode(query)}"))[key]))
            # A build that starts between two requests moves builds to the next page.
            new = {each[fields[0]]: each for each in page if each[fields[0]] not in seen}
        except UnreadableTrace:
            raise
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise UnreadableTrace(f"{address} does not answer as Buildbot's REST API does: {error!r}") from None
        yield from new.values()
        seen |= new.keys()
        found += len(page)
        # A short page need not be the last one: a proxy may limit pages.
        if not new:
            return


def _of_record(config: Path, last: int) -> Trace:
    """The builds as a policy would have got them: requested when they were, and as long as they had a guest."""
    try:
        workers = read_workers(config)
        url = workers[0].record if workers else None
        found = read_record(config.parent, url, partial(builds_ended, most=last))
    except (UnreadableConfig, RecordProblem) as error:
        raise UnreadableTrace(str(error)) from None
    builds: list[Build] = []
    for build, attached in found:
        assert build.ended is not None
        seconds = (build.ended - max(build.began, attached)).total_seconds()
        builds.append(Build(build.began.timestamp() - (build.queued or 0), seconds, build.builder))
    return trace_of(builds)
