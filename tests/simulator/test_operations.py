"""The operations of UpCloud's contract that the simulator serves."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from upcloud_sdk.simulator.chapters.table import API
from upcloud_sdk.simulator.wire.calls import ApiFault, Call

LEFT_OUT = {"POST /account/ms_lma"}
"""The operation that is not served: it is only about Microsoft licences."""
METHODS = {"get", "post", "put", "patch", "delete"}


def _contract() -> dict[str, dict[str, object]]:
    found = (folder / "shared" / "api" / "contract-1.3.json" for folder in Path(__file__).resolve().parents)
    file = next((each for each in found if each.exists()), None)
    if file is None:
        pytest.skip("wants UpCloud's contract, ../shared/api/contract-1.3.json: `make test` runs it where that is")
    paths: dict[str, dict[str, object]] = json.loads(file.read_text(encoding="utf-8"))["paths"]
    return paths


def _is_served(method: str, path: str) -> bool:
    example = re.sub(r"\{[^/{}]*\}", "x", path)
    try:
        API.find(Call(method, example, [], {}))
    except ApiFault:
        return False
    return True


def test_every_operation_of_the_contract_is_served_except_the_listed_ones() -> None:
    operations = [
        (method.upper(), path.removeprefix("/1.3"))
        for path, methods in _contract().items()
        for method in methods
        if method in METHODS
    ]
    assert len(operations) == 167
    missing = {f"{method} {path}" for method, path in operations if not _is_served(method, path)}
    assert missing == LEFT_OUT
