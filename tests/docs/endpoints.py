"""The table of endpoints, generated from the code. `python -m tests.docs.endpoints` writes it."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from upcloud_sdk import Token, UpCloud
from upcloud_sdk._namespaces import Namespace, Namespaces
from upcloud_sdk.resources._base import endpoints_of

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = Path(__file__).parents[2] / "docs" / "endpoints.md"

_HEAD = """\
---
hide:
  - toc
---

# Endpoints

All endpoints for servers in UpCloud's API 1.3, with the methods that call them. This page is made from the code. Tests
compare it with the code, and the code with the API's reference and its contract of 2026-10. Of the contract's 167
operations, one has no method: `POST /account/ms_lma`, which is only for resellers of Microsoft licences. For other
endpoints, use `cloud.request(method, path, json=…, params=…)`, with the same credentials, retries and errors.

<div class="endpoints" markdown>

| Endpoint | Method | What it does |
|---|---|---|
"""

_FOOT = """
</div>

The content of an upload goes to the address that `POST /storage/{uuid}/import` answers, on another host, which gets no
credentials. `cloud.leases` and the methods that use several endpoints (`ephemeral`, `destroy`, `wait_for_state`,
`estimate`, `cheapest`, `find_template`) use the calls above.
"""


@dataclass(frozen=True, order=True)
class Endpoint:
    """A method of the client, and an endpoint that it calls."""

    path: str
    method: str
    call: str
    """Such as `cloud.servers.get(uuid)`."""
    summary: str

    @property
    def name(self) -> str:
        return f"{self.method} {self.path}"


def namespaces() -> list[str]:
    """The names of all namespaces of a client."""
    return sorted(name for name, value in vars(Namespaces).items() if isinstance(value, Namespace))


def endpoints() -> Iterator[Endpoint]:
    """The endpoints of all methods of a client."""
    cloud = UpCloud(Token("ucat_of_nobody"))
    for namespace in namespaces():
        for name, function in inspect.getmembers(getattr(cloud, namespace), inspect.ismethod):
            for method, path in endpoints_of(function):
                call = f"cloud.{namespace}.{name}({_arguments(function)})"
                yield Endpoint(path, method, call, _summary(function))


def _arguments(function: object) -> str:
    """The required arguments, and an ellipsis if there are optional ones."""
    assert inspect.ismethod(function)
    parameters = list(inspect.signature(function).parameters.values())
    needed = [
        f"*{each.name}" if each.kind is each.VAR_POSITIONAL else each.name
        for each in parameters
        if each.default is each.empty
    ]
    return ", ".join([*needed, *(["…"] if len(needed) < len(parameters) else [])])


def _summary(function: object) -> str:
    text = inspect.getdoc(function) or ""
    first = text.split("\n\n", 1)[0].replace("\n", " ")
    return first.partition(". ")[0].partition(": ")[0].rstrip(".:")


def page() -> str:
    """The page as it should be."""
    rows = [f"| `{each.name}` | `{each.call}` | {each.summary} |\n" for each in sorted(endpoints())]
    return _HEAD + "".join(rows) + _FOOT


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
