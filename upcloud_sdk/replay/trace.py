"""Reads past builds from CSV, or from answers of Buildbot's REST API."""

from __future__ import annotations

import csv
import math
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

_STARTS = ("start", "started", "started_s", "started_at")
_SECONDS = ("seconds", "duration", "duration_s")
_BUILDERS = ("builder", "workflow", "job")
_SHORTEST = 1.0
"""Minimum duration in seconds: a build with duration 0 used a server too."""
_LONGEST = 366 * 86400.0
_LATEST = datetime(3000, 1, 1, tzinfo=UTC).timestamp()


class UnreadableTrace(ValueError):
    """The trace cannot be used. The message has the reason and the line."""


@dataclass(frozen=True, slots=True)
class Build:
    """A past build."""

    start: float
    """Seconds since 1970, or since another moment that is the same for all builds of the trace."""
    seconds: float
    """Duration in seconds, above 0."""
    builder: str = ""


@dataclass(frozen=True, slots=True)
class Trace:
    """Builds in order of their start times. They may overlap."""

    builds: tuple[Build, ...]
    notes: tuple[str, ...] = ()
    """One sentence for each kind of build that was left out or changed."""


def read_csv(lines: Iterable[str]) -> Trace:
    """Read builds from CSV with a header line.

    `start` (or `started`, `started_s`, `started_at`) is a number of seconds or an ISO time. A time without time zone
    is UTC. `seconds` (or `duration`, `duration_s`) is the duration. Rows without a duration, such as running builds,
    are left out. `builder`, or `workflow` and `job`, group similar builds; they are optional. Other columns are
    ignored. The separator is a comma, a semicolon or a tab.

    Raises:
        UnreadableTrace: A column is missing, or a line cannot be read.
    """
    rows = list(lines)
    head = rows[0] if rows else ""
    delimiter = max(",;\t", key=head.count)
    reader = csv.DictReader(rows, delimiter=delimiter)
    try:
        header = reader.fieldnames or ()
    except csv.Error as error:
        raise UnreadableTrace(f"line 1: {error}") from None
    names = {name.strip("\ufeff \t").lower(): name for name in header}
    start, seconds = _column(names, _STARTS), _column(names, _SECONDS)
    kinds = [names[name] for name in _BUILDERS if name in names]
    builds: list[Build] = []
    unfinished = 0
    zones: set[bool] = set()
    for row in _rows(reader):
        where = f"line {reader.line_num}"
        if not (row.get(seconds) or "").strip():
            unfinished += 1
            continue
        began, is_time = _start(row.get(start) or "", where)
        zones.add(is_time)
        if len(zones) > 1:
            raise UnreadableTrace(f"{where}: start times must be all ISO times or all numbers of seconds")
        took = _number(row.get(seconds) or "", where, "a duration in seconds")
        if took < 0:
            raise UnreadableTrace(f"{where}: the duration is negative: {took:g} seconds")
        builds.append(_build(began, took, " / ".join((row.get(kind) or "").strip() for kind in kinds), where))
    return _trace(builds, unfinished)


def trace_of(builds: Iterable[Build]) -> Trace:
    """A trace of builds from another source.

    Raises:
        UnreadableTrace: There is none, or one has an implausible time.
    """
    return _trace([_build(each.start, each.seconds, each.builder, f"build {n}") for n, each in enumerate(builds, 1)], 0)


def builds_of_buildbot(builds: Sequence[Mapping[str, Any]], builders: Sequence[Mapping[str, Any]]) -> Trace:
    """Read builds from the answers of a master's `/api/v2/builds` and `/api/v2/builders`.

    The duration of a build there includes the start of its worker.

    Raises:
        UnreadableTrace: There is no finished build, or these are not Buildbot's documents.
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
            where = f"build {each.get('buildid', '')}".strip()
            found.append(_build(started, float(each["complete_at"]) - started, builder, where))
    except UnreadableTrace:
        raise
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise UnreadableTrace(f"this is not an answer of Buildbot's REST API: {error!r}") from None
    return _trace(found, unfinished)


def _rows(reader: csv.DictReader[str]) -> Iterator[dict[str, str]]:
    try:
        yield from reader
    except csv.Error as error:
        raise UnreadableTrace(f"line {reader.line_num}: {error}") from None


def _build(start: float, seconds: float, builder: str, where: str) -> Build:
    """A build with plausible times. Others would be computed for hours, or tell nothing."""
    if not (abs(start) < _LATEST and seconds <= _LONGEST):
        raise UnreadableTrace(
            f"{where}: start {start:g} is later than the year 3000 or long before 1970, or the duration of {seconds:g} "
            "seconds is longer than a year: give seconds, not milliseconds"
        )
    return Build(start, seconds, builder)


def _trace(builds: list[Build], unfinished: int) -> Trace:
    if not builds:
        raise UnreadableTrace("the trace has no finished build")
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
    found = ", ".join(filter(None, names)) or "no names of columns: is the first line empty?"
    raise UnreadableTrace(f"there is no column {wanted[0]!r} (or {', '.join(wanted[1:])}); found {found}")


def _start(text: str, where: str) -> tuple[float, bool]:
    """The start in seconds, and whether it was given as an ISO time."""
    try:
        return _number(text, where, "a start"), False
    except UnreadableTrace:
        try:
            # `fromisoformat` takes any long row of digits for a time.
            moment = datetime.fromisoformat("" if text.strip().isdigit() else text.strip())
            return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp(), True
        except (ValueError, OverflowError):
            raise UnreadableTrace(f"{where}: {text!r} is neither seconds nor an ISO time") from None


def _number(text: str, where: str, what: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise UnreadableTrace(f"{where}: {text!r} is not {what}")
    return value
