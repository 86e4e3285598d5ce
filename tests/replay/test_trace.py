"""Reading builds from a CSV, or from Buildbot's answers."""

from __future__ import annotations

import pytest

from upcloud_sdk.replay import Build, UnreadableTrace, builds_of_buildbot, read_csv


def read(text: str) -> tuple[Build, ...]:
    return read_csv(text.splitlines(keepends=True)).builds


def test_builds_come_in_the_order_in_which_they_began() -> None:
    assert read("start,seconds,builder\n50,1.5,b\n20,100,a\n") == (Build(20, 100, "a"), Build(50, 1.5, "b"))


def test_columns_have_their_usual_names_in_any_order() -> None:
    text = "job;Duration;conclusion;started_s;workflow\nlint;4;success;0;Static checks\n"
    assert read(text) == (Build(0, 4, "Static checks / lint"),)


def test_a_byte_order_mark_before_the_first_column_is_ignored() -> None:
    assert read("\ufeffstart,seconds,builder\n1,2,a\n") == (Build(1, 2, "a"),)


def test_a_builder_may_be_missing() -> None:
    assert read("started_at\tseconds\n7\t8\n") == (Build(7, 8, ""),)


def test_times_in_different_zones_are_comparable() -> None:
    text = "start,seconds\n2026-11-25T12:00:00+02:00,9\n2026-11-25T10:00:00Z,8\n2026-11-25 10:00:00,7\n"
    assert {build.start for build in read(text)} == {1795600800.0}


def test_builds_may_overlap_and_days_may_have_none() -> None:
    assert len(read("start,seconds\n0,5000\n10,5000\n900000,1\n")) == 3


def test_a_build_without_a_duration_is_left_out_and_reported() -> None:
    trace = read_csv(["start,seconds,builder\n", "1,,a\n", "2,5,a\n"])
    assert trace.builds == (Build(2, 5, "a"),)
    assert trace.notes == ("1 builds without a duration are left out",)


def test_a_build_of_zero_seconds_counts_as_one_second_and_is_reported() -> None:
    trace = read_csv(["start,seconds\n", "1,0\n"])
    assert trace.builds == (Build(1, 1),)
    assert trace.notes == ("1 builds of less than a second count as one second",)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "there is no column 'start' .*; found no names of columns: is the first line empty"),
        ("start,builder\n1,a\n", "there is no column 'seconds' .or duration, duration_s.; found start, builder"),
        ("start,seconds\n", "no finished build"),
        ("start,seconds\n1,\n", "no finished build"),
        ("start,seconds\n1,5\n2,-1\n", "line 3: the duration is negative: -1 seconds"),
        ("start,seconds\n1,soon\n", "line 2: 'soon' is not a duration"),
        ("start,seconds\n1,inf\n", "line 2: 'inf' is not a duration"),
        ("start,seconds\n,5\n", "line 2: '' is neither seconds nor an ISO time"),
        ("start,seconds\nyesterday,5\n", "line 2: 'yesterday' is neither seconds nor an ISO time"),
        ("start,seconds\n1,5\n2026-11-25,5\n", "line 3: start times must be all ISO times or all numbers"),
        ("start,seconds\n1,1e300\n", "line 2: .* longer than a year: give seconds, not milliseconds"),
        ("start,seconds\n1700000000000,5\n", "line 2: start 1.7e.12 is later than the year 3000"),
        (f"start,seconds,builder\n1,2,{'x' * 200_000}\n", "field larger than field limit"),
    ],
)
def test_the_error_for_an_unreadable_value_has_its_line(text: str, reason: str) -> None:
    with pytest.raises(UnreadableTrace, match=reason):
        read(text)


def test_the_builds_of_a_buildbot_have_their_builders_names() -> None:
    builds: list[dict[str, int | None]] = [
        {"builderid": 1, "started_at": 100, "complete_at": 160},
        {"builderid": 9, "started_at": 50, "complete_at": 60},
        {"builderid": 1, "started_at": 170, "complete_at": None},
    ]
    trace = builds_of_buildbot(builds, [{"builderid": 1, "name": "linux"}])
    assert trace.builds == (Build(50, 10, "9"), Build(100, 60, "linux"))
    assert trace.notes == ("1 builds without a duration are left out",)


def test_answers_that_are_not_buildbots_are_refused() -> None:
    with pytest.raises(UnreadableTrace, match="not an answer of Buildbot's REST API"):
        builds_of_buildbot([{"id": 1, "builder": "linux"}], [{"builderid": 1, "name": "linux"}])


@pytest.mark.parametrize("moment", [float("nan"), float("inf"), 1e300])
def test_a_build_of_a_buildbot_with_an_impossible_time_is_named(moment: float) -> None:
    builds = [{"buildid": 7, "builderid": 1, "started_at": 1.0, "complete_at": moment}]
    with pytest.raises(UnreadableTrace, match="build 7: "):
        builds_of_buildbot(builds, [])
