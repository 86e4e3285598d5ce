"""For each error code of the reference that the simulator produces: a request that gives it, and the SDK's error."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.simulator.refusals import FORBIDDEN, NEVER, REFUSALS, Refusal
from tests.simulator.small_account import ONCE
from upcloud_sdk import Basic, UpCloud, errors

if TYPE_CHECKING:
    from tests.simulator.small_account import SmallAccount
    from upcloud_sdk.simulator import Simulator

pytestmark = pytest.mark.anyio

ROWS = [
    pytest.param(refusal, status, error, id=refusal.code)
    for status, error, refusals in REFUSALS
    for refusal in refusals
]


async def _send(account: SmallAccount, refusal: Refusal, cloud: UpCloud | None = None) -> None:
    method, _, path = account.filled(refusal.call).partition(" ")
    path, _, query = path.partition("?")
    params = dict([query.split("=")]) if query else None
    body = None if refusal.body is None else json.loads(account.filled(json.dumps(refusal.body)))
    await (cloud or account.cloud).request(method, path, json=body, params=params)


@pytest.mark.parametrize(("refusal", "status", "error"), ROWS)
async def test_each_code_is_raised_as_its_error_class(
    account: SmallAccount, sim: Simulator, refusal: Refusal, status: int, error: type[errors.ApiError]
) -> None:
    if refusal.before is not None:
        refusal.before(sim)
    with pytest.raises(errors.ApiError) as caught:
        await _send(account, refusal)
    assert (caught.value.code, caught.value.status, type(caught.value)) == (refusal.code, status, error)
    assert refusal.code in str(caught.value)


@pytest.mark.parametrize("refusal", FORBIDDEN, ids=lambda refusal: refusal.code)
async def test_a_call_that_a_sub_account_may_not_make_is_forbidden(
    account: SmallAccount, sim: Simulator, refusal: Refusal
) -> None:
    if refusal.before is not None:
        refusal.before(sim)
    async with UpCloud(Basic("helper", "secret"), transport=sim.transport(), retry=ONCE) as helper:
        with pytest.raises(errors.Forbidden) as caught:
            await _send(account, refusal, helper)
    assert caught.value.code == refusal.code


async def test_wrong_credentials_raise_authentication_failed(account: SmallAccount, sim: Simulator) -> None:
    async with UpCloud(Basic("helper", "guessed"), transport=sim.transport(), retry=ONCE) as helper:
        with pytest.raises(errors.AuthenticationFailed) as caught:
            await helper.account.get()
    assert (caught.value.code, caught.value.status) == ("AUTHENTICATION_FAILED", 401)


@pytest.mark.parametrize(("path", "code"), [("/2.0/server", "INVALID"), ("/1.2/server", "OBSOLETE")])
async def test_another_version_is_refused(sim: Simulator, path: str, code: str) -> None:
    async with httpx.AsyncClient(transport=sim.transport(), base_url="https://api.upcloud.com") as client:
        answer = await client.get(path, auth=("user", "password"))
    assert answer.json()["error"]["error_code"] == f"API_VERSION_{code}"


def test_every_code_of_the_reference_is_tested_or_has_a_reason() -> None:
    """The reference is not part of this repository. The test looks for it in a folder `shared` beside it."""
    found = (folder / "shared" / "api" / "upcloud-api-1.3.md" for folder in Path(__file__).resolve().parents)
    reference = next((file for file in found if file.is_file()), None)
    if reference is None:
        pytest.skip(
            "wants the reference of the API, ../shared/api/upcloud-api-1.3.md: `make test` runs it where that is"
        )
    chapter = reference.read_text(encoding="utf-8").partition("## 19. Error codes")[2].partition("Codes of create")[0]
    codes = set(re.findall(r"\b[A-Z]{2,}(?:_[A-Z]+)+(?:-[A-Z]+)?\b", chapter))
    provoked = {refusal.code for _, _, refusals in REFUSALS for refusal in refusals}
    provoked |= {refusal.code for refusal in FORBIDDEN}
    provoked |= {"AUTHENTICATION_FAILED", "API_VERSION_INVALID", "API_VERSION_OBSOLETE"}
    never = {code for listed in NEVER.values() for code in listed}
    assert provoked & never == set()
    assert codes == (provoked | never) & codes
