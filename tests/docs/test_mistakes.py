from __future__ import annotations

import inspect
import re
from typing import TYPE_CHECKING

import pytest

from tests.docs.blocks import ROOT
from tests.docs.mistake_messages import message
from tests.docs.mistakes import MISTAKES, OTHER_NAMES, page
from upcloud_sdk import Server, Token, UpCloud

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


def test_the_names_that_people_try_do_not_exist_and_the_right_ones_do() -> None:
    arguments, cloud = inspect.signature(UpCloud).parameters, UpCloud(Token("ucat_x"))
    for row in OTHER_NAMES.splitlines():
        if not row.startswith("| `"):
            continue
        tried, write = row.removeprefix("|").removesuffix("|").split(" | ", 1)
        for name in re.findall(r"UpCloud\((\w+)=", tried):
            assert name not in arguments
        for name in re.findall(r"UpCloud\((\w+)=", write):
            assert name in arguments
        for name in re.findall(r"`server\.(\w+)", write):
            assert name in Server.model_fields or hasattr(Server, name)
        for name in re.findall(r"`server\.(\w+)`,?", tried.partition(" of ")[0] if " of " not in tried else ""):
            assert name not in Server.model_fields
            assert not hasattr(Server, name)
        for namespace in re.findall(r"`cloud\.(\w+)`", write):
            assert hasattr(cloud, namespace)
        for namespace in re.findall(r"`cloud\.(\w+)", tried):
            assert not hasattr(cloud, namespace)
