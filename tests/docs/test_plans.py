"""README, docs and examples create only servers with plans on sale."""

from __future__ import annotations

import re
from pathlib import Path

from upcloud_sdk.simulator import Simulator

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")), *sorted((ROOT / "examples").rglob("*.*"))]
SUBJECT = {
    "docs/simulator.md: --discontinued-plans",
    "docs/buildbot.md: hostconfig",
    "docs/buildbot.md: 00:48:0",
    "docs/mistakes.md: PREMIUM-1xCPU-3GB",
    "examples/live_check.py: a discontinued plan",
}
"""Lines that may name other plans, because they describe them or show output: page, and a word of the line."""


def test_no_page_and_no_example_uses_a_plan_that_is_not_on_sale() -> None:
    plans = Simulator().catalog.plans
    on_sale = {name for name, plan in plans.items() if plan.get("current_offering") == "yes"}
    assert on_sale
    used: list[str] = []
    for page in PAGES:
        if page.suffix in {".svg", ".png", ".csv", ".pyc"}:
            continue
        name = str(page.relative_to(ROOT))
        for line in page.read_text("utf-8").splitlines():
            found = set(re.findall(r"\b(?:[A-Z]+-)*\d+xCPU-\d+GB(?:-\w+)?", line)) - on_sale
            subjects = [each for each in SUBJECT if each.partition(": ")[0] == name and each.partition(": ")[2] in line]
            used += [f"{name}: {plan}" for plan in found if not subjects]
    assert used == []
