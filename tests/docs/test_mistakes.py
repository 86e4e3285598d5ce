from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.docs.blocks import ROOT
from tests.docs.mistake_messages import message
from tests.docs.mistakes import MISTAKES, page

if TYPE_CHECKING:
    from tests.docs.mistake import Mistake

SECRETS = ("ucat_right", "ucat_wrong", "ucat_x")


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.title)
def test_a_mistake_is_refused_with_words_and_without_secrets(mistake: Mistake) -> None:
    said = message(mistake)
    assert len(said.split()) > 3
    assert not any(secret in said for secret in SECRETS)


def test_the_page_of_mistakes_is_what_they_say_today() -> None:
    assert (ROOT / "docs" / "mistakes.md").read_text(encoding="utf-8") == page(), (
        "docs/mistakes.md is stale: run `python -m tests.docs.mistakes`"
    )
