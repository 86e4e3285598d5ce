"""Each method of the client over the wire: its request, and its reading of the answer. The cases are in `cases`."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import pytest

from tests.sdk.cases import ALL, Case
from tests.sdk.sent import body, lines, requests

if TYPE_CHECKING:
    import respx

    from upcloud_sdk import UpCloud

OURS = {"upcloud_sdk_owner", "upcloud_sdk_run", "upcloud_sdk_attempt"}


def _split(document: object) -> tuple[object, set[str]]:
    """A document without the SDK's labels, and the keys of those labels."""
    if isinstance(document, dict):
        pairs = {key: _split(value) for key, value in cast("dict[str, object]", document).items()}
        return {key: value for key, (value, _) in pairs.items()}, {
            name for _, names in pairs.values() for name in names
        }
    if isinstance(document, list):
        entries = cast("list[object]", document)
        names = [name for entry in entries if (name := _label(entry)) in OURS]
        return [entry for entry in entries if _label(entry) not in OURS], set(names)
    return document, set()


def _label(entry: object) -> str:
    return str(cast("dict[str, object]", entry).get("key")) if isinstance(entry, dict) else ""


@pytest.mark.parametrize("case", ALL, ids=lambda case: case.id)
async def test_each_method_sends_its_request_and_reads_the_answer(
    api: respx.MockRouter, cloud: UpCloud, case: Case
) -> None:
    method, _, path = case.sends.partition(" ")
    route = api.route(method=method, path=path.partition("?")[0])
    route.respond(case.status, json=case.answer) if case.answer is not None else route.respond(case.status)

    came_back = await case.call(cloud)

    (request,) = requests(api)
    assert lines(api) == [case.sends]
    assert request.headers["authorization"].startswith("Bearer ")
    sent, ours = _split(body(request))
    assert sent == case.body
    assert ours == (OURS if case.owned else set())
    if case.checks_the_answer:
        assert case.look(came_back) == case.sees
