"""The badges of the README match pyproject.toml."""

from __future__ import annotations

from tests.docs.badges import PICTURE, badges, draw
from tests.docs.blocks import ROOT


def test_the_picture_is_that_of_the_project() -> None:
    assert PICTURE.read_text(encoding="utf-8") == draw()


def test_the_readme_says_the_same_to_people_who_do_not_see_it() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert f"![{'; '.join(f'{name}: {value}' for name, value, _ in badges())}](docs/badges.svg)" in readme
