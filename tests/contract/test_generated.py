"""The simulator takes what the contract allows, and refuses what it does not.

Hypothesis generates the requests from the contract. `exceptions.json` lists the known differences with their reasons.
A 500, or a refusal in another format than the contract's, fails in `answers.py`, which sees every answer.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import pytest
from hypothesis import HealthCheck, given, note, settings

from tests.contract.contract import NO_CONTRACT, Operation, contract, operations
from tests.contract.generated import Request, invalid_requests, new_simulator, requests_of, valid_requests
from tests.contract.test_contract import is_excepted
from tests.simulator.test_robustness import answered

if TYPE_CHECKING:
    from upcloud_sdk.simulator.serving.dispatch import Delivery

pytestmark = pytest.mark.skipif(contract() is None, reason=NO_CONTRACT)

SHORT = settings(
    max_examples=150,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow, HealthCheck.data_too_large],
    deadline=None,
)
LONG = settings(SHORT, max_examples=2000, derandomize=False, print_blob=True)
EACH = settings(LONG, max_examples=100)

FORMAT = re.compile(r"UNKNOWN_ATTRIBUTE|INVALID_REQUEST|BAD_REQUEST|METHOD_NOT_ALLOWED|.*_(?:MISSING|INVALID)")
"""Codes that say that a request is not as the API wants it. Other codes name a rule that the account does not allow."""


def sent(request: Request) -> Delivery:
    target = f"/1.3{request.path}" + (f"?{urlencode(request.query)}" if request.query else "")
    body = b"" if request.body is None else json.dumps(request.body).encode()
    note(f"{request.operation.method} {target} {request.body}")
    return answered(new_simulator(), request.operation.method, target, body)


def code_of(answer: Delivery) -> tuple[str, str]:
    """Code and message of a refusal, in any of its formats."""
    document: dict[str, Any] = json.loads(answer.body)
    error = document.get("error", document)
    code = error.get("error_code") or error.get("code") or error["type"].rpartition("#ERROR_")[2]
    reasons = [str(each) for each in error.get("invalid_params", ())]
    return code, " ".join([error.get("error_message") or error.get("message") or error["title"], *reasons])


def is_taken(request: Request) -> None:
    answer = sent(request)
    assert answer.status < 500, answer.body
    if answer.status >= 400:
        code, message = code_of(answer)
        text = f"{request.operation.name} {code}: {message}"
        assert not FORMAT.fullmatch(code) or is_excepted("refused", text), text


def is_refused(request: Request) -> None:
    answer = sent(request)
    text = f"{request.operation.name} {request.mistake}"
    assert 400 <= answer.status < 500 or is_excepted("taken", text), f"{text}: {answer.status} {answer.body!r}"


@SHORT
@given(valid_requests())
def test_a_valid_request_is_taken_or_refused_by_a_rule(request: Request) -> None:
    is_taken(request)


@pytest.mark.parametrize("kind", ["unknown", "missing", "type"])
def test_a_request_with_a_mistake_is_refused(kind: str) -> None:
    @SHORT
    @given(invalid_requests(kind))
    def check(request: Request) -> None:
        is_refused(request)

    check()


@pytest.mark.full
@pytest.mark.parametrize("operation", operations(), ids=lambda operation: operation.name)
def test_many_valid_requests_are_taken_or_refused_by_a_rule(operation: Operation) -> None:
    @EACH
    @given(requests_of(operation))
    def check(request: Request) -> None:
        is_taken(request)

    check()


@pytest.mark.full
@pytest.mark.parametrize("kind", ["unknown", "missing", "type"])
def test_many_requests_with_a_mistake_are_refused(kind: str) -> None:
    @LONG
    @given(invalid_requests(kind))
    def check(request: Request) -> None:
        is_refused(request)

    check()
