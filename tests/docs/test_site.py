"""The navigation has all pages, the page of examples has all examples, and `llms.txt` links all pages."""

from __future__ import annotations

import re
import tomllib
from typing import TYPE_CHECKING, Any

from tests.docs.blocks import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

DOCS = ROOT / "docs"


def navigation() -> list[tuple[str, str]]:
    """Titles and files of the site's navigation, in order."""
    site = tomllib.loads((ROOT / "zensical.toml").read_text(encoding="utf-8"))
    return list(_entries(site["project"]["nav"]))


def _entries(nav: list[dict[str, Any]]) -> Iterator[tuple[str, str]]:
    for entry in nav:
        for title, target in entry.items():
            if isinstance(target, str):
                yield title, target
            else:
                yield from _entries(target)


def test_each_page_is_in_the_navigation_once() -> None:
    pages = sorted(str(page.relative_to(DOCS)) for page in DOCS.rglob("*.md"))
    assert sorted(file for _, file in navigation()) == pages


def test_the_navigation_has_five_groups() -> None:
    site = tomllib.loads((ROOT / "zensical.toml").read_text(encoding="utf-8"))
    groups = [title for entry in site["project"]["nav"] for title in entry]
    assert groups == ["Start", "How to", "Buildbot", "Reference", "Background"]


def test_the_page_of_examples_names_each_example() -> None:
    page = (DOCS / "examples.md").read_text(encoding="utf-8")
    files = (file for pattern in ("*.py", "*.cfg", "*.csv") for file in (ROOT / "examples").rglob(pattern))
    paths = [str(file.relative_to(ROOT)) for file in files if file.name != "__init__.py"]
    named = ["examples/pytest_suite/" if "/pytest_suite/" in path else path for path in paths]
    assert [name for name in named if f"`{name}`" not in page] == []


def test_llms_txt_links_each_page_of_the_navigation_where_the_site_has_it() -> None:
    text = (DOCS / "llms.txt").read_text(encoding="utf-8")
    links = re.findall(r"^- \[(.+)\]\((\S+)\)", text, re.MULTILINE)
    pages = ((title, file.removesuffix(".md") + "/") for title, file in navigation())
    assert links == [(title, "./" if place == "index/" else place) for title, place in pages]


def test_each_picture_has_a_caption() -> None:
    for page in DOCS.rglob("*.md"):
        lines = page.read_text(encoding="utf-8").splitlines()
        for number, line in enumerate(lines):
            if re.match(r"!\[.*\]\(.*\)$", line):
                caption = next((later for later in lines[number + 1 :] if later), "")
                assert caption.startswith("*"), f"{page.name}:{number + 1} has no caption under it"


def test_each_block_of_code_has_a_language() -> None:
    for page in DOCS.rglob("*.md"):
        fences = re.findall(r"^ *```(\w*)", page.read_text(encoding="utf-8"), re.MULTILINE)
        opening = fences[::2]
        assert "" not in opening, f"{page.name}: block {opening.index('') + 1}"


def test_headings_have_the_words_that_people_search_for() -> None:
    pages = [page.read_text(encoding="utf-8") for page in DOCS.rglob("*.md")]
    headings = " ".join(heading for page in pages for heading in re.findall(r"^#+ (.*)$", page, re.MULTILINE)).lower()
    words = set(re.findall(r"\w+", headings))
    assert {"pagination", "prices", "cli", "sync", "troubleshooting", "trio", "proxy", "firewall"} - words == set()
