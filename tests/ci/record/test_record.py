"""The record of servers in a database: what is told is kept, whatever happens to the database or to the process."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from tests.buildbot.processes import eventually
from tests.ci.record.lives import CENT, asked, at, change, claim, life
from upcloud_sdk.ci.record import record as module
from upcloud_sdk.ci.record import store, tables
from upcloud_sdk.ci.record.changes import Phase
from upcloud_sdk.ci.record.claims import Limits, Refused
from upcloud_sdk.ci.record.database import RecordProblem

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from upcloud_sdk.ci.record.record import Record
    from upcloud_sdk.ci.record.recorded import RecordedServer

    Opened = Callable[..., Record]

WAIT = 30.0


def file_of(url: str) -> Path:
    return Path(url.removeprefix("sqlite:///"))


def rows(record: Record) -> dict[str, RecordedServer]:
    def all_of(connection: sa.Connection) -> list[RecordedServer]:
        return store.read(connection, set(connection.execute(sa.select(tables.servers.c.id)).scalars()))

    return {server.id: server for server in record.ask(all_of).result(WAIT)}


def test_a_server_is_read_as_it_was_told(opened: Opened, url: str) -> None:
    record = opened(url)
    for each in life("a", image="Debian", disks=("d",)):
        record.tell(each)
    server = rows(record)["a"]
    assert (server.phase, server.uuid, server.worker, server.image, server.disks) == (
        Phase.GONE,
        "uuid-a",
        "w",
        "Debian",
        ("d",),
    )
    assert (server.asked, server.started, server.stopping, server.gone) == (at(0), at(1), at(89), at(90))
    assert [(each.build, each.began, each.ended, each.result) for each in server.builds] == [
        ("1", at(0), at(89), "success")
    ]


def test_a_server_that_is_gone_has_its_hours_and_its_cost(opened: Opened, url: str) -> None:
    record = opened(url)
    for each in life("a", hourly=10 * CENT):
        record.tell(each)
    row = record.ask(lambda connection: connection.execute(sa.select(tables.servers)).one()).result(WAIT)
    paid = record.ask(lambda connection: connection.execute(sa.select(tables.paid)).one()).result(WAIT)
    assert (row.hours, row.cost) == (2, 20 * CENT)
    assert (paid.hours, paid.cost, paid.used, paid.currency) == (2, 20 * CENT, 89 * 60, "EUR")


def test_the_view_knows_what_was_told_before_it_is_written(opened: Opened, sqlite: str) -> None:
    record = opened(sqlite)
    record.tell(asked("a"))
    assert [server.id for server in record.view.servers] == ["a"]
    record.tell(change("a", 1, Phase.GONE))
    assert record.view.servers == ()


def test_a_change_that_is_told_twice_counts_once(opened: Opened, url: str) -> None:
    record = opened(url)
    for each in [*life("a"), *life("a")]:
        record.tell(each)
    server = rows(record)["a"]
    assert server.gone == at(90)
    assert len(server.builds) == 1


def test_the_servers_of_an_earlier_process_are_in_the_view(opened: Opened, url: str) -> None:
    first = opened(url)
    first.tell(asked("a"))
    assert first.close(WAIT)
    second = opened(url)
    second.flush(WAIT)
    assert [server.id for server in second.view.servers] == ["a"]
    assert not second.view.own


def test_the_reaper_ends_a_server_of_any_process_by_its_uuid(opened: Opened, url: str) -> None:
    first = opened(url)
    for each in life("a")[:2]:
        first.tell(each)
    first.close(WAIT)
    second = opened(url)
    second.flush(WAIT)
    second.reaped("uuid-a", at(150))
    assert second.view.servers == ()
    server = rows(second)["a"]
    assert server.gone == at(150)
    assert second.ask(lambda c: c.execute(sa.select(tables.servers.c.hours)).scalar_one()).result(WAIT) == 3


def test_what_an_earlier_process_left_is_put_right_against_the_list_of_the_api(opened: Opened, url: str) -> None:
    first = opened(url)
    for key in ("listed", "not listed", "not made"):
        first.tell(asked(key))
    for key in ("listed", "not listed"):
        first.tell(change(key, 1, Phase.MADE, uuid=f"uuid-{key}", created=at(0)))
    first.tell(asked("of another", master="other"))
    first.tell(asked("of another account", owner="other"))
    first.close(WAIT)
    second = opened(url)
    second.tell(asked("new", 100))
    left = {server.id: server for server in second.left("m", "o", at(100)).result(WAIT)}
    assert left.keys() == {"listed", "not listed", "not made"}
    for key in ("not listed", "not made"):
        second.note_gone(left[key], at(100))
    found = rows(second)
    assert {key for key, server in found.items() if server.gone is not None} == {"not listed", "not made"}
    # Its lease ended an hour after it was last heard of, at the latest.
    assert found["not listed"].gone == at(61)
    assert found["not made"].gone == at(0)


def test_a_record_of_a_newer_version_is_refused(opened: Opened, url: str) -> None:
    first = opened(url)
    first.tell(asked("a"))
    first.close(WAIT)
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        connection.execute(tables.record.update().values(version=tables.VERSION + 1))
    engine.dispose()
    second = opened(url)
    second.tell(asked("b"))
    assert not second.flush(WAIT)
    assert second.problem is not None
    assert "was written by a newer version of upcloud-sdk" in second.problem
    with pytest.raises(RecordProblem, match="newer version"):
        rows(second)


def test_a_table_that_an_older_record_lacks_is_made_when_it_is_opened(opened: Opened, url: str) -> None:
    first = opened(url)
    first.tell(asked("a"))
    first.close(WAIT)
    engine = sa.create_engine(url)
    tables.queue.drop(engine)
    engine.dispose()
    second = opened(url, is_shared=True)
    limits = Limits(max_servers=2)
    assert second.claim(claim("b", limits=limits)).result(WAIT) is None
    assert second.problem is None
    assert set(rows(second)) == {"a", "b"}
    assert queued(second) == 0


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("mysql://user:secret@host/db", "is not supported: it is one of SQLAlchemy"),
        ("sqlite://", "names no file"),
        ("upcloud.sqlite", "is not the URL of a database"),
        ("postgresql+asyncpg://user:secret@host/db", "is not supported"),
    ],
)
def test_other_databases_are_refused_with_a_sentence_without_the_password(text: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem) as refused:
        module.Record(text)
    assert "secret" not in str(refused.value)


def test_two_processes_that_open_a_new_record_at_once_make_one(opened: Opened, url: str) -> None:
    records = [opened(url) for _ in range(4)]
    threads = [threading.Thread(target=record.tell, args=(asked(str(n)),)) for n, record in enumerate(records)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(record.flush(WAIT) for record in records)
    assert len(rows(records[0])) == 4


def test_what_is_gone_for_400_days_is_forgotten(opened: Opened, url: str) -> None:
    first = opened(url)
    for each in life("old", begin=-420 * 24 * 60, end=-420 * 24 * 60 + 20):
        first.tell(each)
    for each in (*life("recent", begin=-300 * 24 * 60, end=-300 * 24 * 60 + 20), *life("new", end=20)):
        first.tell(each)
    first.close(WAIT)
    second = opened(url)
    second.flush(WAIT)
    assert set(rows(second)) == {"recent", "new"}
    assert (
        second.ask(lambda c: c.execute(sa.select(sa.func.count()).select_from(tables.paid)).scalar_one()).result() == 2
    )


def test_a_clock_that_is_years_ahead_forgets_nothing(opened: Opened, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    first = opened(url)
    for each in life("a"):
        first.tell(each)
    first.close(WAIT)
    ahead = time.time() + 3 * 366 * 24 * 3600
    monkeypatch.setattr(time, "time", lambda: ahead)
    second = opened(url)
    assert second.flush(WAIT)
    assert set(rows(second)) == {"a"}


# --- a database that is away ------------------------------------------------------------------------------------------


def test_what_happens_while_the_database_is_away_is_written_when_it_is_back(opened: Opened, tmp_path: Path) -> None:
    folder = tmp_path / "not there yet"
    record = opened(f"sqlite:///{folder}/upcloud.sqlite", retry_after=3600)
    for each in life("a"):
        record.tell(each)
    assert not record.flush(WAIT)
    assert record.problem is not None
    assert str(folder) in record.problem
    folder.mkdir()
    assert record.flush(WAIT)
    assert rows(record)["a"].gone == at(90)


def test_what_does_not_fit_into_memory_is_counted_and_said(
    opened: Opened, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_WAITING", 3)
    folder = tmp_path / "not there yet"
    record = opened(f"sqlite:///{folder}/upcloud.sqlite", retry_after=3600)
    record.tell(asked("a"))
    assert not record.flush(WAIT)
    for number in range(5):
        record.tell(asked(f"b{number}"))
    assert record.dropped == 3
    folder.mkdir()
    assert record.flush(WAIT)
    # What is up is known, so its row is written whole.
    assert set(rows(record)) == {"a", *(f"b{number}" for number in range(5))}


def test_a_change_that_the_database_can_never_hold_does_not_keep_the_others(opened: Opened, url: str) -> None:
    record = opened(url)
    record.tell(asked("a"))
    record.tell(asked("bad", number=2**70))
    record.tell(asked("b", error="with a NUL: \0"))
    assert record.flush(WAIT)
    assert set(rows(record)) == {"a", "b"}
    assert record.dropped == 1


def test_a_deleted_file_is_made_anew_with_the_servers_that_are_up(opened: Opened, sqlite: str) -> None:
    record = opened(sqlite)
    for each in life("gone"):
        record.tell(each)
    record.tell(asked("up"))
    assert record.flush(WAIT)
    for file in file_of(sqlite).parent.glob("upcloud.sqlite*"):
        file.unlink()
    # Of another one, since a change is written with all that is known of its own server.
    record.tell(asked("next"))
    assert record.flush(WAIT)
    assert set(rows(record)) == {"up", "next"}
    assert record.lost is not None
    assert "was deleted or replaced" in record.lost


def test_a_file_that_is_no_database_is_a_problem_and_nothing_is_lost(opened: Opened, sqlite: str) -> None:
    file_of(sqlite).write_bytes(b"no database" * 1000)
    record = opened(sqlite, retry_after=3600)
    record.tell(asked("a"))
    assert not record.flush(WAIT)
    assert record.problem is not None
    assert "not a database" in record.problem
    file_of(sqlite).unlink()
    assert record.flush(WAIT)
    assert set(rows(record)) == {"a"}


def test_a_database_that_another_process_holds_is_waited_for(opened: Opened, sqlite: str) -> None:
    record = opened(sqlite, retry_after=3600)
    record.tell(asked("a"))
    assert record.flush(WAIT)
    other = sqlite3.connect(file_of(sqlite), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    record.tell(asked("b"))
    assert [server.id for server in record.view.servers] == ["a", "b"]
    other.execute("COMMIT")
    other.close()
    assert record.flush(WAIT)


@pytest.mark.skipif(not hasattr(signal, "SIGXFSZ"), reason="wants Linux: `make test` runs it there")
def test_a_full_disk_loses_nothing(tmp_path: Path) -> None:
    program = """
