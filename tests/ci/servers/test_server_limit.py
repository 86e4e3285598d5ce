"""The limit of servers at the same time."""

from __future__ import annotations

from upcloud_sdk.ci import ServerLimit


def test_no_slot_is_given_beyond_the_limit() -> None:
    limit = ServerLimit()
    assert limit.reserve("a", 1)
    assert not limit.reserve("b", 1)
    assert not limit.has_room(1)


def test_each_holder_has_its_own_limit() -> None:
    limit = ServerLimit()
    assert limit.reserve("a", 1)
    assert limit.reserve("b", 2)
    assert limit.reserve("c", None)


def test_a_holder_gets_only_one_slot() -> None:
    limit = ServerLimit()
    assert limit.reserve("a", 1)
    assert limit.reserve("a", 1)
    assert limit.release("a")
    assert limit.has_room(1)


def test_the_next_free_slot_is_kept_for_the_waiting_holder() -> None:
    limit = ServerLimit()
    assert limit.reserve("build", 1)
    assert not limit.reserve("image", 1, waits=True)
    assert limit.is_awaited
    limit.release("build")
    assert not limit.has_room(1)
    assert not limit.reserve("another build", 1)
    assert limit.reserve("another build", 2)
    limit.release("another build")
    assert limit.reserve("image", 1)
    assert not limit.is_awaited


def test_a_holder_that_stops_waiting_keeps_no_slot() -> None:
    limit = ServerLimit()
    limit.reserve("build", 1)
    limit.reserve("image", 1, waits=True)
    limit.reserve("another image", 1, waits=True)
    limit.release("build")
    assert not limit.reserve("another image", 1)
    limit.release("image")
    assert limit.reserve("another image", 1)


def test_a_slot_that_is_moved_belongs_to_the_new_holder() -> None:
    limit = ServerLimit()
    limit.reserve("worker", 1)
    limit.hand_over("worker", "server")
    assert not limit.release("worker")
    assert not limit.has_room(1)
    assert limit.release("server")
    assert limit.has_room(1)
