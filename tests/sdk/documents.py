"""Documents of the API for answers in tests."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

if TYPE_CHECKING:
    from collections.abc import Mapping

WIRE = Path(__file__).parents[1] / "wire"

SERVER = "00a1b2c3-d4e5-4f60-8a7b-0123456789ab"
DISK = "01a1b2c3-d4e5-4f60-8a7b-0123456789a1"
TEMPLATE = "01000000-0000-4000-8000-000020070100"


def answer(file: str, number: int) -> dict[str, Any]:
    """The document of an answer in `tests/wire`, by its index in the file, from 0."""
    interactions = json.loads((WIRE / file).read_text("utf-8"))["interactions"]
    body: dict[str, Any] = interactions[number]["response"]["body"]
    return body


_SERVER = answer("servers.json", 3)
_SUMMARY = answer("servers.json", 0)["servers"]["server"][0]
_STORAGE = answer("storages.json", 5)
_TEMPLATE = answer("storages.json", 1)["storages"]["storage"][0]


def server(**fields: object) -> dict[str, Any]:
    """A server with all details, in its outer object."""
    document: dict[str, Any] = copy.deepcopy(_SERVER)
    document["server"].update(fields)
    return document


def servers(*items: Mapping[str, object]) -> dict[str, Any]:
    """A list of servers. Each argument has the fields that differ from the defaults."""
    return {"servers": {"server": [{**_SUMMARY, **item} for item in items]}}


def storage(**fields: object) -> dict[str, Any]:
    """A storage with all details, in its outer object."""
    document: dict[str, Any] = copy.deepcopy(_STORAGE)
    document["storage"].update(fields)
    return document


def storages(*items: Mapping[str, object]) -> dict[str, Any]:
    """A list of disks. Each argument has the fields that differ from the defaults."""
    return {"storages": {"storage": [{**_STORAGE["storage"], **item} for item in items]}}


def templates(*items: Mapping[str, object]) -> dict[str, Any]:
    """A list of templates. Each argument has the fields that differ from the defaults."""
    return {"storages": {"storage": [{**_TEMPLATE, **item} for item in items]}}


def refusal(code: str = "SOMETHING", message: str = "It is so.") -> dict[str, Any]:
    """The document of a refusal."""
    return {"error": {"error_code": code, "error_message": message}}


def refused(status: int, code: str = "SOMETHING", *, headers: Mapping[str, str] | None = None) -> httpx.Response:
    """An answer with a refusal."""
    return httpx.Response(status, json=refusal(code), headers=headers)
