"""Invalid input is refused with an explanation, before anything is sent."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.moved_time import MovedCloud, server_spec
from upcloud_sdk import Token, UpCloud, WaitPolicy
from upcloud_sdk.errors import ConfigError

pytestmark = pytest.mark.anyio

UUID = "00000000-0000-4000-8000-000000000000"


async def _enter(cloud: UpCloud, **options: Any) -> None:  # noqa: ANN401 - those of ephemeral
    async with cloud.servers.ephemeral(server_spec(), **options):
        raise AssertionError("refused")


Call = Callable[[UpCloud], Awaitable[object]]

CASES: list[tuple[str, Call, type[Exception], str]] = [
    ("a lease of 5 s", lambda c: c.servers.create(server_spec(), lease=5), ValueError, "too short to renew"),
    ("a lease below zero", lambda c: c.servers.create(server_spec(), lease=-1), ValueError, "give 60 s or more"),
    ("no number as a lease", lambda c: c.servers.create(server_spec(), lease=math.nan), ValueError, "give 60 s"),
    ("a lease of an age", lambda c: c.leases.take(UUID, 1e12), ValueError, "at most ten years"),
    ("an endless lease", lambda c: c.servers.create(server_spec(), lease=math.inf), ValueError, "no lease"),
    ("a short lease of a block", lambda c: _enter(c, lease=59.9), ValueError, "too short to renew"),
    ("words as a lease", lambda c: c.servers.create(server_spec(), lease="1h"), TypeError, "lease is '1h': .* seconds"),  # type: ignore[arg-type]  # on purpose
    ("words as a time", lambda c: _enter(c, timeout="5m"), TypeError, "timeout is '5m': give a number of seconds"),
    (
        "words as a time to wait",
        lambda c: c.servers.wait_for_state(UUID, "started", timeout="60"),  # type: ignore[arg-type]  # on purpose
        TypeError,
        "timeout is '60': give a number of seconds",
    ),
    ("no time for a block", lambda c: _enter(c, timeout=0), ValueError, "timeout is 0: it must be above 0"),
    ("no time to clean up", lambda c: _enter(c, cleanup_timeout=-1), ValueError, "cleanup_timeout is -1"),
    ("a short lease that is taken", lambda c: c.leases.take(UUID, 1), ValueError, "too short to renew"),
    ("a lease on nothing", lambda c: c.leases.take("", 600), ValueError, "uuid is empty"),
    ("an end to no lease", lambda c: c.leases.keep(""), ValueError, "uuid is empty"),
    ("no specs", lambda c: c.servers.create([]), ValueError, "empty: give at least one"),
    ("a spec that is none", lambda c: c.servers.create([{}]), TypeError, "not a ServerSpec"),  # type: ignore[list-item]  # on purpose
    ("a generator of specs", lambda c: c.servers.create(server_spec() for _ in "a"), TypeError, "list or tuple"),  # type: ignore[arg-type]  # on purpose
    ("destroy of nothing", lambda c: c.servers.destroy(""), ValueError, "uuid is empty"),
    (
        "disks by a wrong word",
        lambda c: c.servers.destroy(UUID, storages="keep"),  # type: ignore[arg-type]  # on purpose
        ValueError,
        "storages is 'keep': write one of created, all, none",
    ),
    (
        "backups by a wrong word",
        lambda c: c.servers.destroy(UUID, backups="none"),  # type: ignore[arg-type]  # on purpose
        ValueError,
        "backups is 'none': write one of keep, keep_latest, delete",
    ),
    (
        "a stop by a wrong word",
        lambda c: c.servers.destroy(UUID, stop_type="softly"),  # type: ignore[arg-type]  # on purpose
        ValueError,
        "stop_type is 'softly': write one of soft, hard",
    ),
    ("destroy of something else", lambda c: c.servers.destroy(c), TypeError, "uuid must be text .*not UpCloud"),  # type: ignore[arg-type]  # on purpose
    ("no time to destroy", lambda c: c.servers.destroy(UUID, timeout=0), ValueError, "timeout is 0"),
    ("a grace below zero", lambda c: c.leases.reap(grace=-0.1), ValueError, "grace is -0.1: .* 0 or more"),
    ("no number as a grace", lambda c: c.leases.reap(grace=math.nan), ValueError, "grace is nan"),
    ("exclusive for others", lambda c: c.leases.reap("b", exclusive=True), ValueError, "only a client of that owner"),
    ("a reaper without pause", lambda c: c.leases.reap_forever(every=0), ValueError, "every is 0"),
    ("a reaper below zero", lambda c: c.leases.reap_forever(grace=-1), ValueError, "grace is -1"),
    ("an owner too long", lambda c: c.leases.reap("x" * 256), ConfigError, "255 printable characters"),
    ("an owner of two lines", lambda c: c.leases.list("a\nb"), ConfigError, "255 printable characters"),
    ("no owner", lambda c: c.leases.list(" "), ConfigError, "owner is empty"),
]


@pytest.mark.parametrize(("call", "error", "words"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
async def test_bad_input_is_refused_and_nothing_is_sent(
    moved: MovedCloud, call: Call, error: type[Exception], words: str
) -> None:
    async with moved.client() as cloud:
        with pytest.raises(error, match=words):
            await call(cloud)
    assert moved.requests() == []


@pytest.mark.parametrize("owner", ["", "  ", "x" * 256, "a\nb", "a\0b"])
def test_an_owner_that_is_not_a_valid_label_is_refused(owner: str) -> None:
    with pytest.raises(ConfigError, match="owner"):
        UpCloud(Token("ucat_x"), owner=owner)


@pytest.mark.parametrize("owner", ["a", "x" * 255, "ci@build-1", "Jenkins / Å"])
def test_an_owner_that_is_a_valid_label_is_accepted(owner: str) -> None:
    assert UpCloud(Token("ucat_x"), owner=owner).owner == owner


@pytest.mark.parametrize(
    ("pace", "words"),
    [
        ({"pause": -1}, "0 or more"),
        ({"search_timeout": -1}, "0 or more"),
        ({"growth": 0.5}, "growth must be 1 or more"),
    ],
    ids=str,
)
def test_an_invalid_wait_policy_is_refused(pace: dict[str, float], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        WaitPolicy(**pace)  # type: ignore[arg-type]  # numbers for numbers
