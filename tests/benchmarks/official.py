"""The official `upcloud-api` client as a contender. It has no types."""

from __future__ import annotations

import functools
import importlib
import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

Untyped = Any
"""Any object of the official client."""
upcloud_api: Untyped = importlib.import_module("upcloud_api")


def manager(url: str = "https://api.upcloud.com") -> Untyped:
    """The official client for an API at this address."""
    made = upcloud_api.CloudManager(token="ucat_x")
    made.api.api_root = f"{url}/1.3"
    return made


def _read(content: bytes, _: str) -> Untyped:
    return json.loads(content)


def reading(content: bytes) -> Untyped:
    """The official client for an API that answers every call with these bytes."""
    made = manager()
    made.api.get_request = functools.partial(_read, content)
    return made


@contextmanager
def sleeping(sleep: Callable[[float], None]) -> Generator[None]:
    """During this block, the client's waits move a clock."""
    modules: list[Untyped] = [importlib.import_module(f"upcloud_api.{name}") for name in ("server", "utils")]
    real = [module.sleep for module in modules]
    for module in modules:
        module.sleep = sleep
    try:
        yield
    finally:
        for module, own in zip(modules, real, strict=True):
            module.sleep = own