import resource, signal, sys
from tests.buildbot.processes import eventually
from tests.ci.record.lives import claim, life
from upcloud_sdk.ci.record.claims import Limits
from upcloud_sdk.ci.record.record import Record
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
record = Record(sys.argv[1], retry_after=3600)
for each in life("before"):
    record.tell(each)
assert record.flush(30)
_, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (1, hard))
for number in range(300):
    for each in life(f"while full {number}"):
        record.tell(each)
assert not record.flush(30)
print(record.problem)
one = Limits(max_servers=1)
assert record.claim(claim("claimed while full", limits=one)).result(30) is None
assert record.claim(claim("refused", limits=one)).result(30).limit == "max_servers"
shared = Record(sys.argv[1], is_shared=True, retry_after=3600)
assert shared.claim(claim("shared", limits=Limits(max_servers=9))).result(30).limit == "record"
assert shared.claim(claim("without a limit")).result(30) is None
resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
for each in (record, shared):
    assert each.flush(30) and each.problem is None and each.dropped == 0
    assert each.close(30)
"""
    url = f"sqlite:///{tmp_path}/upcloud.sqlite"
    done = subprocess.run(
        [sys.executable, "-c", program, url], check=False, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert "upcloud.sqlite" in done.stdout
    with sqlite3.connect(tmp_path / "upcloud.sqlite") as database:
        assert database.execute("SELECT count(*) FROM upcloud_servers WHERE phase = 'gone'").fetchone() == (301,)
        up = database.execute("SELECT id FROM upcloud_servers WHERE phase = 'asked' ORDER BY id").fetchall()
        assert up == [("claimed while full",), ("without a limit",)]


_FULL = """
CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    RAISE EXCEPTION 'could not extend file "base/5/1": No space left on device' USING ERRCODE = 'disk_full';
END $$;
CREATE TRIGGER full_disk BEFORE INSERT OR UPDATE OR DELETE ON upcloud_servers EXECUTE FUNCTION full_disk()
"""


def test_a_full_disk_of_postgresql_loses_nothing_and_nothing_new_is_made_under_a_limit(
    opened: Opened, cluster: str
) -> None:
    record = opened(cluster, is_shared=True, retry_after=3600)
    for each in life("before"):
        record.tell(each)
    limits = Limits(max_servers=9)
    assert record.claim(claim("up", limits=limits)).result(WAIT) is None
    engine = sa.create_engine(cluster)
    with engine.begin() as connection:
        connection.execute(sa.text(_FULL))
    for number in range(300):
        for each in life(f"while full {number}"):
            record.tell(each)
    record.tell(change("up", 1, Phase.MADE, uuid="uuid-up", created=at(0)))
    assert not record.flush(WAIT)
    assert "No space left on device" in str(record.problem)
    assert "nothing new is made" in str(record.claim(claim("refused", limits=limits)).result(WAIT))
    assert record.claim(claim("without a limit")).result(WAIT) is None
    with engine.begin() as connection:
        connection.execute(sa.text("DROP FUNCTION full_disk CASCADE"))
    engine.dispose()
    assert record.flush(WAIT)
    assert (record.problem, record.dropped) == (None, 0)
    assert record.claim(claim("after", limits=limits)).result(WAIT) is None
    found = rows(record)
    assert sum(server.gone is not None for server in found.values()) == 301
    up = {key: server.uuid for key, server in found.items() if server.is_open}
    assert up == {"up": "uuid-up", "without a limit": None, "after": None}
    _empty(cluster)


# --- claims -----------------------------------------------------------------------------------------------------------


def test_a_claim_is_in_the_record_before_it_is_answered(opened: Opened, url: str) -> None:
    record, other = opened(url), opened(url)
    assert record.claim(claim("a")).result(WAIT) is None
    assert set(rows(other)) == {"a"}


def test_a_claim_counts_what_other_processes_have_claimed(opened: Opened, url: str) -> None:
    record, other = opened(url, is_shared=True), opened(url, is_shared=True)
    # From now on, its view does not know the claim that follows.
    assert other.flush(WAIT)
    limits = Limits(max_servers=1)
    assert record.claim(claim("a", limits=limits)).result(WAIT) is None
    refused = other.claim(claim("b", limits=limits)).result(WAIT)
    assert refused is not None
    assert refused.limit == "max_servers"
    # The view knows better from now on.
    assert other.refusal(claim("c", limits=limits)) is not None


def test_claims_of_many_threads_and_records_never_exceed_a_limit(opened: Opened, url: str) -> None:
    records = [opened(url, is_shared=True) for _ in range(2)]
    limits = Limits(max_servers=5, per_hour=35 * CENT)
    futures = [
        record.claim(claim(f"{number}-{turn}", limits=limits))
        for turn in range(10)
        for number, record in enumerate(records)
    ]
    assert sum(future.result(WAIT) is None for future in futures) == 3


def test_a_refused_claim_leaves_nothing(opened: Opened, url: str) -> None:
    record = opened(url)
    limits = Limits(per_hour=5 * CENT)
    assert record.claim(claim("a", limits=limits)).result(WAIT) is not None
    assert rows(record) == {}
    assert record.view.servers == ()


def test_the_month_counts_what_is_gone_and_what_is_up(opened: Opened, url: str) -> None:
    record = opened(url)
    for each in life("gone", hourly=10 * CENT):  # two hours
        record.tell(each)
    for each in life("up", hourly=10 * CENT)[:2]:  # the second hour has begun
        record.tell(each)
    assert record.claim(claim("a", 61, limits=Limits(per_month=50 * CENT))).result(WAIT) is None
    refused = record.claim(claim("b", 61, limits=Limits(per_month=59 * CENT))).result(WAIT)
    assert refused is not None
    assert (refused.limit, refused.spent, refused.wanted) == ("per_month", 50 * CENT, 10 * CENT)
    assert refused.claimed == 10 * CENT


def test_the_bill_counts_once_for_what_is_claimed_after_it(opened: Opened, url: str) -> None:
    record = opened(url)
    limits = Limits(per_month=100 * CENT, billed=85 * CENT)
    assert record.claim(claim("a", limits=limits)).result(WAIT) is None
    refused = record.claim(claim("b", limits=limits)).result(WAIT)
    assert refused is not None
    assert refused.spent == 95 * CENT


def test_what_the_record_has_does_not_count_by_the_bill_too(opened: Opened, url: str) -> None:
    record = opened(url)
    for each in life("gone", hourly=10 * CENT):  # two hours
        record.tell(each)
    refused = record.claim(claim("a", 91, limits=Limits(per_month=30 * CENT, billed=25 * CENT))).result(WAIT)
    assert refused is not None
    assert refused.spent == 25 * CENT


def test_a_listed_server_whose_create_is_not_answered_yet_counts_once(opened: Opened, url: str) -> None:
    record = opened(url)
    limits = Limits(max_servers=2, listed={"uuid-a": 10 * CENT})
    assert record.claim(claim("a", limits=limits)).result(WAIT) is None
    assert record.claim(claim("b", limits=limits)).result(WAIT) is None


def test_a_listed_server_counts_unless_it_is_in_the_record(opened: Opened, url: str) -> None:
    record = opened(url)
    for each in life("a")[:2]:
        record.tell(each)
    limits = Limits(max_servers=3, listed={"uuid-a": 10 * CENT, "uuid-of-a-script": 10 * CENT})
    assert record.refusal(claim("b", limits=limits)) is None
    assert record.claim(claim("b", limits=limits)).result(WAIT) is None
    refused = record.claim(claim("c", limits=limits, owner="another")).result(WAIT)
    assert refused is not None
    assert refused.spent == 3


def test_while_the_database_is_away_the_view_holds_the_limits(opened: Opened, tmp_path: Path) -> None:
    record = opened(f"sqlite:///{tmp_path}/not there/upcloud.sqlite", retry_after=3600)
    limits = Limits(max_servers=1)
    assert record.claim(claim("a", limits=limits)).result(WAIT) is None
    refused = record.claim(claim("b", limits=limits)).result(WAIT)
    assert refused is not None
    assert refused.limit == "max_servers"
    (tmp_path / "not there").mkdir()
    assert record.flush(WAIT)
    assert set(rows(record)) == {"a"}


def test_while_a_shared_database_is_away_nothing_is_made_under_a_limit(opened: Opened, tmp_path: Path) -> None:
    record = opened(f"sqlite:///{tmp_path}/not there/upcloud.sqlite", is_shared=True, retry_after=3600)
    refused = record.claim(claim("a", limits=Limits(max_servers=9))).result(WAIT)
    assert refused is not None
    assert "nothing new is made" in str(refused)
    assert record.claim(claim("b")).result(WAIT) is None


def test_a_slot_that_another_process_frees_is_seen_while_something_waits(opened: Opened, url: str) -> None:
    first = opened(url, is_shared=True)
    second = opened(url, is_shared=True, refresh_every=0.01)
    limits = Limits(max_servers=1)
    assert first.claim(claim("a", limits=limits)).result(WAIT) is None
    assert second.claim(claim("b", limits=limits)).result(WAIT) is not None
    freed = threading.Event()
    second.freed = freed.set
    second.watch(second.refusal(claim("b", limits=limits)))
    first.tell(change("a", 1, Phase.GONE))
    assert freed.wait(WAIT)
    assert second.refusal(claim("b", limits=limits)) is None


def test_who_has_waited_for_longer_gets_the_slot_that_another_process_frees(opened: Opened, url: str) -> None:
    busy, waiting = (opened(url, is_shared=True, refresh_every=0.01) for _ in range(2))
    limits = Limits(max_servers=1)
    assert busy.claim(claim("a", limits=limits)).result(WAIT) is None
    refused = waiting.claim(claim("b", limits=limits)).result(WAIT)
    waiting.watch(refused)
    eventually("its turn", lambda: queued(waiting))
    busy.tell(change("a", 1, Phase.GONE))
    # It was quicker, but knows now that it has to wait.
    assert busy.claim(claim("c", limits=limits)).result(WAIT) is not None
    assert busy.refusal(claim("c", limits=limits)) is not None
    # Other limits have another room.
    assert busy.refusal(claim("c", limits=Limits(max_servers=2))) is None
    waiting.watch(None)
    assert waiting.claim(claim("b", limits=limits)).result(WAIT) is None
    assert queued(waiting) == 0


def test_who_waits_no_more_does_not_keep_the_slot(opened: Opened, url: str) -> None:
    other, waiting = (opened(url, is_shared=True, refresh_every=0.01) for _ in range(2))
    limits = Limits(per_hour=10 * CENT)
    assert other.claim(claim("a", limits=limits)).result(WAIT) is None
    waiting.watch(waiting.claim(claim("b", limits=limits)).result(WAIT))
    eventually("its turn", lambda: queued(waiting))
    other.tell(change("a", 1, Phase.GONE))
    refused = other.claim(claim("c", limits=limits)).result(WAIT)
    assert refused is not None
    freed = threading.Event()
    other.freed = freed.set
    other.watch(refused)
    waiting.watch(None)
    assert freed.wait(WAIT)
    assert other.claim(claim("c", limits=limits)).result(WAIT) is None


def test_who_died_while_it_waited_keeps_the_slot_for_half_a_minute_only(opened: Opened, url: str) -> None:
    other, waiting = (opened(url, is_shared=True, refresh_every=0.01) for _ in range(2))
    limits = Limits(max_servers=1)
    waiting.watch(Refused(limit="max_servers", allowed=1))
    waiting.flush(WAIT)
    eventually("its turn", lambda: queued(waiting))
    waiting.close(WAIT)
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        seen = connection.execute(sa.select(tables.queue.c.seen)).scalar_one()
        connection.execute(tables.queue.update().values(seen=seen - timedelta(seconds=31)))
    engine.dispose()
    assert other.claim(claim("a", limits=limits)).result(WAIT) is None


def queued(record: Record) -> int:
    count = sa.select(sa.func.count()).select_from(tables.queue)
    return record.ask(lambda connection: connection.execute(count).scalar_one()).result(WAIT)


def test_a_process_that_waits_for_its_month_lets_others_make_servers(opened: Opened, url: str) -> None:
    other, waiting = (opened(url, is_shared=True, refresh_every=0.01) for _ in range(2))
    waiting.watch(Refused(limit="per_month", allowed=100 * CENT, spent=95 * CENT, wanted=10 * CENT))
    waiting.flush(WAIT)
    assert queued(waiting) == 0
    limits = Limits(per_month=100 * CENT)
    assert other.claim(claim("a", limits=limits)).result(WAIT) is None


def test_a_closed_record_answers_a_claim(opened: Opened, sqlite: str) -> None:
    record = opened(sqlite)
    record.close(WAIT)
    with pytest.raises(RecordProblem, match="closed"):
        record.claim(claim("a")).result(WAIT)


# --- kills ------------------------------------------------------------------------------------------------------------

_KILLED = """
import os, signal, sys
import sqlalchemy as sa
from tests.buildbot.processes import eventually
from tests.ci.record.lives import claim, life
from upcloud_sdk.ci.record.claims import Limits
from upcloud_sdk.ci.record.record import Record

