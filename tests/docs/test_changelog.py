from __future__ import annotations

import re
from datetime import date
from itertools import pairwise

from tests.docs.blocks import ROOT
from upcloud_sdk import __version__

HEADINGS = re.findall(r"^## (.*)$", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
RELEASES = [re.fullmatch(r"\[(\d+)\.(\d+)\.(\d+)\] - (\d{4}-\d\d-\d\d)", heading) for heading in HEADINGS[1:]]


def test_unreleased_changes_are_on_top() -> None:
    assert HEADINGS[0] == "[Unreleased]"


def test_each_release_has_a_version_and_a_date_and_the_newest_is_first() -> None:
    assert None not in RELEASES, HEADINGS
    known = [(tuple(map(int, each.group(1, 2, 3))), date.fromisoformat(each[4])) for each in RELEASES if each]
    for (newer, later), (older, earlier) in pairwise(known):
        assert newer > older
        assert later >= earlier


def test_the_newest_release_is_the_version_of_the_package() -> None:
    assert HEADINGS[1].startswith(f"[{__version__}] - ")
