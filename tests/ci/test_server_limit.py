"""Places for servers."""

from __future__ import annotations

from upcloud_sdk.ci import ServerLimit


def test_there_is_no_place_beyond_the_limit() -> None:
    limit = ServerLimit()
    assert limit.reserve("a", 1)
    assert not limit.reserve("b", 1)
    assert not limit.has_room(1)


def test_each_asks_by_its_own_limit() -> None:
    limit = ServerLimit()
    assert limit.reserve("a", 1)
    assert limit.reserve("b", 2)
    assert limit.reserve("c", None)


def test_a_holder_has_one_place_however_often_it_asks() -> None:
    limit = ServerLimit()
    assert limit.reserve("a", 1)
    assert limit.reserve("a", 1)
    assert limit.release("a")
    assert limit.has_room(1)


def test_a_place_that_is_handed_over_belongs_to_the_new_holder() -> None:
    limit = ServerLimit()
    limit.reserve("worker", 1)
    limit.hand_over("worker", "server")
    assert not limit.release("worker")
    assert not limit.has_room(1)
    assert limit.release("server")
    assert limit.has_room(1)
