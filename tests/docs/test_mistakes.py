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
def test_the_message_of_a_mistake_explains_it_and_contains_no_secret(mistake: Mistake) -> None:
    said = message(mistake)
    assert len(said.split()) > 3
    assert not any(secret in said for secret in SECRETS)


def test_the_page_of_mistakes_has_the_current_messages() -> None:
    assert (ROOT / "docs" / "mistakes.md").read_text(encoding="utf-8") == page(), (
        "docs/mistakes.md is stale: run `python -m tests.docs.mistakes`"
    )
