"""Reads the web page of a master in a browser."""

from __future__ import annotations

import os
import re
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Generator

    from tests.buildbot.www._playwright import Browser, Message

SIZES = {"wide": {"width": 1400, "height": 900}, "phone": {"width": 390, "height": 844}}
PATIENCE_MS = 60_000


class View:
    """A page in the browser, with the errors in its console."""

    def __init__(self, browser: Browser, url: str, *, size: str = "wide", scheme: str = "light") -> None:
        context = browser.new_context(
            viewport=SIZES[size], color_scheme=scheme, locale="en-GB", timezone_id="UTC", reduced_motion="reduce"
        )
        context.set_default_timeout(PATIENCE_MS)
        self.page = context.new_page()
        self.complaints: list[str] = []
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("console", self._hear)
        self._url, self._context = url, context

    def _hear(self, said: Message) -> None:
        if said.type == "error":
            self.complaints.append(said.text)

    def open(self, view: str) -> None:
        self.page.goto(f"{self._url}/#/upcloud{view}")
        shown = f"[data-view={view.strip('/').partition('?')[0] or 'now'}]"
        self.page.wait_for_selector(f"{shown} time, {shown} [role=alert]")

    def rows(self, caption: str) -> list[dict[str, str]]:
        """The rows of a table by its name, headings and cells, as a screen reader finds them."""
        table = self.page.get_by_role("table", name=caption, exact=True)
        names = table.get_by_role("columnheader").all_inner_texts()
        return [
            # A long name is there twice: cut, for the eye, and whole.
            {
                name: re.sub(r"^[^\n]*…[^\n]*\n", "", text)
                for name, text in zip(names, row.locator("th, td").all_inner_texts(), strict=True)
            }
            for row in table.get_by_role("row").all()[1:]
        ]

    def boxes(self, selector: str) -> list[dict[str, float]]:
        """Where the elements are."""
        query = f"[...document.querySelectorAll({selector!r})].map((each) => each.getBoundingClientRect().toJSON())"
        found: list[dict[str, float]] = self.page.evaluate(query)
        assert found, selector
        return found

    def is_wider_than_its_window(self) -> bool:
        return bool(self.page.evaluate("document.documentElement.scrollWidth > window.innerWidth"))

    def keep(self, name: str) -> None:
        """Save a screenshot, if a folder is given."""
        folder = os.environ.get("SCREENSHOTS")
        if folder:
            self.page.screenshot(path=str(Path(folder) / f"{name}.png"), full_page=True)

    def close(self) -> None:
        self._context.close()


@contextmanager
def opened(browser: Browser, url: str, **options: str) -> Generator[View]:
    view = View(browser, url, **options)
    yield view
    view.close()
