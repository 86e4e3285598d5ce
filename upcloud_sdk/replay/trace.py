"""Builds that have been: read from a CSV, or from what a Buildbot's REST API answers."""

from __future__ import annotations

import csv
import math
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_STARTS = ("start", "started", "started_s", "started_at")
_SECONDS = ("seconds", "duration", "duration_s")
_BUILDERS = ("builder", "workflow", "job")
_SHORTEST = 1.0
"""Seconds: a build that took none still had a server."""


class UnreadableTrace(ValueError):
    """A trace that cannot be used; the message says why, and on which line."""


@dataclass(frozen=True, slots=True)
class Build:
    """A build that has been."""

    start: float
    """Seconds since 1970, or since any other moment that all builds of the trace share."""
    seconds: float
    """How long it took; above 0."""
    builder: str = ""


@dataclass(frozen=True, slots=True)
class Trace:
    """Builds in the order in which they began. They may overlap; days without any are quiet days."""

    builds: tuple[Build, ...]
    notes: tuple[str, ...] = ()
    """What was left out or changed, a sentence each."""


def read_csv(lines: Iterable[str]) -> Trace:
    """The builds of a CSV file whose first line names its columns.

    `start` (or `started`, `started_s`, `started_at`) is a number of seconds or an ISO time; one without a time zone is
    UTC. `seconds` (or `duration`, `duration_s`) is how long the build took; a row without it, such as that of a build
    that still runs, is left out. `builder`, or `workflow` and `job`, say which builds are alike; they may be missing.
    Columns are separated by commas, semicolons or tabs; others are ignored.

    Raises:
        UnreadableTrace: a column is missing, or a line cannot be read.
    """
    rows = list(lines)
    head = rows[0] if rows else ""
    delimiter = max(",;\t", key=head.count)
    reader = csv.DictReader(rows, delimiter=delimiter)
    names = {name.strip().lower(): name for name in reader.fieldnames or ()}
    start, seconds = _column(names, _STARTS), _column(names, _SECONDS)
    kinds = [names[name] for name in _BUILDERS if name in names]
    builds: list[Build] = []
    unfinished = 0
    zones: set[bool] = set()
    for row in reader:
        where = f"line {reader.line_num}"
        if not (row.get(seconds) or "").strip():
            unfinished += 1
            continue
        began, is_time = _start(row.get(start) or "", where)
        zones.add(is_time)
        if len(zones) > 1:
            raise UnreadableTrace(f"{where}: starts are either all times or all numbers of seconds")
        took = _number(row.get(seconds) or "", where, "a duration in seconds")
        if took < 0:
            raise UnreadableTrace(f"{where}: a build cannot have taken {took:g} seconds")
        builds.append(Build(began, took, " / ".join((row.get(kind) or "").strip() for kind in kinds)))
    return _trace(builds, unfinished)


def builds_of_buildbot(builds: Sequence[Mapping[str, Any]], builders: Sequence[Mapping[str, Any]]) -> Trace:
    """The builds of a master, as its `/api/v2/builds` and `/api/v2/builders` answer them.

    A build's time there includes what its worker took to come up.

    Raises:
        UnreadableTrace: there is no finished build, or these are not Buildbot's documents.
    """
    found: list[Build] = []
    unfinished = 0
    try:
        names = {each["builderid"]: str(each["name"]) for each in builders}
        for each in builds:
            if each["complete_at"] is None:
                unfinished += 1
                continue
            started = float(each["started_at"])
            builder = names.get(each["builderid"], str(each["builderid"]))
            found.append(Build(started, float(each["complete_at"]) - started, builder))
    except (KeyError, TypeError, ValueError) as error:
        raise UnreadableTrace(f"this is not what Buildbot's REST API answers: {error!r}") from None
    return _trace(found, unfinished)


def _trace(builds: list[Build], unfinished: int) -> Trace:
    if not builds:
        raise UnreadableTrace("there is no finished build in it")
    notes: list[str] = []
    if unfinished:
        notes.append(f"{unfinished} builds without a duration are left out")
    short = sum(build.seconds < _SHORTEST for build in builds)
    if short:
        notes.append(f"{short} builds of less than a second count as one second")
        builds = [Build(each.start, max(each.seconds, _SHORTEST), each.builder) for each in builds]
    return Trace(tuple(sorted(builds, key=lambda build: build.start)), tuple(notes))


def _column(names: Mapping[str, str], wanted: Sequence[str]) -> str:
    for name in wanted:
        if name in names:
            return names[name]
    raise UnreadableTrace(f"there is no column {wanted[0]!r} (or {', '.join(wanted[1:])}); it has {', '.join(names)}")


def _start(text: str, where: str) -> tuple[float, bool]:
    """The moment, and whether it was given as a time."""
    try:
        return _number(text, where, "a start"), False
    except UnreadableTrace:
        try:
            moment = datetime.fromisoformat(text.strip())
        except ValueError:
            raise UnreadableTrace(f"{where}: {text!r} is neither seconds nor an ISO time") from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return moment.timestamp(), True


def _number(text: str, where: str, what: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise UnreadableTrace(f"{where}: {text!r} is not {what}")
    return value
