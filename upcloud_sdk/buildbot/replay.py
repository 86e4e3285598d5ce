"""`python -m upcloud_sdk.buildbot replay`: computes what past builds would have cost, from a CSV or from a Buildbot."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlencode, urlsplit

from upcloud_sdk.replay import UnreadableTrace, builds_of_buildbot, command
from upcloud_sdk.replay.source import Deadline, fetch, is_address, read_source

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator, Sequence

    from upcloud_sdk.replay import Trace

_PAGE = 2000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Define the arguments of the command."""
    command.add_arguments(parser, source="a CSV (start, seconds, builder), or a Buildbot's address")
    parser.add_argument("--last", type=int, default=10_000, help="number of builds of a Buildbot (default 10000)")


def run(given: argparse.Namespace) -> int:
    """Replay the builds and print the table. Returns 0, or 2 if a file cannot be read or written."""
    return command.run(given, partial(_read, last=given.last))


def _read(source: str, *, last: int) -> Trace:
    """Read the builds from a CSV in a file or at a URL, or the `last` ones from a Buildbot at a URL."""
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
