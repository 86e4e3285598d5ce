"""All decisions of a destroy, as a table."""

from __future__ import annotations

from typing import Any

import pytest

from upcloud_sdk.fleet.destroy.destroy_steps import GONE, UNKNOWN, UNSEEN, Seen, Step, Wanted, decide

DISK, OTHER = frozenset({"disk"}), frozenset({"other"})
STOPPING: dict[str, Any] = {"stop_sent": True, "stop_is_due": False}
GUARD: dict[str, Any] = {"reads_first": True}
THEIRS: dict[str, Any] = {"is_ours": False}
NONE: dict[str, Any] = {"storages": "none"}
ALL: dict[str, Any] = {"storages": "all"}

TABLE: list[tuple[str, dict[str, Any], dict[str, Any], Step]] = [
    # state, other known facts, wanted, next step
    (UNSEEN, {}, {}, Step.STOP),
    (UNSEEN, {}, GUARD, Step.READ),
    (UNSEEN, {}, STOPPING, Step.READ),
    (UNKNOWN, {}, {}, Step.PAUSE),
    (UNKNOWN, {}, GUARD, Step.PAUSE),
    ("started", {}, {}, Step.STOP),
    ("started", {}, STOPPING, Step.WAIT),
    ("started", {}, {"stop_sent": True, "stop_is_due": True}, Step.STOP),
    ("maintenance", {}, {}, Step.WAIT),
    ("maintenance", {}, STOPPING, Step.WAIT),
    # Somebody kept or took it.
    ("started", THEIRS, GUARD, Step.SPARE),
    ("stopped", THEIRS, GUARD, Step.SPARE),
    ("maintenance", THEIRS, GUARD, Step.SPARE),
    ("started", THEIRS, GUARD | STOPPING, Step.WAIT),
    ("maintenance", THEIRS, GUARD | STOPPING, Step.WAIT),
    ("stopped", THEIRS, GUARD | STOPPING, Step.START_AGAIN),
    ("started", THEIRS, GUARD | STOPPING | {"stop_is_over": True}, Step.SPARE),
    ("maintenance", THEIRS, GUARD | STOPPING | {"stop_is_over": True}, Step.WAIT),
    ("stopped", THEIRS, GUARD | STOPPING | {"stop_is_over": True}, Step.START_AGAIN),
    # The server may be deleted.
    ("stopped", {"attached": {"disk": True}}, {}, Step.DELETE_ALL),
    ("error", {"attached": {"disk": True}}, {}, Step.DELETE_ALL),
    ("a state of tomorrow", {"attached": {"disk": True}}, {}, Step.DELETE_ALL),
    ("stopped", {"attached": {"disk": True, "other": False}}, {}, Step.DELETE_SERVER),
    ("stopped", {"attached": {"other": False}}, {}, Step.DELETE_SERVER),
    ("stopped", {"attached": {}}, {}, Step.DELETE_SERVER),
    ("stopped", {"attached": None}, {}, Step.DELETE_SERVER),
    ("stopped", {"attached": {"other": False}}, ALL, Step.DELETE_ALL),
    ("stopped", {}, NONE, Step.FIND_DISKS),
    ("stopped", {"made": DISK, "leased": DISK}, NONE, Step.RELEASE_DISKS),
    ("stopped", {"made": DISK}, NONE, Step.DELETE_SERVER),
    ("stopped", {"has_attempt": False}, NONE, Step.DELETE_SERVER),
    # The server is gone.
    (GONE, {"has_attempt": False}, {}, Step.DONE),
    (GONE, {}, {}, Step.FIND_DISKS),
    (GONE, {}, ALL, Step.FIND_DISKS),
    (GONE, {}, NONE, Step.FIND_DISKS),
    (GONE, {"made": DISK}, {}, Step.DELETE_DISKS),
    (GONE, {"made": DISK | OTHER, "deleted": DISK}, {}, Step.DELETE_DISKS),
    (GONE, {"made": DISK, "deleted": DISK | OTHER}, {}, Step.DONE),
    (GONE, {"made": frozenset()}, {}, Step.DONE),
    (GONE, {"made": DISK, "leased": DISK}, NONE, Step.RELEASE_DISKS),
    (GONE, {"made": DISK}, NONE, Step.DONE),
    (GONE, THEIRS, GUARD, Step.FIND_DISKS),
]


@pytest.mark.parametrize(("state", "seen", "wanted", "step"), TABLE)
def test_the_next_step_follows_from_the_known_facts(
    state: str, seen: dict[str, Any], wanted: dict[str, Any], step: Step
) -> None:
    assert decide(Seen(state=state, **seen), Wanted(**wanted)) is step


def test_the_table_has_each_step() -> None:
    assert {row[3] for row in TABLE} == set(Step)
