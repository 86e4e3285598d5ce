"""The SDK against UpCloud's contract of its API. `exceptions.json` lists the differences with their reasons."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.contract.contract import NO_CONTRACT, Operation, contract, operation_of, operations, request_problems
from tests.contract.made import variants
from tests.docs.endpoints import endpoints
from tests.percentages import compared
from tests.sdk.cases import ALL, Case
from tests.sdk.cases.case import DISK
from tests.sdk.cases.storages import IMPORT
from tests.sdk.clock import AutojumpClock
from upcloud_sdk import RetryPolicy, Token, UpCloud, WaitPolicy, errors

if TYPE_CHECKING:
    from collections.abc import Mapping

pytestmark = [pytest.mark.anyio, pytest.mark.skipif(contract() is None, reason=NO_CONTRACT)]

EXCEPTIONS: Mapping[str, Mapping[str, str]] = json.loads((Path(__file__).parent / "exceptions.json").read_text("utf-8"))
"""Kinds of exceptions: a regular expression for the text, and the reason."""


@pytest.fixture
def anyio_backend() -> str:
    """One event loop is enough: requests and answers do not depend on it."""
    return "asyncio"


def is_excepted(kind: str, text: str) -> bool:
    """Whether a difference from the contract is a known exception."""
    return any(re.search(pattern, text) for pattern in EXCEPTIONS[kind])


# --- operations -------------------------------------------------------------------------------------------------------


def _plain(name: str) -> str:
    return re.sub(r"\{[^}]+\}", "{}", name.replace("ip-address", "ip_address").replace("{year}-{month}", "{month}"))


def test_each_operation_of_the_contract_has_a_method(request: pytest.FixtureRequest) -> None:
    methods = {_plain(each.name) for each in endpoints()}
    kinds = {
        "GET /storage/" + kind for kind in ("backup", "cdrom", "favorite", "normal", "private", "public", "template")
    }
    without = [each.name for each in operations() if _plain(each.name) not in methods | kinds]
    compared(request.node, "operations of the contract", alike=len(operations()) - len(without), all=len(operations()))
    assert [name for name in without if not is_excepted("operations", name)] == []
    assert len(operations()) == 167


# --- requests ---------------------------------------------------------------------------------------------------------


class Recorder(httpx.AsyncBaseTransport):
    """Answers as a case says, and stores the first request."""

    def __init__(self, status: int, document: Any) -> None:  # noqa: ANN401 - any JSON document
        self._status, self._content = status, b"" if document is None else json.dumps(document).encode()
        self.requests: list[httpx.Request] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        return httpx.Response(self._status, content=self._content, headers={"content-type": "application/json"})


async def sent_requests(case: Case, status: int, document: Any) -> list[httpx.Request]:  # noqa: ANN401 - any JSON document
    recorder = Recorder(status, document)
    waits = WaitPolicy(clock=AutojumpClock(), search_timeout=0)
    async with UpCloud(Token("ucat_x"), transport=recorder, retry=RetryPolicy(attempts=1), waits=waits) as cloud:
        await case.call(cloud)
    return recorder.requests


def operation_of_case(case: Case) -> Operation | None:
    method, _, path = case.sends.partition(" ")
    return operation_of(method, path.partition("?")[0])


IN_CONTRACT = [case for case in ALL if contract() is not None and operation_of_case(case) is not None]
IMPORT_URL = Case(
    call=lambda c: c.storages.import_url(DISK, "https://example.com/disk.raw"),
    sends=f"POST /storage/{DISK}/import",
    answer={"storage_import": {**IMPORT["storage_import"], "state": "completed"}},
)
"""It waits for the end of the import, so the answer must show it."""
REQUESTS = [*IN_CONTRACT, IMPORT_URL] if contract() is not None else []


@pytest.mark.parametrize("case", REQUESTS, ids=lambda case: case.id)
async def test_each_request_fits_the_contract(case: Case, request: pytest.FixtureRequest) -> None:
    sent = (await sent_requests(case, case.status, case.answer))[0]
    operation = operation_of_case(case)
    assert operation is not None
    body = json.loads(sent.content) if sent.content else None
    found = [f"{operation.name} {problem}" for problem in request_problems(operation, sent.url.query.decode(), body)]
    unknown = [problem for problem in found if not is_excepted("requests", problem)]
    if len(found) == len(unknown):
        compared(request.node, "requests of the SDK", alike=int(not unknown), all=1)
    assert unknown == []


# --- answers ----------------------------------------------------------------------------------------------------------


def _of_operations() -> list[Any]:
    """One case for each operation whose answer has a document."""
    found = {
        operation.name: case for case in reversed(IN_CONTRACT) if (operation := operation_of_case(case)) is not None
    }
    return [pytest.param(name, case, id=name) for name, case in sorted(found.items())]


@pytest.mark.parametrize(("name", "case"), _of_operations())
async def test_answers_that_are_generated_from_the_contract_can_be_read(
    name: str, case: Case, request: pytest.FixtureRequest
) -> None:
    operation = next(each for each in operations() if each.name == name)
    unread: list[str] = []
    number = 0
    for status, schema in operation.answers():
        for document in variants(schema) if schema is not None else ():
            number += 1
            try:
                await sent_requests(case, status, document)
            except StopAsyncIteration:
                pass  # A case requests the first page, and there is none.
            except errors.UpCloudError as error:
                unread.append(f"{name}: {error}")
    unknown = [problem for problem in unread if not is_excepted("answers", problem)]
    if number:
        kept = number - (len(unread) - len(unknown))
        compared(request.node, "answers made from the contract", alike=kept - len(unknown), all=kept)
    assert unknown == []
