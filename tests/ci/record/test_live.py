"""The rows of running servers: the API's data joined with the record's."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from upcloud_sdk import ServerState
from upcloud_sdk._identity import run_id
from upcloud_sdk.ci import LeftDisk, LiveServer, LiveView, Phase, RecordedBuild, RecordedServer
from upcloud_sdk.models import ServerSummary, StorageSummary

if TYPE_CHECKING:
    from collections.abc import Mapping

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
MADE = NOW - timedelta(minutes=70)


def listed(
    uuid: str = "00aa",
    *,
    owner: str = "us",
    lease: timedelta | None = timedelta(minutes=30),
    **fields: Any,  # noqa: ANN401 - the model's
) -> ServerSummary:
    labels = {"upcloud_sdk_owner": owner, "upcloud_sdk_run": "r"}
    if lease is not None:
        labels["upcloud_sdk_lease"] = (NOW + lease).strftime("%Y-%m-%dT%H:%M:%SZ")
    values: dict[str, Any] = {
        "title": "buildbot-one",
        "zone": "fi-hel1",
        "plan": "p",
        "created": MADE,
        "state": "started",
    }
    pairs = {"label": [{"key": key, "value": value} for key, value in labels.items()]}
    return ServerSummary.model_validate({"uuid": uuid, "labels": pairs, **values, **fields})


def record(uuid: str | None = "00aa", **fields: Any) -> RecordedServer:  # noqa: ANN401 - the record's
    values: dict[str, Any] = {
        "phase": Phase.BUILDING,
        "seen": MADE,
        "worker": "one",
        "master": "here",
        "owner": "us",
        "created": MADE,
        "asked": MADE,
    }
    return RecordedServer(id=f"record of {uuid}", uuid=uuid, **{**values, **fields})


def view(
    *found: ServerSummary | StorageSummary,
    up: tuple[RecordedServer, ...] = (),
    masters: Mapping[str, str] | None = None,
    **options: Any,  # noqa: ANN401 - handed on
) -> LiveView:
    servers = [each for each in found if isinstance(each, ServerSummary)]
    disks = [each for each in found if isinstance(each, StorageSummary)]
    return LiveView.of(servers, disks, up, at=NOW, master_of=lambda owner: (masters or {}).get(owner, ""), **options)


def row(*servers: ServerSummary, **options: Any) -> LiveServer:  # noqa: ANN401 - handed on
    [found] = view(*servers, **options).servers
    return found


def disk_row(*disks: StorageSummary, **options: Any) -> LeftDisk:  # noqa: ANN401 - handed on
    [found] = view(*disks, **options).disks
    return found


def test_a_server_of_this_master_has_what_the_api_and_what_the_record_say() -> None:
    builds = (
        RecordedBuild(server="a", build="1", began=MADE, ended=NOW),
        RecordedBuild(server="a", build="2", builder="tests", number=7, began=NOW),
    )
    ours = record(builds=builds, hourly=20_000, currency="EUR")
    found = row(listed(state="maintenance", progress=40), up=(ours,))
    assert (found.state, found.api_state, found.progress) == ("building", ServerState.MAINTENANCE, 40)
    assert (found.worker, found.master, found.held_by, found.reaped_by) == ("one", "here", "this master", None)
    assert found.build == builds[1]
    assert found.age == 70 * 60
    assert found.paid_until == MADE + timedelta(hours=2)
    assert (found.hourly, found.cost, found.currency) == (Decimal("0.02"), Decimal("0.04"), "EUR")


def test_a_server_that_is_not_made_yet_has_a_row_and_so_has_one_that_the_list_lacks() -> None:
    found = view(up=(record(None, phase=Phase.ASKED, created=None), record("00bb"))).servers
    assert {each.api_state for each in found} == {None}
    assert [(each.uuid, each.state, each.api_state) for each in found] == [
        ("00bb", "building", None),
        (None, "asked", None),
    ]
    assert found[1].age is None


def test_a_server_of_another_master_is_held_by_it_as_long_as_its_lease_lasts() -> None:
    found = row(listed(owner="them"), masters={"them": "there"})
    assert (found.held_by, found.master, found.worker, found.reaped_by) == ("another master", "there", "", None)
    assert found.lease_ends == NOW + timedelta(minutes=30)


def test_a_server_whose_lease_has_ended_is_held_by_nobody_and_reaped_in_the_next_round() -> None:
    found = row(listed(owner="them", lease=timedelta(hours=-1)))
    assert (found.held_by, found.reaped_by) == ("nobody", NOW + timedelta(seconds=300))


def test_a_server_of_an_earlier_run_of_this_master_is_held_by_nobody() -> None:
    before = record(hourly=20_000)
    found = row(listed(), exclusive=["us"], earlier=[before])
    assert (found.held_by, found.worker, found.master) == ("nobody", "one", "here")
    assert found.reaped_by == NOW + timedelta(minutes=30, seconds=60 + 300)
    assert found.build is None
    assert found.cost == Decimal("0.04")


def test_a_server_that_this_master_could_not_destroy_is_held_by_nobody() -> None:
    found = row(listed(), up=(record(phase=Phase.NOT_DESTROYED),))
    assert (found.held_by, found.state) == ("nobody", "not destroyed")
    assert found.reaped_by is not None


def test_the_end_of_an_unreadable_lease_is_not_known() -> None:
    found = row(listed(lease=None), exclusive=["us"])
    assert (found.held_by, found.reaped_by, found.lease_ends) == ("nobody", None, None)


def test_the_age_of_a_server_is_never_negative() -> None:
    found = row(listed(created=NOW + timedelta(hours=1)))
    assert found.age == 0
    assert found.paid_until == NOW + timedelta(hours=2)


def test_the_oldest_server_is_first() -> None:
    servers = [listed("00bb", created=NOW), listed("00aa", created=MADE)]
    assert [found.uuid for found in view(*servers).servers] == ["00aa", "00bb"]


# --- disks that are left over -----------------------------------------------------------------------------------------


def orphaned(*, owner: str = "us", run: str = "r", lease: timedelta | None = timedelta(hours=-1)) -> StorageSummary:
    labels = {"upcloud_sdk_owner": owner, "upcloud_sdk_run": run}
    labels["upcloud_sdk_lease"] = "soon" if lease is None else (NOW + lease).strftime("%Y-%m-%dT%H:%M:%SZ")
    return StorageSummary.model_validate(
        {
            "uuid": "01dd",
            "title": "buildbot-one-os",
            "zone": "fi-hel1",
            "size": 25,
            "state": "online",
            "type": "normal",
            "labels": [{"key": key, "value": value} for key, value in labels.items()],
        }
    )


def test_a_disk_whose_lease_has_ended_is_left_over_and_deleted_in_the_next_round() -> None:
    disk = disk_row(orphaned(owner="them"), masters={"them": "there"})
    assert (disk.uuid, disk.master, disk.reaped_by) == ("01dd", "there", NOW + timedelta(seconds=300))
    assert str(disk) == "disk of 25 GB in fi-hel1: online, held by nobody, deleted by 12:05 UTC, 01dd"


def test_a_disk_whose_lease_lasts_is_left_over_only_if_an_earlier_run_of_this_master_made_it() -> None:
    disk, ours = orphaned(lease=timedelta(minutes=30)), orphaned(lease=timedelta(minutes=30), run=run_id())
    assert view(disk).disks == view(ours, exclusive=["us"]).disks == ()
    found = disk_row(disk, exclusive=["us"])
    assert found.reaped_by == NOW + timedelta(minutes=30, seconds=60 + 300)


def test_a_disk_of_a_server_that_this_master_destroys_is_not_left_over_yet() -> None:
    assert view(orphaned(), up=(record(phase=Phase.STOPPING, disks=("01dd",)),)).disks == ()


def test_a_disk_of_a_server_in_the_record_has_its_worker() -> None:
    disk = disk_row(orphaned(), up=(record(phase=Phase.NOT_DESTROYED, disks=("01dd",)),))
    assert (disk.worker, disk.master) == ("one", "here")
    disk = disk_row(orphaned(), earlier=[record(phase=Phase.BUILDING, disks=("01dd",))])
    assert (disk.worker, disk.master) == ("one", "here")


def test_the_deletion_time_of_a_disk_with_an_unreadable_lease_is_not_known() -> None:
    disk = disk_row(orphaned(lease=None), exclusive=["us"])
    assert disk.reaped_by is None


def test_a_view_has_the_servers_and_disks_of_masters_whether_or_not_their_names_are_known() -> None:
    masters = {"us": "here", "others": ""}
    servers = [listed(uuid, owner=uuid) for uuid in ("us", "others", "a-script")]
    disks = [orphaned(owner=uuid) for uuid in ("us", "a-script")]
    seen = LiveView.of(servers, disks, (), at=NOW, master_of=masters.get, problems=["one list is missing"])
    assert {(row.owner, row.master) for row in seen.servers} == {("us", "here"), ("others", "")}
    assert [row.owner for row in seen.disks] == ["us"]
    assert (seen.at, seen.problems) == (NOW, ("one list is missing",))


def no_name(_: str) -> None:
    """No owner is a master's."""


def test_while_the_api_does_not_answer_what_the_record_knows_to_be_up_is_shown() -> None:
    before, theirs = record("00aa", phase=Phase.IDLE), record("00bb", owner="them", master="there")
    ended = record("00cc", phase=Phase.GONE, gone=NOW)
    seen = LiveView.of(
        [], [], (), at=NOW, earlier=[before, theirs, ended], exclusive=["us"], master_of=no_name, problems=["away"]
    )
    assert {row.uuid: row.held_by for row in seen.servers} == {"00aa": "nobody", "00bb": "another master"}
    assert LiveView.of([], [], (), at=NOW, earlier=[before], master_of=no_name).servers == ()
