"""Checks every answer of the simulator in any test against UpCloud's contract."""

from __future__ import annotations

import functools
import json
import re
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.contract.contract import Operation, contract, operation_of, problems
from tests.percentages import compared
from upcloud_sdk.simulator.serving import dispatch

if TYPE_CHECKING:
    from collections.abc import Generator

EXCEPTIONS: dict[str, dict[str, str]] = json.loads((Path(__file__).parent / "exceptions.json").read_text("utf-8"))

_seen: Counter[str] = Counter()
"""Number of checked answers in the current test, and of valid ones."""
_invalid: set[str] = set()
"""Problems of the invalid answers."""


_OCTET = r"(?:25[0-5]|2[0-4]\d|1?\d?\d)"
_CHANGING = re.compile(
    r'"(?:(?P<uuid>[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})|(?P<id>[0-9a-f]{32})'
    r"|(?P<time>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:Z|\+00:00))"
    rf"|(?P<ipv4>{_OCTET}(?:\.{_OCTET}){{3}})|(?P<mac>[0-9a-f]{{2}}(?::[0-9a-f]{{2}}){{5}})"
    r'|(?P<ipv6>[0-9a-f]{1,4}(?::[0-9a-f]{1,4}){7}))"'
)
"""Values that differ between answers: UUIDs, ids, times and addresses."""
_EXAMPLES = {
    "uuid": "00b1c3d4-e5f6-4a7b-8c9d-0123456789ab",
    "id": "0123456789abcdef0123456789abcdef",
    "time": "2026-11-25T12:00:00Z",
    "ipv4": "94.237.0.1",
    "mac": "02:00:00:00:00:01",
    "ipv6": "2a04:3540:1000:310:0:0:0:1",
}


def look_at(method: str, path: str, status: int, document: str) -> None:
    """Check and count an answer, also a refusal."""
    operation = operation_of(method, path)
    schema = operation.answer(status) if operation is not None else None
    if operation is None or schema is None:
        return
    found = _problems(operation, status, _CHANGING.sub(_example, document))
    unknown = {each for each in found if not any(re.search(pattern, each) for pattern in EXCEPTIONS["simulator"])}
    if found and not unknown:
        return
    _seen["all"] += 1
    _seen["alike"] += not unknown
    _invalid.update(unknown)


def _example(value: re.Match[str]) -> str:
    return json.dumps(_EXAMPLES[value.lastgroup or ""])


@functools.lru_cache(maxsize=10_000)
def _problems(operation: Operation, status: int, document: str) -> frozenset[str]:
    """The problems of an answer. Equal answers, as in a wait, are checked once."""
    schema = operation.answer(status) or {}
    return frozenset(f"{operation.name} {status} {problem}" for problem in problems(schema, json.loads(document)))


def watch() -> None:
    """From now on, check the answers of all simulators in this process, if the contract is available."""
    if contract() is None:
        return
    answered = dispatch.Dispatch._answered  # pyright: ignore[reportPrivateUsage]  # before faults change the answer

    def looked_at(self: Any, call: Any, *more: Any) -> Generator[float, None, Any]:  # noqa: ANN401 - the simulator's own
        answer = yield from answered(self, call, *more)
        if answer.document is not None:
            look_at(call.method, call.path, answer.status, json.dumps(answer.document, default=str))
        return answer

    dispatch.Dispatch._answered = looked_at  # type: ignore[method-assign, assignment]  # pyright: ignore[reportPrivateUsage]  # see above


def _fail_if_invalid() -> None:
    invalid = sorted(_invalid)
    _invalid.clear()
    assert not invalid, f"answers of the simulator that are not as the contract says: {invalid}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None]:
    """Count the answers of a test and its fixtures. The test fails if one does not fit the contract."""
    yield
    if _seen["all"]:
        compared(item, "answers of the simulator", **_seen)
    _seen.clear()
    _fail_if_invalid()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown() -> Generator[None]:
    """Let a test fail if its fixtures got an invalid answer during teardown."""
    yield
    _fail_if_invalid()
