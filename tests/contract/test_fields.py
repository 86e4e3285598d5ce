"""The SDK shows every field of the contract's answers, and can send every field of its requests.

`exceptions.json` lists the fields that are left out, with their reasons.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import pytest
from pydantic import BaseModel

from tests.contract.contract import NO_CONTRACT, Operation, contract
from tests.contract.made import variants
from tests.contract.test_contract import IN_CONTRACT, Recorder, is_excepted, operation_of_case
from tests.sdk.clock import AutojumpClock
from upcloud_sdk import RetryPolicy, Token, UpCloud, WaitPolicy, errors

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.sdk.cases import Case

pytestmark = [pytest.mark.anyio, pytest.mark.skipif(contract() is None, reason=NO_CONTRACT)]


@pytest.fixture
def anyio_backend() -> str:
    """One event loop is enough: models do not depend on it."""
    return "asyncio"


def cases() -> list[tuple[Operation, Case]]:
    """One case for each operation."""
    found = {
        operation.name: (operation, case) for case in IN_CONTRACT if (operation := operation_of_case(case)) is not None
    }
    return [found[name] for name in sorted(found)]


def not_shown(value: object, place: str = "") -> Iterator[str]:
    """The fields of an answer that no model declares."""
    if isinstance(value, BaseModel):
        yield from (f"{place}.{name}" for name in value.model_extra or ())
        for name in type(value).model_fields:
            yield from not_shown(getattr(value, name), f"{place}.{name}")
    elif isinstance(value, tuple | list):
        for each in cast("tuple[object, ...]", value):
            yield from not_shown(each, f"{place}[]")


@pytest.mark.parametrize(("operation", "case"), [pytest.param(*each, id=each[0].name) for each in cases()])
async def test_every_field_of_an_answer_is_shown(operation: Operation, case: Case) -> None:
    hidden: set[str] = set()
    for status, schema in operation.answers():
        if schema is None:
            continue
        full = list(variants(schema))[1]
        waits = WaitPolicy(clock=AutojumpClock(), search_timeout=0)
        recorder = Recorder(status, full)
        retry = RetryPolicy(attempts=1)
        try:
            async with UpCloud(Token("ucat_x"), transport=recorder, retry=retry, waits=waits) as cloud:
                answer: Any = await case.call(cloud)
        except (errors.UpCloudError, StopAsyncIteration):
            continue  # `test_contract.py` says which answers cannot be read
        hidden |= set(not_shown(answer))
    unknown = [each for each in hidden if not is_excepted("hidden", f"{operation.name} {each}")]
    assert sorted(unknown) == [], sorted(unknown)