def live(url, number, said):
    left = number

    def count(*_):
        nonlocal left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    sa.event.listen(sa.Engine, "before_cursor_execute", count)
    sa.event.listen(sa.Engine, "commit", count)
    record = Record(url)
    assert record.flush(30)
    assert record.claim(claim("s", limits=Limits(max_servers=5, per_month=10**9))).result(30) is None
    os.write(said, b"claimed\\n")
    for change in life("s")[1:]:
        record.tell(change)
        assert record.flush(30)
        os.write(said, f"{getattr(change, 'phase', None) or 'build'}\\n".encode())
    record.close(30)
    os.write(said, b"end\\n")

url, folder, number = sys.argv[1], sys.argv[2], int(sys.argv[3])
said = os.open(f"{folder}/said", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
while True:
    child = os.fork()
    if child == 0:
        live(url, number, said)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    os.write(1, f"{number} {os.waitstatus_to_exitcode(status)}\\n".encode())
    if sys.stdin.readline() == "":
        break
    os.ftruncate(said, 0)
    os.lseek(said, 0, os.SEEK_SET)
    number += 1
"""


_IN_MID_CLAIM = """
import os, sys, time
import sqlalchemy as sa
from tests.ci.record.lives import claim
from upcloud_sdk.ci.record import database
from upcloud_sdk.ci.record.claims import Limits
from upcloud_sdk.ci.record.record import Record

url, moment = sys.argv[1:]
database._IDLE_SECONDS = 1
record = Record(url, is_shared=True)
limits = Limits(max_servers=2)
assert record.claim(claim("first", limits=limits)).result(30) is None

def stay(*_):
    os.write(1, b"in mid-claim\\n")
    time.sleep(600)

# A connection is given back after its commit.
sa.event.listen(*((sa.Engine, "commit") if moment == "before its commit" else (sa.pool.Pool, "checkin")), stay)
record.claim(claim("second", limits=limits)).result(600)
"""


@contextmanager
def in_mid_claim(url: str, moment: str) -> Generator[subprocess.Popen[str]]:
    """A process that has claimed `first`, and is about to commit the claim of `second`, or has just done so."""
    command = [sys.executable, "-c", _IN_MID_CLAIM, url, moment]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as other:
        try:
            assert other.stdout is not None
            assert other.stdout.readline() == "in mid-claim\n"
            yield other
        finally:
            other.kill()


@pytest.mark.parametrize(("moment", "counted"), [("before its commit", 1), ("after its commit", 2)])
def test_a_process_that_is_killed_in_mid_claim_counts_what_it_committed_and_lets_the_others_go_on(
    opened: Opened, url: str, moment: str, counted: int
) -> None:
    record = opened(url, is_shared=True)
    assert record.flush(WAIT)
    with in_mid_claim(url, moment) as other:
        # The first of them may wait for the lock of the killed one.
        claims = [record.claim(claim(str(number), limits=Limits(max_servers=2))) for number in range(3)]
        other.kill()
        other.wait()
        assert [each.result(WAIT) is None for each in claims] == [number < 2 - counted for number in range(3)]
    assert set(rows(record)) == {"first", *(["second"] if counted == 2 else ["0"])}
    assert record.problem is None


def test_a_process_that_freezes_in_mid_claim_lets_the_others_go_on(opened: Opened, cluster: str) -> None:
    record = opened(cluster, is_shared=True)
    limits = Limits(max_servers=2)
    with in_mid_claim(cluster, "before its commit") as other:
        other.send_signal(signal.SIGSTOP)
        # The database ends the transaction of the other one before this one has waited for too long.
        assert record.claim(claim("0", limits=limits)).result(WAIT) is None
        assert record.claim(claim("1", limits=limits)).result(WAIT) is not None
    assert set(rows(record)) == {"first", "0"}
    _empty(cluster)


@pytest.mark.full
@pytest.mark.skipif(not hasattr(os, "fork"), reason="wants Linux: `make test-multimaster` runs it there")
def test_whatever_write_it_is_killed_at_nothing_that_was_committed_is_lost(
    opened: Opened, url: str, tmp_path: Path
) -> None:
    command = [sys.executable, "-c", _KILLED, url, str(tmp_path), "1"]
    killed = 0
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as lives:
        assert lives.stdin is not None
        assert lives.stdout is not None
        for line in lives.stdout:
            told = (tmp_path / "said").read_text().splitlines()
            if "end" in told:
                break
            assert line.split()[1] == str(-signal.SIGKILL)
            killed += 1
            record = opened(url)
            _check_after_kill(record, told)
            _empty(url)
            lives.stdin.write("next\n")
            lives.stdin.flush()
        lives.stdin.close()
    assert killed > 30


def _check_after_kill(record: Record, told: list[str]) -> None:
    assert record.flush(WAIT)
    found = rows(record)
    assert "claimed" not in told or found.keys() == {"s"}
    phases = [Phase(phase) for phase in told if phase not in {"claimed", "build"}]
    for server in found.values():
        order = list(Phase)
        assert not phases or order.index(server.phase) >= order.index(phases[-1])
        assert (server.gone is not None) or Phase.GONE not in phases
    # The next process puts it right.
    left = record.left("m", "o", at(90)).result(WAIT)
    assert len(left) == sum(server.is_open for server in found.values())
    for server in left:
        record.note_gone(server, at(90))
    assert all(server.gone is not None for server in rows(record).values())
    record.close(WAIT)


def _empty(url: str) -> None:
    engine = sa.create_engine(url)
    tables.metadata.drop_all(engine)
    engine.dispose()


def test_how_limits_stand_can_be_asked_without_changing_what_is_counted(opened: Opened, sqlite: str) -> None:
    record = opened(sqlite)
    billed = claim("x", limits=Limits(max_servers=5, per_hour=CENT * 50, per_month=CENT * 500, billed=50 * CENT))
    assert record.refusal(billed) is None
    for each in life("a", end=30):
        record.tell(each)
    assert record.flush(30)
    unbilled = claim("y", limits=Limits(per_month=CENT * 500))
    before = record.standings(billed)
    assert [(each.limit, each.spent) for each in before] == [
        ("max_servers", 0),
        ("per_hour", 0),
        ("per_month", 60 * CENT),
    ]
    assert [each.spent for each in record.standings(unbilled)] == [10 * CENT]
    assert record.refusal(billed) is None
    assert record.standings(billed) == before
    assert record.standings(claim("z")) == []
