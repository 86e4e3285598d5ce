"""Draws the states of servers over time, as SVG or in the terminal: one bar per server, one colour per state."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from upcloud_sdk.events import Event

COLOURS = {
    "create": "#9aa5b1",
    "maintenance": "#f0b429",
    "started": "#3ebd93",
    "kernel": "#27ab83",
    "cloud-init": "#62b0e8",
    "attached": "#2186eb",
    "stopping": "#e66a6a",
    "stopped": "#ba2525",
    "error": "#610316",
}
ROW, LEFT, WIDTH, TOP = 26, 170, 760, 30


@dataclass
class Bar:
    """One server: its states and when each began."""

    name: str
    states: list[tuple[float, str]] = field(default_factory=list[tuple[float, str]])
    end: float | None = None

    def spans(self, now: float) -> Iterator[tuple[str, float, float]]:
        """Each state with its start and end."""
        ends = [begin for begin, _ in self.states[1:]] + [now if self.end is None else self.end]
        for (begin, state), end in zip(self.states, ends, strict=True):
            yield state, begin, end

    def enter_between(self, at: float, state: str) -> None:
        """Insert a state that is reported late: from this time until the next state."""
        self.states = sorted([*self.states, (at, state)])


@dataclass
class Timeline:
    """The bars of many servers. `Timeline().listen` is an `on_event` for `UpCloud`."""

    bars: dict[str, Bar] = field(default_factory=dict[str, Bar])
    now: float = 0.0

    def listen(self, event: Event) -> None:
        """Add an event of a client."""
        # Imported here, so that other sources of events do not need the SDK.
        from upcloud_sdk.events import ServerEvent  # noqa: PLC0415

        if not isinstance(event, ServerEvent):
            return
        if event.happened == "destroyed":
            self.end(event.uuid, event.at)
        elif event.happened == "stopping":
            self.enter(event.uuid, event.at, "stopping")
        elif event.state is not None and self.since(event.uuid, "stopping") is None:
            if event.seconds is not None:
                self.enter(event.uuid, event.at - event.seconds, "create", event.title)
            self.enter(event.uuid, event.at, event.state, event.title)

    def enter(self, uuid: str, at: float, state: str, name: str | None = None) -> bool:
        """A server has this state from now on. Returns whether the state is new."""
        bar = self.bars.setdefault(uuid, Bar(name or uuid[:8]))
        self.now = max(self.now, at)
        if bar.states and bar.states[-1][1] == state:
            return False
        bar.states.append((at, state))
        return True

    def end(self, uuid: str, at: float) -> None:
        """The server is deleted."""
        if uuid in self.bars:
            self.bars[uuid].end = at
        self.now = max(self.now, at)

    def since(self, uuid: str, state: str) -> float | None:
        """The time when a server was first in this state. None if it never was."""
        states = self.bars[uuid].states if uuid in self.bars else []
        return next((begin for begin, each in states if each == state), None)

    @property
    def begin(self) -> float:
        """The time of the first server."""
        return min((bar.states[0][0] for bar in self.bars.values()), default=0.0)

    def table(self, width: int = 60) -> Table:
        """The timeline for a terminal."""
        begin, span = self.begin, max(self.now - self.begin, 0.001)
        table = Table(box=None, pad_edge=False, title=f"{span:.1f} s", title_justify="right")
        table.add_column("server")
        table.add_column("life", min_width=width)
        for bar in self.bars.values():
            line = Text()
            for state, start, end in bar.spans(self.now):
                cells = [round((moment - begin) / span * width) for moment in (start, end)]
                line.pad_right(cells[0] - len(line))
                line.append("█" * max(1, cells[1] - len(line)), style=COLOURS.get(state, "white"))
            table.add_row(bar.name, line)
        legend = Text("  ").join(Text(f"█ {state}", style=COLOURS[state]) for state in self._states())
        table.add_row("", legend)
        return table

    def svg(self) -> str:
        """The timeline as an SVG document."""
        height = TOP + ROW * (len(self.bars) + 1) + 10
        size = {"width": str(LEFT + WIDTH + 20), "height": str(height)}
        root = ET.Element("svg", {"xmlns": "http://www.w3.org/2000/svg", "font-family": "sans-serif", **size})
        ET.SubElement(root, "rect", {**size, "fill": "white"})
        scale = WIDTH / max(self.now - self.begin, 0.001)
        self._draw_axis(root, scale, height)
        for row, bar in enumerate(self.bars.values()):
            y = TOP + row * ROW
            _text(root, LEFT - 8, y + 14, bar.name, anchor="end")
            for state, start, end in bar.spans(self.now):
                x, width = LEFT + (start - self.begin) * scale, max(1.0, (end - start) * scale)
                place = {"x": f"{x:.1f}", "y": str(y), "width": f"{width:.1f}", "height": str(ROW - 8)}
                rect = ET.SubElement(root, "rect", {**place, "fill": COLOURS.get(state, "#cccccc")})
                ET.SubElement(rect, "title").text = f"{bar.name}: {state}, {end - start:.1f} s"
        self._draw_legend(root, TOP + len(self.bars) * ROW + 14)
        return ET.tostring(root, encoding="unicode")

    def _draw_axis(self, root: ET.Element, scale: float, height: int) -> None:
        span = WIDTH / scale
        step = next((each for each in (1, 2, 5, 10, 20, 60, 120, 300, 600) if span / each <= 10), 3600)
        for mark in range(0, int(span) + 1, step):
            x = f"{LEFT + mark * scale:.1f}"
            line = {"x1": x, "x2": x, "y1": str(TOP - 6), "y2": str(height - ROW - 6), "stroke": "#e4e7eb"}
            ET.SubElement(root, "line", line)
            _text(root, float(x), TOP - 12, f"{mark} s", anchor="middle")

    def _draw_legend(self, root: ET.Element, y: int) -> None:
        x = float(LEFT)
        for state in self._states():
            ET.SubElement(
                root, "rect", {"x": f"{x}", "y": f"{y - 10}", "width": "12", "height": "12", "fill": COLOURS[state]}
            )
            _text(root, x + 17, y, state)
            x += 40 + 8 * len(state)

    def _states(self) -> list[str]:
        seen = {state for bar in self.bars.values() for _, state in bar.states}
        return [state for state in COLOURS if state in seen]


def _text(root: ET.Element, x: float, y: float, text: str, *, anchor: str = "start") -> None:
    place = {"x": f"{x:.1f}", "y": f"{y:.1f}", "font-size": "12", "fill": "#323f4b", "text-anchor": anchor}
    ET.SubElement(root, "text", place).text = text
