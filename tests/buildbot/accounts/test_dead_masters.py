"""When a silent master counts as dead."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from upcloud_sdk.buildbot.accounts.dead_masters import Held, Sighting, is_dead, silent

if TYPE_CHECKING:
    from upcloud_sdk.buildbot._buildbot.api import MasterRow

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
LIMIT = timedelta(minutes=10)
LONG_AGO, LATELY = NOW - timedelta(minutes=11), NOW - timedelta(minutes=9)


def row(name: str, *, active: bool, last_active: datetime | None) -> MasterRow:
    return {"name": name, "active": active, "last_active": last_active}


@pytest.mark.parametrize(
    ("master", "is_silent"),
    [
        (row("other", active=False, last_active=LONG_AGO), True),
        (row("other", active=True, last_active=LONG_AGO), False),
        (row("other", active=False, last_active=LATELY), False),
        (row("other", active=False, last_active=NOW - LIMIT), False),
        (row("other", active=False, last_active=None), False),
        (row("me", active=False, last_active=LONG_AGO), False),
    ],
    ids=["silent", "active", "just stopped", "at the limit", "never active", "myself"],
)
def test_a_master_is_silent_when_it_is_inactive_and_has_been_for_long(master: MasterRow, is_silent: bool) -> None:
    assert silent([master], me="me", now=NOW, limit=LIMIT) == ({"other": LONG_AGO} if is_silent else {})


SERVER, DISK = Held("server", NOW), Held("disk", NOW)
BEFORE = Sighting(0.0, LONG_AGO, frozenset({SERVER, DISK}))


@pytest.mark.parametrize(
    ("later", "dead"),
    [
        (Sighting(600.0, LONG_AGO, frozenset({SERVER, DISK})), True),
        (Sighting(600.0, LONG_AGO, frozenset({DISK})), True),
        (Sighting(599.0, LONG_AGO, frozenset({SERVER, DISK})), False),
        (Sighting(600.0, LATELY, frozenset({SERVER, DISK})), False),
        (Sighting(600.0, LONG_AGO, frozenset({SERVER, DISK, Held("new", NOW)})), False),
        (Sighting(600.0, LONG_AGO, frozenset({Held("server", NOW + LIMIT), DISK})), False),
    ],
    ids=["no sign", "somebody else reaps", "too early", "was active", "a new server", "a renewed lease"],
)
def test_a_silent_master_is_dead_when_there_was_no_sign_of_life_for_long(later: Sighting, dead: bool) -> None:
    assert is_dead(BEFORE, later, delay=LIMIT) is dead
