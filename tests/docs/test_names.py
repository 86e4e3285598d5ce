"""Names in the text of the docs exist."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.docs.blocks import ROOT
from tests.docs.mistakes import MISTAKES
from upcloud_sdk import Token, UpCloud, errors

if TYPE_CHECKING:
    from pathlib import Path

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
CLOUD = UpCloud(Token("ucat_of_nobody"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_each_method_and_each_error_that_a_page_names_exists(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for mistake in MISTAKES:
        text = text.replace(mistake.code, "")
    for namespace, method in re.findall(r"\bcloud\.(\w+)\.(\w+)\(", text):
        assert hasattr(getattr(CLOUD, namespace), method), f"cloud.{namespace}.{method}"
    for name in re.findall(r"\berrors\.([A-Z]\w+)", text):
        assert hasattr(errors, name), f"errors.{name}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_each_example_and_each_target_of_make_that_a_page_names_exists(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for path in re.findall(r"\bexamples/[\w/.]*\w", text):
        assert (ROOT / path).exists(), path
    for module in re.findall(r"python -m examples\.(\w+)", text):
        assert (ROOT / "examples" / f"{module}.py").exists(), module
    targets = re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    for target in re.findall(r"(?:`|^)make ([a-z-]+)", text, re.MULTILINE):
        assert target in targets, f"make {target}"
