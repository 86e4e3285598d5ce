"""A missing, null or invalid field in an answer leaves nothing behind.

Tests marked `full` run in `make cutpoints`.
"""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.moved_time import DEBIAN, MovedCloud, MovedTransport, server_spec
from tests.reliability.lives import Watched
from upcloud_sdk import StorageDeviceSpec, errors
from upcloud_sdk.simulator import after_seconds

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from upcloud_sdk import UpCloud

    Path = tuple[str | int, ...]

pytestmark = pytest.mark.anyio

TWO = (StorageDeviceSpec.clone(DEBIAN, size=25), StorageDeviceSpec.create(size=10))


class Edited(MovedTransport):
    """Changes the document of one answer."""

    number = -1
    """Number of the answer, counted from 0."""
    edit: Callable[[Any], object]

    def __init__(self, moved: MovedCloud) -> None:
        super().__init__(moved.sim, moved.clock)
        self.documents: list[Any] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        answer = await super().handle_async_request(request)
        number, document = len(self.documents), json.loads(answer.content or b"null")
        self.documents.append(document)
        if number != self.number:
            return answer
        document = copy.deepcopy(document)
        self.edit(document)
        headers = {"date": answer.headers["date"]}
        return httpx.Response(
            answer.status_code, headers=headers, content=json.dumps(document).encode(), request=request
        )


async def live(moved: MovedCloud, cloud: UpCloud) -> None:
    """A block in which a disk is detached and the lease is renewed."""
    async with cloud.servers.ephemeral(server_spec(storage_devices=TWO), lease=600) as server:
        path = f"/server/{server.uuid}/storage/detach"
        await cloud.request("POST", path, json={"storage_device": {"address": "virtio:1"}})
        await moved.later(700)


async def edited_life(number: int = -1, edit: Callable[[Any], object] = lambda _: None) -> list[Any]:
    """Check that a block with this answer changed leaves nothing. Returns the documents of its answers."""
    async with Watched.open(boot=after_seconds(3), stop_seconds=2) as watched:
        transport = Edited(watched.cloud)
        transport.number, transport.edit = number, edit
        async with watched.cloud.client(transport=transport) as cloud:
            try:
                await live(watched.cloud, cloud)
            except errors.UpCloudError as error:
                watched.refused.append(type(error).__name__)
        watched.check_empty()
        return transport.documents


def places(document: object, at: Path = ()) -> Iterator[Path]:
    """The paths of all fields in a document."""
    if at:
        yield at
    if isinstance(document, dict):
        for key, value in document.items():  # pyright: ignore[reportUnknownVariableType]  # of any document
            yield from places(value, (*at, str(key)))  # pyright: ignore[reportUnknownArgumentType]  # the same
    elif isinstance(document, list):
        for number, value in enumerate(document):  # pyright: ignore[reportUnknownVariableType,reportUnknownArgumentType]  # the same
            yield from places(value, (*at, number))  # pyright: ignore[reportUnknownArgumentType]  # the same


def without(place: Path) -> Callable[[Any], object]:
    def edit(document: Any) -> None:  # noqa: ANN401 - any document
        for key in place[:-1]:
            document = document[key]
        del document[place[-1]]

    return edit


def with_value(place: Path, value: object) -> Callable[[Any], object]:
    def edit(document: Any) -> None:  # noqa: ANN401 - any document
        for key in place[:-1]:
            document = document[key]
        document[place[-1]] = value

    return edit


DEVICES: Path = ("server", "storage_devices", "storage_device")


@pytest.mark.parametrize("place", [DEVICES[:2], (*DEVICES, 1), (*DEVICES, 1, "storage"), (*DEVICES, 1, "type")])
async def test_no_disk_is_left_if_the_answer_to_the_create_does_not_name_all_disks(place: Path) -> None:
    documents = await edited_life()
    number = next(number for number, document in enumerate(documents) if document and DEVICES[0] in document)
    await edited_life(number, without(place))


@pytest.mark.parametrize("value", [None, 7])
@pytest.mark.parametrize("field", ["type", "storage", "labels"])
async def test_a_device_with_an_odd_field_does_not_stop_a_destroy(field: str, value: object) -> None:
    documents = await edited_life()
    looks = [number for number, document in enumerate(documents) if document and DEVICES[0] in document]
    for number in looks:
        await edited_life(number, with_value((*DEVICES, 0, field), value))


@pytest.mark.full
@pytest.mark.parametrize("how", ["missing", "null", "odd"])
async def test_an_odd_field_in_any_answer_of_a_servers_life_leaves_nothing(how: str) -> None:
    for number, document in enumerate(await edited_life()):
        for place in places(document):
            if "labels" in place:
                continue  # A missing SDK label means that somebody kept the server.
            edit = without(place) if how == "missing" else with_value(place, None if how == "null" else {"odd": 7})
            try:
                await edited_life(number, edit)
            except Exception as error:
                error.add_note(f"answer {number} with {place} {how}")
                raise
