"""The labels by which the SDK finds its resources."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from upcloud_sdk.models import Ownership
from upcloud_sdk.models.ownership import read_lease, write_lease

ENDS = datetime(2026, 11, 24, 9, 0, 0, tzinfo=UTC)


def test_the_keys_of_the_sdks_labels_do_not_change() -> None:
    ownership = Ownership(owner="ci", run="run1", attempt="attempt1", lease=ENDS)
    assert ownership.labels() == {
        "upcloud_sdk_owner": "ci",
        "upcloud_sdk_run": "run1",
        "upcloud_sdk_attempt": "attempt1",
        "upcloud_sdk_lease": "2026-11-24T09:00:00Z",
    }
    assert Ownership.read({**ownership.labels(), "env": "dev"}) == ownership


def test_a_resource_without_an_owner_has_no_labels_of_the_sdk() -> None:
    assert Ownership().labels() == {}
    assert Ownership.read({"env": "dev"}) == Ownership()


def test_a_lease_is_written_in_utc() -> None:
    assert write_lease(ENDS.astimezone(timezone(timedelta(hours=2)))) == "2026-11-24T09:00:00Z"


@pytest.mark.parametrize(
    "value",
    [None, "", "tomorrow", "2026-11-24", "2026-13-24T09:00:00Z", "2026-11-24T09:00:00+02:00", "2026-11-24T09:00:00Z "],
)
def test_an_unreadable_lease_is_none_and_does_not_count_as_ended(value: str | None) -> None:
    assert read_lease(value) is None
