"""Replays of builds with policies."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st

from upcloud_sdk.placement import PaidHour
from upcloud_sdk.replay import Build, Policy, busy_hours, fewest_hours, most_at_once, play, usual_policies

if TYPE_CHECKING:
    from upcloud_sdk.billing import Anchor

EACH = Policy(name="each", idle=0.0)
TEN_MINUTES = Policy(name="ten minutes", idle=600.0)
HOUR = Policy(name="hour", idle=PaidHour(margin=120))

BUILDS = st.lists(
    st.builds(
        Build,
        start=st.integers(0, 20_000).map(float),
        seconds=st.integers(1, 8000).map(float),
        builder=st.sampled_from("ab"),
    ),
    min_size=1,
    max_size=25,
).map(lambda builds: sorted(builds, key=lambda build: build.start))


def builds(*starts_and_seconds: tuple[float, float]) -> list[Build]:
    return [Build(start, seconds, "linux") for start, seconds in starts_and_seconds]


def test_a_server_for_each_build_pays_an_hour_for_each() -> None:
    outcome = play(builds((0, 300), (1000, 300), (1100, 3590)), EACH)
    assert (outcome.servers, outcome.hours) == (3, 4), "the third boots for 45 s and runs into its second hour"
    assert outcome.waits == (45, 45, 45)


def test_a_paid_hour_is_used_for_the_builds_that_come_within_it() -> None:
    outcome = play(builds((0, 300), (1000, 300), (3000, 300)), HOUR)
    assert (outcome.servers, outcome.hours, outcome.waits) == (1, 1, (0, 0, 45))


def test_an_idle_server_goes_before_its_next_hour_begins() -> None:
    outcome = play(builds((0, 300), (3500, 300)), HOUR)
    assert (outcome.servers, outcome.hours) == (2, 2)


def test_a_build_that_runs_across_the_end_of_the_hour_makes_its_server_stay_through_the_next() -> None:
    outcome = play(builds((0, 300), (3400, 600), (7000, 60)), HOUR)
    assert (outcome.servers, outcome.hours) == (1, 2)


def test_an_idle_time_of_ten_minutes_ends_after_ten_minutes() -> None:
    assert play(builds((0, 300), (900, 300)), TEN_MINUTES).servers == 1
    assert play(builds((0, 300), (1000, 300)), TEN_MINUTES).servers == 2


def test_a_build_gets_the_best_fitting_of_two_warm_servers() -> None:
    lots = [Build(0, 10, "a"), Build(0, 1800, "b"), Build(100, 10, "a"), Build(2500, 10, "a"), Build(2600, 2000, "b")]
    outcome = play(lots, HOUR)
    assert outcome.servers == 2


def test_a_build_with_patience_takes_the_server_that_comes_free() -> None:
    patient = Policy(name="patient", idle=PaidHour(), patience=300)
    outcome = play(builds((0, 300), (200, 300)), patient)
    assert (outcome.servers, outcome.waits) == (1, (45, 145))


def test_patience_ends_and_is_not_used_if_no_server_is_up() -> None:
    patient = Policy(name="patient", idle=PaidHour(), patience=60)
    outcome = play(builds((0, 300), (200, 300)), patient)
    assert (outcome.servers, outcome.waits) == (2, (45, 105))


def test_concurrent_equal_builds_wait_separately() -> None:
    patient = Policy(name="patient", idle=PaidHour(), patience=1000)
    outcome = play(builds((0, 100), (10, 100), (10, 100)), patient)
    assert (outcome.servers, outcome.waits) == (1, (45, 135, 235))


def test_builds_beyond_the_workers_wait_for_their_turn() -> None:
    outcome = play(builds((0, 100), (0, 100), (0, 100)), EACH, workers=1)
    assert outcome.servers == 3
    assert outcome.waits == (45, 190, 335)


def test_a_fresh_disk_takes_its_time_after_each_build() -> None:
    fresh = Policy(name="fresh", idle=PaidHour(), refresh=60)
    assert play(builds((0, 100), (200, 100)), fresh).servers == 2
    assert play(builds((0, 100), (210, 100)), fresh).servers == 1


def test_random_choices_depend_only_on_the_seed() -> None:
    lots = builds(*((100.0 * number, 200.0) for number in range(50)))
    any_worker = Policy(name="any", idle=600.0, warm_first=False)
    one, same = (play(lots, any_worker, workers=8, boots=(33, 73, 133), seed=5) for _ in range(2))
    other = play(lots, any_worker, workers=8, boots=(33, 73, 133), seed=6)
    assert one == same
    assert one.waits != other.waits


def test_waits_are_reported_as_quantiles() -> None:
    outcome = play(builds((0, 100), (60, 10), (300, 100), (500, 100)), HOUR)
    assert list(outcome.waits) == [0, 0, 45, 45]
    assert [outcome.wait(share) for share in (0.5, 0.95, 1)] == [0, 45, 45]
    assert outcome.mean_wait == 22.5


@given(BUILDS, st.sampled_from(["create", "clock"]))
def test_no_policy_without_waiting_is_below_the_optimum(lots: list[Build], anchor: Anchor) -> None:
    hour = PaidHour(anchor=anchor)
    fewest = fewest_hours(lots, anchor=anchor)
    assert fewest >= busy_hours(lots) - 1e-6
    for policy in usual_policies(hour, patience=()):
        outcome = play(lots, policy, boots=(0.0,), anchor=anchor)
        assert outcome.hours >= fewest
        assert len(outcome.waits) == len(lots)
        assert set(outcome.waits) == {0}


@given(BUILDS, st.integers(1, 3), st.sampled_from([0.0, 60.0, 600.0]))
def test_each_build_runs_once_however_few_workers_there_are(lots: list[Build], workers: int, patience: float) -> None:
    for policy in usual_policies(PaidHour(), patience=(patience,)):
        outcome = play(lots, policy, workers=workers)
        assert len(outcome.waits) == len(lots)
        assert outcome.hours >= outcome.busy_hours
        assert min(outcome.waits) >= 0


def covers(lots: list[Build], begins: tuple[int, ...]) -> bool:
    moments = {int(build.start) for build in lots}
    moments |= {begin + 3600 for begin in begins}
    return all(
        sum(begin <= moment < begin + 3600 for begin in begins)
        >= sum(build.start <= moment < build.start + build.seconds for build in lots)
        for moment in moments
    )


@settings(max_examples=40)
@given(
    st.lists(
        st.builds(
            Build, start=st.sampled_from([0.0, 1200.0, 2400.0, 4800.0]), seconds=st.sampled_from([1200.0, 4800.0])
        ),
        min_size=1,
        max_size=4,
    )
)
def test_the_greedy_cover_is_the_smallest_cover(lots: list[Build]) -> None:
    """Compares with all covers by blocks that begin at any third of an hour."""
    fewest = fewest_hours(lots)
    slots = range(0, 9601, 1200)

    def least(begins: tuple[int, ...], left: int, first: int) -> bool:
        if covers(lots, begins):
            return True
        return left > 0 and any(least((*begins, slot), left - 1, slot) for slot in slots if slot >= first)

    assert least((), fewest, 0)
    assert not least((), fewest - 1, 0)


def test_with_the_anchor_clock_each_hour_costs_its_maximum_of_concurrent_builds() -> None:
    lots = builds((3000, 1200), (3300, 300), (3600, 100), (10_800, 3600))
    assert fewest_hours(lots, anchor="clock") == 2 + 2 + 1
    assert fewest_hours(lots) == 3


def test_a_build_that_ends_on_the_full_hour_costs_one_hour() -> None:
    assert fewest_hours(builds((0, 3600)), anchor="clock") == 1
    assert fewest_hours(builds((0, 3600), (3600, 3600)), anchor="clock") == 2
    assert fewest_hours(builds((0, 3600), (3600, 3600))) == 2
    assert fewest_hours(builds((0, 7201)), anchor="clock") == 3
    assert fewest_hours(builds((0, 7201))) == 3


def test_builds_at_once_are_counted_without_those_that_just_ended() -> None:
    assert most_at_once(builds((0, 100), (100, 100), (150, 10))) == 2


def test_idle_hours_are_those_in_which_no_build_ran() -> None:
    outcome = play(builds((0, 1800), (4000, 900)), HOUR)
    assert (outcome.hours, outcome.busy_hours, outcome.idle_hours) == (2, 0.75, 1.25)
