"""Storages, their copies and their backups."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.simulator.documents import DEBIAN_12, Document, refusal, running, stopped

if TYPE_CHECKING:
    import httpx

    from upcloud_sdk.simulator import ManualClock, Simulator

pytestmark = pytest.mark.anyio

RULE = {"interval": "daily", "time": "0430", "retention": "30"}


def request(**changes: object) -> dict[str, Any]:
    storage = {"size": "10", "tier": "maxiops", "title": "data", "zone": "fi-hel1"} | changes
    return {"storage": {key: value for key, value in storage.items() if value is not None}}


async def made(api: httpx.AsyncClient, **changes: object) -> str:
    answer = await api.post("/storage", json=request(**changes))
    assert answer.status_code == 201, answer.text
    uuid: str = answer.json()["storage"]["uuid"]
    return uuid


async def state(api: httpx.AsyncClient, uuid: str) -> str:
    found: str = (await api.get(f"/storage/{uuid}")).json()["storage"]["state"]
    return found


async def test_a_new_storage_is_online_immediately(api: httpx.AsyncClient) -> None:
    answer = await api.post("/storage", json=request(backup_rule=RULE, labels=[{"key": "team", "value": "a"}]))
    storage = answer.json()["storage"]
    assert answer.status_code == 201
    assert storage == {
        "access": "private",
        "backup_rule": {"interval": "daily", "time": "0430", "retention": "30"},
        "backups": {"backup": []},
        "created": "2026-01-01T00:00:00Z",
        "encrypted": "no",
        "labels": [{"key": "team", "value": "a"}],
        "license": 0,
        "servers": {"server": []},
        "size": 10,
        "state": "online",
        "tier": "maxiops",
        "title": "data",
        "type": "normal",
        "uuid": storage["uuid"],
        "zone": "fi-hel1",
    }
    assert storage["uuid"].startswith("01")


BAD: list[tuple[dict[str, Any], int, str]] = [
    ({"size": None}, 400, "SIZE_MISSING"),
    ({"size": 0}, 400, "SIZE_INVALID"),
    ({"size": 4097}, 400, "SIZE_INVALID"),
    ({"size": 10.5}, 400, "SIZE_INVALID"),
    ({"title": None}, 400, "STORAGE_TITLE_MISSING"),
    ({"title": "x" * 256}, 400, "STORAGE_TITLE_INVALID"),
    ({"zone": None}, 400, "ZONE_MISSING"),
    ({"zone": "mars-1"}, 404, "ZONE_NOT_FOUND"),
    ({"tier": "fast"}, 400, "TIER_INVALID"),
    ({"encrypted": True}, 400, "ENCRYPTED_INVALID"),
    ({"labels": {"label": []}}, 400, "LABELS_INVALID"),
    ({"labels": ["x"]}, 400, "LABELS_INVALID"),
    ({"colour": "red"}, 400, "UNKNOWN_ATTRIBUTE"),
    ({"backup_rule": "daily"}, 400, "BACKUP_RULE_INVALID"),
    ({"backup_rule": RULE | {"interval": "hourly"}}, 400, "INTERVAL_INVALID"),
    ({"backup_rule": RULE | {"interval": None}}, 400, "INTERVAL_MISSING"),
    ({"backup_rule": RULE | {"time": "0461"}}, 400, "HOUR_INVALID"),
    ({"backup_rule": RULE | {"time": None}}, 400, "HOUR_MISSING"),
    ({"backup_rule": RULE | {"retention": 1096}}, 400, "RETENTION_INVALID"),
]


@pytest.mark.parametrize(("changes", "status", "code"), BAD)
async def test_a_bad_storage_is_refused(
    api: httpx.AsyncClient, sim: Simulator, changes: dict[str, Any], status: int, code: str
) -> None:
    assert refusal(await api.post("/storage", json=request(**changes))) == (status, code)
    assert sim.storages == {}


@pytest.mark.parametrize(
    ("kind", "titles"),
    [
        ("private", {"data", "safe", "golden"}),
        ("normal", {"data"}),
        ("backup", {"safe"}),
        ("private/template", {"golden"}),
        ("favorite", {"data"}),
        ("private/normal/favorite", {"data"}),
    ],
)
async def test_storages_are_listed_by_kind(
    api: httpx.AsyncClient, clock: ManualClock, kind: str, titles: set[str]
) -> None:
    uuid = await made(api)
    await api.post(f"/storage/{uuid}/backup", json={"storage": {"title": "safe"}})
    clock.advance(5)
    await api.post(f"/storage/{uuid}/templatize", json={"storage": {"title": "golden"}})
    await api.post(f"/storage/{uuid}/favorite")
    listed = (await api.get(f"/storage/{kind}")).json()["storages"]["storage"]
    assert {storage["title"] for storage in listed} == titles


async def test_public_templates_have_no_zone_tier_or_date(api: httpx.AsyncClient, sim: Simulator) -> None:
    listed = (await api.get("/storage/template")).json()["storages"]["storage"]
    debian = next(storage for storage in listed if storage["uuid"] == DEBIAN_12)
    assert debian == {
        "access": "public",
        "encrypted": "no",
        "labels": [],
        "license": 0,
        "size": 10,
        "state": "online",
        "template_type": "cloud-init",
        "title": "Debian GNU/Linux 12 (Bookworm)",
        "type": "template",
        "uuid": DEBIAN_12,
    }
    assert sim.storages == {}


async def test_a_list_of_an_unknown_kind_is_refused(api: httpx.AsyncClient) -> None:
    assert refusal(await api.get("/storage/large")) == (400, "STORAGE_INVALID")


@pytest.mark.parametrize("call", ["PUT", "DELETE"])
async def test_a_public_storage_cannot_be_changed(api: httpx.AsyncClient, call: str) -> None:
    answer = await api.request(call, f"/storage/{DEBIAN_12}", json={"storage": {"title": "mine"}})
    assert refusal(answer) == (403, "STORAGE_FORBIDDEN")


async def test_a_storage_grows_but_does_not_shrink(api: httpx.AsyncClient) -> None:
    uuid = await made(api)
    answer = await api.put(f"/storage/{uuid}", json={"storage": {"size": 20, "title": "more"}})
    assert (answer.status_code, answer.json()["storage"]["size"]) == (202, 20)
    assert refusal(await api.put(f"/storage/{uuid}", json={"storage": {"size": 10}})) == (400, "SIZE_INVALID")


async def test_the_disk_of_a_running_server_cannot_grow(api: httpx.AsyncClient, clock: ManualClock) -> None:
    server = await running(api, clock)
    disk = server["storage_devices"]["storage_device"][0]["storage"]
    answer = await api.put(f"/storage/{disk}", json={"storage": {"size": 50}})
    assert refusal(answer) == (409, "SERVER_STATE_ILLEGAL")
    assert (await api.put(f"/storage/{disk}", json={"storage": {"title": "renamed"}})).status_code == 202


async def test_a_change_replaces_labels_but_keeps_the_systems_labels(
    api: httpx.AsyncClient, clock: ManualClock
) -> None:
    server = await stopped(api, clock)
    disk = server["storage_devices"]["storage_device"][0]["storage"]
    for labels in ([{"key": "a1", "value": "x"}], [{"key": "b2", "value": "y"}], []):
        answer = await api.put(f"/storage/{disk}", json={"storage": {"labels": labels}})
        found = answer.json()["storage"]["labels"]
        assert [label for label in found if not label["key"].startswith("_")] == labels
        assert {"key": "_template_uuid", "value": DEBIAN_12} in found


async def test_a_backup_rule_is_set_and_removed(api: httpx.AsyncClient) -> None:
    uuid = await made(api)
    for rule in (RULE, {}):
        answer = await api.put(f"/storage/{uuid}", json={"storage": {"backup_rule": rule}})
        assert answer.json()["storage"]["backup_rule"] == rule


async def test_a_clone_is_made_while_its_source_is_busy(api: httpx.AsyncClient, clock: ManualClock) -> None:
    source = await made(api)
    body = {"storage": {"zone": "fi-hel2", "title": "copy", "tier": "hdd"}}
    answer = await api.post(f"/storage/{source}/clone", json=body)
    copy = answer.json()["storage"]
    assert answer.status_code == 201
    assert (copy["state"], copy["progress"], copy["zone"], copy["tier"]) == ("maintenance", "0", "fi-hel2", "hdd")
    assert await state(api, source) == "cloning"
    clock.advance(0.5)
    assert (await api.get(f"/storage/{copy['uuid']}")).json()["storage"]["progress"] == "50"
    clock.advance(0.5)
    assert (await state(api, copy["uuid"]), await state(api, source)) == ("online", "online")
    assert "progress" not in (await api.get(f"/storage/{copy['uuid']}")).json()["storage"]


async def test_a_busy_storage_cannot_be_changed(api: httpx.AsyncClient) -> None:
    source = await made(api)
    body = {"storage": {"zone": "fi-hel1", "title": "copy"}}
    await api.post(f"/storage/{source}/clone", json=body)
    assert refusal(await api.post(f"/storage/{source}/clone", json=body)) == (409, "STORAGE_STATE_ILLEGAL")
    assert refusal(await api.delete(f"/storage/{source}")) == (409, "STORAGE_STATE_ILLEGAL")


async def test_a_cancelled_clone_is_deleted(api: httpx.AsyncClient, sim: Simulator, clock: ManualClock) -> None:
    source = await made(api)
    answer = await api.post(f"/storage/{source}/clone", json={"storage": {"zone": "fi-hel1", "title": "copy"}})
    copy = answer.json()["storage"]["uuid"]
    assert (await api.post(f"/storage/{copy}/cancel")).status_code == 204
    assert await state(api, source) == "online"
    clock.advance(5)
    assert list(sim.storages) == [source]
    assert refusal(await api.post(f"/storage/{source}/cancel")) == (409, "UNABLE_TO_CANCEL")


async def test_servers_can_be_created_from_a_private_template(api: httpx.AsyncClient, clock: ManualClock) -> None:
    source = await made(api)
    answer = await api.post(f"/storage/{source}/templatize", json={"storage": {"title": "golden"}})
    template = answer.json()["storage"]
    assert (template["type"], template["state"]) == ("template", "maintenance")
    assert "backup_rule" not in template
    clock.advance(5)
    disk = {"action": "clone", "storage": template["uuid"], "title": "os", "size": 12}
    server = await running(api, clock, storage_devices={"storage_device": [disk]}, metadata="no")
    assert server["storage_devices"]["storage_device"][0]["storage_size"] == 12


async def test_a_backup_knows_its_origin_and_can_be_restored(api: httpx.AsyncClient, clock: ManualClock) -> None:
    origin = await made(api)
    answer = await api.post(f"/storage/{origin}/backup", json={"storage": {"title": "safe"}})
    backup = answer.json()["storage"]
    assert (backup["type"], backup["origin"], backup["state"]) == ("backup", origin, "maintenance")
    assert not {"tier", "backup_rule", "backups"} & backup.keys()
    assert await state(api, origin) == "backuping"
    clock.advance(5)
    assert (await api.get(f"/storage/{origin}")).json()["storage"]["backups"] == {"backup": [backup["uuid"]]}
    assert (await api.post(f"/storage/{backup['uuid']}/restore")).status_code == 204
    assert await state(api, origin) == "maintenance"
    clock.advance(5)
    assert await state(api, origin) == "online"


async def test_only_a_backup_can_be_restored(api: httpx.AsyncClient) -> None:
    uuid = await made(api)
    assert refusal(await api.post(f"/storage/{uuid}/restore")) == (409, "STORAGE_TYPE_ILLEGAL")


@pytest.mark.parametrize(("policy", "left"), [("keep", 2), ("keep_latest", 1), ("delete", 0), (None, 2)])
async def test_a_delete_keeps_or_deletes_the_backups_as_requested(
    api: httpx.AsyncClient, sim: Simulator, clock: ManualClock, policy: str | None, left: int
) -> None:
    uuid = await made(api)
    backups: list[str] = []
    for title in ("first", "second"):
        answer = await api.post(f"/storage/{uuid}/backup", json={"storage": {"title": title}})
        backups.append(answer.json()["storage"]["uuid"])
        clock.advance(5)
    params = {} if policy is None else {"backups": policy}
    assert (await api.delete(f"/storage/{uuid}", params=params)).status_code == 204
    assert list(sim.storages) == backups[2 - left :]


async def test_an_attached_storage_cannot_be_deleted(api: httpx.AsyncClient, clock: ManualClock) -> None:
    server = await stopped(api, clock)
    disk = server["storage_devices"]["storage_device"][0]["storage"]
    assert refusal(await api.delete(f"/storage/{disk}")) == (409, "STORAGE_ATTACHED")


async def test_resizing_a_file_system_creates_a_backup(api: httpx.AsyncClient, clock: ManualClock) -> None:
    uuid = await made(api)
    answer = await api.post(f"/storage/{uuid}/resize", json={"UUID": uuid})
    backup = answer.json()["resize_backup"]
    assert answer.status_code == 200
    assert (backup["title"], backup["type"], backup["origin"]) == ("Resize Backup", "backup", uuid)
    assert await state(api, uuid) == "online"


async def test_favorites_are_idempotent(api: httpx.AsyncClient) -> None:
    for _ in range(2):
        assert (await api.post(f"/storage/{DEBIAN_12}/favorite")).status_code == 204
    listed = (await api.get("/storage/public/template/favorite")).json()["storages"]["storage"]
    assert [storage["uuid"] for storage in listed] == [DEBIAN_12]
    for _ in range(2):
        assert (await api.delete(f"/storage/{DEBIAN_12}/favorite")).status_code == 204
    assert (await api.get("/storage/favorite")).json() == {"storages": {"storage": []}}


@pytest.mark.parametrize(
    ("uuid", "expected"),
    [
        ("invalid", (400, "STORAGE_INVALID")),
        ("01ffffff-ffff-4fff-8fff-ffffffffffff", (404, "STORAGE_NOT_FOUND")),
    ],
)
async def test_an_unknown_or_malformed_uuid_of_a_storage_is_refused(
    api: httpx.AsyncClient, uuid: str, expected: tuple[int, str]
) -> None:
    answer = await api.get(f"/storage/{uuid}")
    assert refusal(answer) == expected
    if expected[0] == 404:
        assert answer.json()["error"]["error_message"] == f"The storage {uuid} does not exist."


@pytest.mark.parametrize("call", ["templatize", "backup", "resize"])
async def test_a_backup_can_only_be_cloned(api: httpx.AsyncClient, clock: ManualClock, call: str) -> None:
    origin = await made(api)
    answer = await api.post(f"/storage/{origin}/backup", json={"storage": {"title": "safe"}})
    clock.advance(5)
    backup = answer.json()["storage"]["uuid"]
    body: Document = {"storage": {"title": "x"}}
    assert refusal(await api.post(f"/storage/{backup}/{call}", json=body)) == (409, "STORAGE_TYPE_ILLEGAL")
    body["storage"]["zone"] = "fi-hel1"
    copy = await api.post(f"/storage/{backup}/clone", json=body)
    assert (copy.status_code, copy.json()["storage"]["type"]) == (201, "normal")


async def test_a_backup_without_its_origin_cannot_be_restored(api: httpx.AsyncClient, clock: ManualClock) -> None:
    origin = await made(api)
    answer = await api.post(f"/storage/{origin}/backup", json={"storage": {"title": "safe"}})
    clock.advance(5)
    await api.delete(f"/storage/{origin}")
    answer = await api.post(f"/storage/{answer.json()['storage']['uuid']}/restore")
    assert refusal(answer) == (404, "STORAGE_NOT_FOUND")


async def test_the_disk_of_a_server_with_a_simple_backup_cannot_have_a_backup_rule(
    api: httpx.AsyncClient, clock: ManualClock
) -> None:
    server = await running(api, clock, simple_backup="0430,dailies")
    disk = server["storage_devices"]["storage_device"][0]["storage"]
    answer = await api.put(f"/storage/{disk}", json={"storage": {"backup_rule": RULE}})
    assert refusal(answer) == (409, "BACKUP_RULE_CONFLICT")
