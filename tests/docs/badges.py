"""The badges of the README, made from pyproject.toml. `python -m tests.docs.badges` writes `docs/badges.svg`."""

from __future__ import annotations

import tomllib
from html import escape

from tests.docs.blocks import ROOT

PICTURE = ROOT / "docs" / "badges.svg"
_LETTER, _PADDING, _HEIGHT, _GAP = 6.4, 6.0, 20, 6
_GREY, _BLUE, _GREEN = "#4b4f55", "#2563a8", "#2f7d3b"


def badges() -> list[tuple[str, str, str]]:
    """Name, value and colour of each badge."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    classifiers: list[str] = project["classifiers"]

    def under(prefix: str) -> list[str]:
        return [each.removeprefix(prefix) for each in classifiers if each.startswith(prefix)]

    pythons = [each for each in under("Programming Language :: Python :: ") if each[-1].isdigit()]
    loops = [each.lower() for each in under("Framework :: ") if each in {"AsyncIO", "Trio"}]
    (status,) = under("Development Status :: ")
    return [
        ("python", " | ".join(pythons), _BLUE),
        ("event loops", " | ".join(loops), _BLUE),
        ("types", "strict" if under("Typing :: ") else "none", _GREEN),
        ("status", status.partition(" - ")[2].lower(), _BLUE),
        ("licence", project["license"], _GREEN),
    ]


def draw() -> str:
    """The picture."""
    parts: list[str] = []
    left = 0.0
    for name, value, colour in badges():
        for text, fill in ((name, _GREY), (value, colour)):
            width = len(text) * _LETTER + 2 * _PADDING
            parts.append(
                f'<rect x="{left:.1f}" width="{width:.1f}" height="{_HEIGHT}" fill="{fill}"/>'
                f'<text x="{left + width / 2:.1f}" y="14">{escape(text)}</text>'
            )
            left += width
        left += _GAP
    title = "; ".join(f"{name}: {value}" for name, value, _ in badges())
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{left - _GAP:.0f}" height="{_HEIGHT}" role="img">'
        f"<title>{escape(title)}</title>"
        '<g font-family="Verdana,DejaVu Sans,sans-serif" font-size="11" fill="#fff" text-anchor="middle">'
        + "".join(parts)
        + "</g></svg>\n"
    )


if __name__ == "__main__":
    PICTURE.write_text(draw(), encoding="utf-8")
