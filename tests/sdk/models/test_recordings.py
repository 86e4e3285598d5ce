"""The models read answers of the API without losing a value.

There are two sources: real answers, in `shared/api/recordings` beside or above this repository, where that is present;
and documents in `tests/wire`, written from the API's reference, which show what the recordings do not.
To add an endpoint, add a row to `endpoints.py`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from tests.percentages import NONE_RECORDED, compared, recordings
from tests.sdk.endpoints import Row, find
from tests.sdk.reading import scalars
from upcloud_sdk import RetryPolicy, Token, UpCloud
from upcloud_sdk.errors import ApiError

if TYPE_CHECKING:
    import re

ROOT = Path(__file__).parents[3]
OWN = ROOT / "tests" / "wire"

PAGING = {"limit", "offset"}


@dataclass(frozen=True, slots=True)
class Interaction:
    """A request and its answer."""

    source: str
    method: str
    path: str
    status: int
    headers: dict[str, str]
    body: Any

    @property
    def endpoint(self) -> tuple[Row, re.Match[str]] | None:
        """The row of the endpoint. None if the client does not have it yet."""
        return find(self.method, urlsplit(self.path).path)

    @property
    def query(self) -> dict[str, list[str]]:
        return parse_qs(urlsplit(self.path).query, keep_blank_values=True)


def _load(folder: Path | None, source: str) -> list[Any]:
    if folder is None:
        return [pytest.param(None, marks=pytest.mark.skip(reason=NONE_RECORDED), id="no recordings")]
    cases: list[Any] = []
    for file in sorted(folder.glob("*.json")):
        interactions = json.loads(file.read_text("utf-8"), parse_float=Decimal)["interactions"]
        for number, each in enumerate(interactions, 1):
            request, response = each["request"], each["response"]
            interaction = Interaction(
                source=source,
                method=request["method"],
                path=request["path"],
                status=response["status"],
                headers=response.get("headers") or {},
                body=response["body"],
            )
            cases.append(pytest.param(interaction, id=f"{file.stem}-{number}-{interaction.method}"))
    return cases


class _Replay(httpx.AsyncBaseTransport):
    """Gives one answer, and stores the request."""

    def __init__(self, interaction: Interaction) -> None:
        self._answer = interaction
        self.requests: list[httpx.Request] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        body = self._answer.body
        content = b"" if body is None else json.dumps(body, default=_exactly).encode()
        return httpx.Response(self._answer.status, headers=self._answer.headers, content=content)


def _exactly(number: object) -> float:
    assert isinstance(number, Decimal)
    assert Decimal(repr(float(number))) == number
    return float(number)


async def _read(interaction: Interaction) -> object:
    endpoint = interaction.endpoint
    assert endpoint is not None
    row, match = endpoint
    replay = _Replay(interaction)
    async with UpCloud(Token("ucat_x"), transport=replay, retry=RetryPolicy(attempts=1)) as cloud:
        try:
            answer = await row.call(cloud, match, interaction.query)
        except ApiError as error:
            answer = error
    request = replay.requests[0]
    sent = urlsplit(str(request.url))
    assert f"{request.method} {sent.path}" == f"{interaction.method} /1.3{urlsplit(interaction.path).path.rstrip('/')}"
    query = parse_qs(sent.query, keep_blank_values=True)
    # The recorded clients did not request pages.
    assert {name: values for name, values in query.items() if name not in PAGING} == interaction.query
    return answer


def _check_error(error: ApiError, interaction: Interaction) -> None:
    assert error.status == interaction.status
    told = interaction.body["error"]
    assert (error.code, error.message) == (told["error_code"], told["error_message"])


@pytest.mark.parametrize(
    "interaction", [*_load(recordings(), "recorded answers"), *_load(OWN, "documents of tests/wire")]
)
async def test_no_value_of_a_recorded_answer_is_lost(
    interaction: Interaction, anyio_backend: str, request: pytest.FixtureRequest
) -> None:
    answer = await _read(interaction)
    if isinstance(answer, ApiError):
        _check_error(answer, interaction)
        found = [("error", True)]
    else:
        found = list(scalars(interaction.body, answer))
        assert interaction.body is None or found or answer == ()
    lost = [path for path, is_read in found if not is_read]
    if anyio_backend == "asyncio":
        compared(request.node, interaction.source, answers=1, alike=len(found) - len(lost), all=len(found))
    assert lost == []
