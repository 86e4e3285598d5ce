"""The reference pages contain all public names."""

from __future__ import annotations

import inspect
import pkgutil
import re
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import pytest

import upcloud_sdk.buildbot
import upcloud_sdk.ci
import upcloud_sdk.errors
import upcloud_sdk.models
import upcloud_sdk.simulator
from tests.docs.blocks import ROOT
from tests.docs.endpoints import namespaces
from upcloud_sdk import Token, UpCloud

_DIRECTIVE = re.compile(r"^::: (?P<path>\S+)\n(?P<options>(?:    .*\n)*)", re.MULTILINE)
_MEMBERS = re.compile(r"members: \[(.*)\]")
_HEADING = re.compile(r"heading: (\S+)")


@dataclass(frozen=True)
class Directive:
    """One `::: path` directive of a page, which mkdocstrings replaces."""

    path: str
    options: str

    @property
    def target(self) -> Any:  # noqa: ANN401 - a module, a class or a function
        return pkgutil.resolve_name(self.path)

    def shows(self, name: str, value: object) -> bool:
        if not isinstance(self.target, ModuleType):
            return self.target is value
        chosen = _MEMBERS.search(self.options)
        if chosen is not None and name not in chosen[1].split(", "):
            return False
        return getattr(self.target, name, None) is value


DIRECTIVES = [
    Directive(match["path"], match["options"])
    for page in sorted((ROOT / "docs" / "reference").glob("*.md"))
    for match in _DIRECTIVE.finditer(page.read_text(encoding="utf-8"))
]


def kind_of(namespace: str) -> type[object]:
    """The class of `cloud.<namespace>`."""
    value: object = getattr(UpCloud(Token("ucat_of_nobody")), namespace)
    return type(value)


@pytest.mark.parametrize("namespace", namespaces())
def test_each_namespace_has_its_heading_and_its_methods(namespace: str) -> None:
    headings = {
        heading[1]: each.target for each in DIRECTIVES if (heading := _HEADING.search(each.options)) is not None
    }
    assert headings[f"cloud.{namespace}"] is kind_of(namespace)


@pytest.mark.parametrize("namespace", namespaces())
def test_each_namespace_links_its_page_of_the_api(namespace: str) -> None:
    text = inspect.getdoc(kind_of(namespace))
    assert text is not None
    assert "https://developers.upcloud.com/1.3/" in text


@pytest.mark.parametrize("namespace", namespaces())
def test_each_method_of_a_namespace_has_a_docstring(namespace: str) -> None:
    methods = vars(kind_of(namespace)).items()
    silent = [name for name, method in methods if not name.startswith("_") and not inspect.getdoc(method)]
    assert silent == []


@pytest.mark.parametrize(
    "module",
    [upcloud_sdk, upcloud_sdk.models, upcloud_sdk.errors, upcloud_sdk.simulator, upcloud_sdk.ci, upcloud_sdk.buildbot],
    ids=lambda module: module.__name__,
)
def test_each_public_name_is_on_a_page(module: ModuleType) -> None:
    public = {name: getattr(module, name) for name in module.__all__ if not name.startswith("__")}
    missing = [
        name
        for name, value in public.items()
        if not isinstance(value, ModuleType) and not any(each.shows(name, value) for each in DIRECTIVES)
    ]
    assert missing == []


def arguments_without_a_line(function: Any) -> list[str]:  # noqa: ANN401 - a class or a function
    """Arguments that `Args:` does not explain. A single argument is explained by the first sentence."""
    names = [name for name in inspect.signature(function).parameters if name != "self"]
    explained = re.findall(
        r"^ {4}\*{0,2}(\w+): ", (inspect.getdoc(function) or "").partition("Args:\n")[2], re.MULTILINE
    )
    return [name for name in names if name not in explained] if len(names) > 1 else []


@pytest.mark.parametrize("namespace", namespaces())
def test_each_argument_of_a_method_of_a_namespace_has_a_line(namespace: str) -> None:
    kind = kind_of(namespace)
    methods = {name: getattr(kind, name) for name in dir(kind) if not name.startswith("_")}
    missing = {name: arguments_without_a_line(each) for name, each in methods.items() if callable(each)}
    assert {name: names for name, names in missing.items() if names} == {}


def test_each_argument_of_the_client_has_a_line() -> None:
    assert arguments_without_a_line(UpCloud) == []
