from __future__ import annotations

import re
import tomllib

from tests.docs.blocks import ROOT


def test_the_picture_of_the_layers_is_what_import_linter_holds() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contract = next(each for each in settings["tool"]["importlinter"]["contracts"] if each["type"] == "layers")
    held = [name.strip() for layer in contract["layers"] for name in layer.split("|")]
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    picture = page.partition("```text")[2].partition("```")[0]
    assert re.findall(r"^(upcloud_sdk\S+)", picture, re.MULTILINE) == held
