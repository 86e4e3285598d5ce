"""Draws the outcomes of a replay as SVG."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

if TYPE_CHECKING:
    from collections.abc import Sequence

    from upcloud_sdk.replay.engine import Outcome

_WIDTH, _LEFT, _RIGHT, _ROW, _TOP = 900, 310, 200, 34, 64
_BUSY, _IDLE, _LINE, _TEXT = "#0b5cad", "#a9c7e8", "#c1440e", "#222222"


def draw(outcomes: Sequence[Outcome], fewest: int, *, title: str) -> str:
    """An SVG document: one bar of paid hours per outcome, and a line at the fewest hours without a waiting build."""
    most = max(fewest, *(outcome.hours for outcome in outcomes))
    scale = (_WIDTH - _LEFT - _RIGHT) / most
    bottom = _TOP + _ROW * len(outcomes)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {bottom + 40}">',
        f'<g font-family="sans-serif" font-size="14" fill="{_TEXT}">',
        f'<rect width="{_WIDTH}" height="{bottom + 40}" fill="white"/>',
        f'<text x="16" y="26" font-size="16" font-weight="bold">{escape(title)}</text>',
        f'<rect x="16" y="38" width="12" height="12" fill="{_BUSY}"/><text x="34" y="49">hours with a build</text>',
        f'<rect x="180" y="38" width="12" height="12" fill="{_IDLE}"/><text x="198" y="49">paid, but idle</text>',
    ]
    line = fewest * scale
    for number, outcome in enumerate(outcomes):
        y = _TOP + _ROW * number
        busy, whole = outcome.busy_hours * scale, outcome.hours * scale
        # Keep the text off the line.
        beside = max(whole, line) if line - whole < _RIGHT / 2 else whole
        told = f"{outcome.hours:,} h, wait {outcome.mean_wait:.0f} s"
        parts += [
            f'<text x="{_LEFT - 10}" y="{y + 20}" text-anchor="end">{escape(outcome.policy.name)}</text>',
            f'<rect x="{_LEFT}" y="{y + 4}" width="{whole:.1f}" height="{_ROW - 10}" fill="{_IDLE}"/>',
            f'<rect x="{_LEFT}" y="{y + 4}" width="{busy:.1f}" height="{_ROW - 10}" fill="{_BUSY}"/>',
            f'<text x="{_LEFT + beside + 8:.1f}" y="{y + 20}">{told}</text>',
        ]
    line += _LEFT
    least = f"fewest if no build waits: {fewest:,} h"
    parts += [
        f'<path d="M{line:.1f} {_TOP - 4} V{bottom + 6}" stroke="{_LINE}" stroke-width="2" stroke-dasharray="5 4"/>',
        f'<text x="{line:.1f}" y="{bottom + 24}" text-anchor="middle" fill="{_LINE}">{least}</text>',
        "</g></svg>",
    ]
    return "\n".join(parts) + "\n"
