"""Looks at every answer that the simulator gives in any test: whether it is as UpCloud's contract says."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.contract.contract import contract, operation_of, problems
from tests.percentages import compared
from upcloud_sdk.simulator.serving import dispatch

if TYPE_CHECKING:
    from collections.abc import Generator

EXCEPTIONS: dict[str, dict[str, str]] = json.loads((Path(__file__).parent / "exceptions.json").read_text("utf-8"))

_seen: Counter[str] = Counter()
"""Answers that were looked at in the test that runs, and how many of them are valid."""
_invalid: set[str] = set()
"""What is wrong with the others."""


def look_at(method: str, path: str, status: int, document: Any) -> None:  # noqa: ANN401 - any JSON document
    """Count an answer."""
    operation = operation_of(method, path)
    schema = operation.answer(status) if operation is not None and status < 400 else None
    if operation is None or schema is None:
        return
    found = {f"{operation.name} {status} {problem}" for problem in problems(schema, document)}
    unknown = {each for each in found if not any(re.search(pattern, each) for pattern in EXCEPTIONS["simulator"])}
    if found and not unknown:
        return
    _seen["all"] += 1
    _seen["alike"] += not unknown
    _invalid.update(unknown)


def watch() -> None:
    """Look at the answers of all simulators of this process from now on, where the contract is at hand."""
    if contract() is None:
        return
    answered = dispatch.Dispatch._answered  # pyright: ignore[reportPrivateUsage]  # before faults change the answer

    def looked_at(self: Any, call: Any, *more: Any) -> Generator[float, None, Any]:  # noqa: ANN401 - the simulator's own
        answer = yield from answered(self, call, *more)
        if answer.document is not None:
            look_at(call.method, call.path, answer.status, json.loads(json.dumps(answer.document, default=str)))
        return answer

    dispatch.Dispatch._answered = looked_at  # type: ignore[method-assign, assignment]  # pyright: ignore[reportPrivateUsage]  # see above


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None]:
    """Count the answers of a test; let one of a chapter fail where they are not as the contract says."""
    _seen.clear()
    _invalid.clear()
    yield
    if _seen["all"]:
        compared(item, "answers of the simulator", **_seen)
    assert not _invalid or "chapters" not in item.path.parts, (
        f"answers of the simulator that are not as the contract says: {sorted(_invalid)}"
    )
